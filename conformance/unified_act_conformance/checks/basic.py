"""Checks of how an activation treats its arrays: cotangents, memory, position, layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from unified_act_conformance.checks.bench import Bench
from unified_act_conformance.floats import FloatArray, float_format, to_type, widen
from unified_act_conformance.harness import NotOfferedError
from unified_act_conformance.problems import joined
from unified_act_conformance.subject import DTYPES, number_of

__all__ = ["cotangents", "deterministic", "layouts", "lengths", "not_mutated", "weights"]

_Item = TypeVar("_Item")

LONGEST = 33
ROW_LENGTHS = (*range(1, 10), 17, 18)
QUICK_STEP = 3
"""Of how many lengths one is tried in a quick run: an odd number, so that every tail is left."""
LONGEST_ROW = 17
"""Where all in a row act on each other: its exact gradient costs the cube of its length."""
RUNS = 3
NAN_STEP = 9
"""Every how many elements a cotangent is NaN, one at a time."""


def cotangents(bench: Bench) -> str:
    """A gradient is the cotangent times f′: exactly, where the cotangent is a power of two."""
    if 1 not in bench.orders:
        raise NotOfferedError("there is no gradient")
    values = bench.shaped(bench.finite_values())
    shape = bench.output_shape(values)
    plain = _gradients(bench, values, np.ones(shape))
    normal = float_format(bench.case.dtype).smallest_normal
    for factor in (-1.0, 0.125, 0.0):
        found = _gradients(bench, values, np.full(shape, factor))
        for name, once, scaled in zip(bench.activation.inputs, plain, found, strict=False):
            with np.errstate(invalid="ignore"):  # a gradient may be infinite
                wanted = once * factor
            # Among subnormal numbers the product is rounded, or flushed; and what has overflowed
            # is finite again where it is multiplied in a wider type.
            exact = (wanted == 0) & (once == 0) | (np.abs(wanted) >= normal) | (factor == 0)
            exact &= np.isfinite(once)
            about = values if name == "x" else np.full(once.shape, np.nan)
            problem = _difference(scaled, wanted, exact, about, f"cotangent {factor:g}", name)
            if problem:
                return problem
    if bench.activation.along_axis:
        return ""  # whose cotangents act on each other; the accuracy cases mix them
    by_x = plain[0]
    return (
        _different(bench, values, by_x)
        or _infinite(bench, values, by_x)
        or _nan(bench, values, by_x)
    )


def _gradients(bench: Bench, values: FloatArray, cotangent: FloatArray) -> list[FloatArray]:
    """The gradients by all that it is differentiated by, in doubles."""
    given = bench.native(to_type(cotangent, bench.case.dtype))
    found = bench.implementation.gradients(bench.inputs(bench.native(values)), given)
    moving = found[: len(bench.activation.differentiated)]
    return [widen(bench.harness.to_numpy(array, bench.case.dtype)) for array in moving]


def _met_by_x(bench: Bench, cotangent: FloatArray) -> FloatArray:
    """The cotangent that each element of x is multiplied with: value and gate with the same one."""
    return cotangent if bench.pointwise else joined([cotangent] * 2, bench.parameters)


def _different(bench: Bench, values: FloatArray, plain: FloatArray) -> str:
    """Every element is multiplied with a cotangent of its own."""
    normal = float_format(bench.case.dtype).smallest_normal
    shape = bench.output_shape(values)
    index = np.arange(int(np.prod(shape))).reshape(shape)
    alternating = np.ldexp(1.0, index % 7 - 3) * (-1.0) ** index
    found = _gradients(bench, values, alternating)[0]
    wanted = plain * _met_by_x(bench, alternating)
    # A gradient that is too small to be anything but 0 may be something when it is multiplied.
    exact = (plain == 0) & (np.abs(found) >= normal)
    exact |= np.minimum(np.abs(wanted), np.abs(plain)) >= normal
    exact &= np.isfinite(plain)
    return _difference(found, wanted, exact, values, "cotangents that differ")


def _infinite(bench: Bench, values: FloatArray, plain: FloatArray) -> str:
    """An infinite cotangent gives an infinity with the sign of f′.

    0 · inf is nobody's promise. A framework's own kernel, which adds two products with the
    cotangent, may come to NaN.
    """
    found = _gradients(bench, values, np.full(bench.output_shape(values), np.inf))[0]
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
    shape = bench.output_shape(values)
    places = np.arange(int(np.prod(shape))).reshape(shape)
    met = _met_by_x(bench, places)
    ordinary = np.setdiff1d(places, met[np.abs(plain) < normal])
    for at in ordinary[::NAN_STEP]:
        found = _gradients(bench, values, np.where(places == at, np.nan, 1.0))[0]
        wanted = np.where(met == at, np.nan, plain)
        everywhere = np.ones(values.shape, dtype=np.bool_)
        problem = _difference(found, wanted, everywhere, values, "one cotangent of NaN")
        if problem:
            return problem
    return ""


def _difference(
    found: FloatArray,
    wanted: FloatArray,
    where: FloatArray,
    about: FloatArray,
    what: str,
    part: str = "x",
) -> str:
    wrong = np.flatnonzero(where & ~((found == wanted) | (np.isnan(found) & np.isnan(wanted))))
    if not wrong.size:
        return ""
    first = wrong[0]
    place = f"at x={widen(about).flat[first]}" if part == "x" else f"by {part}"
    return (
        f"with {what} the gradient {place} is {found.flat[first]}, "
        f"not {wanted.flat[first]}; {wrong.size} of {found.size} inputs"
    )


def not_mutated(bench: Bench) -> str:
    """Neither the call nor the backward pass writes into its arguments."""
    values = bench.shaped(bench.values())
    ones = to_type(np.ones(bench.output_shape(values)), bench.case.dtype)
    arrays, names = [values, *bench.further(values.shape), ones], bench.activation.inputs
    *inputs, cotangent = natives = [bench.native(array) for array in arrays]
    # Some harnesses hand out the NumPy array itself.
    before = [array.tobytes() for array in arrays]
    for order in bench.orders:
        if order == 0:
            bench.implementation.value(inputs)
        else:
            bench.implementation.gradients(inputs, cotangent)
        for name, array, native, kept in zip(
            (*names[: len(inputs)], "cotangent"), arrays, natives, before, strict=True
        ):
            dtype = "bool" if array.dtype == np.bool_ else bench.case.dtype
            if bench.harness.to_numpy(native, dtype).tobytes() != kept:
                which = "input" if name == "x" else name
                return f"the {which} is changed by the {'value' if order == 0 else 'gradient'}"
    return ""


def deterministic(bench: Bench) -> str:
    """The same call gives the same bits, every time: with the same noise, if there is any."""
    few = bench.values()
    values = bench.shaped(few if bench.compiles_each_shape else np.tile(few, 8))
    for order in bench.orders:
        runs = {bench.numbers(order, values).tobytes() for _ in range(RUNS)}
        if len(runs) > 1:
            what = "value" if order == 0 else "gradient"
            return f"{RUNS} runs give {len(runs)} different {what}s"
    return ""


def lengths(bench: Bench) -> str:
    """Every element is right in arrays of 1 to 33 elements, wherever it lies in them.

    The whole tail of every vector loop is among them, and all elements have changing neighbours.
    Of all but elementwise activations the arrays are single rows, of up to 18.
    """
    values = bench.values()
    arrays = [
        np.take(values, np.arange(length) + 7 * length, mode="wrap")
        for length in (range(1, LONGEST + 1) if bench.elementwise else ROW_LENGTHS)
        if length % bench.sections == 0 and bench.is_short(length, LONGEST_ROW)
    ]
    if bench.few_shapes:
        arrays = _one(bench, arrays)
    elif bench.compiles_each_shape:  # every length in one type
        arrays = arrays[DTYPES.index(bench.case.dtype) :: len(DTYPES)]
    elif bench.quick and bench.elementwise:
        arrays = arrays[::QUICK_STEP]
    return _together(bench, arrays) if bench.elementwise else _row_by_row(bench, arrays)


def _one(bench: Bench, listed: Sequence[_Item]) -> list[_Item]:
    """One of many, another one for each activation and type."""
    turn = number_of(bench.case.subject) + DTYPES.index(bench.case.dtype)
    return [listed[turn % len(listed)]] if listed else []


def _row_by_row(bench: Bench, arrays: list[FloatArray]) -> str:
    rows = [bench.along_axis(array.reshape(1, -1)) for array in arrays]
    found = bench.calls([bench.native(row) for row in rows], rows)
    for order, results in zip(bench.orders, found, strict=True):
        outputs = [bench.harness.to_numpy(result, bench.case.dtype) for result in results]
        for row, output in zip(rows, outputs, strict=True):
            problem = bench.fault_of_shape(order, output, row)
            if problem:
                return f"{row.size} elements: {problem}"
        if not rows or bench.all_right(order, outputs, rows):
            continue
        for row, output in zip(rows, outputs, strict=True):
            problem = bench.fault_of_numbers(order, output, row)
            if problem:
                return f"{row.size} elements: {problem}"
    return ""


def _together(bench: Bench, arrays: list[FloatArray]) -> str:
    found = bench.calls([bench.native(array) for array in arrays], arrays)
    for order, results in zip(bench.orders, found, strict=True):
        outputs = [bench.harness.to_numpy(result, bench.case.dtype) for result in results]
        for output, array in zip(outputs, arrays, strict=True):
            if output.shape != array.shape:
                return f"the output has shape {output.shape}, expected {array.shape}"
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
    laid_out = [
        layout
        for layout in bench.harness.layouts(bench.values(), bench.case.dtype)
        if bench.fits(layout[2].shape)
    ]
    if bench.few_shapes:
        laid_out = _one(bench, laid_out)
    if not laid_out:
        return ""
    try:
        found = bench.calls([x for _, x, _ in laid_out], [values for _, _, values in laid_out])
    except NotOfferedError:
        raise
    except Exception as error:
        return _raising(bench, laid_out) or f"{type(error).__name__}: {error}"
    for order, results in zip(bench.orders, found, strict=True):
        problem = _fault_of_layouts(bench, order, laid_out, results)
        if problem:
            return problem
    return ""


def _raising(bench: Bench, laid_out: Sequence[tuple[str, Any, FloatArray]]) -> str:
    """Says with which layout a call raises what, or nothing."""
    for name, x, values in laid_out:
        try:
            bench.calls([x], [values])
        except Exception as error:
            return f"layout {name!r}: {type(error).__name__}: {error}"
    return ""


def _fault_of_layouts(
    bench: Bench,
    order: int,
    laid_out: Sequence[tuple[str, Any, FloatArray]],
    results: Sequence[Any],
) -> str:
    outputs = []
    for (name, _, values), result in zip(laid_out, results, strict=True):
        try:
            output = bench.harness.to_numpy(result, bench.case.dtype)
        except Exception as error:
            return f"layout {name!r}: {type(error).__name__}: {error}"
        problem = bench.fault_of_shape(order, output, values)
        if problem:
            return f"layout {name!r}: {problem}"
        outputs.append(output)
    if bench.all_right(order, outputs, [values for _, _, values in laid_out]):
        return ""
    for (name, _, values), output in zip(laid_out, outputs, strict=True):
        problem = bench.fault_of_numbers(order, output, values)
        if problem:
            return f"layout {name!r}: {problem}"
    return ""


def weights(bench: Bench) -> str:
    """The gradient of a weight has the weight's shape: a number, a vector, or one to broadcast."""
    if 1 not in bench.orders:
        raise NotOfferedError("it has no gradient")
    values = np.resize(bench.finite_values(), (4, 3, 3) if bench.axis == -1 else (4, 3, 2))
    x = bench.native(values)
    names = bench.activation.inputs[1:]
    shapes: list[tuple[int, ...]] = [(1,), (3,), (1, 1), (3, 1), values.shape]
    if bench.harness.scalars:
        shapes = [(), *shapes]
    for shape in _one(bench, shapes) if bench.few_shapes else shapes:
        given = [bench.native(np.full(shape, 0.5, dtype=values.dtype)) for _ in names]
        try:
            found = bench.implementation.gradients([x, *given], None)[1:]
            got = [bench.harness.to_numpy(each, bench.case.dtype).shape for each in found]
        except Exception as error:
            return f"a weight of shape {shape}: {type(error).__name__}: {error}"
        for name, gradient in zip(names, got, strict=True):
            if gradient != shape:
                return f"a {name} of shape {shape} has a gradient of shape {gradient}"
    return ""
