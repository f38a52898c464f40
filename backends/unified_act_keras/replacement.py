"""Clones a Keras model with other activations in the place of its own."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from unified_act.dialects.translation import call
from unified_act.errors import InputTypeError, UnifiedActError, UnsupportedError
from unified_act.layers import LayerSpec
from unified_act.replacement import (
    FoundActivation,
    Meaning,
    ReplacementReport,
    Request,
    Unknowns,
    change_of,
    function_in,
    meaning_of,
)
from unified_act.request import understand
from unified_act_keras.layers import make_layer

__all__ = ["replace_activations"]

_LAYERS = ("Activation", "ELU", "Identity", "LeakyReLU", "PReLU", "ReLU", "Softmax")
"""Keras's layers that are an activation."""


@dataclass(frozen=True)
class _Place:
    """Where an activation is held.

    Attributes:
        path: Of the activation.
        layer: The layer that it is, or that holds it.
        key: The argument of the layer that it is; empty for the layer itself.
        held: The activation.
        meaning: What it is.
    """

    path: str
    layer: Any
    key: str
    held: Any
    meaning: Meaning


def replace_activations(model: Any, request: Request) -> ReplacementReport:
    """Returns a clone of `model` in the report, for `unified_act.replace_activations`."""
    if not isinstance(model, keras.Model):
        raise InputTypeError(
            f"expected a keras.Model, got {type(model).__name__}: replace one layer by get_layer."
        )
    if not _is_graph(model):
        raise UnsupportedError(
            f"{type(model).__name__} is a model with a call() of its own, which Keras cannot clone "
            "with other layers: build it anew with get_layer. Functional and sequential models can "
            "be changed."
        )
    unknowns = Unknowns(keras.config.backend())
    places = list(_places(model, "", request, unknowns))
    changes = [_change(place, request.new_for(place.meaning, place.held)) for place in places]
    news = {
        id(place.layer): request.new_for(place.meaning, place.held)
        for place, change in zip(places, changes, strict=True)
        if change.now is not None and not place.key
    }
    arguments: dict[int, dict[str, Any]] = {}
    for place, change in zip(places, changes, strict=True):
        new = request.new_for(place.meaning, place.held)
        if change.now is not None and place.key and new is not None:
            arguments.setdefault(id(place.layer), {})[place.key] = new.function
    cloning = _Cloning(news, arguments, request)
    whole = cloning.clone(model)
    changes = [
        change if place.key else cloning.told(change, place.layer)
        for place, change in zip(places, changes, strict=True)
    ]
    notes = [*unknowns.notes, "a new model, with the weights of the old one: the report's model"]
    if model.compiled:
        notes.append("call compile() on it")
    return ReplacementReport(whole, tuple(changes), tuple(notes))


def _is_graph(thing: Any) -> bool:
    return isinstance(thing, (keras.Sequential, _functional()))


@functools.cache
def _functional() -> type:
    """The class of functional models, which Keras does not export."""
    x = keras.Input((1,))
    return type(keras.Model(x, x))


class _Cloning:
    """One clone of a model, with what is to be put in the place of what."""

    def __init__(
        self,
        news: Mapping[int, LayerSpec | None],
        arguments: Mapping[int, Mapping[str, Any]],
        request: Request,
    ) -> None:
        self._news = news
        self._arguments = arguments
        self._request = request
        self._pairs: list[tuple[Any, Any]] = []
        self._made: dict[int, list[Any]] = {}
        self._old: dict[int, Any] = {}
        self._calls: dict[int, int] = {}

    def clone(self, model: Any) -> Any:
        """Returns the model with other layers, and with the weights of the old one."""
        more = {} if isinstance(model, keras.Sequential) else {"call_function": self._call}
        whole = keras.models.clone_model(model, clone_function=self._layer, recursive=True, **more)
        for old, new in self._pairs:
            if old.weights:
                new.set_weights(old.get_weights())
        return whole

    def told(self, change: FoundActivation, layer: Any) -> FoundActivation:
        """Returns the change with a note about a layer that was called several times."""
        calls = self._calls.get(id(layer), 1)
        if change.now is None or calls < 2:
            return change
        made = len(self._made[id(layer)])
        note = f"{made} layers" if made > 1 else "one layer"
        return replace(
            change, notes=(*change.notes, f"{note} for one that is called {calls} times")
        )

    def _layer(self, layer: Any) -> Any:
        new = self._news.get(id(layer))
        if new is not None:
            made = self._make(layer, new, layer.name)
            self._old[id(made)] = layer
            return made
        config = {**layer.get_config(), **self._arguments.get(id(layer), {})}
        copied = type(layer).from_config(config)
        self._pairs.append((layer, copied))
        return copied

    def _make(self, layer: Any, new: LayerSpec, name: str) -> Any:
        made = make_layer(new, {"name": name, "dtype": layer.dtype_policy})
        self._made.setdefault(id(layer), []).append(made)
        return made

    def _call(self, layer: Any, *inputs: Any, **keywords: Any) -> Any:
        """Calls a layer of the clone; one that is to be separate is another one each time."""
        old = self._old.get(id(layer))
        if old is not None:
            count = self._calls[id(old)] = self._calls.get(id(old), 0) + 1
            spec = self._news[id(old)]
            if count > 1 and spec is not None and self._is_separate(old):
                layer = self._make(old, spec, f"{old.name}_{count - 1}")
            # What the old layer may be called with, the new one may not know.
            keywords = {key: value for key, value in keywords.items() if value is not None}
        return layer(*inputs, **keywords)

    def _is_separate(self, old: Any) -> bool:
        sharing = self._request.sharing
        return sharing == "separate" or (sharing is None and not old.weights)


