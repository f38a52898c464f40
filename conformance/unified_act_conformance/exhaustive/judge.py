"""Judges an activation at every number of a part, value and derivative.

Most verdicts come from `enclose`: a ball in double precision around the exact value, whose ends
round to the same number of the type. Where they do not, and where the error is to be told, the
exact oracle decides.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from unified_act.backend import Numerics
from unified_act_conformance.exhaustive.finding import LIMIT, LISTED, Finding, Place
from unified_act_conformance.exhaustive.parts import LARGEST, Part
from unified_act_conformance.floats import FloatArray, half_ulp, round_to, to_type, ulp, widen
from unified_act_conformance.harness import load_harness
from unified_act_conformance.problems import flat_stretches, signed_zeros
from unified_act_conformance.subject import Case, Subject, registered
from unified_act_conformance.truth import Reference, Truth, enclose, evaluate_once, truth_of

__all__ = ["ORDERS", "Task", "judge_part"]

ORDERS = (0, 1)
"""Value and derivative."""
HALF = 0.500001
"""Up to here an error counts as half a unit, which it is where a result is a tie or nearly one."""
THRESHOLDS = (HALF, LIMIT, 1.0)
NEAR = 1e-7
"""Errors that are closer to each other, or to a threshold, are told apart by the exact oracle."""

Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Task:
    """What is judged.

    Attributes:
        subject: An elementwise activation of the catalogue, with its parameters.
        backend: The backend.
        dtype: The float type.
        numerics: The profile.
    """

    subject: Subject
    backend: str
    dtype: str
    numerics: Numerics


def judge_part(task: Task, part: Part) -> tuple[Finding, ...]:
    """Judges value and derivative at the numbers of a part.

    Args:
        task: What is judged.
        part: The inputs.
    """
    x = part.numbers()
    if not x.size:
        return tuple(Finding() for _ in ORDERS)
    harness = load_harness(task.backend)
    implementation = registered(Case(task.subject, task.backend, task.dtype, 0), task.numerics)
    given = harness.to_native(x, task.dtype)
    value = harness.to_numpy(implementation.value((given,)), task.dtype)
    twin, (slope,) = implementation.value_and_gradients((given,), None)
    unlike = _count(_bits(harness.to_numpy(twin, task.dtype)) != _bits(value))
    return (
        _judge(task, 0, x, value, unlike),
        _judge(task, 1, x, harness.to_numpy(slope, task.dtype), 0),
    )


def _judge(task: Task, order: int, x: FloatArray, output: FloatArray, unlike: int) -> Finding:
    points, y = widen(x), widen(output)
    nearest, signed = _nearest(task, order, points, y == 0)
    zeros = signed & (y == 0) & (nearest == 0) & (np.signbit(y) != np.signbit(nearest))
    differ = np.flatnonzero((y != nearest) & ~(np.isnan(y) & np.isnan(nearest)))
    points, y, nearest, bits = points[differ], y[differ], nearest[differ], _bits(x)[differ]
    exact = _evaluate(task, order, points, task.dtype)
    errors = _errors(task, order, points, y, exact)
    units = _in_units(task, order, points, errors, exact)

    def place(index: int) -> Place:
        error = round(float(errors[index]), 6)
        return Place(
            int(bits[index]), float(points[index]), float(y[index]), float(nearest[index]), error
        )

    return Finding(
        inputs=x.size,
        not_nearest=differ.size,
        beyond_limit=_count(errors > LIMIT),
        beyond_one=_count(errors > 1.0),
        beyond_budget=_count(units > LIMIT),
        wrong_kind=_count(np.isinf(errors)),
        wrong_zero=_count(zeros),
        unlike=unlike,
        blocks=dict(Counter((bits // LARGEST).tolist())),
        largest=place(int(np.argmax(errors))) if differ.size else None,
        units=round(float(units.max(initial=0.0)), 6),
        exceptions=tuple(place(int(i)) for i in np.flatnonzero(errors > LIMIT)[:LISTED]),
    )


def _nearest(task: Task, order: int, points: Doubles, asked: Mask) -> tuple[Doubles, Mask]:
    """Returns the numbers of the type nearest to the exact values, and where a zero has a sign.

    Args:
        task: What is judged.
        order: The derivative.
        points: The inputs.
        asked: Where the sign of a zero is asked for.
    """
    finite = np.isfinite(points)
    lower, upper = _enclosed(task, order, np.where(finite, points, 0.0))
    nearest, other = (widen(to_type(end, task.dtype)) for end in (lower, upper))
    told = (nearest == other) & finite
    signed = (lower > 0) | (upper < 0)
    tails = told & asked & (nearest == 0) & ~signed & ~_flat(task, order, points)
    for tail in _runs(tails):
        ends = points[[tail.start, tail.stop - 1]]
        signs = _evaluate(task, order, ends, task.dtype).high
        if signed_zeros(_truth(task), order, ends, Reference(signs, signs)).all() and (
            np.signbit(signs[0]) == np.signbit(signs[1])
        ):
            nearest[tail], signed[tail], tails[tail] = signs[0] * 0.0, True, False
    open_ = np.flatnonzero(~told | tails)
    if open_.size:
        exact = _evaluate(task, order, points[open_], task.dtype)
        nearest[open_] = round_to(exact.high, exact.low, task.dtype)
        signed[open_] = signed_zeros(_truth(task), order, points[open_], exact)
    return nearest, signed


def _enclosed(task: Task, order: int, points: Doubles) -> tuple[Doubles, Doubles]:
    """Returns bounds of the exact values: the same for all, if these round to one number."""
    about = task.subject.activation, order
    least, largest = points.min(), points.max()
    middle = 0.5 * least + 0.5 * largest
    radius = float(np.nextafter(max(largest - middle, middle - least), np.inf))
    ends = [end[0] for end in enclose(*about, np.array([middle]), _given(task), radius).ends()]
    if to_type(np.array(ends[:1]), task.dtype) == to_type(np.array(ends[1:]), task.dtype):
        return np.full(points.size, ends[0]), np.full(points.size, ends[1])
    return enclose(*about, points, _given(task)).ends()


def _runs(mask: Mask) -> list[slice]:
    """Where neighbours are all true."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0)).tolist()
    return [slice(*ends) for ends in zip(edges[::2], edges[1::2], strict=True)]


