"""Layers of Haiku."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp
from numpy.typing import NDArray

from unified_act.errors import ParameterValueError
from unified_act.layers import LayerSpec
from unified_act_jax.modules.shared import Held, activate, as_numpy, check, like, own_params

__all__ = ["ActivationLayer", "held", "is_layer", "make_layer", "set_weights", "weights_of"]

_OPTIONS = ("dtype", "initializer", "is_training", "name")


class ActivationLayer(hk.Module):
    """A layer for an activation, with the weights as parameters.

    Attributes:
        spec: What it is.
        initializer: Makes the weights: called with a shape and a dtype.
        is_training: Whether it trains. A layer that follows the mode needs it, here or in the call.
        dtype: The dtype of the weights.
        is_inside: Whether it was made in a function that Haiku transforms.
    """

    def __init__(
        self,
        spec: LayerSpec,
        *,
        initializer: Callable[..., Any] | None = None,
        is_training: bool | None = None,
        dtype: Any = jnp.float32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name or spec.function.name)
        self.spec = spec
        self.initializer = initializer
        self.is_training = is_training
        self.dtype = dtype
        self.is_inside = True

    @hk.transparent  # so that it works outside of a transformed function too
    def to_config(self) -> dict[str, Any]:
        """Returns the layer as plain data for JSON or YAML, which `get_layer` reads."""
        return {**self.spec.description(), "library": "haiku"}

    def __call__(
        self,
        x: jax.Array,
        *others: Any,
        is_training: bool | None = None,
        generator: Any = None,
    ) -> jax.Array:
        """Returns the activation of `x`.

        Args:
            x: A floating-point array.
            *others: A mask, if the activation takes one; a seed, a key or noise, if it draws.
            is_training: Whether it trains, in place of the attribute.
            generator: A seed or a key, in place of one from `hk.next_rng_key`.
        """
        if not self.is_inside:  # several of one name would share their parameters
            raise ParameterValueError(
                f"{self.module_name} was made outside of the function that hk.transform takes, "
                "where a layer only carries weights: call get_layer within the function."
            )
        shape = self.spec.shape_for(getattr(x, "shape", ())) if self.spec.initial else ()
        weights = [
            hk.get_parameter(
                name, shape, self.dtype, self.initializer or hk.initializers.Constant(value)
            )
            for name, value in self.spec.initial.items()
        ]
        result: jax.Array = activate(
            self.spec,
            x,
            weights,
            others if generator is None else (*others, generator),
            training=lambda: self._trains(is_training),
            key=hk.next_rng_key,
        )
        return result

    def _trains(self, is_training: bool | None) -> bool:
        found = self.is_training if is_training is None else is_training
        if found is None:
            raise ParameterValueError(
                f"{self.spec.function.name} draws random numbers only while it trains: pass "
                "is_training=… to the layer, or options={'is_training': …} to get_layer."
            )
        return found


def make_layer(spec: LayerSpec, options: Mapping[str, Any]) -> ActivationLayer:
    """Returns the layer of a specification. Outside of `hk.transform` it only carries weights."""
    check(spec, options, _OPTIONS, "haiku")
    try:
        hk.running_init()
    except ValueError:  # outside
        made: list[ActivationLayer] = []
        hk.transform(lambda: made.append(ActivationLayer(spec, **options))).init(None)
        made[0].is_inside = False
        return made[0]
    return ActivationLayer(spec, **options)


def is_layer(thing: Any) -> bool:
    """Whether an object is an activation layer of Haiku, alone or with its parameters."""
    return isinstance(thing.module if isinstance(thing, Held) else thing, ActivationLayer)


def held(layer: Any, params: Any = None) -> Held:
    """Returns the layer with its parameters."""
    return Held(layer, params)


def _own(layer: ActivationLayer, params: Any) -> Mapping[str, Any]:
    example = f"params[{layer.module_name!r}]"
    return own_params(params, layer.module_name, list(layer.spec.initial), example)


def weights_of(layer: Any) -> Mapping[str, NDArray[Any] | None]:
    """Returns the weights by name, of what `held` returned.

    Raises:
        ParameterValueError: The parameters are not known.
    """
    if not isinstance(layer, Held):
        if not layer.spec.initial:
            return {}
        raise ParameterValueError(
            "a module of Haiku does not hold its parameters: pass them too, as in "
            "export_weights(layer, params)."
        )
    module, params = layer
    spec: LayerSpec = module.spec
    if params is not None:
        own = _own(module, params)
        return {name: as_numpy(own[name]) for name in spec.initial}
    if spec.shape is None:
        return dict.fromkeys(spec.initial)
    shape = spec.shape
    return {n: as_numpy(jnp.full(shape, value, module.dtype)) for n, value in spec.initial.items()}


def set_weights(layer: Held, weights: Mapping[str, NDArray[Any]]) -> Any:
    """Returns the parameters with these weights, in the form in which they were given."""
    module, params = layer
    if params is None:
        new = {name: jnp.asarray(value, module.dtype) for name, value in weights.items()}
        return {module.module_name: new}
    own = _own(module, params)
    changed = {**own, **{name: like(own[name], value) for name, value in weights.items()}}
    return {**params, module.module_name: changed} if own is not params else changed
