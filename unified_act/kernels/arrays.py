"""Arrays of a framework through kernels, whatever their kind is and however they lie in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from unified_act.activation import Activation
from unified_act.kernels.instructions import NARROW
from unified_act.kernels.kernel import Kernel, fused, in_parts
from unified_act.kernels.layout import Plan, plan_of
from unified_act.kernels.threads import ALONE, Threads
from unified_act.shapes import channels_of, summed_axes, weight_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ArrayKernels", "Memory", "NumpyMemory", "sum_to_weight"]

_LARGEST_NUMBER = 256
"""For so many shapes what was found is kept."""
_Shapes = tuple[tuple[int, ...], ...]
_Spread = Mapping[int, tuple[Sequence[int], Sequence[int]]]
"""The shapes that inputs get, and are broadcast to then, by the number of the input."""


class Memory(Protocol):
    """What a framework does with the memory of its arrays."""

    def address(self, array: Any, /) -> int:
        """The address of the first element."""

    def empty(self, shape: Sequence[int], like: Any, /, *, wide: bool = False) -> Any:
        """A new array of the type of `like`, or of float32. Both are contiguous in C order."""

    def whole(self, array: Any, /) -> Any:
        """The array itself if it is contiguous in C order, else a copy that is."""

    def broadcast(self, array: Any, shape: Sequence[int], /) -> Any:
        """The array in another shape, as operations broadcast."""


class NumpyMemory:
    """The memory of NumPy's arrays, and of arrays that share theirs with one of NumPy's."""

    def address(self, array: NDArray[Any], /) -> int:
        """The address of the first element."""
        return array.ctypes.data

    def empty(
        self, shape: Sequence[int], like: NDArray[Any], /, *, wide: bool = False
    ) -> NDArray[Any]:
        """A new array."""
        import numpy as np

        return np.empty(shape, np.float32 if wide else like.dtype)

    def whole(self, array: NDArray[Any], /) -> NDArray[Any]:
        """The array, or a copy if it is not contiguous or its elements begin anywhere."""
        import numpy as np

        return np.require(array, None, ["C", "A"])

    def broadcast(self, array: NDArray[Any], shape: Sequence[int], /) -> NDArray[Any]:
        """A view of the array in another shape."""
        import numpy as np

        return np.broadcast_to(array, shape)


def sum_to_weight(by: NDArray[Any], weight: Any, *, axis: int) -> NDArray[Any]:
    """Returns the derivative by a weight, of one derivative for each element: their sums.

    Those of float32 are summed in float64, and rounded once.

    Args:
        by: The derivatives.
        weight: What has the shape of the weight.
        axis: The axis of the channels.
    """
    import numpy as np

    shape = tuple(weight.shape)
    over = summed_axes(weight_shape(shape, by.shape, axis), by.ndim)
    kept = [d for d in range(by.ndim) if d not in over]
    with np.errstate(all="ignore"):
        if by.dtype == np.float64:  # NumPy adds up in pairs what lies one after another in memory
            rows = np.ascontiguousarray(by.transpose(*kept, *over))
            total = rows.reshape(math.prod(shape), -1).sum(axis=1)
        else:
            total = np.einsum(by, [*range(by.ndim)], kept, dtype=np.float64)
        found: NDArray[Any] = total.astype(by.dtype).reshape(shape)
    return found


class ArrayKernels:
    """An activation with its parameters, of whole arrays of a framework, by kernels.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
    """

    def __init__(self, activation: Activation, parameters: Mapping[str, Any]) -> None:
        self._activation, self._parameters = activation, parameters
        self._masks = [name in activation.masks for name in activation.inputs_for(parameters)]
        self._ways: dict[Any, _Way | None] = {}

    def serves(self, dtype: str, order: int = 0) -> bool:
        """Whether there is a kernel for the value, or for the derivatives.

        Args:
            dtype: The type of the arrays.
            order: 0 or 1.
        """
        parameters = self._parameters
        if self._activation.along_axis:  # any axis is made the last one
            parameters = {**parameters, "axis": -1}
        return fused(self._activation, parameters, dtype, order) is not None

    def value(
        self, memory: Memory, dtype: str, inputs: Sequence[Any], *, threads: Threads = ALONE
    ) -> Any:
        """Returns the value, a new array; None if there is no kernel for the arrays.

        Args:
            memory: The framework.
            dtype: The type of all arrays but masks.
            inputs: The inputs. Their shapes go together.
            threads: The threads.
        """
        found = self._computed(memory, dtype, inputs, (), threads)
        return None if found is None else found[0]

    def derivatives(
        self,
        memory: Memory,
        dtype: str,
        inputs: Sequence[Any],
        cotangent: Any,
        *,
        threads: Threads = ALONE,
    ) -> list[Any] | None:
        """Returns the derivative by each input but masks, times the cotangent of the value.

        That by a weight is one for each element, and of 16 bits as float32. None is returned if
        there is no kernel for the arrays.

        Args:
            memory: As for `value`, like all that is not named here.
            dtype: The type.
            inputs: The inputs.
            cotangent: The cotangent of the value.
            threads: The threads.
        """
        return self._computed(memory, dtype, inputs, (cotangent,), threads)

    def pulled_back(
        self,
        memory: Memory,
        dtype: str,
        inputs: Sequence[Any],
        cotangent: Any,
        sum_to_weight: Callable[..., Any],
        *,
        threads: Threads = ALONE,
    ) -> tuple[Any, ...] | None:
        """Returns the cotangent of each input, None for a mask; None if there is no kernel.

        Args:
            memory: As for `value`, like all that is not named here.
            dtype: The type.
            inputs: The inputs.
            cotangent: The cotangent of the value.
            sum_to_weight: That of the framework's namespace.
            threads: The threads.
        """
        found = self._computed(memory, dtype, inputs, (cotangent,), threads)
        if found is None:
            return None
        if self._activation.weights:
            by_x, *by_weights = found
            pairs = zip(by_weights, inputs[1:], strict=True)
            axis = self._parameters["axis"]
            return (by_x, *(sum_to_weight(by, weight, axis=axis) for by, weight in pairs))
        rest = iter(found)
        return tuple([None if mask else next(rest) for mask in self._masks])

    def _computed(
        self,
        memory: Memory,
        dtype: str,
        inputs: Sequence[Any],
        cotangents: tuple[Any, ...],
        threads: Threads,
    ) -> list[Any] | None:
        order = len(cotangents)
        key = (dtype, order, *[x.shape for x in inputs])
        try:
            way = self._ways[key]
        except KeyError:
            shapes = tuple([tuple(x.shape) for x in inputs])
            way = _way_of(self._activation, self._parameters, dtype, order, shapes)
            if len(self._ways) >= _LARGEST_NUMBER:
                self._ways.clear()
            self._ways[key] = way
        if way is None:
            return None
        terms = [*inputs, *cotangents]
        for number, (met, whole) in way.spread.items():
            terms[number] = memory.broadcast(terms[number].reshape(met), whole)
        arrays = [memory.whole(term) for term in terms]
        results = [memory.empty(way.result, arrays[0], wide=wide) for wide in way.wide]
        way.plan.run([memory.address(array) for array in (*arrays, *results)], threads)
        return results


class _Way(NamedTuple):
    """How arrays of some shapes are computed.

    Attributes:
        plan: How the kernel goes through them.
        spread: How inputs are spread.
        result: The shape of the results.
        wide: Of each result: whether it is of float32. Else it has the type of `x`.
    """

    plan: Plan
    spread: _Spread
    result: tuple[int, ...]
    wide: Sequence[bool]


def _way_of(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    order: int,
    shapes: _Shapes,
) -> _Way | None:
    """Returns how arrays of some shapes are computed; None if there is no kernel for them."""
    shape, *others = shapes
    changes = in_parts(activation)
    if changes and not shape:
        return None
    by_channel: tuple[int, int, int] | None = None
    sizes: list[int] = []
    spread: _Spread = {}
    if not activation.weights:
        spread = {i: (other, shape) for i, other in enumerate(others, start=1) if other != shape}
    else:
        meeting = [weight_shape(weight, shape, parameters["axis"]) for weight in others]
        by_channel, spread = _channels(shape, meeting)
        sizes = [
            math.prod(spread[i][1] if i in spread else weight)
            for i, weight in enumerate(others, start=1)
        ]
        parameters = {**parameters, "axis": 1}
    result = list(shape)
    if activation.resizes and not order:
        length = result[parameters["axis"]]
        found = activation.kind.result_length(activation, parameters, length)
        if found is None:
            return None
        if changes and not _is_made_of_parts(fused(activation, parameters, dtype), length, found):
            return None
        result[parameters["axis"]] = found
    plan = plan_of(
        activation, parameters, dtype, by_channel or shape, order=order, weight_sizes=sizes
    )
    if plan is None:
        return None
    number = 1 + len(others) - len(activation.masks) if order else 1
    wide = len(sizes) if order and dtype in NARROW else 0
    return _Way(plan, spread, tuple(result), [False] * (number - wide) + [True] * wide)


def _channels(
    shape: tuple[int, ...], weights: Sequence[Sequence[int]]
) -> tuple[tuple[int, int, int], _Spread]:
    """Returns `x` in three dimensions, the second of them its channels, and how weights are spread.

    Args:
        shape: The shape of `x`.
        weights: The shapes of the weights, with as many dimensions.
    """
    found = channels_of(shape, weights)
    if found is None:  # each element has a channel of its own
        every = {i: (weight, shape) for i, weight in enumerate(weights, start=1)}
        return (1, math.prod(shape), 1), every
    _, channels, inner = found
    single = [math.prod(weight) == 1 for weight in weights]
    if inner > 1 or all(single):  # a row has one number of each weight
        return found, {}
    return found, {i: ((1,), (channels,)) for i, one in enumerate(single, start=1) if one}


def _is_made_of_parts(kernel: Kernel | None, length: int, found: int) -> bool:
    """Whether rows of x of some length give rows of the length `found`, part by part."""
    if kernel is None:
        return False
    number = len(kernel.inputs)
    return length % number == 0 and length // number * kernel.results == found
