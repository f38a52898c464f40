"""Exact values to as many digits as a narrow float type can tell apart, for many inputs at once.

A formula is evaluated in `balls`. A value is taken only where its ball proves that the exact
oracle would lead to the same verdict; what is left over is evaluated by that oracle. So every value
is certified, one by one.

Two kinds of values would be left over by the thousand. Beside a power of 2 the spacing of the type
changes, so it matters on which side they lie; that is settled stretch by stretch, by one `arb` that
encloses all inputs of it. And of an underflow only the sign is asked; a tail has that of its ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from flint import arb
from numpy.typing import NDArray

from unified_act_conformance.floats import float_format, to_type, ulp, widen
from unified_act_conformance.truth.balls import Balls
from unified_act_conformance.truth.record import Function

__all__ = ["FEWEST", "NOISE", "changes_spacing", "settle"]

Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

FEWEST = 100
"""Inputs from which on this pays."""
TOLERANCE = 2.0**-20
"""The largest radius, in units of the type's spacing at the value."""
FINEST = 2.0**-24
"""The spacing of float32 below 1, the narrowest of all that are served."""
NOISE = 2.0**-96
"""Relative to a power of 2, at which a type's spacing changes, what is not told from it.

A value that is closer lies on neither side, here and in the exact oracle.
"""
LARGEST_TIE = 2.0**-134
"""Half of bfloat16's smallest number, a power of 2 beside which the rounding depends on the side.

It does at float16's too, but no value there is that close to it: the inputs are not small enough.
"""
CHUNK = 8192
"""Inputs at a time, so that what is in the works stays in the processor's cache."""
SHORTEST = 8
"""Neighbours from which on it pays to evaluate a stretch before each of its points."""


def changes_spacing(value: float) -> bool:
    """Whether a value is a power of 2 at which the spacing of some narrow type may change.

    Args:
        value: The value.
    """
    return abs(math.frexp(value)[0]) == 0.5 and abs(value) > LARGEST_TIE


def settle(
    function: Function,
    points: Doubles,
    dtype: str,
    sign_at: Callable[[float], float],
    only_condition: bool = False,
) -> tuple[Doubles, Doubles, Mask]:
    """Evaluates a function wherever its value can be told without much precision.

    Args:
        function: The formula, at the precision in force.
        points: The inputs, in any order; finite.
        dtype: The float type that the values are for.
        sign_at: Gives the exact sign at an input; asked at the ends of an underflow.
        only_condition: Whether the values judge nothing, but say how well conditioned others are.

    Returns:
        The values as double-doubles, high and low, and where they are certified: to a millionth of
        their size or of what matters. Unless they are only conditions, they round to the type as
        the exact ones do, lie in the same binade and have the same sign.
    """
    high, low = np.zeros(points.size), np.zeros(points.size)
    settled = np.zeros(points.size, dtype=np.bool_)
    negligible, beside = settled.copy(), settled.copy()
    with np.errstate(all="ignore"):
        for start in range(0, points.size, CHUNK):
            part = slice(start, start + CHUNK)
            balls = Balls.of(function(Balls(points[part]))).resized(points[part].size)
            high[part] = balls.mid + 0.0  # ball arithmetic has one zero
            settled[part], negligible[part], beside[part] = _judge(
                balls, points[part], dtype, only_condition
            )
    order = np.argsort(points, kind="stable")
    for stretch in _stretches(negligible[order], points[order] > 0):
        where = order[stretch]
        signs = {sign_at(float(points[where[end]])) for end in (0, -1)}
        if len(signs) == 1 and 0.0 not in signs:
            high[where] = 0.0 * signs.pop()
            settled[where] = True
    nearest = widen(to_type(high, dtype))
    for stretch in _stretches(beside[order], nearest[order]):
        where = order[stretch]
        power = float(nearest[where[0]])
        for found, rest in _beside(function, points, where, power):
            high[found], low[found], settled[found] = power, rest, True
    return high, low, settled


def _judge(balls: Balls, x: Doubles, dtype: str, only_condition: bool) -> tuple[Mask, Mask, Mask]:
    """Says which balls are small enough, which are nothing but small, which lie about a power of 2.

    Args:
        balls: The values.
        x: The inputs.
        dtype: The float type.
        only_condition: Whether a relative bound is enough.
    """
    fmt = float_format(dtype)
    lower, upper = balls.ends()
    unit, other_unit = ulp(lower, 0.0, dtype), ulp(upper, 0.0, dtype)
    # A value is also the condition of the order below, and then weighs half an ulp of its input.
    least = fmt.smallest_subnormal / np.maximum(ulp(x, 0.0, dtype), 1.0)
    known = np.isfinite(balls.mid) & (balls.rad <= TOLERANCE * np.maximum(abs(balls.mid), least))
    if only_condition:
        return known, np.zeros_like(known), np.zeros_like(known)
    small = known & (balls.rad <= TOLERANCE * np.minimum(unit, other_unit))
    ends = (to_type(end, dtype).view(fmt.bits_dtype) for end in (lower, upper))
    same = np.equal(*ends)
    settled = small & same & (unit == other_unit)
    negligible = np.maximum(-lower, upper) <= TOLERANCE * least
    return settled, negligible & ~settled & (x != 0), small & (unit != other_unit)


def _stretches(chosen: Mask, alike: NDArray[np.generic]) -> list[slice]:
    """Finds where neighbours are all chosen and alike."""
    edges = np.flatnonzero((chosen[1:] != chosen[:-1]) | (alike[1:] != alike[:-1])) + 1
    bounds = np.concatenate([[0], edges, [chosen.size]])
    return [
        slice(start, stop)
        for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        if start < stop and chosen[start]
    ]


def _beside(
    function: Function, points: Doubles, where: NDArray[np.intp], power: float
) -> Iterator[tuple[NDArray[np.intp], float]]:
    """Yields stretches of inputs, and how far beyond a power of 2 the values there lie.

    Args:
        function: The formula.
        points: The inputs.
        where: Those in question, in increasing order.
        power: The power of 2.
    """
    stack = [where]
    while stack:
        stretch = stack.pop()
        if stretch.size < SHORTEST:
            continue
        whole = arb(float(points[stretch[0]])).union(arb(float(points[stretch[-1]])))
        rest = (function(whole) - power) / power
        if rest.abs_upper() < NOISE / 2:
            yield stretch, 0.0
        elif rest.abs_lower() > 2 * NOISE and rest.abs_upper() < TOLERANCE * FINEST:
            yield stretch, power * float(rest)
        else:
            middle = stretch.size // 2
            stack += [stretch[:middle], stretch[middle:]]
