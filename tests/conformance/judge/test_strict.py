"""In strict, what the code that backends share computes is rounded once, or correctly."""

import math

import pytest

from unified_act.kernels import unavailable
from unified_act_conformance.judge import runner
from unified_act_conformance.subject.cases import Case, Subject, list_cases
from unified_act_conformance.subject.implementation import function_of_users
from unified_act_conformance.truth.records import list_subjects

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there are kernels")

every_subject = pytest.mark.parametrize("subject", list_subjects(), ids=str)


def assert_accurate(subject, backends, quick):
    for result in runner.run(
        list_cases([subject], backends, (0, 1)), numerics="strict", quick=quick
    ):
        assert result.passed, result.problem
        if result.case.part == "x":
            assert result.budget <= 0.51


@every_subject
def test_float32_at_few_inputs(subject):
    assert_accurate(subject, {"numpy": ["float32"]}, quick=True)


@pytest.mark.exhaustive
@every_subject
def test_every_type(subject):
    dtypes = ["float16", "bfloat16", "float32"]
    # The code is the same on each: `unified-act conformance same` compares their bits.
    first = subject == list_subjects([subject.activation])[0]
    backends = ["numpy", "torch", "tensorflow"] if first else ["numpy"]
    assert_accurate(subject, dict.fromkeys(backends, dtypes), quick=False)


@pytest.mark.parametrize(
    ("case", "budget"),
    [
        (Case(Subject("gelu"), "numpy", "float32", 1), 0.51),
        (Case(Subject("gelu"), "torch", "bfloat16", 0), 0.0),
        (Case(Subject("glu"), "tensorflow", "float16", 0), 0.51),
        (Case(Subject("softmax", (("axis", 0),)), "torch", "float32", 0), 0.51),
        (Case(Subject("relu"), "numpy", "float32", 0), 0.0),  # its tier allows nothing
        (Case(Subject("gelu"), "numpy", "float64", 0), 4.0),
        (Case(Subject("gelu"), "torch", "float32", 2), 16.0),
        (Case(Subject("star_relu"), "numpy", "bfloat16", 1, "scale"), 32.5),
        (Case(Subject("gelu"), "jax", "float32", 0), 4.0),
    ],
    ids=str,
)
def test_the_budget_is_that_of_the_code(case, budget):
    (result,) = runner.run([case], numerics="strict", quick=True)
    assert result.budget == budget


def test_no_other_implementation_has_to_be_as_good():
    case = Case(Subject("gelu"), "numpy", "float32", 0)
    (fast,) = runner.run([case], quick=True)
    function = function_of_users(lambda x: x)
    (users,) = runner.run([case], numerics="strict", quick=True, implement=function)
    assert fast.budget == users.budget == 4.0


def test_a_larger_error_fails(monkeypatch):
    monkeypatch.setattr(runner, "shared_budget", lambda code, *_: 0.2 if code else math.inf)
    case = Case(Subject("gelu"), "numpy", "float32", 0)
    (result,) = runner.run([case], numerics="strict", quick=True)
    assert "above 0.2 at x=" in result.problem
