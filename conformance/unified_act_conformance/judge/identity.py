"""Whether an output is the function it should be, where no budget can tell it from a sibling.

In the fast profile the floor of one eps is more than the gap between gelu and gelu_tanh in 16 bits.
What each of many outputs allows, all together do not: over the inputs at which the two correctly
rounded functions differ, the output has to be nearer to its own.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unified_act.backend import Numerics
from unified_act_conformance.floats import (
    FloatArray,
    distance,
    float_format,
    round_to,
    to_type,
    widen,
)
from unified_act_conformance.judge.siblings import ORDINARY, siblings_of
from unified_act_conformance.judge.verdict import judge_problem
from unified_act_conformance.problems import Problem, problem_at
from unified_act_conformance.subject import Case, Subject

__all__ = ["NEGLIGIBLE", "inseparable", "mistaken_for"]

SMALLEST = 2.0**-10
"""Below this magnitude functions are as good as straight, and siblings alike."""
ENOUGH = 2000
"""Inputs at which two functions are compared."""
PROBES = 128
"""Inputs by which siblings are told that a budget tells apart, which are nearly all."""
NEGLIGIBLE = 2.0**-10
"""In eps: functions that differ by less, such as gelu″ and clipped_gelu″, are the same here."""
CAP = 4.0
"""In ULP: what one output can say for or against a function, so that no few outweigh the rest."""

_NO_BACKEND = ""


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


@lru_cache(maxsize=1024)
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
    found = []
    for other in others:
        theirs = _posed(other, dtype, order, data)
        # Equal to the last bit it is one function by two names, or one derivative of two.
        if not np.array_equal(own.reference.high, theirs.reference.high):
            perfect = to_type(_rounded(theirs, dtype), dtype)
            if judge_problem(case, numerics, own, perfect).passed:
                found.append(other)
    return tuple(found)


def _sample(problem: Problem) -> NDArray[np.intp]:
    """The places of some ordinary inputs, the same for every backend."""
    size = np.abs(widen(problem.inputs[0]))
    ordinary = np.flatnonzero((size >= SMALLEST) & (size <= ORDINARY) & problem.judged)
    return ordinary[:: max(1, -(-ordinary.size // ENOUGH))]


@lru_cache(maxsize=512)
def _posed(subject: Subject, dtype: str, order: int, data: bytes) -> Problem:
    inputs = np.frombuffer(data, dtype=float_format(dtype).dtype)
    return problem_at(Case(subject, _NO_BACKEND, dtype, order), [inputs])


def _rounded(problem: Problem, dtype: str) -> NDArray[np.float64]:
    return round_to(problem.reference.high, problem.reference.low, dtype)
