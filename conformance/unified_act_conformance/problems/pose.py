"""Makes the problems of a case: inputs for a backend with their exact results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance import inputs
from unified_act_conformance.floats import FloatArray, half_ulp, to_type, widen
from unified_act_conformance.problems.joint import joint_problem, joint_problems
from unified_act_conformance.problems.problem import Problem
from unified_act_conformance.problems.signed_zeros import signed_zeros
from unified_act_conformance.subject import Case, Subject, kept_while_registered
from unified_act_conformance.truth import (
    ROW_FUNCTIONS,
    Oracle,
    Reference,
    Truth,
    rows,
    truth_of,
    value_range,
)

__all__ = ["Problem", "problem_at", "problems_for"]

Doubles = NDArray[np.float64]


def problems_for(
    case: Case, quick: bool = False, oracle: Oracle | None = None
) -> Sequence[Problem]:
    """Returns the problems of a case; the last ones are kept, for other backends.

    Args:
        case: The case.
        quick: Fewer inputs.
        oracle: The exact function of an elementwise activation, in place of the suite's own.
    """
    return _problems(
        case.subject, case.dtype, case.order, case.part, quick, truth_of(case.subject, oracle)
    )


def problem_at(
    case: Case,
    arrays: Sequence[FloatArray],
    cotangent: FloatArray | None = None,
    oracle: Oracle | None = None,
) -> Problem:
    """Returns the problem that given inputs pose: of a recording, or of a user.

    Args:
        case: The case.
        arrays: The inputs.
        cotangent: What the gradient is taken with, of an activation that is not elementwise;
            default ones.
        oracle: The exact function of an elementwise activation, in place of the suite's own.
    """
    truth = truth_of(case.subject, oracle)
    if truth is not None:
        return _at_points(case, arrays[0], truth)
    if not _has_rows(case) or arrays[0].ndim != 2:
        return joint_problem(case, arrays, cotangent)
    if case.order and cotangent is None:
        cotangent = np.ones_like(arrays[0])
    if not _runs_down(case.subject):
        return _at_rows(case, arrays[0], cotangent)
    return _transposed(_at_rows(case, arrays[0].T, None if cotangent is None else cotangent.T))


@kept_while_registered(4)
def _problems(
    subject: Subject, dtype: str, order: int, part: str, quick: bool, truth: Truth | None
) -> Sequence[Problem]:
    case = Case(subject, "", dtype, order, part)
    if truth is not None:
        return [_at_points(case, _sweep(truth, dtype, quick), truth)]
    return _rows(case) if _has_rows(case) else joint_problems(case, quick)


def _has_rows(case: Case) -> bool:
    """Whether there are formulas for whole rows, which take long ones too."""
    several = isinstance(dict(case.subject.parameters).get("axis"), tuple)
    return case.subject.activation in ROW_FUNCTIONS and case.order < 2 and not several


def _sweep(truth: Truth, dtype: str, quick: bool) -> FloatArray:
    wide = dtype in ("float32", "float64")
    count = inputs.QUICK_COUNT if wide or not truth.fast else inputs.QUICK_16_BIT
    return inputs.sweep(
        dtype, kinks=truth.kinks, crossings=truth.crossings, count=count if quick else None
    )


def _at_points(case: Case, typed: FloatArray, truth: Truth) -> Problem:
    order, x = case.order, widen(typed)
    with np.errstate(over="ignore"):
        slack = half_ulp(x, case.dtype) * truth.condition(order, x, case.dtype)
    judged = np.ones(x.shape, dtype=np.bool_) if order == 0 else ~np.isnan(x)
    if order == 2:
        judged &= ~np.isin(x, truth.kinks)  # nobody specifies which side it takes there
    reference = truth.evaluate(order, x, case.dtype)
    judged &= np.isnan(x) | ~np.isnan(reference.high)  # a limit may not be known
    return Problem(
        inputs=(typed,),
        cotangent=None,
        reference=reference,
        slack=slack,
        about=typed,
        judged=judged,
        value_range=truth.value_range(order),
        signed=signed_zeros(truth, order, x, reference),
        kinks=tuple(truth.kinks),
    )


def _rows(case: Case) -> Sequence[Problem]:
    problems = []
    for typed in inputs.rows(case.dtype):
        cotangent = inputs.cotangents(case.dtype, typed.shape) if case.order else None
        problem = _at_rows(case, typed, cotangent)
        problems.append(_transposed(problem) if _runs_down(case.subject) else problem)
    return problems


def _runs_down(subject: Subject) -> bool:
    return dict(subject.parameters).get("axis", -1) == 0


def _at_rows(case: Case, typed: FloatArray, cotangent: FloatArray | None) -> Problem:
    name, dtype, order = case.subject.activation, case.dtype, case.order
    x = widen(typed)
    with np.errstate(invalid="ignore"):
        reference, slack = rows(
            name,
            order,
            x,
            None if cotangent is None else widen(cotangent),
            half_ulp_x=half_ulp(x, dtype),
            half_ulp_cotangent=None if cotangent is None else half_ulp(widen(cotangent), dtype),
        )
    # A row without a finite maximum has no gradient, and each of its elements is about that.
    largest = np.max(x, axis=-1, keepdims=True)
    finite = np.isfinite(largest)
    judged = np.broadcast_to(finite if order else np.ones_like(finite), x.shape)
    return Problem(
        inputs=(typed,),
        cotangent=cotangent,
        reference=reference,
        slack=slack,
        about=to_type(np.where(finite, x, largest), dtype),
        judged=judged,
        value_range=value_range(name, order),
        length=typed.shape[-1],
        signed=np.zeros(x.shape, dtype=np.bool_),  # sums over a row come to a zero from both sides
    )


def _transposed(problem: Problem) -> Problem:
    return replace(
        problem,
        inputs=tuple(np.ascontiguousarray(array.T) for array in problem.inputs),
        cotangent=None if problem.cotangent is None else np.ascontiguousarray(problem.cotangent.T),
        reference=Reference(problem.reference.high.T, problem.reference.low.T),
        slack=problem.slack.T,
        about=problem.about.T,
        judged=problem.judged.T,
        signed=None if problem.signed is None else problem.signed.T,
    )
