"""Finds the activations inside a Flax NNX module and replaces them."""

from __future__ import annotations

import contextlib
import functools
import importlib
import operator
from collections.abc import Callable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from unified_act.dialects import find_dialect
from unified_act.errors import InputTypeError, UnsupportedError
from unified_act.layers import LayerSpec
from unified_act.replacement import (
    Meaning,
    ReplacementReport,
    Request,
    Sharing,
    Unknowns,
    change_of,
    function_in,
    meaning_of,
    sharing_notes,
    translated,
)

__all__ = ["replace_activations"]

_SPEAKING = ("act", "nonlin", "non_lin")
"""What is in the name of an attribute that is an activation."""


@dataclass(frozen=True)
class _Place:
    """Where an activation is held.

    Attributes:
        path: Of the activation.
        holder: The module, the list or the mapping that holds it; None if it is the model.
        key: Its name or its place in the holder.
        held: The activation.
        meaning: What it is.
    """

    path: str
    holder: Any
    key: Any
    held: Any
    meaning: Meaning

    def identity(self, sharing: Sharing | None) -> Any:
        """The same for places that get one new module."""
        is_module = isinstance(self.held, nnx.Module)
        shares = is_module and _has_variables(self.held)
        if sharing is not None:
            shares = is_module and sharing == "keep"
        return id(self.held) if shares or self.holder is None else (id(self.holder), self.key)

    def put(self, new: Any) -> None:
        """Puts something in its place."""
        if isinstance(self.holder, (MutableMapping, MutableSequence)):
            self.holder[self.key] = new
        else:
            setattr(self.holder, self.key, new)


def replace_activations(model: Any, request: Request) -> ReplacementReport:
    """Replaces activations in `model`, for `unified_act.replace_activations`."""
    if not isinstance(model, nnx.Module):
        raise InputTypeError(
            f"expected a flax.nnx.Module, got {type(model).__name__}. A module of linen is a "
            "frozen description: make it anew with other activations, as in model.clone(…)."
        )
    # All are made before the first is put in, so that an error leaves the model as it was.
    made: dict[Any, Any] = {}
    walk = _Walk(request)
    places = list(walk.places(model, "", None, ""))
    changes = []
    for place in places:
        new = request.new_for(place.meaning, place.held)
        change = change_of(place.path, place.meaning, new)
        if change.now is not None and new is not None:
            identity = place.identity(request.sharing)
            if identity not in made:
                made[identity] = _made(new)
            change = replace(change, notes=tuple(_notes(place, new)))
        changes.append(change)
    whole = model
    for place, change in zip(places, changes, strict=True):
        if change.now is None:
            continue
        replacement = made[place.identity(request.sharing)]
        if place.holder is None:
            whole = replacement
        else:
            place.put(replacement)
    changes = sharing_notes(
        changes,
        [id(place.held) if isinstance(place.held, nnx.Module) else None for place in places],
        [place.identity(request.sharing) for place in places],
    )
    return ReplacementReport(whole, tuple(changes), tuple(walk.unknowns.notes))


