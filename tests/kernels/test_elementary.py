"""The elementary functions against arbitrary precision, and where their coefficients come from."""

import math

import flint
import mpmath
import numpy as np
import pytest

from tests.kernels.running import awkward, compiled_function, random_bits
from unified_act.expression import record_function
from unified_act.kernels import polynomials
from unified_act.kernels.elementary import FAR_ANGLE, lowered


def times_z(z):
    return mpmath.exp(z * z) * mpmath.erfc(z) * (z + mpmath.mpf("2.75"))


def over(function, x):
    return function(x) / x if x else mpmath.mpf(1)


def twice_atanh(square):
    return 2 * over(mpmath.atanh, mpmath.sqrt(square))


def atanh_rest(square):
    s = mpmath.sqrt(square)
    return 2 * (mpmath.atanh(s) - s) / s**3


FUNCTIONS = {
    "ATAN": lambda x: over(mpmath.atan, mpmath.sqrt(x)),
    "EXPM1": lambda x: over(mpmath.expm1, x),
    "EXPM1_FULL": lambda x: over(mpmath.expm1, x),
    "LOG1P": twice_atanh,
    "LOG1P_FULL": atanh_rest,
    "LOG1P_OF_SHARE": twice_atanh,
    "SIN": lambda x: over(mpmath.sin, mpmath.sqrt(x)),
    "SIN_FULL": lambda x: over(mpmath.sin, mpmath.sqrt(x)),
    "ERFC": lambda y: times_z(mpmath.mpf("2.75") * (1 + y) / (1 - y)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_coefficients(name):
    low, high, coefficients = getattr(polynomials, name)
    count = len(coefficients)
    with mpmath.workdps(60):
        middle, half = (mpmath.mpf(low) + high) / 2, (mpmath.mpf(high) - low) / 2
        angles = [mpmath.pi * (2 * k + 1) / (2 * count) for k in range(count)]
        nodes = [middle + half * mpmath.cos(angle) for angle in angles]
        powers = mpmath.matrix([[node**j for j in range(count)] for node in nodes])
        exact = mpmath.lu_solve(powers, mpmath.matrix([FUNCTIONS[name](node) for node in nodes]))
        assert [float(c) for c in exact] == list(coefficients)


def test_every_polynomial_is_derived():
    found = {name for name, value in vars(polynomials).items() if name.isupper() and value}
    assert found == set(FUNCTIONS)


WHERE = {
    "atan": [(-1.0, 1.0), (-5.0, 5.0), (0.41, 0.42), (2.41, 2.42), (-1e-9, 1e-9), (-1e60, 1e60)],
    "exp": [(-750.0, 712.0), (-1.0, 1.0), (-1e-3, 1e-3)],
    "expm1": [(-40.0, 712.0), (-1.0, 1.0), (-1e-9, 1e-9)],
    "log": [(0.0, 3.0), (0.5, 2.0), (1 - 1e-6, 1 + 1e-6), (0.0, 1e-307), (0.0, 1e300)],
    "log1p": [(-1.0, 3.0), (-1e-3, 1e-3), (-1e-12, 1e-12), (0.0, 1e17), (0.0, 1e300)],
    "tanh": [(-25.0, 25.0), (-1.0, 1.0), (-1e-5, 1e-5)],
    "erfc": [(-6.5, 27.5), (-1.0, 1.0), (5.0, 14.0)],
    "sin": [(-10.0, 10.0), (-1e-4, 1e-4), (-1e6, 1e6), (-3e13, 3e13), (-1e200, 1e200)],
    "cos": [(-10.0, 10.0), (-1e-4, 1e-4), (-1e6, 1e6), (-3e13, 3e13), (-1e200, 1e200)],
}


def points(name):
    generator = np.random.default_rng(1)
    found = [generator.uniform(low, high, 400) for low, high in WHERE[name]]
    if name in ("sin", "cos"):  # the neighbours of its zeros, where all digits cancel
        zeros = np.arange(1, 200) * math.pi + (math.pi / 2 if name == "cos" else 0.0)
        far = np.ldexp(6381956970095103.0, np.arange(-10, 12))  # near a multiple of π/2, twice over
        found += [zeros, np.nextafter(zeros, 0), far, [FAR_ANGLE, np.nextafter(FAR_ANGLE, 1e99)]]
        found.append(np.float64(random_bits("float32", 600)))
    x = np.concatenate(found)
    return x[np.isfinite(x)]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("name", WHERE)
def test_relative_error(name, wide):
    bound = 2.0**-31 if wide else 2.0**-50 if name == "erfc" else 3.0 * 2.0**-53
    x = points(name)
    if wide:  # as large and as small as numbers of float32 and their squares
        x = x[(np.abs(x) < 2.0**256) & (np.abs(x) > 2.0**-300)]
        if name in ("exp", "erfc"):
            x = x[np.abs(x) < (13.0 if name == "erfc" else 700.0)]
    function = compiled_function(
        lambda xp, v: v.graph.apply("cos", v) if name == "cos" else getattr(xp, name)(v), wide=wide
    )
    got = function(x)
    assert len(x) > 500
    flint.ctx.prec, before = 1400, flint.ctx.prec
    try:
        for point, value in zip(x, got, strict=True):
            exact = getattr(flint.arb(float(point)), name)()
            if float(exact) in (math.inf, 0.0) or abs(float(exact)) < 2.0**-1020:
                assert value == float(exact) or abs(float(exact - float(value))) <= 2.0**-1074
                continue
            error = abs(float((exact - float(value)) / exact))
            assert error <= bound, (point, value, error)
    finally:
        flint.ctx.prec = before


ENDS = {
    "atan": [(-np.inf, -np.pi / 2), (np.inf, np.pi / 2), (-0.0, -0.0), (0.0, 0.0)],
    "exp": [(-np.inf, 0.0), (np.inf, np.inf), (-0.0, 1.0), (1000.0, np.inf), (-1000.0, 0.0)],
    "expm1": [(-np.inf, -1.0), (np.inf, np.inf), (-0.0, -0.0), (0.0, 0.0), (1000.0, np.inf)],
    "log": [(0.0, -np.inf), (-0.0, -np.inf), (-1.0, np.nan), (np.inf, np.inf), (1.0, 0.0)],
    "log1p": [(-1.0, -np.inf), (-2.0, np.nan), (-0.0, -0.0), (np.inf, np.inf), (0.0, 0.0)],
    "tanh": [(-np.inf, -1.0), (np.inf, 1.0), (-0.0, -0.0), (0.0, 0.0)],
    "erfc": [(-np.inf, 2.0), (np.inf, 0.0), (0.0, 1.0)],
    "sin": [(-np.inf, np.nan), (np.inf, np.nan), (-0.0, -0.0), (0.0, 0.0)],
    "sqrt": [(-1.0, np.nan), (np.inf, np.inf), (-0.0, -0.0), (4.0, 2.0)],
    "floor": [(-0.5, -1.0), (np.inf, np.inf), (-0.0, -0.0), (1e300, 1e300), (0.5, 0.0)],
}


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("name", ENDS)
def test_at_the_ends(name, wide):
    x, wanted = np.array([*ENDS[name], (np.nan, np.nan)]).T
    x = np.ascontiguousarray(x)
    got = compiled_function(lambda xp, v: getattr(xp, name)(v), wide=wide)(x)
    np.testing.assert_allclose(got, wanted, rtol=2.0**-31 if wide else 0.0)
    zeros = wanted == 0.0
    np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(wanted[zeros]))


ARGUMENTS = {
    "minus a size": ("exp", lambda xp, v: -xp.abs(v)),
    "a size times a negative number": ("exp", lambda xp, v: xp.abs(v) * -2.0),
    "a size times a number": ("exp", lambda xp, v: xp.abs(v) * 2.0),
    "minus a square": ("exp", lambda xp, v: -(v * v)),
    "minus a product": ("exp", lambda xp, v: -(v * (v + 1.0))),
    "minus a number": ("exp", lambda xp, v: -v),
    "a number times a negative one": ("exp", lambda xp, v: v * -2.0),
    "what is not positive": ("exp", lambda xp, v: xp.where(v > 0.0, 0.0, v)),
    "what is not negative": ("exp", lambda xp, v: xp.where(v < 0.0, 0.0, v)),
    "what is below 1": ("exp", lambda xp, v: xp.where(v > 1.0, 0.0, v)),
    "what is not positive, but 1": ("exp", lambda xp, v: xp.where(v > 0.0, 1.0, v)),
    "what is not positive, less 1": ("expm1", lambda xp, v: xp.where(v > 0.0, 0.0, v)),
    "minus a size, less 1": ("expm1", lambda xp, v: -xp.abs(v)),
    "a difference": ("exp", lambda xp, v: v - xp.abs(v * 0.5)),
    "a decay": ("log1p", lambda xp, v: xp.exp(-xp.abs(v))),
    "the square of a decay": ("log1p", lambda xp, v: xp.exp(xp.abs(v) * -0.5) ** 2.0),
    "minus a decay": ("log1p", lambda xp, v: -xp.exp(-xp.abs(v))),
    "twice a decay": ("log1p", lambda xp, v: xp.exp(-xp.abs(v)) * 2.0),
    "an exponential": ("log1p", lambda xp, v: xp.exp(v)),
    "a square": ("log1p", lambda xp, v: v * v),
    "a change": ("tanh", lambda xp, v: xp.expm1(-xp.abs(v))),
    "a loss": ("log1p", lambda xp, v: xp.expm1(-xp.abs(v))),
    "half a loss": ("log1p", lambda xp, v: xp.expm1(-xp.abs(v)) * 0.5),
    "half a change": ("log1p", lambda xp, v: xp.expm1(v) * 0.5),
    "a decay or half a loss": ("log1p", lambda xp, v: _either(xp, v, xp.expm1(-xp.abs(v)) * 0.5)),
    "a decay or a number": ("log1p", lambda xp, v: _either(xp, v, v)),
}
OTHERWISE = (
    "a decay",
    "the square of a decay",
    "half a loss",
    "a decay or half a loss",
    "what is not positive, less 1",
    "minus a size, less 1",
)
"""For float32 these take fewer operations, and differ in bits that float32 has not."""


def _either(xp, v, other):
    return xp.where(v < 1.0, other, xp.exp(-xp.abs(v)))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_is_known_of_an_argument_changes_no_bit(name, wide):
    function, argument = ARGUMENTS[name]
    apart = [
        compiled_function(argument, wide=wide),
        compiled_function(lambda xp, v: getattr(xp, function)(v), wide=wide),
    ]
    at_once = compiled_function(lambda xp, v: getattr(xp, function)(argument(xp, v)), wide=wide)
    generator = np.random.default_rng(2)
    spread = [generator.normal(0.0, scale, 20_000) for scale in (0.01, 1.0, 10.0, 500.0)]
    roots = -np.log(np.nextafter(math.sqrt(2.0) - 1.0, [0.0, 1.0]))  # where 1 + exp(-x) is √2
    x = np.concatenate([awkward("float64"), random_bits("float64", 20_000), roots, *spread])
    got, wanted = at_once(x), apart[1](apart[0](x))
    np.testing.assert_allclose(got, wanted, rtol=2.0**-32 if wide and name in OTHERWISE else 0.0)
    np.testing.assert_array_equal(np.signbit(got[got == 0.0]), np.signbit(wanted[got == 0.0]))


CLIPS = {
    "lt gt": lambda xp, v: xp.where(v < -2.0, -2.0, xp.where(v > 3.0, 3.0, v)),
    "le ge": lambda xp, v: xp.where(v <= -2.0, -2.0, xp.where(v >= 3.0, 3.0, v)),
    "zeros": lambda xp, v: xp.where(v <= -0.0, -0.0, xp.where(v >= 3.0, 3.0, v)),
    "crossed": lambda xp, v: xp.where(v < 3.0, 3.0, xp.where(v > -2.0, -2.0, v)),
    "another low": lambda xp, v: xp.where(v < -2.0, -7.0, xp.where(v > 3.0, 3.0, v)),
    "another high": lambda xp, v: xp.where(v < -2.0, -2.0, xp.where(v > -4.0, 3.0, v)),
    "another number": lambda xp, v: xp.where(v + 1.0 < -2.0, -2.0, xp.where(v > 3.0, 3.0, v)),
    "arrays": lambda xp, v: xp.where(v < v * v, v * v, xp.where(v > 3.0, 3.0, v)),
}


@pytest.mark.parametrize("name", CLIPS)
def test_clips(name):
    """Whether it becomes the smaller and the larger of two numbers, or not."""

    class Arrays:
        where = staticmethod(np.where)

    x = np.concatenate([awkward("float64"), np.linspace(-5.0, 5.0, 41)])
    with np.errstate(all="ignore"):
        wanted = CLIPS[name](Arrays, x)
    got = compiled_function(CLIPS[name])(x)
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(np.signbit(got[got == 0.0]), np.signbit(wanted[got == 0.0]))


def quotients(xp, x, y):
    """Several by one number and by its square, and one by another."""
    size = xp.abs(y) + 1.0
    return x / size, y / (size * size), x / (size * size), x / (y + 3.0)


def test_quotients_by_one_number_are_divided_once():
    outputs = lowered(record_function(quotients, {}, ("x", "y"), wide=True))
    nodes = outputs[0].graph.needed(outputs)
    assert sum(node.operation == "div" for node in nodes) == 2
    generator = np.random.default_rng(3)
    x, y = generator.standard_normal((2, 100)) * 10.0 ** generator.integers(-3, 4, (2, 100))
    x[:4], y[2:6] = [np.inf, -np.inf, np.nan, 0.0], [0.0, -0.0, np.inf, np.nan]
    found = compiled_function(quotients, ("x", "y"), wide=True)(x, y)
    size = np.abs(y) + 1
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = x / size, y / size**2, x / size**2, x / (y + 3)
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-15)
