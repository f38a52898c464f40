"""Checks of the other ways through a framework: compilers, forward mode, second derivatives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from unified_act.backend import Numerics
from unified_act_conformance.checks_bench import Bench
from unified_act_conformance.floats import FloatArray, float_format, to_type, widen
from unified_act_conformance.harness import NotOfferedError
from unified_act_conformance.implementation import Differentiated

__all__ = ["compiled", "forward_mode", "saved_tensors", "second_order"]

FAST: Numerics = "fast"
STEP = 2.0**-17
"""Of the central difference: its error and that of rounding are both about 1e-10 then."""
TOLERANCE = 1e-7
ROW_TOLERANCE = 16.0
"""In eps, for a derivative of magnitude 1 along a row of 32."""


def forward_mode(bench: Bench) -> str:
    """The derivative along a tangent is f′ times the tangent."""
    values = bench.finite_values()
    if bench.kind == "axis":
        return _along_rows(bench, bench.shaped(values))
    x = bench.native(values)
    inputs = bench.inputs(x)
    tangents = [bench.native(np.ones_like(values))]
    tangents += [bench.native(np.zeros(1, values.dtype)) for _ in inputs[1:]]
    found = bench.harness.jvp(bench.implementation.function, inputs, tangents)
    return bench.fault(1, found, values)


def _along_rows(bench: Bench, values: FloatArray) -> str:
    tangent = to_type(np.cos(np.arange(values.size)).reshape(values.shape), bench.case.dtype)
    function = bench.implementation.function
    found = bench.harness.jvp(function, [bench.native(values)], [bench.native(tangent)])
    got = widen(bench.harness.to_numpy(found, bench.case.dtype))
    x, t, axis = widen(values), widen(tangent), bench.axis
    p = np.exp(x - x.max(axis=axis, keepdims=True))
    p /= p.sum(axis=axis, keepdims=True)
    wanted = t - (p * t).sum(axis=axis, keepdims=True)
    if bench.case.subject.activation == "softmax":
        wanted *= p
    error = np.max(np.abs(got - wanted)) / float_format(bench.case.dtype).epsilon
    return (
        "" if error <= ROW_TOLERANCE else f"the derivative along a tangent is {error:.3g} eps off"
    )


def saved_tensors(bench: Bench) -> str:
    """A smooth function of one array keeps one array of that size for its backward pass."""
    if bench.kind != "elementwise" or bench.numerics != "strict":
        raise NotOfferedError("promised of elementwise activations in the strict profile")
    values = np.tile(bench.values(), 32)
    kept = bench.harness.saved_elements(bench.implementation.function, bench.native(values))
    if kept <= values.size:
        return ""
    return f"{kept / values.size:.3g} arrays of the input's size are kept for the backward pass"


def compiled(bench: Bench, mode: str) -> str:
    """A compiled function is as right as an eager one, in value and gradient.

    Args:
        bench: What is checked.
        mode: The name of the compiler, one of the harness's modes.
    """
    flushing = mode in bench.harness.flushing_modes
    function = bench.harness.modes[mode](bench.implementation.function)
    there = replace(bench, implementation=Differentiated(function, bench.harness), numerics=FAST)
    values = bench.shaped(bench.values())
    x = bench.native(values)
    for order in bench.orders:
        problem = there.fault(order, there.call(order, x), values, flushing=flushing)
        if problem:
            return problem
    return ""


def second_order(bench: Bench) -> str:
    """The gradient's gradient agrees with the gradient's central differences, in float64."""
    orders = bench.harness.orders(bench.case.subject.activation, bench.case.dtype, bench.numerics)
    if 2 not in orders:
        raise NotOfferedError("the framework has no second derivative of this")
    values = widen(to_type(np.linspace(-2.9, 2.7, 12), "float64")).reshape(3, 4)
    if bench.kind == "elementwise":
        values = values[np.abs(values) > 0.05].reshape(-1)
    inputs = [
        np.asarray(bench.harness.to_numpy(a, "float64")) for a in bench.inputs(bench.native(values))
    ]
    mixed = np.cos(1.0 + np.arange(values.size)).reshape(values.shape)
    directions = [np.sin(2.0 + np.arange(a.size)).reshape(a.shape) for a in inputs]
    found = bench.harness.hessian_product(
        bench.implementation.function,
        _natives(bench, inputs),
        bench.native(mixed),
        _natives(bench, directions),
    )
    # The Hessian is symmetric: its product with the directions is the change along them.
    ahead, behind = (
        _gradients(
            bench, [a + sign * STEP * d for a, d in zip(inputs, directions, strict=True)], mixed
        )
        for sign in (1.0, -1.0)
    )
    for name, got, plus, minus in zip(("x", "the weight"), found, ahead, behind, strict=False):
        wanted = (plus - minus) / (2.0 * STEP)
        error = np.max(np.abs(bench.harness.to_numpy(got, "float64") - wanted))
        if not error <= TOLERANCE:
            return f"the second derivative by {name} is {error:.3g} away from finite differences"
    return ""


def _natives(bench: Bench, arrays: list[FloatArray]) -> list[Any]:
    return [bench.native(array) for array in arrays]


def _gradients(bench: Bench, inputs: list[FloatArray], cotangent: FloatArray) -> list[FloatArray]:
    found = bench.implementation.gradients(_natives(bench, inputs), bench.native(cotangent))
    return [bench.harness.to_numpy(array, "float64") for array in found]
