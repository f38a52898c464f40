"""Finds the activations inside an existing module and replaces them."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from unified_act.callables import ActivationFunction
from unified_act.dialects import find_dialect, resolve
from unified_act.dialects.translation import call
from unified_act.errors import InputTypeError, UnifiedActError, UnsupportedError
from unified_act.layers import LayerSpec
from unified_act.registry import ACTIVATIONS
from unified_act.replacement import FoundActivation, ReplacementReport, Sought
from unified_act_torch.layers import ActivationLayer, make_layer
from unified_act_torch.native import NATIVE

__all__ = ["replace_activations"]

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@dataclass(frozen=True)
class _Meaning:
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
    meaning: _Meaning

    @property
    def is_module(self) -> bool:
        """Whether it is a module, and not a function."""
        return isinstance(self.held, nn.Module)

    @property
    def identity(self) -> Any:
        """The same for places that share weights; without weights each place is its own."""
        shares = self.is_module and any(True for _ in self.held.parameters())
        return id(self.held) if shares or not self.holders else (id(self.holders[0]), self.key)

    @property
    def chooses_kernel(self) -> bool:
        """Whether a layer of a transformer decides by it about its fused kernel."""
        return (
            bool(self.holders)
            and self.key == "activation"
            and isinstance(self.holders[0], nn.TransformerEncoderLayer)
        )


def replace_activations(model: Any, old: Sought, new: LayerSpec) -> ReplacementReport:
    """Replaces activations in `model`, for `unified_act.replace_activations`."""
    if not isinstance(model, nn.Module):
        raise InputTypeError(f"expected a torch.nn.Module, got {type(model).__name__}.")
    # All are made before the first is put in, so that an error leaves the model as it was.
    made: dict[Any, Any] = {}
    changes = [(place, _change(place, old, new, made)) for place in _places(model)]
    whole, retired = model, []
    for place, change in changes:
        if change.now is None:
            continue
        replacement = made[place.identity]
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
    notes = tuple(_without_nested_tensors(model, retired))
    return ReplacementReport(whole, tuple(change for _, change in changes), notes)


def _places(model: nn.Module) -> Iterator[_Place]:
    """Yields the places of all activations. A shared activation has several places."""
    modules = dict(model.named_modules(remove_duplicate=False))
    for path, module in modules.items():
        if isinstance(module, torch.jit.ScriptModule):
            raise UnsupportedError(
                f"{path or 'the model'} is TorchScript, whose code is fixed: replace the "
                "activations first, then call torch.jit.script or torch.jit.trace."
            )
        names = path.split(".") if path else []
        holders = tuple(modules[".".join(names[:n])] for n in reversed(range(len(names))))
        meaning = _meaning(module)
        if meaning is not None:
            yield _Place(path, holders, names[-1] if names else "", module, meaning)
            continue
        for key, value in vars(module).items():
            meaning = _meaning(value) if callable(value) else None
            if meaning is not None:
                yield _Place(".".join([*names, key]), (module, *holders), key, value, meaning)


def _meaning(thing: Any) -> _Meaning | None:
    """Returns the identity of an object, if it is an activation."""
    if isinstance(thing, ActivationLayer):
        return _of_ours(thing.spec.function, is_layer=True)
    if isinstance(thing, ActivationFunction):
        return _of_ours(thing, is_layer=False)
    if isinstance(thing, nn.Module):
        spelling = _spellings().get(id(type(thing)))  # not of a subclass, which may do anything
        if spelling is None:
            return None
        return _of_pytorch(spelling, _constructor_arguments(thing, spelling), is_layer=True)
    function, given = thing, {}
    if isinstance(thing, functools.partial) and not thing.args:
        function, given = thing.func, dict(thing.keywords)
    spelling = _spellings().get(id(function))
    return None if spelling is None else _of_pytorch(spelling, given, is_layer=False)


def _of_ours(function: ActivationFunction, *, is_layer: bool) -> _Meaning:
    activation = ACTIVATIONS.find(function.name, function.plugin)
    further = activation.inputs_for(function.parameters)[1:]
    return _Meaning(
        _written(function),
        function.name,
        function.parameters,
        arguments=() if is_layer and activation.weights else further,
    )


def _written(function: ActivationFunction) -> str:
    profile = {"numerics": "strict"} if function.numerics == "strict" else {}
    return call(function.name, {**function.parameters, **profile})


def _of_pytorch(spelling: str, given: Mapping[str, Any], *, is_layer: bool) -> _Meaning:
    try:
        meaning = resolve(spelling, given, "torch")
        activation = ACTIVATIONS.find(meaning.canonical)
        parameters = meaning.bind(activation)
    except UnifiedActError as error:
        return _Meaning(call(spelling, given), notes=(str(error),))
    return _Meaning(
        call(activation.name, parameters),
        activation.name,
        parameters,
        arguments=() if is_layer else activation.weights,
        notes=("no longer in place",) if given.get("inplace") else (),
    )


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


def _change(place: _Place, old: Sought, new: LayerSpec, made: dict[Any, Any]) -> FoundActivation:
    """Returns the change at a place, and the new object for it."""
    meaning = place.meaning
    if meaning.name is None:
        return FoundActivation(place.path, meaning.text, notes=meaning.notes)
    if not old.matches(meaning.name, meaning.parameters):
        return FoundActivation(place.path, meaning.text)
    now = _written(new.function)
    arguments = () if new.initial else new.activation.inputs_for(new.function.parameters)[1:]
    if meaning.arguments != arguments:
        called, wanted = (", ".join(("x", *names)) for names in (meaning.arguments, arguments))
        problem = f"it is called with {called}, and {new.function.name} takes {wanted}"
        return FoundActivation(place.path, meaning.text, notes=(problem,))
    if place.identity not in made:
        made[place.identity] = _made(place, new)
    return FoundActivation(place.path, meaning.text, now, tuple(_notes(place, new)))


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
    was = ACTIVATIONS.find(str(place.meaning.name))
    if (was.resizes or new.activation.resizes) and was is not new.activation:
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
