"""How large an error may be: the budgets of `budgets.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from unified_act_conformance.floats import float_format

DEFAULT_TIER = "composed"
"""The tier of an activation that the table does not name, such as a third party's."""
WEIGHT_TIER = "summed"
"""The tier of a derivative by a weight."""


@dataclass(frozen=True)
class Budget:
    """The budgets of one activation.

    Attributes:
        tier: The tier it belongs to.
        wide: For float32 and float64, by order.
        narrow: For float16 and bfloat16, by order.
        growth: What each further element of a reduced row adds.
    """

    tier: str
    wide: tuple[float, ...]
    narrow: tuple[float, ...]
    growth: float = 0.0


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
    entry = activations().get(name) or tiers()[WEIGHT_TIER if "." in name else DEFAULT_TIER]
    by_order = entry.narrow if float_format(dtype).dtype.itemsize == 2 else entry.wide
    return by_order[order] + entry.growth * (length - 1)


@cache
def tiers() -> Mapping[str, Budget]:
    """Gives the budgets of each tier.

    Returns:
        A read-only mapping by tier.
    """
    table = _table()["tiers"]
    return MappingProxyType({name: _budget(name, entry) for name, entry in table.items()})


@cache
def activations() -> Mapping[str, Budget]:
    """Gives the budgets of each activation that the table names.

    Returns:
        A read-only mapping by canonical name.

    Raises:
        KeyError: If the table names a tier that does not exist.
    """
    table = _table()
    merged = {
        name: _budget(entry["tier"], table["tiers"][entry["tier"]] | entry)
        for name, entry in table["activations"].items()
    }
    return MappingProxyType(merged)


@cache
def _table() -> dict[str, Any]:
    text = files(__package__).joinpath("budgets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _budget(tier: str, entry: Mapping[str, Any]) -> Budget:
    return Budget(tier, tuple(entry["wide"]), tuple(entry["narrow"]), entry.get("growth", 0.0))
