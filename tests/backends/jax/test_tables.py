"""16-bit arrays that a table serves, under every transformation of JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import unified_act as ua
from unified_act.kernels import table_of
from unified_act.registry import ACTIVATIONS
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
    for name in ("gelu_tanh", "mish", "hard_silu", "leaky_relu"):
        text = str(jax.make_jaxpr(ua.get_activation(name, backend="jax"))(jnp.ones(3, DTYPE)))
        assert ("gather" in text) == (name not in TABLED.composed)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    ("name", "looked_up"),
    [("relu", 0), ("hard_tanh", 0), ("threshold(threshold=0.3, value=-0.3)", 0), ("leaky_relu", 1)],
)
def test_what_only_chooses_is_not_looked_up_and_is_the_same(name, looked_up, dtype):
    f = ua.get_activation(name, backend="jax", numerics="strict")
    table = table_of(ACTIVATIONS.find(f.name), f.parameters, dtype)
    x = jax.lax.bitcast_convert_type(jnp.arange(1 << 16, dtype=jnp.uint16), jnp.dtype(dtype))

    def both(x):
        value, pullback = jax.vjp(f, x)
        return value, pullback(jnp.ones_like(x))[0]

    assert str(jax.make_jaxpr(both)(x)).count("gather[") == looked_up
    value, slope = jax.jit(both)(x)
    wanted = jax.lax.bitcast_convert_type(jnp.asarray(table.values()), x.dtype)
    slopes = table.slopes().astype(x.dtype)
    for pair in ((value, wanted), (slope, slopes)):
        np.testing.assert_array_equal(*(np.asarray(each).astype(np.float32) for each in pair))
