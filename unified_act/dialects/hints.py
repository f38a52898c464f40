"""What an error says about the framework whose name or parameter somebody used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from unified_act.dialects.meaning import Cell, Dialect, Meaning, resolve, table
from unified_act.dialects.meaning import named_apart as apart
from unified_act.dialects.translation import call
from unified_act.errors import UnifiedActError
from unified_act.names import normalize
from unified_act.registry import ACTIVATIONS

__all__ = ["about_name", "about_parameters"]

_MOST = 3
"""A message names as many dialects and as many meanings."""


def about_name(name: str, given: Mapping[str, Any]) -> str:
    """Returns a sentence about an unknown name that some dialects have; empty if none has it.

    Examples:
        >>> about_name("softrelu6", {})
        ''
        >>> about_name("leaky", {})
        "Pass dialect='mxnet' to read it as leaky_relu(negative_slope=0.25), or dialect='darknet' \
to read it as leaky_relu(negative_slope=0.1)."
    """
    if normalize(name) in apart():
        return f"{apart()[normalize(name)]}."
    return _readings(name, given) or _refusal(name, given)


def about_parameters(name: str, given: Mapping[str, Any], unknown: str, besides: str = "") -> str:
    """Returns a sentence about the dialects in which an activation has a parameter.

    Args:
        name: The name of the activation.
        given: All arguments of the call.
        unknown: The argument that the activation does not have.
        besides: The dialect that was asked for, which is left out.

    Examples:
        >>> about_parameters("softmax", {"dim": 1}, "dim")
        "Pass dialect='torch' to read it as softmax(axis=1)."
    """
    ours = [a for a in ACTIVATIONS if normalize(name) in map(normalize, (a.name, *a.aliases))]
    if besides and ours and all(map(ours[0].has_parameter, given)):
        return f"Without dialect= it is a parameter of our {ours[0].name}."
    return _readings(name, given, besides) or _reason(name, unknown, besides)


def _readings(name: str, given: Mapping[str, Any], besides: str = "") -> str:
    found: dict[str, list[str]] = {}
    for dialect in table().values():
        meaning = None if dialect.name == besides else _meaning(name, given, dialect)
        if meaning is not None:
            text = call(meaning.canonical, meaning.parameters)
            found.setdefault(text, []).append(dialect.name)
    told = [
        f"dialect={where[0]!r}{_also(where[1 : _MOST + 1])} to read it as {text}"
        for text, where in found.items()
    ]
    return f"Pass {', or '.join(told[:_MOST])}." if told else ""


def _also(others: list[str]) -> str:
    return f" (or {', '.join(map(repr, others))})" if others else ""


def _meaning(name: str, given: Mapping[str, Any], dialect: Dialect) -> Meaning | None:
    """Returns what a call means in a dialect, None if it means nothing there."""
    try:
        meaning = resolve(name, given, dialect.name)
        meaning.bind(ACTIVATIONS.find(meaning.canonical))
    except UnifiedActError:
        return None
    return meaning


def _refusal(name: str, given: Mapping[str, Any]) -> str:
    """Says why a name of a dialect means nothing as it was given."""
    for dialect in table().values():
        if dialect.called(name):
            try:
                resolve(name, given, dialect.name)
            except UnifiedActError as error:
                return f"It is a name in dialect={dialect.name!r}, but {error}"
    return ""


def _reason(name: str, unknown: str, besides: str) -> str:
    """Says what a parameter is in the first dialect that has it, if the call fits none."""
    for dialect, cell in _cells(name, besides):
        if unknown in cell.because:
            return f"It is a parameter in dialect={dialect.name!r}: {cell.because[unknown]}."
        if unknown in cell.takes:
            target = cell.takes[unknown][0]
            ours = f"minus our {target[1:]}" if target.startswith("-") else f"our {target}"
            return f"In dialect={dialect.name!r} it is {ours} of {cell.canonical}."
    return ""


def _cells(name: str, besides: str) -> Iterator[tuple[Dialect, Cell]]:
    for dialect in table().values():
        if dialect.name != besides:
            for cells in dialect.called(name).values():
                yield from ((dialect, cell) for cell in cells)
