"""The oracle against mpmath: other closed forms, derivatives by differences."""

from __future__ import annotations

import math
from functools import partial

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conformance.truth.elementwise_facts import (
    CASES,
    FORMULAS,
    KINKS,
    LIMITS,
    OTHER_PARAMETERS,
    Number,
    Parameters,
    required,
)
from unified_act.registry import ACTIVATIONS
from unified_act_conformance import inputs
from unified_act_conformance.floats import ulp, widen
from unified_act_conformance.subject.cases import Subject
from unified_act_conformance.truth import elementwise
from unified_act_conformance.truth.exact import truth_of
from unified_act_conformance.truth.records import RECORDS, record_of, value_range
from unified_act_conformance.truth.rows import rows

INFINITIES = np.array([-np.inf, np.inf])
PRECISION = 300
HUGE = 1e37
"""A function that reaches this at numbers of float32 has no bound."""
# The references carry about 100 bits; the first differences of mpmath carry far more.
TOLERANCE = 2.0**-95


def points() -> NDArray[np.float64]:
    random = np.random.default_rng(20260901)
    near = random.uniform(-12.0, 12.0, 60)
    tails = np.array([18.0, 40.0, 100.0, 745.0, 1e4, 1e9])
    tiny = np.array([1e-3, 1e-8, 1e-40, 2.2e-308, 5e-324])
    return np.concatenate([near, tails, -tails, tiny, -tiny])


def exact_sum(reference: elementwise.Reference, index: int) -> Number:
    return mpmath.mpf(float(reference.high[index])) + mpmath.mpf(float(reference.low[index]))


def assert_close(got: Number, want: Number, what: str, noise: int = -1074) -> None:
    # A double-double of a value in the subnormal range of double has that range's spacing.
    room = abs(want) * TOLERANCE + mpmath.mpf(2) ** noise
    assert abs(got - want) <= room, f"{what}: {mpmath.nstr(got, 30)} {mpmath.nstr(want, 30)}"


def test_formulas_cover_the_oracle() -> None:
    for name in elementwise.ELEMENTWISE:
        assert FORMULAS[name]
    assert set(FORMULAS) == set(elementwise.ELEMENTWISE)


@pytest.mark.parametrize("name", elementwise.ELEMENTWISE)
def test_other_parameters_and_kinks_are_tried(name: str) -> None:
    tried = {key for other, given in OTHER_PARAMETERS if other == name for key in given}
    defaults = {p.name for p in ACTIVATIONS.find(name).parameters if p.default is not None}
    facts = "of elementwise_facts.py"
    assert tried or not defaults, f"{name}: other values of {defaults} in OTHER_PARAMETERS {facts}"
    kinks = elementwise.kinks(name, required(name))
    known = name in {other for other, *_ in KINKS}
    assert known or not kinks, f"{name}: the derivative at {kinks} in KINKS {facts}"


@pytest.mark.quick(lambda order: order < 2)
@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_agrees_with_mpmath(name: str, order: int, parameters: Parameters) -> None:
    x = points() if order < 3 else points()[::3]
    x = x[~np.isin(x, elementwise.kinks(name, parameters))]
    reference = elementwise.evaluate(name, order, x, parameters)
    for index, value in enumerate(x.tolist()):
        # The step is far below the distance to a kink at 0. Where the derivative is tiny beside the
        # value, its differences need the bits of both.
        step = mpmath.mpf(min(abs(value), 1.0)) * mpmath.mpf(2) ** -PRECISION
        hard = abs(value) < 1e-30 or abs(value) > 12
        with mpmath.workprec(5 * PRECISION if hard and order else PRECISION + 20):
            function = partial(FORMULAS[name], **parameters)
            want = mpmath.diff(function, mpmath.mpf(value), order, h=step)
            what = f"{name} order {order} at {value!r}"
            if np.isinf(reference.high[index]):
                assert abs(want) > mpmath.mpf(np.finfo(np.float64).max), what
                continue
            # Differences of a polynomial leave the noise of the working precision.
            assert_close(exact_sum(reference, index), want, what, -1074 if hard else -PRECISION)


@pytest.mark.parametrize("name", elementwise.ELEMENTWISE)
def test_limits(name: str) -> None:
    parameters = required(name)
    for side, wanted in enumerate(LIMITS[name]):
        for order, want in enumerate(wanted):
            got = float(elementwise.evaluate(name, order, INFINITIES, parameters).high[side])
            if math.isnan(want):
                assert math.isnan(got)
                continue
            assert got == want
            assert math.copysign(1, got) == math.copysign(1, want), (side, order)


