"""The functions that JAX gets for float32, and how many loops XLA makes of them."""

import re

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import unified_act as ua
from tests.backends.test_functions import FUNCTIONS, check_values_and_derivatives
from unified_act_jax import elementary, variant
from unified_act_jax.variant import FAST, STRICT

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, -1e-30]


def in_single(coefficients):
    return [mpmath.mpf(float(np.float32(c))) for c in coefficients]


def polynomial(coefficients, x):
    return sum(c * x**power for power, c in enumerate(coefficients))


def test_the_polynomial_of_expm1():
    coefficients = in_single(elementary._EXPM1)
    for r in mpmath.linspace(-0.3466, 0.3466, 400):
        assert abs(r * polynomial(coefficients, r) / mpmath.expm1(r) - 1) < 2.6e-8


def test_the_quotient_of_erfc():
    over, under = map(in_single, (elementary._ERFCX_OVER, elementary._ERFCX_UNDER))
    for z in mpmath.linspace(0, elementary._SQUARE_END, 400):
        exact = mpmath.exp(z * z) * mpmath.erfc(z)
        assert abs(polynomial(over, z) / polynomial(under, z) / exact - 1) < 2.1e-8


def test_the_root_of_erfc():
    root = in_single(variant._ROOT)
    for z in mpmath.linspace(0, 30, 600):
        assert abs(1 / polynomial(root, z) ** 8 - mpmath.erfc(z)) < 6.4e-8


def everywhere(largest):
    """Numbers of both signs and of every size up to a largest one, evenly by their logarithms."""
    random = np.random.default_rng(0)
    sizes = np.exp2(random.uniform(-40.0, np.log2(largest), 200_000))
    return (sizes * random.choice([-1.0, 1.0], sizes.size)).astype(np.float32)


def errors(function, exact, x):
    """In ULP, where the result is a normal number."""
    got = np.asarray(jax.jit(function)(jnp.asarray(x)), dtype=np.float64)
    want = exact(x.astype(np.float64))
    ulp = np.spacing(np.abs(want).astype(np.float32)).astype(np.float64)
    normal = np.abs(want) > np.finfo(np.float32).tiny
    return np.abs(got - want)[normal] / ulp[normal]


def exp_of_minus(x):
    first, second = elementary.split_exp(jnp.abs(x))
    return first * second


def log1p(x):
    with np.errstate(invalid="ignore"):
        return np.log1p(x)  # NaN below -1, where no result is compared


def erfc(z):
    return np.array([float(mpmath.erfc(each)) for each in z])


@pytest.mark.parametrize(
    ("function", "exact", "largest", "bound"),
    [
        (elementary.expm1, np.expm1, 88.0, 2.2),
        (elementary.log1p, log1p, 3e38, 1.5),
        (elementary.tanh, np.tanh, 20.0, 2.6),
        (lambda z: elementary.square_exp(jnp.ones_like(z), z), lambda z: np.exp(-z * z), 13.0, 2.0),
        (exp_of_minus, lambda x: np.exp(-abs(x)), 87.0, 2.0),
    ],
    ids=["expm1", "log1p", "tanh", "square_exp", "split_exp"],
)
def test_accuracy(function, exact, largest, bound):
    assert errors(function, exact, everywhere(largest)).max() < bound


def test_accuracy_of_erfc():
    x = everywhere(9.0)[:20_000]
    assert errors(STRICT.erfc, erfc, x).max() < 5.2


def test_the_quick_erfc_stays_in_its_range():
    found = jax.jit(FAST.erfc)(jnp.asarray(everywhere(9.0)))
    assert found.min() >= 0.0
    assert found.max() <= 2.0


def test_the_quick_gelu_stays_in_its_range():
    x = jnp.linspace(-0.77, -0.73, 100_000, dtype=jnp.float32)
    assert ua.get_activation("gelu", backend="jax")(x).min() == np.float32(-0.16997120747990369)


def test_a_large_factor_meets_the_tail_before_it_is_rounded():
    z = jnp.asarray([10.5, 12.0, 13.1], jnp.float32)
    factor = jnp.full_like(z, 1e38)
    exact = [float(1e38 * mpmath.erfc(float(each))) for each in z]
    np.testing.assert_allclose(elementary.times_erfc(factor, z), exact, rtol=1e-6, atol=1.2e-38)


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (elementary.expm1, [0.0, -0.0, np.inf, -1.0, np.nan, 1e-30, -1e-30]),
        (elementary.log1p, [0.0, -0.0, np.inf, np.nan, np.nan, 1e-30, -1e-30]),
        (elementary.tanh, [0.0, -0.0, 1.0, -1.0, np.nan, 1e-30, -1e-30]),
        (STRICT.erfc, [1.0, 1.0, 0.0, 2.0, np.nan, 1.0, 1.0]),
        (FAST.erfc, [1.0, 1.0, 0.0, 2.0, np.nan, 1.0, 1.0]),
        (elementary.again, SPECIAL),
    ],
    ids=["expm1", "log1p", "tanh", "erfc", "fast erfc", "again"],
)
def test_special_values(function, wanted):
    got = np.asarray(jax.jit(function)(jnp.asarray(SPECIAL, jnp.float32)))
    np.testing.assert_array_equal(got, np.asarray(wanted, np.float32))
    np.testing.assert_array_equal(np.signbit(got[:2]), np.signbit(wanted[:2]))


