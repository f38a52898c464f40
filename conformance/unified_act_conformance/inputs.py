"""Deterministic inputs. They are the same everywhere, so that known deviations are exact."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance.floats import (
    FloatArray,
    FloatFormat,
    float_format,
    from_ordered,
    ordered,
    to_type,
)

FULL_COUNT = 20_000
QUICK_COUNT = 3_000
QUICK_16_BIT = 8_000
ALL_16_BIT = 65_536

KINK_REACH = 4
CROSSING_REACH = 64
DENSE_LIMIT = 20.0

# Where implementations switch branches, overflow, underflow or lose a digit: softplus's and tanh's
# cut-offs, gelu's tails, and exp and sqrt at the edges of each type.
THRESHOLDS: tuple[float, ...] = (
    *(
        20.0,
        -20.0,
        5.6,
        -5.6,
        9.0,
        -9.0,
        13.1,
        -13.1,
        0.625,
        -0.625,
        0.693147,
        -0.693147,
        1.0,
        -1.0,
    ),
    *(11.09, -9.704, -16.64, -17.33),
    *(88.72, -88.72, 44.36, -44.36, -87.34, -103.97, 89.0, -89.0),
    *(709.78, -709.78, 354.89, -354.89, -708.4, -745.13),
    *(255.9, -255.9, 1.8446744e19, -1.8446744e19, 1.3407807929942596e154, -1.3407807929942596e154),
    *(6.98e12, -6.98e12, 40.3, -40.3),
    # Where a second derivative of x / (1 + |x|) by the rules cancels in float32, and in float64.
    *(1.27e10, -1.27e10, 8.04529405347554e29, -8.04529405347554e29),
)

ROW_LENGTHS: tuple[int, ...] = (1, 2, 3, 10, 17, 100)
# The fractional parts of n times this are as evenly spread as any sequence can be.
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def sweep(
    dtype: str,
    *,
    kinks: Sequence[float] = (),
    crossings: Sequence[float] = (),
    count: int | None = None,
) -> FloatArray:
    """Gives inputs for an elementwise activation.

    Always present: zeros, the smallest and largest number of every kind, the infinities, NaN, and
    the neighbourhoods of kinks, thresholds and zero crossings. The rest is spread over the binades
    of both signs and, densely, over [-20, 20].

    Args:
        dtype: The name of the float type.
        kinks: Inputs to surround by 4 ULP.
        crossings: Zeros of a derivative to surround by 64 ULP.
        count: About how many inputs; by default all of a 16-bit type, and 20,000 of a wider one.

    Returns:
        An array of that type: all bit patterns in order, or distinct numbers in increasing order
        with one NaN at the end.
    """
    fmt = float_format(dtype)
    narrow = fmt.dtype.itemsize == 2
    if narrow and (count is None or count >= ALL_16_BIT):
        return np.arange(ALL_16_BIT, dtype=np.uint16).view(fmt.dtype)
    count = FULL_COUNT if count is None else count

    special = [0.0, math.inf, fmt.largest, fmt.smallest_normal, fmt.smallest_subnormal]
    special.append(fmt.smallest_normal - fmt.smallest_subnormal)
    special += [-value for value in special]
    parts = [
        ordered(_typed(special, fmt), dtype),
        _neighbours([*kinks, *THRESHOLDS], KINK_REACH, fmt),
        _neighbours(crossings, CROSSING_REACH, fmt),
        ordered(_binades(fmt, count // 2), dtype),
        ordered(_dense(fmt, count // 2), dtype),
    ]
    integers = np.unique(np.concatenate(parts))
    limit = int(ordered(_typed([math.inf], fmt), dtype)[0])
    values = from_ordered(integers[np.abs(integers) <= limit], dtype)
    zero = int(np.flatnonzero(values == 0)[0])
    negative_zero, nan = _typed([-0.0], fmt), _typed([math.nan], fmt)
    return np.concatenate([values[:zero], negative_zero, values[zero:], nan])


def quick(
    dtype: str, *, kinks: Sequence[float] = (), crossings: Sequence[float] = ()
) -> FloatArray:
    """Gives a smaller `sweep`, about 3,000 inputs, for every type.

    Args:
        dtype: The name of the float type.
        kinks: Inputs to surround by 4 ULP.
        crossings: Zeros of a derivative to surround by 64 ULP.

    Returns:
        The inputs, as `sweep` gives them.
    """
    return sweep(dtype, kinks=kinks, crossings=crossings, count=QUICK_COUNT)


def rows(dtype: str, lengths: Sequence[int] = ROW_LENGTHS) -> list[FloatArray]:
    """Gives matrices for softmax and the like, one for each row length.

    Args:
        dtype: The name of the float type.
        lengths: The lengths of the rows.

    Returns:
        Two-dimensional arrays of that type. The rows are, in this order: moderate values; wide
        ones; almost equal ones; ties; one clear winner; values near the largest number; tiny ones;
        some -inf; nothing but -inf; one +inf; one NaN.
    """
    fmt = float_format(dtype)
    return [_typed_matrix(_row_patterns(length, fmt), fmt) for length in lengths]


def cotangents(dtype: str, shape: tuple[int, ...]) -> FloatArray:
    """Gives finite cotangents for a matrix: constant, one-hot and mixed rows in turn.

    Args:
        dtype: The name of the float type.
        shape: The shape of the matrix, rows by row length.

    Returns:
        An array of that type and shape.
    """
    fmt = float_format(dtype)
    count, length = shape
    values = np.empty(shape, dtype=np.float64)
    for index in range(count):
        if index % 3 == 0:
            values[index] = 1.0
        elif index % 3 == 1:
            values[index] = np.arange(length) == index % length
        else:
            values[index] = 2.0 * evenly(length, start=index) - 1.0
    return to_type(values, fmt.name)


def _typed(values: Iterable[float], fmt: FloatFormat) -> FloatArray:
    return to_type(np.array(list(values), dtype=np.float64), fmt.name)


def _typed_matrix(values: list[NDArray[np.float64]], fmt: FloatFormat) -> FloatArray:
    return to_type(np.stack(values), fmt.name)


def _neighbours(centres: Sequence[float], reach: int, fmt: FloatFormat) -> NDArray[np.int64]:
    """Numbers every value within `reach` ULP of the centres that the type can hold."""
    held = [centre for centre in centres if abs(centre) <= fmt.largest]
    middle = ordered(_typed(held, fmt), fmt.name)
    return (middle[:, np.newaxis] + np.arange(-reach, reach + 1)).ravel()


def evenly(count: int, start: int = 0) -> NDArray[np.float64]:
    """Returns numbers that are spread evenly over [0, 1), in no order and the same every time.

    They are the multiples of the golden ratio, less their whole part.

    Args:
        count: How many numbers, of shape (count,).
        start: How many numbers of the sequence to leave out first.
    """
    return np.asarray(np.modf((np.arange(count) + start + 1) * _GOLDEN)[0])


def _binades(fmt: FloatFormat, count: int) -> FloatArray:
    """Spreads numbers over both signs of every binade, or of as many as the count allows.

    The first two of a binade are its power of two and its last number.
    """
    lowest = fmt.min_exponent - fmt.precision + 1
    exponents = np.arange(lowest, fmt.max_exponent + 1)
    stride = max(1, math.ceil(2 * exponents.size / max(count, 1)))
    exponents = exponents[::stride]
    per_binade = max(1, count // (2 * exponents.size))
    fractions = np.concatenate([[0.0, 1.0 - 2.0**-52], evenly(max(per_binade - 2, 0))])[:per_binade]
    if per_binade == 1:
        fractions_of = 1.0 + evenly(exponents.size)[:, np.newaxis]
    else:
        fractions_of = np.broadcast_to(1.0 + fractions, (exponents.size, per_binade))
    magnitudes = np.ldexp(fractions_of, exponents[:, np.newaxis]).ravel()
    # Rounding must not carry the last number into the next binade.
    chopped = _chop(magnitudes, fmt)
    return to_type(np.concatenate([chopped, -chopped]), fmt.name)


def _chop(magnitudes: NDArray[np.float64], fmt: FloatFormat) -> NDArray[np.float64]:
    """Rounds positive doubles towards zero to the type's grid."""
    exponent = np.maximum(np.frexp(magnitudes)[1] - 1, fmt.min_exponent)
    spacing = exponent - fmt.precision + 1
    # Scaled in two steps: 2^1074 is beyond a double.
    half = -spacing // 2
    scaled = np.floor(np.ldexp(np.ldexp(magnitudes, half), -spacing - half))
    return np.asarray(np.ldexp(scaled, spacing), dtype=np.float64)


def _dense(fmt: FloatFormat, count: int) -> FloatArray:
    """Spreads numbers with full significands evenly over [-20, 20]."""
    return to_type(DENSE_LIMIT * (2.0 * evenly(count) - 1.0), fmt.name)


def _row_patterns(length: int, fmt: FloatFormat) -> list[NDArray[np.float64]]:
    spread = 2.0 * evenly(length) - 1.0
    position = np.arange(length)
    last = length - 1
    wide = 1e4 if fmt.name == "float16" else 1e6
    return [
        3.0 * spread,
        wide * spread,
        1.0 + 2.0 ** (3 - fmt.precision) * position,
        np.where(position % 2 == 0, 2.5, -1.0),
        np.where(position == last, 50.0, spread),
        fmt.largest * spread,
        fmt.smallest_normal * spread,
        np.where((position % 3 == 1) & (position != last), -math.inf, 3.0 * spread),
        np.full(length, -math.inf),
        np.where(position == last, math.inf, spread),
        np.where(position == 0, math.nan, spread),
    ]
