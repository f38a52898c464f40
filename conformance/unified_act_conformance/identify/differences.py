"""Measures the differences of two functions, in value and gradient, by region of the input."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act_conformance import inputs
from unified_act_conformance.floats import distance, to_type, widen
from unified_act_conformance.identify.probe import Sample, Unknown, block
from unified_act_conformance.identify.sources import Source

__all__ = ["Differences", "Gap", "Region", "differences"]

Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

EDGES = (-math.inf, -20.0, -4.0, -1.0, -0.01, 0.01, 1.0, 4.0, 20.0, math.inf)
DENSE = 4001
"""Points between the ends of a range, besides those that every float type is tried at."""


@dataclass(frozen=True)
class Gap:
    """The largest difference of some outputs.

    Attributes:
        absolute: The difference; infinite where only one of the two is a number.
        absolute_at: The input where that is; NaN where an output is about a whole row.
        ulps: The largest number of floats in between, which may be elsewhere.
        ulps_at: The input where that is.
    """

    absolute: float
    absolute_at: float
    ulps: float
    ulps_at: float


@dataclass(frozen=True)
class Region:
    """Some inputs.

    Attributes:
        name: Which.
        count: How many.
        value: How far the values are apart there.
        gradient: How far the gradients are; None if one of the two has none.
    """

    name: str
    count: int
    value: Gap
    gradient: Gap | None


@dataclass(frozen=True)
class Differences:
    """How far two functions are apart.

    Attributes:
        first: One, as it was named.
        second: The other.
        dtype: The float type.
        regions: The differences by region, in the order of the inputs.
        notes: What else was seen.
    """

    first: str
    second: str
    dtype: str
    regions: tuple[Region, ...]
    notes: tuple[str, ...] = ()


def differences(
    first: Source,
    second: Source,
    *,
    dtype: str = "float32",
    between: tuple[float, float] | None = None,
) -> Differences:
    """Returns how far two functions are apart.

    Args:
        first: One.
        second: The other, on the same framework or another.
        dtype: The float type.
        between: Only inputs between these two numbers; default: all, the infinities and NaN too.

    Raises:
        unified_act.UnsupportedError: One of them fails in that type, or they cannot be compared.
        unified_act.ParameterValueError: The range is empty.
    """
    if between is not None and not between[0] < between[1]:
        raise ua.ParameterValueError(
            f"the range from {between[0]:g} to {between[1]:g} is empty: give the smaller first."
        )
    pair = [Unknown(source.function, source.backend) for source in (first, second)]
    pointwise = [unknown.is_elementwise() for unknown in pair]
    if pointwise[0] != pointwise[1]:
        raise ua.UnsupportedError("only one of the two is elementwise: name two of the same kind.")
    kinks = [kink.at for source in (first, second) for kink in source.kinks or ()]
    x = _inputs(dtype, kinks, between) if pointwise[0] else block(pair[0].shape)
    samples = []
    for source, unknown in zip((first, second), pair, strict=True):
        try:
            samples.append((unknown.at if pointwise[0] else unknown.sample)(x, dtype))
        except Exception as error:  # whatever the framework says to what it does not take
            raise ua.UnsupportedError(f"{source.text} fails in {dtype}: {error}") from error
    one, other = samples
    if one.value.shape != other.value.shape:
        raise ua.UnsupportedError(
            f"the outputs have different shapes, {one.value.shape} and {other.value.shape}."
        )
    notes = (
        f"{source.text} has no gradient: {unknown.missing_gradient}"
        for source, unknown in zip((first, second), pair, strict=True)
        if unknown.missing_gradient
    )
    found = _by_region(one, other, dtype) if pointwise[0] else [_whole(one, other, dtype)]
    return Differences(first.text, second.text, dtype, tuple(found), tuple(notes))


def _inputs(dtype: str, kinks: Sequence[float], between: tuple[float, float] | None) -> Doubles:
    x = widen(inputs.quick(dtype, kinks=kinks))
    if between is None:
        return x
    low, high = between
    x = x[(x >= low) & (x <= high)]
    return np.asarray(np.unique(np.concatenate([x, np.linspace(low, high, DENSE)])))


def _by_region(one: Sample, other: Sample, dtype: str) -> Iterator[Region]:
    for low, high in itertools.pairwise(EDGES):
        there = np.isfinite(one.x) & (one.x >= low) & (one.x < high)
        if there.any():
            yield _region(_name(low, high), one, other, there, dtype)
    infinite = ~np.isfinite(one.x)
    if infinite.any():
        yield _region("infinities and NaN", one, other, infinite, dtype)


def _name(low: float, high: float) -> str:
    if math.isinf(low):
        return f"below {high:g}"
    return f"{low:g} and above" if math.isinf(high) else f"{low:g} to {high:g}"


def _region(name: str, one: Sample, other: Sample, there: Mask, dtype: str) -> Region:
    x = one.x[there]
    gradient = None
    if one.gradient is not None and other.gradient is not None:
        gradient = _gap(one.gradient[there], other.gradient[there], x, dtype)
    value = _gap(one.value[there], other.value[there], x, dtype)
    return Region(name, int(np.count_nonzero(there)), value, gradient)


def _whole(one: Sample, other: Sample, dtype: str) -> Region:
    value = _gap(one.value.ravel(), other.value.ravel(), np.full(one.value.size, np.nan), dtype)
    gradient = None
    if one.gradient is not None and other.gradient is not None:
        nowhere = np.full(one.gradient.size, np.nan)
        gradient = _gap(one.gradient.ravel(), other.gradient.ravel(), nowhere, dtype)
    return Region(f"an array {one.x.shape}", one.x.size, value, gradient)


def _gap(one: Doubles, other: Doubles, x: Doubles, dtype: str) -> Gap:
    ulps = distance(to_type(one, dtype), to_type(other, dtype), dtype)
    with np.errstate(invalid="ignore"):
        absolute = np.where(ulps == 0, 0.0, np.abs(one - other))
    absolute = np.where(np.isnan(absolute), np.inf, absolute)  # a number and NaN
    by_size, by_ulps = int(np.argmax(absolute)), int(np.argmax(ulps))
    return Gap(float(absolute[by_size]), float(x[by_size]), float(ulps[by_ulps]), float(x[by_ulps]))
