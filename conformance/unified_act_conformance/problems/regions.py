"""Classifies inputs: ordinary ones, and those for which frameworks are often wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance.floats import float_format

__all__ = ["REGIONS", "Codes", "Tally", "region_codes", "tally", "tally_together"]

Doubles = NDArray[np.float64]
Codes = NDArray[np.int8]
"""Indices into `REGIONS`."""

REGIONS = ("nan", "infinite", "kink", "subnormal", "zero", "normal")
"""By the input, in this order: a kink at 0 is a kink. Where the input or the correctly rounded
output is subnormal, something may have been flushed."""


@dataclass(frozen=True)
class Tally:
    """The outputs of one region.

    Attributes:
        count: How many were judged.
        failures: How many of them are faulty or above the budget.
    """

    count: int
    failures: int


def region_codes(x: Doubles, want: Doubles, kinks: Sequence[float], dtype: str) -> Codes:
    """Says which region each output belongs to.

    Args:
        x: The inputs.
        want: The correctly rounded outputs.
        kinks: Where the function or one of its first two derivatives is not continuous.
        dtype: The name of the float type.
    """
    tiny = float_format(dtype).smallest_normal
    subnormal = ((x != 0) & (np.abs(x) < tiny)) | ((want != 0) & (np.abs(want) < tiny))
    masks = (np.isnan(x), np.isinf(x), np.isin(x, kinks), subnormal, x == 0)
    return np.select(masks, list(range(len(masks))), len(masks)).astype(np.int8)


def tally(codes: Codes, failing: NDArray[np.bool_]) -> Mapping[str, Tally]:
    """Counts the outputs of each region.

    Args:
        codes: Where each output belongs.
        failing: Which of them are faulty or above the budget.
    """
    counts = np.bincount(codes, minlength=len(REGIONS)).tolist()
    failures = np.bincount(codes[failing], minlength=len(REGIONS)).tolist()
    return dict(zip(REGIONS, map(Tally, counts, failures), strict=True))


def tally_together(first: Mapping[str, Tally], second: Mapping[str, Tally]) -> Mapping[str, Tally]:
    """Adds the counts of two sets of outputs.

    Args:
        first: Those of one set.
        second: Those of the other.
    """
    return {
        name: Tally(found.count + second[name].count, found.failures + second[name].failures)
        for name, found in first.items()
    }
