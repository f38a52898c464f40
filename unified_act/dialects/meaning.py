"""Finds the meaning of an activation's name in a framework, in the table ``dialects.toml``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from unified_act.activation import Activation
from unified_act.errors import (
    ParameterValueError,
    UnifiedActError,
    UnknownActivationError,
    UnknownDialectError,
    UnknownParameterError,
    UnsupportedError,
    suggest,
)
from unified_act.literals import shown
from unified_act.names import normalize
from unified_act.parsing import INPUT
from unified_act.registry import ACTIVATIONS

__all__ = ["Cell", "Dialect", "Meaning", "find_dialect", "list_dialects", "resolve", "speaking"]

TABLE = Path(__file__).with_name("dialects.toml")

WHOLE = "it"
"""The key of `Cell.because` for the whole cell."""

ALSO = {
    "deepmdkit": "deepmd",
    "hf": "transformers",
    "litert": "tflite",
    "mmengine": "mmcv",
    "pytorch": "torch",
    "tf": "tensorflow",
    "tfkeras": "keras2",
    "tfl": "tflite",
}
"""Other names of dialects, normalized."""

MODULES = {
    "jnp.": "jax.numpy.",
    "tensorflow.keras.": "keras.",
    "tf.keras.": "keras.",
    "torch.nn.modules.activation.": "torch.nn.",
}
"""How else people write the modules in front of a spelling, with how the table writes them."""


@dataclass(frozen=True)
class Cell:
    """One meaning of a name in a dialect. ``dialects.toml`` describes the fields."""

    spellings: tuple[str, ...]
    canonical: str | None = None
    takes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    sets: Mapping[str, Any] = field(default_factory=dict)
    when: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    alone: str | None = None
    allows: Mapping[str, Any] = field(default_factory=dict)
    ignores: tuple[str, ...] = ()
    args: Mapping[str, str] = field(default_factory=dict)
    because: Mapping[str, str] = field(default_factory=dict)
    since: int = 0
    until: int | None = None
    kinks: tuple[tuple[float | str, float], ...] = ()
    wrong: str | None = None
    note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The last component of each spelling, without duplicates."""
        return tuple(dict.fromkeys(s.rpartition(".")[2] for s in self.spellings))

    @property
    def keys(self) -> tuple[str, ...]:
        """The framework's parameters that may be given."""
        return (*self.when, *self.takes, *self.allows, *self.ignores)

    @property
    def required(self) -> list[str]:
        """The framework's parameters without a default."""
        return [*self.needs, *(key for key, (_, *default) in self.takes.items() if not default)]

    def current(self, opset: int | None) -> bool:
        """Whether the opset has this meaning. None means that the dialect has no opsets."""
        return opset is None or self.since <= opset <= (self.until or opset)

    def fits(self, given: Mapping[str, Any], *, first: bool) -> bool:
        """Whether a call with these arguments has this meaning."""
        chosen = all(
            _same(given[key], value) if key in given else first and key not in self.needs
            for key, value in self.when.items()
        )
        return (
            chosen
            and all(key in given for key in self.required)
            and all(key in self.when or self._accepts(key, value) for key, value in given.items())
        )

    def _accepts(self, key: str, value: Any) -> bool:
        if key in self.ignores:
            return isinstance(value, bool)
        if key in self.takes:
            _, *default = self.takes[key]
            return value is not None or default == [None]
        return key in self.allows and _same(value, self.allows[key])

    def translate(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the parameters of `unified_act` for the arguments of the framework.

        Raises:
            UnsupportedError: Two arguments stand for one parameter and contradict each other.
        """
        ours = dict(self.sets)
        by: dict[str, str] = {}
        for key, (target, *default) in self.takes.items():
            value = given[key] if key in given else default[0]
            if value is None:
                continue  # our own default
            name = target.removeprefix("-")
            if name != target and not isinstance(value, str):
                value = -value
            if name in by and ours[name] != value:
                raise UnsupportedError(
                    f"{by[name]} and {key} must be opposite numbers, since both set {name}."
                )
            ours[name], by[name] = value, key
        return ours


FIELDS = {"spell", "is", *(f.name for f in fields(Cell))} - {"spellings", "canonical"}
"""What a cell of the table may have."""


@dataclass(frozen=True)
class Dialect:
    """The meanings of the names of activations in one framework.

    Attributes:
        name: The name that selects the dialect.
        title: A phrase that describes the dialect.
        version: The version of the framework that the table was made from.
        packages: The module for the first component of each spelling.
        strings: The framework's function that looks up an activation by a string.
        ended: Whether the framework is no longer developed.
        several: Whether its functions along an axis take several axes too.
        others: Functions of the framework that look like activations but are not.
        cells: All meanings.
        functions: Whether names that begin with a capital letter are functions too.
        opset: The selected opset of ONNX; None for all other dialects.
    """

    name: str
    title: str
    version: str
    cells: tuple[Cell, ...] = field(repr=False)
    packages: Mapping[str, str] = field(default_factory=dict, repr=False)
    strings: str | None = None
    ended: bool = False
    several: bool = False
    others: tuple[str, ...] = field(default=(), repr=False)
    functions: bool = False
    opset: int | None = None

    def __str__(self) -> str:
        return self.name if self.opset is None else f"{self.name}:{self.opset}"

    def path(self, spelling: str) -> str | None:
        """Returns the dotted path of the function or class, None for a bare name."""
        first, dot, rest = spelling.partition(".")
        return f"{self.packages[first]}.{rest}" if dot else None

    def called(self, name: str) -> dict[str, list[Cell]]:
        """Returns the possible meanings of `name`, by each exact name that it may stand for.

        The exact spelling takes precedence. If there is none, case and separators are ignored.
        """
        if name in self._by_name:
            return {name: self._by_name[name]}
        key = normalize(name)
        return {exact: cells for exact, cells in self._by_name.items() if normalize(exact) == key}

    def speaks(self, spelling: str) -> bool:
        """Whether something is written exactly like this, with a dot, in this framework."""
        return "." in spelling and spelling in self._by_name

    def arguments(
        self, name: str, cells: Sequence[Cell], given: Mapping[str, Any], positional: Sequence[Any]
    ) -> dict[str, Any]:
        """Returns all arguments of a call by their names.

        Args:
            name: The exact name.
            cells: Its meanings.
            given: The arguments that have names.
            positional: Those before them. The first argument of a function is its input.

        Raises:
            UnknownParameterError: There are too many, or the input is missing, or one too many.
            ParameterValueError: An argument is given twice.
        """
        if not positional:
            return dict(given)
        written = [s for s in cells[0].spellings if name in (s, s.rpartition(".")[2], self.path(s))]
        spelling = written[0] if written else name
        keys = order(spelling, cells)
        of_class = self.is_class(spelling)
        has_input = positional[0] is INPUT
        values = list(positional[1:] if has_input else positional)
        if has_input == of_class or len(values) > len(keys):
            last = spelling.rpartition(".")[2]
            example = ", ".join([*(() if of_class else ("x",)), *(f"{key}=…" for key in keys)])
            raise UnknownParameterError(
                f"cannot tell the arguments of {self}'s {name} apart: write {last}({example}), "
                f"{'without' if of_class else 'with'} the input, or all arguments by their names."
            )
        named = dict(zip(keys, values, strict=False))
        twice = named.keys() & given.keys()
        if twice:
            raise ParameterValueError(f"given twice: {', '.join(sorted(twice))}.")
        return named | dict(given)

    def is_class(self, spelling: str) -> bool:
        """Whether something is a class there: it is called without the input."""
        first = spelling.rpartition(".")[2][:1]
        return "." in spelling and first.isupper() and not self.functions

    @functools.cached_property
    def _by_name(self) -> dict[str, list[Cell]]:
        by_name: dict[str, list[Cell]] = {}
        for cell in self.cells:
            paths = [path for s in cell.spellings if (path := self.path(s))]
            for name in dict.fromkeys((*cell.names, *cell.spellings, *paths)):
                by_name.setdefault(name, []).append(cell)
            if cell.alone is not None:
                bare = replace(cell, spellings=(cell.alone,), when={}, needs=())
                by_name.setdefault(cell.alone, []).append(bare)
        return by_name


@dataclass(frozen=True)
class Meaning:
    """The meaning of a name in a dialect.

    Attributes:
        canonical: The name of the activation in `unified_act`.
        parameters: The parameters in `unified_act`. All others have their defaults.
        cell: The entry of the table.
        given: The arguments of the call, by their names in the dialect.
    """

    canonical: str
    parameters: Mapping[str, Any]
    cell: Cell = field(compare=False)
    given: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def bind(self, activation: Activation) -> dict[str, float | int]:
        """Returns every parameter of `activation`, the activation `canonical`, with its value.

        Raises:
            ParameterValueError: A value is out of range. The message uses the parameter's name in
                `unified_act`, and names that of the dialect.
        """
        try:
            return activation.bind(self.parameters)
        except ParameterValueError as error:
            renamed = [
                f"{theirs} is {target}"
                for theirs, (target, *_) in self.cell.takes.items()
                if theirs != target
            ]
            hint = f" ({', '.join(renamed)} here.)" if renamed else ""
            raise ParameterValueError(f"{error}{hint}") from None


def order(spelling: str, cells: Sequence[Cell]) -> list[str]:
    """Returns the parameters in the order in which the framework has them, without the input."""
    for cell in cells:
        if spelling in cell.args:
            return cell.args[spelling].split()
    return list(dict.fromkeys(key for cell in cells for key in cell.keys))


def list_dialects() -> list[str]:
    """Returns the names of all dialects, in alphabetical order.

    Examples:
        >>> import unified_act as ua
        >>> ua.list_dialects()[:5]
        ['caffe', 'coreml', 'darknet', 'deepmd', 'flax']
    """
    return sorted(table())


def find_dialect(name: str) -> Dialect:
    """Returns the dialect called `name`, in any spelling; ``"onnx:11"`` selects opset 11.

    Raises:
        UnknownDialectError: There is no such dialect.
    """
    if not isinstance(name, str):
        raise UnknownDialectError(
            f"a dialect is named by a string, such as 'torch', got {shown(name)}."
        )
    plain, colon, version = name.replace("@", ":").partition(":")
    key = ALSO.get(normalize(plain), normalize(plain))
    for dialect in table().values():
        if normalize(dialect.name) == key:
            return _at_opset(dialect, version.strip(), name) if colon else dialect
    raise UnknownDialectError(f"unknown dialect {shown(name)}. {suggest(plain.lower(), table())}")


def _at_opset(dialect: Dialect, opset: str, asked: str) -> Dialect:
    if dialect.opset is None:
        raise UnknownDialectError(
            f"{shown(asked)}: only onnx has versions; {dialect.name} is {dialect.version}. "
            f"Write {dialect.name!r}."
        )
    if not opset.isdecimal() or len(opset) > 9 or not 1 <= int(opset) <= dialect.opset:
        raise UnknownDialectError(
            f"{shown(asked)}: write an opset from 1 to {dialect.opset}, as in 'onnx:11'."
        )
    return replace(dialect, opset=int(opset))


def speaking(name: str) -> list[str]:
    """Returns the dialects in which something is written exactly so, such as ``"tf.nn.relu"``.

    A name without a dot belongs to none. What is still developed comes first.

    Examples:
        >>> speaking("torch.nn.LeakyReLU"), speaking("leaky_relu")
        (['torch'], [])
        >>> speaking("keras.layers.ReLU")
        ['keras_layers', 'keras2']
    """
    written = _module(name.strip())
    found = [dialect for dialect in table().values() if dialect.speaks(written)]
    return [dialect.name for dialect in sorted(found, key=lambda dialect: dialect.ended)]


def _module(name: str) -> str:
    """Returns a dotted name with the modules as the table has them."""
    for other, usual in MODULES.items():
        if name.startswith(other):
            return usual + name.removeprefix(other)
    return name


def resolve(
    name: str, given: Mapping[str, Any], dialect: str, positional: Sequence[Any] = ()
) -> Meaning:
    """Returns what `name`, called with the arguments `given`, means in a dialect.

    Args:
        name: The name as the framework spells it; case and separators may differ.
        given: The parameters by the names that the framework has for them.
        dialect: The name of the dialect.
        positional: The arguments without a name, as in `Description`.

    Raises:
        UnknownDialectError: There is no such dialect.
        UnknownActivationError: The framework has no activation of this name, or several different
            ones.
        UnknownParameterError: The activation has no such parameter in the framework.
        ParameterValueError: A required parameter is missing, or a value is not allowed.
        UnsupportedError: No activation of `unified_act` has this meaning. The message tells why.

    Examples:
        >>> meaning = resolve("leaky_relu", {"alpha": 0.5}, "tensorflow")
        >>> meaning.canonical, meaning.parameters
        ('leaky_relu', {'negative_slope': 0.5})
    """
    spoken = find_dialect(dialect)
    candidates = spoken.called(_module(name.strip()))
    if not candidates:
        raise _unknown(name, spoken)
    meanings, problems = [], []
    for exact, cells in candidates.items():
        try:
            named = spoken.arguments(exact, cells, given, positional)
            meanings.append(_meaning(exact, cells, named, spoken))
        except UnifiedActError as problem:
            problems.append(problem)
    if not meanings:
        raise problems[0]
    first, *others = meanings
    if any(other != first for other in others):
        raise UnknownActivationError(
            f"{name!r} may be {' or '.join(map(repr, candidates))} in {spoken}, which differ: "
            "write the name exactly as the framework does."
        )
    return first


def _unknown(name: str, spoken: Dialect) -> UnknownActivationError:
    known = {known for cell in spoken.cells for known in cell.names}
    ours = [a.name for a in ACTIVATIONS if normalize(name) in map(normalize, (a.name, *a.aliases))]
    hint = f"Without dialect= it is our {ours[0]}." if ours else suggest(name, known)
    others = speaking(name)
    if others:
        hint = f"This is how {others[0]} writes it: leave out dialect=."
    return UnknownActivationError(f"{spoken} has no activation {shown(name)}. {hint}")


def _meaning(
    name: str, cells: Sequence[Cell], given: Mapping[str, Any], spoken: Dialect
) -> Meaning:
    current = [cell for cell in cells if cell.current(spoken.opset)]
    if not current:
        first = min(cell.since for cell in cells)
        raise UnknownActivationError(f"{spoken} has no {name!r}: it came with opset {first}.")
    for cell in current:
        if cell.canonical is None and (not cell.when or cell.fits(given, first=cell is current[0])):
            raise UnsupportedError(
                f"{spoken}'s {name} cannot be translated: {cell.because[WHOLE]}."
            )
        if cell.canonical is not None and cell.fits(given, first=cell is current[0]):
            ours = cell.translate(given)
            if not spoken.several and any(isinstance(v, (tuple, list)) for v in ours.values()):
                raise UnsupportedError(
                    f"{spoken}'s {name} takes one axis. Our {cell.canonical} takes several: leave "
                    "out dialect=, and write axis=(…)."
                )
            return Meaning(cell.canonical, ours, cell, given)
    raise _misfit(f"{spoken}'s {name}", name, current, given)


def _misfit(
    subject: str, name: str, cells: Sequence[Cell], given: Mapping[str, Any]
) -> UnknownParameterError | ParameterValueError | UnsupportedError:
    """Returns the error for arguments that fit no meaning, checking likely mistakes first."""
    settable = {key for cell in cells for key in cell.keys}
    reasons = {key: reason for cell in cells for key, reason in cell.because.items()}
    for key in given:
        if key not in settable and key not in reasons:
            hint = suggest(key, settable) if settable else "It takes none."
            return UnknownParameterError(f"{subject} has no parameter {shown(key)}. {hint}")
    for key, value in given.items():
        if any(key in cell.ignores for cell in cells) and not isinstance(value, bool):
            return ParameterValueError(
                f"{subject}: {key} must be True or False, got {shown(value)}."
            )
        choices = [cell.when[key] for cell in cells if key in cell.when]
        closed = not any(key in cell.takes for cell in cells)
        if choices and closed and not any(_same(value, choice) for choice in choices):
            wanted = " or ".join(map(repr, dict.fromkeys(choices)))
            return ParameterValueError(f"{subject}: {key} must be {wanted}, got {shown(value)}.")
    missing = [key for key in cells[0].required if all(key in c.required for c in cells)]
    missing = [key for key in missing if key not in given]
    if missing:
        verb = "has" if len(missing) == 1 else "have"
        reason = reasons.get(missing[0])
        why = f": {reason}" if reason else f", which {verb} no default there"
        return ParameterValueError(f"{subject} needs {' and '.join(missing)}{why}.")
    call = f"{name}({', '.join(f'{key}={shown(value)}' for key, value in given.items())})"
    for key in given:
        if key in reasons:
            return UnsupportedError(f"{subject}: {call} cannot be translated: {reasons[key]}.")
    known = dict.fromkeys(f"{name}({', '.join([*cell.when, *cell.takes])})" for cell in cells)
    return UnsupportedError(
        f"{subject}: no single activation is {call}. What can be translated: {', '.join(known)}."
    )


def _same(given: Any, wanted: Any) -> bool:
    """Whether both are equal and of one type: True is not 1, and None equals only None."""
    if wanted is None or isinstance(wanted, (bool, str)):
        return given is wanted or (type(given) is type(wanted) and given == wanted)
    return isinstance(given, (int, float)) and not isinstance(given, bool) and given == wanted


@functools.cache
def table() -> dict[str, Dialect]:
    """Returns all dialects by name. The file is read on the first use."""
    document = _document()
    notes = document["notes"]
    return {
        name: _dialect(name, entry, notes)
        for name, entry in document.items()
        if isinstance(entry, dict) and "cells" in entry
    }


def same() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yields ``(name, other, parameters)``: `name` equals `other` with these parameters.

    If the value of a parameter is a string, it names the parameter of `name` to take it from.
    """
    for entry in _document()["same"]:
        yield entry["name"], entry["as"], entry["with"]


@functools.cache
def named_apart() -> dict[str, str]:
    """Returns why a name, normalized, is none of ours though people use it: they mean several."""
    return {normalize(name): reason for name, reason in _document()["apart"].items()}


@functools.cache
def _document() -> dict[str, Any]:
    text = TABLE.read_text(encoding="utf-8")
    return {key: _with_none(value) for key, value in tomllib.loads(text).items()}


def _with_none(value: Any) -> Any:
    """Replaces the string "None" by None, which TOML cannot express."""
    if isinstance(value, dict):
        return {key: _with_none(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_none(item) for item in value]
    return None if value == "None" else value


def _dialect(name: str, entry: dict[str, Any], notes: Mapping[str, str]) -> Dialect:
    known = dict(entry)
    allows, because = known.pop("allows", {}), known.pop("because", {})
    ignores = tuple(known.pop("ignores", ()))
    packages = known.get("packages", {})
    for cell in known["cells"]:
        mistake = _mistake(cell, packages, notes)
        if mistake:
            raise ValueError(f"{TABLE}, dialect {name}: {mistake} The cell is {cell}")
    cells = tuple(_cell(cell, allows, ignores, because, notes) for cell in known.pop("cells"))
    return Dialect(name=name, cells=cells, others=tuple(known.pop("others", ())), **known)


def _mistake(
    entry: Mapping[str, Any], packages: Mapping[str, str], notes: Mapping[str, str]
) -> str:
    """What is wrong with a cell as it is written, in words; empty if nothing is."""
    for key in entry:
        if key not in FIELDS:
            return f"a cell has no field {key!r}. {suggest(key, FIELDS)}"
    if "spell" not in entry:
        return "the field `spell` is missing."
    if "is" not in entry and WHOLE not in entry.get("because", {}):
        return (
            f"the field `is` is missing; `because` must then say under `{WHOLE}` why we have none."
        )
    if "note" in entry and entry["note"] not in notes:
        return f"the table `notes` has no {entry['note']!r}. {suggest(entry['note'], notes)}"
    for spelling in entry["spell"].split():
        first, dot, _ = spelling.partition(".")
        if dot and first not in packages:
            return f"`packages` does not say which module {first!r} in {spelling!r} stands for."
    return ""


def _cell(
    entry: dict[str, Any],
    allows: Mapping[str, Any],
    ignores: tuple[str, ...],
    because: Mapping[str, str],
    notes: Mapping[str, str],
) -> Cell:
    known = dict(entry)
    return Cell(
        spellings=tuple(known.pop("spell").split()),
        canonical=known.pop("is", None),
        needs=tuple(known.pop("needs", ())),
        allows={**known.pop("allows", {}), **allows},
        ignores=(*known.pop("ignores", ()), *ignores),
        because={**because, **known.pop("because", {})},
        kinks=tuple((at, derivative) for at, derivative in known.pop("kinks", ())),
        note=notes[known.pop("note")] if "note" in known else "",
        **known,
    )
