"""Exact results for long rows in which few different elements repeat.

A sum over a row is then a short sum of multiples, whatever the length of the row. `joint` evaluates
any row, but for a gradient it needs the square of the length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from unified_act_conformance.truth.thresholds import AMPLE, powered_gaps, powered_threshold

__all__ = ["LONG_ROWS", "LongRow", "evaluate_long_row"]

Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

SOFTMAX_LIKE = ("softmax", "softmin", "softmax2d", "masked_softmax", "gumbel_softmax")
LOG_LIKE = ("log_softmax", "masked_log_softmax")
SPARSE = ("sparsemax", "masked_sparsemax")
LONG_ROWS = (*SOFTMAX_LIKE, *LOG_LIKE, *SPARSE, "softmax_one", "entmax15", "entmax", "hardmax")
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
    if name == "softmax_one":  # softmax with one more number, 0
        found, slack = evaluate_long_row("softmax", order, _with_zero(row), parameters)
        return reference_of(found.high[:-1], found.low[:-1]), slack[:-1]
    sign = -1.0 if name == "softmin" else 1.0
    inside = np.flatnonzero(row.counted)
    high, low, slack = (np.zeros(row.x.size) for _ in range(3))
    if name in LOG_LIKE and order == 0:
        high[:] = -math.inf  # under the mask
    if inside.size:
        with ctx.workprec(FIRST_PRECISION):
            numbers, half_ulps, factor = _numbers(row, inside, sign, parameters)
            counts = row.counts[inside]
            cotangent = row.cotangent[inside]
            alpha = {"entmax15": 1.5, "entmax": parameters.get("alpha", 1.0)}.get(name, 1.0)
            if alpha != 1.0:
                exact, slack[inside] = _entmax(order, numbers, counts, cotangent, alpha, half_ulps,
                                               row.half_ulps_cotangent[inside])  # fmt: skip
                high[inside], low[inside] = split(exact)
                return reference_of(high, low), slack
            if name in SPARSE:
                exact, support = _sparsemax(order, row.x[inside], counts, cotangent)
            else:
                of = _log_softmax if name in LOG_LIKE else _softmax
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


def _with_zero(row: LongRow) -> LongRow:
    """The row with an exact 0 more, on which nothing depends."""
    return replace(
        row,
        x=np.append(row.x, 0.0),
        counts=np.append(row.counts, 1.0),
        half_ulps=np.append(row.half_ulps, 0.0),
        cotangent=np.append(row.cotangent, 0.0),
        half_ulps_cotangent=np.append(row.half_ulps_cotangent, 0.0),
        counted=np.append(row.counted, [True]),
    )


def _entmax(
    order: int,
    numbers: Sequence[arb],
    counts: Doubles,
    cotangent: Doubles,
    alpha: float,
    half_ulps: Doubles,
    half_ulps_cotangent: Doubles,
) -> tuple[list[arb], Doubles]:
    """The results, and what half an ulp of change in everything given can do to each."""
    top = max(numbers, key=float)
    times = [int(count) for count in counts]
    with ctx.workprec(AMPLE):
        exponent = 1 / (arb(alpha) - 1)
        z = [(number - top) / exponent for number in numbers]
        support = np.array([gap > 0 for gap in powered_gaps(z, exponent, times)])
        chosen = np.flatnonzero(support).tolist()
        threshold = powered_threshold(
            [z[place] for place in chosen], exponent, [times[place] for place in chosen]
        )
    roots = [z[place] - threshold for place in chosen]
    part = [root ** (exponent - 1) for root in roots]  # the power 2 - alpha of a share
    total = _total(counts[support], part)
    exact = [arb(0)] * len(numbers)
    given = [arb(value) for value in cotangent[support].tolist()]
    for place, root, own, weight in zip(chosen, roots, given, part, strict=True):
        if order == 0:
            exact[place] = root**exponent
        else:
            terms = [w * (own - each) for w, each in zip(part, given, strict=True)]
            exact[place] = weight * _total(counts[support], terms) / total

    # In doubles: s the power, w its share of the sum, e its own derivative.
    s, p = np.zeros(len(numbers)), np.zeros(len(numbers))
    s[support] = [float(weight) for weight in part]
    p[support] = [float(root**exponent) for root in roots]
    w = s / (counts * s).sum()
    moved = half_ulps if order == 0 else half_ulps_cotangent
    slack = s * ((counts * w * moved).sum() + (1.0 - 2.0 * w) * moved)
    if order == 1:
        e = np.zeros(len(numbers))
        e[support] = (2.0 - alpha) * p[support] ** (3.0 - 2.0 * alpha)
        bent = e * (cotangent - (counts * w * cotangent).sum())
        whole = (counts * bent).sum()
        off = np.abs(bent[:, np.newaxis] * w + w[:, np.newaxis] * (bent - w * whole))
        own = np.abs(bent - 2.0 * bent * w + w * w * whole)
        slack += off @ (counts * half_ulps) + (own - np.diag(off)) * half_ulps
    return exact, np.asarray(np.where(support, slack, 0.0))


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
        return np.asarray(np.abs(by_number if name in LOG_LIKE else p * by_number))
    if name in LOG_LIKE:
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
