"""What every backend does the same, whatever the activation and the dtype."""

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import (
    BACKENDS,
    SPECS,
    VALUES,
    back,
    bits,
    every_backend,
    every_dtype,
    every_name,
    every_numerics,
    expected,
    gradient_of,
    inputs_for,
    native,
    rounded,
    tolerance,
)
from tests.specifications import KINDS, parameters_of, result_shape
from unified_act.backend import DTYPES
from unified_act.loading import load_backend

pytestmark = pytest.mark.usefixtures("known_shapes_on_mxnet")

PARAMETERS = {
    "affine": {"alpha": 0.3, "beta": -0.7},
    "celu": {"alpha": 0.5},
    "clipped_gelu": {"min_value": -0.1, "max_value": 0.7},
    "clipped_relu": {"max_value": 0.7},
    "elu": {"alpha": 0.5},
    "hard_sigmoid": {"alpha": 0.2, "beta": 0.25},
    "hard_sigmoid_02": {"alpha": 0.3, "beta": 0.25},
    "hard_shrink": {"threshold": 0.3},
    "hard_tanh": {"min_value": -0.3, "max_value": 0.7},
    "laplace": {"mu": 0.3, "sigma": 0.7},
    "leaky_relu": {"negative_slope": 0.1},
    "scaled_tanh": {"alpha": 0.7, "beta": 0.3},
    "shrink": {"threshold": 0.3, "bias": 0.7},
    "silu": {"beta": 1.702},
    "soft_shrink": {"threshold": 0.3},
    "softplus": {"beta": 3.0},
    "squareplus": {"b": 0.3},
    "threshold": {"threshold": 0.3, "value": -0.7},
    "thresholded_relu": {"threshold": 0.3},
}


@every_backend
@every_name
@every_dtype
class TestEveryActivation:
    @pytest.mark.quick(lambda name, dtype: name in KINDS or dtype == "float32")
    @every_numerics
    def test_value_gradient_shape_and_dtype(self, backend, name, dtype, numerics):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        x = inputs_for(backend, name, VALUES, dtype)
        shapes = [result_shape(name, VALUES.shape), VALUES.shape]
        for order, result in enumerate(
            (function(*x), gradient_of(ua.value_and_grad(function, *x)))
        ):
            assert tuple(result.shape) == shapes[order]
            np.testing.assert_allclose(
                back(backend, result, dtype),
                rounded(expected(name, order), dtype),
                **tolerance(dtype, name),
            )

    @pytest.mark.quick(lambda name, dtype: name in KINDS or dtype == "float32")
    def test_the_inputs_stay(self, backend, name, dtype):
        function = ua.get_activation(name, backend=backend)
        x = inputs_for(backend, name, VALUES, dtype)
        before = [bits(backend, array, dtype) for array in x]
        function(*x)
        ua.value_and_grad(function, *x)
        assert [bits(backend, array, dtype) for array in x] == before

    @pytest.mark.quick(lambda name, dtype: name in KINDS or dtype == "float32")
    def test_other_shapes(self, backend, name, dtype):
        function = ua.get_activation(name, backend=backend)
        plain = SPECS[name].kind == "elementwise"
        # Channels need an axis, and an axis that is divided two elements.
        shapes = [(1, 2 if SPECS[name].resizes else 1), (2, 1, 3, 2)]
        for shape in [(1,), *shapes] if plain else shapes:
            values = np.resize(VALUES.ravel()[1:], shape)
            x = inputs_for(backend, name, values, dtype)
            result = function(*x)
            assert tuple(result.shape) == result_shape(name, shape)
            got = back(backend, result, dtype)
            slope = gradient_of(ua.value_and_grad(function, *x))
            assert tuple(slope.shape) == shape
            back(backend, slope, dtype)
            if plain:
                flat = function(native(backend, values.ravel(), dtype))
                np.testing.assert_allclose(got.ravel(), back(backend, flat, dtype))

    @pytest.mark.quick(lambda name, dtype: name in KINDS or dtype == "float32")
    def test_empty_arrays(self, backend, name, dtype):
        """They give empty arrays, and leave what comes after them alone."""
        function = ua.get_activation(name, backend=backend)
        x = inputs_for(backend, name, VALUES, dtype)
        before = bits(backend, function(*x), dtype)
        # Channels need an axis, and an axis that is divided two elements.
        for shape in [(0,), (2, 0, 3)] if SPECS[name].kind == "elementwise" else [(0, 4), (2, 0)]:
            empty = inputs_for(backend, name, np.zeros(shape), dtype)
            result, slope = function(*empty), gradient_of(ua.value_and_grad(function, *empty))
            assert tuple(result.shape) == result_shape(name, shape)
            assert tuple(slope.shape) == shape
            assert bits(backend, result, dtype) == bits(backend, slope, dtype) == b""
        assert bits(backend, function(*x), dtype) == before


