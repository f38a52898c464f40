"""What is no floating-point array of the framework is refused, with a word on what to do."""

import itertools

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import (
    BACKENDS,
    VALUES,
    every_backend,
    inputs_for,
    native,
)
from tests.specifications import KINDS, further_inputs


class TestWrongInputs:
    @every_backend
    @pytest.mark.parametrize("kind", ["int32", "uint8", "int64", "bool"])
    @pytest.mark.parametrize("name", ["relu", "gelu", "softmax", "identity", "prelu"])
    def test_neither_integer_nor_bool(self, backend, kind, name):
        x = whole_numbers(backend, kind)
        weights = [native(backend, array, "float32") for array in further_inputs(name, (2, 2))]
        message = (
            rf"{name}: expected a floating-point (array|tensor), got (torch\.)?{kind}. Cast it"
        )
        for chosen in (backend, None):
            with pytest.raises(ua.InputTypeError, match=message):
                ua.get_activation(name, backend=chosen)(x, *weights)
        with pytest.raises(TypeError, match="floating-point"):
            ua.value_and_grad(ua.get_activation(name, backend=backend), x, *weights)

    @pytest.mark.parametrize(("backend", "other"), list(itertools.permutations(BACKENDS, 2)))
    @pytest.mark.parametrize("name", ["relu", "gelu_tanh", "prelu"])
    def test_arrays_of_another_framework(self, backend, other, name):
        function = ua.get_activation(name, backend=backend)
        x = inputs_for(other, name, VALUES, "float32")
        message = rf"{name}: expected an? .*, got \w+\.\w+\. Convert it with .*\(x, dtype="
        with pytest.raises(ua.InputTypeError, match=message):
            function(*x)
        with pytest.raises(ua.InputTypeError, match=r"value_and_grad: expected an? .*, got"):
            ua.value_and_grad(function, *x)

    @every_backend
    @pytest.mark.parametrize("value", [1.0, 1, None, "1", [1.0], (1.0,), object], ids=str)
    def test_an_input_that_is_no_array_is_refused(self, backend, value):
        message = (
            rf"relu: expected an? .*, got {type(value).__name__}\. Convert it with .*\(x, dtype="
        )
        with pytest.raises(ua.InputTypeError, match=message):
            ua.get_activation("relu", backend=backend)(value)

    @every_backend
    @pytest.mark.parametrize("name", KINDS)
    @pytest.mark.parametrize("numerics", ["fast", "strict"])
    def test_wrong_arguments(self, backend, name, numerics):
        # Python's own words, about a name that the user knows.
        x = inputs_for(backend, name, VALUES, "float32")
        for chosen in (backend, None):
            function = ua.get_activation(name, backend=chosen, numerics=numerics)
            with pytest.raises(TypeError, match=rf"^{name}\(\) missing 1 required .* 'x'$"):
                function()
            with pytest.raises(TypeError, match=rf"^{name}\(\) got an unexpected .* 'inplace'$"):
                function(*x, inplace=True)
            with pytest.raises(
                TypeError, match=rf"^{name}(\(\) takes (1|from 1 to 2) pos| takes x, )"
            ):
                function(*x, x[0], x[0])

    @pytest.mark.parametrize("backend", ["mxnet", "tensorflow", "torch"])
    @pytest.mark.parametrize("value", [None, 1.0, "pair"], ids=str)
    def test_a_function_that_returns_no_array(self, backend, value):
        def function(x):
            return (x, x) if value == "pair" else value

        with pytest.raises(ua.InputTypeError, match=f"returns one array of {backend}, this one"):
            ua.value_and_grad(function, native(backend, VALUES, "float32"))

    @every_backend
    @pytest.mark.parametrize("numerics", ["fast", "strict"])
    def test_a_cotangent_that_does_not_match(self, backend, numerics):
        function = ua.get_activation("elu", backend=backend, numerics=numerics)
        x = native(backend, VALUES, "float32")
        for shape, dtype in (((4,), "float32"), ((4, 3), "float32"), ((3, 4), "float64")):
            cotangent = native(backend, np.ones(shape), dtype)
            with pytest.raises(ua.InputTypeError, match="the cotangent must match the output"):
                ua.value_and_grad(function, x, cotangent=cotangent)

    @every_backend
    def test_a_cotangent_that_is_no_array(self, backend):
        function = ua.get_activation("elu", backend=backend)
        with pytest.raises(ua.InputTypeError, match="cotangent"):
            ua.value_and_grad(function, native(backend, VALUES, "float32"), cotangent=[1.0])

    @pytest.mark.parametrize("backend", ["mxnet", "tensorflow", "torch"])
    @pytest.mark.parametrize("shape", [(3, 4), (4,)], ids=str)
    def test_a_cotangent_of_numpy(self, backend, shape):
        function = ua.get_activation("elu", backend=backend)
        cotangent = np.ones(shape, np.float32)
        with pytest.raises(ua.InputTypeError, match="cotangent"):
            ua.value_and_grad(function, native(backend, VALUES, "float32"), cotangent=cotangent)


def whole_numbers(backend, kind):
    values = np.array([[0, 1], [1, 0]], dtype=kind)
    if backend == "numpy":
        return values
    if backend == "mxnet":
        from unified_act_mxnet._framework import mx

        return mx.nd.array(values, dtype=values.dtype)
    if backend == "torch":
        import torch

        return torch.from_numpy(values)
    import tensorflow as tf

    return tf.constant(values)
