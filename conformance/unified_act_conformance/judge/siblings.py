"""Why an output is wrong, where the pattern of the errors says so: the usual mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act.backend import Numerics
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.floats import FloatArray, to_type, widen
from unified_act_conformance.judge.measure import CLASSES, Judgement
from unified_act_conformance.judge.verdict import judge_problem
from unified_act_conformance.problems import Problem, problem_at
from unified_act_conformance.subject import Case, Subject
from unified_act_conformance.truth import OracleError

__all__ = ["FAMILIES", "explain", "siblings_of"]

Mask = NDArray[np.bool_]


def _subject(name: str, **parameters: float) -> Subject:
    return Subject(name, tuple(parameters.items()))


FAMILIES: Sequence[Sequence[Subject]] = (
    (
        *(_subject("gelu"), _subject("gelu_tanh"), _subject("quick_gelu")),
        *(_subject("silu"), _subject("silu", beta=1.702), _subject("mish")),
        *(_subject("hard_silu"), _subject("hard_mish"), _subject("relu")),
        *(_subject("clipped_gelu"), _subject("lisht")),
    ),
    (
        *(_subject("hard_sigmoid"), _subject("hard_sigmoid", alpha=0.2)),
        *(_subject("hard_sigmoid_02"), _subject("sparse_sigmoid"), _subject("laplace")),
        *(_subject("sigmoid"), _subject("hard_tanh"), _subject("tanh"), _subject("softsign")),
        _subject("scaled_tanh"),
    ),
    (
        *(_subject("relu"), _subject("relu6"), _subject("hard_tanh"), _subject("identity")),
        *(_subject("clipped_relu", max_value=20.0), _subject("thresholded_relu")),
        *(_subject("threshold", threshold=0.0, value=0.0), _subject("squared_relu")),
    ),
    (
        *(_subject("soft_shrink"), _subject("hard_shrink"), _subject("shrink")),
        *(_subject("tanh_shrink"), _subject("identity")),
    ),
    (
        *(_subject("elu"), _subject("elu", alpha=0.25), _subject("elu", alpha=0.5)),
        *(_subject("celu"), _subject("celu", alpha=0.25), _subject("celu", alpha=0.5)),
        *(_subject("selu"), _subject("relu")),
    ),
    (
        *(_subject("leaky_relu", negative_slope=slope) for slope in (0.3, 0.25, 0.2, -0.5)),
        *(_subject("leaky_relu"), _subject("relu"), _subject("identity")),
    ),
    (
        *(_subject("softplus"), _subject("softplus", beta=5.0)),
        *(_subject("log_sigmoid"), _subject("sqrt_softplus"), _subject("relu")),
        *(_subject("squareplus"), _subject("sparse_plus")),
    ),
)
"""Activations that are taken for each other, with other frameworks' defaults among them."""

NARROWER: Mapping[str, Sequence[str]] = MappingProxyType(
    {"float64": ("float32", "bfloat16"), "float32": ("bfloat16",)}
)
"""What a type may have been computed in."""

ORDINARY = 20.0
"""The largest magnitude at which a likeness is looked for; further out everything is alike."""
ENOUGH = 1000
"""Inputs at which a likeness is looked for."""
MANY = 0.2
VECTOR = 8
"""Lanes of the shortest vector unit that is told apart."""


def siblings_of(subject: Subject) -> list[Subject]:
    """Returns what a subject may be mistaken for.

    Args:
        subject: The subject.
    """
    found = [
        other
        for family in FAMILIES
        if any(member.activation == subject.activation for member in family)
        for other in family
    ]
    return [other for other in dict.fromkeys(found) if other != subject]


def explain(case: Case, numerics: Numerics, problem: Problem, output: FloatArray) -> str:
    """Returns the likely cause of a failure, or nothing.

    Args:
        case: What failed.
        numerics: The profile.
        problem: What was asked.
        output: What was answered.
    """
    causes = _causes(case, numerics, problem, output)
    return next(causes, "")


