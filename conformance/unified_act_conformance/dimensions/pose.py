"""Inputs for a setting, with the exact answers.

An input holds few different elements, each many times. So the exact answers are those of a few
elements, however large the array, and however often a framework is asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act import Activation
from unified_act.registry import ACTIVATIONS
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
from unified_act_conformance.dimensions.rows import rows_pose
from unified_act_conformance.dimensions.setting import Setting, bound
from unified_act_conformance.dimensions.weights import (
    Placed,
    by_weight,
    channels_of,
    placed_weights,
)
from unified_act_conformance.floats import FloatArray, float_format, to_type, widen
from unified_act_conformance.inputs import evenly
from unified_act_conformance.problems import (
    Problem,
    corners_of,
    joined,
    joint_problem,
    problem_at,
)
from unified_act_conformance.subject import Case, Subject, kept_while_registered
from unified_act_conformance.truth import (
    Oracle,
    Reference,
    truth_of,
)

__all__ = ["pose_for"]

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


@kept_while_registered(256)  # all of one type, which the backends are asked in turn; some 100 MB
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
        pose = rows_pose(case, activation, given, setting, turn)
    else:
        pose = _pointwise(case, activation, given, setting, weights, turn)
    return case, replace(pose, value=value)


def _repeated(values: Sequence[float], size: int, dtype: str) -> FloatArray:
    return to_type(np.resize(np.array(values), size), dtype)


# --- Elementwise ---


def _elementwise(case: Case, setting: Mapping[str, Any], turn: int, oracle: Oracle | None) -> Pose:
    atoms = _numbers(case, oracle)
    codes = scattered(shape_of(setting, None), atoms.size, turn)
    problem = problem_at(case, [atoms], oracle=oracle)
    problem = _apart_from_kinks(case, _with_zeros(case, problem))
    other = None if oracle is not None else _with_rounded_parameters(case)
    rounded = None if other is None else problem_at(other, problem.inputs)
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


def _with_rounded_parameters(case: Case) -> Case | None:
    """The same with the parameters as float32 rounds them; None where nothing computes in it."""
    given = case.subject.parameters
    rounded = tuple((key, _to_float32(value)) for key, value in given)
    if case.dtype == "float64" or rounded == given:
        return None
    return replace(case, subject=replace(case.subject, parameters=rounded))


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
    """Each different element is computed alone, as if it had weights of its own."""
    dtype = case.dtype
    placed: list[Placed] = []
    if activation.resizes:
        x = _pairs(parameters, dtype)
        count = len(x)
        shape = shape_of(setting, setting["row"])
        codes = scattered(shape, count, turn)
    elif activation.weights:
        shape = shape_of(setting, channels_of(setting))
        placed, together = placed_weights(activation, setting, weights, shape, dtype)
        sets = int(together.max()) + 1
        x = np.repeat(to_type(np.array(OF_WEIGHTS), dtype), sets)
        count = x.size
        codes = scattered(shape, len(OF_WEIGHTS), turn) * sets + together
    else:
        x = to_type(np.array(OF_WEIGHTS), dtype)
        count = x.size
        shape = shape_of(setting, None)
        codes = scattered(shape, count, turn)
    further = [np.resize(weight.of_sets(weight.values), count) for weight in placed]
    if len(activation.inputs_for(parameters)) > 1 and not activation.weights:
        further = [_repeated(NOISE, count, dtype)]
    moving = 1 + len(placed)
    cotangent = _repeated(COTANGENTS, count, dtype) if case.order else None
    directions: list[FloatArray] = []
    moves: list[FloatArray] = []
    if case.order == 2:
        directions = [
            _repeated(np.roll(DIRECTIONS, i).tolist(), count, dtype) for i in range(moving)
        ]
        if activation.resizes:
            directions = [np.stack([directions[0], directions[0][::-1]], axis=1)]
        moves = [d[: w.values.size] for d, w in zip(directions[1:], placed, strict=False)]
        for index, (move, weight) in enumerate(zip(moves, placed, strict=True), start=1):
            directions[index] = np.resize(weight.of_sets(move), count)
    there = _alone(case)
    shaped = cotangent if cotangent is None or not activation.resizes else cotangent[:, None]
    answers = []
    others = filter(None, [_with_rounded_parameters(there)])
    for part in activation.differentiated if case.order else ("x",):
        problem = joint_problem(
            replace(there, part=part), [x, *further], shaped, directions or None
        )
        if part == "x":
            rounded = [joint_problem(c, [x, *further], shaped, directions or None) for c in others]
            answers.append(_by_x(problem, rounded, codes, activation, parameters, case.order))
        else:
            weight = placed[activation.weights.index(part)]
            answers.append(by_weight(part, problem, codes, weight))
    inputs = [_laid(x, codes, activation, parameters)]
    inputs += [weight.array(weight.values) for weight in placed] or [
        np.asarray(values[codes]) for values in further
    ]
    return Pose(
        tuple(inputs),
        None if cotangent is None else np.asarray(cotangent[codes]),
        (
            *(_laid(d, codes, activation, parameters) for d in directions[:1]),
            *(weight.array(move) for move, weight in zip(moves, placed, strict=False)),
        ),
        tuple(answers),
    )


def _pairs(parameters: Mapping[str, Any], dtype: str) -> FloatArray:
    """Every value with every gate, in the order in which they come in an array."""
    largest = float_format(dtype).largest
    corners = [number for number in corners_of(parameters) if abs(number) <= largest]
    x = np.array([[v, g] for v in (*VALUES, *corners) for g in (*GATES, *corners)])
    return to_type(x[:, ::-1] if parameters["gate_first"] else x, dtype)


def _alone(case: Case) -> Case:
    """The same with the last axis."""
    others = tuple((key, value) for key, value in case.subject.parameters if key != "axis")
    activation = ACTIVATIONS.find(case.subject.activation)
    given = (*others, ("axis", -1)) if activation.has_parameter("axis") else others
    return replace(case, subject=Subject(activation.name, given))


def _laid(
    atoms: FloatArray, codes: Codes, activation: Activation, parameters: Mapping[str, Any]
) -> FloatArray:
    """The array that the codes name: of two halves, if it is gated."""
    if not activation.resizes:
        return np.asarray(atoms[codes])
    return joined([atoms[:, 0][codes], atoms[:, 1][codes]], parameters)


def _by_x(
    problem: Problem,
    rounded: Sequence[Problem],
    codes: Codes,
    activation: Activation,
    parameters: Mapping[str, Any],
    order: int,
) -> Answer:
    if activation.resizes and order:
        codes = joined([2 * codes, 2 * codes + 1], parameters)
    return Answer("x", codes, flat(problem), next(map(flat, rounded), None))
