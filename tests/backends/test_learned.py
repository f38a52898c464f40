"""Activations with weights: one number, or one for each channel, of the dtype of the input."""

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import (
    back,
    every_backend,
    every_dtype,
    every_numerics,
    gradient_of,
    native,
)
from tests.backends.test_wrong_inputs import whole_numbers
from tests.backends.textbook import check, per_channel
from unified_act.assembly import own_parameters
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.truth import record_of
from unified_act_numpy import namespace

pytestmark = pytest.mark.usefixtures("known_shapes_on_mxnet")

TEXTBOOK = {
    "pelu": lambda x, a, b: np.where(x > 0, a / b * x, a * np.expm1(np.minimum(x, 0) / b)),
    "srelu": lambda x, t_left, a_left, t_right, a_right: np.where(
        x >= t_right,
        t_right + a_right * (x - t_right),
        np.where(x <= t_left, t_left + a_left * (x - t_left), x),
    ),
    "prelu": lambda x, weight: np.where(x > 0, x, weight * x),
    "star_relu": lambda x, scale, bias: scale * np.maximum(x, 0) ** 2 + bias,
    "tlu": np.maximum,
    "snake": lambda x, alpha: x + np.sin(alpha * x) ** 2 / alpha,
    "snake_beta": lambda x, alpha, beta: x + np.sin(np.exp(alpha) * x) ** 2 / np.exp(beta),
    "silu_beta": lambda x, beta: x / (1 + np.exp(-beta * x)),
    "softplus_beta": lambda x, beta: np.log(1 + np.exp(beta * x)) / beta,
    "xielu": lambda x, alpha_p, alpha_n: np.where(
        x > 0, alpha_p * x * x + 0.5 * x, alpha_n * (np.exp(x) - 1 - x) + 0.5 * x
    ),
}
# No element at a kink, where a difference would say something else.
VALUES = np.array([[-3.0, -1.5, -0.25, 0.75], [0.125, 1.25, 3.0, 2.0], [1.0, -1.0, -2.0, 0.5]])
CHANNELS = np.array(
    [
        *([0.25, 0.5, 1.5, -0.375], [0.5, -0.75, 0.25, 1.25]),
        *([1.75, 0.875, 1.625, 1.375], [0.3, -2.0, 1.5, 0.1]),
    ]
)

TWICE = {name: ACTIVATIONS.find(name).second_derivative for name in TEXTBOOK}

every_name = pytest.mark.parametrize("name", TEXTBOOK)


def inputs_of(name):
    return ACTIVATIONS.find(name).inputs


def weights(name, shape=(4,)):
    return [np.resize(row, shape) for row in CHANNELS[: len(inputs_of(name)) - 1]]


def test_every_learned_activation_has_a_textbook_formula():
    assert set(TEXTBOOK) == set(ua.list_activations(kind="learned")), "a formula in TEXTBOOK"


