"""Arrays of few different elements: their shapes, and what should come out of a call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance.dimensions.setting import lengthened
from unified_act_conformance.floats import FloatArray
from unified_act_conformance.problems import Problem

__all__ = ["COTANGENTS", "DIRECTIONS", "NOISE", "Answer", "Pose", "flat", "scattered", "shape_of"]

Array = NDArray[Any]
Codes = NDArray[np.int64]

COTANGENTS = (1.0, -0.75, 0.5, 1.5, -2.0)
DIRECTIONS = (1.0, 0.5, -0.75)
NOISE = (0.25, 0.75, 0.5, 0.0625)
STEPS = (7, 11, 13, 1)
DEPTHS = (5, 3, 2, 4)
"""Lengths of the dimensions after the first, beside the axis."""
LARGEST = 300_000
"""About as many elements as an array with an axis may have, unless it is to have more."""


@dataclass(frozen=True)
class Answer:
    """What one result should be.

    Attributes:
        part: By which input it is the derivative; `x` for a value.
        codes: For each element of the result, which of the different elements it is.
        problem: The different elements with their exact answers.
        rounded: The same with parameters as float32 rounds them, which are as good an answer; None
            if they are the same.
    """

    part: str
    codes: Codes
    problem: Problem
    rounded: Problem | None = None

    @cached_property
    def sorted(self) -> tuple[Codes, Codes, Codes]:
        """The places in the order of their codes, where each code starts there, and the codes."""
        flat = self.codes.reshape(-1)
        if flat.max(initial=0) <= np.iinfo(np.uint16).max:  # which NumPy sorts much faster
            flat = flat.astype(np.uint16)
        order = np.argsort(flat, kind="stable")
        in_order = flat[order]
        starts = np.flatnonzero(np.append(True, in_order[1:] != in_order[:-1])[: flat.size])
        return order, starts, in_order[starts].astype(np.int64)


@dataclass(frozen=True)
class Pose:
    """The inputs of one call with the answers.

    Attributes:
        inputs: What the activation is called with.
        cotangent: What the gradient is taken with; None for the value.
        directions: What the second derivative is taken along; empty for the others.
        answers: What should come out; several of a gradient by several inputs.
        value: What the value should be that is computed with a gradient.
    """

    inputs: tuple[Array, ...]
    cotangent: FloatArray | None
    directions: tuple[FloatArray, ...]
    answers: tuple[Answer, ...]
    value: Answer | None = None


def shape_of(setting: Mapping[str, Any], length: int | None) -> tuple[int, ...]:
    """Returns the shape of the result: of some length along the axis, if there is one.

    Args:
        setting: Rank and axis, batch and elements.
        length: The length along the axis; None if no axis matters.
    """
    rank, axis = setting["place"]
    count = rank if length is None else rank - 1
    if not count:
        return () if length is None else (length,)
    others = (setting["batch"], *DEPTHS)[:count]
    along = length or 1
    elements = setting.get("elements") or 0
    if elements:
        others = lengthened(others, -(-elements // along))
    if length is not None and math.prod(others) * along > max(LARGEST, 2 * elements):
        most = max(1, LARGEST // along)
        others = (min(others[0], most), *[1] * (count - 1))
    if length is None:
        return tuple(others)
    place = axis % rank
    return (*others[:place], length, *others[place:])


def scattered(shape: Sequence[int], different: int, turn: int) -> Codes:
    """Returns numbers below `different`, mixed along every dimension.

    Args:
        shape: The shape.
        different: How many there are.
        turn: Which of several such arrays.
    """
    places = np.arange(math.prod(shape), dtype=np.int64)
    different = max(different, 1)
    step = next(step for step in STEPS if math.gcd(step, different) == 1)  # to reach every number
    mixed = (places * step + places // different * 3 + 5 * turn) % different
    return np.asarray(mixed.reshape(shape))


def flat(problem: Problem) -> Problem:
    """Returns the problem with arrays of one dimension, in which no zero has a sign.

    Args:
        problem: The problem.
    """
    size = problem.reference.high.size
    return replace(
        problem,
        reference=problem.reference.reshape((size,)),
        slack=problem.slack.reshape(-1),
        about=problem.about.reshape(-1),
        judged=problem.judged.reshape(-1),
        signed=np.zeros(size, dtype=np.bool_),
    )
