"""The suite on itself: it rejects every mutant, accepts what they were made from, and says why."""

from __future__ import annotations

import numpy as np
import pytest

import unified_act as ua
from tests.conftest import SCORE
from unified_act_conformance import inputs
from unified_act_conformance.floats import float_format, round_to, to_type, widen
from unified_act_conformance.judge.likeness import NEGLIGIBLE, mistaken_for, siblings_of
from unified_act_conformance.judge.runner import run
from unified_act_conformance.judge.verdict import judge_problem
from unified_act_conformance.mutants.base import Mutant, on_numpy
from unified_act_conformance.mutants.score import (
    judge_mutant,
    list_mutants,
    mutation_score,
    originals_of,
)
from unified_act_conformance.problems.pose import problem_at
from unified_act_conformance.subject.cases import DTYPES, Case, Subject
from unified_act_conformance.truth.exact import truth_of
from unified_act_conformance.truth.records import RECORDS, family_members

MUTANTS = list_mutants()
ORIGINALS = originals_of(MUTANTS)
FAMILIES = dict.fromkeys(family for record in RECORDS.values() for family in record.families)
SIBLINGS = list(dict.fromkeys(member for f in FAMILIES for member in family_members(f)))


def names_of(mutants):
    return [f"{m.fault}, {m.subject}, {m.dtype}, {m.numerics}, {m.backend}" for m in mutants]


@pytest.mark.parametrize("mutant", MUTANTS, ids=names_of(MUTANTS))
def test_mutant_is_rejected_where_it_should(mutant: Mutant, record_property) -> None:
    record_property(SCORE, "mutants rejected")
    outcome = judge_mutant(mutant)
    assert outcome.rejected, outcome.problems


@pytest.mark.exhaustive
@pytest.mark.parametrize("original", ORIGINALS, ids=names_of(ORIGINALS))
def test_what_mutants_were_made_from_is_accepted(original: Mutant, record_property) -> None:
    record_property(SCORE, "sound implementations accepted")
    assert judge_mutant(original).problems == ()


def test_there_are_enough_mutants_and_none_twice() -> None:
    assert len(MUTANTS) >= 95
    assert len({(m.fault, m.subject, m.dtype) for m in MUTANTS}) == len(MUTANTS)


def test_a_score_is_of_mutants_and_their_originals() -> None:
    found = mutation_score(MUTANTS[:2])
    assert found.passed
    assert str(found).splitlines()[-1].startswith("mutation score 2/2, sound implementations")


def test_a_survivor_is_reported() -> None:
    harmless = on_numpy("nothing at all", Subject("relu"))
    found = mutation_score([harmless])
    assert found.score == 0.0
    assert not found.passed
    assert "SURVIVED  nothing at all" in str(found)


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
    mutant = on_numpy("", subject, value, gradient)
    (result,) = run([Case(subject, "numpy", dtype, order)], quick=True, implement=mutant.implement)
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


def test_truths_hash_by_what_they_are() -> None:
    first, second = (truth_of(Subject("elu", (("alpha", 0.5),))) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
