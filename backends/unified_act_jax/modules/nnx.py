"""Layers of Flax NNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
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

__all__ = ["ActivationLayer", "is_layer", "make_layer", "set_weights", "weights_of"]

_OPTIONS = ("deterministic", "initializer", "param_dtype", "rng_collection", "rngs")
_PRELU = getattr(nnx, "PReLU", ())  # newer versions of Flax have it


class ActivationLayer(nnx.Module):
    """A layer for an activation, with the weights as `nnx.Param`.

    Attributes:
        spec: What it is.
        deterministic: Whether it is evaluated, and draws no random numbers; only of a layer that
            follows the mode. ``train()`` and ``eval()`` of any module around it set it.
        rngs: The stream of keys, if it draws random numbers.
    """

    def __init__(
        self,
        spec: LayerSpec,
        *,
        rngs: nnx.Rngs | nnx.RngStream | None = None,
        initializer: Callable[..., Any] | None = None,
        param_dtype: Any = jnp.float32,
        deterministic: bool = False,
        rng_collection: str = "dropout",
    ) -> None:
        self.spec = spec
        shape = known_shape(spec, "NNX") if spec.initial else ()
        for name, value in spec.initial.items():
            if initializer is None:
                weight = jnp.full(shape, value, param_dtype)
            else:
                weight = initializer(_key(rngs, "params", "initializer"), shape, param_dtype)
            setattr(self, name, nnx.Param(weight))
        if spec.draws:
            self.rng_collection = rng_collection
            stream = rngs[rng_collection] if isinstance(rngs, nnx.Rngs) else rngs
            self.rngs = None if stream is None else stream.fork()
        if spec.follows_mode:
            self.deterministic = deterministic

    def to_config(self) -> dict[str, Any]:
        """Returns the layer as plain data for JSON or YAML, which `get_layer` reads."""
        return {**self.spec.description(), "library": "nnx"}

    def __call__(
        self,
        x: jax.Array,
        *others: Any,
        deterministic: bool | None = None,
        rngs: nnx.Rngs | nnx.RngStream | jax.Array | None = None,
        generator: Any = None,
    ) -> jax.Array:
        """Returns the activation of `x`.

        Args:
            x: A floating-point array.
            *others: A mask, if the activation takes one; a seed, a key or noise, if it draws.
            deterministic: In place of the attribute.
            rngs: In place of the stream that the layer was made with.
            generator: A seed or a key, with which the layer is a function of its arguments.
        """
        result: jax.Array = activate(
            self.spec,
            x,
            [getattr(self, name)[...] for name in self.spec.initial],
            others if generator is None else (*others, generator),
            training=lambda: not (self.deterministic if deterministic is None else deterministic),
            key=lambda: _key(
                self.rngs if rngs is None else rngs, self.rng_collection, self.spec.function.name
            ),
        )
        return result


def _key(rngs: Any, stream: str, what: str) -> jax.Array:
    """Returns a key, which is another one each time, for what needs it."""
    if rngs is None:
        raise ParameterValueError(
            f"{what} needs random numbers: pass options={{'rngs': nnx.Rngs(0)}} to get_layer, or "
            "rngs=… to the layer where it is called."
        )
    if isinstance(rngs, jax.Array):
        return rngs
    found: jax.Array = rngs[stream]() if isinstance(rngs, nnx.Rngs) else rngs()
    return found


def make_layer(spec: LayerSpec, options: Mapping[str, Any]) -> ActivationLayer:
    """Returns the layer of a specification."""
    check(spec, options, _OPTIONS, "nnx")
    return ActivationLayer(spec, **options)


def is_layer(thing: Any) -> bool:
    """Whether an object is an activation layer of NNX."""
    return isinstance(thing, (ActivationLayer, _PRELU))


def _params(layer: Any) -> Mapping[str, Any]:
    if isinstance(layer, ActivationLayer):
        return {name: getattr(layer, name) for name in layer.spec.initial}
    return {"weight": layer.negative_slope}


def weights_of(layer: Any) -> Mapping[str, NDArray[Any]]:
    """Returns the weights by name."""
    return {name: as_numpy(param[...]) for name, param in _params(layer).items()}


def set_weights(layer: Any, weights: Mapping[str, NDArray[Any]]) -> None:
    """Sets the weights of the layer."""
    for name, param in _params(layer).items():
        param[...] = like(param[...], weights[name])
