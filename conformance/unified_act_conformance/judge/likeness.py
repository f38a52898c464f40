"""What an output is like: another function, or one of the usual mistakes.

A failure is explained where the pattern of its errors says what went wrong. And an output within
the budget may still be another function: in the fast profile the floor of one eps is more than the
gap between gelu and gelu_tanh in 16 bits. What each of many outputs allows, all together do not:
over the inputs at which the two correctly rounded functions differ, the output has to be nearer to
its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from unified_act.backend import Numerics
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.floats import (
    FloatArray,
    distance,
    float_format,
    round_to,
    to_type,
    ulp,
    widen,
)
from unified_act_conformance.judge.measure import CLASSES, Judgement
from unified_act_conformance.judge.verdict import budget_of, judge_problem
from unified_act_conformance.problems import Problem, problem_at
from unified_act_conformance.subject import Case, Subject, kept_while_registered
from unified_act_conformance.truth import OracleError, family_members, record_of

__all__ = ["NEGLIGIBLE", "explain", "inseparable", "mistaken_for", "siblings_of"]

Mask = NDArray[np.bool_]


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

SMALLEST = 2.0**-10
"""Below this magnitude functions are as good as straight, and siblings alike."""
COMPARED = 2000
"""Inputs at which two functions are compared."""
PROBES = 128
"""Inputs by which siblings are told that a budget tells apart, which are nearly all."""
NEGLIGIBLE = 2.0**-10
"""In eps: functions that differ by less, such as gelu″ and clipped_gelu″, are the same here."""
CAP = 4.0
"""In ULP: what one output can say for or against a function, so that no few outweigh the rest."""

_NO_BACKEND = ""


def siblings_of(subject: Subject) -> list[Subject]:
    """Returns what a subject may be mistaken for.

    Args:
        subject: The subject.
    """
    families = record_of(subject.activation).families
    found = [other for family in families for other in family_members(family)]
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
    if not ACTIVATIONS.find(case.subject.activation).kind.elementwise:
        return
    ordinary = np.flatnonzero(np.abs(widen(problem.inputs[0])) <= ORDINARY)
    few = ordinary[:: max(1, ordinary.size // ENOUGH)]
    x, y = problem.inputs[0][few], output[few]

    def passes_as(posed: Case) -> bool:
        try:
            return judge_problem(posed, numerics, problem_at(posed, [x]), y).passed
        except OracleError:
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


def mistaken_for(
    case: Case,
    numerics: Numerics,
    problem: Problem,
    output: FloatArray,
    chosen: NDArray[np.bool_],
) -> Subject | None:
    """Returns the sibling that an output within the budget is nearer to than to its own function.

    Args:
        case: What was asked.
        numerics: The profile.
        problem: The inputs, and the exact values there.
        output: What was answered.
        chosen: Which outputs count.
    """
    for other in inseparable(case.subject, case.dtype, case.order, numerics):
        sample = _sample(problem)
        theirs = _rounded(
            _posed(other, case.dtype, case.order, problem.inputs[0][sample].tobytes()), case.dtype
        )
        sample, theirs = sample[chosen[sample]], theirs[chosen[sample]]
        high, low = problem.reference.high[sample], problem.reference.low[sample]
        ours = round_to(high, low, case.dtype)
        found = widen(output[sample])
        gap = NEGLIGIBLE * float_format(case.dtype).epsilon
        differ = (ours != theirs) & (np.abs(ours - theirs) >= gap) & ~np.isnan(found)
        to_ours, to_theirs = (
            np.minimum(distance(found, function, case.dtype), CAP)[differ].sum()
            for function in (ours, theirs)
        )
        if to_theirs < to_ours:
            return other
    return None


@kept_while_registered(1024)
def inseparable(
    subject: Subject, dtype: str, order: int, numerics: Numerics
) -> tuple[Subject, ...]:
    """Returns the siblings that pass for a subject when only budgets are asked.

    Args:
        subject: The subject.
        dtype: The name of the float type.
        order: The derivative.
        numerics: The profile.
    """
    others = siblings_of(subject)
    if not others:
        return ()
    spread = np.modf(np.arange(1, PROBES + 1) * (np.sqrt(5.0) - 1) / 2)[0]
    data = to_type(ORDINARY * (2.0 * spread - 1.0), dtype).tobytes()
    case = Case(subject, _NO_BACKEND, dtype, order)
    own = _posed(subject, dtype, order, data)
    exact = own.reference.high
    allowed = ulp(exact, own.reference.low, dtype) + own.slack
    allowed += float_format(dtype).epsilon if numerics == "fast" else 0.0
    allowed *= budget_of(case, own.length) + 1.0
    allowed[~own.judged | (np.abs(exact) > float_format(dtype).largest)] = np.inf
    found = []
    for other in others:
        theirs = _posed(other, dtype, order, data)
        # Equal to the last bit it is one function by two names, or one derivative of two.
        if np.array_equal(exact, theirs.reference.high):
            continue
        rounded = _rounded(theirs, dtype)
        # One that is surely too far off says enough; nearly all siblings have one.
        if (np.abs(rounded - exact) > allowed).any():
            continue
        if judge_problem(case, numerics, own, to_type(rounded, dtype), statistics=False).passed:
            found.append(other)
    return tuple(found)


def _sample(problem: Problem) -> NDArray[np.intp]:
    """The places of some ordinary inputs, the same for every backend."""
    size = np.abs(widen(problem.inputs[0]))
    ordinary = np.flatnonzero((size >= SMALLEST) & (size <= ORDINARY) & problem.judged)
    return ordinary[:: max(1, -(-ordinary.size // COMPARED))]


@kept_while_registered(512)
def _posed(subject: Subject, dtype: str, order: int, data: bytes) -> Problem:
    inputs = np.frombuffer(data, dtype=float_format(dtype).dtype)
    return problem_at(Case(subject, _NO_BACKEND, dtype, order), [inputs])


def _rounded(problem: Problem, dtype: str) -> NDArray[np.float64]:
    return round_to(problem.reference.high, problem.reference.low, dtype)