def _causes(case: Case, numerics: Numerics, problem: Problem, output: FloatArray) -> Iterator[str]:
    values = widen(output)[problem.judged]
    if np.isnan(values).all():
        yield "everything is NaN"
    if case.order > 0 and not values.any():
        yield f"the {'gradient' if case.order == 1 else 'second derivative'} is zero: detached"
    yield from _places(case, numerics, problem, output)
    ordinary = np.abs(widen(problem.about)) <= ORDINARY
    there = judge_problem(case, numerics, problem, output, ordinary)
    if there.passed:
        return  # it is another function nowhere but far out
    yield from _likeness(case, numerics, problem, output)
    for narrower in NARROWER.get(case.dtype, ()):
        # Of a lost precision half of all outputs suffer; of a bad spot few.
        if there.failures > MANY * there.count and _as_if(
            narrower, case, problem, output, ordinary
        ):
            yield f"accurate to {narrower} only"


def _places(case: Case, numerics: Numerics, problem: Problem, output: FloatArray) -> Iterator[str]:
    """Recognises faults that depend on where an element lies, not on what it is."""

    def judged(chosen: Mask) -> Judgement:
        return judge_problem(case, numerics, problem, output, chosen.reshape(output.shape))

    position = np.arange(output.size)
    tail = output.size - output.size % VECTOR
    if output.size > 1 and judged(position < output.size - 1).passed:
        yield "only the last element is wrong"
    if output.size > VECTOR and judged(position < tail).passed:
        yield f"only elements beyond the last multiple of {VECTOR} are wrong"
    if output.size > 2 * VECTOR:
        by_lane = [judged(position % VECTOR == lane) for lane in range(VECTOR)]
        # In a bad lane nearly all is wrong; a bad input may lie in any.
        bad = [lane for lane, found in enumerate(by_lane) if found.failures > 0.5 * found.count]
        good = sum(found.passed for found in by_lane)
        if bad and good and len(bad) + good == VECTOR:
            yield f"elements are wrong by their position: {len(bad)} of every {VECTOR}"


def _likeness(
    case: Case, numerics: Numerics, problem: Problem, output: FloatArray
) -> Iterator[str]:
    """Recognises another function, or the same one with other parameters."""
    if case.subject.activation not in ua.list_activations(kind="elementwise"):
        return
    ordinary = np.flatnonzero(np.abs(widen(problem.inputs[0])) <= ORDINARY)
    few = ordinary[:: max(1, ordinary.size // ENOUGH)]
    x, y = problem.inputs[0][few], output[few]

    def passes_as(posed: Case) -> bool:
        try:
            return judge_problem(posed, numerics, problem_at(posed, [x]), y).passed
        except (KeyError, OracleError):
            return False

    name = case.subject.activation
    defaults = Subject(name)
    candidates = [*([] if ACTIVATIONS.find(name).required else [defaults])]
    for other in dict.fromkeys([*candidates, *siblings_of(case.subject)]):
        if other != case.subject and passes_as(replace(case, subject=other)):
            if other == defaults:
                names = ", ".join(name for name, _ in case.subject.parameters)
                yield f"matches the default parameters: {names} is ignored"
            yield f"matches {other}"
    for order in range(3):
        if order != case.order and passes_as(replace(case, order=order)):
            yield f"matches the derivative of order {order} instead of {case.order}"


def _as_if(narrower: str, case: Case, problem: Problem, output: FloatArray, ordinary: Mask) -> bool:
    """Whether the outputs are what another type would give."""
    rounded = to_type(widen(output), narrower)
    posed = replace(case, dtype=narrower)
    verdict = judge_problem(posed, "fast", problem, rounded, ordinary)
    return verdict.passed or (
        # The type's own roundings, twice those of the budget, with no fault among them.
        not any(verdict.classes[name] for name in CLASSES)
        and bool(np.array_equal(widen(rounded)[ordinary], widen(output)[ordinary], equal_nan=True))
        and verdict.max_distance <= 4
    )
