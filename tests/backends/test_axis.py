"""Activations along an axis: shares, choices and the halves by sign."""

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import back, every_backend, every_dtype, every_numerics, native
from tests.backends.test_wrong_inputs import whole_numbers
from tests.backends.textbook import check, entmax, sparsemax, weights_of
from unified_act_conformance.floats import FORMATS

pytestmark = pytest.mark.usefixtures("known_shapes_on_mxnet")


def softmax(x, axis):
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def masked_softmax(x, mask, axis):
    e = np.where(mask, np.exp(x), 0.0)
    return e / np.where(mask.any(axis=axis, keepdims=True), e.sum(axis=axis, keepdims=True), 1.0)


def hardmax(x, axis):
    chosen = np.expand_dims(np.argmax(x, axis=axis), axis)  # the first of equals
    index = np.expand_dims(
        np.arange(x.shape[axis]), [d for d in range(x.ndim) if d != axis % x.ndim]
    )
    return (index == chosen).astype(float)


def maxout(x, axis, groups):
    return np.max(np.stack(np.split(x, groups, axis=axis)), axis=0)


def masked_sparsemax(x, mask, axis):
    found = sparsemax(np.where(mask, x, -1e3), axis)
    return np.where(mask, found, 0.0)


def masked_log_softmax(x, mask, axis):
    with np.errstate(divide="ignore"):
        return np.log(masked_softmax(x, mask, axis))


MASKED = {
    "masked_softmax": masked_softmax,
    "masked_sparsemax": masked_sparsemax,
    "masked_log_softmax": masked_log_softmax,
}
NOTHING = {"masked_softmax": 0.0, "masked_sparsemax": 0.0, "masked_log_softmax": -np.inf}
"""The result where the mask leaves an element out."""
TEXTBOOK = {
    "softmax": softmax,
    "softmin": lambda x, axis: softmax(-x, axis),
    "log_softmax": lambda x, axis: x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True)),
    "softmax_one": lambda x, axis: np.exp(x) / (1 + np.sum(np.exp(x), axis=axis, keepdims=True)),
    "sparsemax": sparsemax,
    "entmax15": lambda x, axis: entmax(x, axis, 1.5),
    "entmax": lambda x, axis: entmax(x, axis, 1.5),
    "entmax(alpha=1.0)": softmax,
    "entmax(alpha=1.125)": lambda x, axis: entmax(x, axis, 1.125),
    "entmax(alpha=1.75)": lambda x, axis: entmax(x, axis, 1.75),
    "entmax(alpha=2.0)": sparsemax,
    "hardmax": hardmax,
    "crelu": lambda x, axis: np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=axis),
    "maxout(groups=2)": lambda x, axis: maxout(x, axis, 2),
}
# Neither ties, nor a zero, nor an element that only just gets no share of sparsemax.
VALUES = np.array(
    [[-3.0, -1.5, 0.8125, 1.25], [0.125, 1.5, 2.0, 1.71875], [1.0, -0.5, 0.1875, 0.625]]
)
AXES = [((4,), 0), ((3, 4), -1), ((4, 3), 0), ((2, 4, 3), 1), ((2, 2, 4, 1), -2)]

every_name = pytest.mark.parametrize("name", TEXTBOOK)
# TensorFlow and MXNet have a kernel of softmax that has its own idea of NaN: see the deviations.
NATIVE_SOFTMAX = {("softmax", "tensorflow", "fast"), ("softmax", "mxnet", "fast")}


def test_every_axis_activation_has_a_textbook_formula():
    names = {name.partition("(")[0] for name in TEXTBOOK} | {"softmax2d", *MASKED}
    assert names == set(ua.list_activations(kind="axis")), "a formula in TEXTBOOK"


