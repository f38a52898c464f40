"""Inputs with their exact answers: what a case hands to a backend and judges it by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

import unified_act as ua
from unified_act_conformance import inputs
from unified_act_conformance.cases import Case, Subject
from unified_act_conformance.floats import FloatArray, to_type, ulp, widen
from unified_act_conformance.oracle import (
    PreluPart,
    Reference,
    condition,
    evaluate,
    evaluate_prelu,
    kinks,
    prelu_condition,
)
from unified_act_conformance.oracle_ranges import EVERYTHING, value_range
from unified_act_conformance.oracle_rows import rows

__all__ = ["Problem", "problems_for"]

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
        judged: The outputs that are specified. The gradient at a NaN is not.
        value_range: The closed range of the exact output.
        length: How many elements a reduction runs over.
    """

    inputs: tuple[FloatArray, ...]
    cotangent: FloatArray | None
    reference: Reference
    slack: Doubles
    about: FloatArray
    judged: NDArray[np.bool_]
    value_range: tuple[float, float]
    length: int = 1


def problems_for(case: Case, quick: bool = False) -> Sequence[Problem]:
    """Returns the problems of a case; the last ones are kept, for other backends.

    Args:
        case: The case.
        quick: Fewer inputs for float32 and float64.

    Raises:
        KeyError: The oracle does not know the activation.
    """
    return _problems(case.subject, case.dtype, case.order, case.part, quick)


@lru_cache(maxsize=4)
def _problems(
    subject: Subject, dtype: str, order: int, part: str, quick: bool
) -> Sequence[Problem]:
    kind = {a: k for k in ("axis", "learned") for a in ua.list_activations(kind=k)}
    build = {"axis": _rows, "learned": _prelu}.get(kind.get(subject.activation, ""), _elementwise)
    return build(subject, dtype, order, part, quick)


def _half_ulp(x: Doubles, dtype: str) -> Doubles:
    finite = np.isfinite(x)
    return np.where(finite, 0.5 * ulp(np.where(finite, x, 0.0), 0.0, dtype), 0.0)


def _elementwise(
    subject: Subject, dtype: str, order: int, part: str, quick: bool
) -> Sequence[Problem]:
    del part
    name, parameters = subject.activation, dict(subject.parameters)
    typed = inputs.sweep(
        dtype,
        kinks=kinks(name, parameters),
        crossings=inputs.CROSSINGS.get(name, ()),
        count=inputs.QUICK_COUNT if quick and dtype in ("float32", "float64") else None,
    )
    x = widen(typed)
    slack = _half_ulp(x, dtype) * condition(name, order, x, parameters)
    judged = np.ones(x.shape, dtype=np.bool_) if order == 0 else ~np.isnan(x)
    reference = evaluate(name, order, x, parameters)
    bounds = value_range(name, order, parameters)
    return [Problem((typed,), None, reference, slack, typed, judged, bounds)]


def _prelu(subject: Subject, dtype: str, order: int, part: str, quick: bool) -> Sequence[Problem]:
    del quick
    axis = int(dict(subject.parameters).get("axis", 1))
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
        problems.append(Problem((x, weights), None, reference, slack, x, judged, EVERYTHING))
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


def _rows(subject: Subject, dtype: str, order: int, part: str, quick: bool) -> Sequence[Problem]:
    del part, quick
    name = subject.activation
    transposed = dict(subject.parameters).get("axis", -1) == 0
    problems = []
    for typed in inputs.rows(dtype):
        x = widen(typed)
        cotangent = inputs.cotangents(dtype, typed.shape) if order else None
        with np.errstate(invalid="ignore"):
            reference, slack = rows(
                name,
                order,
                x,
                None if cotangent is None else widen(cotangent),
                half_ulp_x=_half_ulp(x, dtype),
                half_ulp_cotangent=None
                if cotangent is None
                else _half_ulp(widen(cotangent), dtype),
            )
        # A row without a finite maximum has no gradient, and each of its elements is about that.
        largest = np.max(x, axis=-1, keepdims=True)
        finite = np.isfinite(largest)
        judged = np.broadcast_to(finite if order else np.ones_like(finite), x.shape)
        problem = Problem(
            inputs=(typed,),
            cotangent=cotangent,
            reference=reference,
            slack=slack,
            about=to_type(np.where(finite, x, largest), dtype),
            judged=judged,
            value_range=value_range(name, order),
            length=typed.shape[-1],
        )
        problems.append(_transposed(problem) if transposed else problem)
    return problems


def _transposed(problem: Problem) -> Problem:
    return Problem(
        inputs=tuple(np.ascontiguousarray(array.T) for array in problem.inputs),
        cotangent=None if problem.cotangent is None else np.ascontiguousarray(problem.cotangent.T),
        reference=Reference(problem.reference.high.T, problem.reference.low.T),
        slack=problem.slack.T,
        about=problem.about.T,
        judged=problem.judged.T,
        value_range=problem.value_range,
        length=problem.length,
    )
