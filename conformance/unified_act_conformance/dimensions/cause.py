"""Finds the dimension in which an activation is wrong, and names it in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from unified_act_conformance.dimensions.setting import Dimension, Setting

__all__ = ["narrowed"]

Fails = Callable[[Setting], str]
"""Says what is wrong in a setting; nothing if it is right or cannot be asked."""

STEPS = 40
"""How often a search is halved."""
DIGITS = 3


def narrowed(
    setting: Setting, fault: str, fails: Fails, dimensions: Sequence[Dimension]
) -> tuple[str, str]:
    """Returns where an activation is wrong, in words, and what is wrong there.

    Every dimension is put back to its ordinary value unless the activation is right then. What is
    left over is named.

    Args:
        setting: Where it is wrong.
        fault: What is wrong there.
        fails: Tries a setting.
        dimensions: The dimensions of the setting.
    """
    changed: list[Dimension] = []
    for dimension in dimensions:
        ordinary = dimension.values[0]
        if setting[dimension.name] == ordinary:
            continue
        plainer = {**setting, dimension.name: ordinary}
        found = fails(plainer)
        if found:
            setting, fault = plainer, found
        else:
            changed.append(dimension)
    if not changed:
        return "wrong in an ordinary call", fault
    told = [_told(dimension, setting, fails) for dimension in changed]
    return "wrong only " + " and ".join(told), fault


def _told(dimension: Dimension, setting: Setting, fails: Fails) -> str:
    """The value of a dimension in words, or the one from which on it is wrong."""
    name, value = dimension.name, setting[dimension.name]
    if not dimension.between and not (name == "before" and isinstance(value, int)):
        return dimension.words(value)
    right: Any = dimension.values[0] if name != "before" else 1
    if isinstance(right, (bool, str)):
        return dimension.words(value)
    wrong, whole = value, isinstance(right, int)
    for _ in range(STEPS):
        middle = (right + wrong) // 2 if whole else (right + wrong) / 2.0
        if middle in (right, wrong) or (not whole and _close(right, wrong)):
            break
        if fails({**setting, name: middle}):
            wrong = middle
        else:
            right = middle
    return _bounds(dimension, right, wrong, value, whole)


def _close(right: float, wrong: float) -> bool:
    return abs(right - wrong) <= 10.0**-DIGITS * max(abs(right), abs(wrong))


def _bounds(dimension: Dimension, right: Any, wrong: Any, value: Any, whole: bool) -> str:
    relation = "beyond" if wrong > right else "below"
    if whole:
        return f"{relation} {right} {_UNITS.get(dimension.name, dimension.name)}"
    bound = float(f"{right:.{DIGITS - 1}g}")
    if math.isclose(bound, value):
        return dimension.words(value)
    return f"with {dimension.name} {'above' if wrong > right else 'below'} {bound:g}"


_UNITS = {
    "row": "in a row",
    "elements": "elements",
    "batch": "in a batch",
    "before": "calls",
}
