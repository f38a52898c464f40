"""What something in a model is: one of ours, one of its framework, or found by its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from unified_act.callables import ActivationFunction
from unified_act.dialects import resolve
from unified_act.dialects.translation import call
from unified_act.errors import UnifiedActError, UnsupportedError
from unified_act.hydra import HydraFunction
from unified_act.layers import LayerSpec
from unified_act.registry import ACTIVATIONS
from unified_act.replacement.report import FoundActivation

__all__ = [
    "Meaning",
    "Unknowns",
    "change_of",
    "function_in",
    "meaning_of",
    "sharing_notes",
    "translated",
]


@dataclass(frozen=True)
class Meaning:
    """What something in a model is.

    Attributes:
        text: For the reader.
        name: Our name; None if none of ours means this.
        parameters: Our parameters.
        arguments: What it is called with after the input.
        notes: What a replacement will change, or why there is no name.
    """

    text: str
    name: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def function_in(thing: object) -> ActivationFunction | None:
    """Returns the function of ours that an object is, or that Hydra has made it of."""
    if isinstance(thing, HydraFunction):
        return thing.function
    return thing if isinstance(thing, ActivationFunction) else None


def written(function: ActivationFunction) -> str:
    """Returns the call that makes a function of ours, without the backend."""
    profile = {"numerics": "strict"} if function.numerics == "strict" else {}
    return call(function.name, {**function.parameters, **profile})


def meaning_of(function: ActivationFunction, *, is_layer: bool) -> Meaning:
    """Returns what a function of ours is, on its own or as a layer that holds its weights."""
    activation = ACTIVATIONS.find(function.name, function.plugin)
    further = activation.inputs_for(function.parameters)[1:]
    return Meaning(
        written(function),
        function.name,
        function.parameters,
        arguments=() if is_layer and activation.weights else further,
    )


def translated(spelling: str, given: Mapping[str, Any], dialect: str, *, is_layer: bool) -> Meaning:
    """Returns what a framework means by one of its spellings with these arguments."""
    try:
        meaning = resolve(spelling, given, dialect)
        activation = ACTIVATIONS.find(meaning.canonical)
        parameters = meaning.bind(activation)
    except UnifiedActError as error:
        return Meaning(call(spelling, given), notes=(str(error),))
    return Meaning(
        call(activation.name, parameters),
        activation.name,
        parameters,
        arguments=() if is_layer else activation.weights,
        notes=("no longer in place",) if given.get("inplace") else (),
    )


class Unknowns:
    """Finds out by calls what unknown objects of a model compute, each kind of them once.

    Attributes:
        notes: About what could not be asked.
    """

    def __init__(self, backend: str) -> None:
        """Begins with none.

        Args:
            backend: The framework of the model.
        """
        self.notes: list[str] = []
        self._backend = backend
        self._found: dict[Any, Meaning | None] = {}

    def meaning(
        self, kind: Any, label: str, prepare: Callable[[], Callable[..., Any] | None]
    ) -> Meaning | None:
        """Returns what an object is by its values; None if it is no activation.

        Args:
            kind: The same for objects that compute the same.
            label: What the reader knows it by.
            prepare: Returns a function to call; None if it does not act on single elements, which
                `identify` would find out slowly. It may raise whatever the object does.
        """
        if kind not in self._found:
            self._found[kind] = self._ask(label, prepare)
        return self._found[kind]

    def _ask(self, label: str, prepare: Callable[[], Callable[..., Any] | None]) -> Meaning | None:
        try:
            function = prepare()
            return None if function is None else _by_values(function, self._backend, label)
        except UnsupportedError as error:  # the conformance suite is not installed
            self.notes.append(f"not looked at: {label}. {error}")
        except Exception:  # whatever the object says to what it does not take
            return None
        return None


def _by_values(function: Callable[[Any], Any], backend: str, label: str) -> Meaning | None:
    from unified_act.api import identify

    found = identify(function, backend=backend)
    if not found.known:
        return None
    activation = ACTIVATIONS.find(found.match.activation)
    given = dict(found.match.parameters)
    weights = [key for key in given if not activation.has_parameter(key)]
    parameters = given if weights else activation.bind(given)
    notes = [f"found by its values, as {label}"]
    if found.verdict == "wrong gradient":
        notes.append("its gradient was another one")
    text = call(activation.name, parameters)
    return Meaning(text, activation.name, parameters, notes=tuple(notes))


def change_of(path: str, meaning: Meaning, new: LayerSpec | None) -> FoundActivation:
    """Returns what happens at a place: what stands there now, or why it stays.

    Args:
        path: The place.
        meaning: What stands there.
        new: What is asked for in its place; None if it is to stay.
    """
    if new is None:
        notes = meaning.notes if meaning.name is None else ()
        return FoundActivation(path, meaning.text, notes=notes)
    arguments = () if new.initial else new.activation.inputs_for(new.function.parameters)[1:]
    if meaning.arguments != arguments:
        called, wanted = (", ".join(("x", *names)) for names in (meaning.arguments, arguments))
        problem = f"it is called with {called}, and {new.function.name} takes {wanted}"
        return FoundActivation(path, meaning.text, notes=(problem,))
    return FoundActivation(path, meaning.text, written(new.function))


def sharing_notes(
    changes: Sequence[FoundActivation], olds: Sequence[object], news: Sequence[object]
) -> list[FoundActivation]:
    """Returns the changes with notes about modules that stood in several places.

    Args:
        changes: The change at each place.
        olds: The same for places that held one module; None for what was no module.
        news: The same for places that hold one module now.
    """
    told = []
    for place, change in enumerate(changes):
        others = [
            other
            for other, old in enumerate(olds)
            if other != place and old is not None and old == olds[place]
        ]
        if change.now is None or not others:
            told.append(change)
            continue
        same = [other for other in others if news[other] == news[place]]
        text = ", ".join(changes[other].path for other in (same or others)[:3])
        text += ", …" if len(same or others) > 3 else ""
        note = f"one module, also in {text}" if same else f"was one module with {text}"
        told.append(replace(change, notes=(*change.notes, note)))
    return told
