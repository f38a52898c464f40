"""The harness of MXNet."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import check_dtype
from unified_act_mxnet._framework import BFLOAT16, mx

__all__ = ["harness"]


class MxnetHarness:
    """MXNet's bfloat16 is a structured type in NumPy, so its bits pass as uint16."""

    def packages(self) -> list[str]:
        """The distributions whose versions say what was tested."""
        return ["mxnet", "numpy"]

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """The NDArray of the same values."""
        if dtype == "bfloat16":
            return mx.nd.array(values.view(np.uint16).view(BFLOAT16), dtype=BFLOAT16)
        return mx.nd.array(values, dtype=dtype)

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """The NumPy array of the same values."""
        found = "bfloat16" if array.dtype == BFLOAT16 else np.dtype(array.dtype).name
        check_dtype(found, dtype)
        values = array.asnumpy()
        if dtype == "bfloat16":
            return np.ascontiguousarray(values).view(np.uint16).view(ml_dtypes.bfloat16)
        return np.asarray(values)


harness = MxnetHarness()
