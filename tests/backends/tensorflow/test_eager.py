"""The short way of eager TensorFlow calls gives what the public function gives."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python import pywrap_tfe
from tensorflow.python.eager import core

import unified_act as ua
from unified_act.backend import FrameworkBackend, Request
from unified_act.registry import ACTIVATIONS
from unified_act_tensorflow import TensorflowBackend, calls
from unified_act_tensorflow.native import NATIVE

NAMES = sorted(name for name, kernel in NATIVE.items() if kernel.dtypes)
DTYPE = {name: "float32" if "float32" in NATIVE[name].dtypes else "float16" for name in NAMES}


def public(name):
    """The framework's own function, as the table has it."""
    arguments = NATIVE[name].arguments(ACTIVATIONS.find(name).bind({}))
    return lambda x: NATIVE[name].find(tf)(x, **arguments)


def values(name):
    return tf.constant(np.linspace(-4.0, 4.0, 24).reshape(2, 12), DTYPE[name])


def same(first, second):
    assert first.dtype == second.dtype
    np.testing.assert_array_equal(first.numpy(), second.numpy())


@pytest.mark.parametrize("name", NAMES)
def test_value_and_derivatives_are_those_of_the_public_function(monkeypatch, name):
    monkeypatch.setattr(FrameworkBackend, "outrun", lambda *_: ())  # see test_outrun
    x, ours, theirs = values(name), ua.get_activation(name, backend="tensorflow"), public(name)
    results = []
    for function in (ours, theirs):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = function(x)
            gradient = inner.gradient(y, x)
        second = outer.gradient(gradient, x, unconnected_gradients="zero")
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            tangent = accumulator.jvp(function(x))
        results.append((y, gradient, second, tangent))
    for first, second in zip(*results, strict=True):
        same(first, second)


@pytest.mark.parametrize("name", NAMES)
def test_graphs_take_it_too(name):
    x, function = values(name), ua.get_activation(name, backend="tensorflow")
    expected = public(name)(x)
    same(tf.function(lambda: function(x))(), tf.function(lambda: public(name)(x))())  # captured
    np.testing.assert_allclose(tf.function(function)(x), expected, rtol=2e-3)
    assert any(isinstance(n, tf.Operation) for n in graph_of(function, x).get_operations())


def graph_of(function, x):
    return tf.function(function).get_concrete_function(tf.TensorSpec(x.shape, x.dtype)).graph


@pytest.mark.parametrize("name", NAMES)
def test_integers_and_lists_are_refused(name):
    function = ua.get_activation(name, backend="tensorflow")
    with pytest.raises(TypeError, match="expected a floating-point tensor, got int32"):
        function(tf.constant([1, 2]))
    with pytest.raises(TypeError, match=r"expected a tf\.Tensor, got list"):
        function([1.0, 2.0])


def test_operations_are_those_that_the_public_functions_run():
    for name in NAMES:
        operation = calls._OPERATIONS.get(NATIVE[name].function)
        if operation is None:
            continue
        x = values(name)
        kinds = {op.type for op in graph_of(public(name), x).get_operations()}
        assert kinds - {"Placeholder", "Identity"} == {operation} - {"Identity"}


def test_another_axis_goes_the_long_way():
    x = values("softmax")
    function = ua.get_activation("softmax", backend="tensorflow", axis=0)
    same(function(x), tf.nn.softmax(x, axis=0))


def test_a_device_is_respected():
    relu = ua.get_activation("relu", backend="tensorflow")
    with tf.device("CPU:0"):
        assert relu(tf.constant([-1.0, 2.0])).device.endswith("CPU:0")


@pytest.mark.parametrize(
    ("module", "lacking"), [(core, "_FallbackException"), (pywrap_tfe, "TFE_Py_FastPathExecute")]
)
def test_without_what_is_not_public_the_long_way_is_taken(monkeypatch, module, lacking):
    relu, x = ACTIVATIONS.find("relu"), tf.constant([-1.0, 2.0])
    assert is_compiled(TensorflowBackend().implement(relu, {}, "fast"))
    with monkeypatch.context() as patched:
        patched.delattr(module, lacking)
        function = TensorflowBackend().implement(relu, {}, "fast")
    assert not is_compiled(function)
    same(function(x), tf.constant([0.0, 2.0]))


def is_compiled(function):
    return function.__code__.co_filename.startswith("<unified_act call")


@pytest.mark.parametrize("axis", [-1, 0])
def test_what_the_kernel_refuses_goes_the_long_way(axis):
    """Which says it in words of its own, and not in an inner exception of TensorFlow's."""
    request = Request(
        ACTIVATIONS.find("log_softmax"),
        {"axis": axis},
        kernel=NATIVE["log_softmax"],
        arguments={"axis": axis},
    )
    call = calls.short_way(request, lambda x: "the long way")
    assert call(tf.constant(1.0)) == "the long way"
