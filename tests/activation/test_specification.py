"""Specifications: parameters, and facts that agree with what is computed."""

import dataclasses
import fractions
import math
import re

import numpy as np
import pytest

import unified_act as ua
from unified_act import Activation, Kink, Parameter, catalogue
from unified_act.assembly import pullback_of
from unified_act.catalogue._common import POSITIVE

ELEMENTWISE = [a for a in catalogue.ACTIVATIONS if a.kind == "elementwise"]
BY_NAME = {a.name: a for a in catalogue.ACTIVATIONS}
VARIANTS = [
    ("affine", {"alpha": -2.0, "beta": 0.5}),
    ("affine", {"alpha": 0.0, "beta": 0.5}),
    ("clipped_gelu", {"min_value": 1.0, "max_value": 2.0}),
    ("clipped_relu", {"max_value": 2.5}),
    ("celu", {"alpha": 0.5}),
    ("elu", {"alpha": 0.25}),
    ("elu", {"alpha": 3.0}),
    ("hard_sigmoid", {"alpha": 0.2}),
    ("hard_sigmoid", {"alpha": 0.25, "beta": -1.0}),
    ("hard_tanh", {"min_value": -2.0, "max_value": 0.5}),
    ("hard_tanh", {"min_value": 1.0, "max_value": 3.0}),
    ("leaky_relu", {"negative_slope": 0.0}),
    ("leaky_relu", {"negative_slope": -0.5}),
    ("leaky_relu", {"negative_slope": 1.0}),
    ("laplace", {"mu": -1.5, "sigma": 2.0}),
    ("scaled_tanh", {"alpha": 3.0, "beta": 0.5}),
    ("shrink", {"threshold": 1.0, "bias": -0.5}),
    ("silu", {"beta": 1.702}),
    ("soft_shrink", {"threshold": 0.0}),
    ("softplus", {"beta": 5.0}),
    ("squareplus", {"b": 0.0}),
    ("squareplus", {"b": 0.25}),
    ("threshold", {"threshold": 2.0, "value": -20.0}),
    ("thresholded_relu", {"threshold": -1.0}),
]
JUMPS = ("threshold", "thresholded_relu", "hard_shrink", "shrink")
"""The functions that are not continuous at their kinks."""
SPECIFIED = [(a.name, {}) for a in ELEMENTWISE if not a.required] + VARIANTS


def computed(name, parameters, x):
    function = ua.get_activation(name, backend="numpy", numerics="strict", **parameters)
    return ua.value_and_grad(function, np.array(x, dtype=np.float64))


