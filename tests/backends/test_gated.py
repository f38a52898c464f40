"""Gated linear units: an axis that is cut in halves, value and gate, and is half as long after."""

import math

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import (
    back,
    every_backend,
    every_dtype,
    every_numerics,
    native,
)
from tests.backends.test_wrong_inputs import whole_numbers
from tests.backends.textbook import check, halves

pytestmark = pytest.mark.usefixtures("known_shapes_on_mxnet")

erf = np.vectorize(math.erf, otypes=[float])
TEXTBOOK = {
    "bilinear": lambda value, gate: value * gate,
    "clamped_swiglu": lambda value, gate: (
        (np.clip(value, -7.0, 7.0) + 1.0)
        * np.minimum(gate, 7.0)
        / (1 + np.exp(-1.702 * np.minimum(gate, 7.0)))
    ),
    "geglu_tanh": lambda value, gate: (
        value * gate * (1 + np.tanh(math.sqrt(2 / math.pi) * (gate + 0.044715 * gate**3))) / 2
    ),
    "quick_geglu": lambda value, gate: value * gate / (1 + np.exp(-1.702 * gate)),
    "glu": lambda value, gate: value / (1 + np.exp(-gate)),
    "reglu": lambda value, gate: value * np.maximum(gate, 0),
    "geglu": lambda value, gate: value * gate * (1 + erf(gate / math.sqrt(2))) / 2,
    "swiglu": lambda value, gate: value * gate / (1 + np.exp(-gate)),
}
GATE_FIRST = dict.fromkeys(TEXTBOOK, False) | {"swiglu": True, "clamped_swiglu": True}
# No gate at 0, where reglu has its kink.
VALUES = np.array([[-3.0, -1.5, -0.25, 0.75, 1.0, -1.0], [0.125, 1.25, 3.0, 2.0, -2.0, 0.5]])

every_name = pytest.mark.parametrize("name", TEXTBOOK)
either_half = pytest.mark.parametrize("gate_first", [False, True])


def test_every_gated_activation_has_a_textbook_formula():
    assert set(TEXTBOOK) == set(ua.list_activations(kind="gated")), "a formula in TEXTBOOK"


@every_backend
@every_name
class TestAgainstTheTextbook:
    @every_dtype
    @every_numerics
    def test_with_the_defaults(self, backend, name, dtype, numerics):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        textbook = halves(TEXTBOOK[name], -1, gate_first=GATE_FIRST[name])
        check(backend, function, textbook, [VALUES], dtype)

    @either_half
    @pytest.mark.parametrize("interleaved", [False, True])
    @pytest.mark.parametrize(
        ("shape", "axis"),
        [((4,), 0), ((2, 3), 0), ((2, 4), 1), ((2, 4, 3), 1), ((2, 4, 3), -2), ((3, 1, 2), -1)],
        ids=str,
    )
    @pytest.mark.quick(lambda name, interleaved: not interleaved or name in ("glu", "swiglu"))
    def test_axis_and_half(self, backend, name, shape, axis, gate_first, interleaved):
        half = {"gate_first": gate_first, "interleaved": interleaved}
        function = ua.get_activation(name, backend=backend, axis=axis, **half)
        textbook = halves(TEXTBOOK[name], axis, **half)
        check(backend, function, textbook, [np.resize(VALUES, shape)], "float64")


def gpt_oss(x):
    """As its authors write it, in NumPy."""
    gate, up = x[..., ::2], x[..., 1::2]
    gate, up = np.minimum(gate, 7.0), np.clip(up, -7.0, 7.0)
    return (up + 1) * (gate / (1 + np.exp(-1.702 * gate)))


@every_backend
@every_dtype
@every_numerics
def test_gpt_oss(backend, dtype, numerics):
    function = ua.get_activation(
        "clamped_swiglu", backend=backend, numerics=numerics, interleaved=True
    )
    rows = [
        [0.5, -1.0, 9.0, 2.0, 9.0, -9.0, -9.0, 9.0],
        [-1.25, 6.0, 3.0, 8.0, 6.5, -8.0, 0.0, 0.0],
    ]
    check(backend, function, gpt_oss, [np.array(rows)], dtype)


