"""What `replace_activations` says: what it found, and what it did about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FoundActivation", "ReplacementReport"]


@dataclass(frozen=True)
class FoundActivation:
    """An activation in a model, after the replacement.

    Attributes:
        path: The dotted path of submodules and attribute that leads to it; empty for the model.
        was: The activation before the replacement: its name and parameters in `unified_act`, or
            the name in the framework if `unified_act` has no such activation.
        now: The activation in its place now; None if it was left alone.
        notes: Other changes that this replacement brings, or why it was not possible.
    """

    path: str
    was: str
    now: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplacementReport:
    """The report of `replace_activations`. Print it to read it.

    Attributes:
        model: The model, changed in place. If the model itself is an activation, the new one.
        found: All activations that were found, in the order of the model's modules.
        notes: Changes elsewhere in the model.
    """

    model: Any = field(repr=False, compare=False)
    found: tuple[FoundActivation, ...]
    notes: tuple[str, ...] = ()

    @property
    def replaced(self) -> tuple[FoundActivation, ...]:
        """The activations that were replaced."""
        return tuple(one for one in self.found if one.now is not None)

    @property
    def left(self) -> tuple[FoundActivation, ...]:
        """The activations that were left alone."""
        return tuple(one for one in self.found if one.now is None)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if not self.found:
            yield "no activations found: those called inside forward() cannot be seen"
            return
        plural = "" if len(self.found) == 1 else "s"
        yield f"{len(self.replaced)} of {len(self.found)} activation{plural} replaced"
        paths = {one.path: one.path or "(the model)" for one in self.found}
        width = max(map(len, paths.values()))
        for title, group in (("", self.replaced), ("left alone", self.left)):
            if title and group:
                yield title
            for one in group:
                change = one.was if one.now is None else f"{one.was} → {one.now}"
                notes = f"  ({'; '.join(one.notes)})" if one.notes else ""
                yield f"  {paths[one.path]:<{width}}  {change}{notes}"
        yield from self.notes