@every_backend
@every_numerics
class TestAgainstTheTextbook:
    @every_name
    @every_dtype
    def test_last_axis(self, backend, name, dtype, numerics):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        check(backend, function, lambda x: TEXTBOOK[name](x, -1), [VALUES], dtype)

    @every_name
    @pytest.mark.parametrize(("shape", "axis"), AXES, ids=str)
    def test_axis(self, backend, name, numerics, shape, axis):
        x = np.resize(VALUES, shape)
        function = ua.get_activation(name, backend=backend, numerics=numerics, axis=axis)
        check(backend, function, lambda x: TEXTBOOK[name](x, axis), [x], "float64")

    @pytest.mark.parametrize("shape", [(4, 1, 3), (2, 4, 3, 1)], ids=str)
    def test_softmax_of_images(self, backend, numerics, shape):
        function = ua.get_activation("softmax2d", backend=backend, numerics=numerics)
        check(backend, function, lambda x: softmax(x, -3), [np.resize(VALUES, shape)], "float64")

    @pytest.mark.parametrize("groups", [1, 2, 3, 6])
    def test_groups(self, backend, numerics, groups):
        function = ua.get_activation("maxout", backend=backend, numerics=numerics, groups=groups)
        x = np.array([[0.5, -1.0, 3.0, 2.0, -4.0, 1.5], [2.5, 1.0, -3.0, 0.0, 4.0, -1.5]])
        check(backend, function, lambda x: maxout(x, -1, groups), [x], "float64")


def as_mask(backend, mask, kind=None):
    """MXNet has booleans for its newer arrays only; the older ones take numbers."""
    if backend == "numpy":
        return mask
    if backend == "torch":
        import torch

        return torch.from_numpy(mask)
    if backend == "mxnet":
        from unified_act_mxnet._framework import mx

        return mx.nd.array(mask, dtype=kind or bool)
    import tensorflow as tf

    return tf.constant(mask)


MASK = np.array([[True, False, True, True], [False, True, False, True], [True] * 4])


@every_backend
@every_numerics
@pytest.mark.parametrize("name", MASKED)
class TestMask:
    @every_dtype
    def test_against_the_textbook(self, backend, dtype, numerics, name):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        pair = (as_mask(backend, MASK), MASK)
        check_masked(backend, function, lambda x, m: MASKED[name](x, m, -1), dtype, pair)

    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_axis(self, backend, numerics, name, axis):
        function = ua.get_activation(name, backend=backend, numerics=numerics, axis=axis)
        pair = (as_mask(backend, MASK), MASK)
        check_masked(backend, function, lambda x, m: MASKED[name](x, m, axis), "float64", pair)

    def test_the_mask_has_no_gradient(self, backend, numerics, name):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        x = native(backend, VALUES, "float32")
        _, (_, of_mask) = ua.value_and_grad(function, x, as_mask(backend, MASK))
        assert of_mask is None

    @every_dtype
    def test_a_row_without_anything(self, backend, dtype, numerics, name):
        """Has a gradient of 0, whatever is in it, and leaves its neighbour alone."""
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        x = native(backend, [[1.0, -np.inf, np.nan, np.inf], [1.0, 1.0, 2.0, 2.0]], dtype)
        mask = as_mask(backend, np.array([[False] * 4, [True, True, False, False]]))
        cotangent = native(backend, [[1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 4.0, 5.0]], dtype)
        value, (slope, _) = ua.value_and_grad(function, x, mask, cotangent=cotangent)
        out, logarithm = NOTHING[name], name == "masked_log_softmax"
        half = np.log(0.5) if logarithm else 0.5
        np.testing.assert_allclose(
            back(backend, value, dtype),
            [[out] * 4, [half, half, out, out]],
            rtol=FORMATS[dtype].epsilon,
        )
        by_x = {"masked_softmax": 0.5, "masked_sparsemax": 1.0, "masked_log_softmax": 1.0}[name]
        np.testing.assert_array_equal(
            back(backend, slope, dtype), [[0.0] * 4, [-by_x, by_x, 0.0, 0.0]]
        )

    def test_what_is_masked_out_does_not_matter(self, backend, numerics, name):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        mask = as_mask(backend, np.array([[True, False, True]]))
        found = []
        for hidden in (0.0, np.nan, np.inf, -np.inf, 3e38):
            x = native(backend, [[0.0, hidden, 0.25]], "float32")
            value, (slope, _) = ua.value_and_grad(
                function, x, mask, cotangent=native(backend, [[1.0, 7.0, 0.0]], "float32")
            )
            found.append([back(backend, value, "float32"), back(backend, slope, "float32")])
            np.testing.assert_array_equal(found[-1], found[0])
        assert found[0][0][0, 1] == NOTHING[name]
        assert found[0][1][0, 0] != 0.0 == found[0][1][0, 1]


