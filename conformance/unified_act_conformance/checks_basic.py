"""Checks of how an activation treats its arrays: cotangents, memory, position, layout."""

from __future__ import annotations

import numpy as np

from unified_act_conformance.checks_bench import Bench
from unified_act_conformance.floats import FloatArray, float_format, to_type, widen
from unified_act_conformance.harness import NotOfferedError

__all__ = ["cotangents", "deterministic", "layouts", "lengths", "not_mutated", "weights"]

LONGEST = 33
RUNS = 3
NAN_STEP = 9
"""Every how many elements a cotangent is NaN, one at a time."""


def cotangents(bench: Bench) -> str:
    """A gradient is the cotangent times f′: exactly, where the cotangent is a power of two."""
    if 1 not in bench.orders:
        raise NotOfferedError("there is no gradient")
    values = bench.shaped(bench.finite_values())
    x = bench.native(values)
    plain = widen(bench.numbers(1, x, bench.native(np.ones_like(values))))
    normal = float_format(bench.case.dtype).smallest_normal
    for factor in (-1.0, 0.125, 0.0):
        given = to_type(np.full(values.shape, factor), bench.case.dtype)
        wanted = plain * factor
        # Among subnormal numbers the product is rounded, or flushed.
        exact = (wanted == 0) & (plain == 0) | (np.abs(wanted) >= normal) | (factor == 0)
        found = widen(bench.numbers(1, x, bench.native(given)))
        problem = _difference(found, wanted, exact, values, f"cotangent {factor:g}")
        if problem:
            return problem
    if bench.kind == "axis":
        return ""  # whose cotangents act on each other; the accuracy cases mix them
    index = np.arange(values.size).reshape(values.shape)
    alternating = np.ldexp(1.0, index % 7 - 3) * (-1.0) ** index
    found = widen(bench.numbers(1, x, bench.native(to_type(alternating, bench.case.dtype))))
    wanted = plain * alternating
    exact = (plain == 0) | (np.minimum(np.abs(wanted), np.abs(plain)) >= normal)
    problem = _difference(found, wanted, exact, values, "cotangents that differ")
    return problem or _infinite(bench, values, plain) or _nan(bench, values, plain)


def _infinite(bench: Bench, values: FloatArray, plain: FloatArray) -> str:
    """An infinite cotangent gives an infinity with the sign of f′.

    0 · inf is nobody's promise. A framework's own kernel, which adds two products with the
    cotangent, may come to NaN.
    """
    given = to_type(np.full(values.shape, np.inf), bench.case.dtype)
    x = bench.native(values)
    found = widen(bench.numbers(1, x, bench.native(given)))
    ordinary = np.abs(plain) >= float_format(bench.case.dtype).smallest_normal
    if bench.numerics == "fast":
        ordinary &= ~np.isnan(found)
    wanted = np.copysign(np.inf, plain)
    return _difference(found, wanted, ordinary, values, "an infinite cotangent")


def _nan(bench: Bench, values: FloatArray, plain: FloatArray) -> str:
    """A cotangent of NaN gives NaN where it is, where f′ is not 0, and changes nothing elsewhere.

    0 · NaN is nobody's promise: what selects its gradient gives 0.
    """
    normal = float_format(bench.case.dtype).smallest_normal
    for at in np.flatnonzero(np.abs(plain) >= normal)[::NAN_STEP]:
        given = np.ones(values.shape)
        given.flat[at] = np.nan
        x = bench.native(values)
        found = widen(bench.numbers(1, x, bench.native(to_type(given, bench.case.dtype))))
        wanted = plain.copy()
        wanted.flat[at] = np.nan
        everywhere = np.ones(values.shape, dtype=np.bool_)
        problem = _difference(found, wanted, everywhere, values, "one cotangent of NaN")
        if problem:
            return problem
    return ""


def _difference(
    found: FloatArray, wanted: FloatArray, where: FloatArray, values: FloatArray, what: str
) -> str:
    wrong = np.flatnonzero(where & ~((found == wanted) | (np.isnan(found) & np.isnan(wanted))))
    if not wrong.size:
        return ""
    first = wrong[0]
    return (
        f"with {what} the gradient at x={widen(values).flat[first]!r} is "
        f"{found.flat[first]!r}, not {wanted.flat[first]!r}; {wrong.size} of {values.size} inputs"
    )


