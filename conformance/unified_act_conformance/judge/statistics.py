"""How errors are distributed: over the inputs, as a curve, and among them, as percentiles.

A curve holds the worst input of each stretch of an axis of all floats of a type: magnitudes from
2⁻¹² to 2¹², where activations bend, at two stretches to the binade, the tails beyond compressed
into eight stretches each, and a place of their own for the infinities, zero and NaN. The axis is
the same for all inputs of a type, so curves can be joined and laid over each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance.floats import float_format

__all__ = [
    "BUCKETS",
    "NAMED_BUCKETS",
    "PERCENTILES",
    "Curve",
    "Percentiles",
    "Point",
    "bucket_axis",
    "curve_of",
    "join_curves",
    "percentiles_of",
    "percentiles_together",
]

Doubles = NDArray[np.float64]

SIDE = 64
"""Stretches for the finite numbers of one sign."""
NAMED_BUCKETS = {"-inf": 0, "zero": SIDE + 1, "inf": 2 * SIDE + 2, "nan": 2 * SIDE + 3}
"""The places of what has no neighbours on a logarithmic axis."""
BUCKETS = 2 * SIDE + 4


class Point(NamedTuple):
    """The worst of one stretch.

    Attributes:
        bucket: Which stretch, counted from minus infinity.
        x: The input with the largest error there.
        error: Its error, as the judge measures it; infinite for a fault.
    """

    bucket: int
    x: float
    error: float


Curve = tuple[Point, ...]
"""Points in the order of their stretches; those without an input are left out."""


def bucket_axis(dtype: str) -> tuple[list[float], list[float]]:
    """Returns the axis of one sign, for linear interpolation.

    Args:
        dtype: The name of the float type.

    Returns:
        Binary logarithms of magnitudes, and where each lies between 0 and `SIDE`.
    """
    fmt = float_format(dtype)
    smallest = float(fmt.min_exponent - fmt.precision + 1)
    return [smallest, -12.0, 12.0, fmt.max_exponent + 1.0], [0.0, 8.0, SIDE - 8.0, float(SIDE)]


def curve_of(x: Doubles, errors: Doubles, dtype: str) -> Curve:
    """Returns the curve of some outputs.

    Args:
        x: The inputs, flat.
        errors: The error of each.
        dtype: The name of the float type.
    """
    if not x.size:
        return ()
    buckets = _bucket(x, dtype)
    # Stable, so that of equal errors the first input is kept; NumPy sorts 16-bit integers by radix.
    order = np.argsort(buckets, kind="stable")
    buckets, errors = buckets[order], errors[order]
    starts = np.flatnonzero(np.diff(buckets, prepend=-1))
    largest = np.maximum.reduceat(errors, starts)
    is_worst = errors == np.repeat(largest, np.diff(starts, append=errors.size))
    # The first of the worst at or after each start lies in the stretch that starts there.
    worst = np.flatnonzero(is_worst)
    worst = worst[np.searchsorted(worst, starts)]
    columns = (buckets[worst], x[order[worst]], largest)
    return tuple(map(Point, *(column.tolist() for column in columns)))


def join_curves(first: Curve, second: Curve) -> Curve:
    """Returns the curve of two sets of inputs together.

    Args:
        first: One curve.
        second: The other, over the same float type.
    """
    points = {point.bucket: point for point in first}
    for point in second:
        known = points.get(point.bucket)
        if known is None or point.error > known.error:
            points[point.bucket] = point
    return tuple(points[bucket] for bucket in sorted(points))


def _bucket(x: Doubles, dtype: str) -> NDArray[np.int16]:
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.interp(np.log2(np.abs(x)), *bucket_axis(dtype))
    place = np.minimum(np.nan_to_num(place), SIDE - 1).astype(np.int16)
    buckets = np.where(x < 0, SIDE - place, SIDE + 2 + place)
    buckets = np.where(x == 0, NAMED_BUCKETS["zero"], buckets)
    buckets = np.where(np.isnan(x), NAMED_BUCKETS["nan"], buckets)
    infinite = np.where(x < 0, NAMED_BUCKETS["-inf"], NAMED_BUCKETS["inf"])
    return np.where(np.isinf(x), infinite, buckets).astype(np.int16)


PERCENTILES: Mapping[str, float] = MappingProxyType({"p50": 0.5, "p99": 0.99, "p99.9": 0.999})
"""By name: the share of the outputs that are at most this far off."""

Percentiles = Mapping[str, float]
"""By the names of `PERCENTILES`."""


def percentiles_of(values: NDArray[np.float64]) -> Percentiles:
    """Returns the percentiles of some numbers, each one of them: nothing is interpolated.

    Args:
        values: The numbers, at least one, none of them NaN.

    >>> percentiles_of(np.arange(1.0, 1001.0))
    {'p50': 500.0, 'p99': 990.0, 'p99.9': 999.0}
    """
    places = [math.ceil(share * values.size) - 1 for share in PERCENTILES.values()]
    return dict(zip(PERCENTILES, np.partition(values, places)[places].tolist(), strict=True))


def percentiles_together(first: Percentiles, second: Percentiles) -> Percentiles:
    """Returns the larger of each two: those of both sets together are at most that.

    Args:
        first: Those of one set.
        second: Those of another.
    """
    return {name: max(first[name], second[name]) for name in PERCENTILES}
