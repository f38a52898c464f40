"""The exact answers for many elements are those that the oracle gives for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unified_act.registry import ACTIVATIONS
from unified_act_conformance.dimensions import pose, rows
from unified_act_conformance.dimensions.answer import LARGEST, scattered, shape_of
from unified_act_conformance.dimensions.pose import pose_for
from unified_act_conformance.dimensions.setting import dimensions_of
from unified_act_conformance.floats import widen
from unified_act_conformance.problems import joint_problem, problem_at
from unified_act_conformance.truth import LONG_ROWS, list_subjects

SELECTING = ("crelu", "maxout")


def setting_of(name: str, **values: Any) -> Mapping[str, Any]:
    (base, *_) = list_subjects([name])
    dimensions = dimensions_of(ACTIVATIONS.find(name), base.parameters)
    return {**{d.name: d.values[0] for d in dimensions}, **values}


def assert_same(name: str, setting: Mapping[str, Any]) -> None:
    case, posed = pose_for(name, setting)
    for answer in posed.answers:
        about = replace(case, part=answer.part)
        if ACTIVATIONS.find(name).kind.elementwise:
            direct = problem_at(about, [posed.inputs[0].reshape(-1)])
            signs = 1.0 if posed.cotangent is None else widen(posed.cotangent).reshape(-1)
            high, slack = direct.reference.high * signs, direct.slack
        else:
            x, *further = posed.inputs
            whole = [np.broadcast_to(a, x.shape) if a.dtype == np.bool_ else a for a in further]
            direct = joint_problem(about, [x, *whole], posed.cotangent, posed.directions or None)
            high, slack = direct.reference.high.reshape(-1), direct.slack.reshape(-1)
        codes = answer.codes.reshape(-1)
        found = answer.problem.reference.high[codes]
        np.testing.assert_allclose(found, high, rtol=4e-16, atol=1e-300)
        exact = name in SELECTING  # no input that moves by half an ulp is excused there
        wanted = 0.0 * slack if exact else slack
        np.testing.assert_allclose(answer.problem.slack[codes], wanted, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("name", LONG_ROWS)
def test_rows(name: str, order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "ENDS", {})  # which the oracle of single rows does not take
    monkeypatch.setattr(pose, "_posed", pose._posed.__wrapped__)
    place = (3, -3) if name == "softmax2d" else (2, 0)
    assert_same(name, setting_of(name, order=order, row=6, place=place))


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("mask", ["row", "column", "fewer"])
def test_masks_of_fewer_dimensions(mask: str, order: int) -> None:
    assert_same("masked_softmax", setting_of("masked_softmax", order=order, row=5, mask=mask))


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("name", ["glu", "swiglu", "rrelu", "prelu", "snake", "xielu", "gelu"])
def test_elements(name: str, order: int) -> None:
    values = {"channels": 5} if ACTIVATIONS.find(name).weights else {}
    assert_same(name, setting_of(name, order=order, dtype="float64", elements=30, **values))


@pytest.mark.parametrize("name", SELECTING)
def test_selections(name: str) -> None:
    for order in (0, 1):
        assert_same(name, setting_of(name, order=order, row=6, place=(3, 1)))


def test_noise_of_0_and_1_is_replaced_by_the_numbers_next_to_them() -> None:
    setting = setting_of("gumbel_softmax", dtype="float64", row=12, place=(2, 1))
    _, found = pose_for("gumbel_softmax", setting)
    x, noise = found.inputs
    assert {0.0, 1.0} <= set(noise.reshape(-1))
    for end, instead in rows.ENDS.items():
        noise = np.where(noise == end, instead, noise)
    shares = np.exp(x) / -np.log(noise)
    shares /= shares.sum(axis=1, keepdims=True)
    (answer,) = found.answers
    np.testing.assert_allclose(answer.problem.reference.high[answer.codes], shares, rtol=1e-12)


def test_a_long_row_adds_up() -> None:
    _, posed = pose_for("softmax", setting_of("softmax", dtype="float64", row=70_000))
    (answer,) = posed.answers
    values = answer.problem.reference.high[answer.codes]
    sums = values.sum(axis=posed.inputs[0].shape.index(70_000))
    np.testing.assert_allclose(sums, 1.0, rtol=1e-12)


def test_a_sum_over_half_a_million_elements_is_exact() -> None:
    setting = setting_of("prelu", dtype="float64", order=1, elements=600_000)
    _, posed = pose_for("prelu", setting)
    by_weight = next(answer for answer in posed.answers if answer.part == "weight")
    x, cotangent = widen(posed.inputs[0]), posed.cotangent
    assert cotangent is not None
    assert x.size >= 600_000
    terms = np.where(x > 0, 0.0, x * widen(cotangent))
    np.testing.assert_allclose(by_weight.problem.reference.high, terms.sum(), rtol=1e-12)


@pytest.mark.parametrize("different", [1, 5, 7, 119, 7 * 11, 7 * 11 * 13])
def test_every_number_occurs(different: int) -> None:
    codes = scattered((2, different), different, 3)
    assert set(codes.reshape(-1)) == set(range(different))


def test_no_array_is_larger_than_its_elements_or_its_row_demand() -> None:
    """A batch and a row at once would be millions."""
    setting = setting_of("geglu", row=2_100, batch=70, place=(5, -4), elements=70_000)
    shape = shape_of(setting, setting["row"])
    assert len(shape) == 5
    assert 70_000 <= np.prod(shape) <= LARGEST


@pytest.mark.parametrize("different", [1, 5, 3 * rows.FEW])
@pytest.mark.parametrize("with_nan", [False, True])
def test_a_row_is_made_of_its_different_columns(different, with_nan):
    length = 200
    numbers = np.random.default_rng(0).normal(size=different)
    row = np.zeros((3, length))
    row[0] = numbers[np.arange(length) * 7 % different]
    row[2] = np.arange(length) % 3 == 1
    if with_nan:
        row[0, length // 2] = np.nan
    columns, codes, counts = rows._different(row)
    np.testing.assert_array_equal(columns[:, codes], row)
    np.testing.assert_array_equal(np.bincount(codes), counts)
    assert len({column.tobytes() for column in columns.T}) == counts.size
