"""Checks of other features of a framework: compilers, further derivatives, memory for backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from unified_act.backend import Numerics
from unified_act_conformance.checks.bench import Bench
from unified_act_conformance.floats import float_format, widen
from unified_act_conformance.harness import Function, NotOfferedError
from unified_act_conformance.problems import joint_tangents, spread
from unified_act_conformance.subject import Differentiated

__all__ = ["compiled", "double_backward", "forward_mode", "saved_tensors"]

FAST: Numerics = "fast"
TANGENT_TOLERANCE = 16.0
"""In eps of 1 or of a larger derivative, along tangents between -1 and 1."""


def forward_mode(bench: Bench) -> str:
    """The derivative along a tangent is f′ times the tangent."""
    return _along_tangents(bench, bench.harness.jvp)


def double_backward(bench: Bench) -> str:
    """The gradient of a gradient, by the cotangent, is f′ times its direction."""

    def by_cotangent(function: Function, inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        values = bench.harness.to_numpy(inputs[0], bench.case.dtype)
        cotangent = spread(bench.case.dtype, bench.output_shape(values), seed=7)
        return bench.harness.cotangent_gradient(function, inputs, bench.native(cotangent), tangents)

    return _along_tangents(bench, by_cotangent)


def _along_tangents(
    bench: Bench, along: Callable[[Function, Sequence[Any], Sequence[Any]], Any]
) -> str:
    values, function = bench.finite_values(), bench.implementation.function
    if bench.elementwise:
        found = along(function, [bench.native(values)], [bench.native(np.ones_like(values))])
        return bench.fault(1, found, values)
    values = bench.shaped(values)
    dtype, moving = bench.case.dtype, len(bench.activation.differentiated)
    arrays = [values, *bench.further(values.shape)]
    tangents = [spread(dtype, array.shape, seed=1 + i) for i, array in enumerate(arrays[:moving])]
    inputs = [bench.native(array) for array in arrays]
    found = along(
        lambda *moved: function(*moved, *inputs[moving:]),
        inputs[:moving],
        [bench.native(tangent) for tangent in tangents],
    )
    got = widen(bench.harness.to_numpy(found, dtype))
    wanted = joint_tangents(bench.case, arrays, tangents)
    if got.shape != wanted.shape:
        return f"the tangent has shape {got.shape}, expected {wanted.shape}"
    unit = float_format(dtype).epsilon * np.maximum(1.0, np.abs(wanted))
    error = np.nan_to_num(np.abs(got - wanted) / unit, nan=np.inf)
    worst = int(error.argmax())
    if error.flat[worst] <= TANGENT_TOLERANCE:
        return ""
    about = f" at x={widen(values).flat[worst]}" if bench.pointwise else ""
    return f"the tangent{about} is {got.flat[worst]}, not {wanted.flat[worst]}"


def saved_tensors(bench: Bench) -> str:
    """A smooth function of one array keeps one array of that size for its backward pass."""
    if bench.numerics != "strict":
        raise NotOfferedError("promised in the strict profile")
    values = np.tile(bench.values(), 32)
    kept = bench.harness.saved_elements(bench.implementation.function, bench.native(values))
    if kept <= values.size:
        return ""
    return f"{kept / values.size:.3g} arrays of the input's size are kept for the backward pass"


def compiled(bench: Bench, mode: str) -> str:
    """A compiled function is right too, in value and gradient.

    It is judged by the limits of ``"fast"``, since compilers simplify. A mode that compiles nothing
    is judged by those of its profile.

    Args:
        bench: What is checked.
        mode: The name of the compiler, one of the harness's modes.
    """
    flushing = mode in bench.harness.flushing_modes
    function = bench.harness.modes[mode](bench.implementation.function)
    compiled_function = Differentiated(function, bench.harness)
    there = replace(bench, implement=lambda case, numerics: compiled_function)
    if mode not in bench.harness.eager_modes:
        there = replace(there, numerics=FAST)
    values = bench.shaped(bench.values())
    x = bench.native(values)
    for order in bench.orders:
        problem = there.fault(order, there.call(order, x, values), values, flushing=flushing)
        if problem:
            return problem
    return ""
