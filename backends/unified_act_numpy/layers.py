"""Layers on NumPy: small objects with a forward and a backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act.api import value_and_grad
from unified_act.errors import ParameterValueError
from unified_act.layers import LayerSpec, check_options

__all__ = ["ActivationLayer", "is_layer", "make_layer", "set_weights", "weights_of"]

Array = NDArray[Any]


class ActivationLayer:
    """A layer for an activation, with its weights and, after a backward pass, their gradients.

    Attributes:
        spec: What it is.
        weights: float64 arrays by name; each is cast to the dtype of the input where it is used.
            None before the first input, if that decides the shape.
        gradients: What the last backward pass found, in the dtype of its input.
    """

    def __init__(self, spec: LayerSpec) -> None:
        self.spec = spec
        self.weights: dict[str, Array | None] = dict.fromkeys(spec.initial)
        self.gradients: dict[str, Array] = {}
        self._inputs: tuple[Array, ...] | None = None
        if spec.shape is not None:
            self._begin(spec.shape)

    def _begin(self, shape: tuple[int, ...]) -> None:
        self.spec = self.spec.with_shape(shape)
        self.weights = {name: np.full(shape, v) for name, v in self.spec.initial.items()}

    def forward(self, x: Array, *others: Array, **keywords: Any) -> Array:
        """Returns the activation of `x`, and keeps what `backward` needs.

        Args:
            x: A floating-point array.
            *others: A mask or noise, if the activation takes one.
            **keywords: ``generator``, if it draws random numbers.
        """
        if self.spec.shape is None:
            self._begin(self.spec.shape_for(x.shape))
        weights = [np.asarray(w, x.dtype) for w in self.weights.values()]
        inputs = (x, *weights, *others, *keywords.values())
        result: Array = self.spec.function(x, *weights, *others, **keywords)
        self._inputs = inputs
        return result

    __call__ = forward

    def backward(self, cotangent: Array) -> Array:
        """Returns the cotangent of the last input; those of the weights are in `gradients`.

        Args:
            cotangent: That of the output, in its shape and dtype.

        Raises:
            ParameterValueError: There was no forward pass.
            UnsupportedError: The activation has no analytic derivative.
        """
        if self._inputs is None:
            raise ParameterValueError(
                f"{self!r} has no input to differentiate at: call forward first."
            )
        _, found = value_and_grad(self.spec.function, *self._inputs, cotangent=cotangent)
        by_x, *by_others = found if isinstance(found, tuple) else (found,)
        self.gradients = dict(zip(self.weights, by_others, strict=False))
        result: Array = by_x
        return result

    def to_config(self) -> dict[str, Any]:
        """Returns the layer as plain data for JSON or YAML, which `get_layer` reads."""
        return self.spec.description()

    def __repr__(self) -> str:
        return f"ActivationLayer({self.spec.describe()})"


def make_layer(spec: LayerSpec, options: Mapping[str, Any]) -> ActivationLayer:
    """Returns the layer of a specification."""
    check_options(options, (), "numpy")
    return ActivationLayer(spec)


def is_layer(thing: Any) -> bool:
    """Whether an object is a layer for NumPy."""
    return isinstance(thing, ActivationLayer)


def weights_of(layer: ActivationLayer) -> Mapping[str, Array | None]:
    """Returns the weights by name."""
    return {name: None if w is None else w.copy() for name, w in layer.weights.items()}


def set_weights(layer: ActivationLayer, weights: Mapping[str, Array]) -> None:
    """Sets the weights of the layer."""
    layer.weights = {name: np.array(weights[name], np.float64) for name in layer.weights}
    layer.spec = layer.spec.with_shape(np.shape(next(iter(weights.values()))))
