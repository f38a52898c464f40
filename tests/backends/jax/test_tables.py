"""16-bit arrays that a table serves, under every transformation of JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import unified_act as ua
from unified_act_jax.native import TABLED

DTYPE = jnp.bfloat16


@pytest.fixture(params=["gelu", "hard_silu"], name="f")
def _f(request):
    return ua.get_activation(request.param, backend="jax", numerics="strict")


@pytest.fixture(name="x")
def _x():
    return jnp.linspace(-4, 4, 35).reshape(5, 7).astype(DTYPE)


def slope(f, x):
    return ua.value_and_grad(f, x)[1]


def assert_close(a, b):
    np.testing.assert_allclose(a.astype(jnp.float32), b.astype(jnp.float32), rtol=0.02, atol=1e-3)


def test_transformations(f, x):
    want, flat = slope(f, x), x.reshape(-1)
    grad = jax.jit(jax.vmap(jax.grad(f)))(flat)
    assert jnp.array_equal(grad.reshape(x.shape), want)
    value, tangent = jax.jvp(f, (x,), (jnp.ones_like(x),))
    assert jnp.array_equal(value, f(x))
    assert jnp.array_equal(tangent, want)
    assert jnp.array_equal(jax.checkpoint(f)(x), f(x))
    for empty in (jnp.zeros((0, 3), DTYPE), jnp.zeros((), DTYPE)):
        assert f(empty).shape == slope(f, empty).shape == empty.shape


@pytest.mark.parametrize("twice", [jax.hessian, lambda f: jax.grad(jax.grad(f))])
def test_second(f, x, twice):
    flat = x.reshape(-1)
    wide = jax.vmap(twice(f))(flat.astype(jnp.float32))
    assert_close(jax.vmap(twice(f))(flat), wide)


def test_third():
    f = ua.get_activation("gelu", backend="jax", numerics="strict")
    found = jax.grad(jax.grad(jax.grad(f)))(jnp.asarray(0.5, DTYPE))
    assert float(found) == pytest.approx(-0.6601, rel=0.02)  # x (x² - 4) φ(x)


def test_no_derivative_of_its_own(x):
    @ua.register_activation("hump")
    def hump(xp, x):
        return xp.exp(-x * x)

    f = ua.get_activation("hump", backend="jax")
    wide = x.astype(jnp.float32)
    assert_close(f(x), jnp.exp(-wide * wide))
    assert_close(slope(f, x), -2 * wide * jnp.exp(-wide * wide))


def test_no_second_derivative_of_its_own(x):
    @ua.register_activation("hump", derivative=lambda xp, x: -2.0 * x * xp.exp(-x * x))
    def hump(xp, x):
        return xp.exp(-x * x)

    f = ua.get_activation("hump", backend="jax")
    wide = x.reshape(-1).astype(jnp.float32)
    want = (4 * wide * wide - 2) * jnp.exp(-wide * wide)
    assert_close(jax.vmap(jax.grad(jax.grad(f)))(x.reshape(-1)), want)


def test_what_is_quicker_composed_is_an_activation_without_a_kernel_for_16_bits():
    assert set(TABLED.composed) <= set(ua.list_activations(kind="elementwise"))
    for name in ("gelu_tanh", "mish", "hard_silu"):
        text = str(jax.make_jaxpr(ua.get_activation(name, backend="jax"))(jnp.ones(3, DTYPE)))
        assert ("gather" in text) == (name not in TABLED.composed)
