"""Runs the cases: outputs of a backend against the exact values, one judgement for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unified_act import kernels
from unified_act.backend import DTYPES, Numerics
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.declared import Deviation, list_deviations
from unified_act_conformance.floats import FloatArray, widen
from unified_act_conformance.harness import (
    Harness,
    NotOfferedError,
    kind_in_use,
    load_harness,
)
from unified_act_conformance.judge.budgets import shared_budget
from unified_act_conformance.judge.likeness import explain, mistaken_for
from unified_act_conformance.judge.measure import Judgement
from unified_act_conformance.judge.verdict import (
    Domain,
    Outcome,
    budget_of,
    failure_text,
    inside,
    judge_problem,
    worse,
)
from unified_act_conformance.problems import Problem, problems_for
from unified_act_conformance.subject import (
    Case,
    Implement,
    Implementation,
    is_outrun,
    number_of,
    registered,
    shared_code,
)
from unified_act_conformance.truth import Oracle

__all__ = ["Result", "deviations_of", "output_of", "run"]

PADDED = 320
"""Rows of the arrays of a learned activation, where each shape is compiled."""


@dataclass(frozen=True)
class Result(Outcome):
    """What one case came to.

    Attributes:
        case: The case.
        budget: The largest error that passes.
        judgement: Of all inputs outside the declared deviations; None if the case raised.
        deviations: The deviations that apply, each with the judgement of the inputs it covers.
        problem: What is wrong, in words; empty if the case passed.
        unsupported: Why the framework cannot be asked at all, in words; then nothing was judged.
    """

    case: Case
    budget: float
    judgement: Judgement | None
    deviations: tuple[tuple[Deviation, Judgement], ...] = ()
    problem: str = ""
    unsupported: str = ""


def run(
    cases: Sequence[Case],
    *,
    numerics: Numerics = "fast",
    quick: bool = False,
    implement: Implement = registered,
    oracle: Oracle | None = None,
    domain: Domain | None = None,
) -> Iterator[Result]:
    """Yields the result of each case, in order: one for each, whatever happens.

    Args:
        cases: What to run, as `list_cases` orders it.
        numerics: The profile, which decides the implementation and the floor of the error.
        quick: Fewer inputs.
        implement: What is judged, in place of what `get_activation` hands out; the declared
            deviations are not its own.
        oracle: What it is judged by, in place of the suite's own formulas.
        domain: The interval of inputs that are judged; default: all.

    Raises:
        unified_act.UnifiedActError: A backend cannot be loaded.
    """
    harnesses = {name: load_harness(name) for name in {case.backend for case in cases}}
    for case in cases:
        harness = harnesses[case.backend]
        unsupported = f"{case.backend} has no derivative of order {case.order} of this"
        if case.order not in harness.orders(case.subject.activation, case.dtype, numerics):
            yield Result(case, budget_of(case, 1), None, unsupported=unsupported)
            continue
        try:
            implementation = implement(case, numerics)
            if case.order and not implementation.differentiable:
                yield Result(case, budget_of(case, 1), None, unsupported=unsupported)
                continue
            # What is declared is declared of what we hand out, and of nothing else.
            known, ceiling = [], math.inf
            if implement is registered:
                profile: Numerics = "strict" if is_outrun(case) else numerics
                known, ceiling = deviations_of(case, harness, profile), _ceiling(case, profile)
            # What is declared has to be seen; but not every activation has tiny results.
            declared = not all(found.flush for found in known)
            # Of a 16-bit type it may show in a few numbers.
            few = quick and not (declared and case.dtype in kernels.NARROW)
            problems = problems_for(case, few, oracle)
            first = not case.subject.parameters
            if harness.compiles_each_shape and not declared and (quick or not first):
                problems = _fewer(problems, case)
            yield _run(case, problems, harness, numerics, implementation, known, domain, ceiling)
        except NotOfferedError as error:
            yield Result(case, budget_of(case, 1), None, unsupported=str(error))
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            yield Result(case, budget_of(case, 1), None, problem=problem)


def _fewer(problems: Sequence[Problem], case: Case) -> Sequence[Problem]:
    """All problems in one type, another one for each activation; in the others the largest."""
    if number_of(case.subject) % len(DTYPES) == DTYPES.index(case.dtype):
        return problems
    return [max(problems, key=lambda problem: problem.inputs[0].size)]


def _run(
    case: Case,
    problems: Sequence[Problem],
    harness: Harness,
    numerics: Numerics,
    implementation: Implementation,
    deviations: Sequence[Deviation],
    domain: Domain | None,
    ceiling: float,
) -> Result:
    judged = None
    longest = 1
    cause = ""
    within: dict[Deviation, Judgement] = {}
    for problem in problems:
        output = output_of(case, harness, implementation, problem)
        longest = max(longest, problem.length)
        covered = ~inside(problem, domain)
        for deviation in deviations:
            there = ~covered & deviation.covers(
                widen(problem.about),
                problem.reference.high,
                widen(output),
                case.dtype,
                summed=bool(problem.directions),
            )
            covered |= there
            if there.any():
                part = judge_problem(case, numerics, problem, output, there)
                within[deviation] = worse(within.get(deviation), part)
        outside = judge_problem(case, numerics, problem, output, ~covered, ceiling)
        judged = worse(judged, outside)
        if not outside.passed:
            cause = cause or explain(case, numerics, problem, output)
        elif other := mistaken_for(case, numerics, problem, output, ~covered):
            cause = cause or f"matches {other}"
    limit = min(budget_of(case, longest), ceiling)
    if judged is None or judged.count == 0:
        return Result(case, limit, None, problem=failure_text(judged, limit))
    declared = tuple(within.items())
    problem_text = _describe(judged, limit, deviations, within, cause)
    return Result(case, limit, judged, declared, problem_text)


def _ceiling(case: Case, numerics: Numerics) -> float:
    """Returns the largest error that passes where backends share their code."""
    code = shared_code(case) if numerics == "strict" and case.part == "x" else ""
    if code == "kernel":
        activation = ACTIVATIONS.find(case.subject.activation)
        parameters = activation.bind(dict(case.subject.parameters))
        if activation.along_axis:  # any axis is made the last one
            parameters["axis"] = -1
        why = kernels.unavailable(activation, parameters, case.dtype, min(case.order, 1))
        if why.startswith("LLVM"):  # it compiles all that we write
            raise RuntimeError(why)
        if why:
            return math.inf
    return shared_budget(code, case.order, case.dtype)


def deviations_of(case: Case, harness: Harness, numerics: Numerics) -> list[Deviation]:
    """Returns the declared deviations that apply to a case, in this environment.

    Args:
        case: The case.
        harness: The harness of its backend.
        numerics: The profile.
    """
    version = harness.version()
    device = kind_in_use(case.backend)
    return [found for found in list_deviations() if found.applies(case, numerics, version, device)]


def output_of(
    case: Case, harness: Harness, implementation: Implementation, problem: Problem
) -> FloatArray:
    """Returns what an implementation answers to a problem.

    Args:
        case: The case.
        harness: The harness of its backend.
        implementation: What is asked.
        problem: What it is asked.

    Raises:
        TypeError: The answer has another type or shape than the input.
    """
    asked = _padded(case, problem) if harness.compiles_each_shape else problem
    inputs = [harness.native_input(array, case.dtype) for array in asked.inputs]
    part = _place_of_part(case)
    cotangent = None
    if asked.cotangent is not None:
        cotangent = harness.to_native(asked.cotangent, case.dtype)
    if case.order == 0:
        result = implementation.value(inputs)
    elif case.order == 1:
        result = implementation.gradients(inputs, cotangent)[part]
    elif asked.directions:
        directions = [harness.to_native(array, case.dtype) for array in asked.directions]
        result = implementation.hessian_product(inputs, cotangent, directions)[part]
    else:
        ones = harness.to_native(np.ones_like(problem.inputs[0]), case.dtype)
        result = implementation.second_derivative(inputs[0], ones)
    output = harness.to_numpy(result, case.dtype)
    if asked is not problem and case.part == "x":
        output = output[: len(problem.inputs[0])]
    if output.shape != problem.reference.high.shape:
        raise TypeError(
            f"the output has shape {output.shape}, expected {problem.reference.high.shape}"
        )
    return output


def _padded(case: Case, problem: Problem) -> Problem:
    """A problem of a learned activation with the number of rows that all others have.

    The gradients of all inputs are then one program. The further rows count nothing in a sum.
    """
    activation = ACTIVATIONS.find(case.subject.activation)
    x, *weights = problem.inputs
    if not activation.weights or x.ndim == 0 or x.size == 0 or len(x) >= PADDED:
        return problem
    axis = activation.bind(dict(case.subject.parameters))["axis"]
    if axis % x.ndim == 0 or any(weight.ndim > 1 for weight in weights):
        return problem  # there is a weight for each row
    more = [(0, PADDED - len(x)), *[(0, 0)] * (x.ndim - 1)]
    cotangent, directions = problem.cotangent, problem.directions
    return replace(
        problem,
        inputs=(np.pad(x, more, mode="edge"), *weights),
        cotangent=None if cotangent is None else np.pad(cotangent, more),
        directions=(*(np.pad(each, more) for each in directions[:1]), *directions[1:]),
    )


def _place_of_part(case: Case) -> int:
    return ACTIVATIONS.find(case.subject.activation).inputs.index(case.part)


def _describe(
    judged: Judgement,
    limit: float,
    deviations: Sequence[Deviation],
    within: Mapping[Deviation, Judgement],
    cause: str,
) -> str:
    """Says in words what is wrong, or nothing."""
    problems = [text for text in (failure_text(judged, limit), cause) if text]
    for deviation in deviations:
        if deviation.flush:
            continue  # not every activation has tiny results
        found = within.get(deviation)
        if found is None or found.passed:
            if not deviation.some_processors:
                problems.append(f"deviation {deviation.id} is declared but was not observed")
        elif found.max_error > deviation.bound:
            problems.append(
                f"deviation {deviation.id}: error {found.max_error:.3g} above its bound "
                f"{deviation.bound:g} at x={found.worst_x}"
            )
        elif 2 * found.max_error < deviation.bound < math.inf:
            problems.append(
                f"deviation {deviation.id}: bound {deviation.bound:g} is more than twice the "
                f"observed {found.max_error:.3g}"
            )
    return "; ".join(problems)
