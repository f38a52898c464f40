"""Which shapes the arrays may have, and what is said of others: the same on every backend."""

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import BACKENDS, back, every_numerics, gradient_of, native, tolerance
from tests.specifications import SPECS, further_inputs, parameters_of

pytestmark = pytest.mark.usefixtures("known_shapes_on_mxnet")

every_backend = pytest.mark.parametrize("backend", [*BACKENDS, "jax"])
VALUES = np.array([[1.0, -2.0, 3.0, -0.5], [0.0, 5.0, -1.0, 2.0]])
CUT = [name for name in SPECS if SPECS[name].resizes]
ROWS = [name for name in SPECS if SPECS[name].along_axis and name not in CUT]
LEARNED = [name for name in SPECS if SPECS[name].kind == "learned"]
NOISY = "rrelu(training=True)", "gumbel_softmax"


def activation(name, backend, numerics="fast", **parameters):
    parameters = {**parameters_of(name), **parameters}
    return ua.get_activation(SPECS[name].name, backend=backend, numerics=numerics, **parameters)


def inputs(backend, name, values, channels=1):
    """`values` and what the activation takes besides, in float32."""
    arrays = (values, *further_inputs(name, np.shape(values), channels))
    return [native(backend, array, "float32") for array in arrays]


def results(backend, function, given):
    """The value and the gradient by the first input."""
    value, gradient = function(*given), gradient_of(ua.value_and_grad(function, *given))
    return [back(backend, array, "float32") for array in (value, gradient)]


def refused(error, function, given, message):
    for call in (function, lambda *arrays: ua.value_and_grad(function, *arrays)):
        with pytest.raises(error, match=message):
            call(*given)


@every_backend
@every_numerics
class TestAxis:
    @pytest.mark.parametrize("axis", [2, -3])
    @pytest.mark.parametrize("name", [*ROWS, *CUT])
    def test_an_axis_that_does_not_exist_is_refused(self, backend, name, numerics, axis):
        given = inputs(backend, name, VALUES)
        message = rf"axis {axis} does not exist in an input of shape \(2, 4\); pass axis="
        refused(
            ua.ParameterValueError,
            activation(name, backend, numerics, axis=axis),
            given,
            message,
        )

    @pytest.mark.quick(lambda backend, name: backend != "jax" or name == "softmax")
    @pytest.mark.parametrize("name", ROWS)
    def test_without_dimensions(self, backend, name, numerics):
        """Is one element along the axis, as on NumPy and PyTorch."""
        function = activation(name, backend, numerics)
        in_a_row = results(backend, function, inputs(backend, name, np.array([1.5])))
        alone = results(backend, function, inputs(backend, name, np.array(1.5)))
        for result, expected in zip(alone, in_a_row, strict=True):
            assert result.shape == ()
            np.testing.assert_array_equal(result, expected[0])

    @pytest.mark.parametrize("name", CUT)
    def test_an_axis_of_no_dimensions_cannot_be_halved(self, backend, name, numerics):
        given = inputs(backend, name, np.array(1.5))
        message = r"axis -1 does not exist in an input of shape \(\); pass axis="
        refused(ua.ParameterValueError, activation(name, backend, numerics), given, message)

    @pytest.mark.quick(lambda backend, name: backend != "jax" or name == "softmax")
    @pytest.mark.parametrize("shape", [(0,), (2, 0)])
    @pytest.mark.parametrize("name", ROWS)
    def test_an_empty_axis_gives_an_empty_array(self, backend, name, numerics, shape):
        given = inputs(backend, name, np.zeros(shape))
        for result in results(backend, activation(name, backend, numerics), given):
            assert result.shape == shape


@pytest.mark.quick(lambda numerics: numerics == "fast")
@pytest.mark.parametrize("backend", BACKENDS)
@every_numerics
@pytest.mark.parametrize("axis", [0, 1, -2, -1])
@pytest.mark.parametrize("name", [*ROWS, *CUT])
def test_an_axis_of_many(backend, name, numerics, axis):
    """MXNet broadcasts 5 of them, as many as TensorFlow's softmax takes."""
    values = np.resize(VALUES, (2, 2, 1, 1, 2, 2))
    expected = results("numpy", activation(name, "numpy", axis=axis), inputs("numpy", name, values))
    function = activation(name, backend, numerics, axis=axis)
    found = results(backend, function, inputs(backend, name, values))
    for result, right in zip(found, expected, strict=True):
        assert result.shape == right.shape
        np.testing.assert_allclose(result, right, **tolerance("float32"))


