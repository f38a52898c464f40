"""The special functions, against arbitrary precision."""

import mpmath
import numpy as np
import pytest

from unified_act import special
from unified_act.special import error_function, exponential
from unified_act_numpy import namespace

K, NEAR = error_function._K, error_function._NEAR
NODES = 64
ERRORS_IN_EPS = 4
EPSILON = mpmath.mpf(2) ** -53


def relative_errors(got, exact):
    return [
        abs(mpmath.mpf(float(g)) - e) / abs(e) if e else abs(mpmath.mpf(float(g)))
        for g, e in zip(got, exact, strict=True)
    ]


def far(y):
    """What the comment beside _P says is interpolated."""
    z = error_function._K * (1 + y) / (1 - y)
    return mpmath.exp(z * z) * mpmath.erfc(z) * (z + error_function._M)


def near(y):
    """What the comment beside _Q says is interpolated, w going from 0 to ¼ as y from -1 to 1."""
    root = mpmath.sqrt((y + 1) / 8)
    return mpmath.erf(root) / root


def chebyshev_terms(function):
    """Of a function on [-1, 1], interpolated at the nodes."""
    angles = [mpmath.pi * (2 * i + 1) / (2 * NODES) for i in range(NODES)]
    samples = [function(mpmath.cos(angle)) for angle in angles]
    terms = [
        2 * sum(s * mpmath.cos(k * a) for s, a in zip(samples, angles, strict=True)) / NODES
        for k in range(NODES)
    ]
    return [terms[0] / 2, *terms[1:]]


def in_powers(terms):
    """The sum of the terms times the Chebyshev polynomials, in powers, by their recurrence."""
    powers = [mpmath.mpf(0)] * len(terms)
    before, current = [mpmath.mpf(1)], [mpmath.mpf(0), mpmath.mpf(1)]
    for term in terms:
        for power, coefficient in enumerate(before):
            powers[power] += term * coefficient
        doubled = [mpmath.mpf(0), *(2 * c for c in current)]
        following = [d - b for d, b in zip(doubled, [*before, 0, 0], strict=True)]
        before, current = current, following
    return powers


def polynomial(coefficients, x):
    """With the lowest power first; the order that mpmath's own one takes depends on its version."""
    return sum(mpmath.mpf(c) * x**power for power, c in enumerate(coefficients))


@pytest.mark.parametrize(
    ("function", "coefficients", "negligible", "variable"),
    [
        (far, error_function._P, "6e-18", lambda y: y),
        (near, error_function._Q, "1e-17", lambda y: (y + 1) / 8),
    ],
    ids=["far", "near"],
)
def test_coefficients_of_erfc(function, coefficients, negligible, variable):
    with mpmath.workdps(60):
        terms = chebyshev_terms(function)
        kept, cut = terms[: len(coefficients)], terms[len(coefficients) :]
        assert abs(kept[-1]) >= mpmath.mpf(negligible) > max(map(abs, cut))
        exact = in_powers(kept)
        # Large powers may differ more than the polynomial does, so look at that, where it is used.
        for step in range(-100, 100):
            y = mpmath.mpf(step) / 100
            difference = polynomial(coefficients, variable(y)) - polynomial(exact, y)
            assert abs(difference) < 2 * EPSILON * coefficients[0]


def erfc(z):
    return special.times_erfc(namespace, np.ones_like(z), z)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
