"""Finds the activations inside an existing module and replaces them."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from unified_act.dialects import find_dialect
from unified_act.errors import InputTypeError, UnsupportedError
from unified_act.layers import LayerSpec
from unified_act.registry import ACTIVATIONS
from unified_act.replacement import (
    FoundActivation,
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
from unified_act_torch.layers import ActivationLayer, make_layer
from unified_act_torch.native import NATIVE

__all__ = ["replace_activations"]

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")

_FEW = 8
"""A module with more numbers than these is not called to find out what it computes."""

_SPEAKING = ("act", "nonlin", "non_lin")
"""What is in the name of an attribute that is an activation."""


@dataclass(frozen=True)
class _Place:
    """Where an activation is held.

    Attributes:
        path: Of the activation.
        holders: The modules around it, the nearest first; empty if it is the model.
        key: Its name in the nearest.
        held: The activation.
        meaning: What it is.
    """

    path: str
    holders: tuple[nn.Module, ...]
    key: str
    held: Any
    meaning: Meaning

    @property
    def is_module(self) -> bool:
        """Whether it is a module, and not a function."""
        return isinstance(self.held, nn.Module)

    def identity(self, sharing: Sharing | None) -> Any:
        """The same for places that get one new module."""
        shares = self.is_module and any(True for _ in self.held.parameters())
        if sharing is not None:
            shares = self.is_module and sharing == "keep"
        return id(self.held) if shares or not self.holders else (id(self.holders[0]), self.key)

    @property
    def chooses_kernel(self) -> bool:
        """Whether a layer of a transformer decides by it about its fused kernel."""
        return (
            bool(self.holders)
            and self.key == "activation"
            and isinstance(self.holders[0], nn.TransformerEncoderLayer)
        )


def replace_activations(model: Any, request: Request) -> ReplacementReport:
    """Replaces activations in `model`, for `unified_act.replace_activations`."""
    if not isinstance(model, nn.Module):
        raise InputTypeError(f"expected a torch.nn.Module, got {type(model).__name__}.")
    # All are made before the first is put in, so that an error leaves the model as it was.
    made: dict[Any, Any] = {}
    finder = _Finder(request)
    places = list(_places(model, finder))
    news = [request.new_for(place.meaning, place.held) for place in places]
    changes = [
        _change(place, new, made, request.sharing) for place, new in zip(places, news, strict=True)
    ]
    whole, retired = model, []
    for place, new, change in zip(places, news, changes, strict=True):
        if change.now is None or new is None:
            continue
        replacement = made[place.identity(request.sharing)]
        if not place.holders:
            whole = replacement
            continue
        holder: Any = place.holders[0]
        if place.is_module:
            holder.register_module(place.key, replacement)
        else:
            setattr(holder, place.key, replacement)
        if place.chooses_kernel:
            holder.activation_relu_or_gelu = _fused(new)
            retired += [] if _fused(new) else [holder]
    changes = sharing_notes(
        changes,
        [id(place.held) if place.is_module else None for place in places],
        [place.identity(request.sharing) for place in places],
    )
    notes = [
        *_without_nested_tensors(model, retired),
        *_configured(model, changes),
        *finder.unknowns.notes,
    ]
    return ReplacementReport(whole, tuple(changes), tuple(notes))


def _places(model: nn.Module, finder: _Finder) -> Iterator[_Place]:
    """Yields the places of all activations. A shared activation has several places."""
    modules = dict(model.named_modules(remove_duplicate=False))
    request = finder.request
    whole: set[str] = set()
    for path, module in modules.items():
        if isinstance(module, torch.jit.ScriptModule):
            raise UnsupportedError(
                f"{path or 'the model'} is TorchScript, whose code is fixed: replace the "
                "activations first, then call torch.jit.script or torch.jit.trace."
            )
        names = path.split(".") if path else []
        if any(".".join(names[:n]) in whole for n in range(len(names))):
            continue  # a part of what is an activation as a whole
        holders = tuple(modules[".".join(names[:n])] for n in reversed(range(len(names))))
        meaning = finder.meaning(module)
        if meaning is not None:
            whole.add(path)
            if request.ignores(meaning, module):
                continue
            yield _Place(path, holders, names[-1] if names else "", module, meaning)
            continue
        for key, value in vars(module).items():
            meaning = finder.meaning(value, key) if callable(value) else None
            if meaning is not None and not request.ignores(meaning, value):
                yield _Place(".".join([*names, key]), (module, *holders), key, value, meaning)


class _Finder:
    """Says what the modules and functions of a model are, each unknown kind asked once."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.unknowns = Unknowns("torch")

    def meaning(self, thing: Any, key: str = "") -> Meaning | None:
        """Returns the identity of an object, if it is an activation.

        Args:
            thing: A module or a function.
            key: The name of the attribute that holds a function.
        """
        known = _known(thing)
        if known is None and self._is_candidate(thing, key):
            with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                prepare = functools.partial(_callable, thing)
                known = self.unknowns.meaning(_kind_of(thing), _label(thing), prepare)
        if known is None and self.request.asks_for_class(thing):
            return Meaning(type(thing).__name__)
        return known

    def _is_candidate(self, thing: Any, key: str) -> bool:
        """Whether an object may be called to find out what it computes."""
        if not isinstance(thing, nn.Module):
            return any(part in key.lower() for part in _SPEAKING) and not isinstance(thing, type)
        if type(thing).__module__.startswith("torch.nn.") or any(True for _ in thing.children()):
            return False
        numbers: list[Any] = [*thing.parameters(), *thing.buffers()]
        return all(not nn.parameter.is_lazy(n) and n.numel() == 1 for n in numbers) and (
            len(numbers) <= _FEW
        )


