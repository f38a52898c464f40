"""Layers of Equinox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from numpy.typing import NDArray

from unified_act.errors import ParameterValueError
from unified_act.layers import LayerSpec
from unified_act_jax.modules.shared import (
    activate,
    as_numpy,
    check,
    known_shape,
    like,
)

__all__ = [
    "ActivationLayer",
    "RandomActivationLayer",
    "is_layer",
    "make_layer",
    "set_weights",
    "weights_of",
]


class ActivationLayer(eqx.Module):
    """A layer for an activation, with the weights as leaves.

    Each weight is also an attribute: ``layer.weight``.

    Attributes:
        learned: The weights by name.
        spec: What it is.
    """

    learned: dict[str, jax.Array]
    spec: LayerSpec = eqx.field(static=True)

    def __init__(self, spec: LayerSpec, dtype: Any = None) -> None:
        self.spec = spec
        shape = known_shape(spec, "Equinox") if spec.initial else ()
        dtype = jnp.result_type(float) if dtype is None else dtype
        self.learned = {n: jnp.full(shape, value, dtype) for n, value in spec.initial.items()}

    def __getattr__(self, name: str) -> Any:
        learned = self.__dict__.get("learned", {})  # none while a copy is being made
        if name in learned:
            return learned[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _trains(self, inference: bool | None) -> bool:
        return not inference

    def to_config(self) -> dict[str, Any]:
        """Returns the layer as plain data for JSON or YAML, which `get_layer` reads."""
        return {**self.spec.description(), "library": "equinox"}

    def __call__(
        self,
        x: jax.Array,
        *others: Any,
        key: jax.Array | None = None,
        inference: bool | None = None,
        generator: Any = None,
    ) -> jax.Array:
        """Returns the activation of `x`.

        Args:
            x: A floating-point array.
            *others: A mask, if the activation takes one; a seed, a key or noise, if it draws.
            key: A key, if it draws random numbers. Other layers do without, and take it too, as
                ``eqx.nn.Sequential`` passes one to each.
            inference: Whether it is evaluated; in place of the attribute of a layer that has it.
            generator: A seed, in place of a key.
        """
        result: jax.Array = activate(
            self.spec,
            x,
            [self.learned[name] for name in self.spec.initial],  # JAX sorts the dict
            others if generator is None else (*others, generator),
            training=lambda: self._trains(inference),
            key=lambda: _needed(key, self.spec),
        )
        return result


class RandomActivationLayer(ActivationLayer):
    """A layer that draws random numbers while it trains.

    Attributes:
        inference: Whether it is evaluated; `eqx.nn.inference_mode` sets it.
    """

    inference: bool

    def __init__(self, spec: LayerSpec, dtype: Any = None, *, inference: bool = False) -> None:
        super().__init__(spec, dtype)
        self.inference = inference

    def _trains(self, inference: bool | None) -> bool:
        return not (self.inference if inference is None else inference)


def _needed(key: jax.Array | None, spec: LayerSpec) -> jax.Array:
    if key is None:
        raise ParameterValueError(f"{spec.function.name} needs random numbers: pass key=… to it.")
    return key


def make_layer(spec: LayerSpec, options: Mapping[str, Any]) -> ActivationLayer:
    """Returns the layer of a specification."""
    check(spec, options, ("dtype", "inference"), "equinox")
    if spec.follows_mode:
        return RandomActivationLayer(spec, **options)
    return ActivationLayer(spec, options.get("dtype"))


def is_layer(thing: Any) -> bool:
    """Whether an object is an activation layer of Equinox."""
    return isinstance(thing, (ActivationLayer, eqx.nn.PReLU))


def weights_of(layer: Any) -> Mapping[str, NDArray[Any]]:
    """Returns the weights by name."""
    if isinstance(layer, eqx.nn.PReLU):
        return {"weight": as_numpy(layer.negative_slope)}
    return {name: as_numpy(layer.learned[name]) for name in layer.spec.initial}


def set_weights(layer: Any, weights: Mapping[str, NDArray[Any]]) -> Any:
    """Returns a layer with these weights."""
    if isinstance(layer, eqx.nn.PReLU):
        slope = like(layer.negative_slope, weights["weight"])
        return eqx.tree_at(lambda module: module.negative_slope, layer, slope)
    learned = {name: like(old, weights[name]) for name, old in layer.learned.items()}
    return eqx.tree_at(lambda module: module.learned, layer, learned)
