"""Inputs for a setting, with the exact answers.

An input holds few different elements, each many times. So the exact answers are those of a few
elements, however large the array, and however often a framework is asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from unified_act import Activation
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.dimensions.setting import Setting, bound, lengthened
from unified_act_conformance.floats import FloatArray, float_format, half_ulp, to_type, widen
from unified_act_conformance.inputs import evenly
from unified_act_conformance.problems import (
    Problem,
    joint_problem,
    problem_at,
    sections_of,
    weight_values,
)
from unified_act_conformance.subject import Case, Subject
from unified_act_conformance.truth import (
    EVERYTHING,
    FIRST_PRECISION,
    LONG_ROWS,
    LongRow,
    Oracle,
    Reference,
    evaluate_long_row,
    reference_of,
    split,
    truth_of,
    value_range,
)

__all__ = ["Answer", "Pose", "pose_for"]

Array = NDArray[Any]
Doubles = NDArray[np.float64]
Codes = NDArray[np.int64]

SPECIAL = (0.0, -0.0, 1.0, -1.0, 20.0, -20.0, 100.0, -100.0, 3e-5, -3e-5)
LIMITS = (math.inf, -math.inf, math.nan)
DENSE = 64
"""How many numbers are spread over [-6, 6]."""
MULTIPLES = (-2.0, -1.0, -0.5, 0.5, 0.9, 1.0, 1.1, 2.0)
"""Of every parameter, and of the reciprocal of every parameter."""
LARGEST = 1e30
"""What parameters and their multiples may come to as inputs."""
OF_WEIGHTS = (0.0, 1.0, -1.0, 2.5, -2.5, 0.3, -0.3, 6.0, -6.0, 1e-3, -1e-3, 4.0, -3.3)
VALUES = (1.0, -1.0, 0.3, -2.7, 50.0, 0.0)
GATES = (0.0, 1.0, -1.0, 0.3, -3.5, 7.0, -9.7, 20.0)
COTANGENTS = (1.0, -0.75, 0.5, 1.5, -2.0)
DIRECTIONS = (1.0, 0.5, -0.75)
NOISE = (0.25, 0.75, 0.5, 0.0625)
DEPTHS = (5, 3, 2, 4)
"""Lengths of the dimensions after the first, beside the axis."""
ELEMENTS_OF_ROWS = 300_000
"""About as many elements as an array of rows may have."""
SHORT_ROW = 4
"""Elements of a row for the second derivative, which costs their square and more."""
ROW_KINDS = 5
SELECTING = ("crelu", "maxout")
"""The activations of rows that round nothing."""


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
        order = np.argsort(flat, kind="stable")
        starts = np.flatnonzero(np.diff(flat[order], prepend=-1))
        return order, starts, flat[order[starts]]


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


def pose_for(
    name: str, setting: Setting, turn: int = 0, oracle: Oracle | None = None
) -> tuple[Case, Pose]:
    """Returns the inputs for a setting, with the exact answers; the last ones are kept.

    Args:
        name: The canonical name of the activation.
        setting: The setting.
        turn: Which of several such inputs.
        oracle: The exact function of an elementwise activation, in place of the suite's own.
    """
    posed = ("dtype", "order", "place", "row", "elements", "channels", "batch", "mask")
    activation = ACTIVATIONS.find(name)
    parameters = tuple(bound(activation, setting).items())
    relevant = tuple((key, setting.get(key)) for key in posed)
    weights = tuple(setting[f"weight {weight}"] for weight in activation.weights)
    return _posed(name, parameters, relevant, weights, turn, oracle)


@lru_cache(maxsize=64)
def _posed(
    name: str,
    parameters: tuple[tuple[str, Any], ...],
    relevant: tuple[tuple[str, Any], ...],
    weights: tuple[int, ...],
    turn: int,
    oracle: Oracle | None,
) -> tuple[Case, Pose]:
    activation, given = ACTIVATIONS.find(name), dict(parameters)
    setting = dict(relevant)
    defaults = {p.name: p.default for p in activation.parameters}
    subject = Subject(name, tuple((k, v) for k, v in given.items() if v != defaults[k]))
    case = Case(subject, "", setting["dtype"], setting["order"])
    value = None
    if case.order == 1:
        there = tuple({**setting, "order": 0}.items())
        (value,) = _posed(name, parameters, there, weights, turn, oracle)[1].answers
    if activation.kind.elementwise:
        pose = _elementwise(case, setting, turn, oracle)
    elif activation.along_axis:
        pose = _rows(case, activation, given, setting, turn)
    else:
        pose = _pointwise(case, activation, given, setting, weights, turn)
    return case, replace(pose, value=value)


# --- Shapes ---


def _shape(setting: Mapping[str, Any], length: int | None) -> tuple[int, ...]:
    """The shape of the result: of some length along the axis, if there is one."""
    rank, axis = setting["place"]
    count = rank if length is None else rank - 1
    if not count:
        return () if length is None else (length,)
    others = (setting["batch"], *DEPTHS)[:count]
    along = length or 1
    if setting.get("elements"):
        others = lengthened(others, -(-setting["elements"] // along))
    elif length is not None and math.prod(others) * along > ELEMENTS_OF_ROWS:
        most = max(1, ELEMENTS_OF_ROWS // along)
        others = (min(setting["batch"], most), *[1] * (count - 1))
    if length is None:
        return tuple(others)
    place = axis % rank
    return (*others[:place], length, *others[place:])


def _scattered(shape: Sequence[int], different: int, turn: int) -> Codes:
    """Numbers below `different`, mixed along every dimension."""
    places = np.arange(math.prod(shape), dtype=np.int64)
    mixed = (places * 7 + places // max(different, 1) * 3 + 5 * turn) % max(different, 1)
    return np.asarray(mixed.reshape(shape))


def _repeated(values: Sequence[float], size: int, dtype: str) -> FloatArray:
    return to_type(np.resize(np.array(values), size), dtype)


# --- Elementwise ---


def _elementwise(case: Case, setting: Mapping[str, Any], turn: int, oracle: Oracle | None) -> Pose:
    atoms = _numbers(case, oracle)
    codes = _scattered(_shape(setting, None), atoms.size, turn)
    problem = problem_at(case, [atoms], oracle=oracle)
    problem = _apart_from_kinks(case, _with_zeros(case, problem))
    rounded = _with_rounded_parameters(case, problem, oracle)
    cotangent = None
    if case.order == 1:
        # Not where a number may be taken for 0, which is recognised by what 0 comes to.
        size = np.abs(widen(atoms))
        negative = (np.arange(atoms.size) % 3 == 0) & ~(
            size < float_format(case.dtype).smallest_normal
        )
        signs = np.where(negative, -1.0, 1.0)
        problem = _times(problem, signs)
        rounded = rounded and _times(rounded, signs)
        cotangent = to_type(np.asarray(signs[codes]), case.dtype)
    return Pose((np.asarray(atoms[codes]),), cotangent, (), (Answer("x", codes, problem, rounded),))


def _with_rounded_parameters(case: Case, problem: Problem, oracle: Oracle | None) -> Problem | None:
    """The same with the parameters as float32 rounds them; None where nothing computes in it."""
    given = case.subject.parameters
    rounded = tuple((key, _to_float32(value)) for key, value in given)
    if case.dtype == "float64" or rounded == given or oracle is not None:
        return None
    there = replace(case, subject=replace(case.subject, parameters=rounded))
    return problem_at(there, problem.inputs)


def _with_zeros(case: Case, problem: Problem) -> Problem:
    """Leaves out what no promise is about where a parameter is 0: signs, the smallest inputs."""
    if 0.0 not in dict(case.subject.parameters).values():
        return problem
    tiny = np.abs(widen(problem.about)) < float_format(case.dtype).smallest_normal
    judged = problem.judged & (~tiny | (problem.about == 0))
    return replace(problem, judged=judged, signed=np.zeros(problem.slack.shape, dtype=np.bool_))


def _apart_from_kinks(case: Case, problem: Problem) -> Problem:
    """Leaves out derivatives beside a kink that is computed from the parameters, and rounded."""
    if not case.order or not case.subject.parameters:
        return problem
    x, judged = widen(problem.about), problem.judged
    reach = 2.0**-50 if case.dtype == "float64" else 2.0**-22
    for kink in problem.kinks:
        if abs(kink) not in {abs(value) for _, value in case.subject.parameters}:
            judged = judged & ((x == kink) | (np.abs(x - kink) > reach * abs(kink)))
    return replace(problem, judged=judged)


def _to_float32(value: Any) -> Any:
    """The nearest number of the type that all but float64 are computed in."""
    return float(np.float32(value)) if isinstance(value, float) else value


def _times(problem: Problem, signs: Doubles) -> Problem:
    reference = Reference(problem.reference.high * signs, problem.reference.low * signs)
    low, high = problem.value_range
    return replace(problem, reference=reference, value_range=(min(low, -high), max(high, -low)))


def _numbers(case: Case, oracle: Oracle | None) -> FloatArray:
    """Numbers of all magnitudes, around the kinks and around what the parameters name."""
    parameters = [float(value) for _, value in case.subject.parameters]
    wide = [LARGEST * 2.0 if value == 0 else 1.0 / value for value in parameters]
    scaled = [factor * value for value in (*parameters, *wide) for factor in MULTIPLES]
    shifted = [first + second for first in parameters for second in (1.0, -1.0, *parameters)]
    truth = truth_of(case.subject, oracle)
    kinks = [] if truth is None else list(truth.kinks)
    steps = 2.0 ** np.arange(-20.0, 10.0, 3.0)
    dense = 12.0 * evenly(DENSE) - 6.0
    named = [value for value in (*scaled, *shifted, *kinks) if abs(value) < LARGEST]
    fmt = float_format(case.dtype)
    near = [np.nextafter(to_type(np.array(kinks), case.dtype), fmt.dtype.type(end)) for end in
            (-math.inf, math.inf)] if fmt.dtype.itemsize > 2 else []  # fmt: skip
    found = np.concatenate([SPECIAL, steps, -steps, dense, named, *map(widen, near)])
    found = found[np.abs(found) <= fmt.largest]
    return to_type(np.unique(np.concatenate([found, LIMITS])), case.dtype)


# --- With weights, a gate, or noise for each element ---


def _pointwise(
    case: Case,
    activation: Activation,
    parameters: Mapping[str, Any],
    setting: Mapping[str, Any],
    weights: Sequence[int],
    turn: int,
) -> Pose:
    """Each different element is computed alone, as if it had a channel of its own."""
    dtype = case.dtype
    channels = setting["channels"] or 0
    sets = max(channels, 1)
    if activation.resizes:
        x = np.array([[v, g] for v in VALUES for g in GATES])
        x = to_type(x[:, ::-1] if parameters["gate_first"] else x, dtype)
        count = len(x)
        shape = _shape(setting, setting["row"])
        codes = _scattered(shape, count, turn)
    elif activation.weights:
        x = np.repeat(to_type(np.array(OF_WEIGHTS), dtype), sets)
        count = x.size
        shape = _shape(setting, channels or (3 if setting["place"][0] else None))
        codes = _scattered(shape, len(OF_WEIGHTS), turn) * sets
        if channels:
            rank, axis = setting["place"]
            along = [1] * rank
            along[axis] = channels
            codes = codes + np.arange(channels).reshape(along)
    else:
        x = to_type(np.array(OF_WEIGHTS), dtype)
        count = x.size
        shape = _shape(setting, None)
        codes = _scattered(shape, count, turn)
    given = _weights(activation, weights, sets, dtype)
    further = [np.resize(weight, count) for weight in given]
    if len(activation.inputs_for(parameters)) > 1 and not activation.weights:
        further = [_repeated(NOISE, count, dtype)]
    moving = 1 + len(given)
    cotangent = _repeated(COTANGENTS, count, dtype) if case.order else None
    directions: list[FloatArray] = []
    if case.order == 2:
        directions = [
            _repeated(np.roll(DIRECTIONS, i).tolist(), count, dtype) for i in range(moving)
        ]
        if activation.resizes:
            directions = [np.stack([directions[0], directions[0][::-1]], axis=1)]
        for index in range(1, moving):  # a channel has one
            directions[index] = np.resize(directions[index][:sets], count)
    there = _alone(case)
    shaped = cotangent if cotangent is None or not activation.resizes else cotangent[:, None]
    answers = []
    for part in activation.differentiated if case.order else ("x",):
        problem = joint_problem(
            replace(there, part=part), [x, *further], shaped, directions or None
        )
        if part == "x":
            answers.append(_by_x(problem, codes, activation, parameters, case.order))
        else:
            answers.append(_by_weight(part, problem, codes, sets, bool(channels)))
    place = _axis_of(activation, parameters)
    inputs = [_laid(x, codes, place if activation.resizes else None)]
    inputs += given or [np.asarray(values[codes]) for values in further]
    return Pose(
        tuple(inputs),
        None if cotangent is None else np.asarray(cotangent[codes]),
        tuple(
            (_laid(d, codes, place if activation.resizes else None) if index == 0 else d[:sets])
            for index, d in enumerate(directions)
        ),
        tuple(answers),
    )


def _axis_of(activation: Activation, parameters: Mapping[str, Any]) -> int | None:
    return parameters["axis"] if activation.has_parameter("axis") else None


def _alone(case: Case) -> Case:
    """The same with the last axis."""
    others = tuple((key, value) for key, value in case.subject.parameters if key != "axis")
    activation = ACTIVATIONS.find(case.subject.activation)
    given = (*others, ("axis", -1)) if activation.has_parameter("axis") else others
    return replace(case, subject=Subject(activation.name, given))


def _weights(
    activation: Activation, starts: Sequence[int], sets: int, dtype: str
) -> list[FloatArray]:
    """For each weight one value, or one for each channel."""
    found = []
    for values, start in zip(weight_values(activation), starts, strict=True):
        found.append(_repeated(np.roll(values, -start).tolist(), sets, dtype))
    return found


def _laid(atoms: FloatArray, codes: Codes, axis: int | None) -> FloatArray:
    """The array that the codes name: of two halves, if there is an axis."""
    if axis is None:
        return np.asarray(atoms[codes])
    return np.concatenate([atoms[:, 0][codes], atoms[:, 1][codes]], axis=axis)


def _by_x(
    problem: Problem,
    codes: Codes,
    activation: Activation,
    parameters: Mapping[str, Any],
    order: int,
) -> Answer:
    if activation.resizes and order:
        axis = _axis_of(activation, parameters) or 0
        codes = np.concatenate([2 * codes, 2 * codes + 1], axis=axis)
    return Answer("x", codes, _flat(problem))


def _flat(problem: Problem) -> Problem:
    size = problem.reference.high.size
    return replace(
        problem,
        reference=problem.reference.reshape((size,)),
        slack=problem.slack.reshape(-1),
        about=problem.about.reshape(-1),
        judged=problem.judged.reshape(-1),
        signed=np.zeros(size, dtype=np.bool_),
    )


def _by_weight(part: str, problem: Problem, codes: Codes, sets: int, vector: bool) -> Answer:
    """The sum over all elements of a channel, which are few different ones."""
    counts = np.bincount(codes.reshape(-1), minlength=problem.slack.size)
    high, low = problem.reference.high.tolist(), problem.reference.low.tolist()
    sums, slacks, judged = [], [], []
    with ctx.workprec(FIRST_PRECISION):
        for channel in range(sets):
            own = [place for place in range(channel, len(high), sets) if counts[place]]
            terms = [(arb(high[i]) + arb(low[i])) * int(counts[i]) for i in own]
            sums.append(sum(terms, arb(0)))
            slacks.append(float(problem.slack[own] @ counts[own]))
            judged.append(bool(problem.judged[own].all()))
        highs, lows = split(sums)
    summed = Problem(
        inputs=(),
        cotangent=None,
        reference=reference_of(highs, lows),
        slack=np.array(slacks),
        about=problem.about[:sets],
        judged=np.array(judged),
        value_range=EVERYTHING,
        length=max(1, int(counts.sum()) // sets),
        signed=np.zeros(sets, dtype=np.bool_),
    )
    shape = (sets,) if vector else (1,)
    return Answer(part, np.arange(sets).reshape(shape), summed)


# --- Rows ---


def _rows(
    case: Case,
    activation: Activation,
    parameters: Mapping[str, Any],
    setting: Mapping[str, Any],
    turn: int,
) -> Pose:
    axis, sections = parameters["axis"], sections_of(activation, parameters)
    length = setting["row"]
    if case.order == 2 or activation.name not in (*LONG_ROWS, *SELECTING):
        length = min(length, SHORT_ROW)
    length = -(-length // sections) * sections
    shape = _shape(setting, length)
    moved = np.moveaxis(np.empty(shape, dtype=np.bool_), axis, -1).shape
    number = math.prod(moved[:-1])
    kinds = (np.arange(number) + turn) % ROW_KINDS
    patterns = _patterns(case, length)
    x = np.stack([patterns[kind] for kind in kinds]).reshape(moved)
    x = to_type(np.moveaxis(x, -1, axis), case.dtype)
    further: list[Array] = []
    for name in activation.inputs_for(parameters)[1:]:
        if name in activation.masks:
            further.append(_mask(setting["mask"], shape, axis))
        else:
            noise = np.array(NOISE)[_scattered(moved, len(NOISE), turn)]
            further.append(to_type(np.moveaxis(noise, -1, axis), case.dtype))
    cotangent = None
    directions: tuple[FloatArray, ...] = ()
    if case.order:
        length_out = length
        if activation.resizes:
            found = activation.kind.result_length(activation, parameters, length)
            length_out = length if found is None else found
        per_row = np.resize(np.array(COTANGENTS), length_out + ROW_KINDS)
        given = np.stack([per_row[kind : kind + length_out] for kind in kinds])
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


def _patterns(case: Case, length: int) -> list[Doubles]:
    """Rows of few different numbers: equal, one winner, spread, far apart, the winner last."""
    places = np.arange(length)
    # Of a second derivative there the sign alone is left.
    low = math.log(float_format(case.dtype).epsilon) * 1.02 if case.order < 2 else -4.0
    winner = np.full(length, low)
    winner[0] = 0.0
    last = np.full(length, -1.5)
    last[-1] = 2.0
    near = np.array([0.5, -1.25, 2.0, 0.75])[(places * 3 + places // 4) % 4]
    far = np.array([5.0, -20.0, 4.5, -3.0, 0.0])[(places * 2 + places // 5) % 5]
    return [np.zeros(length), winner, near, far, last]


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
    return Answer("x", codes, _flat(problem))


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
    compared = x - np.log(-np.log(noise)) if has_noise else x
    first = np.zeros(x.shape, dtype=np.bool_)
    first[np.arange(len(x)), compared.argmax(axis=1)] = True
    codes = np.empty(x.shape, dtype=np.int64)
    known: dict[bytes, Codes] = {}
    columns: list[tuple[Array, ...]] = []
    start = 0
    for index in range(len(x)):
        row = np.stack([x[index], given[index], mask[index], noise[index], first[index]])
        key = row.tobytes()
        if key not in known:
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
        judged=np.ones(high.size, dtype=np.bool_),
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
        values, inverse = np.unique(line, return_inverse=True)
        code = code * len(values) + inverse.reshape(-1)
    _, place, inverse, counts = np.unique(
        code, return_index=True, return_inverse=True, return_counts=True
    )
    return row[:, place], inverse.reshape(-1).astype(np.int64), counts.astype(np.float64)


def _row_answers(
    case: Case,
    parameters: Mapping[str, Any],
    different: Doubles,
    counts: Doubles,
    has_noise: bool,
    dtype: str,
) -> tuple[Doubles, Doubles, Doubles]:
    x, cotangent, mask, noise, first = different
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
            half_ulps_noise=half_ulp(noise, dtype) if has_noise else None,
            first=int(chosen[0]),
        ),
        parameters,
    )
    return reference.high, reference.low, slack
