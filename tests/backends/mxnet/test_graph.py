"""The graphs that shared definitions become on MXNet. Needs MXNet alone, as test_backend does."""

import json

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import SPECS, further_inputs
from unified_act_mxnet import namespace, variant
from unified_act_mxnet._framework import DTYPE_OBJECTS, mx

SPECIAL = [-np.inf, -1e30, -7.5, -3.0, -1.0, -1e-30, -0.0, 0.0, 1e-3, 0.5, 1.0, 6.0, 1e4, np.inf]
VALUES = np.array([*SPECIAL, np.nan, *np.linspace(-4.0, 4.0, 33)]).reshape(6, 8)

every_where = pytest.mark.parametrize("where", [namespace.where, variant.where])


def to_bytes(array):
    """All NaN are the same one."""
    values = array.astype("float64").asnumpy()
    return np.where(np.isnan(values), np.nan, values).tobytes()


@pytest.mark.parametrize("dtype", DTYPE_OBJECTS)
@pytest.mark.parametrize("name", SPECS)
def test_value_is_the_same_where_it_is_recorded(name, dtype):
    # Only there is the derivative computed along with it.
    further = further_inputs(name, VALUES.shape, channels=VALUES.shape[-1])
    inputs = [
        mx.nd.array(array, dtype="bool" if array.dtype == bool else "float32")
        for array in (VALUES, *further)
    ]
    inputs = [x if x.dtype == np.bool_ else x.astype(DTYPE_OBJECTS[dtype]) for x in inputs]
    function = ua.get_activation(name, backend="mxnet", numerics="strict")
    value = function(*inputs)
    with mx.autograd.record():
        recorded = function(*inputs)
    assert value.dtype == recorded.dtype
    assert to_bytes(value) == to_bytes(recorded)


def operators_of(symbol):
    return {node["op"] for node in json.loads(symbol.tojson())["nodes"]}


def dense_and_gelu(dtype="float32"):
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(5), ua.get_layer("gelu", backend="mxnet"))
    net.initialize()
    net.cast(dtype)
    net.hybridize()
    return net


class TestKernelsOfLayers:
    """gelu's is right in float16 and float32; MXNet tells which it is behind other weights."""

    def test_is_used_where_it_is_right(self):
        gelu = ua.get_layer("gelu", backend="mxnet")
        assert "LeakyReLU" not in operators_of(gelu(mx.sym.var("x")))
        assert "LeakyReLU" not in operators_of(gelu(mx.sym.var("x", dtype="float64")))
        assert "LeakyReLU" in operators_of(gelu(mx.sym.var("x", dtype="float16")))
        assert "LeakyReLU" in operators_of(gelu(mx.sym.var("x", dtype="float32").as_np_ndarray()))
        assert "LeakyReLU" in operators_of(dense_and_gelu()(mx.sym.var("x")))
        assert "LeakyReLU" not in operators_of(dense_and_gelu("float64")(mx.sym.var("x")))
        strict = ua.get_layer("gelu", backend="mxnet", numerics="strict")
        assert "LeakyReLU" not in operators_of(strict(mx.sym.var("x", dtype="float32")))

    def test_one_that_is_right_in_float32_only_is_not(self):
        # Mixed precision would make it one of float16.
        layer = ua.get_layer("leaky_relu", backend="mxnet")
        assert "LeakyReLU" not in operators_of(layer(mx.sym.var("x", dtype="float32")))

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_a_hybridized_network_is_computed_as_its_arrays(self, dtype):
        net = dense_and_gelu(dtype)
        x = mx.nd.random.normal(shape=(4, 6)).astype(dtype)
        found = net(x)
        net.hybridize(False)
        np.testing.assert_allclose(found.asnumpy(), net(x).asnumpy(), rtol=1e-6, atol=1e-7)

    def test_cast_after_it_was_in_a_graph(self):
        """Gluon keeps the symbols of parameters, whose dtype is that of before."""
        net = dense_and_gelu()
        x = mx.nd.random.normal(shape=(4, 6))
        net(x)
        net.cast("float64")
        found = net(x.astype("float64"))
        net.hybridize(False)
        expected = net(x.astype("float64"))
        np.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), rtol=1e-14)

    def test_what_does_not_fit_together(self):
        """MXNet says so when it is bound, as without an activation."""
        both = mx.sym.var("x", dtype="float32") + mx.sym.var("y", dtype="float64")
        assert ua.get_layer("gelu", backend="mxnet")(both).list_arguments() == ["x", "y"]


def executed(build, *arrays):
    """The value of a graph, and its gradient by the first of the arrays."""
    names = [f"x{index}" for index in range(len(arrays))]
    symbol = build(*(mx.sym.var(name).as_np_ndarray() for name in names))
    gradient = mx.np.zeros(arrays[0].shape)
    executor = symbol.bind(mx.cpu(), dict(zip(names, arrays, strict=True)), {names[0]: gradient})
    value = executor.forward(is_train=True)[0]
    executor.backward(mx.np.ones(value.shape))
    return value.asnumpy().tolist(), gradient.asnumpy().tolist()


@every_where
def test_gradient_of_where_with_a_number(where):
    x = mx.np.array([-1.0, 2.0])
    assert executed(lambda x: where(x > 0.0, 0.0, x), x) == ([-1.0, 0.0], [1.0, 0.0])
    assert executed(lambda x: where(x > 0.0, x, 0.0), x) == ([0.0, 2.0], [0.0, 1.0])
    theirs = ua.value_and_grad(lambda x: mx.np.where(x > 0.0, 0.0, x), x)[1]
    assert theirs.asnumpy().tolist() != [1.0, 0.0]


@every_where
def test_where_keeps_what_is_chosen(where):
    a, b = mx.np.array([np.nan, -0.0, np.inf]), mx.np.array([1.0, np.nan, -np.inf])
    chosen = executed(lambda a, b: where(a == a, a, b), a, b)[0]  # noqa: PLR0124
    assert list(map(str, chosen)) == ["1.0", "-0.0", "inf"]


def test_where_broadcasts_for_rows():
    x, row = mx.np.array([[-1.0, 2.0]]), mx.np.array([[5.0]])
    assert executed(lambda x, row: namespace.where(row > 1.0, x, row), x, row)[0] == [[-1.0, 2.0]]
