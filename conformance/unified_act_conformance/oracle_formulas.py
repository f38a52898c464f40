"""Each elementwise activation and its first three derivatives, written by hand in ball arithmetic.

Independent of the library's own definitions by design. A formula is built at the precision in force
(`flint.ctx.prec`), so that its constants have that precision; the parameters are doubles, used
exactly. The third derivative serves only to say how well conditioned the second one is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flint import arb

Function = Callable[[arb], arb]
ZERO = arb(0)
ONE = arb(1)

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


@dataclass(frozen=True)
class Formula:
    """An activation at one precision and one set of parameters.

    Attributes:
        derivatives: f, f', f'', f''' in that order; finite exact points in, balls out.
        kinks: Where one of the first three is not continuous.
    """

    derivatives: tuple[Function, Function, Function, Function]
    kinks: tuple[float, ...] = ()


def _zero(_: arb) -> arb:
    return ZERO


def _constant(value: arb | float) -> Function:
    ball = arb(value)
    return lambda _: ball


def _split(corner: float, at_or_below: Function, above: Function) -> Function:
    """Joins two branches; the lower one owns the corner."""
    return lambda x: at_or_below(x) if x <= corner else above(x)


def _band(
    lower: float, upper: float, below: Function, inside: Function, above: Function
) -> Function:
    """Joins three branches; the outer two own their corners."""
    return lambda x: below(x) if x <= lower else above(x) if x >= upper else inside(x)


# --- Piecewise linear ---


def identity() -> Formula:
    """`x`."""
    return Formula((lambda x: x, _constant(1), _zero, _zero))


def relu() -> Formula:
    """`x` above 0, else 0."""
    return leaky_relu(negative_slope=0.0)


def leaky_relu(*, negative_slope: float = 0.01) -> Formula:
    """`x` above 0, else `negative_slope x`."""
    slope = arb(negative_slope)
    return Formula(
        (
            _split(0.0, lambda x: slope * x, lambda x: x),
            _split(0.0, _constant(slope), _constant(1)),
            _zero,
            _zero,
        ),
        kinks=(0.0,),
    )


def relu6() -> Formula:
    """`x` held between 0 and 6."""
    return hard_tanh(min_value=0.0, max_value=6.0)


def hard_tanh(*, min_value: float = -1.0, max_value: float = 1.0) -> Formula:
    """`x` held between `min_value` and `max_value`."""
    low, high = min_value, max_value
    return Formula(
        (
            _band(low, high, _constant(low), lambda x: x, _constant(high)),
            _band(low, high, _zero, _constant(1), _zero),
            _zero,
            _zero,
        ),
        kinks=(low, high),
    )


def hard_sigmoid(*, alpha: float = 1 / 6, beta: float = 0.5) -> Formula:
    """`alpha x + beta` held between 0 and 1.

    The corners are the doubles nearest to -beta/alpha and (1-beta)/alpha: alpha stands for 1/6, not
    for the double below it, and the reader of a table expects the corner at 3.
    """
    slope, offset = arb(alpha), arb(beta)
    if alpha == 0:
        value = _constant(max(0.0, min(1.0, beta)))
        return Formula((value, _zero, _zero, _zero))
    at_zero, at_one = -beta / alpha, (1 - beta) / alpha
    low, high = min(at_zero, at_one), max(at_zero, at_one)
    below, above = (ZERO, ONE) if alpha > 0 else (ONE, ZERO)
    return Formula(
        (
            _band(low, high, _constant(below), lambda x: slope * x + offset, _constant(above)),
            _band(low, high, _zero, _constant(slope), _zero),
            _zero,
            _zero,
        ),
        kinks=(low, high),
    )


def hard_silu() -> Formula:
    """`x relu6(x + 3) / 6`."""
    return Formula(
        (
            _band(-3.0, 3.0, _zero, lambda x: x * (x + 3) / 6, lambda x: x),
            _band(-3.0, 3.0, _zero, lambda x: (2 * x + 3) / 6, _constant(1)),
            _band(-3.0, 3.0, _zero, _constant(ONE / 3), _zero),
            _zero,
        ),
        kinks=(-3.0, 3.0),
    )


# --- Rational and exponential ---


def softsign() -> Formula:
    """`x / (1 + |x|)`; the second derivative jumps at 0 and is taken to be 0 there."""
    return Formula(
        (
            lambda x: x / (1 + abs(x)),
            lambda x: 1 / (1 + abs(x)) ** 2,
            lambda x: ZERO if x == 0 else -2 * x.sgn() / (1 + abs(x)) ** 3,
            lambda x: 6 / (1 + abs(x)) ** 4,
        ),
        kinks=(0.0,),
    )


def _exponential_linear(outer: arb, rate: arb, scale: arb) -> Formula:
    """`scale x` above 0, else `outer expm1(rate x)`."""
    first, second, third = (outer * rate**order for order in (1, 2, 3))
    return Formula(
        (
            _split(0.0, lambda x: outer * (rate * x).expm1(), lambda x: scale * x),
            _split(0.0, lambda x: first * (rate * x).exp(), _constant(scale)),
            _split(0.0, lambda x: second * (rate * x).exp(), _zero),
            _split(0.0, lambda x: third * (rate * x).exp(), _zero),
        ),
        kinks=(0.0,),
    )


def elu(*, alpha: float = 1.0) -> Formula:
    """`x` above 0, else `alpha (e^x - 1)`."""
    return _exponential_linear(arb(alpha), ONE, ONE)


def selu() -> Formula:
    """`scale elu(x)`, with the two constants of the paper rounded to double."""
    scale = arb(SELU_SCALE)
    return _exponential_linear(scale * SELU_ALPHA, ONE, scale)


def celu(*, alpha: float = 1.0) -> Formula:
    """`x` above 0, else `alpha (e^(x/alpha) - 1)`."""
    return _exponential_linear(arb(alpha), 1 / arb(alpha), ONE)


def _logistic(x: arb) -> tuple[arb, arb]:
    """The sigmoid of x and of -x, neither by subtraction."""
    power = (-abs(x)).exp()
    larger = 1 / (1 + power)
    smaller = power * larger
    return (larger, smaller) if x >= 0 else (smaller, larger)


def _logistic_first(x: arb) -> arb:
    s, c = _logistic(x)
    return s * c


def _logistic_second(x: arb) -> arb:
    s, c = _logistic(x)
    return s * c * (c - s)


def _logistic_third(x: arb) -> arb:
    s, c = _logistic(x)
    return s * c * (1 - 6 * s * c)


def sigmoid() -> Formula:
    """`1 / (1 + e^-x)`."""
    return Formula((lambda x: _logistic(x)[0], _logistic_first, _logistic_second, _logistic_third))


def _softplus(x: arb) -> arb:
    tail = (-abs(x)).exp().log1p()
    return x + tail if x > 0 else tail


def softplus(*, beta: float = 1.0) -> Formula:
    """`log(1 + e^(beta x)) / beta`, with no threshold."""
    rate = arb(beta)
    return Formula(
        (
            lambda x: _softplus(rate * x) / rate,
            lambda x: _logistic(rate * x)[0],
            lambda x: rate * _logistic_first(rate * x),
            lambda x: rate * rate * _logistic_second(rate * x),
        )
    )


def log_sigmoid() -> Formula:
    """`-softplus(-x)`."""
    return Formula(
        (
            lambda x: -_softplus(-x),
            lambda x: _logistic(x)[1],
            lambda x: -_logistic_first(x),
            lambda x: -_logistic_second(x),
        )
    )


def _tanh_parts(x: arb) -> tuple[arb, arb]:
    """`tanh x` and its derivative `4 p / (1 + p)^2` with `p = e^(-2|x|)`."""
    power = (-2 * abs(x)).exp()
    return x.tanh(), 4 * power / (1 + power) ** 2


def _tanh_second(x: arb) -> arb:
    t, slope = _tanh_parts(x)
    return -2 * t * slope


def _tanh_third(x: arb) -> arb:
    t, slope = _tanh_parts(x)
    return slope * (6 * t * t - 2)


def tanh() -> Formula:
    """`tanh x`."""
    return Formula((lambda x: x.tanh(), lambda x: _tanh_parts(x)[1], _tanh_second, _tanh_third))


# --- x times a smooth step ---


def _gated(gate: Callable[[arb], tuple[arb, arb, arb, arb]]) -> Formula:
    """`x g(x)`, by Leibniz, from a gate that gives g, g', g'', g'''."""

    def derivative(order: int) -> Function:
        def evaluate(x: arb) -> arb:
            terms = gate(x)
            return x * terms[order] + order * terms[order - 1] if order else x * terms[0]

        return evaluate

    return Formula((derivative(0), derivative(1), derivative(2), derivative(3)))


def silu(*, beta: float = 1.0) -> Formula:
    """`x sigmoid(beta x)`."""
    rate = arb(beta)

    def gate(x: arb) -> tuple[arb, arb, arb, arb]:
        s, c = _logistic(rate * x)
        first = s * c
        return s, rate * first, rate**2 * first * (c - s), rate**3 * first * (1 - 6 * first)

    return _gated(gate)


def quick_gelu() -> Formula:
    """`x sigmoid(1.702 x)`."""
    return silu(beta=1.702)


def gelu() -> Formula:
    """`x` times the normal distribution function, exactly."""
    root_half = arb(0.5).sqrt()
    density_at_zero = 1 / (2 * arb.pi()).sqrt()

    def distribution(x: arb) -> arb:
        return (-x * root_half).erfc() / 2

    def density(x: arb) -> arb:
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

    def gate(x: arb) -> tuple[arb, arb, arb, arb]:
        square = x * x
        s, c = _logistic(x * (scale + cubic * square))
        first = s * c
        second, third = first * (c - s), first * (1 - 6 * first)
        u1, u2, u3 = scale + 3 * cubic * square, 6 * cubic * x, 6 * cubic
        return (
            s,
            first * u1,
            second * u1**2 + first * u2,
            third * u1**3 + 3 * second * u1 * u2 + first * u3,
        )

    return _gated(gate)


def mish() -> Formula:
    """`x tanh(softplus x)`; both parts are rational in `e^-|x|`, so neither overflows."""

    def gate(x: arb) -> tuple[arb, arb, arb, arb]:
        power = (-abs(x)).exp()
        if x > 0:
            denominator = 1 + 2 * power * (1 + power)
            step, slope = (1 + 2 * power) / denominator, 2 * power * (1 + power) / denominator
        else:
            denominator = 2 + power * (2 + power)
            step, slope = power * (2 + power) / denominator, 2 * (1 + power) / denominator
        slope = slope * slope
        s, c = _logistic(x)
        first, second = s * c, s * c * (c - s)
        return (
            step,
            slope * s,
            slope * (first - 2 * step * s * s),
            slope * ((6 * step * step - 2) * s**3 - 6 * step * s * first + second),
        )

    return _gated(gate)


FORMULAS: Mapping[str, Callable[..., Formula]] = MappingProxyType(
    {
        build.__name__: build
        for build in (
            identity,
            relu,
            relu6,
            leaky_relu,
            elu,
            selu,
            celu,
            gelu,
            gelu_tanh,
            quick_gelu,
            silu,
            mish,
            hard_silu,
            sigmoid,
            hard_sigmoid,
            log_sigmoid,
            tanh,
            hard_tanh,
            softplus,
            softsign,
        )
    }
)
