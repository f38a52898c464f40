"""Checks of other features of a framework: compilers, forward mode and memory for backward."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unified_act.backend import Numerics
from unified_act_conformance.checks.bench import Bench
from unified_act_conformance.floats import FloatArray, float_format, widen
from unified_act_conformance.harness import NotOfferedError
from unified_act_conformance.problems import joint_tangents, spread
from unified_act_conformance.subject import Differentiated

__all__ = ["compiled", "forward_mode", "saved_tensors"]

FAST: Numerics = "fast"
TANGENT_TOLERANCE = 16.0
"""In eps of 1 or of a larger derivative, along tangents between -1 and 1."""


def forward_mode(bench: Bench) -> str:
    """The derivative along a tangent is f′ times the tangent."""
    values = bench.finite_values()
    if not bench.elementwise:
        return _along_tangents(bench, bench.shaped(values))
    function = bench.implementation.function
    found = bench.harness.jvp(
        function, [bench.native(values)], [bench.native(np.ones_like(values))]
    )
    return bench.fault(1, found, values)


def _along_tangents(bench: Bench, values: FloatArray) -> str:
    dtype, function = bench.case.dtype, bench.implementation.function
    moving = len(bench.activation.differentiated)
    arrays = [values, *bench.further(values.shape)]
    tangents = [spread(dtype, array.shape, seed=1 + i) for i, array in enumerate(arrays[:moving])]
    inputs = [bench.native(array) for array in arrays]
    found = bench.harness.jvp(
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
