"""What the modules of all libraries share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from unified_act.callables import ActivationFunction
from unified_act.errors import ParameterValueError
from unified_act.layers import LayerSpec, check_options
from unified_act.literals import shown

__all__ = [
    "Held",
    "activate",
    "as_numpy",
    "check",
    "known_shape",
    "like",
    "own_params",
]


class Held(NamedTuple):
    """A module with its parameters, which are outside of it.

    Attributes:
        module: The module.
        params: Its parameters, as the caller passed them; None for those that it begins with.
    """

    module: Any
    params: Any


def activate(
    spec: LayerSpec,
    x: Any,
    weights: Sequence[Any],
    others: Sequence[Any],
    *,
    training: Callable[[], bool],
    key: Callable[[], Any],
) -> Any:
    """Returns the activation of an input.

    Args:
        spec: What it is.
        x: The input. An array of NumPy becomes one of JAX, as in other modules.
        weights: Its weights. They are cast to the dtype of the input.
        others: A mask; a seed, a key or noise, if it draws random numbers and is not to take a key
            of the library.
        training: Says whether the module trains. Only an activation that follows the mode asks.
        key: Returns a key of the library.
    """
    x, *others = (jnp.asarray(a) if isinstance(a, np.ndarray) else a for a in (x, *others))
    if not spec.draws:
        if isinstance(x, jax.Array):
            weights = [weight.astype(x.dtype) for weight in weights]
        return spec.function(x, *weights, *others)
    if spec.follows_mode and not training():
        return spec.function(x)
    return _in_training(spec)(x, *(others or (key(),)))


@functools.cache
def _in_training(spec: LayerSpec) -> ActivationFunction:
    return spec.in_training


def check(
    spec: LayerSpec, options: Mapping[str, Any], allowed: Sequence[str], library: str
) -> None:
    """Raises unless these options are those of a library's layers, and of use.

    Raises:
        UnknownParameterError: There is no such option.
        ParameterValueError: An option is for weights, but the activation has none.
    """
    check_options(options, allowed, f"jax with library={library!r}")
    if "initializer" in options and not spec.initial:
        raise ParameterValueError(
            f"{spec.function.name} learns nothing and has no weights: leave out initializer."
        )


def known_shape(spec: LayerSpec, library: str) -> tuple[int, ...]:
    """Returns the shape of the weights, for a library whose modules have them from the start.

    Raises:
        ParameterValueError: The first input would decide it.
    """
    if spec.shape is None:
        what = "channels=None" if spec.shared_axes is None else f"shared_axes={spec.shared_axes}"
        raise ParameterValueError(
            f"{what} takes the shape of the weights from the first input, but a module of "
            f"{library} has its weights before it sees one: pass channels=… or weight_shape=…"
        )
    return spec.shape


def own_params(tree: Any, part: str, names: Sequence[str], example: str) -> Mapping[str, Any]:
    """Returns the parameters of one module.

    Args:
        tree: The mapping that has them; or one that has this mapping under the name `part`.
        part: The name.
        names: Those of the parameters.
        example: How to write the argument, for the error.

    Raises:
        ParameterValueError: They are not there.
    """
    within = tree[part] if isinstance(tree, Mapping) and part in tree else tree
    if not isinstance(within, Mapping) or not set(names) <= set(within):
        found = list(within) if isinstance(within, Mapping) else within
        raise ParameterValueError(
            f"params are those of this layer alone, with the names {list(names)}, such as "
            f"{example}; got {shown(found)}."
        )
    return within


def as_numpy(weight: Any) -> NDArray[Any]:
    """Returns a weight as an array of NumPy with at least one dimension; bfloat16 as float32."""
    array: NDArray[Any] = np.atleast_1d(np.array(weight))
    return array.astype(np.float32) if array.dtype == jnp.bfloat16 else array


def like(old: Any, new: NDArray[Any]) -> jax.Array:
    """Returns a weight with the dtype, the shape and the placement of the one that it replaces."""
    array = jnp.asarray(new.reshape(np.shape(old)), old.dtype)
    placed: jax.Array = jax.device_put(array, getattr(old, "sharding", None))
    return placed