class TestAccuracy:
    def test_erfc(self, dtype):
        generator = np.random.default_rng(0)
        z = np.concatenate(
            [
                np.linspace(-7.0, 27.0, 3_001),
                10.0 ** generator.uniform(-12, 0, 300),
                -(10.0 ** generator.uniform(-12, 0, 300)),
                generator.uniform(0.0, 27.0, 1_000),
                [K, NEAR, np.nextafter(NEAR, 0), 0.0, -0.0, 5.96, 9.19],
            ]
        ).astype(dtype)
        with mpmath.workdps(40):
            exact = [mpmath.erfc(mpmath.mpf(float(value))) for value in z]
            # Among subnormal numbers no relative accuracy can be had.
            normal = np.array([e >= np.finfo(dtype).tiny for e in exact])
            got = erfc(z)
            assert got.dtype == dtype
            kept = [e for e, keep in zip(exact, normal, strict=True) if keep]
            assert len(kept) > 1_500
            errors = relative_errors(got[normal], kept)
        assert max(errors) <= ERRORS_IN_EPS * np.finfo(dtype).eps
        assert (got[~normal] <= 2 * np.finfo(dtype).tiny).all()

    def test_square_exp(self, dtype):
        z = np.linspace(-32.0, 32.0, 4_001).astype(dtype)
        with mpmath.workdps(40):
            exact = [mpmath.exp(-(mpmath.mpf(float(value)) ** 2)) for value in z]
            normal = np.array([e >= np.finfo(dtype).tiny for e in exact])
            got = special.square_exp(namespace, np.ones_like(z), z)
            kept = [e for e, keep in zip(exact, normal, strict=True) if keep]
            errors = relative_errors(got[normal], kept)
        assert max(errors) <= ERRORS_IN_EPS * np.finfo(dtype).eps

    def test_a_factor_is_rounded_once(self, dtype):
        """Also where erfc(z) is subnormal: the product has all its digits."""
        z = (
            np.linspace(9.3, 9.9, 50).astype(dtype)
            if dtype == np.float32
            else (np.linspace(26.6, 27.1, 50).astype(dtype))
        )
        factor = np.full_like(z, 2.0**40)
        with mpmath.workdps(40):
            exact = [2**40 * mpmath.erfc(mpmath.mpf(float(value))) for value in z]
            errors = relative_errors(special.times_erfc(namespace, factor, z), exact)
        assert max(errors) <= ERRORS_IN_EPS * np.finfo(dtype).eps

    def test_erfc_far_out(self, dtype):
        largest = np.finfo(dtype).max
        z = np.array([-np.inf, -largest, -30.0, 30.0, 31.0, largest, np.inf, np.nan], dtype)
        got = erfc(z)
        np.testing.assert_array_equal(got, np.array([2, 2, 2, 0, 0, 0, 0, np.nan], dtype))

    @pytest.mark.parametrize(
        ("function", "exactly", "lowest", "highest"),
        [(special.expm1, mpmath.expm1, -40.0, 80.0), (special.log1p, mpmath.log1p, -1.0, 80.0)],
        ids=["expm1", "log1p"],
    )
    def test_errors_stay_small_near_0_and_far_from_it(
        self, dtype, function, exactly, lowest, highest
    ):
        generator = np.random.default_rng(0)
        tiny = 10.0 ** generator.uniform(-30, 0, 500)
        close = generator.uniform(-0.9, 0.9, 1_000)
        x = np.concatenate([tiny, -tiny, close, np.linspace(lowest, highest, 1_001)[1:]])
        x = np.append(x, [exponential._SMALL, -exponential._SMALL]).astype(dtype)
        with mpmath.workdps(40):
            exact = [exactly(mpmath.mpf(float(value))) for value in x]
            got = function(namespace, x)
            assert got.dtype == dtype
            errors = relative_errors(got, exact)
        assert max(errors) <= ERRORS_IN_EPS * np.finfo(dtype).eps

    @pytest.mark.parametrize("name", ["expm1", "log1p"])
    def test_at_the_ends(self, dtype, name):
        largest = np.finfo(dtype).max
        x = np.array([-np.inf, -2.0, -1.0, -0.0, 0.0, largest, np.inf, np.nan], dtype)
        with np.errstate(all="ignore"):
            got, wanted = getattr(special, name)(namespace, x), getattr(np, name)(x)
        np.testing.assert_allclose(got, wanted, rtol=4 * np.finfo(dtype).eps)
        np.testing.assert_array_equal(np.signbit(got[3:5]), [True, False])