class _Walk:
    """Goes through a model, and asks each unknown kind of object once what it is."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.unknowns = Unknowns("jax")
        self._inside: set[int] = set()

    def places(self, thing: Any, path: str, holder: Any, key: Any) -> Iterator[_Place]:
        """Yields the places of all activations, those in lists and mappings too."""
        meaning = self._meaning(thing, str(key) if isinstance(holder, nnx.Module) else "act")
        if meaning is not None:
            if not self._request.ignores(meaning, thing):
                yield _Place(path, holder, key, thing, meaning)
            return
        if id(thing) in self._inside:
            return
        self._inside.add(id(thing))
        for name, value in _parts(thing):
            yield from self.places(value, f"{path}.{name}" if path else str(name), thing, name)
        self._inside.discard(id(thing))

    def _meaning(self, thing: Any, key: str) -> Meaning | None:
        """Returns the identity of an object, if it is an activation."""
        if not callable(thing) or isinstance(thing, type):
            return None
        known = _known(thing)
        if known is None and _is_candidate(thing, key):
            prepare = functools.partial(_callable, thing)
            known = self.unknowns.meaning(id(thing), _label(thing), prepare)
        if known is None and self._request.asks_for_class(thing):
            return Meaning(type(thing).__name__)
        return known


def _parts(thing: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(thing, Mapping):
        yield from list(thing.items())
    elif isinstance(thing, MutableSequence):
        yield from list(enumerate(thing))
    elif isinstance(thing, nnx.Module):
        for name, value in list(vars(thing).items()):
            if not name.startswith("_"):
                yield name, value


def _known(thing: Any) -> Meaning | None:
    """Returns the identity of an object of ours or of JAX's and Flax's."""
    spec = getattr(thing, "spec", None)
    if isinstance(spec, LayerSpec):
        return meaning_of(spec.function, is_layer=True)
    ours = function_in(thing)
    if ours is not None:
        return meaning_of(ours, is_layer=False)
    if isinstance(thing, nnx.Module):
        if type(thing) is getattr(nnx, "PReLU", None):
            return Meaning("prelu(axis=-1)", "prelu", {"axis": -1})
        return None
    function, given = thing, {}
    if isinstance(thing, functools.partial) and not thing.args:
        function, given = thing.func, dict(thing.keywords)
    dialect, spelling = _spellings().get(id(function), ("", ""))
    return translated(spelling, given, dialect, is_layer=False) if spelling else None


@functools.cache
def _spellings() -> dict[int, tuple[str, str]]:
    """How the functions of JAX and Flax are spelled in their dialects, by their ids."""
    found: dict[int, tuple[str, str]] = {}
    for name, module, roots in (("flax", nnx, "nnx."), ("jax", jax, "jax.nn.")):
        for cell in find_dialect(name).cells:
            for spelling in cell.spellings:
                path = spelling.partition(".")[2]
                if spelling.startswith(roots):
                    with contextlib.suppress(AttributeError):
                        found[id(operator.attrgetter(path)(module))] = (name, spelling)
    return found


def _is_candidate(thing: Any, key: str) -> bool:
    """Whether an object may be called to find out what it computes."""
    if isinstance(thing, nnx.Module):
        inner = any(isinstance(part, nnx.Module) for _, part in _parts(thing))
        own = type(thing).__module__.partition(".")[0] == "flax"
        return not (own or inner or _has_variables(thing))
    return any(part in key.lower() for part in _SPEAKING)


def _has_variables(module: nnx.Module) -> bool:
    return bool(jax.tree.leaves(nnx.state(module)))


def _label(thing: Any) -> str:
    name = type(thing).__name__
    return name if isinstance(thing, nnx.Module) else str(getattr(thing, "__name__", name))


def _callable(thing: Any) -> Callable[..., Any] | None:
    """Returns an unknown object without variables, if it acts on single elements."""
    x, moved = jnp.linspace(-3.0, 3.0, 24), jnp.arange(24) * 7 % 24
    y, other = (thing(one.reshape(2, 3, 4)) for one in (x, x[moved]))
    alike = y.shape == (2, 3, 4) and jnp.allclose(
        y.ravel()[moved], other.ravel(), atol=1e-6, equal_nan=True
    )
    return thing if alike else None


def _made(new: LayerSpec) -> Any:
    """Returns the new object for a place: a function, unless it has weights or draws."""
    if not new.initial and not new.draws:
        return new.function
    try:
        modules = importlib.import_module("unified_act_jax.modules")
    except ModuleNotFoundError as error:
        raise UnsupportedError(
            f"{new.function.name} has weights or draws random numbers, so it is a module, and "
            "there is none for flax nnx."
        ) from error
    return modules.of_library("nnx").make_layer(new, {})


def _notes(place: _Place, new: LayerSpec) -> Sequence[str]:
    dropped = isinstance(place.held, nnx.Module) and _has_variables(place.held)
    return [
        *place.meaning.notes,
        *(["drops its weights"] if dropped else []),
        *([f"adds {', '.join(new.initial)}"] if new.initial else []),
        *(["the shape of its output may be another"] if new.activation.resizes else []),
        *(["the new one is the report's model"] if place.holder is None else []),
    ]
