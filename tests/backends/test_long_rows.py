"""Sums along long rows, whose rounding errors must not add up: values, gradients, compiled too."""

import math

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import (
    back,
    every_backend,
    every_numerics,
    gradient_of,
    native,
)
from unified_act_conformance.floats import FORMATS, to_type, widen

SOFTMAX = ("softmax", "softmin", "log_softmax")
WIDE = ("float32", "float64")
AXES = (-1, 0)
QUICK_INDUCTOR = ("log_softmax", 0, "fast")


def concentrated(length, dtype, name=""):
    """A row with one large element, beside which each other one counts for almost an eps.

    Of 16-bit types it is an eps of float32, in which they are added up.
    """
    summed = dtype if dtype in WIDE else "float32"
    row = np.full(length, math.log(FORMATS[summed].epsilon) * 1.02)
    row[0] = 0.0
    return widen(to_type(-row if name == "softmin" else row, dtype))


def shares(row):
    """Softmax in extended precision."""
    terms = np.exp(row.astype(np.longdouble) - row.max())
    return terms / terms.sum()


def expected(name, row, cotangent):
    """Value and gradient."""
    y = shares(-row if name == "softmin" else row)
    if name == "log_softmax":
        value = row - (row.max() + np.log1p(y[1:].sum() / y[0]))
        return value, cotangent - y * cotangent.sum()
    slope = y * (cotangent - (cotangent * y).sum())
    return y, -slope if name == "softmin" else slope


def placed(row, axis):
    """Twice the row, along an axis."""
    return np.stack([row, row], axis=1 if axis == 0 else 0)


def first(array, axis):
    return array[:, 0] if axis == 0 else array[0]


def assert_close(found, exact, dtype):
    """Within the budget of a sum of 128 terms; of 16-bit types, whose sums are wider, an eps."""
    error = np.abs(found - exact) / (FORMATS[dtype].epsilon * (np.abs(exact) + 1.0))
    assert error.max() <= (10.0 + 0.5 * 127 if dtype in WIDE else 1.0)


@every_backend
@every_numerics
@pytest.mark.parametrize("name", SOFTMAX)
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("length", [128, 129, 1024, 1025, 2048, 2049, 8192, 70_000, 131_072])
@pytest.mark.quick(lambda length: length in (129, 1025, 8192, 70_000))
def test_a_concentrated_row(backend, numerics, name, dtype, axis, length):
    row = concentrated(length, dtype, name)
    cotangent = np.where(np.arange(length) % 2, 1.0, -0.5)
    function = ua.get_activation(name, backend=backend, numerics=numerics, axis=axis)
    x, pulled = (native(backend, placed(a, axis), dtype) for a in (row, cotangent))
    result = ua.value_and_grad(function, x, cotangent=pulled)
    value, slope = expected(name, row, cotangent)
    assert_close(first(back(backend, result[0], dtype), axis), value, dtype)
    assert_close(first(back(backend, gradient_of(result), dtype), axis), slope, dtype)


@every_backend
@pytest.mark.parametrize("name", ["masked_softmax", "gumbel_softmax"])
@pytest.mark.parametrize("axis", AXES)
def test_a_concentrated_row_with_a_second_input(backend, name, axis):
    dtype, row = "float32", concentrated(4096, "float32")
    further = np.ones_like(row, dtype=bool) if name == "masked_softmax" else np.full_like(row, 0.5)
    function = ua.get_activation(name, backend=backend, axis=axis)
    inputs = [native(backend, placed(a, axis), dtype) for a in (row, further)]
    assert_close(first(back(backend, function(*inputs), dtype), axis), shares(row), dtype)


@every_backend
@pytest.mark.parametrize("axis", AXES)
def test_sparsemax_of_many_small_shares(backend, axis):
    length = 4096
    row = np.full(length, -0.875)
    row[0] = 0.0
    threshold = (row.sum() - 1.0) / length
    sparsemax = ua.get_activation("sparsemax", backend=backend, axis=axis)
    found = back(backend, sparsemax(native(backend, placed(row, axis), "float32")), "float32")
    assert_close(first(found, axis), row - threshold, "float32")


