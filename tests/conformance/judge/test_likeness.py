"""What all outputs say together where no budget tells two functions apart: in 16 bits, in fast."""

from __future__ import annotations

import numpy as np
import pytest

import unified_act as ua
from unified_act_conformance.judge.likeness import inseparable, mistaken_for
from unified_act_conformance.judge.runner import run
from unified_act_conformance.mutants.base import on_numpy
from unified_act_conformance.problems.pose import problems_for
from unified_act_conformance.subject.cases import Case, Subject
from unified_act_conformance.subject.implementation import function_of_users

GELU, GELU_TANH = Subject("gelu"), Subject("gelu_tanh")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(("subject", "other"), [(GELU, GELU_TANH), (GELU_TANH, GELU)])
def test_the_run_names_the_sibling(dtype: str, subject: Subject, other: Subject) -> None:
    impostor = ua.get_activation(other.activation, backend="numpy")

    def slope(sound, cotangent, x):
        return ua.value_and_grad(impostor, x, cotangent=cotangent)[1]

    mutant = on_numpy("", subject, impostor, slope)
    cases = [Case(subject, "numpy", dtype, order) for order in (0, 1)]
    value, gradient = run(cases, implement=mutant.implement)
    assert value.judgement is not None
    assert value.judgement.passed  # no budget says so
    assert value.problem == f"matches {other}"
    assert gradient.problem.endswith(f"matches {other}")
    assert all(result.passed for result in run(cases))


def test_second_derivatives_too() -> None:
    impostor = ua.get_activation("gelu_tanh", backend="torch")
    case = Case(GELU, "torch", "bfloat16", 2)
    (result,) = run([case], implement=function_of_users(impostor))
    assert result.problem == "matches gelu_tanh"


def test_budgets_tell_nearly_all_siblings_apart() -> None:
    assert inseparable(GELU, "float16", 0, "fast") == (GELU_TANH,)
    assert inseparable(GELU, "float16", 0, "strict") == ()
    assert inseparable(GELU, "float32", 0, "fast") == ()
    # One function by two names, or of which this derivative is the same, is not to be told apart.
    assert inseparable(Subject("quick_gelu"), "float16", 0, "fast") == ()
    assert inseparable(Subject("relu"), "float32", 2, "fast") == ()
    assert inseparable(Subject("softmax"), "float32", 0, "fast") == ()


def test_what_is_not_chosen_says_nothing() -> None:
    case = Case(GELU, "", "bfloat16", 0)
    (problem,) = problems_for(case)
    theirs = ua.get_activation("gelu_tanh", backend="numpy")(problem.inputs[0])
    everywhere, nowhere = (np.full(theirs.shape, value) for value in (True, False))
    assert mistaken_for(case, "fast", problem, theirs, everywhere) == GELU_TANH
    assert mistaken_for(case, "fast", problem, theirs, nowhere) is None
