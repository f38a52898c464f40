"""The four float types: format, spacing, rounding and ordering, vectorised over NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[Any]
"""An array of any of the four float types; NumPy has no static type for bfloat16."""


@dataclass(frozen=True)
class FloatFormat:
    """One binary float type.

    Attributes:
        name: The name used everywhere in the suite.
        dtype: The NumPy dtype that stores it.
        bits_dtype: The signed integer type of the same width.
        precision: Significand bits, the hidden one included.
        min_exponent: Exponent of the smallest normal number.
        max_exponent: Exponent of the largest finite number.
    """

    name: str
    dtype: np.dtype[Any]
    bits_dtype: np.dtype[Any]
    precision: int
    min_exponent: int
    max_exponent: int

    @property
    def epsilon(self) -> float:
        """The distance from 1 to the next larger number."""
        return 2.0 ** (1 - self.precision)

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return (2.0 - self.epsilon) * 2.0**self.max_exponent

    @property
    def smallest_normal(self) -> float:
        """The smallest positive normal number."""
        return 2.0**self.min_exponent

    @property
    def smallest_subnormal(self) -> float:
        """The smallest positive number."""
        return 2.0 ** (self.min_exponent - self.precision + 1)


FORMATS: Mapping[str, FloatFormat] = MappingProxyType(
    {
        name: FloatFormat(name, np.dtype(dtype), np.dtype(bits_dtype), *format_)
        for name, dtype, bits_dtype, format_ in (
            ("float16", np.float16, np.int16, (11, -14, 15)),
            ("bfloat16", ml_dtypes.bfloat16, np.int16, (8, -126, 127)),
            ("float32", np.float32, np.int32, (24, -126, 127)),
            ("float64", np.float64, np.int64, (53, -1022, 1023)),
        )
    }
)


def float_format(name: str) -> FloatFormat:
    """Looks up a float type by name.

    Args:
        name: One of `FORMATS`.

    Returns:
        The format.

    Raises:
        ValueError: For a name that is not a supported float type.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise ValueError(f"unknown float type {name!r}; known: {', '.join(FORMATS)}") from None


def ulp(
    high: NDArray[np.float64], low: NDArray[np.float64] | float, name: str
) -> NDArray[np.float64]:
    """Gives the spacing of a float type in the binade that holds a double-double value.

    Below the smallest normal number it is the smallest subnormal; beyond the largest number, the
    spacing of the last binade. Just below a power of two it is the lower binade's spacing.

    Args:
        high: The values, rounded to double.
        low: What the rounding left over.
        name: The float type.

    Returns:
        The spacing; meaningless where the value is NaN.
    """
    fmt = float_format(name)
    # By the bits: zero and subnormals have the lowest exponent of a double, infinity the highest.
    bits = np.asarray(np.abs(high), dtype=np.float64).view(np.int64)
    is_power_of_two = bits & (2**52 - 1) == 0
    exponent = (bits >> 52) - 1023 - (is_power_of_two & (np.sign(high) * np.sign(low) < 0))
    exponent = np.clip(exponent, fmt.min_exponent, fmt.max_exponent)
    return np.asarray(((exponent + 1023) << 52).view(np.float64) * fmt.epsilon)


