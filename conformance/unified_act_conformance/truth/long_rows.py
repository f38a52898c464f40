"""Exact results for long rows in which few different elements repeat.

A sum over a row is then a short sum of multiples, whatever the length of the row. `joint` evaluates
any row, but for a gradient it needs the square of the length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from unified_act_conformance.truth.elementwise import (
    FIRST_PRECISION,
    Reference,
    reference_of,
    split,
)

__all__ = ["LONG_ROWS", "LongRow", "evaluate_long_row"]

Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

SOFTMAX_LIKE = ("softmax", "softmin", "softmax2d", "masked_softmax", "gumbel_softmax")
LONG_ROWS = (*SOFTMAX_LIKE, "log_softmax", "sparsemax", "hardmax")
"""The activations that `evaluate_long_row` knows."""


@dataclass(frozen=True)
class LongRow:
    """The different elements of a row.

    Attributes:
        x: The number of each.
        counts: How often each occurs.
        half_ulps: Half an ulp of each number.
        cotangent: The cotangent of each, zeros for the value.
        half_ulps_cotangent: Half an ulp of each cotangent.
        counted: Which ones a mask leaves in.
        noise: The noise of each, if there is noise.
        half_ulps_noise: Half an ulp of each.
        first: Which of them is the first largest element of the row; it occurs once.
    """

    x: Doubles
    counts: Doubles
    half_ulps: Doubles
    cotangent: Doubles
    half_ulps_cotangent: Doubles
    counted: Mask
    noise: Doubles | None
    half_ulps_noise: Doubles | None
    first: int


def evaluate_long_row(
    name: str, order: int, row: LongRow, parameters: Mapping[str, Any]
) -> tuple[Reference, Doubles]:
    """Gives the result, or the gradient, at each different element of a row.

    Args:
        name: One of `LONG_ROWS`.
        order: 0 for the result, 1 for the gradient of its sum, weighted by the cotangent.
        row: The row.
        parameters: All parameters.

    Returns:
        The values, and what half an ulp of change in everything given can do to each.
    """
    if name == "hardmax" or (name == "gumbel_softmax" and order == 0 and parameters["hard"]):
        chosen = np.zeros(row.x.size)
        if order == 0:
            chosen[row.first] = 1.0
        return reference_of(chosen, 0.0 * chosen), 0.0 * chosen
    sign = -1.0 if name == "softmin" else 1.0
    inside = np.flatnonzero(row.counted)
    high, low, slack = (np.zeros(row.x.size) for _ in range(3))
    if inside.size:
        with ctx.workprec(FIRST_PRECISION):
            numbers, half_ulps, factor = _numbers(row, inside, sign, parameters)
            counts = row.counts[inside]
            cotangent = row.cotangent[inside]
            if name == "sparsemax":
                exact, support = _sparsemax(order, row.x[inside], counts, cotangent)
            else:
                of = _log_softmax if name == "log_softmax" else _softmax
                exact, support = of(order, numbers, counts, cotangent), None
            if order == 1:
                exact = [value * sign / factor for value in exact]
            high[inside], low[inside] = split(exact)
        slack[inside] = _slack(
            name, order, numbers, counts, cotangent, half_ulps, row.half_ulps_cotangent[inside],
            support,
        ) / (float(factor) if order == 1 else 1.0)  # fmt: skip
    return reference_of(high, low), slack


def _numbers(
    row: LongRow, inside: NDArray[np.intp], sign: float, parameters: Mapping[str, Any]
) -> tuple[list[arb], Doubles, float]:
    """What softmax is taken of, half an ulp of it, and what the input was divided by."""
    numbers = [arb(sign * value) for value in row.x[inside].tolist()]
    half_ulps = row.half_ulps[inside]
    if row.noise is None or row.half_ulps_noise is None:
        return numbers, half_ulps, 1.0
    tau, noise = float(parameters["tau"]), row.noise[inside]
    gumbel = [-((-(arb(value).log())).log()) for value in noise.tolist()]
    numbers = [(x + g) / tau for x, g in zip(numbers, gumbel, strict=True)]
    by_noise = 1.0 / (noise * -np.log(noise))
    return numbers, (half_ulps + by_noise * row.half_ulps_noise[inside]) / tau, tau


def _total(counts: Doubles, terms: Sequence[arb]) -> arb:
    return sum((term * count for term, count in zip(terms, counts.tolist(), strict=True)), arb(0))


def _powers(numbers: Sequence[arb]) -> list[arb]:
    top = max(numbers, key=float)
    return [(number - top).exp() for number in numbers]


def _softmax(order: int, numbers: Sequence[arb], counts: Doubles, cotangent: Doubles) -> list[arb]:
    powers = _powers(numbers)
    total = _total(counts, powers)
    if order == 0:
        return [power / total for power in powers]
    given = [arb(value) for value in cotangent.tolist()]
    # Differences of the cotangent first: a constant one gives exactly 0.
    sums: dict[float, arb] = {}
    for own in cotangent.tolist():
        if own not in sums:
            terms = [power * (own - each) for power, each in zip(powers, given, strict=True)]
            sums[own] = _total(counts, terms)
    return [
        power * sums[own] / total**2 for power, own in zip(powers, cotangent.tolist(), strict=True)
    ]


def _log_softmax(
    order: int, numbers: Sequence[arb], counts: Doubles, cotangent: Doubles
) -> list[arb]:
    powers = _powers(numbers)
    if order == 0:
        winner = max(range(len(numbers)), key=lambda place: float(numbers[place]))
        others = counts.copy()
        others[winner] -= 1.0
        rest = _total(others, powers).log1p()
        return [number - numbers[winner] - rest for number in numbers]
    total = _total(counts, powers)
    given = [arb(value) for value in cotangent.tolist()]
    weight = _total(counts, given)
    return [
        (own * total - power * weight) / total for power, own in zip(powers, given, strict=True)
    ]


def _sparsemax(
    order: int, x: Doubles, counts: Doubles, cotangent: Doubles
) -> tuple[list[arb], Mask]:
    number, total = 0, Fraction(0)
    values = [Fraction(value) for value in x.tolist()]
    threshold = Fraction(0)
    for place in np.argsort(-x, kind="stable").tolist():
        # An element has a share if 1 and the sum of what it exceeds are more than what is before.
        if number and 1 + number * values[place] <= total:
            break
        number += int(counts[place])
        total += int(counts[place]) * values[place]
        threshold = (total - 1) / number
    support = np.array([value > threshold for value in values])
    if order == 0:
        shares = [value - threshold if value > threshold else Fraction(0) for value in values]
    else:
        given = [Fraction(value) for value in cotangent.tolist()]
        inside = sum(
            (int(count) * own for count, own, s in zip(counts, given, support, strict=True) if s),
            Fraction(0),
        )
        mean = inside / sum(int(count) for count, s in zip(counts, support, strict=True) if s)
        shares = [own - mean if s else Fraction(0) for own, s in zip(given, support, strict=True)]
    return [arb(share.numerator) / share.denominator for share in shares], support


def _slack(
    name: str,
    order: int,
    numbers: Sequence[arb],
    counts: Doubles,
    cotangent: Doubles,
    half_ulps: Doubles,
    half_ulps_cotangent: Doubles,
    support: Mask | None,
) -> Doubles:
    """Sums half an ulp of each element times the partial derivative by it, in plain doubles.

    Of the elements that are like the one asked about, that one itself counts otherwise.
    """
    if support is not None:
        share = np.where(support, 1.0 / (counts * support).sum(), 0.0)
        moved = half_ulps if order == 0 else half_ulps_cotangent
        everywhere = (counts * share * moved).sum()
        return np.where(support, everywhere + moved - 2.0 * share * moved, 0.0)
    z = np.array([float(number) for number in numbers])
    p = np.exp(z - z.max())
    p /= (counts * p).sum()
    by_number = (counts * p * half_ulps).sum() + (1.0 - 2.0 * p) * half_ulps
    if order == 0:
        return np.asarray(np.abs(by_number if name == "log_softmax" else p * by_number))
    if name == "log_softmax":
        total = abs(float((counts * cotangent).sum()))
        by_cotangent = p * (counts * half_ulps_cotangent).sum()
        by_cotangent += (1.0 - 2.0 * p) * half_ulps_cotangent
        return np.asarray(total * p * np.abs(by_number) + np.abs(by_cotangent))
    offset = cotangent - (counts * p * cotangent).sum()
    mixed = np.abs(offset[:, np.newaxis] + offset[np.newaxis, :])
    others = mixed @ (counts * p * half_ulps) - 2.0 * np.abs(offset) * p * half_ulps
    own = np.abs((1.0 - 2.0 * p) * offset) * half_ulps
    by_cotangent = (counts * p * half_ulps_cotangent).sum()
    by_cotangent = by_cotangent + (1.0 - 2.0 * p) * half_ulps_cotangent
    return np.asarray(p * (others + own + np.abs(by_cotangent)))
