"""The verdict on the outputs for one problem, and on several together."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unified_act.backend import Numerics
from unified_act_conformance.floats import FloatArray, float_format, widen
from unified_act_conformance.judge.budgets import budget
from unified_act_conformance.judge.measure import Judgement, judge_with_slack
from unified_act_conformance.judge.statistics import join_curves, percentiles_together
from unified_act_conformance.problems import Problem, tally_together
from unified_act_conformance.subject import Case
from unified_act_conformance.truth import Reference

__all__ = [
    "Domain",
    "Outcome",
    "Status",
    "budget_of",
    "failure_text",
    "inside",
    "judge_problem",
    "may_be_flushed",
    "worse",
]

Status = Literal["passed", "failed", "unsupported"]
Domain = tuple[float, float]
"""A closed interval of inputs, outside which nothing is judged."""


class Outcome:
    """What a case and a check have in common: they pass, fail or cannot be asked for."""

    problem: str
    unsupported: str

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong: declared deviations and what is unsupported allowed for."""
        return not self.problem

    @property
    def status(self) -> Status:
        """What to count the result as."""
        if self.problem:
            return "failed"
        return "unsupported" if self.unsupported else "passed"


def budget_of(case: Case, length: int = 1) -> float:
    """Returns the largest error that passes.

    Args:
        case: The case.
        length: How many elements a reduction runs over.
    """
    name = case.subject.activation
    return budget(
        name if case.part == "x" else f"{name}.{case.part}", case.order, case.dtype, length=length
    )


def inside(problem: Problem, domain: Domain | None) -> NDArray[np.bool_]:
    """Says which outputs are about an input in a domain; NaN is in every one.

    Args:
        problem: What was asked.
        domain: The interval; None for all numbers.
    """
    about = widen(problem.about)
    if domain is None:
        return np.ones(about.shape, dtype=np.bool_)
    return np.isnan(about) | ((about >= domain[0]) & (about <= domain[1]))


def may_be_flushed(problem: Problem, output: FloatArray, dtype: str) -> NDArray[np.bool_]:
    """Says where a subnormal input may be taken for 0, or a subnormal result has come as 0.

    Args:
        problem: What was asked.
        output: What was answered.
        dtype: The name of the float type.
    """
    smallest = float_format(dtype).smallest_normal
    inputs, exact = np.abs(widen(problem.about)), problem.reference.high
    taken = (inputs != 0) & (inputs < smallest)
    flushed = (exact != 0) & (np.abs(exact) < smallest) & (widen(output) == 0)
    return np.asarray(taken | flushed)


def judge_problem(
    case: Case,
    numerics: Numerics,
    problem: Problem,
    output: FloatArray,
    chosen: NDArray[np.bool_] | None = None,
    ceiling: float = math.inf,
    *,
    statistics: bool = True,
) -> Judgement:
    """Judges the outputs that are specified.

    Args:
        case: What they are outputs of.
        numerics: The profile, which decides the floor.
        problem: What was asked.
        output: What was answered.
        chosen: Only these of them.
        ceiling: The largest error that passes, if the budget is larger.
        statistics: Whether percentiles and the curve are wanted.
    """
    chosen = problem.judged if chosen is None else chosen & problem.judged
    reference = Reference(problem.reference.high[chosen], problem.reference.low[chosen])
    return judge_with_slack(
        output[chosen],
        reference,
        problem.about[chosen],
        case.dtype,
        problem.slack[chosen],
        floor="eps" if numerics == "fast" else 0.0,
        budget=min(budget_of(case, problem.length), ceiling),
        value_range=problem.value_range,
        signed=None if problem.signed is None else problem.signed[chosen],
        signs_matter=numerics == "strict" and case.order == 0,
        regions=problem.regions[chosen],
        statistics=statistics,
    )


def failure_text(judged: Judgement | None, limit: float) -> str:
    """Says in words what is wrong, or nothing.

    Args:
        judged: What was found; None if nothing was judged.
        limit: The largest error that passes.
    """
    if judged is None or not judged.count:
        return "no input was judged"
    if judged.passed:
        return ""
    faults = ", ".join(f"{name} ×{count}" for name, count in judged.classes.items() if count)
    return (
        f"error {judged.max_error:.3g} above {limit:g} at x={judged.worst_x} "
        f"({judged.worst_x.hex()}): got {judged.got}, want {judged.want}; "
        f"{judged.failures} of {judged.count} inputs" + (f"; {faults}" if faults else "")
    )


def worse(first: Judgement | None, second: Judgement) -> Judgement:
    """Returns the judgement of two sets of inputs together; of percentiles the larger ones.

    Args:
        first: The judgement of one set, or None of none.
        second: That of the other.
    """
    if first is None or first.count == 0:
        return second
    if second.count == 0:
        return first
    worst = max(first, second, key=lambda judgement: judgement.max_error)
    return replace(
        worst,
        passed=first.passed and second.passed,
        count=first.count + second.count,
        failures=first.failures + second.failures,
        max_distance=max(first.max_distance, second.max_distance),
        classes={name: first.classes[name] + second.classes[name] for name in first.classes},
        signed_zeros=first.signed_zeros + second.signed_zeros,
        regions=tally_together(first.regions, second.regions),
        errors=percentiles_together(first.errors, second.errors),
        distances=percentiles_together(first.distances, second.distances),
        curve=join_curves(first.curve, second.curve),
    )
