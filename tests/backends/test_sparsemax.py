"""sparsemax is the Euclidean projection on the simplex."""

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import back, every_backend, every_numerics, native
from tests.backends.textbook import sparsemax


@every_backend
@every_numerics
def test_it_is_the_projection_on_the_simplex(backend, numerics):
    """1,000 random rows against the bisection; the pullback against the textbook's."""
    random = np.random.default_rng(20160205)
    function = ua.get_activation("sparsemax", backend=backend, numerics=numerics)
    lengths = random.integers(2, 41, size=50)
    rows = 0
    for length in lengths:
        scale = 10.0 ** random.uniform(-2, 1.5)
        x = random.normal(scale=scale, size=(20, length))
        want = sparsemax(x, -1)
        cotangent = random.normal(size=x.shape)
        value, slope = ua.value_and_grad(
            function,
            native(backend, x, "float64"),
            cotangent=native(backend, cotangent, "float64"),
        )
        got = back(backend, value, "float64")
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(got.sum(axis=-1), 1.0, rtol=1e-12)
        inside = want > 1e-12
        assert (inside == (got > 0)).all()
        mean = np.sum(cotangent * inside, axis=-1) / inside.sum(axis=-1)
        wanted = np.where(inside, cotangent - mean[:, None], 0.0)
        np.testing.assert_allclose(back(backend, slope, "float64"), wanted, rtol=1e-9, atol=1e-12)
        rows += len(x)
    assert rows == 1000


def test_the_bisection_agrees_with_a_quadratic_program():
    """So that two wrong ones are not held against each other."""
    optimize = pytest.importorskip("scipy.optimize")
    random = np.random.default_rng(7)
    for length in (2, 3, 5, 9):
        x = random.normal(size=length)
        found = optimize.minimize(
            lambda p, x=x: np.sum((p - x) ** 2),
            np.full(length, 1.0 / length),
            jac=lambda p, x=x: 2 * (p - x),
            bounds=[(0, 1)] * length,
            constraints={"type": "eq", "fun": lambda p: p.sum() - 1.0},
            options={"ftol": 1e-14},
        )
        np.testing.assert_allclose(sparsemax(x, 0), found.x, atol=1e-6)