def check_masked(backend, function, textbook, dtype, pair):
    """As `check`, of what the mask counts; the rest is the same number everywhere."""
    mask = pair[1]
    left_out = textbook(VALUES, mask)[~mask]
    value = back(backend, function(native(backend, VALUES, dtype), pair[0]), dtype)
    np.testing.assert_array_equal(value[~mask], left_out)
    if np.isfinite(left_out).all():
        check(backend, function, textbook, [VALUES], dtype, constant=[pair])
        return
    # The differences of minus infinity are no numbers: the gradient follows from the shares.
    want = textbook(VALUES, mask)
    close = {"rtol": 32 * FORMATS[dtype].epsilon, "atol": 16 * FORMATS[dtype].epsilon}
    np.testing.assert_allclose(value, want, **close)
    cotangent = weights_of(want.shape)
    _, (slope, _) = ua.value_and_grad(
        function,
        native(backend, VALUES, dtype),
        pair[0],
        cotangent=native(backend, cotangent, dtype),
    )
    axis = dict(function.parameters)["axis"]
    counted = np.where(mask, cotangent, 0.0)
    by_x = counted - np.exp(want) * counted.sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(back(backend, slope, dtype), by_x, **close)


class TestWrongMasks:
    @pytest.mark.parametrize("backend", ["numpy", "tensorflow", "torch"])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_numbers(self, backend, dtype):
        function = ua.get_activation("masked_softmax", backend=backend)
        x, mask = (
            native(backend, VALUES, "float32"),
            native(backend, np.asarray(MASK, float), dtype),
        )
        with pytest.raises(ua.InputTypeError, match=r"the mask .*Make it an array of booleans"):
            function(x, mask)
        with pytest.raises(ua.InputTypeError, match=r"the mask .*Make it an array of booleans"):
            ua.value_and_grad(function, x, mask)

    def test_numbers_on_mxnet(self):
        """Comparing its older arrays gives numbers of their own type, which do."""
        function = ua.get_activation("masked_softmax", backend="mxnet")
        x = native("mxnet", VALUES, "float32")
        np.testing.assert_array_equal(
            back("mxnet", function(x, as_mask("mxnet", MASK, "float32")), "float32"),
            back("mxnet", function(x, as_mask("mxnet", MASK)), "float32"),
        )
        with pytest.raises(ua.InputTypeError, match=r"the mask .*booleans"):
            function(x, as_mask("mxnet", MASK, "int32"))

    @every_backend
    @pytest.mark.parametrize("mask", [True, None, [True]], ids=str)
    def test_a_mask_that_is_no_array_is_refused(self, backend, mask):
        function = ua.get_activation("masked_softmax", backend=backend)
        with pytest.raises(ua.InputTypeError, match=r"the mask .*Make it an array of booleans"):
            function(native(backend, VALUES, "float32"), mask)

    @every_backend
    def test_no_mask_and_two_masks_are_refused(self, backend):
        function = ua.get_activation("masked_softmax", backend=backend)
        x, mask = native(backend, VALUES, "float32"), as_mask(backend, MASK)
        for given in ([], [mask, mask]):
            with pytest.raises(ua.InputTypeError, match=f"x, mask: 2 arrays, got {1 + len(given)}"):
                function(x, *given)


