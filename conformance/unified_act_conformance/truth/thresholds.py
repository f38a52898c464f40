"""The threshold of entmax, which no formula gives, enclosed in ball arithmetic.

It is the number t for which the powers (z - t)^k of the numbers above it add up to 1, with k at
least 1 and 0 the largest of the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, ctx

__all__ = ["AMPLE", "powered_gaps", "powered_threshold"]

AMPLE = 400
"""Bits that tell a number that is just not above the threshold from one that is near it."""


def powered_gaps(numbers: Sequence[arb], exponent: arb, counts: Sequence[int] = ()) -> list[arb]:
    """Returns for each number what the powers of what is above it lack of 1.

    The number is above the threshold if that is positive.

    Args:
        numbers: The numbers, of which the largest is 0.
        exponent: The exponent k.
        counts: How often each occurs; default once.
    """
    pairs = list(zip(numbers, counts or [1] * len(numbers), strict=True))
    return [
        1 - sum(((z - number) ** exponent * n for z, n in pairs if z > number), arb(0))
        for number in numbers
    ]


def powered_threshold(numbers: Sequence[arb], exponent: arb, counts: Sequence[int] = ()) -> arb:
    """Returns an enclosure of the threshold; NaN where this precision does not do.

    Args:
        numbers: The numbers above it, of which the largest is 0.
        exponent: The exponent k.
        counts: How often each occurs; default once.
    """
    pairs = list(zip(numbers, counts or [1] * len(numbers), strict=True))

    def excess(threshold: arb) -> arb:
        return sum(((z - threshold) ** exponent * n for z, n in pairs), arb(-1))

    def slope(threshold: arb) -> arb:
        return -exponent * sum(((z - threshold) ** (exponent - 1) * n for z, n in pairs), arb(0))

    # The sum is convex: from the left Newton's method never goes too far.
    guess = arb(-1)
    for _ in range(ctx.prec):
        step = (excess(guess) / slope(guess)).mid()
        guess = (guess - step).mid()
        if not abs(step) > abs(guess) * arb(2) ** (20 - ctx.prec):
            break
    reach = abs(guess) * arb(2) ** (30 - ctx.prec)
    low, high = (guess - reach).mid(), (guess + reach).mid()
    return low.union(high) if excess(low) > 0 > excess(high) else arb.nan()
