"""Curves in a terminal, drawn with the eight dots of braille characters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from unified_act_conformance.commands.curves import TITLES, Curve, height_of

__all__ = ["text_plot"]

Doubles = NDArray[np.float64]
Integers = NDArray[np.int_]

STYLES = ("bright_blue", "yellow", "green", "magenta", "cyan", "red", "white")
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a character's dots, by column and row."""
BRAILLE = 0x2800
LABEL = 7


def text_plot(curves: Sequence[Curve], width: int, height: int) -> Text:
    """Returns a panel for each order, one below the other.

    Args:
        curves: What is drawn.
        width: Of the panel, in characters.
        height: Of each panel, in lines.
    """
    whole = Text()
    for order in sorted({curve.order for curve in curves}):
        chosen = [curve for curve in curves if curve.order == order]
        whole.append(_legend(chosen, TITLES[order]))
        canvas = _Canvas(chosen, width - LABEL - 2, height)
        canvas.axes()
        for draw in (canvas.curve, canvas.kinks):
            for index, curve in enumerate(chosen):
                draw(curve, STYLES[index % len(STYLES)])
        whole.append(canvas.text())
    return whole


def _legend(curves: Sequence[Curve], title: str) -> Text:
    line = Text(" " * (LABEL + 2)).append(title, style="bold")
    for index, curve in enumerate(curves):
        line.append("   ━━ ", style=STYLES[index % len(STYLES)]).append(curve.label)
    if any(curve.kinks for curve in curves):
        line.append("   ● kink")
    return line.append("\n")


class _Canvas:
    """A panel of characters, each of two by four dots.

    Attributes:
        characters: What is drawn, by row and column.
        styles: How.
    """

    def __init__(self, curves: Sequence[Curve], columns: int, rows: int) -> None:
        """Makes an empty one, with the axes of some curves."""
        self.characters = np.full((rows, columns), " ", dtype=object)
        self.styles = np.full((rows, columns), "dim", dtype=object)
        self.columns, self.rows = columns, rows
        self.left, self.right = float(curves[0].x[0]), float(curves[0].x[-1])
        self.bottom, self.top = height_of(curves)

    def dots(self, x: Doubles, y: Doubles) -> tuple[Integers, Integers]:
        """The dots nearest to points: columns from the left, rows from the top."""
        across = (x - self.left) / (self.right - self.left) * (2 * self.columns - 1)
        down = (self.top - y) / (self.top - self.bottom) * (4 * self.rows - 1)
        return np.rint(across).astype(int), np.rint(down).astype(int)

    def axes(self) -> None:
        """Draws where x and y are 0."""
        (across,), (down,) = self.dots(np.zeros(1), np.zeros(1))
        if 0 <= down < 4 * self.rows:
            self.characters[down // 4, :] = "┈"
        if 0 <= across < 2 * self.columns:
            self.characters[:, across // 2] = "┊"

    def curve(self, curve: Curve, style: str) -> None:
        """Draws a line through the points, without one across what is not finite."""
        finite = np.isfinite(curve.y)
        across, down = self.dots(curve.x, np.where(finite, curve.y, 0.0))
        for index in np.flatnonzero(finite):
            start = down[index - 1] if index and finite[index - 1] else down[index]
            low, high = sorted((int(start), int(down[index])))
            for row in range(max(low, 0), min(high, 4 * self.rows - 1) + 1):
                self._dot(int(across[index]), row, style)

    def _dot(self, across: int, down: int, style: str) -> None:
        place = down // 4, across // 2
        code = ord(self.characters[place])
        before = code - BRAILLE if BRAILLE < code < BRAILLE + 0x100 else 0
        self.characters[place] = chr(BRAILLE + (before | DOTS[across % 2][down % 4]))
        self.styles[place] = style

    def kinks(self, curve: Curve, style: str) -> None:
        """Marks the kinks."""
        for at, value in curve.kinks:
            (across,), (down,) = self.dots(np.array([at]), np.array([value]))
            if 0 <= down < 4 * self.rows:
                place = down // 4, across // 2
                self.characters[place], self.styles[place] = "●", style

    def text(self) -> Text:
        """Returns it with a frame and the numbers at its ends."""
        result = Text()
        labels = {0: f"{self.top:.3g}", self.rows - 1: f"{self.bottom:.3g}"}
        for row in range(self.rows):
            result.append(labels.get(row, "").rjust(LABEL) + " │", style="dim")
            for character, style in zip(self.characters[row], self.styles[row], strict=True):
                result.append(character, style=style)
            result.append("\n")
        result.append(" " * LABEL + " └" + "─" * self.columns + "\n", style="dim")
        left, right = f"{self.left:g}", f"{self.right:g}"
        between = " " * (self.columns - len(left) - len(right))
        return result.append(" " * (LABEL + 2) + left + between + right + "\n", style="dim")
