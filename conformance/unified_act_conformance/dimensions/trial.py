"""Tries an activation in the settings of `setting`, and says in words where it is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act import Activation
from unified_act.backend import Numerics
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.declared import Deviation
from unified_act_conformance.dimensions.answer import Answer, Pose
from unified_act_conformance.dimensions.pose import pose_for
from unified_act_conformance.dimensions.setting import Setting
from unified_act_conformance.floats import FloatArray, to_type, widen
from unified_act_conformance.harness import Harness, NotOfferedError
from unified_act_conformance.judge import (
    Domain,
    deviations_of,
    inside,
    judge_problem,
    may_be_flushed,
)
from unified_act_conformance.problems import Problem
from unified_act_conformance.subject import (
    ORDER_NAMES,
    ORDERS,
    Case,
    Differentiated,
    Implement,
    Implementation,
    Subject,
    registered,
)
from unified_act_conformance.truth import Oracle, OracleError, Reference, unrecorded

__all__ = ["Trial"]

Array = NDArray[Any]
Call = Callable[[], Sequence[Any]]

TURNS = 2
"""How many different inputs several threads work on at once."""


@dataclass(frozen=True)
class Trial:
    """Tries one activation on one backend.

    Attributes:
        subject: The activation, with the parameters of an ordinary call.
        backend: The backend.
        numerics: The profile.
        harness: The harness of the backend.
        implement: What is tried.
        oracle: An explicit oracle, or None.
        domain: The interval of inputs that are judged, or None.
        fixed: Whether the parameters cannot be varied, as those inside a user's function.
        orders: Only these derivatives are tried.
    """

    subject: Subject
    backend: str
    numerics: Numerics
    harness: Harness
    implement: Implement = registered
    oracle: Oracle | None = None
    domain: Domain | None = None
    fixed: bool = False
    orders: Sequence[int] = ORDERS

    @property
    def activation(self) -> Activation:
        """The activation, as specified."""
        return ACTIVATIONS.find(self.subject.activation)

    def fails(self, setting: Setting) -> str:
        """Says what is wrong in a setting; nothing if it is right or cannot be tried.

        Args:
            setting: The setting.
        """
        try:
            return self.fault(setting)
        except NotOfferedError:
            return ""

    def fault(self, setting: Setting) -> str:
        """Says what is wrong in a setting, or nothing.

        Args:
            setting: The setting.

        Raises:
            NotOfferedError: The backend or its framework does not offer this.
        """
        try:
            return self._fault(setting)
        except NotOfferedError:
            raise
        except ua.ParameterValueError as error:
            raise NotOfferedError(str(error)) from error  # the type does not have the value
        except Exception as error:
            if isinstance(error, OracleError) and unrecorded(self.subject.activation):
                # Nobody has said for which parameters a plugin's definition makes sense.
                raise NotOfferedError(str(error)) from error
            return f"{type(error).__name__}: {error}"

    def outputs(self, setting: Setting) -> list[FloatArray]:
        """Returns what one call in a setting gives: the value, or the gradients.

        Args:
            setting: The setting.

        Raises:
            NotOfferedError: The backend or its framework does not offer this.
        """
        with self.harness.context(setting["mode"]):
            case, _, call = self._prepared(setting, 0)
            return self._numbers(case, call())

    def _fault(self, setting: Setting) -> str:
        with self.harness.context(setting["mode"]):
            return self._fault_in_mode(setting)

    def _fault_in_mode(self, setting: Setting) -> str:
        case, pose, call = self._prepared(setting, 0)
        before = setting["before"]
        if before == "another shape":
            other = {**setting, "threads": 1, **self._another(setting)}
            self._prepared(other, 1)[2]()
        elif before != "nothing":
            for _ in range(1 if before == "the same" else before - 1):
                call()
        if setting["threads"] == 1:
            return self._judged(case, pose, self._numbers(case, call()), setting["mode"])
        return self._at_once(setting, case)

    def _at_once(self, setting: Setting, case: Case) -> str:
        """Several threads call it, with different inputs."""
        # Each has arrays of its own: a framework may keep the gradient beside the input.
        chosen = [self._prepared(setting, turn % TURNS) for turn in range(setting["threads"])]
        pool = _pool(len(chosen), os.getpid())
        found = list(pool.map(lambda each: self._numbers(case, each[2]()), chosen))
        seen: set[tuple[int, bytes]] = set()
        for (_, pose, _), outputs in zip(chosen, found, strict=True):
            bits = (id(pose), b"".join(array.tobytes() for array in outputs))
            problem = "" if bits in seen else self._judged(case, pose, outputs, setting["mode"])
            if problem:
                return problem
            seen.add(bits)
        return ""

    @staticmethod
    def _another(setting: Setting) -> dict[str, Any]:
        smaller = {"batch": 5, "row": 12, "elements": 40}
        return {name: value for name, value in smaller.items() if name in setting}

    def _prepared(self, setting: Setting, turn: int) -> tuple[Case, Pose, Call]:
        name = self.subject.activation
        posed, pose = pose_for(name, setting, turn, self.oracle)
        case = replace(posed, backend=self.backend)
        offered = self.harness.orders(name, case.dtype, self.numerics)
        if case.order not in offered or case.order not in self.orders:
            raise NotOfferedError(f"there is no {ORDER_NAMES[case.order]}")
        implementation = self.implement(case, self.numerics)
        if case.order and not implementation.differentiable:
            raise NotOfferedError(f"there is no {ORDER_NAMES[case.order]}")
        if setting["mode"] in self.harness.modes:
            compiled = self.harness.modes[setting["mode"]](implementation.function)
            implementation = Differentiated(compiled, self.harness)
        x, *further = pose.inputs
        natives = [self.harness.laid_out(x, case.dtype, setting["layout"])]
        natives += [self.harness.native_input(array, case.dtype) for array in further]
        if not self.harness.scalars and any(array.ndim == 0 for array in pose.inputs):
            raise NotOfferedError("arrays have at least one dimension")
        return case, pose, self._call(case, implementation, pose, natives)

    def _call(
        self, case: Case, implementation: Implementation, pose: Pose, inputs: Sequence[Any]
    ) -> Call:
        if case.order == 0:
            return lambda: [implementation.value(inputs)]
        cotangent = None
        if pose.cotangent is not None:
            cotangent = self.harness.to_native(pose.cotangent, case.dtype)
        names = self.activation.inputs
        places = [names.index(answer.part) for answer in pose.answers]
        if case.order == 1:

            def gradients() -> Sequence[Any]:
                value, found = implementation.value_and_gradients(inputs, cotangent)
                return [*(found[place] for place in places), *([] if value is None else [value])]

            return gradients
        if not pose.directions:
            ones = self.harness.to_native(np.ones_like(pose.inputs[0]), case.dtype)
            return lambda: [implementation.second_derivative(inputs[0], ones)]
        moves = [self.harness.to_native(array, case.dtype) for array in pose.directions]

        def products() -> Sequence[Any]:
            found = implementation.hessian_product(inputs, cotangent, moves)
            return [found[place] for place in places]

        return products

    def _numbers(self, case: Case, outputs: Sequence[Any]) -> list[FloatArray]:
        return [self.harness.to_numpy(output, case.dtype) for output in outputs]

    def _judged(self, case: Case, pose: Pose, outputs: Sequence[FloatArray], mode: str) -> str:
        expected = [(answer.part, answer) for answer in pose.answers]
        if len(outputs) > len(expected) and pose.value is not None:
            expected.append(("value", pose.value))
        for (part, answer), numbers in zip(expected, outputs, strict=True):
            about = replace(case, part=part if case.order else "x")
            if part == "value":
                about = replace(case, order=0)
            if numbers.shape != answer.codes.shape:
                return f"the {_what(about)} has shape {numbers.shape}, not {answer.codes.shape}"
            problem = self._wrong(about, answer, numbers, mode)
            if problem:
                return problem
        return ""

    def _wrong(self, case: Case, answer: Answer, output: FloatArray, mode: str) -> str:
        """Of each different element, the smallest and the largest of its results are judged."""
        codes, ends = _ends(answer, output)
        asked = answer.problem.at(codes)
        if answer.rounded is not None:
            asked = _nearer(asked, answer.rounded.at(codes), widen(ends))
        chosen = asked.judged & inside(asked, self.domain)
        for deviation in self._deviations(case):
            chosen &= ~deviation.covers(
                widen(asked.about), asked.reference.high, widen(ends), case.dtype,
                summed=case.part != "x" or case.order == 2,
            )  # fmt: skip
        if mode in self.harness.flushing_modes:
            chosen &= ~may_be_flushed(asked, ends, case.dtype)
        # A compiler may reorder what strict promises.
        compiled = mode in self.harness.modes and mode not in self.harness.eager_modes
        numerics: Numerics = "fast" if compiled else self.numerics
        judgement = judge_problem(case, numerics, asked, ends, chosen, statistics=False)
        if judgement.passed or not judgement.count:
            return ""
        return (
            f"the {_what(case)} at x={judgement.worst_x} is {judgement.got}, not {judgement.want}"
        )

    def _deviations(self, case: Case) -> Iterator[Deviation]:
        if self.implement is registered:
            yield from deviations_of(case, self.harness, self.numerics)


@lru_cache(maxsize=1)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads that stay: MXNet keeps 5 MB for each that ever was. A forked process has none."""
    del process
    return ThreadPoolExecutor(threads)


