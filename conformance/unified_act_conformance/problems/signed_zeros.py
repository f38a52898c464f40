"""Where the sign of a zero is determined, so that the other zero is another answer.

A result that is too small for the type is a zero with the sign of the exact value, and a limit of
that kind is one too: gelu(-40) and gelu(-inf) are -0. At ±0 a function that passes from negative to
positive keeps the sign of its input. Not determined is the sign where a function is exactly 0 on a
whole interval, ends included, such as relu for x ≤ 0; nor where it touches 0 and turns back.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance.truth import Reference, Truth

__all__ = ["flat_stretches", "signed_zeros"]

Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

BESIDE = 2.0**-100
"""How far from 0 a function is asked whether it passes through it."""


def signed_zeros(truth: Truth, order: int, x: Doubles, reference: Reference) -> Mask:
    """Says where a correctly rounded zero has a sign: that of `reference.high`.

    Args:
        truth: The exact function.
        order: The derivative.
        x: The inputs.
        reference: The exact values there.
    """
    signed: Mask = reference.high != 0
    if not truth.signs:
        return signed
    zero = x == 0
    flat = np.zeros(x.shape, dtype=np.bool_)
    for low, high in flat_stretches(truth, order):
        flat |= (x >= low) & (x <= high)
    passes = order == 0 and _passes_through_zero(truth)
    return np.asarray(signed | np.where(zero, passes, ~flat))


def flat_stretches(truth: Truth, order: int) -> Iterator[tuple[float, float]]:
    """Yields the closed intervals between kinks on which the function is 0.

    Args:
        truth: The exact function.
        order: The derivative.
    """
    ends = [-np.inf, *sorted(truth.kinks), np.inf]
    for low, high in pairwise(ends):
        if low < high:
            # Between kinks it is analytic: 0 at two points of no account is 0 throughout.
            inside = np.array(_two_points(low, high))
            values = truth.evaluate(order, inside)
            if not values.high.any():
                yield low, high


def _two_points(low: float, high: float) -> list[float]:
    if np.isinf(low) and np.isinf(high):
        return [-0.3, 0.7]
    if np.isinf(low):
        return [high - 0.3, high - 0.7]
    if np.isinf(high):
        return [low + 0.3, low + 0.7]
    return [low + 0.3 * (high - low), low + 0.7 * (high - low)]


def _passes_through_zero(truth: Truth) -> bool:
    before, after = truth.evaluate(0, np.array([-BESIDE, BESIDE])).high.tolist()
    return bool(before < 0 < after)
