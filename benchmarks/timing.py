"""Timing of calls that are compared: in turn, so that all of them see the same machine."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Mapping, Sequence

from benchmarks.calls import Loop
from benchmarks.measured import PROFILES

__all__ = ["in_turn", "medians"]

SECONDS_PER_ROUND = 0.0003
SECONDS_PER_CASE = 0.2
ROUNDS = (5, 25)
"""The fewest and the most; between them, as many as `SECONDS_PER_CASE` has room for."""
ENOUGH_AT_FIRST = 0.03
"""Seconds: nobody is called again to be seen who has taken as long."""
HOPELESS = 1.5
"""A rival that takes so many times as long as the best one, at first sight, is out."""


def medians(loops: Mapping[str, Loop]) -> dict[str, float]:
    """Returns the median microseconds of a call of each loop, without hopeless rivals."""
    gc.disable()
    try:
        first = {text: _at_first_sight(loop) for text, loop in loops.items()}
        best = min(seconds for text, seconds in first.items() if text not in PROFILES)
        kept = [t for t, s in first.items() if t in PROFILES or s <= HOPELESS * best]
        numbers = {text: max(1, int(SECONDS_PER_ROUND / first[text])) for text in kept}
        round_takes = sum(numbers[text] * first[text] for text in kept)
        fewest, most = ROUNDS
        rounds = max(fewest, min(most, int(SECONDS_PER_CASE / round_takes)))
        return in_turn({text: loops[text] for text in kept}, numbers, rounds)
    finally:
        gc.enable()


def _at_first_sight(loop: Loop) -> float:
    """Returns the seconds of a call, after one that compiles and allocates."""
    loop(1)
    found = [loop(1)[0]]
    while len(found) < 3 and sum(found) < ENOUGH_AT_FIRST:
        found.append(loop(1)[0])
    return min(found)


def in_turn(loops: Mapping[str, Loop], numbers: Mapping[str, int], rounds: int) -> dict[str, float]:
    """Returns the median microseconds of a call of each loop.

    Args:
        loops: The loops.
        numbers: How many calls of each are timed as one.
        rounds: How often.
    """
    found: dict[str, list[float]] = {text: [] for text in loops}
    order: Sequence[str] = list(loops)
    for _ in range(rounds):
        for text in order:
            found[text].append(loops[text](numbers[text])[0] / numbers[text] * 1e6)
        order = order[::-1]  # nobody always comes after the same one
    return {text: statistics.median(each) for text, each in found.items()}
