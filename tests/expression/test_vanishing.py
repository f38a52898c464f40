"""Products of which a factor vanishes: they keep their digits, and NaN and infinities stay away."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

import unified_act as ua
from unified_act.expression import exact
from unified_act.registry import ACTIVATIONS

FORMULAS = {
    "x_sigmoid": lambda xp, x: x * xp.sigmoid(x),
    "x_exp": lambda xp, x: x * xp.exp(x),
    "negative": lambda xp, x: -(x * xp.exp(-xp.where(x < 0.0, -x, x)) * 3.0),
    "gompertz": lambda xp, x: x * xp.exp(-xp.exp(-x)),
    "x_erfc": lambda xp, x: x * xp.erfc(x) / 2,
    "bell": lambda xp, x: x * xp.sigmoid(x) * xp.sigmoid(-x),
    "decay": lambda xp, x: 1000.0 * xp.exp(-x),
}
FAR = [-745.1, -740.0, -708.3, -26.4, -6.59, 26.4, 26.5, 708.3, 740.0, 745.1]


def truth(function, x):
    with localcontext(exact.CONTEXT):
        value = function(exact.NAMESPACE, exact.Number(Decimal(x))).value
        return float(value)


@pytest.mark.parametrize("part", ["forward", "derivative"])
@pytest.mark.parametrize("name", FORMULAS)
def test_digits_are_kept_among_subnormal_numbers(name, part):
    @ua.register_activation(name)
    def registered(xp, x):
        return FORMULAS[name](xp, x)

    function = ua.get_activation(name, backend="numpy", numerics="strict")
    x = np.array(FAR)
    with np.errstate(all="ignore"):
        found = function(x) if part == "forward" else ua.value_and_grad(function, x)[1]
    step = Decimal("1e-40")
    for at, got in zip(FAR, found.tolist(), strict=True):
        with localcontext(exact.CONTEXT):
            below, above = (
                FORMULAS[name](exact.NAMESPACE, exact.Number(Decimal(at) + sign * step)).value
                for sign in (-1, 1)
            )
            slope = float((above - below) / (2 * step))
        wanted = truth(FORMULAS[name], at) if part == "forward" else slope
        if abs(wanted) > 1.7e308:
            continue
        assert abs(got - wanted) <= max(4 * 5e-324, 1e-14 * abs(wanted)), (at, got, wanted)


@pytest.mark.parametrize("name", FORMULAS)
def test_what_overflows_beside_a_zero_is_zero(name):
    @ua.register_activation(name)
    def registered(xp, x):
        return FORMULAS[name](xp, x)

    function = ua.get_activation(name, backend="numpy", numerics="strict")
    x = np.array([-1e300, -1e200, 1e200, 1e300])
    with np.errstate(all="ignore"):
        value, slope = ua.value_and_grad(function, x)
    assert not np.isnan(value).any()
    assert not np.isnan(slope).any()


def test_nan_stays_nan():
    @ua.register_activation("x_sigmoid")
    def registered(xp, x):
        return x * xp.sigmoid(x)

    function = ua.get_activation("x_sigmoid", backend="numpy")
    value, slope = ua.value_and_grad(function, np.array([math.nan]))
    assert np.isnan(value).all()
    assert np.isnan(slope).all()


def test_a_tie_at_infinity_is_none():
    """Both branches are infinite there, and the derivative is that of the one that counts."""

    @ua.register_activation("three_lines")
    def registered(xp, x):
        return xp.maximum(xp.minimum(x, 0.1 * (x - 1.0) + 1.0), 0.1 * (x + 1.0) - 1.0)

    function = ua.get_activation("three_lines", backend="numpy")
    x = np.array([-np.inf, -10.0, 0.0, 10.0, np.inf])
    slopes = ua.value_and_grad(function, x)[1]
    np.testing.assert_allclose(slopes, [0.1, 0.1, 1.0, 0.1, 0.1])


def test_what_the_author_wrote_stays():
    """Only what is derived is rewritten: this keeps the derivative that was given."""

    @ua.register_activation("own", derivative=lambda xp, x: xp.exp(-x) * (1.0 - x))
    def own(xp, x):
        return x * xp.exp(-x)

    assert "76.0" not in str(ua.expression.record(ACTIVATIONS.find("own"), {}, "derivative"))
