"""One activation on one backend in one type, laid out for a check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from unified_act.backend import Numerics
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.cases import Case, Subject
from unified_act_conformance.deviations import Deviation
from unified_act_conformance.floats import FloatArray, float_format, to_type, widen
from unified_act_conformance.harness import Harness, load_harness
from unified_act_conformance.implementation import Implement, Implementation, registered
from unified_act_conformance.oracle import Reference
from unified_act_conformance.oracle_plugin import Oracle, truth_of
from unified_act_conformance.problems import Problem, problem_at
from unified_act_conformance.runner import deviations_of
from unified_act_conformance.siblings import explain
from unified_act_conformance.verdict import Domain, inside, judge_problem

__all__ = ["Bench", "bench_for"]

WEIGHT = 0.25
"""Of a learned activation: a power of two, so that prelu is exactly leaky_relu."""
SPECIAL = (0.0, -0.0, 1.0, -1.0, 20.0, -20.0, float("nan"), float("inf"), -float("inf"))
COUNT = 32


@dataclass(frozen=True)
class Bench:
    """What a check works on.

    Attributes:
        case: The activation, its parameters, backend and type; the order is that of the value.
        numerics: The profile.
        harness: The harness of the backend.
        implementation: What is checked.
        oracle: An explicit oracle, or None.
        declared: Whether the declared deviations are about this implementation.
        domain: The interval of inputs that are judged, or None.
    """

    case: Case
    numerics: Numerics
    harness: Harness
    implementation: Implementation
    oracle: Oracle | None = None
    declared: bool = True
    domain: Domain | None = None

    @property
    def orders(self) -> list[int]:
        """The orders of the value and, if there is one, of the gradient."""
        name = self.case.subject.activation
        offered = self.harness.orders(name, self.case.dtype, self.numerics)
        wanted = (0, 1) if self.implementation.differentiable else (0,)
        return [order for order in wanted if order in offered]

    @property
    def kind(self) -> str:
        """Elementwise, axis or learned."""
        return ACTIVATIONS.find(self.case.subject.activation).kind

    @property
    def axis(self) -> int:
        """Along which the elements of an axis activation belong together."""
        return int(dict(self.case.subject.parameters).get("axis", -1))

    def values(self) -> FloatArray:
        """32 numbers: special ones, kinks, and a spread over [-6, 6].

        For an axis activation they are ordinary ones: one NaN leaves nothing of a row to judge.
        """
        truth = truth_of(self.case.subject, self.oracle)
        special = [*SPECIAL, *(truth.kinks if truth is not None else (0.0,))]
        if self.kind == "axis":
            special = [0.0, 3.0, 3.0]
        spread = np.modf(np.arange(1, COUNT + 1) * (np.sqrt(5.0) - 1) / 2)[0]
        found = np.concatenate([special, 12.0 * spread - 6.0])[:COUNT]
        order = np.argsort(np.sin(np.arange(COUNT)))  # the special ones between the others
        return to_type(found[order], self.case.dtype)

    def finite_values(self) -> FloatArray:
        """Those of `values` that are finite."""
        values: FloatArray = self.values()
        finite: FloatArray = values[np.isfinite(widen(values))]
        return finite

    def shaped(self, values: FloatArray) -> FloatArray:
        """The same numbers as the activation needs them: rows and channels are in a matrix."""
        if self.kind == "elementwise":
            return values
        matrix = np.stack([values, values[::-1]])
        return np.ascontiguousarray(matrix.T) if self.axis == 0 else matrix

    def native(self, values: FloatArray) -> Any:
        """The framework's array."""
        return self.harness.to_native(values, self.case.dtype)

    def inputs(self, x: Any) -> list[Any]:
        """The arguments of a call: x, and the weight of a learned activation."""
        if self.kind != "learned":
            return [x]
        return [x, self.native(to_type(np.array([WEIGHT]), self.case.dtype))]

    def call(self, order: int, x: Any, cotangent: Any = None) -> Any:
        """The value, or the gradient by x."""
        if order == 0:
            return self.implementation.value(self.inputs(x))
        return self.implementation.gradients(self.inputs(x), cotangent)[0]

    def numbers(self, order: int, x: Any, cotangent: Any = None) -> FloatArray:
        """The same as a NumPy array; raises `TypeError` if it has another type than x."""
        return self.harness.to_numpy(self.call(order, x, cotangent), self.case.dtype)

    def fault(self, order: int, result: Any, values: FloatArray, *, flushing: bool = False) -> str:
        """Says what is wrong with an output, or nothing.

        Args:
            order: Of which derivative it should be; the gradient with ones.
            result: The output, an array of the framework.
            values: The inputs.
            flushing: Whether subnormal numbers may be taken for 0 and come as 0.
        """
        output = self.harness.to_numpy(result, self.case.dtype)
        if output.shape != values.shape:
            return f"the output has shape {output.shape}, the input {values.shape}"
        return self.fault_of_numbers(order, output, values, flushing=flushing)

    def fault_of_numbers(
        self,
        order: int,
        output: FloatArray,
        values: FloatArray,
        *,
        flushing: bool = False,
        causes: bool = True,
    ) -> str:
        """Says what is wrong with an output that is a NumPy array already, or nothing.

        Args:
            order: Of which derivative it should be; the gradient with ones.
            output: The output.
            values: The inputs.
            flushing: Whether subnormal numbers may be taken for 0 and come as 0.
            causes: Whether to look for the cause, which takes a while.
        """
        if not values.size:
            return ""
        case, numerics = replace(self.case, order=order), self.numerics
        problem, output = self._pose(case, values), self._flat(output)
        chosen = problem.judged & inside(problem, self.domain)
        for deviation in self._deviations(order):
            chosen &= ~deviation.covers(
                widen(problem.about), problem.reference.high, widen(output), case.dtype
            )
        if flushing:
            tiny = float_format(case.dtype).smallest_normal
            inputs = np.abs(widen(problem.inputs[0]))
            chosen &= (inputs == 0) | ~(inputs < tiny)
            exact = problem.reference.high
            chosen &= ~((exact != 0) & (np.abs(exact) < tiny) & (widen(output) == 0))
        judgement = judge_problem(self._judged_as(case), numerics, problem, output, chosen)
        if judgement.count == 0 and values.size >= COUNT:
            return "no input was judged"
        if judgement.passed:
            return ""
        causes = causes and self.kind == "elementwise"
        cause = explain(case, numerics, problem, output) if causes else ""
        return (
            f"{'value' if order == 0 else 'gradient'} at x={judgement.worst_x!r}: got "
            f"{judgement.got!r}, want {judgement.want!r}; {judgement.failures} of "
            f"{judgement.count} inputs" + (f"; {cause}" if cause else "")
        )

    def _deviations(self, order: int) -> Sequence[Deviation]:
        if not self.declared:
            return []
        return deviations_of(replace(self.case, order=order), self.harness, self.numerics)

    def _judged_as(self, case: Case) -> Case:
        if self.kind == "learned":
            return replace(case, subject=Subject("leaky_relu", (("negative_slope", WEIGHT),)))
        if self.kind == "axis":
            return replace(case, subject=Subject(case.subject.activation))
        return case

    def _flat(self, array: FloatArray) -> FloatArray:
        """Rows of what belongs together, or all elements in a row."""
        if self.kind != "axis":
            return array.reshape(-1)
        moved = np.moveaxis(array, self.axis, -1)
        return moved.reshape(-1, moved.shape[-1])

    def _pose(self, case: Case, values: FloatArray) -> Problem:
        flat = self._flat(values)
        posed = self._judged_as(case)
        if self.kind == "axis":
            ones = np.ones_like(flat) if case.order else None
            return problem_at(posed, [flat], ones)
        # Nearly every check asks about the same few numbers, which are evaluated once.
        bits = flat.view(f"u{flat.itemsize}")
        known = np.unique(self.values().view(bits.dtype))
        if not np.isin(bits, known).all():
            known = np.unique(bits)
        inverse = np.searchsorted(known, bits)
        once = _pose_once(posed, known.tobytes(), self.oracle)
        return Problem(
            inputs=(flat,),
            cotangent=None,
            reference=Reference(once.reference.high[inverse], once.reference.low[inverse]),
            slack=once.slack[inverse],
            about=flat,
            judged=once.judged[inverse],
            value_range=once.value_range,
            signed=None if once.signed is None else once.signed[inverse],
            kinks=once.kinks,
        )


@lru_cache(maxsize=64)
def _pose_once(case: Case, data: bytes, oracle: Oracle | None) -> Problem:
    values = np.frombuffer(data, dtype=float_format(case.dtype).dtype)
    return problem_at(replace(case, backend=""), [values], oracle=oracle)


def bench_for(
    case: Case,
    numerics: Numerics,
    implement: Implement,
    oracle: Oracle | None = None,
    domain: Domain | None = None,
) -> Bench:
    """Returns the bench for a case.

    Args:
        case: The case, of order 0.
        numerics: The profile.
        implement: What is checked.
        oracle: An explicit oracle.
        domain: The interval of inputs that are judged; default: all.
    """
    harness = load_harness(case.backend)
    declared = implement is registered
    return Bench(case, numerics, harness, implement(case, numerics), oracle, declared, domain)