def _what(case: Case) -> str:
    return ORDER_NAMES[case.order] + ("" if case.part == "x" else f" by {case.part}")


def _nearer(first: Problem, second: Problem, output: Array) -> Problem:
    """For each element the one of two problems whose answer is nearer to the output."""
    with np.errstate(invalid="ignore"):
        distances = [np.abs(output - each.reference.high) for each in (first, second)]
    use = np.asarray(distances[1] < distances[0])
    high, low, slack = (
        np.where(use, second_part, first_part)
        for first_part, second_part in (
            (first.reference.high, second.reference.high),
            (first.reference.low, second.reference.low),
            (first.slack, second.slack),
        )
    )
    # At a kink the second derivative is not specified, wherever rounding takes the kink.
    return replace(
        first, reference=Reference(high, low), slack=slack, judged=first.judged & second.judged
    )


def _ends(answer: Answer, output: FloatArray) -> tuple[Array, FloatArray]:
    """The smallest and the largest output of each code; a NaN is both, where none is due."""
    codes = answer.codes.reshape(-1)
    if not codes.size:
        return codes, output.reshape(-1)
    # Sorting takes long, and mostly all outputs of a code are the same.
    bits = np.ascontiguousarray(output).view(f"u{output.itemsize}").reshape(-1)
    some = np.full(answer.problem.slack.size, -1)
    some[codes] = np.arange(codes.size)
    if (bits == bits[some][codes]).all():
        there = np.flatnonzero(some >= 0)
        return there, output.reshape(-1)[some[there]]
    order, starts, codes = answer.sorted
    wide = widen(output.reshape(-1)[order])
    least, most = np.minimum.reduceat(wide, starts), np.maximum.reduceat(wide, starts)
    least = np.where(
        np.isnan(answer.problem.reference.high[codes]), np.fmin.reduceat(wide, starts), least
    )
    ends = to_type(np.concatenate([least, most]), output.dtype.name)
    return np.concatenate([codes, codes]), ends
