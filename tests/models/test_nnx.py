"""replace_activations on modules of Flax NNX."""

import functools

import numpy as np
import pytest

import unified_act as ua

nnx = pytest.importorskip("flax.nnx")
jax = pytest.importorskip("jax")

X = np.linspace(-2.0, 2.0, 8, dtype=np.float32).reshape(2, 4)


class Own(nnx.Module):
    def __call__(self, x):
        return x * jax.nn.sigmoid(1.702 * x)


class Net(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.linear = nnx.Linear(4, 4, rngs=rngs)
        self.act = nnx.relu
        self.own = Own()
        self.slope = functools.partial(nnx.leaky_relu, negative_slope=0.2)
        self.rest = nnx.Sequential(nnx.Linear(4, 4, rngs=rngs), nnx.relu, nnx.gelu)

    def __call__(self, x):
        return self.rest(self.slope(self.own(self.act(self.linear(x)))))


def test_what_is_found_and_changed():
    model = Net()
    state = nnx.state(model)
    report = ua.replace_activations(model, {"relu": "mish", "quick_gelu": "tanh"})
    assert report.model is model
    assert str(report) == (
        "3 of 5 activations replaced\n"
        "  act            relu → mish\n"
        "  own            quick_gelu → tanh  (found by its values, as Own)\n"
        "  rest.layers.1  relu → mish\n"
        "left alone\n"
        "  slope          leaky_relu(negative_slope=0.2)\n"
        "  rest.layers.2  gelu_tanh"
    )
    assert model.act == ua.get_activation("mish", backend="jax")
    nnx.update(model, state)
    mish = ua.get_activation("mish", backend="jax")
    h = jax.nn.leaky_relu(jax.numpy.tanh(mish(model.linear(X))), 0.2)
    wanted = nnx.gelu(mish(model.rest.layers[0](h)))
    found = nnx.jit(lambda model, x: model(x))(model, X)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.exhaustive
def test_all_classes_and_what_linen_is_told():
    report = ua.replace_activations(Net(), "all", "silu")
    assert len(report.replaced) == 5
    (one,) = ua.replace_activations(Net(), Own, "silu").replaced
    assert one.path == "own"
    linen = pytest.importorskip("flax.linen")
    with pytest.raises(ua.InputTypeError, match="a frozen description"):
        ua.replace_activations(linen.Dense(2), "relu", "gelu")
