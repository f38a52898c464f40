"""Inputs of rows whose elements act on each other, with the exact answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act import Activation
from unified_act_conformance.dimensions.answer import (
    COTANGENTS,
    DIRECTIONS,
    NOISE,
    Answer,
    Pose,
    flat,
    scattered,
    shape_of,
)
from unified_act_conformance.floats import FloatArray, float_format, half_ulp, to_type, widen
from unified_act_conformance.problems import Problem, joint_problem, sections_of, split_over
from unified_act_conformance.subject import Case, Subject
from unified_act_conformance.truth import (
    EVERYTHING,
    LONG_ROWS,
    LongRow,
    evaluate_long_row,
    reference_of,
    value_range,
)

__all__ = ["rows_pose"]

Array = NDArray[Any]
Doubles = NDArray[np.float64]
Codes = NDArray[np.int64]

FEW = 16
"""Different numbers that are looked for one by one; what is left then is sorted."""
SHORT_ROW = 4
"""Elements of a row for the second derivative, which costs their square and more."""
ROW_KINDS = 8
LARGE = 90.0
"""The exponential function of so much overflows in float32."""
ENDS = {0.0: 2.0**-126, 1.0: 1.0 - 2.0**-24}
"""Noise whose logarithm is infinite, or has one that is, and what is taken instead."""
SPREADING = ("hardmax", "sparsemax", "entmax15", "entmax")
"""The activations of which a whole row is NaN if an element is, on every framework."""
EXPONENTIAL = (
    *("softmax", "log_softmax", "softmax2d", "masked_softmax", "masked_log_softmax"),
    "gumbel_softmax",
)
"""The activations that take any finite logits."""
SELECTING = ("crelu", "maxout")
"""The activations of rows that round nothing."""


def rows_pose(
    case: Case,
    activation: Activation,
    parameters: Mapping[str, Any],
    setting: Mapping[str, Any],
    turn: int,
) -> Pose:
    """Returns the inputs for a setting, with the exact answer.

    Args:
        case: The case.
        activation: Its activation.
        parameters: All its parameters.
        setting: What else the inputs depend on.
        turn: Which of several such inputs.
    """
    if isinstance(parameters["axis"], tuple):
        return _over_axes(case, activation, parameters, setting, turn)
    axis, sections = parameters["axis"], sections_of(activation, parameters)
    length = setting["row"]
    if case.order == 2 or activation.name not in (*LONG_ROWS, *SELECTING):
        length = min(length, SHORT_ROW)
    length = -(-length // sections) * sections
    shape = shape_of(setting, length)
    moved = np.moveaxis(np.empty(shape, dtype=np.bool_), axis, -1).shape
    number = math.prod(moved[:-1])
    patterns = _patterns(case, length)
    if case.order < 2 and activation.name in SPREADING:
        patterns.append(np.where(np.arange(length) == length // 2, math.nan, patterns[0]))
    kinds = (np.arange(number) + turn) % len(patterns)
    x = np.stack(patterns)[kinds].reshape(moved)
    x = to_type(np.moveaxis(x, -1, axis), case.dtype)
    further: list[Array] = []
    for name in activation.inputs_for(parameters)[1:]:
        if name in activation.masks:
            further.append(_mask(setting["mask"], shape, axis))
        else:
            given = NOISE if case.order == 2 else (*NOISE, *ENDS)
            noise = np.array(given)[scattered(moved, len(given), turn)]
            further.append(to_type(np.moveaxis(noise, -1, axis), case.dtype))
    cotangent = None
    directions: tuple[FloatArray, ...] = ()
    if case.order:
        length_out = length
        if activation.resizes:
            found = activation.kind.result_length(activation, parameters, length)
            length_out = length if found is None else found
        per_row = np.resize(np.array(COTANGENTS), length_out + ROW_KINDS)
        shifted = [per_row[kind : kind + length_out] for kind in range(len(patterns))]
        given = np.stack(shifted)[kinds]
        given = given.reshape(*moved[:-1], length_out)
        cotangent = to_type(np.moveaxis(given, -1, axis), case.dtype)
    if case.order == 2:
        moves = np.broadcast_to(np.resize(np.array(DIRECTIONS), length), moved)
        directions = (to_type(np.moveaxis(moves, -1, axis), case.dtype),)
    inputs = [x, *further]
    if activation.name not in LONG_ROWS or case.order == 2:
        answer = _directly(case, activation, parameters, inputs, cotangent, directions)
    else:
        answer = _by_levels(case, activation, parameters, inputs, cotangent)
    return Pose(tuple(np.ascontiguousarray(a) if i == 0 else a for i, a in enumerate(inputs)),
                cotangent, directions, (answer,))  # fmt: skip


def _over_axes(
    case: Case,
    activation: Activation,
    parameters: Mapping[str, Any],
    setting: Mapping[str, Any],
    turn: int,
) -> Pose:
    """The inputs along the last axis, which is then split into several."""
    rank, axes = setting["place"]
    given = tuple((k, v) for k, v in case.subject.parameters if k != "axis")
    last = Subject(case.subject.activation, (*given, ("axis", -1)))
    flat_rank = rank - len(axes) + 1
    pose = rows_pose(
        replace(case, subject=last),
        activation,
        {**parameters, "axis": -1},
        {**setting, "place": (flat_rank, -1)},
        turn,
    )

    def split(array: Array) -> Array:
        whole = array.reshape((1,) * (flat_rank - array.ndim) + array.shape)
        found = np.ascontiguousarray(split_over(whole, axes, rank))
        while array.ndim < flat_rank and found.shape[0] == 1 and found.ndim > 1:
            found = found[0]  # a mask of fewer dimensions stays one
        return found

    return replace(
        pose,
        inputs=tuple(split(array) for array in pose.inputs),
        cotangent=None if pose.cotangent is None else split(pose.cotangent),
        directions=tuple(split(array) for array in pose.directions),
        answers=tuple(replace(answer, codes=split(answer.codes)) for answer in pose.answers),
    )


def _patterns(case: Case, length: int) -> list[Doubles]:
    """Rows of few numbers: spread, close, equal, one winner, far, a late winner, large, huge."""
    places = np.arange(length)
    # Of a second derivative there the sign alone is left.
    low = math.log(float_format(case.dtype).epsilon) * 1.02 if case.order < 2 else -4.0
    winner = np.full(length, low)
    winner[0] = 0.0
    last = np.full(length, -1.5)
    last[-1] = 2.0
    near = np.array([0.5, -1.25, 2.0, 0.75])[(places * 3 + places // 4) % 4]
    # Sparse activations give a share to some of these, and which ones depends on all of them.
    close = np.array([0.0, 0.3, -0.55, 0.45, 0.1, -0.2])[(places * 5 + places // 6) % 6]
    far = np.array([5.0, -20.0, 4.5, -3.0, 0.0])[(places * 2 + places // 5) % 5]
    found = [near, close, np.zeros(length), winner, far, last, near + LARGE]
    # Sums of such elements overflow, so only where exponentials are added up.
    exponential = case.order < 2 and case.subject.activation in EXPONENTIAL
    if exponential and case.dtype != "float64":  # beyond that doubles hold no exact answers
        found.append(near * (float_format(case.dtype).largest / 3.5))
    return found


def _mask(kind: str, shape: tuple[int, ...], axis: int) -> Array:
    """A mask of the input's shape, or one that is broadcast to it."""
    place = axis % len(shape)
    if kind == "row":
        own = [1] * len(shape)
        own[place] = shape[place]
    elif kind == "column":
        own = [1 if index == place else length for index, length in enumerate(shape)]
    elif kind == "fewer":
        own = list(shape[min(1, place) :]) if len(shape) > 1 else list(shape)
        own = own if place else list(shape[:1]) + [1] * (len(shape) - 1)
    else:
        own = list(shape)
    places = np.arange(math.prod(own))
    return np.asarray((places * 7 % 3 != 1).reshape(own))


