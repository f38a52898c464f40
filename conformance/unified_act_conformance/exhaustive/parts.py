"""All numbers of a float type, in parts: neighbouring bit patterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unified_act_conformance.floats import FloatArray, float_format, widen

__all__ = ["LARGEST", "Part", "parts_of"]

LARGEST = 2**20
"""The most patterns of a part."""


@dataclass(frozen=True)
class Part:
    """Some neighbouring bit patterns.

    Attributes:
        dtype: The float type.
        first: The first of them, as an unsigned integer.
        size: How many there are.
    """

    dtype: str
    first: int
    size: int

    def numbers(self) -> FloatArray:
        """The numbers with these patterns, in this order; NaN is left out."""
        fmt = float_format(self.dtype)
        unsigned = np.dtype(f"u{fmt.dtype.itemsize}")
        found = np.arange(self.first, self.first + self.size, dtype=unsigned).view(fmt.dtype)
        return found[~np.isnan(widen(found))]


def parts_of(dtype: str, size: int = LARGEST) -> list[Part]:
    """Divides all patterns of a float type.

    Args:
        dtype: ``"float16"``, ``"bfloat16"`` or ``"float32"``.
        size: The patterns of a part, a power of 2.

    Raises:
        ValueError: The type has too many numbers, or the size is no power of 2.
    """
    patterns = 2 ** (8 * float_format(dtype).dtype.itemsize)
    if patterns > 2**32:
        raise ValueError(f"{dtype} has 2^64 numbers: choose float16, bfloat16 or float32.")
    if not 0 < size <= LARGEST or size & (size - 1):
        raise ValueError(f"the size of a part is a power of 2 up to {LARGEST}, not {size}.")
    step = min(size, patterns)
    return [Part(dtype, first, step) for first in range(0, patterns, step)]
