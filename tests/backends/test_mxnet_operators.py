"""Operators that are called directly give what MXNet's generated functions give."""

import numpy as np
import pytest

import unified_act as ua
from unified_act.loading import load_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.harness import load_harness
from unified_act_mxnet.backend import _TYPES

BACKEND = load_backend("mxnet")
DIRECT = [
    (name, dtype)
    for name, kernel in BACKEND.native.items()
    for dtype in kernel.dtypes
    if kernel.arguments(ACTIVATIONS.find(name).bind({})) == {}
]


@pytest.mark.parametrize(("name", "dtype"), DIRECT)
def test_value_and_gradient(name, dtype):
    from unified_act_mxnet._framework import mx

    harness = load_harness("mxnet")
    numbers = np.linspace(-3.0, 3.0, 14).reshape(2, 7).astype(np.float32)
    x = harness.to_native(numbers, "float32").astype(_TYPES[dtype])
    function = ua.get_activation(name, backend="mxnet")
    results = []
    for called in (function, BACKEND.native[name].find(mx.nd)):
        leaf = x.copy()
        leaf.attach_grad()
        with mx.autograd.record():
            y = called(leaf)
        y.backward()
        results.append([harness.to_numpy(array, dtype).tobytes() for array in (y, leaf.grad)])
        assert type(y) is mx.nd.NDArray
    assert results[0] == results[1]


def test_some_are_called_directly():
    assert {name for name, _ in DIRECT} >= {"relu", "sigmoid", "softsign", "tanh"}


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_integers_and_lists_are_refused(name):
    from unified_act_mxnet._framework import mx

    function = ua.get_activation(name, backend="mxnet")
    with pytest.raises(TypeError, match="expected a floating-point array, got int32"):
        function(mx.nd.array([1, 2], dtype="int32"))
    with pytest.raises(TypeError, match="got list"):
        function([1.0])
