"""The harness of JAX. It sets ``jax_enable_x64``, without which there is no float64 to judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from unified_act.backend import Numerics
from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import Function, Harness, check_dtype, contiguous

__all__ = ["harness"]

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]


def _vmapped(function: Function) -> Function:
    batched = jax.vmap(function)
    return lambda *inputs: batched(*(x[None] for x in inputs))[0]


class JaxHarness(Harness):
    """JAX speaks all four types with NumPy. Its arrays have no strides."""

    modes: Mapping[str, Callable[[Function], Function]] = {
        "jit": jax.jit,
        "vmap": _vmapped,
        "checkpoint": jax.checkpoint,  # type: ignore[attr-defined]
    }

    repeated = (0,)  # a gradient takes a millisecond
    _compiled = ""

    def packages(self) -> list[str]:
        """The distributions whose versions are reported as tested."""
        return ["jax"]

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """Returns an array with the same values."""
        check_dtype(values.dtype.name, dtype)
        return jnp.array(values)

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """Returns a NumPy array with the same values."""
        check_dtype(array.dtype.name, dtype)
        return np.asarray(array)

    def orders(self, activation: str, dtype: str, numerics: Numerics) -> Sequence[int]:
        """Returns all orders: every activation has a second derivative here."""
        del dtype, numerics
        if activation != self._compiled:  # for hundreds of shapes, which would take gigabytes
            jax.clear_caches()  # type: ignore[no-untyped-call]
            self._compiled = activation
        return (0, 1, 2)

    def hessian_product(
        self, function: Function, inputs: Sequence[Any], cotangent: Any, directions: Sequence[Any]
    ) -> tuple[Any, ...]:
        """By reverse mode over reverse mode."""

        def gradients(*at: Any) -> Any:
            value, pullback = jax.vjp(function, *at)
            return pullback(jnp.ones_like(value) if cotangent is None else cotangent)

        return tuple(jax.vjp(gradients, *inputs)[1](tuple(directions)))

    def jvp(self, function: Function, inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """By `jax.jvp`."""
        return jax.jvp(function, tuple(inputs), tuple(tangents))[1]

    def saved_elements(self, function: Function, x: Any) -> int:
        """Counted in the function that `jax.vjp` returns, which is a tree of arrays."""
        kept = {id(array): array.size for array in jax.tree.leaves(jax.vjp(function, x)[1])}
        return sum(kept.values())

    def layouts(self, values: FloatArray, dtype: str) -> Iterator[tuple[str, Any, FloatArray]]:
        """Shapes, and what indexing, transposing and broadcasting give."""
        yield from super().layouts(values, dtype)
        array, table, wide = self.to_native(values, dtype), values.reshape(4, 8), (4, 3, 8)
        yield "negative step", array[::-1], contiguous(values[::-1])
        yield "transposed", array.reshape(4, 8).T, contiguous(table.T)
        spread = np.broadcast_to(table[:, None], wide)
        yield "broadcast", jnp.broadcast_to(array.reshape(4, 1, 8), wide), contiguous(spread)


harness = JaxHarness()
