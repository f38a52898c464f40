"""How errors are distributed: the errors that half, nearly all and all but a few are within."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = ["PERCENTILES", "Percentiles", "percentiles_of", "percentiles_together"]

PERCENTILES: Mapping[str, float] = MappingProxyType({"p50": 0.5, "p99": 0.99, "p99.9": 0.999})
"""By name: the share of the outputs that are at most this far off."""

Percentiles = Mapping[str, float]
"""By the names of `PERCENTILES`."""


def percentiles_of(values: NDArray[np.float64]) -> Percentiles:
    """Returns the percentiles of some numbers, each one of them: nothing is interpolated.

    Args:
        values: The numbers, at least one, none of them NaN.

    >>> percentiles_of(np.arange(1.0, 1001.0))
    {'p50': 500.0, 'p99': 990.0, 'p99.9': 999.0}
    """
    places = [math.ceil(share * values.size) - 1 for share in PERCENTILES.values()]
    return dict(zip(PERCENTILES, np.partition(values, places)[places].tolist(), strict=True))


def percentiles_together(first: Percentiles, second: Percentiles) -> Percentiles:
    """Returns the larger of each two: those of both sets together are at most that.

    Args:
        first: Those of one set.
        second: Those of another.
    """
    return {name: max(first[name], second[name]) for name in PERCENTILES}