@every_backend
@every_numerics
class TestLimits:
    def test_on_the_limit_the_constant_branch_has_the_derivative(self, backend, numerics):
        function = ua.get_activation(
            "clamped_swiglu", backend=backend, numerics=numerics, limit=2.0
        )
        x = native(backend, [[2.0, 1.0, 1.0, 1.0, 2.0, -2.0]], "float32")
        _, found = ua.value_and_grad(function, x)
        slopes = back(backend, found, "float32")[0]
        assert slopes[0] == slopes[4] == slopes[5] == 0.0
        assert slopes[1] > 0.0
        assert slopes[3] > 0.0

    def test_one_as_large_as_no_number_is_none(self, backend, numerics):
        other = {"backend": backend, "numerics": numerics, "alpha": 1.0, "offset": 0.0}
        x = native(backend, np.resize([*VALUES.ravel(), 500.0, -500.0], (3, 8)), "float32")
        pair = (
            ua.get_activation("clamped_swiglu", limit=1e30, **other),
            ua.get_activation("swiglu", backend=backend, numerics=numerics),
        )
        for one, plain in zip(*(ua.value_and_grad(f, x) for f in pair), strict=True):
            np.testing.assert_allclose(
                back(backend, one, "float32"), back(backend, plain, "float32"), rtol=1e-6
            )

    @pytest.mark.parametrize("limit", [0.0, -1.0, math.inf])
    def test_a_limit_is_a_positive_number(self, backend, numerics, limit):
        with pytest.raises(ua.ParameterValueError, match="limit must be finite and greater than 0"):
            ua.get_activation("clamped_swiglu", backend=backend, numerics=numerics, limit=limit)


@every_backend
@every_numerics
def test_reglu_at_its_kink(backend, numerics):
    """The gate at 0 is shut, and so is its derivative."""
    function = ua.get_activation("reglu", backend=backend, numerics=numerics)
    value, slope = ua.value_and_grad(function, native(backend, [[3.0, 0.0]], "float32"))
    np.testing.assert_array_equal(back(backend, value, "float32"), [[0.0]])
    np.testing.assert_array_equal(back(backend, slope, "float32"), [[0.0, 0.0]])


@every_backend
@every_dtype
@every_numerics
class TestWhatIsNotFinite:
    @pytest.mark.quick(lambda dtype: dtype == "float32")
    @pytest.mark.parametrize(
        ("name", "value", "gate", "result"),
        [
            ("glu", 2.0, np.inf, 2.0),
            ("glu", 2.0, -np.inf, 0.0),
            ("glu", -np.inf, 1.0, -np.inf),
            ("glu", np.inf, -np.inf, np.nan),  # infinity times 0 has no limit
            ("reglu", 2.0, np.inf, np.inf),
            ("reglu", -2.0, np.inf, -np.inf),
            ("reglu", 2.0, -np.inf, 0.0),
            ("reglu", np.inf, -1.0, np.nan),
            ("geglu", 2.0, np.inf, np.inf),
            ("geglu", -2.0, np.inf, -np.inf),
            ("geglu", 2.0, -np.inf, 0.0),
            ("geglu", np.inf, 1.0, np.inf),
            ("swiglu", 2.0, np.inf, np.inf),
            ("swiglu", -2.0, np.inf, -np.inf),
            ("swiglu", 2.0, -np.inf, 0.0),
            ("swiglu", np.inf, 1.0, np.inf),
            ("swiglu", np.inf, -1.0, -np.inf),
            ("quick_geglu", 2.0, -np.inf, 0.0),
            ("quick_geglu", -2.0, np.inf, -np.inf),
            ("quick_geglu", np.inf, -1.0, -np.inf),
            ("geglu_tanh", 2.0, -np.inf, 0.0),
            ("geglu_tanh", -2.0, np.inf, -np.inf),
            ("geglu_tanh", np.inf, 1.0, np.inf),
            ("bilinear", np.inf, -1.0, -np.inf),
            ("bilinear", np.inf, 0.0, np.nan),
            ("clamped_swiglu", 2.0, -np.inf, 0.0),
            ("clamped_swiglu", np.inf, 0.0, 0.0),
            ("clamped_swiglu", -np.inf, -np.inf, 0.0),
        ],
    )
    def test_the_limit_where_there_is_one(
        self, backend, dtype, numerics, name, value, gate, result
    ):
        function = ua.get_activation(name, backend=backend, numerics=numerics, gate_first=False)
        x = native(backend, [[value, 1.0, gate, 1.0]], dtype)
        found = back(backend, function(x), dtype)
        np.testing.assert_array_equal(found[0, 0], result)
        assert np.isfinite(found[0, 1])  # its neighbour notices nothing

    @pytest.mark.quick(lambda dtype: dtype == "float32")
    @pytest.mark.parametrize(
        ("name", "gate", "slopes"),
        [
            ("glu", np.inf, [1.0, 0.0]),
            ("glu", -np.inf, [0.0, 0.0]),
            ("reglu", np.inf, [np.inf, 2.0]),
            ("reglu", -np.inf, [0.0, 0.0]),
            ("geglu", np.inf, [np.inf, 2.0]),
            ("geglu", -np.inf, [0.0, 0.0]),
            ("swiglu", np.inf, [np.inf, 2.0]),
            ("swiglu", -np.inf, [0.0, 0.0]),
            ("quick_geglu", np.inf, [np.inf, 2.0]),
            ("quick_geglu", -np.inf, [0.0, 0.0]),
            ("geglu_tanh", np.inf, [np.inf, 2.0]),
            ("geglu_tanh", -np.inf, [0.0, 0.0]),
            ("bilinear", -np.inf, [-np.inf, 2.0]),
            ("clamped_swiglu", -np.inf, [0.0, 0.0]),
        ],
    )
    def test_gradients_at_infinite_gates(self, backend, dtype, numerics, name, gate, slopes):
        function = ua.get_activation(name, backend=backend, numerics=numerics, gate_first=False)
        _, found = ua.value_and_grad(function, native(backend, [[2.0, gate]], dtype))
        np.testing.assert_array_equal(back(backend, found, dtype), [slopes])

    @every_name
    def test_nan_stays_in_its_place(self, backend, dtype, numerics, name):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        for place in (0, 2):
            x = np.ones((1, 4))
            x[0, place] = np.nan
            found = back(backend, function(native(backend, x, dtype)), dtype)
            assert np.isnan(found).tolist() == [[True, False]]