def _places(model: Any, path: str, request: Request, unknowns: Unknowns) -> Iterator[_Place]:
    """Yields the places of all activations, in the order of the layers."""
    for layer in model.layers:
        where = f"{path}{layer.name}"
        if _is_graph(layer):
            yield from _places(layer, f"{where}.", request, unknowns)
            continue
        meaning = _of_layer(layer, unknowns)
        if meaning is not None:
            if not request.ignores(meaning, layer):
                yield _Place(where, layer, "", layer, meaning)
            continue
        for key, value in layer.get_config().items() if _has_functions(layer) else ():
            held = getattr(layer, key, None)
            if key.endswith("activation") and value is not None and callable(held):
                meaning = _of_function(held, unknowns)
                if meaning is not None and meaning.name != "identity":  # the usual one
                    yield _Place(f"{where}.{key}", layer, key, held, meaning)


def _has_functions(layer: Any) -> bool:
    return any("activation" in name for name in vars(layer))


def _of_layer(layer: Any, unknowns: Unknowns) -> Meaning | None:
    """Returns what a layer is, if it is an activation."""
    spec = getattr(layer, "spec", None)
    if isinstance(spec, LayerSpec):
        return meaning_of(spec.function, is_layer=True)
    kind = type(layer).__name__
    if type(layer).__module__.startswith("keras."):
        return _of_keras(layer, unknowns) if kind in _LAYERS else None
    if layer.weights or list(getattr(layer, "_layers", ())):
        return None
    made = (type(layer), repr(_plain(layer.get_config())))
    return unknowns.meaning(made, kind, functools.partial(_callable, layer))


def _of_keras(layer: Any, unknowns: Unknowns) -> Meaning | None:
    """Returns what one of Keras's own layers of `_LAYERS` is."""
    if isinstance(layer, keras.layers.PReLU):
        return Meaning("prelu(axis=-1)", "prelu", {"axis": -1})
    if isinstance(layer, keras.layers.Activation):
        return _of_function(layer.activation, unknowns)
    return _read({"class_name": type(layer).__name__, "config": layer.get_config()})


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "name"}


def _of_function(function: Any, unknowns: Unknowns) -> Meaning | None:
    """Returns what the activation that a layer was given is."""
    ours = function_in(function)
    if ours is not None:
        return meaning_of(ours, is_layer=False)
    if isinstance(function, keras.layers.Layer):
        return _of_layer(function, unknowns)
    name = getattr(function, "__name__", type(function).__name__)
    if getattr(keras.activations, name, None) is function:
        return _read(f"keras.activations.{name}")
    return unknowns.meaning(id(function), name, functools.partial(_callable, function))


def _read(described: str | Mapping[str, Any]) -> Meaning:
    """Returns what Keras means by a name, or by the configuration of a layer."""
    try:
        found = understand(described)
        parameters = found.bind()
    except UnifiedActError as error:
        name = described if isinstance(described, str) else described["class_name"]
        return Meaning(str(name), notes=(str(error),))
    name = found.activation.name
    return Meaning(call(name, parameters), name, parameters)


def _callable(function: Any) -> Any:
    """Returns a function if it acts on single elements, else None."""
    x, moved = np.linspace(-3.0, 3.0, 24, dtype=np.float32), np.arange(24) * 7 % 24
    y, other = (
        keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(one.reshape(2, 3, 4))))
        for one in (x, x[moved])
    )
    alike = y.shape == (2, 3, 4) and np.allclose(
        y.ravel()[moved], other.ravel(), atol=1e-6, equal_nan=True
    )
    return function if alike else None


def _change(place: _Place, new: LayerSpec | None) -> FoundActivation:
    """Returns what happens at a place."""
    change = change_of(place.path, place.meaning, new)
    if change.now is None or new is None:
        return change
    if place.key and (new.initial or new.draws):
        what = "has weights" if new.initial else "draws random numbers"
        problem = (
            f"{new.function.name} {what}, and the {place.key} of a {type(place.layer).__name__} is "
            "a function: build the model with a layer behind it"
        )
        return replace(change, now=None, notes=(problem,))
    return replace(change, notes=tuple(_notes(place, new)))


def _notes(place: _Place, new: LayerSpec) -> Sequence[str]:
    weights = [] if place.key else [weight.name for weight in place.layer.weights]
    return [
        *place.meaning.notes,
        *([f"drops {', '.join(weights)}"] if weights else []),
        *([f"adds {', '.join(new.initial)}"] if new.initial else []),
        *(["the shape of its output may be another"] if new.activation.resizes else []),
    ]
