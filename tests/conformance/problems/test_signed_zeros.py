"""The sign of a zero: where it is determined, and that the other zero is a fault in strict."""

from __future__ import annotations

import math

import numpy as np
import pytest

import unified_act as ua
from unified_act_conformance.floats import round_to, to_type
from unified_act_conformance.harness import load_harness
from unified_act_conformance.judge.measure import Judgement
from unified_act_conformance.judge.verdict import judge_problem
from unified_act_conformance.problems.pose import Problem, problem_at
from unified_act_conformance.problems.signed_zeros import signed_zeros
from unified_act_conformance.subject.cases import Case, Subject
from unified_act_conformance.truth.exact import truth_of

INF = math.inf


def is_signed(subject: Subject, x: float, order: int = 0) -> bool:
    truth, points = truth_of(subject), np.array([x])
    assert truth is not None
    return bool(signed_zeros(truth, order, points, truth.evaluate(order, points))[0])


@pytest.mark.parametrize(
    ("name", "x"),
    [
        *(("tanh", 0.0), ("tanh", -0.0), ("hard_tanh", -0.0), ("hard_silu", -0.0)),
        *(("gelu", -40.0), ("gelu", -1e300), ("gelu", -INF), ("silu", -INF), ("sigmoid", -INF)),
        *(("softplus", -1e300), ("log_sigmoid", INF), ("leaky_relu", -5e-324)),
    ],
)
def test_a_tail_and_a_crossing_have_a_sign(name: str, x: float) -> None:
    assert is_signed(Subject(name), x)


@pytest.mark.parametrize(
    ("name", "x"),
    [
        *(("relu", -1.0), ("relu", -0.0), ("relu", 0.0), ("relu", -INF), ("relu6", -2.0)),
        *(("hard_silu", -3.0), ("hard_silu", -INF), ("hard_sigmoid", -4.0)),
    ],
)
def test_a_function_that_is_0_all_along_has_none(name: str, x: float) -> None:
    assert not is_signed(Subject(name), x)


def test_a_minimum_at_0_has_none() -> None:
    bent = Subject("leaky_relu", (("negative_slope", -0.5),))
    assert not is_signed(bent, 0.0)
    assert not is_signed(bent, -0.0)


def test_derivatives_have_one_in_their_tails_only() -> None:
    assert is_signed(Subject("gelu"), -1e300, order=1)
    assert is_signed(Subject("tanh"), 1e300, order=2)
    assert not is_signed(Subject("tanh"), 0.0, order=2)
    assert not is_signed(Subject("relu"), -1.0, order=1)


def test_of_a_users_definition_only_what_is_not_0_has_one() -> None:
    truth = truth_of(Subject("gelu"), lambda xp, x: x * xp.erfc(-x / math.sqrt(2.0)) / 2.0)
    assert truth is not None
    x = np.array([-0.0, -8.0])
    assert signed_zeros(truth, 0, x, truth.evaluate(0, x)).tolist() == [False, True]


def perfect_and_other(case: Case) -> tuple[Problem, np.ndarray, np.ndarray]:
    x = to_type(np.array([-INF, -1e4, -1.0, -0.0, 0.0, 1.0]), case.dtype)
    problem = problem_at(case, [x])
    right = to_type(round_to(problem.reference.high, problem.reference.low, case.dtype), case.dtype)
    return problem, right, np.where(right == 0, -right, right)


def judged(case: Case, numerics: str, problem: Problem, output: np.ndarray) -> Judgement:
    return judge_problem(case, numerics, problem, output)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_other_zero_is_a_fault_in_strict_and_counted_in_fast(dtype: str) -> None:
    case = Case(Subject("gelu"), "", dtype, 0)
    problem, right, other = perfect_and_other(case)
    for numerics in ("fast", "strict"):
        assert judged(case, numerics, problem, right).signed_zeros == 0
        assert judged(case, numerics, problem, right).passed
    strict, fast = judged(case, "strict", problem, other), judged(case, "fast", problem, other)
    assert strict.classes["signed_zero"] == strict.failures == strict.signed_zeros == 4
    assert strict.max_error == INF
    assert fast.passed
    assert fast.classes["signed_zero"] == 0
    assert fast.signed_zeros == 4


def test_the_other_zero_of_a_derivative_is_counted_only() -> None:
    case = Case(Subject("gelu"), "", "float32", 1)
    problem, _, other = perfect_and_other(case)
    found = judged(case, "strict", problem, other)
    assert found.passed
    assert found.signed_zeros == 2  # at -inf and at -1e4


def test_either_zero_is_right_where_none_is_determined() -> None:
    case = Case(Subject("relu"), "", "float32", 0)
    problem, _, other = perfect_and_other(case)
    assert judged(case, "strict", problem, other).signed_zeros == 0


@pytest.mark.parametrize("backend", ["numpy", "torch", "tensorflow", "mxnet"])
def test_log_sigmoid_keeps_the_sign_of_its_tail(backend: str) -> None:
    harness = load_harness(backend)
    x = harness.to_native(np.array([800.0, INF, -INF, 0.0]), "float64")
    y = harness.to_numpy(ua.get_activation("log_sigmoid", numerics="strict")(x), "float64")
    np.testing.assert_array_equal(y, [-0.0, -0.0, -INF, -math.log(2.0)])
    assert np.signbit(y).all()
