"""The error budgets, from `budgets.toml`."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from unified_act_conformance.floats import float_format
from unified_act_conformance.truth import record_of

__all__ = ["Tier", "budget", "shared_budget", "tier_of", "tiers"]

TABLE = Path(__file__).with_name("budgets.toml")

SHARED = "shared"
"""The table of the budgets of the code that backends share."""
WEIGHT_TIER = "summed"
"""The tier of a derivative by a weight."""


@dataclass(frozen=True)
class Tier:
    """The budgets of some activations.

    Attributes:
        wide: For float32 and float64, by order.
        narrow: For float16 and bfloat16, by order.
        growth: What each further element of a reduced row adds.
        growth_to: The length of a row from which on further elements add nothing.
    """

    wide: tuple[float, ...]
    narrow: tuple[float, ...]
    growth: float = 0.0
    growth_to: int = 1


def budget(name: str, order: int, dtype: str, *, length: int = 1) -> float:
    """Gives the largest error that passes.

    Args:
        name: The canonical name of the activation; with a dot and the name of a weight, what is
            judged is a derivative by that.
        order: 0, 1 or 2.
        dtype: The name of the float type.
        length: How many elements a reduction runs over; 1 for an elementwise activation.

    Returns:
        The budget, in the unit of `judge`.
    """
    entry = tier_of(name)
    by_order = entry.narrow if float_format(dtype).dtype.itemsize == 2 else entry.wide
    return by_order[order] + entry.growth * (min(length, entry.growth_to) - 1)


def shared_budget(code: str, order: int, dtype: str) -> float:
    """Gives the largest error that passes in strict where backends share their code.

    Args:
        code: What `unified_act_conformance.subject.shared_code` returns.
        order: 0, 1 or 2.
        dtype: The name of the float type.

    Returns:
        The budget; infinity if only that of the tier counts.
    """
    by_dtype = _table().get(SHARED, {}).get(code, {})
    key = "narrow" if float_format(dtype).dtype.itemsize == 2 else dtype
    by_order: list[float] = by_dtype.get(key, [])
    return by_order[order] if order < len(by_order) else math.inf


def tier_of(name: str) -> Tier:
    """Gives the budgets of the tier that an activation's record names.

    Args:
        name: As for `budget`.

    Raises:
        LookupError: There is no such tier.
    """
    tier = WEIGHT_TIER if "." in name else record_of(name).tier
    found = tiers().get(tier)
    if found is None:
        known = ", ".join(tiers())
        raise LookupError(
            f"the record of {name} names the tier {tier!r}, but {TABLE} has only: {known}"
        )
    return found


@cache
def tiers() -> Mapping[str, Tier]:
    """Gives the budgets of each tier.

    Returns:
        A read-only mapping by tier.
    """
    return MappingProxyType(
        {
            name: Tier(**{**entry, "wide": tuple(entry["wide"]), "narrow": tuple(entry["narrow"])})
            for name, entry in _table().items()
            if name != SHARED
        }
    )


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