@every_backend
@every_name
class TestWrongInputs:
    @pytest.mark.parametrize(("shape", "axis"), [((2, 3), -1), ((3, 2), 0), ((1,), 0)], ids=str)
    @pytest.mark.parametrize("interleaved", [False, True])
    def test_an_axis_that_has_no_halves(self, backend, name, shape, axis, interleaved):
        function = ua.get_activation(name, backend=backend, axis=axis, interleaved=interleaved)
        x = native(backend, np.ones(shape), "float32")
        with pytest.raises(ua.ParameterValueError, match=rf"axis {axis} .* divided into 2 equal"):
            back(backend, function(x), "float32")
        with pytest.raises(ua.ParameterValueError, match=rf"axis {axis} .* divided into 2 equal"):
            ua.value_and_grad(function, x)

    @pytest.mark.parametrize("axis", [2, -3])
    def test_an_axis_that_does_not_exist(self, backend, name, axis):
        function = ua.get_activation(name, backend=backend, axis=axis)
        with pytest.raises(ua.ParameterValueError, match=f"axis {axis} does not exist"):
            back(backend, function(native(backend, VALUES, "float32")), "float32")

    def test_whole_numbers(self, backend, name):
        function = ua.get_activation(name, backend=backend)
        with pytest.raises(ua.InputTypeError, match=r"expected a floating-point .*int32"):
            function(whole_numbers(backend, "int32"))

    def test_value_and_gate_apart(self, backend, name):
        function = ua.get_activation(name, backend=backend)
        x = native(backend, VALUES, "float32")
        with pytest.raises(TypeError):
            function(x, x)


@pytest.mark.parametrize("name", TEXTBOOK)
@pytest.mark.parametrize("flag", ["gate_first", "interleaved"])
@pytest.mark.parametrize("value", [1, 0, "yes", None], ids=str)
def test_a_flag_is_yes_or_no(name, flag, value):
    with pytest.raises(ua.ParameterValueError, match=f"{flag} must be True or False"):
        ua.get_activation(name, **{flag: value})


@every_backend
@every_name
def test_the_input_chooses_the_backend(backend, name):
    x = native(backend, VALUES, "float32")
    plain, bound = ua.get_activation(name), ua.get_activation(name, backend=backend)
    for one, other in zip(ua.value_and_grad(plain, x), ua.value_and_grad(bound, x), strict=True):
        np.testing.assert_array_equal(
            back(backend, one, "float32"), back(backend, other, "float32")
        )
