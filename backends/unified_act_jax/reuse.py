"""Definitions in which XLA repeats an operation sooner than write its result into an array."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from unified_act_jax.elementary import again

__all__ = ["reusing"]

_CALLS = ("pjit", "jit")
"""Calls of a function of JAX, in its older and newer versions."""
_EXPENSIVE = ("cos", "div", "pow", "sin")
"""What the namespace, or an operator, leaves to be made cheap here, where it is used twice."""


def reusing(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Returns `function` with `again` around each expensive result that it uses more than once.

    A quotient, for example, comes from the operator of an array, which knows nothing of that.

    Args:
        function: A function of arrays. No derivative may flow through its expensive operations in
            reverse, by `jax.linear_transpose`: `again` has none.
    """

    @functools.lru_cache(maxsize=64)
    def traced(x64: bool, *like: jax.ShapeDtypeStruct) -> ClosedJaxpr:
        del x64  # on which types depend
        return jax.make_jaxpr(function)(*like)

    @jax.jit  # traced once for the value, and for its derivatives
    def call(*inputs: jax.Array) -> jax.Array:
        x64: bool = jax.config.jax_enable_x64  # type: ignore[attr-defined]
        closed = traced(x64, *map(_like, inputs))  # JAX itself traces once for each context
        result: jax.Array = _run(closed.jaxpr, closed.consts, inputs)[0]
        return result

    return call


def _like(x: Any) -> jax.ShapeDtypeStruct:
    like: Any = jax.ShapeDtypeStruct
    return like(x.shape, x.dtype, weak_type=x.weak_type)  # type: ignore[no-any-return]


def _bound(primitive: Any, operands: Sequence[Any], parameters: Mapping[str, Any]) -> Any:
    given = primitive.get_bind_params(parameters)
    # JAX returned the functions inside beside the parameters, and now returns them among these.
    functions, given = given if isinstance(given, tuple) else ((), given)
    return primitive.bind(*functions, *operands, **given)


@functools.lru_cache(maxsize=256)
def _called(inner: ClosedJaxpr) -> Callable[..., list[Any]]:
    """A function that is called several times, in a form that is traced once."""
    return jax.jit(lambda *operands: _run(inner.jaxpr, inner.consts, operands))


def _run(jaxpr: Jaxpr, constants: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, constants, strict=True))
    values |= dict(zip(jaxpr.invars, inputs, strict=True))
    named = [v for equation in jaxpr.eqns for v in equation.invars if not isinstance(v, Literal)]
    uses = Counter(named)

    def value(variable: Any) -> Any:
        return variable.val if isinstance(variable, Literal) else values[variable]

    for equation in jaxpr.eqns:
        primitive: Any = equation.primitive
        operands = [value(v) for v in equation.invars]
        if primitive.name in _CALLS:  # such as jax.numpy.where
            results = _called(equation.params["jaxpr"])(*operands)
        else:
            found = _bound(primitive, operands, equation.params)
            results = found if primitive.multiple_results else [found]
            if primitive.name in _EXPENSIVE and uses[equation.outvars[0]] > 1:
                results = [again(results[0])]
        values |= dict(zip(equation.outvars, results, strict=True))
    return [value(v) for v in jaxpr.outvars]