def _errors(task: Task, order: int, points: Doubles, y: Doubles, exact: Reference) -> Doubles:
    """How far outputs are from the exact values, in units in the last place of these."""
    errors = _error(y, exact, task.dtype)
    if not errors.size:
        return errors
    with np.errstate(invalid="ignore"):
        close = [abs(errors - limit) < NEAR for limit in THRESHOLDS]
        if errors.max() > HALF:
            close.append(errors.max() - errors < NEAR)
    listed = np.zeros(errors.size, dtype=np.bool_)
    listed[np.flatnonzero(errors > LIMIT - NEAR)[:LISTED]] = True
    again = np.flatnonzero(np.any([listed, *close], axis=0) & np.isfinite(errors))
    closer = _evaluate(task, order, points[again], "float64")
    errors[again] = _error(y[again], closer, task.dtype)
    return np.where(errors > HALF, errors, 0.5)


def _error(y: Doubles, exact: Reference, dtype: str) -> Doubles:
    with np.errstate(all="ignore"):
        error = abs((y - exact.high) - exact.low) / ulp(exact.high, exact.low, dtype)
    found = np.isfinite(y) & np.isfinite(exact.high)
    return np.where(found, error, np.inf)


def _in_units(
    task: Task, order: int, points: Doubles, errors: Doubles, exact: Reference
) -> Doubles:
    """Errors in ulp as errors in the units of the suite."""
    finite = np.isfinite(errors)
    units = errors.copy()
    unit = ulp(exact.high[finite], exact.low[finite], task.dtype)
    condition = _truth(task).condition(order, points[finite], task.dtype)
    slack = np.nan_to_num(half_ulp(points[finite], task.dtype) * condition)
    units[finite] *= unit / (unit + slack)
    return units


def _evaluate(task: Task, order: int, points: Doubles, precision: str) -> Reference:
    return evaluate_once(task.subject.activation, order, points, _given(task), precision)


def _given(task: Task) -> dict[str, float]:
    return dict(task.subject.parameters)


def _flat(task: Task, order: int, points: Doubles) -> Mask:
    """Where the exact value is 0 on a whole interval, so that a zero has no sign."""
    inside = np.zeros(points.size, dtype=np.bool_)
    for low, high in _stretches(task.subject, order):
        inside |= (points >= low) & (points <= high)
    return inside


@cache
def _stretches(subject: Subject, order: int) -> tuple[tuple[float, float], ...]:
    return tuple(flat_stretches(_truth_of(subject), order))


def _truth(task: Task) -> Truth:
    return _truth_of(task.subject)


@cache
def _truth_of(subject: Subject) -> Truth:
    return cast("Truth", truth_of(subject))  # of what has a formula there is one


def _bits(x: FloatArray) -> NDArray[np.unsignedinteger[Any]]:
    return np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}")


def _count(mask: Mask) -> int:
    return int(np.count_nonzero(mask))
