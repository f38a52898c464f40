"""What formulas are made of."""

from __future__ import annotations

from flint import arb

from unified_act_conformance.truth.record import Function, Number

ZERO = arb(0)
ONE = arb(1)


def zero(_: Number) -> Number:
    """The function that is 0 everywhere."""
    return ZERO


def constant(value: arb | float) -> Function:
    """Makes a function that is the same everywhere.

    Args:
        value: What it is.
    """
    ball = arb(value)
    return lambda _: ball


def split(
    corner: float, at_or_below: Function, above: Function, by: Function | None = None
) -> Function:
    """Joins two branches; the lower one owns the corner.

    Args:
        corner: Where they meet.
        at_or_below: The one up to the corner.
        above: The one beyond it.
        by: What is compared with the corner, as a function of x; default: x itself.
    """

    def joined(x: Number) -> Number:
        compared = x if by is None else by(x)
        if not isinstance(x, arb):
            return x.split(compared, corner, at_or_below, above)
        if compared <= corner:
            return at_or_below(x)
        if compared > corner:
            return above(x)
        return _either(at_or_below(x), above(x))

    return joined


def band(
    lower: float, upper: float, below: Function, inside: Function, above: Function
) -> Function:
    """Joins three branches; the outer two own their corners.

    Args:
        lower: Where the first two meet.
        upper: Where the last two meet.
        below: The branch up to the lower corner.
        inside: The one between them.
        above: The one from the upper corner on.
    """
    return split(lower, below, split(-upper, above, inside, by=lambda x: -x))


def _either(one: Number, other: Number) -> Number:
    """Encloses both, for a ball that reaches across a corner."""
    if isinstance(one, tuple):
        return tuple(a.union(b) for a, b in zip(one, other, strict=True))
    return one.union(other)


def _logistic_below(x: Number) -> tuple[Number, Number, Number, Number]:
    power = x.exp()
    larger = 1 / (1 + power)
    smaller = power * larger
    return smaller, larger, smaller * larger, (1 - power) * larger


def _logistic_near(x: Number) -> tuple[Number, Number, Number, Number]:
    t = (x / 2).tanh()
    return (1 + t) / 2, (1 - t) / 2, (1 - t * t) / 4, -t


def _logistic_above(x: Number) -> tuple[Number, Number, Number, Number]:
    smaller, larger, product, difference = _logistic_below(-x)
    return larger, smaller, product, -difference


logistic: Function = band(-1.0, 1.0, _logistic_below, _logistic_near, _logistic_above)
"""s, c, s c and c - s, with s the sigmoid of x and c that of -x: none by a cancellation."""


def logistic_derivatives(x: Number) -> tuple[Number, Number, Number, Number]:
    """The sigmoid and its first three derivatives.

    Args:
        x: Where.
    """
    s, _, first, difference = logistic(x)
    return s, first, first * difference, first * (3 * difference * difference - 1) / 2
