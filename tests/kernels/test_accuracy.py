"""Kernels against the oracle, at the inputs of the suite."""

import numpy as np
import pytest

from tests.kernels.running import call, kernel_of, results_of
from unified_act.kernels import unavailable
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.judge import judge_problem
from unified_act_conformance.judge.verdict import budget_of
from unified_act_conformance.problems import problems_for
from unified_act_conformance.subject import Case
from unified_act_conformance.truth import list_subjects

SUBJECTS = [
    subject for subject in list_subjects() if ACTIVATIONS.find(subject.activation).kind.elementwise
]
FEW = ("gelu", "tanh", "mish", "softplus", "laplace", "sqrt_softplus", "elu(alpha=0.5)")
ROUNDED_ONCE = 0.51
"""What is left of an error where a number is rounded once, in units of `judge.measure`."""


@pytest.mark.quick(
    lambda subject, dtype, order: str(subject) in FEW or (dtype == "float32" and order < 2)
)
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_worst_error(subject, dtype, order):
    check(subject, dtype, order, quick=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_worst_error_at_all_inputs(subject, dtype, order):
    check(subject, dtype, order, quick=False)


JOINT = [
    subject
    for subject in list_subjects()
    if not ACTIVATIONS.find(subject.activation).kind.elementwise
    and subject.activation not in ("crelu", "maxout")
]


@pytest.mark.quick(lambda subject, dtype, order: dtype == "float32" and not subject.parameters)
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("subject", JOINT, ids=str)
def test_worst_error_of_several_inputs(subject, dtype, order):
    activation = ACTIVATIONS.find(subject.activation)
    if unavailable(activation, dict(subject.parameters), dtype, order):
        assert "hard" in str(subject)  # it counts how many of the largest come first
        return
    for place, part in enumerate(activation.differentiated if order else ("x",)):
        case = Case(subject, "numpy", dtype, order, part)
        for problem in problems_for(case, quick=True):
            with np.errstate(all="ignore"):
                found = results_of(
                    subject.activation, subject.parameters, problem.inputs, problem.cotangent
                )
            output = found[place] if order else found
            judged = judge_problem(case, "strict", problem, output)
            assert judged.passed, judged
            once = dtype == "float32" and part == "x"  # the gradient by a weight is a sum
            assert judged.max_error <= (ROUNDED_ONCE if once else budget_of(case, problem.length))


def check(subject, dtype, order, quick):
    kernel = kernel_of(subject.activation, subject.parameters, dtype, order)
    case = Case(subject, "numpy", dtype, order)
    (problem,) = problems_for(case, quick)
    (x,) = problem.inputs
    output = call(kernel, x, *([np.ones_like(x)] if order else []))
    judged = judge_problem(case, "strict", problem, output)
    assert judged.passed, judged
    assert judged.max_error <= (ROUNDED_ONCE if dtype == "float32" else budget_of(case)), judged