def transposed(array):
    """A view of it in the other order, unless it is a weight; MXNet transposes no booleans."""
    if len(array.shape) != 2:
        return array
    if hasattr(array, "asnumpy") and array.dtype == np.bool_:
        return native("mxnet", array.asnumpy().T, "bool")
    return array.T


@pytest.mark.quick(lambda name, dtype: name in KINDS or dtype == "float32")
@pytest.mark.parametrize(
    ("backend", "dtype"),
    # TensorFlow has no views; and MXNet's own transposition garbles bfloat16.
    [("mxnet", d) for d in DTYPES if d != "bfloat16"]
    + [(backend, dtype) for backend in ("numpy", "torch") for dtype in DTYPES],
)
@every_name
def test_transposed(backend, name, dtype):
    across, along = {}, {}
    if "axis" in parameters_of(name):
        across, along = {"axis": 1}, {"axis": 0}
    values = VALUES[:, :3] if SPECS[name].kind == "learned" else VALUES
    x = inputs_for(backend, name, values.T, dtype, channels=3)
    flat = [transposed(array) for array in x]
    flipped, straight = (
        ua.get_activation(
            SPECS[name].name, backend=backend, **{**parameters_of(name), **parameters}
        )
        for parameters in (across, along)
    )
    for one, other in (
        (flipped(*flat), straight(*x)),
        (
            gradient_of(ua.value_and_grad(flipped, *flat)),
            gradient_of(ua.value_and_grad(straight, *x)),
        ),
    ):
        np.testing.assert_allclose(
            back(backend, one, dtype), back(backend, other, dtype).T, **tolerance(dtype)
        )


@pytest.mark.quick(lambda name, dtype: name in KINDS or dtype == "float32")
@pytest.mark.parametrize(
    ("backend", "dtype"),
    # What MXNet computes bfloat16 with, oneDNN, has no arrays without dimensions.
    [(b, d) for b in BACKENDS for d in DTYPES if (b, d) != ("mxnet", "bfloat16")],
)
@pytest.mark.parametrize("name", [n for n in SPECS if SPECS[n].kind == "elementwise"])
@every_numerics
def test_without_dimensions(backend, name, dtype, numerics):
    function = ua.get_activation(name, backend=backend, numerics=numerics)
    x = native(backend, -0.75, dtype)
    in_a_row = native(backend, [-0.75], dtype)
    result = function(x)
    assert tuple(result.shape) == ()
    got = back(backend, result, dtype)
    np.testing.assert_allclose(got, back(backend, function(in_a_row), dtype)[0])
    slope = ua.value_and_grad(function, x)[1]
    assert tuple(slope.shape) == ()
    expected_slope = back(backend, ua.value_and_grad(function, in_a_row)[1], dtype)[0]
    np.testing.assert_allclose(back(backend, slope, dtype), expected_slope)


@pytest.mark.parametrize("backend", ["mxnet", "numpy", "torch"])
@every_name
@every_numerics
def test_the_result_is_not_the_input(backend, name, numerics):
    """Who writes into the one must not change the other; the identity makes no copy."""
    if name == "identity":
        return
    x = inputs_for(backend, name, VALUES, "float32")
    before = [bits(backend, array, "float32") for array in x]
    result = ua.get_activation(name, backend=backend, numerics=numerics)(*x)
    result[:] = 7.0
    assert [bits(backend, array, "float32") for array in x] == before


