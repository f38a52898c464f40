"""What registration says of definitions that are wrong, overflow or lose digits."""

import math
import warnings

import numpy as np
import pytest

import unified_act as ua


def quotient(xp, x):
    return x / (1.0 + xp.exp(-x))


def quotient_derivative(xp, x):
    power = xp.exp(-x)
    return (1.0 + power + x * power) / (1.0 + power) ** 2


def sums_of_exponentials(xp, x):
    up, down = xp.exp(x), xp.exp(-x)
    return (up - down) / (up + down)


def wrong_far_out(xp, x):
    slope = xp.sigmoid(x) + x * xp.sigmoid(x) * xp.sigmoid(-x)
    return xp.where(x < 500.0, slope, 0.5)


def silu(xp, x):
    return x * xp.sigmoid(x)


REFUSED = {
    "a quotient's derivative": (
        silu,
        {"derivative": quotient_derivative},
        "derivative",
        "x=-1000 it is NaN",
        "s * xp.sigmoid(-x) with s = xp.sigmoid(x)",
    ),
    "a tie": (
        lambda xp, x: xp.where(x > 0.0, x, xp.expm1(xp.minimum(x, 0.0))),
        {},
        "derivative",
        "x=0 it is 0, but should be 1",
        "xp.where(x > 0.0",
    ),
    "log of a sum": (
        lambda xp, x: xp.log(1.0 + xp.exp(x)),
        {},
        "forward",
        "x=1000 it is inf",
        "Write xp.softplus(x)",
    ),
    "log of a sigmoid": (
        lambda xp, x: xp.log(xp.sigmoid(x)),
        {},
        "forward",
        "x=-1000 it is -inf",
        "Write -xp.softplus(-x)",
    ),
    "tanh": (sums_of_exponentials, {}, "forward", "x=1000 it is NaN", "Write xp.tanh(x)"),
    "wrong far out": (
        silu,
        {"derivative": wrong_far_out},
        "derivative",
        "x=1000",
        "should be 1.00000",
    ),
    "wrong everywhere": (
        silu,
        {"derivative": lambda xp, x: xp.sigmoid(x)},
        "derivative",
        "should be",
        "",
    ),
    "abs at 0": (
        lambda xp, x: xp.where(x < 0.0, xp.exp(-xp.abs(x)), 1.0) / (xp.exp(-xp.abs(x)) + 1.0),
        {},
        "derivative",
        "x=0 it is ",
        "at a tie the slope of abs",
    ),
    "a wrong second derivative": (
        silu,
        {"second_derivative": lambda xp, x: xp.where(x > 500.0, 1.0, x * 0.0)},
        "second_derivative",
        "should be",
        "",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_with_its_line(name):
    forward, facts, part, where, instead = REFUSED[name]
    with pytest.raises(ua.InvalidActivationError) as caught:
        ua.register_activation("own_refused", **facts)(forward)
    message = str(caught.value)
    assert f"'own_refused': {part} at {__file__}:" in message
    assert where in message
    assert instead in message


LOSING = {
    "quotient": (quotient, "xp.exp overflows on the way", "x * xp.sigmoid(x)"),
    "1 + erf": (
        lambda xp, x: x * (1.0 + xp.erf(x * math.sqrt(0.5))) / 2.0,
        "x=-11.7",
        "xp.erfc(-x)",
    ),
    "exp - 1": (lambda xp, x: xp.where(x > 0.0, x, xp.exp(x) - 1.0), "x=-1e-30", "xp.expm1(x)"),
    "log in a tail": (
        lambda xp, x: x * xp.tanh(xp.log(1.0 + xp.exp(x))),
        "x=-41",
        "xp.softplus(x)",
    ),
    "1 - sigmoid": (lambda xp, x: 1.0 - xp.sigmoid(x), "x=41", "xp.sigmoid(-x)"),
    "1 + tanh": (lambda xp, x: 1.0 + xp.tanh(x), "x=-23", "2 * xp.sigmoid(2 * x)"),
    "1 - tanh²": (lambda xp, x: 1.0 - xp.tanh(x) ** 2, "x=23", "xp.sigmoid(-2 * x)"),
    "log1p": (lambda xp, x: xp.log(1.0 + x * x), "x=1e-30", "xp.log1p(z)"),
    "too large a square": (lambda xp, x: xp.sqrt(x * x + 1.0), "x=1e+160 it is inf", ""),
}


@pytest.mark.parametrize("name", LOSING)
def test_what_loses_digits_is_warned_of(name):
    forward, where, instead = LOSING[name]
    with pytest.warns(ua.AccuracyWarning) as caught:
        ua.register_activation("own_losing")(forward)
    (warning,) = caught
    message = str(warning.message)
    assert where in message
    assert instead in message
    assert f"{__file__}:" in message
    assert warning.filename == __file__


GOOD = {
    "silu": silu,
    "mish": lambda xp, x: x * xp.tanh(xp.softplus(x)),
    "telu": lambda xp, x: x * xp.tanh(xp.exp(x)),
    "gaussian": lambda xp, x: xp.exp(-(x**2)),
    "gelu": lambda xp, x: x * xp.erfc(x * -math.sqrt(0.5)) / 2.0,
    "elu": lambda xp, x: xp.where(x > 0.0, x, xp.expm1(xp.where(x > 0.0, 0.0, x))),
    "relu6": lambda xp, x: xp.clip(x, 0.0, 6.0),
    "huber": lambda xp, x: xp.hypot(x, 1.0),
    "wave": lambda xp, x: x * xp.cos(x),
    "bell": lambda xp, x: xp.reciprocal(xp.cosh(x)),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_good_passes_in_silence(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ua.register_activation("own_good")(GOOD[name])


@pytest.mark.parametrize("backend", ["numpy", "torch", "tensorflow", "mxnet"])
def test_at_the_infinities_it_is_the_limit(backend):
    from tests.backends.arrays import back, gradient_of, native

    ua.register_activation("own_limits")(silu)
    function = ua.get_activation("own_limits", backend=backend)
    x = native(backend, [-math.inf, math.inf, math.nan], "float32")
    result = ua.value_and_grad(function, x)
    value = back(backend, result[0], "float32")
    gradient = back(backend, gradient_of(result), "float32")
    np.testing.assert_array_equal(value, [0.0, math.inf, math.nan])
    np.testing.assert_array_equal(gradient[:2], [0.0, 1.0])


def test_a_wave_has_no_limit():
    ua.register_activation("own_wave")(lambda xp, x: x * xp.cos(x))
    function = ua.get_activation("own_wave", backend="numpy", numerics="strict")
    with np.errstate(invalid="ignore"):
        assert np.isnan(function(np.array([-np.inf, np.inf]))).all()


def test_weights_of_the_same_size_do_not_cancel():
    """Of several weights none is tried with the number of another."""

    @ua.register_activation(
        "three_weights",
        kind="learned",
        inputs=("x", "alpha", "gamma", "beta"),
        initial={"alpha": 1.0, "gamma": 1.0, "beta": 0.0},
        parameters={"axis": -1},
    )
    def three_weights(xp, x, alpha, gamma, beta):
        return gamma * xp.tanh(alpha * x) + beta


def test_an_exponential_of_negative_numbers_does_not_overflow():
    @ua.register_activation("two_tails")
    def two_tails(xp, x):
        return x / (1.0 + xp.exp(-xp.abs(x)))


def test_an_exponential_that_overflows_is_named():
    with pytest.warns(ua.AccuracyWarning, match="xp.exp overflows on the way"):

        @ua.register_activation("one_tail", derivative=lambda xp, x: xp.sigmoid(x) * xp.sigmoid(-x))
        def one_tail(xp, x):
            return 1.0 / (1.0 + xp.exp(-x))
