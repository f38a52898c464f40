"""The harness of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import check_dtype

__all__ = ["harness"]


class NumpyHarness:
    """NumPy's arrays are what everything else is converted to."""

    def packages(self) -> list[str]:
        """The distributions whose versions say what was tested."""
        return ["numpy", "ml_dtypes"]

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """The array itself."""
        check_dtype(values.dtype.name, dtype)
        return values

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """The array itself."""
        check_dtype(array.dtype.name, dtype)
        return np.asarray(array)


harness = NumpyHarness()
