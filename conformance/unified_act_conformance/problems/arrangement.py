"""Divides arrays into blocks of elements that are computed together, and joins them again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act import Activation
from unified_act_conformance.truth import result_length

__all__ = [
    "joined",
    "parted",
    "rank_for",
    "sections_of",
    "split_over",
]

Array = NDArray[Any]


def sections_of(activation: Activation, parameters: Mapping[str, Any]) -> int:
    """Returns into how many equal parts an activation cuts its axis.

    Args:
        activation: The activation.
        parameters: All its parameters; ``groups`` is that number.
    """
    sections = activation.kind.sections(activation, parameters)
    # One that does not say how it resizes may need an even length, and takes it in any case.
    unknown = activation.kind.result_length(activation, parameters, 2 * sections) is None
    return 2 if unknown and sections == 1 else sections


def joined(halves: Sequence[Array], parameters: Mapping[str, Any]) -> Array:
    """Returns the array whose halves along the axis these are, as gated activations take them.

    Args:
        halves: The first one, or what is at even places, and the other one.
        parameters: All parameters.
    """
    axis = parameters["axis"]
    if not parameters.get("interleaved"):
        return np.concatenate(halves, axis=axis)
    shape = list(halves[0].shape)
    shape[axis] *= 2
    whole = np.empty(shape, halves[0].dtype)
    for place, half in enumerate(halves):
        np.moveaxis(whole, axis, 0)[place::2] = np.moveaxis(half, axis, 0)
    return whole


def parted(array: Array, parameters: Mapping[str, Any]) -> list[Array]:
    """Returns the halves of an array, the reverse of `joined`.

    Args:
        array: The array.
        parameters: All parameters.
    """
    axis = parameters["axis"]
    if not parameters.get("interleaved"):
        return np.split(array, 2, axis=axis)
    first = np.moveaxis(array, axis, 0)
    return [np.moveaxis(first[place::2], 0, axis) for place in (0, 1)]


def rank_for(axes: Sequence[int]) -> int:
    """Returns how many dimensions an array needs for several axes and one more.

    Args:
        axes: The axes, from either end.
    """
    return max(len(axes) + 1, *(max(axis + 1, -axis) for axis in axes))


def split_over(rows: Array, axes: Sequence[int], rank: int) -> Array:
    """Returns an array whose last axis has become several, all of more than one element if it can.

    Args:
        rows: The array. A last axis of one element becomes several of one.
        axes: The axes of the result that the last axis becomes, in the order of an array.
        rank: How many dimensions the result has.
    """
    *kept, length = rows.shape
    lengths: list[int] = []
    for left in range(len(axes), 1, -1):
        most = round(length ** (1 / left))
        lengths.append(max(part for part in range(1, max(most, 1) + 1) if length % part == 0))
        length //= lengths[-1]
    missing = [1] * (rank - len(kept) - len(axes))
    places = sorted(axis % rank for axis in axes)
    split = rows.reshape(*missing, *kept, *lengths, length)
    return np.moveaxis(split, range(-len(axes), 0), places)


class Arrangement:
    """How the inputs of an activation fall into blocks, one in a row.

    Attributes:
        numbers: The numbers of each block: of `x`, then of each weight, or the noise.
        masks: The mask of each block, or None.
        places: Which columns of a block belong to which input.
        width: How many numbers each input has in a block.
    """

    def __init__(
        self, activation: Activation, parameters: Mapping[str, Any], arrays: Sequence[Array]
    ) -> None:
        """Arranges the inputs.

        Args:
            activation: The activation, of any kind but elementwise.
            parameters: All parameters.
            arrays: The inputs, with the values that they have: doubles, and a boolean mask.
        """
        self._activation, self._parameters = activation, parameters
        self._halved = activation.resizes and not activation.along_axis  # into value and gate
        names = activation.inputs_for(parameters)
        given = dict(zip(names, arrays, strict=True))
        self._shape = given["x"].shape
        self._weights = {name: given[name] for name in activation.weights}
        self.masks: Array | None = None
        columns: dict[str, Array] = {}
        for name, array in given.items():
            blocks = self.blocks_of_input(name, array)
            if name in activation.masks:
                self.masks = blocks
            else:
                columns[name] = blocks
        ends = np.cumsum([blocks.shape[1] for blocks in columns.values()]).tolist()
        starts = [0, *ends[:-1]]
        self.places = {
            name: slice(start, end) for name, start, end in zip(columns, starts, ends, strict=True)
        }
        self.numbers = np.concatenate(list(columns.values()), axis=1)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        shape = list(self._shape)
        axis = self._parameters.get("axis", -1)
        if self._halved:
            shape[axis] //= 2
        elif self._activation.resizes:
            shape[axis] = result_length(self._activation.name, shape[axis], self._parameters)
        return tuple(shape)

    def blocks_of_input(self, name: str, array: Array) -> Array:
        """Gives the numbers of one input, block by block.

        Args:
            name: The input.
            array: An array of its shape.
        """
        if name in self._weights:
            return np.broadcast_to(self._meeting_x(array), self._shape).reshape(-1, 1)
        if self._activation.along_axis:
            return self._rows(array)
        if self._halved:
            return np.stack([half.reshape(-1) for half in self._halves(array)], axis=1)
        return array.reshape(-1, 1)

    def blocks_of_output(self, array: Array) -> Array:
        """Gives the results, block by block.

        Args:
            array: An array of the result's shape.
        """
        return self._rows(array) if self._activation.along_axis else array.reshape(-1, 1)

    def output(self, blocks: Array) -> Array:
        """The reverse of `blocks_of_output`.

        Args:
            blocks: The results, block by block.
        """
        shape = self.output_shape
        return (
            self._from_rows(blocks, shape) if self._activation.along_axis else blocks.reshape(shape)
        )

    def input(self, name: str, blocks: Array) -> Array:
        """What the blocks say of one input: for a weight, the sum over all that it acts on.

        Args:
            name: The input.
            blocks: Numbers for each of its columns, block by block.
        """
        if name in self._weights:
            weight = self._weights[name]
            index = np.arange(weight.size).reshape(weight.shape)
            belongs = np.broadcast_to(self._meeting_x(index), self._shape).reshape(-1)
            sums = [blocks[belongs == place, 0].sum() for place in range(weight.size)]
            return np.array(sums, dtype=blocks.dtype).reshape(weight.shape)
        if self._activation.along_axis:
            return self._from_rows(blocks, self._shape)
        if self._halved:
            shape = self.output_shape
            halves = [blocks[:, 0].reshape(shape), blocks[:, 1].reshape(shape)]
            if self._parameters["gate_first"]:
                halves.reverse()
            return joined(halves, self._parameters)
        return blocks.reshape(self._shape)

    def _halves(self, array: Array) -> list[Array]:
        """Value and gate."""
        halves = parted(array, self._parameters)
        return halves[::-1] if self._parameters["gate_first"] else halves

    def _meeting_x(self, weight: Array) -> Array:
        if weight.ndim > 1:
            return weight
        if weight.size == 1:
            return weight.reshape(())
        shape = [1] * len(self._shape)
        shape[self._parameters["axis"]] = weight.size
        return weight.reshape(shape)

    @property
    def _axes(self) -> list[int]:
        """The axes of a block, in the order of the array."""
        axis = self._parameters["axis"]
        axes = axis if isinstance(axis, tuple) else (axis,)
        return sorted(each % len(self._shape) for each in axes)

    def _rows(self, array: Array) -> Array:
        axes = self._axes
        moved = np.moveaxis(array, axes, range(-len(axes), 0))
        return moved.reshape(-1, math.prod(moved.shape[-len(axes) :]))

    def _from_rows(self, blocks: Array, shape: Sequence[int]) -> Array:
        axes = self._axes
        moved = np.moveaxis(np.empty(shape, dtype=np.bool_), axes, range(-len(axes), 0)).shape
        return np.moveaxis(blocks.reshape(moved), range(-len(axes), 0), axes)
