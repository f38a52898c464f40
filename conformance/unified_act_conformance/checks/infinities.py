"""A check of what an infinite input of a gated or learned activation comes to.

Accuracy is judged at finite inputs. The limits of elementwise activations are known, and judged
with them. Those of two numbers and more are found here, where exact values far out tend to.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance.checks.bench import Bench
from unified_act_conformance.floats import FloatArray, float_format, to_type, widen
from unified_act_conformance.problems import joined, joint_problem, parted, weight_values
from unified_act_conformance.subject import Case, Subject

__all__ = ["infinities"]

Doubles = NDArray[np.float64]

AT = (1.0, 2.0**450, 1.3 * 2.0**451)
"""In the place of infinity: if the last two agree, there is a limit. What is 0 at 1, and so has a
factor 0, may be NaN at infinity."""
HUGE = 2.0**200
"""What is larger tends to infinity, and what is smaller than its inverse to 0."""
OTHERS = (0.0, 1.0, -1.0, 0.3, -2.7, 50.0)
"""What the other half is of a gated activation, of which one is infinite."""
ROOM = 16.0
"""In eps of the type: how far from a limit that is neither 0 nor infinite a result may be."""


def infinities(bench: Bench) -> str:
    """An infinite input gives the limit that the exact values have there, where they have one."""
    atoms = _of_gated(bench) if bench.activation.resizes else _of_learned(bench)
    for order in bench.orders:
        parts = ("x", *bench.activation.weights) if order else ("x",)
        results = _results(bench, order, atoms)
        for part, found in zip(parts, results, strict=True):
            fault = _fault(
                bench, atoms, found, *(_exact(bench, order, part, atoms, at) for at in AT)
            )
            if fault:
                what = f"the gradient by {part}" if order else "the value"
                return f"{what} is {fault}"
    return ""


def _of_gated(bench: Bench) -> list[Doubles]:
    """Both halves, of which one is infinite."""
    pairs = [*itertools.product((math.inf, -math.inf), OTHERS)]
    both = np.array([*pairs, *(pair[::-1] for pair in pairs)])
    found = widen(to_type(both, bench.case.dtype))
    return [found[:, 0], found[:, 1]]


def _of_learned(bench: Bench) -> list[Doubles]:
    """The infinite input, and each weight."""
    values = [to_type(np.array(each), bench.case.dtype) for each in weight_values(bench.activation)]
    longest = max(map(len, values))
    sets = [np.resize(widen(each), longest) for each in values]
    return [np.repeat([math.inf, -math.inf], longest), *(np.tile(each, 2) for each in sets)]


def _results(bench: Bench, order: int, atoms: list[Doubles]) -> list[Doubles]:
    """The value, or the gradient by each input: of a gated activation by both halves, one row."""
    rank = max(2, bench.axis + 1, -bench.axis)
    column = [to_type(each, bench.case.dtype).reshape(-1, *[1] * (rank - 1)) for each in atoms]
    halves = bench.activation.resizes
    arrays: list[FloatArray] = [joined(column, bench.parameters)] if halves else column
    inputs = [bench.native(array) for array in arrays]
    if not order:
        return [_flat(bench, bench.implementation.value(inputs))]
    gradients = bench.implementation.gradients(inputs, None)
    if halves:
        by_both = bench.harness.to_numpy(gradients[0], bench.case.dtype)
        parts = [widen(part).reshape(-1) for part in parted(by_both, bench.parameters)]
        return [np.stack(parts, axis=1)]
    return [_flat(bench, gradient) for gradient in gradients]


def _flat(bench: Bench, array: Any) -> Doubles:
    return widen(bench.harness.to_numpy(array, bench.case.dtype)).reshape(-1)


def _exact(bench: Bench, order: int, part: str, atoms: list[Doubles], at: float) -> Doubles:
    """The exact values with a large number in the place of infinity."""
    others = tuple((name, v) for name, v in bench.case.subject.parameters if name != "axis")
    subject = Subject(bench.activation.name, (*others, ("axis", -1)))
    case = Case(subject, "", "float64", order, part)
    finite = [np.where(np.isinf(each), np.copysign(at, each), each) for each in atoms]
    if bench.activation.resizes:
        finite = [joined([each[:, None] for each in finite], {**bench.parameters, "axis": -1})]
        found = joint_problem(case, finite).reference.high
        return found.reshape(len(atoms[0]), -1) if order else found.reshape(-1)
    return joint_problem(case, finite).reference.high.reshape(-1)


def _fault(
    bench: Bench,
    atoms: list[Doubles],
    found: Doubles,
    of_one: Doubles,
    near: Doubles,
    far: Doubles,
) -> str:
    eps = float(float_format(bench.case.dtype).epsilon)
    one, other = map(_limit, (near, far))
    with np.errstate(invalid="ignore"):
        known = (one == other) | (np.abs(one - other) <= 1e-9 * np.abs(one))
        right = (found == one) | (np.abs(found - one) <= ROOM * eps * np.maximum(np.abs(one), 1.0))
    wrong = np.argwhere(known & ~right & ~(np.isnan(found) & (of_one == 0.0)))
    if not wrong.size:
        return ""
    place = tuple(wrong[0])
    inputs = ", ".join(f"{each[place[0]]:g}" for each in atoms)
    return f"{found[place]:g} at ({inputs}), where its limit is {one[place]:g}"


def _limit(values: Doubles) -> Doubles:
    size = np.abs(values)
    beyond = np.where(size > HUGE, np.copysign(math.inf, values), values)
    return np.where(size < 1.0 / HUGE, 0.0, beyond)
