"""The harness of JAX.

It sets ``jax_enable_x64``, without which there is no float64 to judge. And it keeps compiled
programs on disk, in ``~/.cache/unified_act/jax``, unless JAX has been told another folder, for
example with the environment variable ``JAX_COMPILATION_CACHE_DIR``.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from unified_act.backend import Numerics
from unified_act.errors import UnsupportedError
from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import Function, Harness, check_dtype

__all__ = ["harness"]

_configure: Callable[[str, Any], None] = jax.config.update

_configure("jax_enable_x64", True)
if jax.config.jax_compilation_cache_dir is None:  # type: ignore[attr-defined]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    _configure("jax_compilation_cache_dir", str(caches / "unified_act" / "jax"))
# Small programs too, in whatever folder: there are thousands of them.
for _name, _least in (
    ("jax_persistent_cache_min_compile_time_secs", 0.0),
    ("jax_persistent_cache_min_entry_size_bytes", -1),
):
    if _name.upper() not in os.environ:
        _configure(_name, _least)
# Another process may be writing what this one reads; then this one compiles it too.
warnings.filterwarnings("ignore", "Error reading persistent compilation cache", UserWarning)


def _vmapped(function: Function) -> Function:
    batched = jax.vmap(function)
    return lambda *inputs: batched(*(x[None] for x in inputs))[0]


def _each(function: Function, arguments: Sequence[Sequence[Any]]) -> list[Any]:
    return [function(*given) for given in arguments]


@partial(jax.jit, static_argnums=0)
def _hessian_product(
    function: Function, inputs: Sequence[Any], cotangent: Any, directions: Sequence[Any]
) -> tuple[Any, ...]:
    def gradients(*at: Any) -> Any:
        value, pullback = jax.vjp(function, *at)
        return pullback(jnp.ones_like(value) if cotangent is None else cotangent)

    return tuple(jax.vjp(gradients, *inputs)[1](tuple(directions)))


@partial(jax.jit, static_argnums=0)
def _by_cotangent(
    function: Function, inputs: Sequence[Any], cotangent: Any, directions: Sequence[Any]
) -> Any:
    pullback = jax.vjp(function, *inputs)[1]
    return jax.vjp(pullback, cotangent)[1](tuple(directions))[0]


class JaxHarness(Harness):
    """JAX speaks all four types with NumPy. Its arrays have no strides."""

    compiles_each_shape = True
    modes: Mapping[str, Callable[[Function], Function]] = {
        "jit": jax.jit,
        "vmap": _vmapped,
        "checkpoint": jax.checkpoint,  # type: ignore[attr-defined]
    }

    repeated = (0,)  # a gradient takes a millisecond
    _compiled = ""
    _on: Any = None

    def tried_modes(self, numerics: Numerics) -> Sequence[str]:
        """Only jit: vmap and checkpoint have checks of their own."""
        del numerics
        return ("jit",)

    def packages(self) -> list[str]:
        """The distributions whose versions are reported as tested."""
        return ["jax"]

    def use_device(self, device: str) -> str:
        """Puts arrays, and what JAX computes of nothing else, on a device."""
        kind, _, number = device.partition(":")
        try:
            self._on = jax.devices(kind)[int(number or 0)]
        except (RuntimeError, IndexError, ValueError) as error:
            listed = ", ".join(map(str, jax.devices()))
            raise UnsupportedError(f"JAX has {listed} here") from error
        _configure("jax_default_device", self._on)
        return device.replace(kind, self._on.platform)

    def device_name(self) -> str:
        """The device, and its model."""
        kind = "" if self._on is None else self._on.device_kind
        return f"{self.device} ({kind})" if kind and kind != self.device else self.device

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """Returns an array with the same values."""
        check_dtype(values.dtype.name, dtype)
        return jax.device_put(values.copy(), self._on)  # for which nothing is compiled

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

    def each(self, function: Function, arguments: Sequence[Sequence[Any]]) -> Sequence[Any]:
        """As one program: to compile takes most of the time here."""
        try:
            return jax.jit(_each, static_argnums=0)(function, arguments)  # type: ignore[no-any-return]
        except Exception:  # because of one of the calls, or since it cannot be traced
            return super().each(function, arguments)

    def hessian_product(
        self, function: Function, inputs: Sequence[Any], cotangent: Any, directions: Sequence[Any]
    ) -> tuple[Any, ...]:
        """By reverse mode over reverse mode, in one program."""
        return _hessian_product(function, inputs, cotangent, directions)  # type: ignore[no-any-return]

    def cotangent_gradient(
        self,
        function: Function,
        inputs: Sequence[Any],
        cotangent: Any,
        directions: Sequence[Any],
    ) -> Any:
        """By reverse mode over reverse mode, in one program."""
        return _by_cotangent(function, inputs, cotangent, directions)

    def jvp(self, function: Function, inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """By `jax.jvp`."""
        return jax.jvp(function, tuple(inputs), tuple(tangents))[1]

    def saved_elements(self, function: Function, x: Any) -> int:
        """Counted in the function that `jax.vjp` returns, which is a tree of arrays."""
        kept = {id(array): array.size for array in jax.tree.leaves(jax.vjp(function, x)[1])}
        return sum(kept.values())


harness = JaxHarness()