class TestParameter:
    @pytest.mark.parametrize(
        "value",
        [0.5, 1, np.float16(0.5), np.float32(0.5), np.float64(0.5), np.int8(1), np.array(0.5)],
        ids=lambda value: type(value).__name__,
    )
    def test_any_real_number_becomes_a_python_float(self, value):
        number = Parameter("alpha", 1.0).check(value)
        assert type(number) is float
        assert number == value

    def test_a_fraction_is_a_number(self):
        assert Parameter("alpha", 1.0).check(fractions.Fraction(1, 4)) == 0.25

    @pytest.mark.parametrize("value", [1, np.int64(1), np.uint8(1)], ids=lambda v: type(v).__name__)
    def test_any_integer_becomes_a_python_int(self, value):
        number = Parameter("axis", -1).check(value)
        assert type(number) is int
        assert number == 1

    @pytest.mark.parametrize(
        "value",
        [True, False, "0.5", b"1", np.str_("1"), None, 1j, [0.5], {}, object()],
        ids=lambda value: type(value).__name__,
    )
    @pytest.mark.parametrize("default", [1.0, 1])
    def test_no_number_is_refused(self, value, default):
        with pytest.raises(ua.ParameterValueError, match="alpha must be a"):
            Parameter("alpha", default).check(value)

    @pytest.mark.parametrize("default", [1.0, 1])
    def test_numpy_bool_is_refused_like_bool(self, default):
        with pytest.raises(ua.ParameterValueError, match="alpha must be a"):
            Parameter("alpha", default).check(np.bool_(True))

    @pytest.mark.parametrize("value", [1.0, 1.5, np.float32(1)], ids=repr)
    def test_an_integer_parameter_takes_no_float(self, value):
        with pytest.raises(ua.ParameterValueError, match="axis must be an integer"):
            Parameter("axis", 1).check(value)

    @pytest.mark.parametrize(
        "value", [math.nan, math.inf, -math.inf, 10**400], ids=lambda v: f"{v!s:.4}"
    )
    def test_only_finite_numbers(self, value):
        with pytest.raises(ua.ParameterValueError, match=r"alpha must be (finite|a number)"):
            Parameter("alpha", 1.0).check(value)

    def test_a_number_of_numpy_is_written_as_a_number(self):
        with pytest.raises(ua.ParameterValueError, match=r"got -0\.30000001192092896\.$"):
            Parameter("alpha", 1.0, low=0.0).check(np.float32(-0.3))

    def test_bounds_are_inclusive(self):
        bounded = Parameter("alpha", 1.0, low=-1.0, high=2.0)
        assert [bounded.check(value) for value in (-1.0, 2.0)] == [-1.0, 2.0]
        for value in (math.nextafter(-1.0, -2), math.nextafter(2.0, 3)):
            message = "alpha must be finite and at least -1 and at most 2, got"
            with pytest.raises(ua.ParameterValueError, match=message):
                bounded.check(value)

    @pytest.mark.parametrize("value", [0.0, -0.0, -1.0])
    def test_positive_excludes_zero(self, value):
        positive = Parameter("alpha", 1.0, low=POSITIVE)
        assert positive.check(5e-324) == 5e-324
        with pytest.raises(ua.ParameterValueError, match="finite and greater than 0"):
            positive.check(value)


class TestBind:
    def test_defaults_and_order(self):
        spec = BY_NAME["hard_tanh"]
        assert list(spec.bind({"max_value": 2}).items()) == [("min_value", -1.0), ("max_value", 2)]

    def test_the_given_mapping_stays(self):
        given = {"alpha": np.float32(2)}
        BY_NAME["elu"].bind(given)
        assert given == {"alpha": np.float32(2)}

    def test_an_unknown_parameter_suggests(self):
        with pytest.raises(ua.UnknownParameterError, match=r"'alhpa'\. Did you mean 'alpha'\?"):
            BY_NAME["elu"].bind({"alhpa": 1.0})

    def test_an_activation_without_parameters_says_so(self):
        with pytest.raises(ua.UnknownParameterError, match="relu has no parameter 'alpha'"):
            BY_NAME["relu"].bind({"alpha": 1.0})

    @pytest.mark.parametrize("ends", [(1.0, -1.0), (0.5, 0.5), (-1.0, -1.0), (2.0, 1.0)])
    @pytest.mark.parametrize("name", ["hard_tanh", "clipped_gelu"])
    def test_clipped_functions_need_ordered_ends(self, name, ends):
        with pytest.raises(ua.ParameterValueError, match="min_value must be less than max_value"):
            BY_NAME[name].bind(dict(zip(("min_value", "max_value"), ends, strict=True)))

    def test_what_has_no_default_must_be_given(self):
        message = (
            "threshold needs value, result for inputs up to the threshold, which has no default: "
            "pass threshold=…, value=…."
        )
        with pytest.raises(ua.ParameterValueError, match=re.escape(message)):
            BY_NAME["threshold"].bind({"threshold": 1.0})
        with pytest.raises(ua.ParameterValueError, match=r"clipped_relu needs max_value, .*=…\."):
            ua.get_activation("clipped_relu", backend="numpy")
        bound = BY_NAME["threshold"].bind({"value": -1, "threshold": 2})
        assert list(bound.items()) == [("threshold", 2.0), ("value", -1.0)]
        assert BY_NAME["threshold"].required == ("threshold", "value")
        assert BY_NAME["relu"].required == ()

    @pytest.mark.parametrize("b", [1e-31, -1.0, 1e19])
    def test_the_width_of_squareplus_must_be_a_number_in_every_type(self, b):
        with pytest.raises(ua.ParameterValueError, match="b must be "):
            BY_NAME["squareplus"].bind({"b": b})

    def test_one_end_alone_is_checked_against_the_default_of_the_other(self):
        with pytest.raises(ua.ParameterValueError, match="min_value must be less than max_value"):
            BY_NAME["hard_tanh"].bind({"min_value": 1.0})

    @pytest.mark.parametrize(
        ("name", "parameter"),
        [
            ("celu", "alpha"),
            ("elu", "alpha"),
            ("clipped_relu", "max_value"),
            ("hard_sigmoid", "alpha"),
            ("hard_sigmoid_02", "alpha"),
            ("scaled_tanh", "alpha"),
            ("scaled_tanh", "beta"),
            ("silu", "beta"),
            ("softplus", "beta"),
        ],
    )
    def test_parameters_that_must_be_positive(self, name, parameter):
        with pytest.raises(ua.ParameterValueError, match=f"{parameter} must be .*greater than 0"):
            BY_NAME[name].bind({parameter: 0.0})