def test_log1p_at_the_ends_of_its_domain():
    x = jnp.asarray([-1.0, -1.5, 3.4e38, -0.99999994], jnp.float32)
    got = np.asarray(jax.jit(elementary.log1p)(x))
    np.testing.assert_allclose(got, [-np.inf, np.nan, np.log(3.4e38), np.log(2.0**-24)], rtol=1e-7)


@pytest.mark.parametrize("value", [1.0, -3.3e38, 1e-30, 2e-37])
@pytest.mark.parametrize("order", [0, 1])
def test_a_product_with_gelu_is_right_in_its_tail(value, order):
    gate = jnp.asarray([-60.0, -18.0, -14.3, -11.7, -2.0, -0.3, 0.0, 0.4], jnp.float32)
    function = (elementary.times_gelu, elementary.times_gelu_slope)[order]
    factor = np.float32(value)
    exact = [
        float(
            mpmath.mpf(float(factor)) * mpmath.diff(lambda g: g * mpmath.ncdf(g), float(g), order)
        )
        for g in gate
    ]
    got = jax.jit(function)(jnp.full_like(gate, factor), gate)
    # To round gate/√2 costs up to 2e-5 in the tail, as to round the gate itself would.
    np.testing.assert_allclose(got, exact, rtol=2e-5, atol=1.2e-38)


def test_a_product_with_gelu_at_the_infinities():
    gate = jnp.asarray([-jnp.inf, jnp.inf, jnp.nan], jnp.float32)
    value = jnp.full_like(gate, 2.0)
    np.testing.assert_array_equal(elementary.times_gelu(value, gate), [0.0, np.inf, np.nan])
    np.testing.assert_array_equal(elementary.times_gelu_slope(value, gate), [0.0, 2.0, np.nan])


def loops(function, *arguments):
    """How many loops run one after another."""
    program = jax.jit(function).lower(*arguments).compile().as_text()
    return len(re.findall(r" (?:fusion|call)\(", program.partition("ENTRY")[2]))


@pytest.mark.parametrize("numerics", ["fast", "strict"])
@pytest.mark.parametrize(
    "name",
    ["gelu", "laplace", "quick_gelu", "mish", "lisht", "tanh_shrink", "telu", "serf", "silut"],
)
def test_one_loop_each_for_value_and_gradient(name, numerics):
    function = ua.get_activation(name, backend="jax", numerics=numerics)
    x = jnp.ones((64, 64), jnp.float32)

    def both(x, cotangent):
        value, pullback = jax.vjp(function, x)
        return value, *pullback(cotangent)

    assert loops(function, x) == 1
    assert loops(both, x, x) == 2


def test_again_is_differentiated_as_the_identity():
    x = jnp.asarray([0.5, -2.0], jnp.float32)
    value, tangent = jax.jvp(lambda x: elementary.again(x) * x, (x,), (jnp.ones_like(x),))
    np.testing.assert_array_equal(value, x * x)
    np.testing.assert_array_equal(tangent, 2.0 * x)
    np.testing.assert_array_equal(jax.vmap(elementary.again)(x), x)


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (elementary.expm1, mpmath.exp),
        (lambda x: elementary.log1p(abs(x)), lambda x: mpmath.sign(x) / (1 + abs(x))),
        (elementary.tanh, lambda x: mpmath.sech(x) ** 2),
        (exp_of_minus, lambda x: -mpmath.sign(x) * mpmath.exp(-abs(x))),
        (lambda x: elementary.square_exp(x, x), lambda x: mpmath.diff(square_exp_of_both, x)),
        (lambda x: elementary.times_erfc(x, x), lambda x: mpmath.diff(erfc_of_both, x)),
        (lambda x: FAST.times_erfc(x, x), lambda x: mpmath.diff(erfc_of_both, x)),
    ],
    ids=["expm1", "log1p", "tanh", "split_exp", "square_exp", "times_erfc", "fast times_erfc"],
)
def test_derivatives_for_definitions_without_one(function, derivative):
    x = jnp.asarray([-3.7, -0.4, -0.1, 0.2, 1.3, 2.9], jnp.float32)
    exact = [float(derivative(float(each))) for each in x]
    for mode in (jax.grad, jax.jacfwd):
        np.testing.assert_allclose(jax.vmap(mode(function))(x), exact, rtol=2e-6, atol=2e-7)


def square_exp_of_both(x):
    return x * mpmath.exp(-x * x)


def erfc_of_both(x):
    return x * mpmath.erfc(x)


@pytest.mark.parametrize("numerics", ["strict", "fast"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_definition_may_call_in_float64(name, numerics):
    """XLA's own log1p is up to 128 ULP off."""
    check_values_and_derivatives("jax", name, "float64", numerics)
