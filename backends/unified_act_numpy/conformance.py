"""The harness of NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from unified_act.backend import Numerics
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import Harness, check_dtype, contiguous, spaced, views

__all__ = ["harness"]


class NumpyHarness(Harness):
    """NumPy's arrays are what everything else is converted to.

    They are copied all the same: what writes into its input must not write into the suite's own.
    """

    differentiates = False

    def packages(self) -> list[str]:
        """The distributions whose versions are reported as tested."""
        return ["numpy", "ml_dtypes"]

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """A copy of the array."""
        check_dtype(values.dtype.name, dtype)
        return contiguous(values)

    def laid_out(self, values: FloatArray, dtype: str, layout: str) -> Any:
        """A view of an array that lies otherwise in memory."""
        if layout == "transposed":
            return contiguous(values.T).T
        if layout == "strided" and values.ndim:
            return spaced(values)[..., ::2]
        return self.to_native(values, dtype)

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """The array itself."""
        check_dtype(array.dtype.name, dtype)
        return np.asarray(array)

    def orders(self, activation: str, dtype: str, numerics: Numerics) -> Sequence[int]:
        """Returns order 1 only for activations with a derivative: NumPy differentiates nothing."""
        del dtype, numerics
        return (0,) if ACTIVATIONS.find(activation).derivative is None else (0, 1)

    def layouts(self, values: FloatArray, dtype: str) -> Iterator[tuple[str, Any, FloatArray]]:
        """Shapes and views, broadcasting and column order."""
        yield from super().layouts(values, dtype)
        for name, view in views(flip=True):
            yield name, view(contiguous(values)), contiguous(view(values))
        broadcast = np.broadcast_to(values.reshape(4, 1, 8), (4, 3, 8))
        yield "broadcast", broadcast, contiguous(broadcast)
        column_order = np.asfortranarray(values.reshape(4, 8))
        yield "column order", column_order, contiguous(column_order)


harness = NumpyHarness()