def _kind_of(thing: Any) -> Any:
    """The same for objects of one class that were made alike."""
    if not isinstance(thing, nn.Module):
        return id(thing)
    if any(True for _ in (*thing.parameters(), *thing.buffers())):
        return id(thing)
    state = {key: value for key, value in vars(thing).items() if not key.startswith("_")}
    return type(thing), tuple((key, _alike(value)) for key, value in state.items())


def _alike(value: Any) -> Any:
    """The same for equal attributes; others are only like themselves."""
    if isinstance(value, functools.partial) and not value.args:
        return id(value.func), repr(value.keywords)
    return value if isinstance(value, (bool, float, int, str, type(None))) else id(value)


def _callable(thing: Any) -> Callable[..., Any] | None:
    """Returns a copy of an unknown object as a function, if it acts on single elements."""
    function = copy.deepcopy(thing)
    if isinstance(function, nn.Module):
        function = function.cpu().forward  # without hooks
    return function if _acts_on_elements(function) else None


def _label(thing: Any) -> str:
    name = type(thing).__name__ if isinstance(thing, nn.Module) else None
    return name or str(getattr(thing, "__name__", type(thing).__name__))


def _acts_on_elements(function: Callable[..., Any]) -> bool:
    """Whether a function maps each element on its own, which `identify` would find out slowly."""
    x, moved = torch.linspace(-3.0, 3.0, 24), torch.arange(24) * 7 % 24
    with torch.no_grad():
        y, other = (function(one.reshape(2, 3, 4)) for one in (x.clone(), x[moved]))
    alike: bool = (
        isinstance(y, torch.Tensor)
        and y.shape == (2, 3, 4)
        and torch.allclose(y.flatten()[moved], other.flatten(), atol=1e-6, equal_nan=True)
    )
    return alike


def _known(thing: Any) -> Meaning | None:
    """Returns the identity of an object of our classes or of PyTorch's."""
    if isinstance(thing, ActivationLayer):
        return meaning_of(thing.spec.function, is_layer=True)
    ours = function_in(thing)
    if ours is not None:
        return meaning_of(ours, is_layer=False)
    if isinstance(thing, nn.Module):
        spelling = _spellings().get(id(type(thing)))
        if spelling is None:  # a subclass may do anything
            return _as_prelu(thing)
        return translated(spelling, _constructor_arguments(thing, spelling), "torch", is_layer=True)
    function, given = thing, {}
    if isinstance(thing, functools.partial) and not thing.args:
        function, given = thing.func, dict(thing.keywords)
    spelling = _spellings().get(id(function))
    return None if spelling is None else translated(spelling, given, "torch", is_layer=False)


def _as_prelu(module: nn.Module) -> Meaning | None:
    """Returns that a subclass of PReLU is one, if it computes the same, as that of timm does."""
    if not isinstance(module, nn.PReLU) or nn.parameter.is_lazy(module.weight):
        return None
    weight = module.weight.detach()
    x = torch.linspace(-2.0, 2.0, 6, dtype=weight.dtype, device=weight.device).reshape(3, 1, 2)
    x = x.expand(3, len(weight), 2)
    with contextlib.suppress(Exception), torch.no_grad():
        if torch.equal(module.forward(x.clone()), nn.functional.prelu(x, weight)):
            return translated("nn.PReLU", {}, "torch", is_layer=True)
    return None


