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
    "glu": lambda value, gate: value / (1 + np.exp(-gate)),
    "reglu": lambda value, gate: value * np.maximum(gate, 0),
    "geglu": lambda value, gate: value * gate * (1 + erf(gate / math.sqrt(2))) / 2,
    "swiglu": lambda value, gate: value * gate / (1 + np.exp(-gate)),
}
GATE_FIRST = {"glu": False, "reglu": False, "geglu": False, "swiglu": True}
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
    @pytest.mark.parametrize(
        ("shape", "axis"),
        [((4,), 0), ((2, 3), 0), ((2, 4), 1), ((2, 4, 3), 1), ((2, 4, 3), -2), ((3, 1, 2), -1)],
        ids=str,
    )
    def test_axis_and_half(self, backend, name, shape, axis, gate_first):
        function = ua.get_activation(name, backend=backend, axis=axis, gate_first=gate_first)
        textbook = halves(TEXTBOOK[name], axis, gate_first=gate_first)
        check(backend, function, textbook, [np.resize(VALUES, shape)], "float64")


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
    def test_an_axis_that_has_no_halves(self, backend, name, shape, axis):
        function = ua.get_activation(name, backend=backend, axis=axis)
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
@pytest.mark.parametrize("value", [1, 0, "yes", None], ids=str)
def test_gate_first_is_yes_or_no(name, value):
    with pytest.raises(ua.ParameterValueError, match="gate_first must be True or False"):
        ua.get_activation(name, gate_first=value)


@every_backend
@every_name
def test_the_input_chooses_the_backend(backend, name):
    x = native(backend, VALUES, "float32")
    plain, bound = ua.get_activation(name), ua.get_activation(name, backend=backend)
    for one, other in zip(ua.value_and_grad(plain, x), ua.value_and_grad(bound, x), strict=True):
        np.testing.assert_array_equal(
            back(backend, one, "float32"), back(backend, other, "float32")
        )
