"""The judge: it must pass what is right and refuse everything that is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conformance.truth.elementwise_facts import required
from unified_act.registry import ACTIVATIONS
from unified_act_conformance import inputs
from unified_act_conformance.floats import FORMATS, FloatArray, round_to, to_type, ulp, widen
from unified_act_conformance.judge import budgets
from unified_act_conformance.judge.measure import CLASSES, Floor, Judgement, judge_with_slack
from unified_act_conformance.truth import elementwise
from unified_act_conformance.truth.elementwise import Reference
from unified_act_conformance.truth.records import RECORDS, record_of, value_range
from unified_act_conformance.truth.rows import rows

Array32 = NDArray[np.float32]
Formula = Callable[[Any], Any]


def judge(
    y: FloatArray,
    reference: Reference,
    x: FloatArray,
    dtype: str,
    condition: NDArray[np.float64],
    *,
    floor: Floor,
    budget: float,
    value_range: tuple[float, float],
) -> Judgement:
    """Judges the outputs of an elementwise function."""
    inputs = widen(x)
    finite = np.isfinite(inputs)
    slack = 0.5 * np.where(finite, ulp(np.where(finite, inputs, 0.0), 0.0, dtype), 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        slack = slack * np.where(finite, condition, 0.0)
    return judge_with_slack(
        y, reference, x, dtype, slack, floor=floor, budget=budget, value_range=value_range
    )


def exact_values(name: str, order: int, x: FloatArray) -> elementwise.Reference:
    return elementwise.evaluate(name, order, widen(x), required(name))


def verdict(
    name: str,
    dtype: str,
    output: Callable[[FloatArray], FloatArray],
    *,
    order: int = 0,
    floor: Floor = 0,
    x: FloatArray | None = None,
) -> Judgement:
    if x is None:
        x = inputs.quick(dtype, kinks=(0.0,), crossings=record_of(name).crossings)
    with np.errstate(all="ignore"):
        y = output(x)
    return judge(
        y,
        exact_values(name, order, x),
        x,
        dtype,
        elementwise.condition(name, order, widen(x), required(name)),
        floor=floor,
        budget=budgets.budget(name, order, dtype),
        value_range=value_range(name, order, required(name)),
    )


def one(
    y: float,
    exact: float,
    *,
    low: float = 0.0,
    x: float = 1.0,
    slope: float = 0.0,
    dtype: str = "float32",
    budget: float = 2.0,
    floor: Floor = 0,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Judgement:
    return judge(
        np.array([y]),
        elementwise.Reference(np.array([exact]), np.array([low])),
        np.array([x]),
        dtype,
        np.array([slope]),
        floor=floor,
        budget=budget,
        value_range=bounds,
    )


def charged(judgement: Judgement) -> list[str]:
    return [name for name, count in judgement.classes.items() if count]


# --- what is right passes ---


@pytest.mark.quick(lambda order, dtype: dtype == "float32" and order < 2)
@pytest.mark.parametrize("name", elementwise.ELEMENTWISE)
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("dtype", FORMATS)
def test_correct_rounding_has_no_error(name: str, order: int, dtype: str) -> None:
    def correctly_rounded(x: FloatArray) -> FloatArray:
        reference = exact_values(name, order, x)
        return to_type(round_to(reference.high, reference.low, dtype), dtype)

    judgement = verdict(name, dtype, correctly_rounded, order=order)
    assert judgement.passed
    assert judgement.max_error == judgement.max_distance == judgement.failures == 0
    assert not any(judgement.classes.values())


@pytest.mark.parametrize("name", elementwise.ELEMENTWISE)
def test_a_neighbour_of_the_right_value_is_within_one_and_a_half(name: str) -> None:
    def neighbour(x: FloatArray) -> FloatArray:
        reference = exact_values(name, 0, x)
        rounded = to_type(round_to(reference.high, reference.low, "float32"), "float32")
        return np.where(np.isfinite(rounded), np.nextafter(rounded, np.float32(0)), rounded)

    judgement = verdict(name, "float32", neighbour)
    assert 0 < judgement.max_error <= 1.5
    assert judgement.max_distance == 1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_float32_arithmetic_rounded_once_passes_exhaustively(dtype: str) -> None:
    def silu(x: FloatArray) -> FloatArray:
        wide = x.astype(np.float32)
        share = np.exp(-np.abs(wide))
        gate = np.where(wide >= 0, np.float32(1), share) / (1 + share)
        return np.where(wide == -np.inf, np.float32(-0.0), wide * gate).astype(x.dtype)

    judgement = verdict("silu", dtype, silu, x=inputs.sweep(dtype))
    assert judgement.passed
    assert judgement.count == 65_536


# --- monotone, scaled, floored ---


def test_error_grows_with_the_distance() -> None:
    right = 0.3
    steps = [float(np.float32(right)) + step * 2.0**-25 for step in (0, 1, 2, 3, 10, 1000)]
    errors = [one(y, right).max_error for y in steps]
    assert errors == sorted(errors)
    assert len(set(errors)) == len(errors)
    assert errors[0] == 0
    assert errors[2] == pytest.approx(2.0, abs=0.5)


def test_error_is_in_ulps_and_discounts_the_conditioning() -> None:
    assert one(1.0 + 3 * 2.0**-23, 1.0).max_error == 3.0
    assert one(1.0 + 3 * 2.0**-23, 1.0, slope=2.0).max_error == 1.5
    assert one(1.0 + 3 * 2.0**-23, 1.0, floor="eps").max_error == 1.5
    assert one(1.0 + 3 * 2.0**-23, 1.0, slope=2.0, x=math.inf).max_error == 3.0


def test_the_low_part_counts() -> None:
    y = 1.0 + 2.0**-52
    assert one(y, 1.0, low=2.0**-54, dtype="float64").max_error == 0.75
    assert one(y, 1.0, low=-(2.0**-54), dtype="float64").max_error == 2.5


def test_the_floor_forgives_only_what_is_tiny() -> None:
    assert one(0.0, 1e-9, floor="eps", budget=1.0).passed
    assert not one(0.0, 1e-9, floor=0, budget=1e6).passed


def test_a_budget_of_zero_accepts_only_the_rounded_value() -> None:
    assert one(float(np.float32(0.1)), 0.1, budget=0.0).passed
    assert not one(float(np.nextafter(np.float32(0.1), np.float32(0))), 0.1, budget=0.0).passed


# --- faults ---


@pytest.mark.parametrize(
    ("y", "exact", "fault"),
    [
        (math.nan, 1.0, "nan_for_number"),
        (math.nan, math.inf, "nan_for_number"),
        (1.0, math.nan, "number_for_nan"),
        (math.inf, math.nan, "number_for_nan"),
        (math.inf, 3.4028234e38, "finiteness"),
        (-math.inf, 0.0, "finiteness"),
        (1e38, 1e39, "finiteness"),
        (-1.0, 1.0, "wrong_sign"),
        (-1e-37, 1e-30, "wrong_sign"),
        (-math.inf, math.inf, "wrong_sign"),
    ],
)
def test_faults_are_infinite_errors(y: float, exact: float, fault: str) -> None:
    floors: tuple[Floor, ...] = ("eps", 0.0)
    for floor in floors:
        judgement = one(y, exact, budget=5.0 if fault == "wrong_sign" else 1e30, floor=floor)
        assert charged(judgement) == [fault]
        assert judgement.max_error == math.inf
        assert not judgement.passed


def test_an_overflow_may_saturate_but_a_limit_may_not() -> None:
    largest = float(np.finfo(np.float32).max)
    assert one(math.inf, 1e39).max_error == 0
    assert one(largest, 1e39).max_error == 1
    assert charged(one(largest, math.inf, x=math.inf)) == ["finiteness"]
    assert charged(one(-largest, 1e39)) == ["wrong_sign"]


def test_a_crossing_may_flip_the_sign_but_a_subnormal_or_zero_has_none() -> None:
    assert one(-1e-8, 1e-8, slope=1.0).passed
    assert not one(-1e-8, 1e-8, slope=0.0).passed
    assert one(-1e-45, 1e-45).passed
    assert one(-0.0, 1e-45).passed
    assert charged(one(-0.0, 1.0)) == []
    assert not one(-0.0, 1.0).passed


def test_an_exact_bound_may_not_be_exceeded_at_all() -> None:
    above = 1.0 + 2.0**-23
    assert charged(one(above, 1.0, bounds=(0.0, 1.0))) == ["out_of_range"]
    assert one(1.0, 1.0 - 2.0**-26, bounds=(0.0, 1.0)).passed
    assert charged(one(-1e-45, 1e-45, bounds=(0.0, 1.0))) == ["out_of_range"]
    assert one(-0.0, 1e-45, bounds=(0.0, 1.0)).passed


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_rounded_bound_has_the_budgets_room(dtype: str) -> None:
    low = value_range("gelu", 0)[0]
    nearest = float(widen(to_type(np.array([low]), dtype))[0])
    step = FORMATS[dtype].epsilon / 8
    bounds = (low, math.inf)
    assert one(nearest - 2 * step, low, dtype=dtype, bounds=bounds).classes["out_of_range"] == 0
    assert charged(one(nearest - 4 * step, low, dtype=dtype, bounds=bounds)) == ["out_of_range"]


def test_each_output_has_at_most_one_fault() -> None:
    judgement = one(-math.inf, 1.0, bounds=(0.0, 1.0))
    assert sum(judgement.classes.values()) == judgement.failures == 1
    assert tuple(judgement.classes) == CLASSES


def test_the_report_points_at_the_worst() -> None:
    x = np.array([1.0, 2.0, 3.0], dtype=np.float32)
    y = x + np.array([0.0, 1.0, 0.0], dtype=np.float32)
    judgement = verdict("identity", "float32", lambda _: y, x=x)
    assert (judgement.worst_index, judgement.worst_x) == (1, 2.0)
    assert (judgement.got, judgement.want, judgement.worst_distance) == (3.0, 2.0, 2.0**22)
    assert (judgement.count, judgement.failures) == (3, 1)


def test_shapes_must_agree() -> None:
    zeros = np.zeros(3)
    with pytest.raises(ValueError, match="shapes differ"):
        judge(
            zeros[:2],
            elementwise.Reference(zeros, zeros),
            zeros,
            "float32",
            zeros,
            floor=0,
            budget=1.0,
            value_range=(0.0, 1.0),
        )


def test_nothing_to_judge_passes() -> None:
    judgement = verdict("identity", "float32", lambda x: x, x=np.zeros(0, np.float32))
    assert judgement.passed
    assert judgement.count == 0


# --- formulas that are known to be wrong, and their sound twins ---


def tanh_slope(x: Array32) -> Array32:
    power: Array32 = np.exp(-2 * np.abs(x))
    return 4 * power / (1 + power) ** 2


BROKEN: dict[str, tuple[str, int, Formula]] = {
    "sigmoid' as s(1-s)": (
        "sigmoid",
        1,
        lambda x: 1 / (1 + np.exp(-x)) * (1 - 1 / (1 + np.exp(-x))),
    ),
    "softplus as log(1+exp)": ("softplus", 0, lambda x: np.log(1 + np.exp(x))),
    "elu as exp-1": ("elu", 0, lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    "tanh' as 1-t^2": ("tanh", 1, lambda x: 1 - np.tanh(x) ** 2),
    "silu that is NaN at -inf": ("silu", 0, lambda x: x / (1 + np.exp(-x))),
    "relu that turns NaN into 0": ("relu", 0, lambda x: np.where(x > 0, x, np.float32(0))),
    "relu' that is 1 at 0": ("relu", 1, lambda x: np.where(x >= 0, np.float32(1), np.float32(0))),
    "selu' as MXNet's": (
        "selu",
        1,
        lambda x: np.where(x > 0, 1.0507, 1.0507 * 1.67326 * np.exp(x) * 1.05).astype(np.float32),
    ),
    "leaky_relu with Keras's slope": ("leaky_relu", 0, lambda x: np.where(x > 0, x, x * 0.2)),
}
SOUND: dict[str, tuple[str, int, Formula]] = {
    "sigmoid' as two sigmoids": (
        "sigmoid",
        1,
        lambda x: np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2,
    ),
    "softplus": ("softplus", 0, lambda x: np.logaddexp(x, np.float32(0))),
    "elu": ("elu", 0, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
    "tanh": ("tanh", 0, np.tanh),
    "tanh'": ("tanh", 1, tanh_slope),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_formulas_fail(case: str) -> None:
    name, order, formula = BROKEN[case]
    assert not verdict(name, "float32", formula, order=order).passed


@pytest.mark.parametrize("case", SOUND)
def test_sound_formulas_pass(case: str) -> None:
    name, order, formula = SOUND[case]

    def with_nan(x: Array32) -> Array32:
        return np.where(np.isnan(x), x, formula(x))

    assert verdict(name, "float32", with_nan, order=order).passed


# --- rows ---


def row_verdict(name: str, formula: Formula) -> list[Judgement]:
    judgements = []
    for x in inputs.rows("float32"):
        wide = widen(x)
        half = 0.5 * ulp(np.where(np.isfinite(wide), wide, 0.0), 0.0, "float32")
        reference, slack = rows(name, 0, wide, half_ulp_x=half)
        with np.errstate(all="ignore"):
            y = formula(x)
        judgements.append(
            judge_with_slack(
                y,
                reference,
                x,
                "float32",
                slack,
                floor="eps",
                budget=budgets.budget(name, 0, "float32", length=x.shape[1]),
                value_range=value_range(name, 0),
            )
        )
    return judgements


def softmax(x: Array32) -> Array32:
    powers: Array32 = np.exp(x - x.max(axis=-1, keepdims=True))
    total: Array32 = powers.sum(axis=-1, keepdims=True)
    return powers / total


def log_softmax(x: Array32) -> Array32:
    shifted: Array32 = x - x.max(axis=-1, keepdims=True)
    total: Array32 = np.exp(shifted).sum(axis=-1, keepdims=True)
    normaliser: Array32 = np.log(total)
    return shifted - normaliser


def test_sound_rows_pass() -> None:
    assert all(judgement.passed for judgement in row_verdict("softmax", softmax))
    assert all(judgement.passed for judgement in row_verdict("log_softmax", log_softmax))


def test_broken_rows_fail() -> None:
    def unshifted(x: Any) -> Any:
        return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)

    def above_zero(x: Array32) -> Array32:
        return log_softmax(x) + np.float32(1.43e-6)

    assert not any(judgement.passed for judgement in row_verdict("softmax", unshifted))
    assert all(
        judgement.classes["out_of_range"] for judgement in row_verdict("log_softmax", above_zero)
    )


# --- budgets ---


def test_every_activation_has_a_budget() -> None:
    named = {activation.name for activation in ACTIVATIONS}
    assert set(RECORDS) == named
    assert {record.tier for record in RECORDS.values()} <= set(budgets.tiers())
    weights = {f"{a.name}.{w}" for a in ACTIVATIONS for w in a.weights}
    for name in named | weights:
        for order in (0, 1, 2):
            for dtype in FORMATS:
                assert 0 <= budgets.budget(name, order, dtype) <= 16


def test_tiers() -> None:
    assert list(budgets.tiers()) == [
        *("exact", "scaled", "drawn", "rational"),
        *("elementary", "elementary_tanh", "composed", "composed_tanh", "summed"),
    ]
    for order in (0, 1, 2):
        wide = [tier.wide[order] for tier in budgets.tiers().values()]
        assert wide == sorted(wide)
    assert budgets.budget("tanh", 0, "float32") == 3
    assert budgets.budget("gelu", 0, "bfloat16") == 1
    assert budgets.budget("third_party", 1, "float64") == 10


def test_only_reductions_grow() -> None:
    assert budgets.budget("softmax", 0, "float32", length=11) == 9
    assert budgets.budget("gelu", 0, "float32", length=11) == 4


def test_shared_code_has_to_be_better() -> None:
    assert budgets.shared_budget("kernel", 0, "float32") == 0.51
    assert budgets.shared_budget("kernel", 1, "bfloat16") == 0.51
    assert budgets.shared_budget("table", 1, "float16") == 0  # rounded correctly
    for code, order, dtype in [
        ("kernel", 0, "float64"),
        ("kernel", 2, "float32"),
        ("", 0, "float32"),
    ]:
        assert math.isinf(budgets.shared_budget(code, order, dtype))
