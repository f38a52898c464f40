"""16-bit tensors that a table serves: every way of calling, and what a table must not serve."""

import numpy as np
import pytest
import tensorflow as tf

import unified_act as ua
from unified_act.kernels import Table


@pytest.fixture(params=[tf.float16, tf.bfloat16], ids=str, name="dtype")
def _dtype(request):
    return request.param


@pytest.fixture(params=["gelu", "hard_silu"], name="f")
def _f(request):
    return ua.get_activation(request.param, backend="tensorflow", numerics="strict")


@pytest.fixture(name="x")
def _x(dtype):
    return tf.cast(tf.reshape(tf.linspace(-4.0, 4.0, 35), (5, 7)), dtype)


@pytest.fixture(name="no_tables")
def _no_tables(monkeypatch):
    def refuse(*_):
        raise AssertionError("a table was read")

    monkeypatch.setattr(Table, "at", refuse)
    monkeypatch.setattr(Table, "times", refuse)


def equal(a, b):
    return a.dtype == b.dtype and np.array_equal(a.numpy(), b.numpy())


def assert_close(a, b):
    a, b = (tf.cast(each, tf.float64).numpy() for each in (a, b))
    np.testing.assert_allclose(a, b, rtol=0.02)


def slope(f, x):
    return ua.value_and_grad(f, x)[1]


def second(f, x):
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        first = inner.gradient(y, x)
    return outer.gradient(first, x)


@pytest.mark.parametrize("shape", [(0, 3), (), (2, 3, 1), (300, 300)])
def test_shapes(f, dtype, shape):
    size = int(np.prod(shape))
    flat = tf.cast(tf.linspace(-4.0, 4.0, size) if size else tf.zeros(0), dtype)
    y, slopes = ua.value_and_grad(f, tf.reshape(flat, shape))
    assert y.shape == slopes.shape == shape
    assert equal(tf.reshape(y, [-1]), f(flat))
    assert equal(tf.reshape(slopes, [-1]), slope(f, flat))


def test_subnormal_results_are_kept_where_tensorflow_flushes_them():
    f = ua.get_activation("exponential", backend="tensorflow", numerics="strict")
    x = tf.constant([-90.0], tf.bfloat16)
    for result in ua.value_and_grad(f, x):
        assert 0.0 < float(result.numpy()[0]) < 2.0**-126


def test_variables(f, x):
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = f(variable)
    assert equal(y, f(x))
    assert equal(tape.gradient(y, variable), slope(f, x))


def test_jacobian_is_vectorised(f, x):
    x = x[0]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert equal(tf.linalg.diag_part(tape.jacobian(y, x)), slope(f, x))


def test_forward_mode(f, x):
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
        y = f(x)
    assert_close(accumulator.jvp(y), slope(f, x))


def test_second(f, x):
    assert_close(second(f, x), tf.function(second)(f, x))


def test_second_by_the_cotangent(f, x):
    cotangent = tf.ones_like(x)
    with tf.GradientTape() as outer:
        outer.watch(cotangent)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        first = inner.gradient(y, x, cotangent)
    assert equal(outer.gradient(first, cotangent), slope(f, x))


def test_third(dtype):
    f = ua.get_activation("gelu", backend="tensorflow", numerics="strict")
    x = tf.constant(0.5, dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = second(f, x)
    assert float(tape.gradient(y, x)) == pytest.approx(-0.6601, rel=0.02)  # x (x² - 4) φ(x)


def test_no_derivative_of_its_own(x):
    @ua.register_activation("hump")
    def hump(xp, x):
        return xp.exp(-x * x)

    f = ua.get_activation("hump", backend="tensorflow")
    wide = tf.cast(x, tf.float64)
    exact = tf.exp(-wide * wide)
    assert equal(f(x), tf.cast(exact, x.dtype))
    assert_close(slope(f, x), -2.0 * wide * exact)


@pytest.mark.parametrize("compiled", [False, True])
def test_no_graph_holds_a_table(f, x, compiled, no_tables):
    with pytest.raises(AssertionError):
        f(x)
    graph = tf.function(f, jit_compile=compiled)
    assert graph(x).shape == x.shape
    captured = tf.function(lambda: f(x), jit_compile=compiled)  # an eager tensor in a graph
    assert captured().shape == x.shape