@every_backend
@every_name
class TestAgainstTheTextbook:
    @pytest.mark.quick(lambda dtype: dtype == "float32")
    @every_dtype
    @every_numerics
    def test_a_weight_for_each_channel(self, backend, name, dtype, numerics):
        function = ua.get_activation(name, backend=backend, numerics=numerics, axis=-1)
        check(backend, function, per_channel(TEXTBOOK[name], -1), [VALUES, *weights(name)], dtype)

    @pytest.mark.parametrize("shape", [(), (1,)], ids=str)
    @pytest.mark.parametrize("x_shape", [(3, 4), (5,)], ids=str)
    def test_one_weight(self, backend, name, shape, x_shape):
        x = np.resize(VALUES, x_shape)
        axis = len(x_shape) - 1
        function = ua.get_activation(name, backend=backend, axis=axis)
        check(
            backend,
            function,
            per_channel(TEXTBOOK[name], axis),
            [x, *weights(name, shape)],
            "float64",
        )

    @pytest.mark.parametrize(
        ("x_shape", "axis"), [((4, 3), 0), ((2, 4), 1), ((2, 4, 3), 1), ((2, 4, 3), -2)], ids=str
    )
    def test_the_axis_of_the_channels(self, backend, name, x_shape, axis):
        x = np.resize(VALUES, x_shape)
        function = ua.get_activation(name, backend=backend, axis=axis)
        check(backend, function, per_channel(TEXTBOOK[name], axis), [x, *weights(name)], "float64")

    @every_numerics
    def test_weights_of_zero(self, backend, name, numerics):
        """snake divides by its weight, on paper; what is left has a limit: x, with the slope 1.

        softplus_beta has none, but goes up without end.
        """
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        given = [np.zeros(1) for _ in weights(name)]
        if name == "pelu":
            pytest.skip("it divides by a weight, and says nothing where that is 0")
        if name == "softplus_beta":
            found = function(*(native(backend, a, "float64") for a in (VALUES, *given)))
            assert np.all(back(backend, found, "float64") == np.inf)
            return
        if name != "snake":
            check(backend, function, per_channel(TEXTBOOK[name], 1), [VALUES, *given], "float64")
            return
        check(
            backend,
            function,
            lambda x, alpha: x + 0 * alpha,
            [VALUES, *given],
            "float64",
            # sin²(αx)/α = αx² + …, so that the slope by α is x² there.
            gradients=[
                np.resize([1.0, -2.0, 0.5, 3.0, 0.25], VALUES.shape),
                np.array([np.sum(np.resize([1.0, -2.0, 0.5, 3.0, 0.25], (3, 4)) * VALUES**2)]),
            ],
        )


@every_backend
@pytest.mark.parametrize("name", ["star_relu", "snake_beta", "xielu"])
def test_weights_of_different_lengths(backend, name):
    first, second = weights(name)
    for given in ([first, second[:1]], [first[:1], second]):
        function = ua.get_activation(name, backend=backend, axis=1)
        check(backend, function, per_channel(TEXTBOOK[name], 1), [VALUES, *given], "float64")


@every_backend
def test_slope_of_xielu(backend):
    function = ua.get_activation("xielu", backend=backend, beta=0.25)

    def textbook(x, alpha_p, alpha_n):
        return TEXTBOOK["xielu"](x, alpha_p, alpha_n) - 0.25 * x

    check(backend, function, per_channel(textbook, 1), [VALUES, *weights("xielu")], "float32")


class TestCorners:
    """The value and the derivative where a branch ends: the constant one owns it, or the left."""

    @pytest.mark.quick(lambda dtype: dtype == "float32")
    @every_backend
    @every_dtype
    @every_numerics
    @pytest.mark.parametrize(
        ("name", "given", "value", "slopes"),
        [
            ("prelu", [0.25], 0.0, [0.25, 0.0]),
            ("star_relu", [0.25, 0.5], 0.5, [0.0, 0.0, 1.0]),
            ("tlu", [0.0], 0.0, [0.0, 1.0]),
            ("snake", [0.5], 0.0, [1.0, 0.0]),
            ("snake_beta", [0.5, 0.25], 0.0, [1.0, 0.0, 0.0]),
            ("silu_beta", [-0.5], 0.0, [0.5, 0.0]),
            ("xielu", [0.25, 0.5], 0.0, [0.5, 0.0, 0.0]),
        ],
    )
    def test_at_zero(self, backend, dtype, numerics, name, given, value, slopes):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        arrays = [native(backend, n, dtype) for n in ([[0.0]], *([w] for w in given))]
        found, gradients = ua.value_and_grad(function, *arrays)
        np.testing.assert_array_equal(back(backend, found, dtype), [[value]])
        for gradient, slope in zip(gradients, slopes, strict=True):
            np.testing.assert_allclose(back(backend, gradient, dtype).ravel(), [slope], rtol=1e-2)


