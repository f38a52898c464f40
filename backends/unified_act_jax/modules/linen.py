"""Layers of Flax Linen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax
import jax
import jax.numpy as jnp
from flax import linen as nn
from numpy.typing import NDArray

from unified_act.errors import ParameterValueError
from unified_act.layers import LayerSpec
from unified_act_jax.modules.shared import Held, activate, as_numpy, check, like, own_params

__all__ = ["ActivationLayer", "held", "is_layer", "make_layer", "set_weights", "weights_of"]

_OPTIONS = ("deterministic", "initializer", "name", "param_dtype", "rng_collection")
_EXAMPLE = "variables['params']['layers_1']"


class ActivationLayer(nn.Module):
    """A layer for an activation, with the weights as parameters.

    Attributes:
        spec: What it is.
        deterministic: Whether it is evaluated, and draws no random numbers. A layer that follows
            the mode needs it, here or in the call.
        initializer: Makes the weights: called with a key, a shape and a dtype. By default they are
            the numbers of `spec`.
        param_dtype: The dtype of the weights.
        rng_collection: The name of the keys that it draws with.
    """

    spec: LayerSpec
    deterministic: bool | None = None
    initializer: Callable[..., Any] | None = None
    param_dtype: Any = jnp.float32
    rng_collection: str = "dropout"

    def to_config(self) -> dict[str, Any]:
        """Returns the layer as plain data for JSON or YAML, which `get_layer` reads."""
        return {**self.spec.description(), "library": "linen"}

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        *others: Any,
        deterministic: bool | None = None,
        generator: Any = None,
    ) -> jax.Array:
        """Returns the activation of `x`.

        Args:
            x: A floating-point array.
            *others: A mask, if the activation takes one; a seed, a key or noise, if it draws.
            deterministic: Whether it is evaluated, if the attribute does not say so.
            generator: A seed or a key, in place of one of the collection.
        """
        shape = self.spec.shape_for(getattr(x, "shape", ())) if self.spec.initial else ()
        weights = [
            self.param(
                name,
                self.initializer or nn.initializers.constant(value),
                shape,
                self.param_dtype,
            )
            for name, value in self.spec.initial.items()
        ]
        result: jax.Array = activate(
            self.spec,
            x,
            weights,
            others if generator is None else (*others, generator),
            training=lambda: not nn.merge_param("deterministic", self.deterministic, deterministic),
            key=lambda: self.make_rng(self.rng_collection),
        )
        return result


def make_layer(spec: LayerSpec, options: Mapping[str, Any]) -> ActivationLayer:
    """Returns the layer of a specification."""
    check(spec, options, _OPTIONS, "linen")
    return ActivationLayer(spec, **options)


def is_layer(thing: Any) -> bool:
    """Whether an object is an activation layer of Linen, alone or with its parameters."""
    module = thing.module if isinstance(thing, Held) else thing
    return isinstance(module, (ActivationLayer, nn.PReLU))


def held(layer: Any, params: Any = None) -> Held:
    """Returns the layer with its parameters: those given, or those that it is bound to."""
    bound = layer.scope is not None and params is None
    return Held(layer, layer.variables.get("params", {}) if bound else params)


def _names(layer: Any) -> Mapping[str, str]:
    """The names that its parameters have, by those of the activation."""
    if isinstance(layer, ActivationLayer):
        return {name: name for name in layer.spec.initial}
    return {"weight": "negative_slope"}


def _own(layer: Any, params: Any) -> Mapping[str, Any]:
    """The parameters by the names that the activation has for them."""
    names = _names(layer)
    own = own_params(params, "params", list(names.values()), _EXAMPLE)
    return {name: own[theirs] for name, theirs in names.items()}


def weights_of(layer: Any) -> Mapping[str, NDArray[Any] | None]:
    """Returns the weights by name, of a layer that is bound or what `held` returned.

    Raises:
        ParameterValueError: The parameters are not known.
    """
    if not isinstance(layer, Held):
        layer = held(layer)
        if layer.params is None and _names(layer.module):
            raise ParameterValueError(
                "a module of Linen does not hold its parameters: pass them too, as in "
                f"export_weights(layer, {_EXAMPLE})."
            )
    module, params = layer
    if params is None:
        return {name: _first(module, name) for name in _names(module)}
    own = _own(module, params)
    return {name: as_numpy(nn.meta.unbox(weight)) for name, weight in own.items()}


def _first(module: Any, name: str) -> NDArray[Any] | None:
    """What a weight begins with; None if the first input decides its shape."""
    if not isinstance(module, ActivationLayer):
        return as_numpy(jnp.asarray(module.negative_slope_init, module.param_dtype))
    shape = module.spec.shape
    if shape is None:
        return None
    return as_numpy(jnp.full(shape, module.spec.initial[name], module.param_dtype))


def set_weights(layer: Held, weights: Mapping[str, NDArray[Any]]) -> Any:
    """Returns the parameters with these weights, in the form in which they were given."""
    module, params = layer
    names = _names(module)
    if params is None:
        shape: Sequence[int] | None = None if isinstance(module, ActivationLayer) else ()
        return {
            "params": {
                theirs: jnp.asarray(
                    weights[name] if shape is None else weights[name].reshape(shape),
                    module.param_dtype,
                )
                for name, theirs in names.items()
            }
        }
    new = {names[name]: _replaced(old, weights[name]) for name, old in _own(module, params).items()}
    if "params" not in params:
        return flax.core.copy(params, new)
    return flax.core.copy(params, {"params": flax.core.copy(params["params"], new)})


def _replaced(old: Any, new: NDArray[Any]) -> Any:
    """Returns a weight in place of another, in the box of metadata that it is in."""
    if isinstance(old, nn.meta.AxisMetadata):
        return old.replace_boxed(like(old.unbox(), new))
    return like(old, new)