def _directly(
    case: Case,
    activation: Activation,
    parameters: Mapping[str, Any],
    inputs: Sequence[Array],
    cotangent: FloatArray | None,
    directions: Sequence[FloatArray],
) -> Answer:
    """Row by row: those of an activation that selects are made of small ones."""
    whole = [np.broadcast_to(a, inputs[0].shape) if a.dtype == np.bool_ else a for a in inputs]
    if activation.name in SELECTING and not directions:
        return _selected(case, activation, parameters, whole[0], cotangent)
    problem = joint_problem(case, whole, cotangent, directions or None)
    codes = np.arange(problem.slack.size).reshape(problem.slack.shape)
    return Answer("x", codes, flat(problem))


def _selected(
    case: Case,
    activation: Activation,
    parameters: Mapping[str, Any],
    x: FloatArray,
    cotangent: FloatArray | None,
) -> Answer:
    """Of maxout and crelu, which round nothing."""
    axis = parameters["axis"]
    values = widen(x)
    given = None if cotangent is None else widen(cotangent)
    if activation.name == "crelu":
        if given is None:
            exact = np.concatenate([np.maximum(values, 0.0), np.maximum(-values, 0.0)], axis=axis)
        else:
            right, left = np.split(given, 2, axis=axis)
            exact = np.where(values > 0, right, 0.0) - np.where(values < 0, left, 0.0)
    else:
        rivals = np.stack(np.split(values, parameters["groups"], axis=axis))
        first = np.argmax(rivals, axis=0)
        exact = rivals.max(axis=0)
        if given is not None:
            parts = [np.where(first == group, given, 0.0) for group in range(len(rivals))]
            exact = np.concatenate(parts, axis=axis)
    values_of, codes = np.unique(exact, return_inverse=True)
    zeros = np.zeros(values_of.size)
    problem = Problem(
        inputs=(),
        cotangent=None,
        reference=reference_of(values_of, zeros),
        slack=zeros,
        about=to_type(values_of, case.dtype),
        judged=np.ones(values_of.size, dtype=np.bool_),
        value_range=EVERYTHING,
        signed=np.zeros(values_of.size, dtype=np.bool_),
    )
    return Answer("x", codes.reshape(exact.shape).astype(np.int64), problem)


