"""The inputs, and the exact values there: once for all frameworks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance import inputs
from unified_act_conformance.floats import (
    FloatArray,
    float_format,
    from_ordered,
    half_ulp,
    ordered,
    ulp,
    widen,
)
from unified_act_conformance.inputs import evenly
from unified_act_conformance.judge import SIDE, bucket_axis
from unified_act_conformance.subject import Subject
from unified_act_conformance.truth import evaluate_once, kinks, record_of

__all__ = ["BINS", "DTYPES", "SIZE", "Exact", "Expected", "expected", "points"]

DTYPES = ("float32", "bfloat16", "float16")
SIZE = 2**20
"""The inputs of float32. All activations have as many, since some frameworks compile for a size."""
DENSE = 2**17
"""How many of these are where the suite's own inputs lie: around 0 and wherever something bends."""
BINS = SIDE
"""The stretches of a curve, those of both signs together: two of the suite's in one."""

Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Exact:
    """The exact values of one order.

    Attributes:
        high: The values, to a millionth of the type's spacing; at an infinity the limit.
        unit: The spacing of the type at each.
        allowance: The error that the suite calls one unit.
        beyond: Where the value rounds to an infinity although the input is finite.
    """

    high: Doubles
    unit: Doubles
    allowance: Doubles
    beyond: Mask


@dataclass(frozen=True)
class Expected:
    """What is right for an activation in a float type.

    Attributes:
        subject: The activation with its parameters.
        dtype: The float type.
        typed: The inputs: -inf, the finite ones in increasing order, inf, and NaN.
        x: The same as doubles.
        orders: The exact values, by order.
        kinks: Where a derivative jumps, of those that are among the inputs.
    """

    subject: Subject
    dtype: str
    typed: FloatArray
    x: Doubles
    orders: dict[int, Exact]
    kinks: tuple[float, ...]

    @cached_property
    def finite(self) -> slice:
        """The place of the finite inputs."""
        return slice(1, int(np.count_nonzero(~np.isnan(self.x))) - 1)

    @cached_property
    def bends(self) -> NDArray[np.intp]:
        """The places of the kinks among the finite inputs."""
        return np.flatnonzero(np.isin(self.x[self.finite], self.kinks))

    @cached_property
    def bins(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The bins of the finite inputs that have one, and where the inputs of each start."""
        return _bins(self.x[self.finite], self.dtype)


def points(subject: Subject, dtype: str) -> FloatArray:
    """Returns the inputs for an activation, in the order of `Expected.typed`.

    Args:
        subject: The activation with its parameters.
        dtype: A float type of `DTYPES`.
    """
    bends = kinks(subject.activation, dict(subject.parameters))
    crossings = record_of(subject.activation).crossings
    wide = float_format(dtype).dtype.itemsize > 2
    found = inputs.sweep(
        dtype, kinks=bends, crossings=crossings, count=DENSE if wide else inputs.ALL_16_BIT
    )
    numbers = found[~np.isnan(widen(found))]
    if wide:
        numbers = np.concatenate([numbers, _spread(numbers, dtype)])
    # The negative zero comes before the positive one.
    place = 2 * ordered(numbers, dtype) - np.signbit(widen(numbers))
    numbers = numbers[np.argsort(place, kind="stable")]
    return np.concatenate([numbers, found[np.isnan(widen(found))]])


def _spread(known: FloatArray, dtype: str) -> FloatArray:
    """Spreads the rest of `SIZE` evenly over all bit patterns, besides the known numbers."""
    wanted = SIZE - known.size - 1  # and one NaN
    count = wanted + 4096
    last = int(ordered(np.array([float_format(dtype).largest]), dtype)[0])
    place = (np.arange(count) + evenly(count)) / count
    found = np.unique(np.floor((2.0 * last + 1.0) * place).astype(np.int64) - last)
    found = found[~np.isin(found, ordered(known, dtype))]
    chosen = np.round(np.linspace(0, found.size - 1, wanted)).astype(np.int64)
    return from_ordered(found[chosen], dtype)


def _bins(x: Doubles, dtype: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    with np.errstate(divide="ignore"):
        side = np.interp(np.log2(abs(x)), *bucket_axis(dtype))
    place, half = np.minimum(side, SIDE - 1).astype(np.intp) // 2, BINS // 2
    bins = np.where(x < 0, half - 1 - place, half + place)
    bins[x == 0] = -1
    starts = np.flatnonzero(np.diff(bins, prepend=-2))
    return bins[starts], starts


def expected(
    subject: Subject, dtype: str, orders: tuple[int, ...], typed: FloatArray | None = None
) -> Expected:
    """Evaluates the truth.

    Args:
        subject: The activation with its parameters.
        dtype: The float type.
        orders: Which derivatives.
        typed: The inputs, in the order of `Expected.typed`; by default those of `points`.
    """
    typed = points(subject, dtype) if typed is None else typed
    x = widen(typed)
    bends = kinks(subject.activation, dict(subject.parameters))
    needed = sorted({each for order in orders for each in (order, order + 1)})
    values = {order: _values(subject, order, x, dtype) for order in needed}
    smooth = np.isfinite(x) & ~np.isin(x, bends)
    half = half_ulp(x, dtype)
    return Expected(
        subject,
        dtype,
        typed,
        x,
        {
            order: _exact(values[order], np.where(smooth, values[order + 1], 0.0), half, dtype)
            for order in orders
        },
        tuple(at for at in bends if np.any(x == at)),
    )


def _values(subject: Subject, order: int, x: Doubles, dtype: str) -> Doubles:
    return evaluate_once(subject.activation, order, x, dict(subject.parameters), dtype).high


def _exact(high: Doubles, slope: Doubles, half: Doubles, dtype: str) -> Exact:
    fmt = float_format(dtype)
    with np.errstate(all="ignore"):
        unit = ulp(high, 0.0, dtype)
        allowance = unit + np.nan_to_num(half * abs(slope)) + fmt.epsilon
        beyond = abs(high) >= fmt.largest + 0.5 * fmt.epsilon * 2.0**fmt.max_exponent
    return Exact(high, unit, allowance, beyond)