ENDS = [
    # name, weights, values at -inf and +inf, slopes there (NaN: none, the function turns for ever)
    ("prelu", [0.25], [-np.inf, np.inf], [0.25, 1.0]),
    ("prelu", [-0.25], [np.inf, np.inf], [-0.25, 1.0]),
    ("star_relu", [0.5, -0.25], [-0.25, np.inf], [0.0, np.inf]),
    ("star_relu", [-0.5, -0.25], [-0.25, -np.inf], [0.0, -np.inf]),
    ("tlu", [0.25], [0.25, np.inf], [0.0, 1.0]),
    ("snake", [0.5], [-np.inf, np.inf], None),
    ("snake_beta", [0.5, 0.25], [-np.inf, np.inf], None),
    ("silu_beta", [0.5], [-0.0, np.inf], [0.0, 1.0]),
    ("silu_beta", [-0.5], [-np.inf, 0.0], [1.0, 0.0]),
    ("silu_beta", [0.0], [-np.inf, np.inf], [0.5, 0.5]),
    ("softplus_beta", [0.5], [0.0, np.inf], [0.0, 1.0]),
    ("softplus_beta", [-0.5], [-np.inf, -0.0], [1.0, 0.0]),
    ("xielu", [0.25, 0.25], [-np.inf, np.inf], [0.25, np.inf]),
    ("xielu", [0.25, 0.75], [np.inf, np.inf], [-0.25, np.inf]),
]


@every_backend
@every_dtype
@every_numerics
class TestWhatIsNotFinite:
    @pytest.mark.quick(lambda dtype: dtype == "float32")
    @pytest.mark.parametrize(("name", "given", "values", "slopes"), ENDS, ids=str)
    def test_infinite_inputs_have_their_limits(
        self, backend, dtype, numerics, name, given, values, slopes
    ):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        x = native(backend, [[-np.inf, np.inf]], dtype)
        arrays = [native(backend, [weight], dtype) for weight in given]
        np.testing.assert_array_equal(back(backend, function(x, *arrays), dtype), [values])
        if slopes is None:
            return
        found = gradient_of(ua.value_and_grad(function, x, *arrays))
        np.testing.assert_array_equal(back(backend, found, dtype), [slopes])

    @pytest.mark.parametrize("beta", [0.5, -2.0])
    @pytest.mark.parametrize("name", ["silu_beta", "softplus_beta"])
    def test_a_weight_that_decides_nothing_has_no_slope(self, backend, dtype, numerics, name, beta):
        """So far out, 0 times an infinity must not become NaN."""
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        far = [[-np.inf, np.inf, -3e4, 3e4]]
        arrays = [native(backend, values, dtype) for values in (far, [beta])]
        by_weight = ua.value_and_grad(function, *arrays)[1][1]
        np.testing.assert_array_equal(back(backend, by_weight, dtype), [0.0])

    @pytest.mark.quick(lambda dtype: dtype == "float32")
    @every_name
    def test_nan_stays_nan_and_stays_alone(self, backend, dtype, numerics, name):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        arrays = [native(backend, weight, dtype) for weight in weights(name, (1,))]
        found = back(backend, function(native(backend, [[np.nan, 1.0]], dtype), *arrays), dtype)
        assert np.isnan(found).tolist() == [[True, False]]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", [name for name in TEXTBOOK if TWICE[name] is not None])
def test_second_derivatives_are_numbers_where_they_are_finite(name):
    """In float32 no product of huge numbers meets a 0 on the way; float64 has room for it."""
    sizes = np.array([0.0, 1e-30, 1e-3, 1.0, 30.0, 1e10, 1e15, 2e19, 1e20, 1e30, 1e37])
    activation, column = ACTIVATIONS.find(name), np.concatenate([sizes, -sizes])[:, np.newaxis]
    arrays = np.broadcast_arrays(column, *record_of(name).weights)
    own = own_parameters(activation, activation.bind({}))

    def found(dtype):
        rows = TWICE[name](namespace, *(array.astype(dtype) for array in arrays), **own)
        return np.array([np.broadcast_to(by, arrays[0].shape) for row in rows for by in row])

    wanted = found(np.float64)
    assert not np.isnan(found(np.float32)[np.abs(wanted) < 1e38]).any()


