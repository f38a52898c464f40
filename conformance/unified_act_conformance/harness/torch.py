"""The harness of PyTorch."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch

from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import check_dtype

__all__ = ["harness"]


class TorchHarness:
    """PyTorch has no bridge to NumPy for bfloat16, so its bits pass as int16."""

    def packages(self) -> list[str]:
        """The distributions whose versions say what was tested."""
        return ["torch"]

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """The tensor of the same values."""
        if dtype == "bfloat16":
            return torch.from_numpy(values.view(np.int16).copy()).view(torch.bfloat16)
        return torch.from_numpy(values.copy())

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """The NumPy array of the same values."""
        check_dtype(str(array.dtype).removeprefix("torch."), dtype)
        array = array.detach().cpu().contiguous()
        if dtype == "bfloat16":
            bits: FloatArray = array.view(torch.int16).numpy()
            return bits.view(ml_dtypes.bfloat16)
        return np.asarray(array.numpy())


harness = TorchHarness()
