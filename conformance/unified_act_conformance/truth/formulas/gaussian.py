"""The normal distribution function, `x` times it, and what stands in for that."""

from __future__ import annotations

import math

from flint import arb

from unified_act_conformance.truth.formulas._common import (
    Formula,
    Function,
    Number,
    constant,
    logistic_derivatives,
    split,
    zero,
)
from unified_act_conformance.truth.formulas.gated import gated, silu


def gelu() -> Formula:
    """`x` times the normal distribution function, exactly."""
    root_half = arb(0.5).sqrt()
    density_at_zero = 1 / (2 * arb.pi()).sqrt()

    def distribution(x: Number) -> Number:
        return (-x * root_half).erfc() / 2

    def density(x: Number) -> Number:
        return density_at_zero * (-x * x / 2).exp()

    return Formula(
        (
            lambda x: x * distribution(x),
            lambda x: distribution(x) + x * density(x),
            lambda x: density(x) * (2 - x * x),
            lambda x: density(x) * x * (x * x - 4),
        )
    )


def gelu_tanh() -> Formula:
    """`x (1 + tanh u)/2` with `u = sqrt(2/pi) (x + 0.044715 x^3)`, as `x sigmoid(2u)`."""
    scale = (8 / arb.pi()).sqrt()
    cubic = scale * 0.044715

    def gate(x: Number) -> tuple[Number, Number, Number, Number]:
        square = x * x
        s, first, second, third = logistic_derivatives(x * (scale + cubic * square))
        u1, u2, u3 = scale + 3 * cubic * square, 6 * cubic * x, 6 * cubic
        return (
            s,
            first * u1,
            second * u1**2 + first * u2,
            third * u1**3 + 3 * second * u1 * u2 + first * u3,
        )

    return gated(gate)


def quick_gelu() -> Formula:
    """`x sigmoid(1.702 x)`."""
    return silu(beta=1.702)


def clipped_gelu(*, min_value: float = -10.0, max_value: float = 10.0) -> Formula:
    """`gelu` held between two bounds, each of which owns the points whose value rounds to it.

    So that the upper corner is 10 by default, where `gelu` is less than 10 by 1e-22.
    """
    plain = gelu().derivatives

    def held(inside: Function, low: Function, high: Function) -> Function:
        below_high = split(
            math.ulp(max_value) / 2, high, inside, by=lambda x: max_value - plain[0](x)
        )
        return split(math.ulp(min_value) / 2, low, below_high, by=lambda x: plain[0](x) - min_value)

    value, first, second, third = plain
    corners = {*_gelu_reaches(min_value), *_gelu_reaches(max_value)}
    return Formula(
        (
            held(value, constant(min_value), constant(max_value)),
            held(first, zero, zero),
            held(second, zero, zero),
            held(third, zero, zero),
        ),
        kinks=tuple(sorted(corners)),
    )


def _gelu_reaches(value: float) -> list[float]:
    """The doubles nearest to where `gelu` has a value; it falls, and rises from its minimum on."""
    function = gelu().derivatives[0]
    turn = -0.7517915246935645
    found = []
    for start, end in ((turn, -64.0), (turn, abs(value) + 64.0)):
        if not function(arb(turn)) < value < function(arb(end)):
            continue
        low, high = arb(start), arb(end)
        while abs(high - low) > abs(high) / 2**60:
            middle = (low + high) / 2
            low, high = (middle, high) if function(middle) < value else (low, middle)
        found.append(float(high))
    return found


def laplace(*, mu: float = math.sqrt(0.5), sigma: float = math.sqrt(0.25 / math.pi)) -> Formula:
    """The normal distribution function of mean `mu` and standard deviation `sigma`."""
    mean, width = arb(mu), arb(sigma)
    scale = width * arb(2).sqrt()
    density_at_mean = 1 / (scale * arb.pi().sqrt())

    def argument(x: Number) -> Number:
        return (mean - x) / scale

    def density(x: Number) -> Number:
        return density_at_mean * (-(argument(x) ** 2)).exp()

    return Formula(
        (
            lambda x: argument(x).erfc() / 2,
            density,
            lambda x: density(x) * (mean - x) / width**2,
            lambda x: density(x) * (2 * argument(x) ** 2 - 1) / width**2,
        )
    )


FORMULAS = (gelu, clipped_gelu, gelu_tanh, quick_gelu, laplace)