@every_backend
@every_numerics
@pytest.mark.parametrize("name", LEARNED)
class TestWeight:
    @pytest.mark.quick(lambda backend, name: backend != "jax" or name == "prelu")
    @pytest.mark.parametrize("values", [np.array(-0.75), VALUES[0], np.resize(VALUES, (2,) * 6)])
    def test_a_single_weight_fits_every_input(self, backend, name, numerics, values):
        """Fits every input, also one without the axis of its channels."""
        function = activation(name, backend, numerics)
        expected = results(
            backend, function, inputs(backend, name, np.resize(values, (2, values.size)))
        )
        found = results(backend, function, inputs(backend, name, values))
        for result, right in zip(found, expected, strict=True):
            assert result.shape == values.shape
            np.testing.assert_allclose(result.ravel(), right[0], **tolerance("float32"))

    @pytest.mark.quick(lambda backend, name: backend != "jax" or name == "prelu")
    def test_gradient_has_its_shape(self, backend, name, numerics):
        x, *weights = inputs(backend, name, VALUES)
        for shape in [(), (1,), (4,)]:
            given = [native(backend, np.full(shape, 0.25), "float32") for _ in weights]
            gradients = ua.value_and_grad(activation(name, backend, numerics), x, *given)[1]
            assert [tuple(gradient.shape) for gradient in gradients[1:]] == [shape] * len(weights)

    @pytest.mark.parametrize("shape", [(1, 3), (3, 1), (2, 8)])
    def test_that_cannot_be_broadcast(self, backend, name, numerics, shape):
        x, *weights = inputs(backend, name, VALUES)
        given = [x, *(native(backend, np.ones(shape), "float32") for _ in weights)]
        message = rf"has the shape \({shape[0]}, {shape[1]}\), which cannot be broadcast"
        refused(ua.InputTypeError, activation(name, backend, numerics), given, message)

    def test_a_weight_of_other_channels_is_refused(self, backend, name, numerics):
        given = inputs(backend, name, VALUES, channels=3)
        message = r"the weight has 3 channels, but axis 1 of an input of shape \(2, 4\) has 4"
        refused(ua.ParameterValueError, activation(name, backend, numerics), given, message)

    def test_of_an_axis_that_is_not_there(self, backend, name, numerics):
        given = inputs(backend, name, VALUES[0], channels=4)
        message = r"axis 1 does not exist in an input of shape \(4,\); pass axis=…, the axis that"
        refused(ua.ParameterValueError, activation(name, backend, numerics), given, message)


@every_backend
@every_numerics
class TestMask:
    @pytest.mark.quick(lambda backend, shape: backend != "jax" or shape == (4,))
    @pytest.mark.parametrize("shape", [(4,), (1, 4), (2, 1), (1,), ()])
    def test_broadcast(self, backend, numerics, shape):
        mask = np.resize([True, False, True, True], shape)
        function = activation("masked_softmax", backend, numerics)
        x = native(backend, VALUES, "float32")
        found, expected = (
            results(backend, function, [x, native(backend, m, "bool")])
            for m in (mask, np.broadcast_to(mask, VALUES.shape).copy())
        )
        for result, right in zip(found, expected, strict=True):
            np.testing.assert_array_equal(result, right)

    @pytest.mark.parametrize("shape", [(3,), (2, 3), (3, 2, 4), (1, 2, 4)])
    def test_a_mask_of_another_shape_is_refused(self, backend, numerics, shape):
        given = [native(backend, VALUES, "float32"), native(backend, np.ones(shape, bool), "bool")]
        message = (
            r"mask has the shape \(.*\), the input \(2, 4\); pass mask with the shape of the input"
        )
        refused(ua.InputTypeError, activation("masked_softmax", backend, numerics), given, message)


@every_backend
@every_numerics
@pytest.mark.parametrize("name", NOISY)
@pytest.mark.parametrize("shape", [(), (1,), (4,), (1, 4), (3, 2, 4)])
def test_noise_has_the_shape_of_the_input(backend, numerics, name, shape):
    given = [native(backend, array, "float32") for array in (VALUES, np.full(shape, 0.5))]
    message = (
        r"noise has the shape \(.*\), the input \(2, 4\); pass noise with the shape of the input\."
    )
    refused(
        ua.InputTypeError,
        ua.get_activation(name, backend=backend, numerics=numerics),
        given,
        message,
    )
