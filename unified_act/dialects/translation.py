"""How an activation is written in a dialect, and what differs there from ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from unified_act.activation import Activation
from unified_act.dialects.meaning import Cell, Dialect, Meaning, same
from unified_act.errors import UnknownActivationError
from unified_act.literals import shown
from unified_act.names import normalize
from unified_act.registry import ACTIVATIONS

__all__ = ["Symbol", "Written", "call", "defaults", "differences", "explain", "kinks", "write"]


class Symbol(str):
    """A parameter without a value, named in the text of a call."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def call(name: str, arguments: Mapping[str, Any]) -> str:
    """Returns the text of a call, without the input.

    Examples:
        >>> call("elu", {"alpha": 0.5}), call("relu", {})
        ('elu(alpha=0.5)', 'relu')
    """
    listed = ", ".join(f"{key}={shown(value)}" for key, value in arguments.items())
    return f"{name}({listed})" if listed else name


def explain(name: str, meaning: Meaning, dialect: Dialect) -> list[str]:
    """Returns the lines of `describe` about what `name` means in a dialect."""
    cell = meaning.cell
    version = f"opset {dialect.opset}" if dialect.opset is not None else dialect.version
    ours = call(meaning.canonical, meaning.parameters)
    facts = [
        ("written", ", ".join(cell.spellings)),
        ("chosen by", ", ".join(f"{key} = {value!r}" for key, value in cell.when.items())),
        *(("parameters", text) for text in _parameters(cell)),
        *(("at kinks", text) for text in _kinks(meaning)),
        ("ignored", ", ".join(cell.ignores)),
        ("but", cell.note),
    ]
    lines = [f"{name.strip()} in {dialect.name} {version} is {ours}"]
    return lines + [f"  {label:<12} {text}" for label, text in facts if text]


def differences(meaning: Meaning) -> list[str]:
    """Returns where the meaning of a name in a dialect is not what our name means."""
    cell = meaning.cell
    stated = [text for text in _parameters(cell) if "default" in text]
    return [*stated, *_kinks(meaning), *([cell.note] if cell.note else [])]


def _parameters(cell: Cell) -> Iterator[str]:
    ours = defaults(cell.canonical)
    for key, (target, *default) in cell.takes.items():
        name = target.removeprefix("-")
        shown = f"{key} = {default[0]!r}" if default else key
        text = f"{shown}: {'our' if target == name else 'minus our'} {name}"
        if name in ours and default != [None]:
            value = ours[name] if target == name else -ours[name]
            text += f", by default {value!r}" if [value] != default else ""
        yield text
    for name, value in cell.sets.items():
        if name in ours and ours[name] != value:
            yield f"our {name} = {value!r}, by default {ours[name]!r}"


def _kinks(meaning: Meaning) -> Iterator[str]:
    ours = _own_kinks(meaning)
    for at, derivative in stated_kinks(meaning).items():
        text = f"f′({_shown(at)}) = {_shown(derivative)} there"
        yield f"{text}; ours is {_shown(ours[at])}" if at in ours else text


def kinks(meaning: Meaning) -> dict[str, str]:
    """Returns the derivatives at the kinks of what a name means in a dialect, as texts."""
    merged = _own_kinks(meaning) | stated_kinks(meaning)
    return {_shown(at): _shown(derivative) for at, derivative in merged.items()}


def _own_kinks(meaning: Meaning) -> dict[Any, Any]:
    activation = _found(meaning.canonical)
    if activation is None:
        return {}
    values = {**defaults(meaning.canonical), **meaning.parameters}
    try:
        return {kink.at: kink.derivative for kink in activation.kinks(**values)}
    except TypeError:  # where a kink is cannot be computed from a Symbol
        return {}


def stated_kinks(meaning: Meaning) -> dict[Any, Any]:
    """Returns the derivatives at kinks that the table has for a meaning, by their place."""
    return {_place(at, meaning): derivative for at, derivative in meaning.cell.kinks}


def _place(at: float | str, meaning: Meaning) -> Any:
    if not isinstance(at, str):
        return at
    target = meaning.cell.takes[at.removeprefix("-")][0]
    value = meaning.parameters[target]
    return -value if at.startswith("-") and not isinstance(value, str) else value


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, str) else f"{value:.6g}"


@dataclass(frozen=True)
class Written:
    """How an activation is written in a dialect.

    Attributes:
        spelling: What is called.
        arguments: With which arguments, beside its input.
        meaning: What the call means there.
    """

    spelling: str
    arguments: Mapping[str, Any]
    meaning: Meaning

    @property
    def text(self) -> str:
        """The call, without its input."""
        return call(self.spelling, self.arguments)


def write(name: str, parameters: Mapping[str, Any], dialect: Dialect) -> Written | None:
    """Returns how an activation is written in a dialect, with every parameter.

    Args:
        name: Canonical name.
        parameters: Ours; those not given have our default. A `Symbol` stands for any value.
        dialect: In which dialect.

    Returns:
        The call; None where the dialect cannot express the activation in one call.

    Examples:
        >>> from unified_act.dialects import find_dialect
        >>> write("leaky_relu", {"negative_slope": 0.3}, find_dialect("tensorflow")).text
        'tf.nn.leaky_relu(alpha=0.3)'
        >>> write("quick_gelu", {}, find_dialect("tensorflow")).text
        'tf.nn.silu(beta=1.702)'
    """
    complete = {**defaults(name), **parameters}
    if not dialect.several and any(isinstance(value, tuple) for value in complete.values()):
        return None
    for cell in sorted(dialect.cells, key=lambda cell: not _is_called(cell, name)):
        if cell.canonical == name and cell.wrong is None and cell.current(dialect.opset):
            arguments = _arguments(cell, complete)
            if arguments is not None:
                return Written(cell.spellings[0], arguments, Meaning(name, complete, cell))
    for first, other, others in same():
        if first == name and all(v in complete for v in others.values() if isinstance(v, str)):
            given = {k: complete[v] if isinstance(v, str) else v for k, v in others.items()}
            written = write(other, given, dialect)
            if written is not None:
                return written
    return None


def _is_called(cell: Cell, name: str) -> bool:
    return normalize(name) in map(normalize, cell.names)


def _arguments(cell: Cell, ours: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the arguments that make `cell` mean exactly `ours`, None where none do."""
    if any(name not in ours for name in cell.sets):
        return None  # it has one value of a parameter that may have any
    arguments = dict(cell.when)
    reached = dict(defaults(cell.canonical)) | dict(cell.sets)
    for key, (target, *_) in cell.takes.items():
        name = target.removeprefix("-")
        if name not in ours:
            return None
        arguments[key] = (
            ours[name] if target == name or isinstance(ours[name], Symbol) else -ours[name]
        )
        reached[name] = ours[name]
    return arguments if reached == {**reached, **ours} else None


def defaults(name: str | None) -> dict[str, Any]:
    """Returns the defaults of an activation by parameter, of those that have one."""
    activation = _found(name)
    parameters = () if activation is None else activation.parameters
    return {p.name: p.default for p in parameters if p.default is not None}


def _found(name: str | None) -> Activation | None:
    try:
        return None if name is None else ACTIVATIONS.find(name)
    except UnknownActivationError:
        return None