def _by_levels(
    case: Case,
    activation: Activation,
    parameters: Mapping[str, Any],
    inputs: Sequence[Array],
    cotangent: FloatArray | None,
) -> Answer:
    """Each different row once, by its different elements."""
    axis, shape, dtype = parameters["axis"], inputs[0].shape, case.dtype
    x = _as_rows(widen(inputs[0]), axis)
    given = np.zeros(x.shape) if cotangent is None else _as_rows(widen(cotangent), axis)
    mask, noise = np.ones(x.shape, dtype=np.bool_), np.full(x.shape, 0.5)
    for name, array in zip(activation.inputs_for(parameters)[1:], inputs[1:], strict=True):
        if name in activation.masks:
            mask = _as_rows(np.broadcast_to(array, shape), axis)
        else:
            noise = _as_rows(widen(array), axis)
    has_noise = bool(activation.noise) and len(inputs) > 1
    is_end = np.zeros(x.shape, dtype=np.bool_)
    for end, instead in ENDS.items() if has_noise else ():
        is_end |= noise == end
        noise = np.where(noise == end, instead, noise)
    compared = x - np.log(-np.log(noise)) if has_noise else x
    first = np.zeros(x.shape, dtype=np.bool_)
    first[np.arange(len(x)), compared.argmax(axis=1)] = True
    codes = np.empty(x.shape, dtype=np.int64)
    known: dict[bytes, Codes] = {}
    columns: list[tuple[Array, ...]] = []
    start = 0
    lines = [x, given, mask, noise, is_end, first]
    telling = lines[:-1] if has_noise else lines[:3]  # which say what comes first too
    for index in range(len(x)):
        key = b"".join([line[index].tobytes() for line in telling])
        if key not in known:
            row = np.stack([line[index] for line in lines]).astype(np.float64)
            different, inverse, counts = _different(row)
            found = _row_answers(case, parameters, different, counts, has_noise, dtype)
            columns.append((*found, different[0]))
            known[key] = inverse + start
            start += counts.size
        codes[index] = known[key]
    high, low, slack, about = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    ranges = value_range(activation.name, 0) if case.order == 0 else EVERYTHING
    problem = Problem(
        inputs=(),
        cotangent=None,
        reference=reference_of(high, low),
        slack=slack,
        about=to_type(about, dtype),
        judged=~np.isnan(high) if case.order else np.ones(high.size, dtype=np.bool_),
        value_range=ranges,
        length=x.shape[1],
        signed=np.zeros(high.size, dtype=np.bool_),
    )
    moved = np.moveaxis(np.empty(shape, dtype=np.bool_), axis, -1).shape
    return Answer("x", np.moveaxis(codes.reshape(moved), -1, axis), problem)


