"""The setting of a check: one activation on one backend in one float type."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from unified_act import Activation
from unified_act.backend import Numerics
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.declared import Deviation
from unified_act_conformance.floats import FloatArray, float_format, to_type, widen
from unified_act_conformance.harness import Harness, load_harness
from unified_act_conformance.inputs import evenly
from unified_act_conformance.judge import (
    Domain,
    deviations_of,
    explain,
    inside,
    judge_problem,
    may_be_flushed,
)
from unified_act_conformance.problems import (
    Arrangement,
    Problem,
    further_inputs,
    problem_at,
    sections_of,
    spread,
)
from unified_act_conformance.subject import (
    ORDERS,
    Case,
    Implement,
    Implementation,
    kept_while_registered,
    registered,
)
from unified_act_conformance.truth import Oracle, Record, Reference, record_of, truth_of

__all__ = ["Bench", "bench_for"]

SPECIAL = (0.0, -0.0, 1.0, -1.0, 20.0, -20.0, float("nan"), float("inf"), -float("inf"))
COUNT = 32
ROW = 8
"""How many elements act on each other; the exact gradient of a row costs its square."""


@dataclass(frozen=True)
class Bench:
    """What a check works on.

    Attributes:
        case: The activation, its parameters, backend and type; the order is that of the value.
        numerics: The profile.
        harness: The harness of the backend.
        implement: What is checked, for any case.
        oracle: An explicit oracle, or None.
        domain: The interval of inputs that are judged, or None.
        quick: Whether fewer settings are tried.
        asked: The orders that are asked about.
        declared: Whether the declared deviations are about this implementation.
    """

    case: Case
    numerics: Numerics
    harness: Harness
    implement: Implement
    oracle: Oracle | None = None
    domain: Domain | None = None
    quick: bool = False
    asked: Sequence[int] = ORDERS
    declared: bool = True

    @cached_property
    def implementation(self) -> Implementation:
        """What is checked."""
        return self.implement(self.case, self.numerics)

    @property
    def compiles_each_shape(self) -> bool:
        """Whether the framework compiles anew for every shape."""
        return self.harness.compiles_each_shape

    @property
    def few_shapes(self) -> bool:
        """Whether only one of the lengths and layouts is tried."""
        return self.quick and self.compiles_each_shape

    @property
    def orders(self) -> list[int]:
        """The orders of the value and, if there is one, of the gradient."""
        name = self.case.subject.activation
        offered = self.harness.orders(name, self.case.dtype, self.numerics)
        wanted = (0, 1) if self.implementation.differentiable else (0,)
        return [order for order in wanted if order in offered and order in self.asked]

    @cached_property
    def activation(self) -> Activation:
        """What is checked, as specified."""
        return ACTIVATIONS.find(self.case.subject.activation)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """All its parameters."""
        return self.activation.bind(dict(self.case.subject.parameters))

    @property
    def record(self) -> Record:
        """What the suite knows of it."""
        return record_of(self.activation.name)

    @property
    def elementwise(self) -> bool:
        """Whether it is a function of one number."""
        return self.activation.kind.elementwise

    @property
    def pointwise(self) -> bool:
        """Whether no element of the input acts on another; weights and noise may."""
        return not self.activation.along_axis and not self.activation.resizes

    @property
    def axis(self) -> int:
        """Along which elements act on each other, or channels are."""
        return int(self.parameters.get("axis", -1))

    @property
    def sections(self) -> int:
        """How many equal parts the axis must have."""
        return sections_of(self.activation, self.parameters)

    def is_short(self, length: int, longest: int = ROW) -> bool:
        """Says whether a row has few enough numbers for an exact gradient, noise among them.

        Args:
            length: How many elements it has.
            longest: How many there may be.
        """
        numbers = length * (2 if self.activation.noise else 1)
        return not self.activation.along_axis or numbers <= longest

    def fits(self, shape: Sequence[int]) -> bool:
        """Says whether the activation takes an input of some shape, in short rows.

        Args:
            shape: The shape.
        """
        if self.pointwise and not self.activation.weights:
            return True
        if not -len(shape) <= self.axis < len(shape) or 0 in shape:
            return False
        length = shape[self.axis]
        return length % self.sections == 0 and self.is_short(length)

    def values(self) -> FloatArray:
        """32 numbers: special ones, kinks, and a spread over [-6, 6].

        Where elements act on each other they are ordinary ones: one NaN leaves nothing of a row to
        judge. Infinities are for elementwise activations.
        """
        if self.elementwise:
            truth = truth_of(self.case.subject, self.oracle)
            special = [*SPECIAL, *(truth.kinks if truth is not None else (0.0,))]
        elif self.pointwise:
            special = [value for value in SPECIAL if not math.isinf(value)]
        else:
            special = [0.0, 3.0, 3.0]
        found = np.concatenate([special, 12.0 * evenly(COUNT) - 6.0])[:COUNT]
        order = np.argsort(np.sin(np.arange(COUNT)))  # the special ones between the others
        return to_type(found[order], self.case.dtype)

    def finite_values(self) -> FloatArray:
        """Those of `values` that are finite, some of them twice: as many as there are `values`.

        A framework that compiles for every shape has one shape less to compile for.
        """
        values = self.values()
        return np.resize(values[np.isfinite(widen(values))], values.shape)

    def shaped(self, values: FloatArray) -> FloatArray:
        """The same numbers as the activation needs them, about as many: rows along its axis.

        Args:
            values: The numbers, in a row.
        """
        if self.elementwise:
            return values
        length = ROW // self.sections * self.sections
        length = length if self.is_short(length) else length // 2
        rows = np.resize(values, (max(values.size // length, 1), length))
        return self.along_axis(rows)

    def along_axis(self, rows: FloatArray) -> FloatArray:
        """Turns the last axis of a matrix into that of the activation.

        Args:
            rows: The matrix.
        """
        dimensions = max(2, -self.axis, self.axis + 1)
        shape = (rows.shape[0], *[1] * (dimensions - 2), rows.shape[1])
        return np.ascontiguousarray(np.moveaxis(rows.reshape(shape), -1, self.axis))

    def native(self, values: FloatArray) -> Any:
        """The framework's array, of a mask too."""
        return self.harness.native_input(values, self.case.dtype)

    def further(self, shape: Sequence[int]) -> list[FloatArray]:
        """The weights, mask or noise that go with an input.

        Args:
            shape: The input's shape.
        """
        return further_inputs(self.activation, self.parameters, self.case.dtype, shape)

    def inputs(self, x: Any) -> list[Any]:
        """The arguments of a call: x, and what goes with it.

        Args:
            x: The framework's array.
        """
        return [x, *map(self.native, self.further(tuple(x.shape)))]

    def output_shape(self, values: FloatArray) -> tuple[int, ...]:
        """The shape that the result should have.

        Args:
            values: The input.
        """
        if self.pointwise:
            return values.shape
        arrays = [values, *self.further(values.shape)]
        return Arrangement(self.activation, self.parameters, arrays).output_shape

    def cotangent(self, values: FloatArray) -> FloatArray | None:
        """What gradients are taken with; None for ones, which softmax would turn into 0.

        Args:
            values: The input.
        """
        if self.pointwise:
            return None
        return spread(self.case.dtype, self.output_shape(values), seed=1)

    def call(
        self, order: int, x: Any, values: FloatArray, further: Sequence[Any] | None = None
    ) -> Any:
        """The value, or the gradient by x.

        Args:
            order: Of which derivative.
            x: The framework's array.
            values: What is in it.
            further: What goes with it, in place of what `further` gives.
        """
        inputs = self.inputs(x) if further is None else [x, *further]
        return self._answer(order, inputs, self._given(values) if order else None)

    def calls(self, xs: Sequence[Any], arrays: Sequence[FloatArray]) -> list[list[Any]]:
        """The value and, if there is one, the gradient by x: for each of `orders` those of all.

        Args:
            xs: The framework's arrays.
            arrays: What is in them.
        """
        orders = self.orders
        cotangents = map(self._given, arrays) if 1 in orders else [None] * len(arrays)
        found = self.harness.each(
            lambda inputs, cotangent: [self._answer(order, inputs, cotangent) for order in orders],
            list(zip(map(self.inputs, xs), cotangents, strict=True)),
        )
        return [[outputs[place] for outputs in found] for place in range(len(orders))]

    def _given(self, values: FloatArray) -> Any:
        cotangent = self.cotangent(values)
        return None if cotangent is None else self.native(cotangent)

    def _answer(self, order: int, inputs: Sequence[Any], cotangent: Any) -> Any:
        if order == 0:
            return self.implementation.value(inputs)
        return self.implementation.gradients(inputs, cotangent)[0]

    def numbers(self, order: int, values: FloatArray) -> FloatArray:
        """The same as a NumPy array; raises `TypeError` if it has another type than x.

        Args:
            order: Of which derivative.
            values: The input.
        """
        result = self.call(order, self.native(values), values)
        return self.harness.to_numpy(result, self.case.dtype)

    def fault(self, order: int, result: Any, values: FloatArray, *, flushing: bool = False) -> str:
        """Says what is wrong with an output, or nothing.

        Args:
            order: Of which derivative it should be.
            result: The output, an array of the framework.
            values: The inputs.
            flushing: Whether subnormal numbers may be taken for 0 and come as 0.
        """
        output = self.harness.to_numpy(result, self.case.dtype)
        problem = self.fault_of_shape(order, output, values)
        return problem or self.fault_of_numbers(order, output, values, flushing=flushing)

    def fault_of_shape(self, order: int, output: FloatArray, values: FloatArray) -> str:
        """Says that an output has a wrong shape, or nothing.

        Args:
            order: Of which derivative it should be.
            output: The output.
            values: The inputs.
        """
        shape = values.shape if order else self.output_shape(values)
        if output.shape == shape:
            return ""
        return f"the output has shape {output.shape}, expected {shape}"

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
            order: Of which derivative it should be.
            output: The output.
            values: The inputs.
            flushing: Whether subnormal numbers may be taken for 0 and come as 0.
            causes: Whether to look for the cause, which takes a while.
        """
        if not values.size:
            return ""
        return self._fault(order, output, self.pose(order, values), flushing, causes)

    def all_right(
        self, order: int, outputs: Sequence[FloatArray], arrays: Sequence[FloatArray]
    ) -> bool:
        """Says whether several outputs are right. They are judged at once, which is quicker.

        Args:
            order: Of which derivative they should be.
            outputs: The outputs, NumPy arrays already.
            arrays: The inputs.
        """
        pairs = [pair for pair in zip(outputs, arrays, strict=True) if pair[1].size]
        if not pairs:
            return True
        problems = [self.pose(order, values) for _, values in pairs]
        together = np.concatenate([output.ravel() for output, _ in pairs])
        return not self._fault(order, together, _joined(problems), flushing=False, causes=False)

    def _fault(
        self, order: int, output: FloatArray, problem: Problem, flushing: bool, causes: bool
    ) -> str:
        case, numerics = replace(self.case, order=order), self.numerics
        output = output.reshape(problem.reference.high.shape)
        chosen = problem.judged & inside(problem, self.domain)
        for deviation in self._deviations(order):
            chosen &= ~deviation.covers(
                widen(problem.about), problem.reference.high, widen(output), case.dtype
            )
        if flushing:
            chosen &= ~may_be_flushed(problem, output, case.dtype)
        judgement = judge_problem(case, numerics, problem, output, chosen, statistics=False)
        if judgement.count == 0 and output.size >= COUNT:
            return "no input was judged"
        if judgement.passed:
            return ""
        causes = causes and self.elementwise
        cause = explain(case, numerics, problem, output) if causes else ""
        return (
            f"{'value' if order == 0 else 'gradient'} at x={judgement.worst_x}: got "
            f"{judgement.got}, want {judgement.want}; {judgement.failures} of "
            f"{judgement.count} inputs" + (f"; {cause}" if cause else "")
        )

    def _deviations(self, order: int) -> Sequence[Deviation]:
        if not self.declared:
            return []
        return deviations_of(replace(self.case, order=order), self.harness, self.numerics)

    def pose(
        self, order: int, values: FloatArray, further: Sequence[FloatArray] | None = None
    ) -> Problem:
        """What an input poses, with the exact answer; the gradient as `call` takes it.

        Args:
            order: Of which derivative.
            values: The input, of an elementwise activation in any shape; the answer is in a row.
            further: What goes with it, in place of what `further` gives.
        """
        case = replace(self.case, backend="", order=order)
        if not self.elementwise:
            arrays = [values, *(self.further(values.shape) if further is None else further)]
            cotangent = self.cotangent(values) if order else None
            arrays += [] if cotangent is None else [cotangent]
            data = tuple((array.dtype, array.shape, array.tobytes()) for array in arrays)
            return _pose_jointly(case, data, cotangent is not None)
        # Nearly every check asks about the same few numbers, which are evaluated once.
        flat = values.reshape(-1)
        bits = flat.view(f"u{flat.itemsize}")
        known = np.unique(self.values().view(bits.dtype))
        if not np.isin(bits, known).all():
            known = np.unique(bits)
        inverse = np.searchsorted(known, bits)
        once = _pose_once(case, known.tobytes(), self.oracle)
        return replace(once.at(inverse), inputs=(flat,), about=flat)


def _joined(problems: Sequence[Problem]) -> Problem:
    """One problem with the outputs of several, and the limits of the shortest."""

    def flat(arrays: Iterable[FloatArray]) -> FloatArray:
        return np.concatenate([array.ravel() for array in arrays])

    signed = [problem.signed for problem in problems if problem.signed is not None]
    return Problem(
        inputs=(),
        cotangent=None,
        reference=Reference(
            flat(problem.reference.high for problem in problems),
            flat(problem.reference.low for problem in problems),
        ),
        slack=flat(problem.slack for problem in problems),
        about=flat(problem.about for problem in problems),
        judged=flat(problem.judged for problem in problems),
        value_range=problems[0].value_range,
        length=min(problem.length for problem in problems),
        signed=flat(signed) if len(signed) == len(problems) else None,
        kinks=problems[0].kinks,
    )


@kept_while_registered(64)
def _pose_once(case: Case, data: bytes, oracle: Oracle | None) -> Problem:
    values = np.frombuffer(data, dtype=float_format(case.dtype).dtype)
    return problem_at(case, [values], oracle=oracle)


@kept_while_registered(512)  # the checks of all backends ask about the same arrays
def _pose_jointly(
    case: Case, data: tuple[tuple[Any, tuple[int, ...], bytes], ...], with_cotangent: bool
) -> Problem:
    arrays = [np.frombuffer(raw, dtype).reshape(shape) for dtype, shape, raw in data]
    cotangent = arrays.pop() if with_cotangent else None
    return problem_at(case, arrays, cotangent)


def bench_for(
    case: Case,
    numerics: Numerics,
    implement: Implement,
    oracle: Oracle | None = None,
    domain: Domain | None = None,
    quick: bool = False,
    orders: Sequence[int] = ORDERS,
) -> Bench:
    """Returns the bench for a case.

    Args:
        case: The case, of order 0.
        numerics: The profile.
        implement: What is checked.
        oracle: An explicit oracle.
        domain: The interval of inputs that are judged; default: all.
        quick: Whether fewer settings are tried.
        orders: Only these derivatives.
    """
    harness = load_harness(case.backend)
    declared = implement is registered
    return Bench(case, numerics, harness, implement, oracle, domain, quick, orders, declared)
