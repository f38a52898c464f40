"""What all outputs say together where no budget tells two functions apart: in 16 bits, in fast."""

from __future__ import annotations

import numpy as np
import pytest

import unified_act as ua
from tests.faulty import faulty
from unified_act_conformance import inputs
from unified_act_conformance.floats import float_format, round_to, to_type, widen
from unified_act_conformance.judge.likeness import (
    NEGLIGIBLE,
    inseparable,
    mistaken_for,
    siblings_of,
)
from unified_act_conformance.judge.runner import run
from unified_act_conformance.judge.verdict import judge_problem
from unified_act_conformance.problems.pose import problem_at, problems_for
from unified_act_conformance.subject.cases import DTYPES, Case, Subject
from unified_act_conformance.subject.implementation import function_of_users
from unified_act_conformance.truth.records import RECORDS, family_members

GELU, GELU_TANH = Subject("gelu"), Subject("gelu_tanh")
FAMILIES = dict.fromkeys(family for record in RECORDS.values() for family in record.families)
SIBLINGS = list(dict.fromkeys(member for f in FAMILIES for member in family_members(f)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(("subject", "other"), [(GELU, GELU_TANH), (GELU_TANH, GELU)])
def test_the_run_names_the_sibling(dtype: str, subject: Subject, other: Subject) -> None:
    impostor = ua.get_activation(other.activation, backend="numpy")

    def slope(sound, cotangent, x):
        return ua.value_and_grad(impostor, x, cotangent=cotangent)[1]

    cases = [Case(subject, "numpy", dtype, order) for order in (0, 1)]
    value, gradient = run(cases, implement=faulty(impostor, slope))
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


CAUSES = [
    ("gelu", "gelu_tanh", {}, "matches gelu_tanh"),
    ("gelu", "quick_gelu", {}, "matches quick_gelu"),
    ("gelu_tanh", "gelu", {}, "matches gelu"),
    ("quick_gelu", "silu", {}, "matches silu"),
    ("silu", "mish", {}, "matches mish"),
    ("silu", "hard_silu", {}, "matches hard_silu"),
    ("hard_sigmoid", "hard_sigmoid", {"alpha": 0.2}, "matches hard_sigmoid(alpha=0.2)"),
    ("leaky_relu", "leaky_relu", {"negative_slope": 0.3}, "matches leaky_relu(negative_slope=0.3)"),
    ("selu", "elu", {}, "matches elu"),
    ("relu6", "relu", {}, "matches relu"),
]


def judged(subject: Subject, value, gradient=None, dtype: str = "float32", order: int = 0) -> str:
    case, implement = Case(subject, "numpy", dtype, order), faulty(value, gradient)
    (result,) = run([case], quick=True, implement=implement)
    return result.problem


@pytest.mark.parametrize(("name", "other", "parameters", "cause"), CAUSES)
def test_the_wrong_variant_is_named(name, other, parameters, cause) -> None:
    variant = ua.get_activation(other, backend="numpy", **parameters)
    assert judged(Subject(name), variant).endswith(cause)


def test_an_ignored_parameter_is_named() -> None:
    subject = Subject("elu", (("alpha", 0.25),))
    assert judged(subject, ua.get_activation("elu", backend="numpy")).endswith("alpha is ignored")


@pytest.mark.parametrize(("dtype", "inner"), [("float32", "bfloat16"), ("float64", "float32")])
def test_a_lost_precision_is_named(dtype: str, inner: str) -> None:
    gelu = ua.get_activation("gelu", backend="numpy")

    def through(x):
        return widen(gelu(to_type(widen(x), inner))).astype(x.dtype)

    assert judged(Subject("gelu"), through, dtype=dtype).endswith(f"accurate to {inner} only")


def test_a_detached_gradient_is_named() -> None:
    found = judged(Subject("silu"), None, lambda sound, c, x: np.zeros_like(x), order=1)
    assert found.endswith("the gradient is zero: detached")


def test_a_bad_position_is_named() -> None:
    silu = ua.get_activation("silu", backend="numpy")

    def last(x):
        y = silu(x).copy()
        y[-1] = 5.0
        return y

    def lane(x):
        y = silu(x).copy()
        y[3::8] = 5.0
        return y

    assert judged(Subject("silu"), last).endswith("only the last element is wrong")
    assert "by their position: 1 of every 8" in judged(Subject("silu"), lane)


def test_a_wrong_corner_is_not_taken_for_another_function() -> None:
    relu = ua.get_activation("relu", backend="numpy")
    found = judged(Subject("relu"), lambda x: np.where(x > 1e30, 1.0, relu(x)).astype(x.dtype))
    assert "matches" not in found
    assert "accurate" not in found


@pytest.mark.quick(lambda dtype: dtype == "float32")
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("numerics", ["fast", "strict"])
def test_no_sibling_passes(numerics, dtype, order) -> None:
    """By the budgets, which are smaller than the gap, or by what all outputs say together."""
    x = inputs.sweep(dtype, count=inputs.QUICK_COUNT)
    x = x[np.abs(widen(x)) <= 20.0]
    posed = {subject: problem_at(Case(subject, "", dtype, order), [x]) for subject in SIBLINGS}
    rounded = {
        subject: round_to(problem.reference.high, problem.reference.low, dtype)
        for subject, problem in posed.items()
    }
    passing = set()
    for subject in SIBLINGS:
        for other in siblings_of(subject):
            case, own = Case(subject, "", dtype, order), posed[subject]
            both = own.judged & posed[other].judged
            gap = np.nan_to_num(np.abs(rounded[subject] - rounded[other]))[both].max()
            least = NEGLIGIBLE * float_format(dtype).epsilon if numerics == "fast" else 0.0
            if gap <= least:
                continue  # one function by two names, or two of which this derivative is the same
            perfect = to_type(rounded[other], dtype)
            passes = judge_problem(case, numerics, own, perfect).passed
            if passes and mistaken_for(case, numerics, own, perfect, own.judged) is None:
                passing.add((str(subject), str(other)))
    assert passing == set()