@every_backend
@every_numerics
@pytest.mark.parametrize("dtype", WIDE)
@pytest.mark.parametrize("shape", [(500_000,), (250_000, 2), (2, 2, 125_000)])
def test_the_gradient_of_a_weight(backend, numerics, dtype, shape):
    x = np.full(shape, -0.7 * FORMATS[dtype].epsilon)
    x[0] = -1.0
    x = widen(to_type(x, dtype))
    channels = shape[1] if len(shape) > 1 else 1
    prelu = ua.get_activation("prelu", backend=backend, numerics=numerics)
    weight = native(backend, np.full(channels, 0.25), dtype)
    _, (_, found) = ua.value_and_grad(prelu, native(backend, x, dtype), weight)
    rows = np.moveaxis(x, 1, 0) if len(shape) > 1 else [x]
    exact = np.array([math.fsum(row.reshape(-1)) for row in rows])
    assert_close(back(backend, found, dtype), exact, dtype)


class TestCompiled:
    """A graph that is made for one length, or for any, is as accurate."""

    @pytest.mark.parametrize("name", ["softmax", "log_softmax"])
    @pytest.mark.parametrize("axis", AXES)
    @pytest.mark.parametrize("dynamic", [False, True])
    def test_torch(self, name, axis, dynamic):
        import torch

        softmax = ua.get_activation(name, backend="torch", axis=axis)
        torch.compiler.reset()
        compiled = torch.compile(softmax, fullgraph=True, dynamic=dynamic, backend="aot_eager")
        for length in (64, 4096, 70_000):
            row = concentrated(length, "float32")
            cotangent = np.ones(length)
            x, pulled = (native("torch", placed(a, axis), "float32") for a in (row, cotangent))
            result = ua.value_and_grad(compiled, x, cotangent=pulled)
            value, slope = expected(name, row, cotangent)
            assert_close(first(back("torch", result[0], "float32"), axis), value, "float32")
            found = back("torch", gradient_of(result), "float32")
            assert_close(first(found, axis), slope, "float32")

    @every_numerics
    @pytest.mark.parametrize("name", ["softmax", "log_softmax"])
    @pytest.mark.parametrize("axis", AXES)
    @pytest.mark.quick(lambda name, axis, numerics: (name, axis, numerics) == QUICK_INDUCTOR)
    def test_torch_with_code_of_inductor(self, name, axis, numerics):
        import torch

        row = concentrated(70_000, "float32")
        softmax = ua.get_activation(name, backend="torch", axis=axis, numerics=numerics)
        torch.compiler.reset()
        compiled = torch.compile(softmax, dynamic=True)
        x, pulled = (native("torch", placed(a, axis), "float32") for a in (row, np.ones_like(row)))
        result = ua.value_and_grad(compiled, x, cotangent=pulled)
        value, slope = expected(name, row, np.ones_like(row))
        assert_close(first(back("torch", result[0], "float32"), axis), value, "float32")
        found = back("torch", gradient_of(result), "float32")
        assert_close(first(found, axis), slope, "float32")

    @pytest.mark.filterwarnings("ignore:.*jit.trace.* is deprecated")
    @pytest.mark.parametrize("record", ["export", "trace"])
    def test_torch_for_rows_of_any_length(self, record):
        import torch

        module, short = ua.get_layer("softmax", backend="torch"), torch.zeros(2, 64)
        if record == "trace":
            graph = torch.jit.trace(module, short)
        else:
            length = torch.export.Dim("length", min=2, max=100_000)
            program = torch.export.export(module, (short,), dynamic_shapes=[{1: length}])
            graph = program.module()
        row = concentrated(70_000, "float32")
        found = back("torch", graph(native("torch", placed(row, -1), "float32")), "float32")
        assert_close(first(found, -1), shares(row), "float32")

    @every_numerics
    @pytest.mark.parametrize("name", ["softmax", "log_softmax"])
    @pytest.mark.parametrize("axis", AXES)
    @pytest.mark.parametrize("known", [False, True])
    @pytest.mark.parametrize("jit_compile", [False, True])
    def test_tensorflow(self, numerics, name, axis, known, jit_compile):
        import tensorflow as tf

        row = concentrated(4096, "float32")
        x = native("tensorflow", placed(row, axis), "float32")
        softmax = ua.get_activation(name, backend="tensorflow", numerics=numerics, axis=axis)
        specification = tf.TensorSpec(x.shape if known else [None, None], tf.float32)
        graph = tf.function(softmax, input_signature=[specification], jit_compile=jit_compile)
        value, _ = expected(name, row, np.ones_like(row))
        assert_close(first(back("tensorflow", graph(x), "float32"), axis), value, "float32")