class TestSpecification:
    def test_is_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            BY_NAME["relu"].name = "other"

    def test_sequences_are_frozen_too(self):
        aliases = ["one"]
        spec = Activation("own", forward=abs, aliases=aliases, parameters=[Parameter("a", 1.0)])
        aliases.append("two")
        assert spec.aliases == ("one",)
        assert isinstance(spec.parameters, tuple)

    def test_equality_is_identity(self):
        relu = BY_NAME["relu"]
        copy = dataclasses.replace(Activation("relu", forward=relu.forward))
        assert copy != relu
        assert len({copy, relu}) == 2

    def test_elementwise_pullback_is_the_chain_rule(self):
        spec = BY_NAME["leaky_relu"]
        pullback = pullback_of(spec, np, {"negative_slope": 0.5})
        cotangents = pullback(np.array([2.0, 3.0]), np.array([-1.0, 1.0]))
        assert [c.tolist() for c in cotangents] == [[1.0, 3.0]]

    def test_learned_pullback_gives_a_cotangent_for_each_input(self):
        from unified_act_numpy import namespace

        pullback = pullback_of(BY_NAME["prelu"], namespace, {"axis": 1})
        x, weight = np.array([[-1.0, 2.0]]), np.array([0.5])
        to_x, to_weight = pullback(np.array([[10.0, 1.0]]), x, weight)
        assert to_x.tolist() == [[5.0, 1.0]]
        assert to_weight.tolist() == [-10.0]

    def test_without_a_derivative_there_is_no_pullback(self):
        assert pullback_of(Activation("own", forward=abs), np, {}) is None

    @pytest.mark.parametrize("spec", catalogue.ACTIVATIONS, ids=lambda spec: spec.name)
    def test_the_catalogue_is_documented(self, spec):
        assert spec.formula, f"{spec.name} needs a formula, in LaTeX"
        assert spec.summary.endswith("."), f"{spec.name} needs a summary, one sentence"
        assert spec.derivative is not None, f"{spec.name} needs a derivative"
        assert all(p.doc for p in spec.parameters), f"{spec.name}: each parameter needs a doc"
        assert spec.limits is not None or spec.kind != "elementwise", (
            f"{spec.name} needs limits, of f and f′ at both infinities"
        )
        assert spec.limits is None or spec.kind == "elementwise", (
            f"{spec.name} is no elementwise activation, and so has no limits"
        )


def limits_of(name, parameters):
    spec = BY_NAME[name]
    assert spec.limits is not None, f"{name} needs limits, of f and f′ at both infinities"
    return spec.limits(**spec.bind(parameters))


