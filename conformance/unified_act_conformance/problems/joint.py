"""Problems about activations of several numbers: along an axis, gated, with weights or noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from unified_act import Activation, catalogue
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.floats import FloatArray, half_ulp, to_type, widen
from unified_act_conformance.problems import joint_inputs
from unified_act_conformance.problems.arrangement import Arrangement
from unified_act_conformance.problems.problem import Problem
from unified_act_conformance.subject import Case
from unified_act_conformance.truth import (
    EVERYTHING,
    FIRST_PRECISION,
    Block,
    Definition,
    along,
    definition_of,
    evaluate_block,
    keep,
    reference_of,
    split,
    value_range,
)

__all__ = ["joint_problem", "joint_problems", "joint_tangents"]

Array = NDArray[Any]


def joint_problems(case: Case, quick: bool = False) -> Sequence[Problem]:
    """Returns the problems of a case.

    Args:
        case: The case, of an activation of any kind but elementwise.
        quick: Fewer inputs.
    """
    activation, parameters = _bound(case)
    problems = []
    for arrays in joint_inputs.arrays_for(case, activation, parameters, quick):
        arrangement = Arrangement(activation, parameters, [_values(array) for array in arrays])
        cotangent = directions = None
        if case.order:
            cotangent = joint_inputs.spread(case.dtype, arrangement.output_shape, seed=1)
        if case.order == 2:
            directions = tuple(
                joint_inputs.direction(case.dtype, array.shape, index)
                for index, array in enumerate(arrays[: len(activation.differentiated)])
            )
        problems.append(joint_problem(case, arrays, cotangent, directions))
    return problems


def joint_problem(
    case: Case,
    arrays: Sequence[FloatArray],
    cotangent: FloatArray | None = None,
    directions: Sequence[FloatArray] | None = None,
) -> Problem:
    """Returns the problem that given inputs pose.

    Args:
        case: The case.
        arrays: The inputs, of its type, and a boolean mask.
        cotangent: What a gradient is taken with, in the shape of the result; default ones.
        directions: Along what the second derivative is taken: one for each input but mask or noise.
    """
    activation, parameters = _bound(case)
    arrangement = Arrangement(activation, parameters, [_values(array) for array in arrays])
    if case.order and cotangent is None:
        cotangent = to_type(np.ones(arrangement.output_shape), case.dtype)
    # What a user registered may become something else under the same name.
    exact = _kept if activation in catalogue.ACTIVATIONS else _exact
    high, low, slack, judged = exact(replace(case, backend=""), arrays, cotangent, directions)
    summed = case.order > 0 and case.part != "x" and arrangement.numbers.shape[0] > 1
    length = arrangement.numbers.shape[0] if summed else arrangement.numbers.shape[1]
    return Problem(
        inputs=tuple(arrays),
        cotangent=cotangent,
        directions=tuple(directions or ()),
        reference=reference_of(high, low),
        slack=slack,
        about=_about(case, arrangement, arrays, high.shape),
        judged=judged,
        value_range=value_range(activation.name, 0) if case.order == 0 else EVERYTHING,
        length=length if summed or activation.along_axis else 1,
        signed=np.zeros(high.shape, dtype=np.bool_),
    )


def _exact(
    case: Case,
    arrays: Sequence[FloatArray],
    cotangent: FloatArray | None,
    directions: Sequence[FloatArray] | None,
) -> tuple[Array, ...]:
    """The high and the low parts, the slacks, and which outputs are specified."""
    activation, parameters = _bound(case)
    arrangement = Arrangement(activation, parameters, [_values(array) for array in arrays])
    dtype, name, order = case.dtype, activation.name, case.order
    blocks = _blocks(arrangement, activation.differentiated, cotangent, directions, dtype)
    place = arrangement.places[case.part] if order else slice(None)
    width = arrangement.blocks_of_output(np.empty(arrangement.output_shape)).shape[1]
    definition = definition_of(name)
    values, slacks, settled = [], [], []
    for block, mask in blocks:
        own = dict(parameters) if mask is None else {**parameters, "mask": mask}
        if any(map(math.isnan, block.numbers)):
            size = len(block.numbers) if order else width
            counts = mask or (True,) * size
            left_out = arb(0 if order else definition.left_out)
            found, slack = [arb.nan() if c else left_out for c in counts], [0.0] * size
            settled.append(order == 0)
        else:
            found, slack = _evaluated(definition, name, order, block, tuple(own.items()))
            settled.append(definition.settled(block.numbers, own, order))
        values.append(_objects(found)[place])
        slacks.append(np.array(slack)[place])
    back: Callable[[Array], Array] = arrangement.output
    if order:
        back = lambda blocks: arrangement.input(case.part, blocks)
    with ctx.workprec(FIRST_PRECISION):
        exact = back(np.stack(values))
    unsettled = np.repeat(~np.array(settled)[:, np.newaxis], values[0].size, axis=1)
    return (
        *(np.reshape(part, exact.shape) for part in split(exact.ravel().tolist())),
        np.asarray(back(np.stack(slacks)), dtype=np.float64),
        np.asarray(back(unsettled.astype(np.int64)) == 0),
    )


_kept = keep(_exact)


@lru_cache(maxsize=512)  # the gradients by several weights are of the same blocks
def _evaluated(
    definition: Definition,
    name: str,
    order: int,
    block: Block,
    parameters: tuple[tuple[str, Any], ...],
) -> tuple[list[arb], list[float]]:
    del definition  # what the name stands for, which a user may register anew
    return evaluate_block(name, order, block, dict(parameters))


def _blocks(
    arrangement: Arrangement,
    moving: Sequence[str],
    cotangent: FloatArray | None,
    directions: Sequence[FloatArray] | None,
    dtype: str,
) -> Iterator[tuple[Block, tuple[bool, ...] | None]]:
    """The blocks with their masks; what a mask leaves out counts as 0."""
    numbers = arrangement.numbers
    nothing = np.zeros((len(numbers), 0))
    weights, moves = nothing, nothing
    if cotangent is not None:
        weights = arrangement.blocks_of_output(widen(cotangent))
    if directions:
        moves = np.zeros(numbers.shape)
        for name, direction in zip(moving, directions, strict=True):
            blocks = arrangement.blocks_of_input(name, widen(direction))
            moves[:, arrangement.places[name]] = blocks
    masks = arrangement.masks
    counted = numbers if masks is None else np.where(masks, numbers, 0.0)
    given = []
    for values in (counted, weights, moves):
        given += [values.tolist(), half_ulp(values, dtype).tolist()]
    for index, rows in enumerate(zip(*given, strict=True)):
        block = Block(*map(tuple, rows))
        yield block, None if masks is None else tuple(masks[index].tolist())


def joint_tangents(
    case: Case, arrays: Sequence[FloatArray], tangents: Sequence[FloatArray]
) -> Array:
    """Gives the derivative of the result along tangents, in doubles.

    Args:
        case: The case.
        arrays: The inputs.
        tangents: How fast each changes, but for a mask or noise.
    """
    activation, parameters = _bound(case)
    arrangement = Arrangement(activation, parameters, [_values(array) for array in arrays])
    moves = np.zeros(arrangement.numbers.shape)
    for name, tangent in zip(activation.differentiated, tangents, strict=True):
        moves[:, arrangement.places[name]] = arrangement.blocks_of_input(name, widen(tangent))
    rows = []
    for index, (row, move) in enumerate(zip(arrangement.numbers, moves, strict=True)):
        own = dict(parameters)
        if arrangement.masks is not None:
            own["mask"] = arrangement.masks[index].tolist()
        found = along(activation.name, row.tolist(), move.tolist(), own)
        rows.append([float(value) for value in found])
    return arrangement.output(np.array(rows))


def _bound(case: Case) -> tuple[Activation, dict[str, Any]]:
    activation = ACTIVATIONS.find(case.subject.activation)
    return activation, activation.bind(dict(case.subject.parameters))


def _values(array: FloatArray) -> Array:
    return array if array.dtype == np.bool_ else widen(array)


def _objects(values: Sequence[arb]) -> Array:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _about(
    case: Case, arrangement: Arrangement, arrays: Sequence[FloatArray], shape: tuple[int, ...]
) -> FloatArray:
    """What to report as the input of each output: itself, or the largest of its block."""
    names = list(arrangement.places)
    part = case.part if case.order else "x"
    own = arrays[names.index(part)] if part in names else arrays[0]
    if own.shape == shape:
        return own
    blocks = arrangement.numbers[:, arrangement.places["x"]]
    largest = np.max(blocks, axis=1, keepdims=True)
    width = int(np.prod(shape)) // max(largest.size, 1)
    return to_type(arrangement.output(np.repeat(largest, width, axis=1)), case.dtype)
