"""Aligns the activations of two models and says which are not the same function."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act_conformance.audit.examine import points, rows
from unified_act_conformance.audit.place import ActivationInModel

__all__ = ["Apart", "against"]

Doubles = NDArray[np.float64]

TOLERANCE = 1e-5
"""Relative differences, absolute below 1, that pass: float32 computes with less than that."""
FARTHEST = 20.0
"""Differences are measured for inputs up to this."""
OTHER, OTHER_HERE = 1.0, 0.5
"""What it costs the alignment to pair two that are not the same function; in the same place."""
ALONE = 0.7
"""What it costs to pair one with nothing."""
ELSEWHERE = 0.01
"""What it costs if the last names of their places differ."""
NEVER = 1e6


@dataclass(frozen=True)
class Apart:
    """A place where two models do not compute the same function.

    Attributes:
        first: In the one model; None if the other alone has an activation here.
        second: In the other.
        effect: The largest difference of the two functions for inputs up to 20, or of the one from
            no activation at all; infinite where that cannot be measured.
        at: The input where that is; NaN of functions along an axis.
    """

    first: ActivationInModel | None
    second: ActivationInModel | None
    effect: float
    at: float

    def __str__(self) -> str:
        """One line."""
        if self.first is None or self.second is None:
            one = self.first or self.second
            which = "the other" if self.second is None else "this"
            return f"{one.place}: {one.text}, which {which} model does not have" if one else ""
        return f"{self.first.place}: {self.first.text}, but {self.second.text} there, {self.size}"

    @property
    def size(self) -> str:
        """How large the effect is."""
        if not math.isfinite(self.effect):
            return "which cannot be compared"
        text = f"off by up to {self.effect:.2g}"
        return text if math.isnan(self.at) else f"{text} at x = {self.at:.4g}"


def against(
    first: Sequence[ActivationInModel], second: Sequence[ActivationInModel]
) -> tuple[Apart, ...]:
    """Returns where two models do not compute the same function, the largest effect first.

    Args:
        first: The activations of one model, in the order in which it computes them.
        second: Those of the other.
    """
    apart = [
        _apart(one, other)
        for one, other in _aligned(first, second)
        if one is None or other is None or _effect(one, other)[0] > 0.0
    ]
    return tuple(sorted(apart, key=lambda place: -place.effect))


def _apart(one: ActivationInModel | None, other: ActivationInModel | None) -> Apart:
    if one is not None and other is not None:
        return Apart(one, other, *_effect(one, other))
    return Apart(one, other, *_from_nothing(one or other))


def _from_nothing(one: ActivationInModel | None) -> tuple[float, float]:
    if one is None or one.curve is None:
        return math.inf, math.nan
    x = rows(one.found.ndim) if one.found.ndim else points()
    return _largest(one.curve, x, x) if one.curve.shape == x.shape else (math.inf, math.nan)


def _effect(one: ActivationInModel, other: ActivationInModel) -> tuple[float, float]:
    """How far two functions are apart, and where; 0 if they are the same."""
    if bool(one.found.ndim) != bool(other.found.ndim):
        return math.inf, math.nan
    if one.found.ndim:
        if one.activation is None or other.activation is None:
            return (0.0, math.nan) if one.text == other.text else (math.inf, math.nan)
        x = rows(max(one.found.ndim, other.found.ndim))
        curves = [_of_rows(each, x) for each in (one, other)]
    else:
        x = points()
        curves = [one.curve, other.curve]
        if _scaled(one) and _scaled(other):  # what only one has may be in weights of the other
            curves = [_of_scaled(each, x) for each in (one, other)]
    mine, theirs = curves
    if mine is None or theirs is None or mine.shape != theirs.shape:
        return (0.0, math.nan) if one.text == other.text else (math.inf, math.nan)
    return _largest(mine, theirs, x)


def _largest(mine: Doubles, theirs: Doubles, x: Doubles) -> tuple[float, float]:
    seen = np.abs(x) <= FARTHEST
    mine, theirs, x = mine[seen], theirs[seen], x[seen]
    with np.errstate(invalid="ignore"):
        difference = np.where(mine == theirs, 0.0, np.abs(mine - theirs))
    difference = np.where(np.isnan(mine) & np.isnan(theirs), 0.0, difference)
    difference = np.where(np.isnan(difference), np.inf, difference)
    worst = int(np.argmax(difference / (1.0 + np.abs(np.nan_to_num(mine)))))
    if difference[worst] <= TOLERANCE * (1.0 + abs(mine[worst])):
        return 0.0, math.nan
    worst = int(np.argmax(difference))
    return float(difference[worst]), float(x[worst])


def _of_rows(one: ActivationInModel, x: Doubles) -> Doubles | None:
    try:
        function = ua.get_activation(str(one.activation), backend="numpy", **one.parameters)
        return np.asarray(function(x))
    except ua.UnifiedActError:
        return None


def _scaled(one: ActivationInModel) -> bool:
    plain = (1.0, 0.0)
    return one.activation is not None and (one.found.before, one.found.after) != (plain, plain)


def _of_scaled(one: ActivationInModel, x: Doubles) -> Doubles | None:
    (factor, added), (times, plus) = one.found.before, one.found.after
    inner = _of_rows(one, factor * x + added)
    return None if inner is None else times * inner + plus


Pair = tuple[ActivationInModel | None, ActivationInModel | None]


def _aligned(first: Sequence[ActivationInModel], second: Sequence[ActivationInModel]) -> list[Pair]:
    """Pairs the activations of two models in order, at the least cost."""
    paired = _costs(first, second)
    count, columns = len(first), len(second)
    cost = np.zeros((count + 1, columns + 1))
    cost[:, 0], cost[0, :] = ALONE * np.arange(count + 1), ALONE * np.arange(columns + 1)
    for i, j in np.ndindex(count, columns):
        alone = min(cost[i, j + 1], cost[i + 1, j]) + ALONE
        cost[i + 1, j + 1] = min(cost[i, j] + paired[i, j], alone)
    pairs: list[Pair] = []
    i, j = count, columns
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + paired[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((first[i], second[j]))
        elif i and (not j or cost[i - 1, j] <= cost[i, j - 1]):
            i -= 1
            pairs.append((first[i], None))
        else:
            j -= 1
            pairs.append((None, second[j]))
    return pairs[::-1]


def _costs(first: Sequence[ActivationInModel], second: Sequence[ActivationInModel]) -> Doubles:
    """What it costs to pair each with each. Those that are the same function are compared once."""
    known: dict[object, float] = {}
    costs = np.zeros((len(first), len(second)))
    for (i, one), (j, other) in itertools.product(enumerate(first), enumerate(second)):
        key = (_kind(one), _kind(other))
        if key not in known:
            known[key] = _effect(one, other)[0]
        if known[key]:
            fits = bool(one.found.ndim) == bool(other.found.ndim)
            costs[i, j] = (OTHER_HERE if one.place == other.place else OTHER) if fits else NEVER
        if one.place.rpartition(".")[2] != other.place.rpartition(".")[2]:
            costs[i, j] += ELSEWHERE
    return costs


def _kind(one: ActivationInModel) -> object:
    found = one.found
    return (one.text, found.ndim, found.before, found.after, id(found.examined))