@pytest.mark.parametrize(("name", "parameters"), SPECIFIED, ids=str)
class TestFactsAreWhatIsComputed:
    """In the strict profile on NumPy, in float64."""

    def test_derivative_at_each_kink(self, name, parameters):
        spec = BY_NAME[name]
        kinks = spec.kinks(**spec.bind(parameters))
        _, derivative = computed(name, parameters, [kink.at for kink in kinks])
        assert derivative.tolist() == [kink.derivative for kink in kinks]

    def test_continuous_at_each_kink(self, name, parameters):
        spec = BY_NAME[name]
        for kink in spec.kinks(**spec.bind(parameters)) if name not in JUMPS else ():
            around = [kink.at - 1e-12, kink.at, kink.at + 1e-12]
            values, _ = computed(name, parameters, around)
            assert np.ptp(values) < 1e-11

    def test_no_other_jump_of_the_derivative(self, name, parameters):
        spec = BY_NAME[name]
        declared = [kink.at for kink in spec.kinks(**spec.bind(parameters))]
        # In steps of 1e-3, where second derivatives are below 8, or 8 times as large as the first.
        x = np.linspace(-12.0, 12.0, 24_001)
        _, derivative = computed(name, parameters, x)
        size = np.maximum(np.abs(derivative[1:]), 1.0)
        jumps = np.flatnonzero(np.abs(np.diff(derivative)) > 0.01 * size)
        for jump in jumps:
            near = [at for at in declared if x[jump] - 1e-9 <= at <= x[jump + 1] + 1e-9]
            assert near, f"f′ jumps at {x[jump]}, which is no declared kink"

    def test_derivative_is_the_slope_of_the_value(self, name, parameters):
        spec = BY_NAME[name]
        x = np.linspace(-9.0, 9.0, 1_001)
        for kink in spec.kinks(**spec.bind(parameters)):
            x = x[np.abs(x - kink.at) > 1e-3]
        x = x[np.abs(x) > 1e-3]  # the second derivative of softsign jumps there
        step = 1e-5
        slope = (
            computed(name, parameters, x + step)[0] - computed(name, parameters, x - step)[0]
        ) / (2 * step)
        np.testing.assert_allclose(computed(name, parameters, x)[1], slope, rtol=1e-6, atol=1e-8)

    def test_limits(self, name, parameters):
        limits = limits_of(name, parameters)
        value, derivative = computed(name, parameters, [-math.inf, math.inf])
        np.testing.assert_array_equal(value, limits.value)
        np.testing.assert_array_equal(derivative, limits.derivative)

    def test_zero_limits_have_the_declared_sign(self, name, parameters):
        limits = limits_of(name, parameters)
        value, _ = computed(name, parameters, [-math.inf, math.inf])
        for got, limit in zip(value.tolist(), limits.value, strict=True):
            if limit == 0:
                assert math.copysign(1, got) == math.copysign(1, limit)

    def test_limits_are_approached(self, name, parameters):
        limits = limits_of(name, parameters)
        value, derivative = computed(name, parameters, [-1e100, 1e100])
        wanted = (*limits.value, *limits.derivative)
        for got, limit in zip((*value, *derivative), wanted, strict=True):
            if math.isnan(limit):  # there is none
                assert math.isfinite(got)
            elif math.isfinite(limit):
                assert got == pytest.approx(limit, abs=1e-8)
            else:
                assert math.copysign(1, got) == math.copysign(1, limit)
                assert abs(got) > 1e6

    def test_nan_stays(self, name, parameters):
        value, _ = computed(name, parameters, [math.nan])
        assert np.isnan(value).all()


def test_gelu_is_clipped_where_it_falls_too():
    parameters = {"min_value": -0.125, "max_value": 3.0}
    kinks = [kink.at for kink in BY_NAME["clipped_gelu"].kinks(**parameters)]
    assert len(kinks) == 3
    gelu = ua.get_activation("gelu", backend="numpy", numerics="strict")
    np.testing.assert_allclose(gelu(np.array(kinks)), [-0.125, -0.125, 3.0], rtol=1e-15)
    for side in (-1, 1):
        _, slope = computed("clipped_gelu", parameters, np.array(kinks) + side * 1e-9)
        assert (slope == 0.0).tolist() == (
            [False, True, False] if side < 0 else [True, False, True]
        )


def test_kinks_where_the_constant_branch_owns_the_corner():
    assert BY_NAME["relu"].kinks() == (Kink(0.0, 0.0),)
    assert BY_NAME["hard_silu"].kinks() == (Kink(-3.0, 0.0), Kink(3.0, 1.0))
    assert BY_NAME["leaky_relu"].kinks(negative_slope=0.1) == (Kink(0.0, 0.1),)
