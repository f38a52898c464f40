"""Regions and percentiles: what a judgement tells besides the worst output."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unified_act_conformance.floats import round_to, to_type, widen
from unified_act_conformance.judge.statistics import (
    PERCENTILES,
    percentiles_of,
    percentiles_together,
)
from unified_act_conformance.judge.verdict import judge_problem, worse
from unified_act_conformance.problems.pose import problem_at, problems_for
from unified_act_conformance.problems.regions import (
    REGIONS,
    Tally,
    region_codes,
    tally,
    tally_together,
)
from unified_act_conformance.subject.cases import Case, Subject


def test_each_input_has_one_region() -> None:
    x = np.array([math.nan, -math.inf, 0.0, 1e-40, -20.0, 1.0, 6.0, -0.0])
    want = np.array([math.nan, -0.0, 0.0, 1e-40, -1e-40, 1.0, 6.0, -0.0])
    found = [REGIONS[code] for code in region_codes(x, want, (6.0,), "float32")]
    expected = ["nan", "infinite", "zero", "subnormal", "subnormal", "normal", "kink", "zero"]
    assert found == expected
    assert REGIONS[region_codes(np.array([-0.0]), np.zeros(1), (0.0,), "float32")[0]] == "kink"
    assert REGIONS[region_codes(np.array([1e-40]), np.ones(1), (), "float64")[0]] == "normal"


def test_tallies_add_up() -> None:
    codes = np.array([0, 2, 2, 5, 5, 5], dtype=np.int8)
    found = tally(codes, np.array([False, True, False, False, False, True]))
    assert found["kink"] == Tally(2, 1)
    assert found["normal"] == Tally(3, 1)
    assert found["zero"] == Tally(0, 0)
    assert tally_together(found, found)["normal"] == Tally(6, 2)


def test_a_judgement_counts_failures_by_region() -> None:
    case = Case(Subject("relu"), "", "float32", 1)
    (problem,) = problems_for(case, quick=True)
    reference = problem.reference
    right = to_type(round_to(reference.high, reference.low, "float32"), "float32")
    x = widen(problem.inputs[0])
    at_kink = judge_problem(case, "fast", problem, np.where(x == 0, np.float32(1), right))
    assert at_kink.worst_region == "kink"
    assert at_kink.regions["kink"] == Tally(2, 2)
    flushed = np.where((x > 0) & (x < 1e-38), np.float32(0), right)
    found = judge_problem(case, "fast", problem, flushed)
    assert found.worst_region == "subnormal"
    assert found.failures == found.regions["subnormal"].failures > 10
    assert sum(region.count for region in found.regions.values()) == found.count


def test_percentiles_are_of_the_numbers_themselves() -> None:
    values = np.random.default_rng(0).permutation(np.arange(1.0, 1001.0))
    assert percentiles_of(values) == {"p50": 500.0, "p99": 990.0, "p99.9": 999.0}
    assert percentiles_of(np.array([3.0])) == dict.fromkeys(PERCENTILES, 3.0)
    assert percentiles_of(np.array([1.0, math.inf]))["p99"] == math.inf


def test_a_judgement_has_percentiles_below_its_maximum() -> None:
    case = Case(Subject("identity"), "", "float32", 0)
    x = np.arange(1, 1001, dtype=np.float32)
    y = x.copy()
    y[:20] = np.nextafter(y[:20], np.float32(np.inf))
    y[0] = 2.0
    found = judge_problem(case, "strict", problem_at(case, [x]), y)
    assert found.distances == {"p50": 0.0, "p99": 1.0, "p99.9": 1.0}
    assert found.max_distance == 2.0**23
    assert 0 == found.errors["p50"] < found.errors["p99"] <= found.errors["p99.9"]
    assert found.errors["p99.9"] < found.max_error


def test_of_two_judgements_the_larger_percentiles_count() -> None:
    case = Case(Subject("identity"), "", "float32", 0)
    x = np.arange(1, 11, dtype=np.float32)
    problem = problem_at(case, [x])
    off = judge_problem(case, "strict", problem, np.nextafter(x, np.float32(0)))
    right = judge_problem(case, "strict", problem, x)
    together = worse(right, off)
    assert together.distances == percentiles_together(right.distances, off.distances)
    assert together.distances["p50"] == 1.0
    assert together.regions["normal"] == Tally(20, 10)


@pytest.mark.parametrize("name", ["softmax", "prelu"])
def test_activations_of_several_calls_have_them_too(name: str) -> None:
    for problem in problems_for(Case(Subject(name), "", "float32", 0)):
        assert problem.regions.shape == problem.about.shape