@functools.cache
def _spellings() -> dict[int, str]:
    """How PyTorch's own modules and functions are spelled in its dialect, by their ids."""
    dialect = find_dialect("torch")
    paths = {s: path for cell in dialect.cells for s in cell.spellings if (path := dialect.path(s))}
    return {
        id(operator.attrgetter(path.partition(".")[2])(torch)): spelling
        for spelling, path in paths.items()
    }


def _constructor_arguments(module: nn.Module, spelling: str) -> dict[str, Any]:
    """What a module of PyTorch was made with: it keeps that by the same names."""
    cells = find_dialect("torch").called(spelling)[spelling]
    known = {key for cell in cells for key in cell.keys}
    names = inspect.signature(type(module)).parameters
    return {name: getattr(module, name) for name in names if name in known}


def _change(
    place: _Place, new: LayerSpec | None, made: dict[Any, Any], sharing: Sharing | None
) -> FoundActivation:
    """Returns the change at a place, and the new object for it."""
    change = change_of(place.path, place.meaning, new)
    if change.now is None or new is None:
        return change
    identity = place.identity(sharing)
    if identity not in made:
        made[identity] = _made(place, new)
    return replace(change, notes=tuple(_notes(place, new)))


def _made(place: _Place, new: LayerSpec) -> Any:
    """Returns the new object for a place: a function for a function, unless it has weights."""
    if not place.is_module and not new.initial:
        return new.function
    _refuse_what_would_be_lost(place)
    around = (place.held, *place.holders) if place.is_module else place.holders
    weights = (p for module in around for p in module.parameters() if p.is_floating_point())
    like = next(weights, None) if new.initial else None
    layer = make_layer(new, {} if like is None else {"device": like.device, "dtype": like.dtype})
    return layer.train(around[0].training)


def _refuse_what_would_be_lost(place: _Place) -> None:
    if place.key == "_orig_mod":
        raise UnsupportedError(
            f"{place.path} is compiled on its own: replace it first, then call torch.compile."
        )
    own = getattr(place.held, "_initialize_hook", None)  # of a module that waits for its input
    hooks = [key for name in _HOOKS for key in getattr(place.held, name, ())]
    if any(own is None or key != own.id for key in hooks):
        raise UnsupportedError(
            f"{place.path or 'the model'} has hooks, which would be lost: remove them first, and "
            "register them on the new module."
        )


def _notes(place: _Place, new: LayerSpec) -> Iterator[str]:
    """Yields notes about further changes that the replacement of an activation brings."""
    yield from place.meaning.notes
    weights = [name for name, _ in place.held.named_parameters()] if place.is_module else []
    if weights:
        yield f"drops {', '.join(weights)}"
    if new.initial:
        yield f"adds {', '.join(new.initial)}"
    was = ACTIVATIONS.find(place.meaning.name) if place.meaning.name else None
    resizes = new.activation.resizes or (was is not None and was.resizes)
    if resizes and was is not new.activation:
        yield "the shape of its output may be another"
    if place.chooses_kernel and place.holders[0].activation_relu_or_gelu and not _fused(new):
        yield "eval() no longer takes the fused kernel"
    if not place.holders:
        yield "the new one is the report's model"


def _fused(new: LayerSpec) -> int:
    """What an `nn.TransformerEncoderLayer` notes of its activation: which fused kernel has it.

    Only that of relu is the same thing. The one of gelu, 2, is PyTorch's own in every dtype, which
    ours is not.
    """
    return int(new.function.name == "relu" and new.native_arguments(NATIVE) is not None)


def _without_nested_tensors(model: nn.Module, layers: Sequence[nn.Module]) -> Iterator[str]:
    """Sets right what an `nn.TransformerEncoder` has decided when it was made.

    Nested tensors are for layers with a fused kernel, and these `layers` have none any more.
    """
    for path, module in model.named_modules():
        if not isinstance(module, nn.TransformerEncoder) or not module.use_nested_tensor:
            continue
        if any(layer is one for layer in layers for one in module.layers):
            module.use_nested_tensor = False
            where = path or "the model"
            yield f"{where}: use_nested_tensor is off, for its layers have no fused kernel"


def _configured(model: nn.Module, changes: Sequence[FoundActivation]) -> Iterator[str]:
    """Yields what the configuration of a model, as those of transformers, still says."""
    settings: Any = getattr(model, "config", None)
    if any(change.now for change in changes) and hasattr(settings, "to_dict"):
        for key, value in _named_activations(settings.to_dict(), "config."):
            yield (
                f"{key} is still {value!r}, and from_pretrained builds what it says: "
                "register_with_transformers tells how to name another there"
            )


def _named_activations(settings: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _named_activations(value, f"{path}{key}.")
        elif isinstance(value, str) and f"_{key}".find("_act") >= 0:
            yield f"{path}{key}", value