@every_backend
@every_name
class TestWrongInputs:
    def test_a_weight_of_another_dtype(self, backend, name):
        function = ua.get_activation(name, backend=backend)
        x = native(backend, VALUES, "float32")
        for dtype in ("float64", "float16"):
            given = [native(backend, weight, dtype) for weight in weights(name)]
            with pytest.raises(ua.InputTypeError, match=rf"the weight.*{dtype}.*Cast the weight"):
                function(x, *given)

    def test_the_last_weight_is_looked_at_too(self, backend, name):
        function = ua.get_activation(name, backend=backend)
        *given, last = weights(name)
        arrays = [native(backend, array, "float32") for array in (VALUES, *given)]
        label = inputs_of(name)[-1]
        with pytest.raises(
            ua.InputTypeError, match=rf"the weight.*{label}|the weight is .*float64"
        ):
            function(*arrays, native(backend, last, "float64"))

    @pytest.mark.parametrize("weight", [0.25, None, [0.25], "x"], ids=str)
    def test_a_weight_that_is_no_array_is_refused(self, backend, name, weight):
        function = ua.get_activation(name, backend=backend)
        x = native(backend, VALUES, "float32")
        with pytest.raises(ua.InputTypeError, match=f"{name}: the weight .*is "):
            function(x, *(weight for _ in weights(name)))

    def test_too_few_and_too_many(self, backend, name):
        function = ua.get_activation(name, backend=backend)
        x, *given = (native(backend, a, "float32") for a in (VALUES, *weights(name)))
        takes = f"{name} takes {', '.join(inputs_of(name))}: {1 + len(given)} arrays"
        for arrays in (given[1:], [*given, given[0]]):
            with pytest.raises(ua.InputTypeError, match=f"{takes}, got {1 + len(arrays)}"):
                function(x, *arrays)

    def test_whole_numbers(self, backend, name):
        """Whether input or weight."""
        function = ua.get_activation(name, backend=backend)
        whole = whole_numbers(backend, "int32")
        x, *given = (native(backend, a, "float32") for a in (VALUES, *weights(name)))
        with pytest.raises(ua.InputTypeError, match=r"expected a floating-point .*int32"):
            function(whole, *given)
        with pytest.raises(ua.InputTypeError, match=r"the weight.*int32"):
            function(x, *(whole for _ in given))

    def test_as_many_weights_as_channels(self, backend, name):
        function = ua.get_activation(name, backend=backend, axis=0)
        x, *given = (native(backend, a, "float32") for a in (VALUES, *weights(name)))
        with pytest.raises(ua.ParameterValueError, match=r"4 channels, but axis 0 .* has 3"):
            function(x, *given)

    @pytest.mark.parametrize("axis", [2, -3])
    def test_an_axis_that_does_not_exist(self, backend, name, axis):
        function = ua.get_activation(name, backend=backend, axis=axis)
        x, *given = (native(backend, a, "float32") for a in (VALUES, *weights(name)))
        with pytest.raises(ua.ParameterValueError, match=f"axis {axis} does not exist"):
            function(x, *given)


@every_backend
@every_name
def test_the_input_chooses_the_backend(backend, name):
    arrays = [native(backend, a, "float32") for a in (VALUES, *weights(name))]
    plain, bound = ua.get_activation(name), ua.get_activation(name, backend=backend)
    np.testing.assert_array_equal(
        back(backend, plain(*arrays), "float32"), back(backend, bound(*arrays), "float32")
    )
    for one, other in zip(
        ua.value_and_grad(plain, *arrays)[1], ua.value_and_grad(bound, *arrays)[1], strict=True
    ):
        np.testing.assert_array_equal(
            back(backend, one, "float32"), back(backend, other, "float32")
        )
