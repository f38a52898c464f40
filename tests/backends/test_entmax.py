"""entmax between softmax and sparsemax, and softmax_one."""

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import back, every_backend, every_numerics, native
from tests.backends.textbook import entmax

ALPHAS = (1.0009765625, 1.125, 1.5, 1.75, 2.0)


def named(alpha):
    return {"name": "entmax", "alpha": alpha}


@every_backend
@every_numerics
@pytest.mark.parametrize("what", ["entmax15", *map(named, ALPHAS)], ids=str)
def test_random_rows(backend, numerics, what):
    """200 rows against bisection; the pullback by the powers of the shares."""
    alpha = 1.5 if what == "entmax15" else what["alpha"]
    random = np.random.default_rng(20190514)
    function = ua.get_activation(what, backend=backend, numerics=numerics)
    for length in (2, 5, 31, 40):
        x = random.normal(scale=10.0 ** random.uniform(-1, 1), size=(50, length))
        cotangent = random.normal(size=x.shape)
        value, slope = ua.value_and_grad(
            function,
            native(backend, x, "float64"),
            cotangent=native(backend, cotangent, "float64"),
        )
        got = back(backend, value, "float64")
        # The bisection is off by a double's eps in what is raised to this power.
        close = 1e-14 / (alpha - 1.0)
        np.testing.assert_allclose(got, entmax(x, -1, alpha), rtol=1e3 * close, atol=close)
        np.testing.assert_allclose(got.sum(axis=-1), 1.0, rtol=1e-13)
        weight = np.where(got > 0, got, 1.0) ** (2.0 - alpha) * (got > 0)
        mean = (weight * cotangent).sum(axis=-1, keepdims=True) / weight.sum(axis=-1, keepdims=True)
        wanted = weight * (cotangent - mean)
        np.testing.assert_allclose(back(backend, slope, "float64"), wanted, rtol=1e-9, atol=1e-12)


@every_backend
@pytest.mark.parametrize("what", ["entmax15", named(1.25), named(2.0)], ids=str)
@pytest.mark.parametrize("length", [1, 4096, 70_000])
def test_equal_elements_of_a_long_row(backend, what, length):
    function = ua.get_activation(what, backend=backend)
    value = back(
        backend, function(native(backend, np.full((1, length), 3.0), "float32")), "float32"
    )
    np.testing.assert_allclose(value, 1.0 / length, rtol=1e-5)


@pytest.mark.parametrize("alpha", [1.5, 1.75, 2.0])
@pytest.mark.parametrize("length", [33, 4096, 70_000])
def test_many_thresholds_on_the_way(alpha, length):
    """Newton's method takes elements out step by step here."""
    x = np.linspace(-1.0, 0.0, length)[np.newaxis]
    found = ua.get_activation("entmax", backend="numpy", numerics="strict", alpha=alpha)(x)
    np.testing.assert_allclose(found, entmax(x, -1, alpha), rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(found > 0, entmax(x, -1, alpha) > 0)


@pytest.mark.parametrize("what", ["entmax15", *map(named, ALPHAS)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_second_derivative_where_differences_overflow(what, dtype):
    jax = pytest.importorskip("jax")
    largest = np.finfo(dtype).max
    x = native("jax", np.array([[0.2, -0.7, 0.7, 0.1]]) * largest, dtype)
    function = ua.get_activation(what, backend="jax")
    slope = jax.grad(lambda x: (function(x)[0] * jax.numpy.arange(4.0, dtype=dtype)).sum())
    np.testing.assert_array_equal(jax.grad(lambda x: slope(x).sum())(x), np.zeros((1, 4)))


@pytest.mark.parametrize("alpha", [0.999, 2.001, -1.0])
def test_what_alpha_may_be(alpha):
    with pytest.raises(ua.ParameterValueError, match="at least 1 and at most 2"):
        ua.get_activation("entmax", alpha=alpha)


@every_backend
@every_numerics
def test_softmax_one_lets_go_of_everything(backend, numerics):
    function = ua.get_activation("softmax_one", backend=backend, numerics=numerics)
    x = np.array([[-100.0, -200.0], [0.0, 0.0], [90.0, 0.0], [1000.0, 1000.0]])
    value, slope = ua.value_and_grad(
        function,
        native(backend, x, "float64"),
        cotangent=native(backend, np.ones_like(x), "float64"),
    )
    small = np.exp(-90.0)
    shares = [[np.exp(-100.0), np.exp(-200.0)], [1 / 3, 1 / 3], [1 - 2 * small, small], [0.5, 0.5]]
    np.testing.assert_allclose(back(backend, value, "float64"), shares, rtol=1e-12)
    # By both together the sum s of the shares has the derivative s·(1 - s) in parts.
    left = [[1.0, 1.0], [1 / 3, 1 / 3], [small, small], [0.0, 0.0]]
    wanted = np.array(shares) * left
    np.testing.assert_allclose(back(backend, slope, "float64"), wanted, rtol=1e-12, atol=1e-300)
