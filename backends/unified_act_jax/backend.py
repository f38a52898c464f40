"""JAX backend: the implementation of `FrameworkBackend`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.extend
import jax.numpy as jnp

from unified_act.backend import (
    DTYPES,
    HOME,
    LEAST_NOISE,
    FrameworkBackend,
    Native,
    Request,
    Words,
    dtype_test,
    shortcut,
    with_keywords,
)
from unified_act.layers import LayersOfLibraries
from unified_act.shapes import axes_of
from unified_act_jax import gradient, modules, tables
from unified_act_jax.native import DEVICES, NATIVE, TABLED

if TYPE_CHECKING:
    from unified_act.replacement import ReplacementReport
    from unified_act.replacement import Request as Replacements

__all__ = ["JaxBackend"]


class JaxBackend(FrameworkBackend):
    """The backend ``"jax"``. Setting ``jax_enable_x64``, for float64, is left to the user."""

    name = "jax"
    framework = jax
    native: Mapping[str, Native] = NATIVE
    gradient = gradient
    tables = tables
    tabled = TABLED
    devices = DEVICES
    layers: LayersOfLibraries = modules
    types: Sequence[type] = (jax.Array,)
    dtype_objects: ClassVar[Mapping[str, Any]] = {name: jnp.dtype(name) for name in DTYPES}
    arrays = (jax.Array,)
    booleans = (jnp.dtype(bool),)
    generators = jax.Array
    words = Words(
        "a jax.Array", "array", "jnp.asarray(x, dtype=jnp.float32)", "x.astype(jnp.float32)"
    )

    def accepts(self, array_type: type) -> bool:
        """Whether `array_type` is an array, or stands for one while a function is traced."""
        return issubclass(array_type, (jax.Array, jax.core.Tracer))

    def device_of(self, x: jax.Array) -> str:
        """Returns the platform of an array; of what is traced, that of JAX's default device."""
        if _has_only_cpus():  # to ask an array takes 3 µs
            return HOME
        if not isinstance(x, jax.core.Tracer):
            return str(next(iter(x.devices())).platform)
        chosen = jax.config.jax_default_device  # type: ignore[attr-defined]
        if chosen is None:
            return str(jax.default_backend())
        return chosen if isinstance(chosen, str) else str(chosen.platform)

    def is_noise(self, given: Any) -> bool:
        """Whether it is an array of floats; a key is an array as well."""
        return self.is_array(given) and given.dtype in self.dtype_objects.values()

    def fitted(self, function: Callable[..., Any], request: Request) -> Callable[..., Any]:
        """Returns `function`, compiled, with a dimension added where it is due and there is none.

        Shapes are checked once for each, when it is traced. Not compiled, jax.nn.relu and others
        would do part of their work in Python.
        """

        def of_rows(*inputs: jax.Array) -> Any:
            if inputs[0].ndim:
                return function(*inputs)
            return function(*[x[None] for x in inputs])[0]

        keeps_shape = request.activation.along_axis and not request.activation.resizes
        checked = super().fitted(of_rows if keeps_shape else function, request)
        if checked is not function:
            checked.__name__ = request.activation.name  # which jaxprs and profiles show
        return jax.jit(checked)

    def shared(self, request: Request) -> Mapping[str, Callable[..., Any]]:
        """Returns the shared definition for each dtype, by the name of the dtype."""
        fast = request.numerics == "fast"
        function = gradient.shared_definition(request.activation, request.parameters, fast=fast)
        return dict.fromkeys(self.dtypes, self.fitted(function, request))

    def own(self, request: Request, kernel: Native) -> Callable[..., Any]:
        """Returns JAX's kernel, compiled; a function of the user's is left as it is."""
        if not kernel.is_override:
            return super().own(request, kernel)
        return super().fitted(with_keywords(kernel.find(jax), request.arguments), request)

    def short_way(self, request: Request, otherwise: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that calls at once what is compiled for float32 and others."""
        if len(request.inputs) > 1:
            return otherwise
        function = request.functions["float32"]
        short = [name for name in DTYPES if request.functions[name] is function]
        # An array of NumPy has a dtype, but no aval; and to ask that is faster than to ask x.
        test = dtype_test(short, "x.aval.dtype")
        kernel = request.kernel
        if request.at_home and kernel is not None and "float32" in kernel.dtypes:
            here = dtype_test(request.at_home, "x.aval.dtype")
            test = f"({test}) or ({here}) and has_only_cpus()"
        scope = {"function": function, "has_only_cpus": _has_only_cpus, **self.dtype_objects}
        return shortcut(test, "function(x)", otherwise, scope)

    def merged(self, array: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns an array, broadcast to `x`, with several of its axes as one, the last."""
        moved = jnp.moveaxis(jnp.broadcast_to(array, x.shape), axes_of(x.shape, axes), _last(axes))
        kept = moved.shape[: -len(axes)]
        return moved.reshape(*kept, math.prod(moved.shape[len(kept) :]))

    def parted(self, rows: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns an array in the shape of `x`, of what `merged` made of one."""
        places = axes_of(x.shape, axes)
        kept = [n for axis, n in enumerate(x.shape) if axis not in places]
        shape = (*kept, *(x.shape[axis] for axis in places))
        return jnp.moveaxis(rows.reshape(shape), _last(axes), places)

    def draw(self, x: jax.Array, source: int | jax.Array, dtype: Any) -> jax.Array:
        """Returns uniform random numbers in the shape of `x`, from a seed or a JAX key."""
        key = source if isinstance(source, jax.Array) else jax.random.key(source)
        return jnp.maximum(jax.random.uniform(key, x.shape, dtype), LEAST_NOISE)

    def replace_activations(self, model: Any, request: Replacements) -> ReplacementReport:
        """Replaces activations inside a module of Flax NNX."""
        from unified_act_jax import replacement  # which imports Flax

        return replacement.replace_activations(model, request)


@functools.cache
def _has_only_cpus() -> bool:
    """Whether JAX has no other devices. To ask starts it, so nobody asks before the first call."""
    return set(jax.extend.backend.backends()) == {HOME}


def _last(axes: Sequence[int]) -> list[int]:
    return list(range(-len(axes), 0))