def test_limits_follow_the_parameters() -> None:
    assert elementwise.evaluate("elu", 0, INFINITIES, {"alpha": 0.3}).high[0] == -0.3
    assert elementwise.evaluate("silu", 0, INFINITIES, {"beta": -1.0}).high.tolist() == [
        -np.inf,
        0.0,
    ]
    assert elementwise.evaluate("leaky_relu", 0, INFINITIES, {"negative_slope": 0.0}).high[0] == 0
    assert (
        elementwise.evaluate("leaky_relu", 0, INFINITIES, {"negative_slope": -1e-300}).high[0] > 0
    )


@pytest.mark.parametrize(("name", "parameters", "kink", "slope"), KINKS, ids=str)
def test_kinks(name: str, parameters: Parameters, kink: float, slope: float) -> None:
    x = np.array([kink])
    assert kink in elementwise.kinks(name, parameters)
    assert elementwise.evaluate(name, 1, x, parameters).high[0] == slope
    assert elementwise.condition(name, 0, x, parameters)[0] == 0


@pytest.mark.parametrize("name", elementwise.ELEMENTWISE)
def test_special_inputs(name: str) -> None:
    parameters = required(name)
    for order in range(4):
        assert np.isnan(elementwise.evaluate(name, order, np.array([np.nan]), parameters).high[0])
    zeros = np.array([-0.0, 0.0])
    at_zero = elementwise.evaluate(name, 0, zeros, parameters).high
    if at_zero[0] == 0:
        assert np.signbit(at_zero).tolist() == [True, False]
    largest = np.finfo(np.float64).max * np.array([-1.0, 1.0])
    assert not np.isnan(elementwise.evaluate(name, 0, largest, parameters).high).any()


@pytest.mark.parametrize("order", [0, 1, 2])
def test_laplace_is_decided_a_million_widths_from_its_centre(order: int) -> None:
    x = np.array([-1e30, -2000.0, 0.0, 1e-5, 999.0, 1001.0, 1e30])
    found = elementwise.evaluate("laplace", order, x, {"mu": 1000.0, "sigma": 0.001})
    wanted = np.where(x > 1000.0, 1.0, 0.0) if order == 0 else np.zeros(x.size)
    np.testing.assert_array_equal(found.high, wanted)
    signs = [1.0] * 7 if order < 2 else [1.0] * 5 + [-1.0] * 2
    np.testing.assert_array_equal(np.copysign(1.0, found.high), signs)


def test_sign_of_an_underflow_is_that_of_the_tail() -> None:
    x = np.array([-1e300, 1e300])
    assert np.signbit(elementwise.evaluate("gelu", 0, x).high).tolist() == [True, False]
    assert np.signbit(elementwise.evaluate("silu", 1, x).high).tolist() == [True, False]
    assert np.signbit(elementwise.evaluate("tanh", 2, x).high).tolist() == [False, True]


@pytest.mark.parametrize(("name", "parameters"), OTHER_PARAMETERS, ids=str)
def test_parameters_matter(name: str, parameters: Parameters) -> None:
    x = np.linspace(-4.0, 4.0, 41)
    for order in (0, 1):
        default = elementwise.evaluate(name, order, x, required(name)).high
        assert (elementwise.evaluate(name, order, x, parameters).high != default).any()


def test_unknown_parameter_is_an_error() -> None:
    with pytest.raises(TypeError, match="slope"):
        elementwise.evaluate("leaky_relu", 0, np.ones(1), {"slope": 0.2})


def test_condition_is_the_next_derivative() -> None:
    x = np.array([-2.0, 0.5, np.inf, np.nan])
    slope = np.abs(elementwise.evaluate("gelu", 2, x).high)
    np.testing.assert_array_equal(
        elementwise.condition("gelu", 1, x), [slope[0], slope[1], 0.0, 0.0]
    )


def test_results_keep_their_shape_and_cannot_be_changed() -> None:
    reference = elementwise.evaluate("tanh", 0, np.ones((2, 3)))
    assert reference.high.shape == reference.low.shape == (2, 3)
    with pytest.raises(ValueError, match="read-only"):
        reference.high[0, 0] = 0.0


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
@pytest.mark.parametrize("order", [0, 1])
def test_values_stay_within_the_range(name: str, order: int, parameters: Parameters) -> None:
    kinks, crossings = elementwise.kinks(name, parameters), record_of(name).crossings
    x = widen(inputs.quick("float32", kinks=kinks, crossings=crossings))
    high = elementwise.evaluate(name, order, x, parameters).high
    low_bound, high_bound = value_range(name, order, parameters)
    high = np.where(np.abs(high) > HUGE, np.copysign(np.inf, high), high)
    found = np.nanmin(high), np.nanmax(high)
    # An open end is reached by rounding, a turning point to half an ulp, so both are attained.
    assert found == pytest.approx((low_bound, high_bound), rel=1e-3, abs=1e-30), (
        f"`ranges` of the Record of {name} say {low_bound} to {high_bound} for order {order}; "
        f"{found} was reached"
    )
    assert np.nanmin(high) >= low_bound - abs(low_bound) * 1e-15
    assert np.nanmax(high) <= high_bound + abs(high_bound) * 1e-15


