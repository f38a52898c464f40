"""`x` times the normal distribution function, and what stands in for it."""

from __future__ import annotations

from flint import arb

from unified_act_conformance.formulas._common import Formula, Number, logistic_derivatives
from unified_act_conformance.formulas.gated import gated, silu


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


FORMULAS = (gelu, gelu_tanh, quick_gelu)
