"""What each framework has: functions of one input, with what they mean, from the dialects."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import unified_act as ua
from unified_act.dialects import Cell, Dialect, find_dialect
from unified_act.dialects.translation import call, defaults
from unified_act.loading import load_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.scoreboard.frameworks import Framework
from unified_act_conformance.subject import Subject
from unified_act_conformance.truth import RECORDS

__all__ = ["Symbol", "function_of", "symbols_of"]


@dataclass(frozen=True)
class Symbol:
    """A function of a framework.

    Attributes:
        spelling: How the framework writes it.
        arguments: What it is called with besides its input.
        subject: What it should compute.
    """

    spelling: str
    arguments: tuple[tuple[str, Any], ...]
    subject: Subject

    def __str__(self) -> str:
        """The call, without the input."""
        return call(self.spelling, dict(self.arguments))


def symbols_of(framework: Framework, activations: Sequence[str] = ()) -> list[Symbol]:
    """Returns what a framework should have, without importing it.

    Args:
        framework: The framework.
        activations: Canonical names; all if there are none.
    """
    found = _from_dialect(framework) if framework.dialect else _ours()
    return [s for s in found if not activations or s.subject.activation in activations]


def _ours() -> Iterator[Symbol]:
    for name in _elementwise():
        subject = _subject(name, _example(name))
        yield Symbol(name, subject.parameters, subject)


def _from_dialect(framework: Framework) -> Iterator[Symbol]:
    dialect, known = find_dialect(framework.dialect), _elementwise()
    seen: set[tuple[str, str]] = set()
    for cell in dialect.cells:
        if cell.canonical not in known or not cell.current(dialect.opset):
            continue
        given = _arguments(cell)
        subject = _subject(cell.canonical, cell.translate(given))
        for spelling in _functions(framework, dialect, cell):
            if (spelling, cell.canonical) not in seen:
                seen.add((spelling, cell.canonical))
                yield Symbol(spelling, tuple(given.items()), subject)


def _functions(framework: Framework, dialect: Dialect, cell: Cell) -> Sequence[str]:
    """The first spelling that is a function, or all bare names that are looked up."""
    if framework.strings:
        return [s for s in cell.spellings if not s[0].isupper()]
    if not dialect.packages:
        return cell.spellings[:1]
    return [s for s in cell.spellings if not dialect.is_class(s)][:1]


def _arguments(cell: Cell) -> dict[str, Any]:
    """The arguments that choose a meaning, and a value for each that has no default there."""
    given, ours = dict(cell.when), _example(str(cell.canonical))
    for key in cell.required:
        if key not in given:
            target = cell.takes[key][0]
            value = ours[target.removeprefix("-")]
            given[key] = -value if target.startswith("-") else value
    return given


def _elementwise() -> list[str]:
    return [name for name, record in RECORDS.items() if record.formula is not None]


def _subject(name: str, parameters: Mapping[str, Any]) -> Subject:
    """An activation; parameters that are the defaults are left out."""
    known = defaults(name)
    bound = ACTIVATIONS.find(name).bind(dict(parameters))
    return Subject(name, tuple((k, v) for k, v in bound.items() if known.get(k) != v))


def _example(name: str) -> Mapping[str, Any]:
    """The defaults of an activation; what has none is as the suite judges it first."""
    variants = RECORDS[name].variants
    known = defaults(name)
    missing = variants[0] if variants else {}
    return {**{k: v for k, v in missing.items() if k not in known}, **known}


def function_of(framework: Framework, symbol: Symbol) -> Callable[..., Any]:
    """Returns the function itself, importing the framework.

    Args:
        framework: The framework, not ONNX Runtime.
        symbol: The symbol.

    Raises:
        LookupError: The installed version does not have it.
    """
    load_backend(framework.backend)  # MXNet cannot be imported before that
    if framework.numerics:
        return ua.get_activation(
            symbol.spelling,
            backend=framework.backend,
            numerics=framework.numerics,
            **dict(symbol.arguments),
        )
    for package in framework.bare:
        if package not in sys.modules and (spec := importlib.util.find_spec(package)):
            sys.modules[package] = importlib.util.module_from_spec(spec)
    path = find_dialect(framework.dialect).path(symbol.spelling)
    try:
        if path is None:
            found = pkgutil.resolve_name(framework.strings)(symbol.spelling)
        else:
            found = pkgutil.resolve_name(path)
    except (AttributeError, KeyError) as error:
        raise LookupError(f"{framework.title} has no {symbol.spelling}") from error
    if found is None:
        raise LookupError(f"{framework.title} has no {symbol.spelling}")
    arguments = dict(symbol.arguments)
    return partial(found, **arguments) if arguments else found