@pytest.mark.parametrize("name", [r.name for r in RECORDS.values() if r.crossings])
def test_turning_points_are_the_bounds(name: str) -> None:
    # Or it is a limit, or the value at 0, where a derivative of every even function is 0.
    x = np.array([*record_of(name).crossings, 0.0, -np.inf, np.inf])
    for order in (0, 1):
        values = elementwise.evaluate(name, order, x).high
        for bound in value_range(name, order):
            assert np.isinf(bound) or np.min(np.abs(values - bound)) <= np.spacing(
                max(abs(bound), 0.5)
            )


def exact_rows(name: str, row: list[float], cotangent: list[float] | None) -> list[Number]:
    powers = [mpmath.exp(mpmath.mpf(value)) for value in row]
    total = mpmath.fsum(powers)
    share = [power / total for power in powers]
    if cotangent is None:
        return share if name == "softmax" else [mpmath.log(p) if p else -mpmath.inf for p in share]
    weights = [mpmath.mpf(value) for value in cotangent]
    if name == "softmax":
        inner = mpmath.fdot(share, weights)
        return [p * (weight - inner) for p, weight in zip(share, weights, strict=True)]
    return [w - p * mpmath.fsum(weights) for p, w in zip(share, weights, strict=True)]


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("order", [0, 1])
def test_rows_agree_with_mpmath(name: str, order: int) -> None:
    for matrix in inputs.rows("float16"):
        x = widen(matrix)
        cotangent = widen(inputs.cotangents("float16", x.shape)) if order else None
        reference, slack = rows(name, order, x, cotangent, half_ulp_x=np.zeros_like(x))
        assert not slack[np.isfinite(reference.high)].any()
        undefined = np.isnan(x).any(1) | (x == np.inf).any(1) | (x == -np.inf).all(1)
        assert np.isnan(reference.high[undefined]).all()
        for index in np.flatnonzero(~undefined)[: 11 if x.shape[1] < 100 else 2]:
            row = elementwise.Reference(reference.high[index], reference.low[index])
            weights = None if cotangent is None else cotangent[index].tolist()
            with mpmath.workprec(4000):
                wanted = exact_rows(name, x[index].tolist(), weights)
                for position, want in enumerate(wanted):
                    if np.isinf(row.high[position]):
                        assert row.high[position] == want
                    elif abs(want) > mpmath.mpf(2) ** -3000:
                        assert_close(exact_sum(row, position), want, f"{name} {index} {position}")


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("order", [0, 1])
def test_slack_of_rows_is_the_sum_over_inputs(name: str, order: int) -> None:
    x = np.array([[0.3, -1.2, 2.0, 0.25]])
    cotangent = np.array([[1.0, -0.5, 0.25, 2.0]])
    half_x = 0.5 * ulp(x, 0.0, "float32")
    half_cotangent = 0.5 * ulp(cotangent, 0.0, "float32") if order else np.zeros_like(x)

    def at(shifted: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return rows(name, order, shifted, weights, half_ulp_x=half_x)[0].high

    wanted = np.zeros_like(x)
    for index in range(4):
        step = np.eye(4)[index] * 1e-6
        by_x = (at(x + step, cotangent) - at(x - step, cotangent)) / 2e-6
        by_weight = (at(x, cotangent + step) - at(x, cotangent - step)) / 2e-6
        wanted += np.abs(by_x) * half_x[0, index] + np.abs(by_weight) * half_cotangent[0, index]
    _, slack = rows(name, order, x, cotangent, half_ulp_x=half_x, half_ulp_cotangent=half_cotangent)
    np.testing.assert_allclose(slack, wanted, rtol=1e-6)


def test_rows_of_a_constant_cotangent_have_no_product() -> None:
    x = np.array([[0.1, 0.2, -3.0]])
    reference, _ = rows("softmax", 1, x, np.ones_like(x), half_ulp_x=np.zeros_like(x))
    assert not reference.high.any()


def test_rows_refuse_what_they_do_not_know() -> None:
    x = np.zeros((1, 2))
    with pytest.raises(ValueError, match="softmin"):
        rows("softmin", 0, x, half_ulp_x=x)
    with pytest.raises(ValueError, match="cotangent"):
        rows("softmax", 1, x, half_ulp_x=x)


def test_truths_hash_by_what_they_are() -> None:
    first, second = (truth_of(Subject("elu", (("alpha", 0.5),))) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
