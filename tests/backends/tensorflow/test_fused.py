"""Kernels on TensorFlow: the bits of NumPy's, derivatives, what is left to the definition."""

import threading

import numpy as np
import pytest
import tensorflow as tf

import unified_act as ua
from tests.specifications import SPECS, further_inputs
from unified_act.kernels import unavailable
from unified_act_tensorflow import fused

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there is one")
ELEMENTWISE = (
    "gelu gelu_tanh mish silu softplus quick_gelu tanh elu sigmoid hard_silu softsign relu"
)
OTHERS = "softmax log_softmax masked_softmax glu swiglu prelu"


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("UNIFIED_ACT_KERNEL_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))


@pytest.fixture(params=[tf.float32, tf.float64], ids=lambda dtype: dtype.name, name="dtype")
def _dtype(request):
    return request.param


@pytest.fixture(params=["gelu", "softmax"], name="f")
def _f(request):
    return strict(request.param)


@pytest.fixture(name="x")
def _x(dtype):
    return tf.cast(tf.reshape(tf.linspace(-4.0, 4.0, 36), (6, 6)), dtype)


def strict(name, backend="tensorflow", **parameters):
    return ua.get_activation(name, backend=backend, numerics="strict", **parameters)


def arguments(name, shape):
    generator = np.random.default_rng(2)
    bits = generator.integers(0, 2**32, shape, dtype=np.uint32).view(np.float32)
    usual = generator.normal(0.0, 3.0, shape).astype(np.float32)
    x = usual if name in OTHERS else np.where(generator.random(shape) < 0.5, usual, bits)
    others = map(np.asarray, further_inputs(name, shape, shape[1]))
    return [x, *(o if o.dtype == bool else o.astype(np.float32) for o in others)]


@pytest.mark.parametrize("name", [*ELEMENTWISE.split(), *OTHERS.split()])
def test_the_bits_are_those_on_numpy(name):
    arrays = arguments(name, (40, 6, 20))
    wanted, slopes = ua.value_and_grad(strict(name, "numpy"), *arrays)
    found, got = ua.value_and_grad(strict(name), *map(tf.constant, arrays))
    np.testing.assert_array_equal(found.numpy(), wanted)
    slopes, got = (each if isinstance(each, tuple) else (each,) for each in (slopes, got))
    np.testing.assert_array_equal(got[0].numpy(), slopes[0])  # a weight's is a sum of TensorFlow's
    if SPECS[name].weights:
        np.testing.assert_allclose(got[1].numpy(), slopes[1], rtol=1e-4)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("name", ["softmax", "glu"])
def test_every_axis(name, axis, x):
    value, slopes = ua.value_and_grad(strict(name, axis=axis), x)
    turned = x if axis != 0 else tf.transpose(x)
    rows, turned = ua.value_and_grad(strict(name), turned)
    for got, want in ((value, rows), (slopes, turned)):
        np.testing.assert_array_equal(got, want if axis != 0 else tf.transpose(want))


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (2, 1, 2, 1, 2, 1, 2)])
def test_every_shape(f, shape, dtype):
    x = tf.fill(shape, tf.constant(0.5, dtype))
    value, slopes = ua.value_and_grad(f, x)
    assert value.shape == slopes.shape == x.shape


def test_the_result_is_used_as_it_lies(f):
    """TensorFlow's own functions end the program where memory is not aligned."""
    for size in (1, 3, 1000):
        y = f(tf.ones(size))
        assert y.__array__().ctypes.data % 4 == 0
        assert np.isfinite(tf.reduce_sum(tf.nn.relu(y) + tf.tanh(y)).numpy())


def test_a_variable(f, x):
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(f(variable)[:, 0])
    slopes = tape.gradient(y, variable)
    variable.assign(tf.zeros_like(x))  # whose memory the results do not share
    with tf.GradientTape() as tape:
        tape.watch(x)
        again = tf.reduce_sum(f(x)[:, 0])
    np.testing.assert_array_equal(y, again)
    np.testing.assert_array_equal(slopes, tape.gradient(again, x))


