"""Runs the cases: outputs of a backend against the exact values, one judgement for each."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act.backend import Numerics
from unified_act_conformance.budgets import budget
from unified_act_conformance.cases import Case
from unified_act_conformance.deviations import Deviation, list_deviations
from unified_act_conformance.floats import FloatArray, widen
from unified_act_conformance.harness import Harness, load_harness
from unified_act_conformance.judge import Judgement, judge_with_slack
from unified_act_conformance.oracle import Reference
from unified_act_conformance.problems import Problem, problems_for

__all__ = ["Result", "run"]


@dataclass(frozen=True)
class Result:
    """What one case came to.

    Attributes:
        case: The case.
        budget: The largest error that passes.
        judgement: Of all inputs outside the declared deviations; None if the case raised.
        deviations: The deviations that apply, each with the judgement of the inputs it covers.
        problem: What is wrong, in words; empty if the case passed.
    """

    case: Case
    budget: float
    judgement: Judgement | None
    deviations: tuple[tuple[Deviation, Judgement], ...] = ()
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the case passed, declared deviations allowed for."""
        return not self.problem


def run(
    cases: Sequence[Case], *, numerics: Numerics = "fast", quick: bool = False
) -> Iterator[Result]:
    """Yields the result of each case, in order.

    Args:
        cases: What to run, as `list_cases` orders it.
        numerics: The profile, which decides the implementation and the floor of the error.
        quick: Fewer inputs for float32 and float64.

    Raises:
        unified_act.UnifiedActError: A backend cannot be loaded.
    """
    harnesses = {name: load_harness(name) for name in {case.backend for case in cases}}
    for case in cases:
        harness = harnesses[case.backend]
        try:
            yield _run(case, harness, numerics, quick)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            yield Result(case, _budget(case, 1), None, problem=problem)


def _run(case: Case, harness: Harness, numerics: Numerics, quick: bool) -> Result:
    judged = None
    longest = 1
    within: dict[Deviation, Judgement] = {}
    deviations = [
        deviation
        for deviation in list_deviations()
        if deviation.applies(case, numerics, _version(harness))
    ]
    for problem in problems_for(case, quick):
        output = _output(case, harness, numerics, problem)
        longest = max(longest, problem.length)
        covered = np.zeros(problem.about.shape, dtype=np.bool_)
        for deviation in deviations:
            inside = deviation.covers(widen(problem.about)) & ~covered
            covered |= inside
            if inside.any():
                part = _judge(case, numerics, problem, output, inside)
                within[deviation] = _worse(within.get(deviation), part)
        judged = _worse(judged, _judge(case, numerics, problem, output, ~covered))
    if judged is None or judged.count == 0:
        return Result(case, _budget(case, longest), None, problem="no input was judged")
    declared = tuple(within.items())
    problem_text = _describe(judged, _budget(case, longest), deviations, within)
    return Result(case, _budget(case, longest), judged, declared, problem_text)


def _version(harness: Harness) -> str:
    for package in harness.packages():
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    raise LookupError(f"none of {harness.packages()} is installed")


def _output(case: Case, harness: Harness, numerics: Numerics, problem: Problem) -> FloatArray:
    function = ua.get_activation(
        case.subject.activation,
        backend=case.backend,
        numerics=numerics,
        **dict(case.subject.parameters),
    )
    inputs = [harness.to_native(array, case.dtype) for array in problem.inputs]
    cotangent = None
    if problem.cotangent is not None:
        cotangent = harness.to_native(problem.cotangent, case.dtype)
    if case.order == 0:
        result = function(*inputs)
    else:
        _, result = ua.value_and_grad(function, *inputs, cotangent=cotangent)
        if len(inputs) > 1:
            result = result[0 if case.part == "x" else 1]
    output = harness.to_numpy(result, case.dtype)
    if output.shape != problem.reference.high.shape:
        raise TypeError(
            f"the output has shape {output.shape}, expected {problem.reference.high.shape}"
        )
    return output


def _budget(case: Case, length: int) -> float:
    name = case.subject.activation
    return budget(
        name if case.part == "x" else f"{name}.{case.part}", case.order, case.dtype, length=length
    )


def _judge(
    case: Case,
    numerics: Numerics,
    problem: Problem,
    output: FloatArray,
    chosen: NDArray[np.bool_],
) -> Judgement:
    chosen = chosen & problem.judged
    reference = Reference(problem.reference.high[chosen], problem.reference.low[chosen])
    return judge_with_slack(
        output[chosen],
        reference,
        problem.about[chosen],
        case.dtype,
        problem.slack[chosen],
        floor="eps" if numerics == "fast" else 0.0,
        budget=_budget(case, problem.length),
        value_range=problem.value_range,
    )


def _worse(first: Judgement | None, second: Judgement) -> Judgement:
    """Joins the judgements of two sets of inputs."""
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
    )


def _describe(
    judged: Judgement,
    limit: float,
    deviations: Sequence[Deviation],
    within: dict[Deviation, Judgement],
) -> str:
    """Says in words what is wrong, or nothing."""
    problems = []
    if not judged.passed:
        faults = ", ".join(f"{name} ×{count}" for name, count in judged.classes.items() if count)
        problems.append(
            f"error {judged.max_error:.3g} above {limit:g} at x={judged.worst_x!r} "
            f"({judged.worst_x.hex()}): got {judged.got!r}, want {judged.want!r}; "
            f"{judged.failures} of {judged.count} inputs" + (f"; {faults}" if faults else "")
        )
    for deviation in deviations:
        found = within.get(deviation)
        if found is None or found.passed:
            problems.append(f"deviation {deviation.id} is declared but was not observed")
        elif found.max_error > deviation.bound:
            problems.append(
                f"deviation {deviation.id}: error {found.max_error:.3g} above its bound "
                f"{deviation.bound:g} at x={found.worst_x!r}"
            )
        elif 2 * found.max_error < deviation.bound < math.inf:
            problems.append(
                f"deviation {deviation.id}: bound {deviation.bound:g} is more than twice the "
                f"observed {found.max_error:.3g}"
            )
    return "; ".join(problems)
