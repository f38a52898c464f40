"""Layers on PyTorch: its own modules if they compute the same, else one generic module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter, is_lazy

from unified_act.backend import LEAST_NOISE
from unified_act.errors import UnsupportedError
from unified_act.layers import LayerSpec, check_options
from unified_act_torch.native import NATIVE

__all__ = [
    "ActivationLayer",
    "LazyActivationLayer",
    "is_layer",
    "make_layer",
    "set_weights",
    "weights_of",
]

_MODULES: Mapping[str, type[nn.Module]] = {
    "clipped_relu": nn.Hardtanh,
    "elu": nn.ELU,
    "hard_shrink": nn.Hardshrink,
    "hard_tanh": nn.Hardtanh,
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "soft_shrink": nn.Softshrink,
    "tanh": nn.Tanh,
    "tanh_shrink": nn.Tanhshrink,
    "threshold": nn.Threshold,
    "thresholded_relu": nn.Threshold,
}
"""The modules that run an admitted kernel and nothing else, and take its keywords."""


class ActivationLayer(nn.Module):
    """A layer for an activation, with the weights as parameters.

    Attributes:
        spec: What it is.
    """

    _draws = False

    def __init__(self, spec: LayerSpec, **where: Any) -> None:
        super().__init__()
        self.spec = spec
        self._draws = spec.draws
        self._in_training = spec.in_training if spec.follows_mode else spec.function
        for name in spec.initial:
            empty: Any = (
                UninitializedParameter(**where)
                if spec.shape is None
                else nn.Parameter(torch.empty(spec.shape, **where))
            )
            self.register_parameter(name, empty)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets the weights to their initial values."""
        for name, value in self.spec.initial.items():
            weight = getattr(self, name)
            if not is_lazy(weight):
                nn.init.constant_(weight, value)

    def forward(self, x: Tensor, *others: Tensor, **keywords: Any) -> Tensor:
        """Returns the activation of `x`.

        Args:
            x: A floating-point tensor.
            *others: A mask or noise, if the activation takes one.
            **keywords: ``generator``, if it draws random numbers. By default they come from
                PyTorch's own generator, which ``torch.manual_seed`` sets.
        """
        if isinstance(x, Proxy):  # torch.fx: one node, which keeps name and weights
            path = x.tracer.path_of_module(self)
            node: Any = x.tracer.create_proxy("call_module", path, (x, *others), keywords)
            return node
        if self._draws:
            return self._drawn(x, others, keywords)
        weights = [getattr(self, name) for name in self.spec.initial]
        result: Tensor = self.spec.function(x, *weights, *others, **keywords)
        return result

    def _drawn(self, x: Tensor, others: tuple[Any, ...], keywords: dict[str, Any]) -> Tensor:
        """Returns the activation of `x` with random numbers, if the layer uses any in this mode."""
        result: Tensor
        if self.spec.follows_mode and not self.training:
            result = self.spec.function(x)
        elif others or keywords or not isinstance(x, Tensor):
            result = self._in_training(x, *others, **keywords)
        else:
            wide = torch.float64 if x.dtype == torch.float64 else torch.float32
            noise = torch.rand_like(x, dtype=wide).clamp_(min=LEAST_NOISE)
            result = self._in_training(x, noise)
        return result

    def __prepare_scriptable__(self) -> NoReturn:
        """Raises: this is where ``torch.jit.script`` asks for what it is to compile."""
        raise UnsupportedError(
            f"torch.jit.script cannot compile {self}, whose code is made for its parameters. "
            "Trace it with torch.jit.trace(layer, example), and script the model around the trace."
        )

    def to_config(self) -> dict[str, Any]:
        """Returns the layer as plain data for JSON or YAML, which `get_layer` reads."""
        return self.spec.description()

    def extra_repr(self) -> str:
        """Returns the text between the brackets of the repr."""
        return self.spec.describe()


class LazyActivationLayer(LazyModuleMixin, ActivationLayer):
    """A layer before its first input, which determines the shape of the weights."""

    cls_to_become = ActivationLayer

    def initialize_parameters(self, x: Tensor, *_others: Tensor) -> None:
        """Creates the weights, unless a state dict has done so."""
        if self.has_uninitialized_params():
            self.materialize(self.spec.shape_for(x.shape))
        self.spec = self.spec.with_shape(next(self.parameters()).shape)

    def materialize(self, shape: Sequence[int]) -> None:
        """Sets the shape of the weights, and their initial values."""
        for name in self.spec.initial:
            getattr(self, name).materialize(tuple(shape))
        self.reset_parameters()


def make_layer(spec: LayerSpec, options: Mapping[str, Any]) -> nn.Module:
    """Returns the layer of a specification."""
    check_options(options, ("device", "dtype"), "torch")
    module, arguments = _MODULES.get(spec.function.name), spec.native_arguments(NATIVE)
    shape = spec.shape
    if module is None or arguments is None or shape is None or len(shape) != 1:
        return (LazyActivationLayer if shape is None else ActivationLayer)(spec, **options)
    if spec.initial:  # of nn.PReLU
        (first,) = spec.initial.values()
        return nn.PReLU(shape[0], first, **options)
    return module(**arguments)


def is_layer(thing: Any) -> bool:
    """Whether an object is an activation layer of PyTorch."""
    return isinstance(thing, (ActivationLayer, *_MODULES.values()))


def weights_of(layer: nn.Module) -> Mapping[str, NDArray[Any] | None]:
    """Returns the weights by name."""
    return {
        name: None if isinstance(weight, UninitializedParameter) else _as_numpy(weight)
        for name, weight in layer.named_parameters(recurse=False)
    }


def _as_numpy(weight: Tensor) -> NDArray[Any]:
    detached = weight.detach().cpu()
    wide = detached.float() if detached.dtype == torch.bfloat16 else detached
    return np.array(wide.numpy())  # NumPy 2 warns of an array made from a tensor itself


def set_weights(layer: nn.Module, weights: Mapping[str, NDArray[Any]]) -> None:
    """Sets the weights of the layer."""
    if isinstance(layer, LazyActivationLayer) and layer.has_uninitialized_params():
        layer.materialize(next(iter(weights.values())).shape)
    with torch.no_grad():
        for name, value in weights.items():
            getattr(layer, name).copy_(torch.from_numpy(value.astype(np.float64)))
