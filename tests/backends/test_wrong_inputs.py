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


def _unusual():
    """Inputs that a plain cast would damage: the backend, the input, and what to do with it."""
    import ml_dtypes
    import scipy.sparse
    import tensorflow as tf
    import torch

    numbers = np.array([[-1.0, 2.0, 0.0]])
    tensor, masked = torch.tensor(numbers), np.ma.array(numbers, mask=numbers > 0)
    of_tf = tf.constant(numbers)
    rows = torch.nested.nested_tensor([tensor[0], tensor[0, :2]])
    quantized = torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8)
    of_mask = torch.masked.masked_tensor(tensor, tensor > 0)
    parts = r"x\.real and x\.imag"
    for backend in BACKENDS:
        yield backend, 1j, parts
        yield backend, masked, r"np\.ma\.array\(f\(x\.data\), mask=x\.mask\)"
        yield backend, masked.astype(np.int32), r"np\.ma\.array\(f\(x\.data\), mask=x\.mask\)"
        yield backend, scipy.sparse.csr_matrix(numbers), r"x\.toarray\(\)"
        yield backend, scipy.sparse.coo_array(numbers), r"x\.toarray\(\)"
    for backend in ("tensorflow", "torch", "mxnet"):
        yield backend, numbers, "float64'?[)]"  # nor does it lose digits
        yield backend, numbers.astype(np.complex64), parts
    for kind in (np.complex64, np.complex128, np.clongdouble):
        yield "numpy", numbers.astype(kind), parts
    yield "numpy", numbers.astype(np.longdouble), r"np\.asarray\(x, dtype=np\.float64\)"
    yield "numpy", np.matrix(numbers), r"np\.asarray\(x, dtype=np\.float64\)"
    yield "numpy", numbers.astype(object), r"x\.astype\(np\.float32\)"
    yield "numpy", numbers.astype(ml_dtypes.float8_e4m3fn), r"x\.astype\(np\.float32\)"
    for kind in (torch.complex64, torch.complex128):
        yield "torch", tensor.to(kind), parts
    yield "torch", tensor.to(torch.float8_e4m3fn), r"x\.to\(torch\.float32\)"
    yield "torch", quantized, r"x\.dequantize\(\)"
    yield "torch", tensor.to_sparse(), r"x\.to_dense\(\)"
    yield "torch", tensor.to_sparse_csr(), r"x\.to_dense\(\)"
    yield "torch", of_mask, r"masked_tensor\(f\(x\.get_data\(\)\), x\.get_mask\(\)\)"
    yield "torch", rows, r"for part in x\.unbind\(\)"
    for kind in (tf.complex64, tf.complex128):
        yield "tensorflow", tf.cast(of_tf, kind), parts
    yield "tensorflow", tf.sparse.from_dense(of_tf), r"tf\.sparse\.to_dense\(x\)"
    yield "tensorflow", tf.ragged.constant([[1.0], [1.0, 2.0]]), r"tf\.ragged\.map_flat_values"
    yield "tensorflow", tf.constant("1.0"), r"tf\.strings\.to_number\(x\)"
    low = tf.quantization.quantize(tf.cast(of_tf, tf.float32), -1, 2, tf.qint8).output
    yield "tensorflow", low, r"tf\.quantization\.dequantize\(x"


@pytest.mark.filterwarnings("ignore")  # of PyTorch, about its prototypes
@pytest.mark.parametrize("numerics", ["fast", "strict"])
def test_the_advice_loses_nothing(numerics):
    for backend, x, advice in _unusual():
        function = ua.get_activation("sqrt_softplus", backend=backend, numerics=numerics)
        with pytest.raises(ua.InputTypeError, match=advice):
            function(x)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["gelu", "softmax", "sparsemax", "glu", "relu6", "mish"])
def test_sparse_tensors(name):
    import torch

    for x in (torch.eye(4).to_sparse(), torch.eye(4).to_sparse_csr(), torch.eye(4).to_sparse_csc()):
        with pytest.raises(ua.InputTypeError, match=r"x\.to_dense\(\)"):
            ua.get_activation(name, backend="torch", numerics="strict")(x)


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("pandas.core.frame.DataFrame", r"pd\.DataFrame\(f\(x\.to_numpy\(\)\), x\.index, x\.col"),
        (
            "pandas.core.series.Series",
            r"pd\.Series\(f\(x\.to_numpy\(\)\), x\.index, name=x\.name\)",
        ),
        ("xarray.core.dataarray.DataArray", r"xr\.apply_ufunc\(f, x\)"),
        ("jax.experimental.sparse.bcoo.BCOO", r"x\.todense\(\)"),
        ("jax.experimental.sparse.bcsr.BCSR", r"x\.todense\(\)"),
    ],
)
@pytest.mark.parametrize("backend", [None, "numpy", "torch"])
def test_the_advice_for_other_packages(kind, advice, backend):
    module, _, name = kind.rpartition(".")
    x = type(name, (), {"__module__": module, "dtype": np.dtype("float64")})()
    with pytest.raises(ua.InputTypeError, match=advice):
        ua.get_activation("relu", backend=backend)(x)