def not_mutated(bench: Bench) -> str:
    """Neither the call nor the backward pass writes into its arguments."""
    values = bench.shaped(bench.values())
    x, cotangent = bench.native(values), bench.native(np.ones_like(values))
    # Some harnesses hand out the NumPy array itself.
    before, ones = values.copy(), np.ones_like(values)
    for order in bench.orders:
        bench.call(order, x, cotangent)
        for name, array, kept in (("input", x, before), ("cotangent", cotangent, ones)):
            now = bench.harness.to_numpy(array, bench.case.dtype)
            if now.tobytes() != kept.tobytes():
                return f"the {name} is changed by the {'value' if order == 0 else 'gradient'}"
    return ""


def deterministic(bench: Bench) -> str:
    """The same call gives the same bits, every time."""
    values = bench.shaped(np.tile(bench.values(), 8))
    x = bench.native(values)
    for order in bench.orders:
        runs = {bench.numbers(order, x).tobytes() for _ in range(RUNS)}
        if len(runs) > 1:
            what = "value" if order == 0 else "gradient"
            return f"{RUNS} runs give {len(runs)} different {what}s"
    return ""


def lengths(bench: Bench) -> str:
    """Every element is right in arrays of 1 to 33 elements, wherever it lies in them.

    The whole tail of every vector loop is among them, and all elements have changing neighbours.
    """
    values = bench.values()
    arrays = [
        np.take(values, np.arange(length) + 7 * length, mode="wrap")
        for length in range(1, LONGEST + 1)
    ]
    for order in bench.orders:
        outputs = []
        for array in arrays:
            shaped = array if bench.kind == "elementwise" else array.reshape(1, -1)
            if bench.kind == "axis" and bench.axis == 0:
                shaped = shaped.T
            output = bench.numbers(order, bench.native(np.ascontiguousarray(shaped)))
            if output.shape != shaped.shape:
                return f"the output has shape {output.shape}, the input {shaped.shape}"
            if bench.kind == "axis":
                problem = bench.fault_of_numbers(order, output, shaped)
                if problem:
                    return f"{array.size} elements: {problem}"
            outputs.append(output.reshape(-1))
        if bench.kind == "axis":
            continue
        joined = np.concatenate(outputs)
        problem = bench.fault_of_numbers(order, joined, np.concatenate(arrays))
        if problem:
            return f"{_where(bench, order, arrays, outputs)}{problem}"
    return ""


def _where(bench: Bench, order: int, arrays: list[FloatArray], outputs: list[FloatArray]) -> str:
    """Says which lengths are wrong, if not all are."""
    wrong = [
        array.size
        for array, output in zip(arrays, outputs, strict=True)
        if bench.fault_of_numbers(order, output, array, causes=False)
    ]
    if len(wrong) == len(arrays):
        return ""
    return f"of 1 to {LONGEST} elements, those of {', '.join(map(str, wrong))} are wrong: "


def layouts(bench: Bench) -> str:
    """Values and gradients are right however the array lies in memory, and shapes are kept."""
    for name, x, values in bench.harness.layouts(bench.values(), bench.case.dtype):
        # The axes of a row function or of channels must be there, and rows not be empty.
        if bench.kind != "elementwise" and (values.ndim < 2 or not values.size):
            continue
        for order in bench.orders:
            try:
                problem = bench.fault(order, bench.call(order, x), values)
            except NotOfferedError:
                raise
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            if problem:
                return f"layout {name!r}: {problem}"
    return ""


def weights(bench: Bench) -> str:
    """The gradient of a weight has the weight's shape: one number, or one for each channel."""
    values = np.resize(bench.finite_values(), (4, 3, 3) if bench.axis == -1 else (4, 3, 2))
    x = bench.native(values)
    for shape in ((), (1,), (3,)) if bench.harness.scalars else ((1,), (3,)):
        weight = np.full(shape, 0.5, dtype=values.dtype)
        try:
            found = bench.implementation.gradients([x, bench.native(weight)], None)[1]
            gradient = bench.harness.to_numpy(found, bench.case.dtype)
        except Exception as error:
            return f"a weight of shape {shape}: {type(error).__name__}: {error}"
        if gradient.shape != shape:
            return f"a weight of shape {shape} has a gradient of shape {gradient.shape}"
    return ""