@pytest.mark.quick(lambda dtype, numerics: numerics == "fast" and dtype != "float64")
@every_backend
@every_dtype
@every_numerics
@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("scalar", [np.float64, np.float32])
def test_parameters_never_promote(backend, name, dtype, numerics, scalar):
    parameters = {key: scalar(value) for key, value in PARAMETERS[name].items()}
    function = ua.get_activation(name, backend=backend, numerics=numerics, **parameters)
    x = native(backend, VALUES, dtype)
    close = tolerance("float32" if dtype == "float64" and scalar is np.float32 else dtype)
    for order, result in enumerate((function(x), ua.value_and_grad(function, x)[1])):
        exact = expected(name, order, **PARAMETERS[name])
        np.testing.assert_allclose(back(backend, result, dtype), exact, **close)


@every_backend
@every_dtype
def test_of_every_other_element(backend, dtype):
    """A view with gaps, where the framework has such."""
    x = native(backend, VALUES, dtype)[:, ::2]
    gelu = ua.get_activation("gelu", backend=backend)
    compact = native(backend, VALUES[:, ::2], dtype)
    np.testing.assert_allclose(
        back(backend, gelu(x), dtype), back(backend, gelu(compact), dtype), **tolerance(dtype)
    )


class TestOwnActivations:
    @every_backend
    @every_dtype
    @pytest.mark.parametrize(
        "derivative", [None, lambda xp, x, *, a: xp.where(x > 1000.0, 0.0, x * 0.0 + a)]
    )
    def test_on_every_backend_at_once(self, backend, dtype, derivative):
        ua.register_activation("own_line", parameters={"a": 0.5}, derivative=derivative)(
            lambda xp, x, *, a: xp.where(x > 1000.0, 0.0, x * a)
        )
        function = ua.get_activation("own_line", backend=backend, a=2.0)
        x = native(backend, VALUES, dtype)
        np.testing.assert_array_equal(back(backend, function(x), dtype), 2.0 * VALUES)
        slope = back(backend, ua.value_and_grad(function, x)[1], dtype)
        np.testing.assert_array_equal(slope, np.full_like(VALUES, 2.0))

    @pytest.mark.parametrize("backend", ["mxnet", "tensorflow", "torch"])
    def test_any_function_can_be_differentiated(self, backend):
        relu = ua.get_activation("relu", backend=backend)
        x = native(backend, VALUES, "float32")
        value, slope = ua.value_and_grad(lambda x: relu(x) * relu(x), x)
        positive = np.maximum(VALUES, 0)
        np.testing.assert_allclose(back(backend, value, "float32"), positive**2)
        np.testing.assert_allclose(back(backend, slope, "float32"), 2 * positive)

    @pytest.mark.parametrize("backend", ["mxnet", "tensorflow", "torch"])
    def test_a_detached_gradient_is_an_error(self, backend):
        x = native(backend, VALUES, "float32")
        constant = native(backend, VALUES, "float32")
        with pytest.raises(ua.UnsupportedError, match="the gradient was detached on the way"):
            ua.value_and_grad(lambda _: constant * constant, x)


@every_backend
def test_the_result_is_plain(backend):
    """Nothing that `value_and_grad` returns keeps a graph alive."""
    value, slope = ua.value_and_grad(
        ua.get_activation("mish", backend=backend), native(backend, VALUES, "float32")
    )
    for array in (value, slope):
        assert not getattr(array, "requires_grad", False)
        assert getattr(array, "grad_fn", None) is None


@every_backend
def test_what_the_backend_says_of_itself(backend):
    loaded = load_backend(backend)
    assert loaded.name == backend
    assert tuple(loaded.dtypes) == DTYPES
    x = native(backend, VALUES, "float32")
    assert loaded.accepts(type(x))
    assert all(loaded.accepts(array_type) for array_type in loaded.types)
    assert not loaded.accepts(list)
