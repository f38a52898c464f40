"""Arrays of a framework through kernels, whatever their kind is and however they lie in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from unified_act.activation import Activation
from unified_act.kernels.instructions import NARROW
from unified_act.kernels.kernel import Kernel, fused, in_parts
from unified_act.kernels.layout import computed
from unified_act.kernels.threads import ALONE, Threads
from unified_act.shapes import channels_of, weight_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Memory", "NumpyMemory", "computed_arrays", "has_kernel", "pulled_back"]


class Memory(Protocol):
    """What a framework does with the memory of its arrays."""

    def address(self, array: Any, /) -> int:
        """The address of the first element."""

    def size(self, array: Any, /) -> int:
        """The number of elements."""

    def empty(self, shape: Sequence[int], like: Any, /, *, wide: bool = False) -> Any:
        """A new array of the type of `like`, or of float32, contiguous in C order."""

    def whole(self, array: Any, /) -> Any:
        """The array itself if it is contiguous in C order, else a copy that is."""

    def broadcast(self, array: Any, shape: Sequence[int], /) -> Any:
        """The array in another shape, as operations broadcast."""

    def moved(self, array: Any, source: int, destination: int, /) -> Any:
        """A view of the array in which an axis has moved."""


class NumpyMemory:
    """The memory of NumPy's arrays, and of arrays that share theirs with one of NumPy's."""

    def address(self, array: NDArray[Any], /) -> int:
        """The address of the first element."""
        return array.ctypes.data

    def size(self, array: NDArray[Any], /) -> int:
        """The number of elements."""
        return array.size

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

    def moved(self, array: NDArray[Any], source: int, destination: int, /) -> NDArray[Any]:
        """A view of the array in which an axis has moved."""
        import numpy as np

        return np.moveaxis(array, source, destination)


def has_kernel(activation: Activation, parameters: Mapping[str, Any], dtype: str) -> bool:
    """Whether `computed_arrays` has a kernel for the value.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The type of the arrays.
    """
    if activation.along_axis:  # any axis is made the last one
        parameters = {**parameters, "axis": -1}
    return fused(activation, parameters, dtype) is not None


def computed_arrays(
    memory: Memory,
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    inputs: Sequence[Any],
    cotangent: Any = None,
    *,
    threads: Threads = ALONE,
) -> list[Any] | None:
    """Returns what a kernel computes of new arrays; None if there is no kernel for them.

    Args:
        memory: The framework.
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The type of all arrays but masks.
        inputs: The inputs. Their shapes go together.
        cotangent: The cotangent of the value; None asks for the value.
        threads: The threads.

    Returns:
        The value, or the derivative by each input but masks, times the cotangent: by a weight, for
        each element, and of 16 bits as float32.
    """
    x, *others = inputs
    shape, order = tuple(x.shape), int(cotangent is not None)
    rank = len(shape)
    weights = others if activation.weights else []
    if not weights:
        others = [o if tuple(o.shape) == shape else memory.broadcast(o, shape) for o in others]
    by_channel: tuple[int, ...] | None = ()
    if any(len(weight.shape) > 1 for weight in weights):
        meeting = [weight_shape(weight.shape, shape, parameters["axis"]) for weight in weights]
        by_channel, parameters = channels_of(shape, meeting), {**parameters, "axis": 1}
    terms = [x, *others, *([cotangent] if order else [])]
    axis = -1
    changes = in_parts(activation)
    if (changes and not rank) or by_channel is None:
        return None
    if activation.along_axis and not changes and parameters["axis"] not in (-1, rank - 1):
        # It is made the last one.
        axis, parameters = parameters["axis"], {**parameters, "axis": -1}
        if fused(activation, parameters, dtype, order) is None:
            return None  # before anything is copied
        if rank:
            terms = [memory.moved(term, axis, -1) for term in terms]
    terms = [memory.whole(term) for term in terms]
    whole = tuple(terms[0].shape)
    result = list(whole)
    if activation.resizes and not order:
        length = result[parameters["axis"]]
        found = activation.kind.result_length(activation, parameters, length)
        if changes and not _is_made_of_parts(fused(activation, parameters, dtype), length, found):
            return None
        result[parameters["axis"]] = found
    number = 1 + len(others) - len(activation.masks) if order else 1
    by_weights = len(weights) if order and dtype in NARROW else 0
    results = [memory.empty(result, x) for _ in range(number - by_weights)]
    results += [memory.empty(result, x, wide=True) for _ in range(by_weights)]
    served = computed(
        activation,
        parameters,
        dtype,
        by_channel or whole,
        [memory.address(term) for term in terms],
        [memory.address(result) for result in results],
        order=order,
        weight_sizes=[memory.size(weight) for weight in weights],
        threads=threads,
    )
    if not served:
        return None
    return [memory.moved(each, -1, axis) for each in results] if axis != -1 and rank else results


def _is_made_of_parts(kernel: Kernel | None, length: int, found: int | None) -> bool:
    """Whether rows of x of some length give rows of the length `found`, part by part."""
    if kernel is None or found is None:
        return False
    number = len(kernel.inputs)
    return length % number == 0 and length // number * kernel.results == found


def pulled_back(
    memory: Memory,
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    inputs: Sequence[Any],
    cotangent: Any,
    sum_to_weight: Callable[..., Any],
    *,
    threads: Threads = ALONE,
) -> tuple[Any, ...] | None:
    """Returns the cotangent of each input, None for a mask; None if there is no kernel for them.

    Args:
        memory: As for `computed_arrays`, like all that is not named here.
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The type.
        inputs: The inputs.
        cotangent: The cotangent of the value.
        sum_to_weight: That of the framework's namespace.
        threads: The threads.
    """
    found = computed_arrays(
        memory, activation, parameters, dtype, inputs, cotangent, threads=threads
    )
    if found is None:
        return None
    if activation.weights:
        by_x, *by_weights = found
        pairs = zip(by_weights, inputs[1:], strict=True)
        axis = parameters["axis"]
        return (by_x, *(sum_to_weight(by, weight, axis=axis) for by, weight in pairs))
    rest = iter(found)
    masks = (name in activation.masks for name in activation.inputs_for(parameters))
    return tuple(None if mask else next(rest) for mask in masks)