def round_to(high: NDArray[np.float64], low: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Rounds a double-double once, to nearest even, to a float type.

    Args:
        high: The values, rounded to double.
        low: What that rounding left over.
        name: The float type.

    Returns:
        The rounded values, as float64 (which holds each of the four types exactly).
    """
    if name == "float64":
        return high
    # Round to odd first: a sticky last bit makes the second rounding see what `low` knew.
    inexact = (low != 0) & np.isfinite(high) & (high != 0)
    towards_zero = inexact & (np.sign(low) != np.sign(high))
    bits = high.copy().view(np.int64) - towards_zero
    odd = np.where(inexact, bits | 1, bits).view(np.float64)
    return widen(to_type(odd, name))


def to_type(values: NDArray[np.float64], name: str) -> FloatArray:
    """Rounds doubles to a float type, overflowing silently.

    Args:
        values: The doubles.
        name: The float type.

    Returns:
        An array of that type.
    """
    with np.errstate(all="ignore"):
        # ml_dtypes goes by way of float32, which would round twice: make that step odd.
        if name == "bfloat16":
            values = _odd_float32(values)
        return values.astype(float_format(name).dtype)


def widen(values: FloatArray) -> NDArray[np.float64]:
    """Writes an array of any of the float types as doubles, exactly.

    Args:
        values: The array.

    Returns:
        The same numbers as float64.
    """
    # Signalling NaNs, which are among the 65,536 patterns, would warn.
    with np.errstate(invalid="ignore"):
        return np.asarray(values.astype(np.float64))


def _odd_float32(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounds doubles to float32 with the last bit sticky."""
    nearest = values.astype(np.float32)
    inexact = (nearest != values) & np.isfinite(nearest)
    too_far = inexact & (np.abs(nearest) > np.abs(values))
    bits = nearest.view(np.int32) - too_far
    return np.where(inexact, bits | 1, bits).astype(np.int32).view(np.float32).astype(np.float64)


def ordered(values: FloatArray, name: str) -> NDArray[np.int64]:
    """Maps floats to integers that count representable numbers, so that neighbours differ by 1.

    Both zeros map to 0.

    Args:
        values: Array of the float type, or of float64 holding its values exactly.
        name: The float type.

    Returns:
        The integers; NaN maps beyond the infinities.
    """
    fmt = float_format(name)
    with np.errstate(invalid="ignore"):
        typed = np.ascontiguousarray(values.astype(fmt.dtype))
    bits = typed.view(fmt.bits_dtype).astype(np.int64)
    magnitude = bits & int(np.iinfo(fmt.bits_dtype).max)
    return np.where(bits < 0, -magnitude, magnitude)


def from_ordered(integers: NDArray[np.int64], name: str) -> FloatArray:
    """Inverts `ordered`.

    Args:
        integers: Integers as `ordered` gives them.
        name: The float type.

    Returns:
        An array of the float type.
    """
    fmt = float_format(name)
    sign_bit = int(np.iinfo(fmt.bits_dtype).min)
    bits = np.where(integers < 0, -integers | sign_bit, integers)
    return bits.astype(fmt.bits_dtype).view(fmt.dtype)


def distance(left: FloatArray, right: FloatArray, name: str) -> NDArray[np.float64]:
    """Counts the representable numbers between two arrays: the raw ULP distance.

    Args:
        left: Array of the float type.
        right: Array of the float type.
        name: The float type.

    Returns:
        The count as float64, infinite where exactly one of the two is NaN, 0 where both are.
    """
    left_is_nan = np.isnan(widen(left))
    right_is_nan = np.isnan(widen(right))
    first, second = ordered(left, name), ordered(right, name)
    # Unsigned, because two float64 of opposite sign are further apart than int64 can say.
    larger = np.maximum(first, second).astype(np.uint64)
    smaller = np.minimum(first, second).astype(np.uint64)
    count = (larger - smaller).astype(np.float64)
    count = np.where(left_is_nan != right_is_nan, np.inf, count)
    return np.where(left_is_nan & right_is_nan, 0.0, count)


def half_ulp(x: NDArray[np.float64], dtype: str) -> NDArray[np.float64]:
    """Gives half the spacing of a float type at its numbers.

    Args:
        x: The numbers.
        dtype: The name of the float type.

    Returns:
        The halves, 0 where a number is not finite.
    """
    finite = np.isfinite(x)
    return np.where(finite, 0.5 * ulp(np.where(finite, x, 0.0), 0.0, dtype), 0.0)


def json_number(value: float) -> float | str:
    """Returns a number as JSON can hold it, which has neither infinities nor NaN: as text.

    Args:
        value: The number.
    """
    return value if math.isfinite(value) else str(value)