def _as_rows(array: Array, axis: int) -> Array:
    moved = np.moveaxis(array, axis, -1)
    return np.ascontiguousarray(moved.reshape(-1, moved.shape[-1]))


def _different(row: Doubles) -> tuple[Doubles, Codes, Doubles]:
    """The different columns, which one each is, and how often each occurs."""
    code = np.zeros(row.shape[1], dtype=np.int64)
    for line in row:
        if (line == line[0]).all():
            continue
        number, inverse = _numbered(line)
        code = code * number + inverse
    counts = np.bincount(code)
    found = np.flatnonzero(counts)
    first = np.empty(counts.size, dtype=np.int64)
    first[code[::-1]] = np.arange(code.size)[::-1]
    place = np.empty(counts.size, dtype=np.int64)
    place[found] = np.arange(found.size)
    return row[:, first[found]], place[code], counts[found].astype(np.float64)


def _numbered(line: Doubles) -> tuple[int, Codes]:
    """How many different numbers there are, and the rank of each; NaN is the last.

    There are few of them in a long row, which sorting would take long to find.
    """
    rest = line[~np.isnan(line)]
    found: list[float] = []
    while rest.size and len(found) < FEW:
        found.append(float(rest[0]))
        rest = rest[rest != rest[0]]
    values = np.unique([*found, *rest])
    inverse = np.searchsorted(values, line)
    return values.size + int(np.isnan(line).any()), inverse


def _row_answers(
    case: Case,
    parameters: Mapping[str, Any],
    different: Doubles,
    counts: Doubles,
    has_noise: bool,
    dtype: str,
) -> tuple[Doubles, Doubles, Doubles]:
    x, cotangent, mask, noise, is_end, first = different
    if np.isnan(x).any():
        return np.full(x.size, math.nan), np.zeros(x.size), np.zeros(x.size)
    chosen = np.flatnonzero(first)
    reference, slack = evaluate_long_row(
        case.subject.activation,
        case.order,
        LongRow(
            x=x,
            counts=counts,
            half_ulps=half_ulp(x, dtype),
            cotangent=cotangent,
            half_ulps_cotangent=half_ulp(cotangent, dtype),
            counted=mask != 0.0,
            noise=noise if has_noise else None,
            half_ulps_noise=_half_ulps(noise, is_end, dtype) if has_noise else None,
            first=int(chosen[0]),
        ),
        parameters,
    )
    return reference.high, reference.low, slack


def _half_ulps(noise: Doubles, is_end: Doubles, dtype: str) -> Doubles:
    """Half an ulp of the noise; at an end, what comes to half an ulp of its double logarithm."""
    if not is_end.any():
        return half_ulp(noise, dtype)
    inner = -np.log(noise)
    return np.where(is_end, half_ulp(-np.log(inner), dtype) * noise * inner, half_ulp(noise, dtype))
