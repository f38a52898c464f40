"""Operators that are called directly give what MXNet's generated functions give."""

import ctypes
import errno
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import SPECS, further_names
from unified_act.backend import Request
from unified_act.loading import load_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.harness import load_harness
from unified_act_mxnet._framework import mx
from unified_act_mxnet.calls import short_way

BACKEND = load_backend("mxnet")
DIRECT = [(name, dtype) for name, kernel in BACKEND.native.items() for dtype in kernel.dtypes]


def defaults(name):
    return ACTIVATIONS.find(name).bind({})


@pytest.mark.parametrize(("name", "dtype"), DIRECT)
def test_value_and_gradient(name, dtype):
    harness = load_harness("mxnet")
    numbers = np.linspace(-3.0, 3.0, 14).reshape(2, 7).astype(np.float32)
    x = harness.to_native(numbers, "float32").astype(BACKEND.dtype_objects[dtype])
    kernel = BACKEND.native[name]
    native = partial(kernel.find(mx.nd), **kernel.arguments(defaults(name)))
    results = []
    for called in (ua.get_activation(name, backend="mxnet"), native):
        leaf = x.copy()
        leaf.attach_grad()
        with mx.autograd.record():
            y = called(leaf)
        y.backward()
        results.append([harness.to_numpy(array, dtype).tobytes() for array in (y, leaf.grad)])
        assert type(y) is mx.nd.NDArray
    assert results[0] == results[1]


@pytest.mark.parametrize("name", ["relu", "tanh", "leaky_relu", "gelu", "softmax"])
def test_a_direct_call_does_not_take_the_long_way(name):
    taken = []

    def otherwise(x):
        taken.append(x)
        return x

    kernel = BACKEND.native[name]
    activation, parameters = ACTIVATIONS.find(name), defaults(name)
    kernel = replace(kernel, dtypes=["float32"])
    request = Request(activation, parameters, "fast", kernel, kernel.arguments(parameters))
    function = short_way(request, otherwise)
    assert function(mx.nd.ones((2, 3))).shape == (2, 3)
    assert not taken
    function(mx.nd.ones((2, 3), dtype="float64"))
    assert len(taken) == 1


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
@pytest.mark.parametrize(("name", "dtype"), DIRECT)
def test_without_elements_or_dimensions(name, dtype, shape):
    with mx.util.np_shape(True):
        x = mx.nd.zeros(shape, dtype=BACKEND.dtype_objects[dtype])
        x.attach_grad()
        with mx.autograd.record():
            y = ua.get_activation(name, backend="mxnet")(x)
        y.backward()
        assert y.shape == x.grad.shape == shape
        assert x.grad.astype("float32").asnumpy().size == (0 if shape else 1)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("numerics", ["fast", "strict"])
def test_an_axis(name, numerics):
    function = ua.get_activation(name, backend="mxnet", numerics=numerics, axis=1)
    x = mx.nd.array(np.arange(24.0).reshape(2, 3, 4))
    sums = function(x).sum(axis=1) if name == "softmax" else function(x).exp().sum(axis=1)
    np.testing.assert_allclose(sums.asnumpy(), 1.0, rtol=1e-6)
    with pytest.raises(ua.ParameterValueError, match=r"axis 1 does not exist .* shape \(5,\)"):
        function(mx.nd.ones((5,)))


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "softmax"])
def test_integers_and_lists_are_refused(name):
    function = ua.get_activation(name, backend="mxnet")
    with pytest.raises(TypeError, match="expected a floating-point array, got int32"):
        function(mx.nd.array([1, 2], dtype="int32"))
    with pytest.raises(TypeError, match="got list"):
        function([1.0])


def overflow():
    """Leaves C's errno as an overflow does."""
    library = ctypes.CDLL(None)
    library.__errno_location.restype = ctypes.POINTER(ctypes.c_int)
    library.__errno_location().contents.value = errno.ERANGE


@pytest.mark.parametrize("numerics", ["fast", "strict"])
@pytest.mark.parametrize("name", SPECS)
def test_graphs_can_be_built_after_an_overflow(name, numerics):
    """MXNet then takes the number `inf` for one that is out of range, and names neither."""
    function = ua.get_activation(name, backend="mxnet", numerics=numerics)
    variables = [mx.sym.var(each) for each in ("x", *further_names(name))]
    overflow()
    assert '"inf"' not in function(*variables).tojson()


@pytest.mark.parametrize("dtype", BACKEND.dtypes)
def test_an_activation_of_ones_own_may_speak_of_infinity(dtype):
    @ua.register_activation("own", derivative=lambda xp, x: xp.where(x == math.inf, 0.0, 2.0 * x))
    def own(xp, x):
        return xp.where(x == math.inf, 7.0, x * x)

    x = mx.nd.array([-1.0, 2.0, math.inf]).astype(BACKEND.dtype_objects[dtype])
    overflow()
    value, gradient = ua.value_and_grad(ua.get_activation("own", backend="mxnet"), x)
    assert value.astype("float32").asnumpy().tolist() == [1.0, 4.0, 7.0]
    assert gradient.astype("float32").asnumpy().tolist() == [-2.0, 4.0, 0.0]
