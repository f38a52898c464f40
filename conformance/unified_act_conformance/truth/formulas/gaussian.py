"""The normal distribution function, `x` times it, and what stands in for that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from math import inf

from flint import arb, ctx

from unified_act_conformance.truth.formulas._common import (
    constant,
    logistic_derivatives,
    split,
    zero,
)
from unified_act_conformance.truth.formulas.self_gated import (
    SILU_CROSSINGS,
    SILU_MINIMUM,
    SILU_SLOPE,
    gated,
    silu,
)
from unified_act_conformance.truth.record import (
    UNIT,
    Formula,
    Function,
    Number,
    Range,
    Record,
    beyond,
    fixed,
)

GELU_TURN = -0.7517915246935645
"""Where `gelu` is smallest."""
_BITS = 160
"""The precision in which it is found where `gelu` has a value."""


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


@lru_cache(maxsize=64)
def _gelu_reaches(value: float) -> Sequence[float]:
    """The doubles nearest to where `gelu` has a value; it falls, and rises from its minimum on."""
    if value == 0.0:
        return (0.0,)
    found = []
    with ctx.workprec(_BITS):
        function = gelu().derivatives[0]
        for start, end in ((GELU_TURN, -64.0), (GELU_TURN, abs(value) + 64.0)):
            if not function(arb(GELU_TURN)) < value < function(arb(end)):
                continue
            low, high = arb(start), arb(end)
            while abs(high - low) > abs(high) / 2**60:
                middle = (low + high) / 2
                low, high = (middle, high) if function(middle) < value else (low, middle)
            found.append(float(high))
    return tuple(found)


def _erfc(x: Number) -> Number:
    """erfc(x), without the digits that a large ball loses in FLINT's error bound."""
    if not isinstance(x, arb) or not 1 < x < 2**40:
        return x.erfc()
    middle = arb(x.mid())
    rest = x - middle
    return middle.erfc() * (-(2 * middle + rest) * rest).exp() * (1 + rest * arb(0, 1))


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
            lambda x: _erfc(argument(x)) / 2,
            density,
            lambda x: density(x) * (mean - x) / width**2,
            lambda x: density(x) * (2 * argument(x) ** 2 - 1) / width**2,
        )
    )


_GELU_VALUE: Range = (-0.16997120747990366, inf)
_GELU_SLOPE: Range = (-0.12890414518515478, 1.1289041451851547)
_GELU_CROSSINGS = (GELU_TURN, -math.sqrt(2.0), math.sqrt(2.0), -2.0, 2.0)


def _clipped_gelu_ranges(
    *, min_value: float = -10.0, max_value: float = 10.0
) -> tuple[Range, Range]:
    low, _ = _GELU_VALUE
    # Of a slope whose ends are cut off too this is more than what is left.
    return (min(max(low, min_value), max_value), max_value), _GELU_SLOPE


def _laplace_ranges(
    *, mu: float = math.sqrt(0.5), sigma: float = math.sqrt(0.25 / math.pi)
) -> tuple[Range, Range]:
    del mu
    return UNIT, (0.0, beyond(1.0 / (sigma * math.sqrt(2.0 * math.pi))))


def gaussian() -> Formula:
    """`e^(-x^2)`, and its derivatives by the polynomials of Hermite."""

    def times(polynomial: Function) -> Function:
        return lambda x: polynomial(x) * (-x * x).exp()

    return Formula(
        (
            times(constant(1)),
            times(lambda x: -2 * x),
            times(lambda x: 4 * x * x - 2),
            times(lambda x: (12 - 8 * x * x) * x),
        )
    )


RECORDS = (
    Record(
        "gelu",
        gelu,
        ranges=fixed(_GELU_VALUE, _GELU_SLOPE),
        crossings=_GELU_CROSSINGS,
        families=("gated",),
    ),
    Record(
        "clipped_gelu",
        clipped_gelu,
        variants=({"min_value": 9.0, "max_value": 12.0},),
        ranges=_clipped_gelu_ranges,
        crossings=_GELU_CROSSINGS,
        families=("gated",),
    ),
    Record(
        "gelu_tanh",
        gelu_tanh,
        tier="composed_tanh",
        ranges=fixed((-0.17004075057125406, inf), (-0.12899306865877178, 1.1289930686587717)),
        crossings=(
            *(-0.7524614220710163, -1.4185040087908283, 1.4185040087908283),
            *(-2.013480724624258, 2.013480724624258),
        ),
        families=("gated",),
    ),
    Record(
        "quick_gelu",
        quick_gelu,
        ranges=fixed((SILU_MINIMUM / 1.702, inf), SILU_SLOPE),
        crossings=tuple(root / 1.702 for root in SILU_CROSSINGS),
        families=("gated",),
    ),
    Record(
        "laplace",
        laplace,
        variants=({"mu": 0.707107, "sigma": 0.282095}, {"mu": -1.5, "sigma": 2.0}),
        ranges=_laplace_ranges,
        crossings=(0.7071067811865476, 0.42501198941266943, 0.9892015729604258),
        families=("sigmoid",),
    ),
    Record(
        "gaussian",
        gaussian,
        ranges=fixed((0.0, beyond(1.0)), (-0.8577638849607068, 0.8577638849607068)),
        crossings=(
            *(-0.7071067811865476, 0.7071067811865476),
            *(-1.224744871391589, 1.224744871391589),
        ),
    ),
)
