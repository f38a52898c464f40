"""Inputs with their exact answers: what a case hands to a backend and judges it by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

import unified_act as ua
from unified_act_conformance import inputs
from unified_act_conformance.cases import Case, Subject
from unified_act_conformance.floats import FloatArray, round_to, to_type, ulp, widen
from unified_act_conformance.oracle import (
    PreluPart,
    Reference,
    evaluate_prelu,
    prelu_condition,
)
from unified_act_conformance.oracle_plugin import Oracle, Truth, truth_of
from unified_act_conformance.oracle_ranges import EVERYTHING, value_range
from unified_act_conformance.oracle_rows import rows
from unified_act_conformance.regions import Codes, region_codes
from unified_act_conformance.signed_zeros import signed_zeros

__all__ = ["Problem", "problem_at", "problems_for"]

Doubles = NDArray[np.float64]

PRELU_COUNT = 1500
"""Inputs for each weight."""
WEIGHT_GRADIENT_COUNT = 64
"""Terms in the sum that is the gradient of one weight."""


@dataclass(frozen=True)
class Problem:
    """One call of a backend, and what it should give.

    Attributes:
        inputs: What the function is called with: x, and the weight of a learned activation.
        cotangent: What the gradient is taken with; None for ones.
        reference: The exact output.
        slack: What half an ulp of change in every input can do to each output.
        about: The input that each output is about, to be reported.
        judged: The outputs that are specified. Derivatives at a NaN are not, nor is the second
            one at a kink.
        value_range: The closed range of the exact output.
        length: How many elements a reduction runs over.
        signed: Where a zero has a sign that is determined; None for where the exact value is not
            0, but too small.
        kinks: The inputs where the function or one of its first two derivatives is not continuous.
    """

    inputs: tuple[FloatArray, ...]
    cotangent: FloatArray | None
    reference: Reference
    slack: Doubles
    about: FloatArray
    judged: NDArray[np.bool_]
    value_range: tuple[float, float]
    length: int = 1
    signed: NDArray[np.bool_] | None = None
    kinks: tuple[float, ...] = ()

    @cached_property
    def regions(self) -> Codes:
        """What kind of place each output is about."""
        dtype = self.about.dtype.name
        want = round_to(self.reference.high, self.reference.low, dtype)
        return region_codes(widen(self.about), want, self.kinks, dtype)


def problems_for(
    case: Case, quick: bool = False, oracle: Oracle | None = None
) -> Sequence[Problem]:
    """Returns the problems of a case; the last ones are kept, for other backends.

    Args:
        case: The case.
        quick: Fewer inputs for float32 and float64.
        oracle: The exact function of an elementwise activation, in place of the suite's own.

    Raises:
        KeyError: The oracle does not know the activation.
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
        case: The case, of an elementwise or axis activation.
        arrays: The inputs.
        cotangent: What the gradient is taken with, which an axis activation needs.
        oracle: The exact function of an elementwise activation, in place of the suite's own.

    Raises:
        ValueError: The activation is learned, or takes another number of inputs.
        KeyError: The oracle does not know the activation.
    """
    name = case.subject.activation
    if name in ua.list_activations(kind="learned") or len(arrays) != 1:
        raise ValueError(f"{name}: only an activation of one input can be posed at given inputs")
    typed = arrays[0]
    if name not in ua.list_activations(kind="axis"):
        return _at_points(case, typed, truth_of(case.subject, oracle))
    if not _runs_down(case.subject):
        return _at_rows(case, typed, cotangent)
    return _transposed(_at_rows(case, typed.T, None if cotangent is None else cotangent.T))


@lru_cache(maxsize=4)
def _problems(
    subject: Subject, dtype: str, order: int, part: str, quick: bool, truth: Truth | None
) -> Sequence[Problem]:
    case = Case(subject, "", dtype, order, part)
    if truth is not None:
        return [_at_points(case, _sweep(truth, dtype, quick), truth)]
    if subject.activation in ua.list_activations(kind="learned"):
        return _prelu(case)
    return _rows(case)


def _half_ulp(x: Doubles, dtype: str) -> Doubles:
    finite = np.isfinite(x)
    return np.where(finite, 0.5 * ulp(np.where(finite, x, 0.0), 0.0, dtype), 0.0)


def _sweep(truth: Truth, dtype: str, quick: bool) -> FloatArray:
    wide = dtype in ("float32", "float64")
    return inputs.sweep(
        dtype,
        kinks=truth.kinks,
        crossings=truth.crossings,
        count=inputs.QUICK_COUNT if quick and (wide or not truth.fast) else None,
    )


def _at_points(case: Case, typed: FloatArray, truth: Truth | None) -> Problem:
    if truth is None:
        raise KeyError(f"the oracle does not know {case.subject}")
    order, x = case.order, widen(typed)
    with np.errstate(over="ignore"):
        slack = _half_ulp(x, case.dtype) * truth.condition(order, x, case.dtype)
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


def _prelu(case: Case) -> Sequence[Problem]:
    dtype, order, part = case.dtype, case.order, case.part
    axis = int(dict(case.subject.parameters).get("axis", 1))
    problems = []
    for weights in (inputs.weights(dtype), inputs.weights(dtype)[:1]):
        # Channels in the middle or at the end, so that the wrong axis cannot pass.
        shape = (-1, weights.size, 1) if axis == 1 else (-1, 1, weights.size)
        if part == "weight":
            problems.append(_weight_gradient(weights, shape, dtype))
            continue
        column = inputs.sweep(dtype, kinks=(0.0,), count=PRELU_COUNT)
        x = np.ascontiguousarray(
            np.broadcast_to(column[:, np.newaxis], (column.size, weights.size)).reshape(shape)
        )
        what: PreluPart = "value" if order == 0 else "input"
        wide = np.broadcast_to(widen(weights).reshape(shape), x.shape)
        judged = np.ones(x.shape, dtype=np.bool_) if order == 0 else ~np.isnan(widen(x))
        judged &= ~(np.isinf(widen(x)) & (wide == 0))  # 0 · inf has no value to agree on
        with np.errstate(over="ignore"):
            slack = _half_ulp(widen(x), dtype) * prelu_condition(what, widen(x), wide)
        reference = evaluate_prelu(what, widen(x), wide)
        problems.append(
            Problem((x, weights), None, reference, slack, x, judged, EVERYTHING, kinks=(0.0,))
        )
    return problems


def _weight_gradient(weights: FloatArray, shape: tuple[int, ...], dtype: str) -> Problem:
    size = (WEIGHT_GRADIENT_COUNT, weights.size)
    golden = np.modf((np.arange(np.prod(size)) + 1) * (np.sqrt(5.0) - 1) / 2)[0].reshape(size)
    x = to_type(3.0 * (2.0 * golden - 1.0), dtype)
    cotangent = to_type(2.0 * golden[::-1] - 1.0, dtype)
    left, right = widen(x), widen(cotangent)
    negative = np.where(left > 0, 0.0, left)
    with ctx.workprec(160):
        sums = [
            sum((arb(a) * b for a, b in zip(*columns, strict=True)), arb(0))
            for columns in zip(negative.T.tolist(), right.T.tolist(), strict=True)
        ]
        high = np.array([float(total) for total in sums])
        low = np.array([float(total - float(total)) for total in sums])
    # Half an ulp of x and of the cotangent, through each term of the sum.
    slack = _half_ulp(left, dtype) * np.abs(right) * (left <= 0)
    slack = np.sum(slack + _half_ulp(right, dtype) * np.abs(negative), axis=0)
    return Problem(
        inputs=(x.reshape(shape), weights),
        cotangent=cotangent.reshape(shape),
        reference=Reference(high, low),
        slack=slack,
        about=weights,
        judged=np.ones(weights.shape, dtype=np.bool_),
        value_range=EVERYTHING,
        length=WEIGHT_GRADIENT_COUNT,
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
            half_ulp_x=_half_ulp(x, dtype),
            half_ulp_cotangent=None if cotangent is None else _half_ulp(widen(cotangent), dtype),
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