class TestDerivatives:
    @pytest.mark.parametrize("name", ["gelu", "softmax", "glu", "masked_softmax", "prelu"])
    def test_second(self, name):
        """By kernels what operations give."""
        arrays = [tf.constant(a) for a in arguments(name, (2, 6, 4))]
        arrays = [a if a.dtype == tf.bool else tf.cast(a, tf.float64) for a in arrays]
        watched = [a for a in arrays if a.dtype.is_floating]
        function = strict(name)

        def second():
            with tf.GradientTape() as outer:
                outer.watch(watched)
                with tf.GradientTape() as inner:
                    inner.watch(watched)
                    value = tf.reduce_sum(function(*arrays) ** 2)
                first = inner.gradient(value, watched)
                product = tf.add_n([tf.reduce_sum(by**2) for by in first])
            return outer.gradient(product, watched)

        in_a_graph = tf.function(second)()  # which has the shared definition
        for got, want in zip(second(), in_a_graph, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)

    def test_third(self):
        x, f = tf.constant(0.5, tf.float64), strict("gelu")
        with tf.GradientTape() as third:
            third.watch(x)
            with tf.GradientTape() as second:
                second.watch(x)
                with tf.GradientTape() as first:
                    first.watch(x)
                    y = f(x)
                y = first.gradient(y, x)
            y = second.gradient(y, x)
        assert third.gradient(y, x).numpy() == pytest.approx(-0.6601, rel=1e-3)

    def test_forward_mode(self, f, x):
        along = tf.reshape(tf.linspace(tf.constant(1, x.dtype), 2, 36), (6, 6))
        with tf.autodiff.ForwardAccumulator(x, along) as accumulator:
            y = f(x)
        _, wanted = ua.value_and_grad(f, x, cotangent=along)  # both are symmetric
        np.testing.assert_allclose(accumulator.jvp(y), wanted, rtol=1e-5, atol=1e-6)

    def test_a_jacobian(self, f, x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = f(x)
        found = tape.batch_jacobian(y, x)
        np.testing.assert_allclose(
            tf.reduce_sum(found, 1), ua.value_and_grad(f, x)[1], rtol=1e-5, atol=1e-6
        )

    def test_no_derivative_of_its_own(self, x):
        @ua.register_activation("hump")
        def hump(xp, x):
            return xp.exp(-x * x)

        _, slopes = ua.value_and_grad(ua.get_activation("hump", backend="tensorflow"), x)
        wide = x.numpy().astype(np.float64)
        np.testing.assert_allclose(slopes, -2 * wide * np.exp(-wide * wide), rtol=1e-6)


class TestWithoutKernels:
    @pytest.fixture(autouse=True)
    def _no_kernels(self, monkeypatch, x):
        del x

        def refuse(*_, **__):
            raise AssertionError("a kernel was called")

        monkeypatch.setattr(fused.ArrayKernels, "value", refuse)

    def test_a_kernel_is_called_otherwise(self, f, x):
        with pytest.raises(AssertionError):
            f(x)

    @pytest.mark.parametrize("compiled", [False, True])
    def test_a_graph(self, f, x, compiled):
        assert tf.function(f, jit_compile=compiled)(x).shape == x.shape

    def test_a_map(self, f, x):
        assert tf.vectorized_map(f, x[None]).shape == (1, *x.shape)

    def test_a_data_set(self, f, x):
        (found,) = tf.data.Dataset.from_tensors(x).map(f)
        assert found.shape == x.shape


def test_eight_threads_at_once(f):
    x = tf.reshape(tf.linspace(-9.0, 9.0, 600 * 601), (600, 601))
    wanted, wrong = [a.numpy() for a in ua.value_and_grad(f, x)], []

    def work():
        found = ua.value_and_grad(f, x)
        wrong.extend(a for a, b in zip(found, wanted, strict=True) if not np.array_equal(a, b))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
