"""The fast oracle against the exact one: the same rounding, the same binade, the same verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from numpy.typing import NDArray

from tests.conformance.truth.elementwise_facts import required
from unified_act_conformance import inputs
from unified_act_conformance.floats import float_format, round_to, to_type, ulp, widen
from unified_act_conformance.judge.measure import judge_with_slack
from unified_act_conformance.problems.pose import problem_at
from unified_act_conformance.subject.cases import Case, Subject
from unified_act_conformance.truth import elementwise
from unified_act_conformance.truth import fast as oracle_fast
from unified_act_conformance.truth.balls import Balls
from unified_act_conformance.truth.records import RECORDS, formula_of, record_of

Doubles = NDArray[np.float64]
Parameters = Mapping[str, float]

NARROW = ("float16", "bfloat16", "float32")
CASES: list[tuple[str, Parameters]] = [
    (name, parameters)
    for name in elementwise.ELEMENTWISE
    for parameters in (required(name), *RECORDS[name].variants)
]
WHOLE = ("gelu", "softsign", "sigmoid")
"""Compared at all numbers of bfloat16: a lost tail, a slow limit and a fast one."""
MILLIONTH = 2.0**-19
"""Of the type's spacing: the oracle's tolerance, and the rounding of the comparison itself."""
LEFT_OVER = {
    "exponential": 0.25,
    "squared_relu": 0.04,
    "squareplus": 0.08,
    "gcu": 0.12,
    "selu(alpha=2.0, scale=3.0)": 0.08,
    "sin": 0.08,
}
"""The share that is left over of those of which it is more: results beyond the largest number, a
slope that is all but 1, and products that lie exactly between two numbers."""


def sweep(name: str, parameters: Parameters, dtype: str, count: int | None = 3000) -> Doubles:
    kinks, crossings = elementwise.kinks(name, parameters), record_of(name).crossings
    return widen(inputs.sweep(dtype, kinks=kinks, crossings=crossings, count=count))


def difference(one: elementwise.Reference, other: elementwise.Reference) -> Doubles:
    """Where one is not finite, the rounding tells whether they agree."""
    with np.errstate(invalid="ignore"):
        found = np.abs((one.high - other.high) + (one.low - other.low))
    return np.where(np.isfinite(found), found, 0.0)


def assert_same(name: str, parameters: Parameters, dtype: str, order: int, x: Doubles) -> None:
    fast = elementwise.evaluate(name, order, x, parameters, dtype)
    exact = elementwise.evaluate(name, order, x, parameters)
    fmt = float_format(dtype)
    unit = ulp(exact.high, exact.low, dtype)
    bits = [
        to_type(round_to(found.high, found.low, dtype), dtype).view(fmt.bits_dtype)
        for found in (fast, exact)
    ]
    number = ~np.isnan(exact.high)
    assert np.array_equal(np.isnan(fast.high), ~number)
    assert np.array_equal(bits[0][number], bits[1][number])
    assert np.array_equal(np.signbit(fast.high[number]), np.signbit(exact.high[number]))
    assert np.array_equal(ulp(fast.high, fast.low, dtype)[number], unit[number])
    assert np.max(difference(fast, exact)[number] / unit[number]) <= MILLIONTH


def assert_same_condition(
    name: str, parameters: Parameters, dtype: str, order: int, x: Doubles
) -> None:
    fast = elementwise.condition(name, order, x, parameters, dtype)
    exact = elementwise.condition(name, order, x, parameters)
    finite = np.isfinite(x)
    weight = 0.5 * ulp(np.where(finite, x, 0.0), 0.0, dtype)
    # What is far below every spacing may be known to that only.
    least = float_format(dtype).smallest_subnormal
    room = MILLIONTH * (weight * exact + least)
    with np.errstate(invalid="ignore"):  # of two infinities, which are the same
        close = (fast == exact) | (weight * np.abs(fast - exact) <= room)
    assert close[finite].all()


@pytest.mark.quick(lambda dtype: dtype == "bfloat16")
@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
@pytest.mark.parametrize("dtype", NARROW)
def test_agrees_with_the_exact_oracle(name: str, parameters: Parameters, dtype: str) -> None:
    x = sweep(name, parameters, dtype)
    for order in range(3):
        assert_same(name, parameters, dtype, order, x)
        assert_same_condition(name, parameters, dtype, order, x)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_agrees_at_all_numbers_of_bfloat16(name: str, order: int) -> None:
    assert_same(name, {}, "bfloat16", order, sweep(name, {}, "bfloat16", None))


@pytest.mark.quick(lambda order: order < 2)
@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_balls_enclose_the_exact_values(name: str, parameters: Parameters, order: int) -> None:
    for dtype in NARROW:
        x = sweep(name, parameters, dtype, 600)
        x = x[np.isfinite(x)]
        with ctx.workprec(elementwise.FIRST_PRECISION), np.errstate(all="ignore"):
            function = formula_of(name)(**parameters).derivatives[order]
            balls = Balls.of(function(Balls(x))).resized(x.size)
            exact = [function(arb(point)) for point in x.tolist()]
            known = np.isfinite(balls.mid) & np.isfinite(balls.rad)
            for index in np.flatnonzero(known):
                rest = abs(exact[index] - float(balls.mid[index])).abs_lower()
                assert rest <= float(balls.rad[index]), x[index]
        assert np.mean(known) > 0.5


@pytest.mark.quick(lambda order: order < 2)
@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_a_wide_ball_encloses_what_is_in_it(name: str, parameters: Parameters, order: int) -> None:
    random = np.random.default_rng(0)
    middles = random.choice([-1.0, 1.0], 60) * np.exp2(random.uniform(-20.0, 10.0, 60))
    shares = np.linspace(-1.0, 1.0, 7)
    for width in (0.05, 0.7):  # the wide ones reach over kinks
        for middle in middles:
            radius = width * abs(float(middle))
            ball = elementwise.enclose(name, order, np.array([middle]), parameters, radius)
            lower, upper = (float(end[0]) for end in ball.ends())
            if math.isfinite(lower) and math.isfinite(upper):
                points = middle + 0.999 * radius * shares
                exact = elementwise.evaluate_once(name, order, points, parameters, "float64").high
                assert ((exact >= lower) & (exact <= upper)).all(), middle


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
def test_few_points_are_left_over(
    name: str, parameters: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 0
    at_each = elementwise._Derivative.at_each

    def counted(self: Any, points: Doubles) -> list[arb]:
        nonlocal left
        left += points.size
        return at_each(self, points)

    monkeypatch.setattr(elementwise._Derivative, "at_each", counted)
    elementwise._evaluate.cache_clear()
    x = sweep(name, parameters, "bfloat16", None)
    for order in range(3):
        elementwise.evaluate(name, order, x, parameters, "bfloat16")
    subject = str(Subject(name, tuple(parameters.items())))
    assert left <= LEFT_OVER.get(subject, LEFT_OVER.get(name, 0.02)) * 3 * x.size


@pytest.mark.parametrize("name", ["gelu", "tanh", "hard_silu", "softplus"])
@pytest.mark.parametrize("dtype", NARROW)
def test_verdicts_are_those_of_the_exact_oracle(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = to_type(sweep(name, {}, dtype), dtype)
    for order in range(3):
        case = Case(Subject(name), "", dtype, order)
        fast = problem_at(case, [x])
        with monkeypatch.context() as patched:
            patched.setattr(oracle_fast, "FEWEST", math.inf)
            elementwise._evaluate.cache_clear()
            exact = problem_at(case, [x])
        elementwise._evaluate.cache_clear()
        # Wrong by some spacings here and there, so that there is something to judge.
        high = fast.reference.high
        steps = np.arange(x.size) % 61 - 30
        with np.errstate(invalid="ignore", over="ignore"):
            output = to_type(high + steps * ulp(high, 0.0, dtype), dtype)
        # The budget is one that no whole number of spacings meets exactly.
        verdicts = [
            judge_with_slack(
                output,
                posed.reference,
                posed.about,
                dtype,
                posed.slack,
                floor=0.0,
                budget=3.7,
                value_range=posed.value_range,
            )
            for posed in (fast, exact)
        ]
        assert verdicts[0].failures == verdicts[1].failures > 0
        assert verdicts[0].max_error == pytest.approx(verdicts[1].max_error, rel=1e-5)
        assert verdicts[0].errors == pytest.approx(verdicts[1].errors, rel=1e-5, abs=1e-9)
        blank = [replace(verdict, max_error=0.0, errors={}, curve=()) for verdict in verdicts]
        assert blank[0] == blank[1]
        for one, other in zip(verdicts[0].curve, verdicts[1].curve, strict=True):
            assert one.bucket == other.bucket
            assert one.error == pytest.approx(other.error, rel=1e-5, abs=1e-9)


def test_a_radius_too_small_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Balls.exp

    def overconfident(self: Balls) -> Balls:
        ball = honest(self)
        return Balls(ball.mid * (1 + 2.0**-12), ball.rad)

    monkeypatch.setattr(Balls, "exp", overconfident)
    elementwise._evaluate.cache_clear()
    with pytest.raises(AssertionError):
        test_agrees_with_the_exact_oracle("elu", {}, "bfloat16")
    with pytest.raises(AssertionError):
        test_balls_enclose_the_exact_values("elu", {}, 1)
    elementwise._evaluate.cache_clear()


def test_few_inputs_are_evaluated_exactly() -> None:
    x = np.linspace(-3.0, 3.0, oracle_fast.FEWEST - 1)
    few = elementwise.evaluate("gelu", 0, x, dtype="float32")
    assert np.array_equal(few.low, elementwise.evaluate("gelu", 0, x).low)
    assert few.low.any()


def test_a_tail_decides_beside_a_tie_and_not_beside_a_power_of_two() -> None:
    # Half of bfloat16's smallest number and a little more or less; 100 digits further down.
    more = elementwise.evaluate("gelu", 0, np.array([2.0**-133]))
    less = elementwise.evaluate("elu", 0, np.array([-(2.0**-132)]), {"alpha": 0.25})
    assert round_to(more.high, more.low, "bfloat16") == 2.0**-133
    assert round_to(less.high, less.low, "bfloat16") == 0
    for dtype in ("float64", "float32"):
        saturated = elementwise.evaluate("sigmoid", 0, np.full(200, 100.0), dtype=dtype)
        nearly = elementwise.evaluate("sigmoid", 0, np.full(200, 50.0), dtype=dtype)
        assert np.all(saturated.high == 1)
        assert np.all(saturated.low == 0)
        assert np.all(nearly.low < 0)
