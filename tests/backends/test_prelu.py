"""prelu, which is learned: its weight has a shape, a dtype and a gradient."""

import itertools

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import (
    BACKENDS,
    VALUES,
    back,
    every_backend,
    every_numerics,
    native,
    tolerance,
)
from unified_act.backend import DTYPES

pytestmark = pytest.mark.usefixtures("known_shapes_on_mxnet")


class TestPrelu:
    WEIGHTS = (0.25, -0.5, 2.0, 0.0)

    @pytest.mark.quick(lambda dtype: dtype == "float32")
    @pytest.mark.parametrize(
        ("backend", "dtype", "shape"),
        [
            (backend, dtype, shape)
            for backend, dtype, shape in itertools.product(BACKENDS, DTYPES, [(), (1,), (4,)])
            if (backend, dtype, shape) != ("mxnet", "bfloat16", ())  # see the test above
        ],
        ids=str,
    )
    @every_numerics
    @pytest.mark.parametrize(("x_shape", "axis"), [((3, 4), 1), ((3, 4), -1), ((2, 4, 3), 1)])
    def test_against_numpy(self, backend, dtype, shape, numerics, x_shape, axis):
        values = np.resize(VALUES, x_shape) / 4
        weight = np.resize(self.WEIGHTS, shape)
        cotangent = np.resize([1.0, -2.0, 0.5, 4.0, 0.25], x_shape)
        function = ua.get_activation("prelu", backend=backend, numerics=numerics, axis=axis)
        value, (to_x, to_weight) = ua.value_and_grad(
            function,
            native(backend, values, dtype),
            native(backend, weight, dtype),
            cotangent=native(backend, cotangent, dtype),
        )
        spread = weight
        if weight.size > 1:
            spread = np.moveaxis(
                np.broadcast_to(weight, np.moveaxis(values, axis, -1).shape), -1, axis
            )
        np.testing.assert_array_equal(
            back(backend, value, dtype), np.where(values > 0, values, spread * values)
        )
        np.testing.assert_array_equal(
            back(backend, to_x, dtype), cotangent * np.where(values > 0, 1, spread)
        )
        terms = cotangent * np.where(values > 0, 0, values)
        others = tuple(d for d in range(len(x_shape)) if d != axis % len(x_shape))
        total = np.sum(terms, axis=others) if weight.size > 1 else np.sum(terms)
        assert tuple(to_weight.shape) == shape
        np.testing.assert_allclose(
            back(backend, to_weight, dtype), total.reshape(shape), **tolerance(dtype)
        )

    @every_backend
    @pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float16", "float32")])
    def test_a_weight_of_another_dtype(self, backend, dtypes):
        function = ua.get_activation("prelu", backend=backend)
        x, weight = (native(backend, VALUES, dtypes[0]), native(backend, [0.25], dtypes[1]))
        message = f"the weight is .*{dtypes[1]}.*, but the input .*{dtypes[0]}.*Cast the weight"
        with pytest.raises(ua.InputTypeError, match=message):
            function(x, weight)
        with pytest.raises(ua.InputTypeError, match=message):
            ua.value_and_grad(function, x, weight)

    @every_backend
    def test_a_weight_that_is_no_array(self, backend):
        function = ua.get_activation("prelu", backend=backend)
        with pytest.raises(ua.InputTypeError, match=r"weight|expected"):
            function(native(backend, VALUES, "float32"), 0.25)

    @pytest.mark.quick(lambda backend: backend == "mxnet")
    @every_backend
    def test_no_channels(self, backend, run_python):
        """In a process of its own: a crash must not take the other tests with it."""
        program = f"""
import numpy as np, unified_act as ua
from unified_act_conformance.harness import load_harness
harness = load_harness({backend!r})
if {backend!r} == "mxnet":
    from unified_act_mxnet._framework import mx
    mx.util.set_np_shape(True)
x, weight = (harness.to_native(np.ones(n, np.float32), "float32") for n in ((2, 0, 3), 1))
print(harness.to_numpy(ua.get_activation("prelu", backend={backend!r})(x, weight), "float32").shape)
"""
        assert run_python(program) == "(2, 0, 3)\n"

    @every_backend
    def test_a_weight_of_the_wrong_length(self, backend):
        function = ua.get_activation("prelu", backend=backend)
        x, weight = native(backend, VALUES, "float32"), native(backend, [1, 2], "float32")
        with pytest.raises(Exception):  # noqa: B017, PT011 - each framework has its own
            back(backend, function(x, weight), "float32")  # MXNet computes late