@every_backend
@every_dtype
@every_numerics
class TestTies:
    def test_hardmax_takes_the_first(self, backend, dtype, numerics):
        function = ua.get_activation("hardmax", backend=backend, numerics=numerics)
        x = native(
            backend, [[1.0, 2.0, 2.0, 2.0], [3.0, 1.0, 3.0, 0.0], [0.0, -0.0, 0.0, 0.0]], dtype
        )
        value, slope = ua.value_and_grad(function, x)
        np.testing.assert_array_equal(
            back(backend, value, dtype), [[0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]
        )
        np.testing.assert_array_equal(back(backend, slope, dtype), np.zeros((3, 4)))

    def test_maxout_gives_the_first_the_gradient(self, backend, dtype, numerics):
        function = ua.get_activation("maxout", backend=backend, numerics=numerics, groups=3)
        x = native(backend, [[1.0, 2.0, 1.0, 4.0, 1.0, 4.0]], dtype)
        value, slope = ua.value_and_grad(function, x)
        np.testing.assert_array_equal(back(backend, value, dtype), [[1, 4]])
        np.testing.assert_array_equal(back(backend, slope, dtype), [[1, 0, 0, 1, 0, 0]])

    def test_crelu_at_zero(self, backend, dtype, numerics):
        function = ua.get_activation("crelu", backend=backend, numerics=numerics)
        value, slope = ua.value_and_grad(function, native(backend, [[0.0, -0.0]], dtype))
        np.testing.assert_array_equal(back(backend, value, dtype), [[0, 0, 0, 0]])
        np.testing.assert_array_equal(back(backend, slope, dtype), [[0, 0]])

    @pytest.mark.parametrize(
        "name", ["softmax", "softmin", "sparsemax", "entmax15", "entmax", "entmax(alpha=1.75)"]
    )
    def test_equal_shares(self, backend, dtype, numerics, name):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        value = back(backend, function(native(backend, [[3.0] * 4], dtype)), dtype)
        np.testing.assert_array_equal(value, [[0.25] * 4])


NAN = [np.nan] * 4
SPOILED = [
    *("softmax", "log_softmax", "softmin", "softmax_one", "sparsemax", "hardmax", "entmax15"),
    *("entmax", "entmax(alpha=1.75)"),
]


@every_backend
@every_dtype
@every_numerics
class TestWhatIsNotFinite:
    @pytest.mark.quick(lambda dtype: dtype == "float32")
    @pytest.mark.parametrize(
        ("name", "row", "result"),
        [
            ("softmax", [-np.inf, 0.0, 0.0, -np.inf], [0.0, 0.5, 0.5, 0.0]),
            ("softmin", [np.inf, 0.0, 0.0, np.inf], [0.0, 0.5, 0.5, 0.0]),
            ("sparsemax", [-np.inf, 0.0, 0.0, -np.inf], [0.0, 0.5, 0.5, 0.0]),
            ("entmax15", [-np.inf, 0.0, 0.0, -np.inf], [0.0, 0.5, 0.5, 0.0]),
            ("entmax", [-np.inf, 0.0, 0.0, -np.inf], [0.0, 0.5, 0.5, 0.0]),
            ("softmax_one", [-np.inf, 0.0, -np.inf, -np.inf], [0.0, 0.5, 0.0, 0.0]),
            ("softmax_one", [-np.inf] * 4, [0.0] * 4),
            ("softmax_one", [np.inf, 0.0, 0.0, 0.0], NAN),
            ("entmax15", [np.inf, 0.0, 0.0, 0.0], NAN),
            ("entmax", [np.inf, 0.0, 0.0, 0.0], NAN),
            ("entmax15", [-np.inf] * 4, NAN),
            ("entmax", [-np.inf] * 4, NAN),
            ("log_softmax", [-np.inf, 3.0, -np.inf, -np.inf], [-np.inf, 0.0, -np.inf, -np.inf]),
            ("hardmax", [-np.inf, np.inf, 0.0, np.inf], [0.0, 1.0, 0.0, 0.0]),
            ("hardmax", [-np.inf] * 4, [1.0, 0.0, 0.0, 0.0]),
            ("maxout(groups=2)", [-np.inf, np.inf, -np.inf, 1.0], [-np.inf, np.inf]),
            ("crelu", [-np.inf, np.inf, 0.0, 1.0], [0, np.inf, 0, 1, np.inf, 0, 0, 0]),
            # One infinity less another: there is no limit, or frameworks agree that there is none.
            ("softmax", [-np.inf] * 4, NAN),
            ("log_softmax", [np.inf, np.inf, 0.0, 0.0], NAN),
            ("softmin", [-np.inf, 0.0, 0.0, 0.0], NAN),
            ("sparsemax", [np.inf, 0.0, 0.0, 0.0], NAN),
            ("sparsemax", [-np.inf] * 4, NAN),
        ],
        ids=str,
    )
    def test_infinities(self, backend, dtype, numerics, name, row, result):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        if result is NAN and (name, backend, numerics) in NATIVE_SOFTMAX:
            pytest.skip("a declared deviation of the framework's kernel")
        found = back(backend, function(native(backend, [row], dtype)), dtype)
        np.testing.assert_array_equal(found, [result])

    @pytest.mark.quick(lambda dtype: dtype == "float32")
    @pytest.mark.parametrize("name", SPOILED)
    @pytest.mark.parametrize("place", [0, 1, 3])
    def test_nan_spoils_its_row_and_no_other(self, backend, dtype, numerics, name, place):
        if (name, backend, numerics) in NATIVE_SOFTMAX:
            pytest.skip("a declared deviation of the framework's kernel")
        x = np.array(VALUES)
        x[1, place] = np.nan
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        found = np.isnan(back(backend, function(native(backend, x, dtype)), dtype))
        np.testing.assert_array_equal(found, [[False] * 4, [True] * 4, [False] * 4])

    @pytest.mark.parametrize("place", range(4))
    def test_nan_in_pieces(self, backend, dtype, numerics, place):
        """Where every element is on its own, only its own results are NaN."""
        x = np.array([[1.0, -2.0, 3.0, -4.0]])
        x[0, place] = np.nan
        for name, where in (("crelu", [place, place + 4]), ("maxout(groups=2)", [place % 2])):
            function = ua.get_activation(name, backend=backend, numerics=numerics)
            found = back(backend, function(native(backend, x, dtype)), dtype)
            assert np.flatnonzero(np.isnan(found)).tolist() == where

    def test_large_numbers(self, backend, dtype, numerics):
        """No exponential overflows."""
        x = native(backend, [[6e4, 6e4, -6e4, -6e4]], dtype)
        for name, wanted in (
            ("softmax", [0.5, 0.5, 0, 0]),
            ("softmin", [0, 0, 0.5, 0.5]),
            ("sparsemax", [0.5, 0.5, 0, 0]),
            ("entmax15", [0.5, 0.5, 0, 0]),
            ("entmax", [0.5, 0.5, 0, 0]),
            ("softmax_one", [0.5, 0.5, 0, 0]),
            ("hardmax", [1, 0, 0, 0]),
        ):
            function = ua.get_activation(name, backend=backend, numerics=numerics)
            value, slope = ua.value_and_grad(function, x)
            np.testing.assert_array_equal(back(backend, value, dtype), [wanted])
            assert np.abs(back(backend, slope, dtype)).max() <= 1e-2


@every_backend
class TestWrongInputs:
    @every_name
    def test_whole_numbers(self, backend, name):
        with pytest.raises(ua.InputTypeError, match=r"expected a floating-point .*int32"):
            ua.get_activation(name, backend=backend)(whole_numbers(backend, "int32"))

    @every_name
    @pytest.mark.parametrize("axis", [2, -3])
    def test_an_axis_that_does_not_exist(self, backend, name, axis):
        """The framework's own error, which names the axis, where it is the framework's own axis."""
        function = ua.get_activation(name, backend=backend, axis=axis)
        with pytest.raises(Exception, match=r"(?i)axis|dim"):
            back(backend, function(native(backend, VALUES, "float32")), "float32")

    def test_groups_that_do_not_divide_the_axis(self, backend):
        function = ua.get_activation("maxout", backend=backend, groups=3)
        message = r"axis -1 of an input of shape \(3, 4\) cannot be divided into 3 equal parts"
        with pytest.raises(ua.ParameterValueError, match=message):
            function(native(backend, VALUES, "float32"))

    @pytest.mark.parametrize("groups", [0, -1, 1.5, True])
    def test_groups_that_are_none(self, backend, groups):
        with pytest.raises(ua.ParameterValueError, match="groups must be"):
            ua.get_activation("maxout", backend=backend, groups=groups)

    def test_maxout_has_to_be_told(self, backend):
        with pytest.raises(ua.ParameterValueError, match="maxout needs groups"):
            ua.get_activation("maxout", backend=backend)


@every_backend
@every_name
def test_the_input_chooses_the_backend(backend, name):
    x = native(backend, VALUES, "float32")
    plain, bound = ua.get_activation(name), ua.get_activation(name, backend=backend)
    for one, other in zip(ua.value_and_grad(plain, x), ua.value_and_grad(bound, x), strict=True):
        np.testing.assert_array_equal(
            back(backend, one, "float32"), back(backend, other, "float32")
        )
