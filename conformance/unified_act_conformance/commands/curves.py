"""Graphs of functions and their derivatives: a picture, or braille characters in a terminal."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

import unified_act as ua
from unified_act.loading import find_entry
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.floats import widen
from unified_act_conformance.harness import load_harness
from unified_act_conformance.identify import Source, Unknown

__all__ = [
    "COLOURS",
    "Graph",
    "broken",
    "curves_of",
    "default_range",
    "draw_panel",
    "save_plot",
    "text_plot",
]

Doubles = NDArray[np.float64]
Integers = NDArray[np.int_]

TITLES = ("f(x)", "f′(x)", "f″(x)")
POINTS = 2001
HALF_WIDTH = 5.0
MARGIN = 2.0
"""How far the picture goes beyond a kink."""
HIGHEST = 10.0
"""Where a curve that grows exponentially is cut off, so that the rest is seen."""
STYLES = ("bright_blue", "yellow", "green", "magenta", "cyan", "red", "white")
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a character's dots, by column and row."""
BRAILLE = 0x2800
LABEL = 7
# Okabe's and Ito's colours, which colour-blind people tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


@dataclass(frozen=True)
class Graph:
    """One function, or one derivative of it.

    Attributes:
        label: What it is called in the legend.
        order: 0 for the function, 1 for its derivative, 2 for the second one.
        x: Points, in increasing order.
        y: What it is there; NaN where it jumps, so that no line is drawn.
        kinks: Points of it that lie at a kink.
    """

    label: str
    order: int
    x: Doubles
    y: Doubles
    kinks: tuple[tuple[float, float], ...]


def default_range(sources: Sequence[Source]) -> tuple[float, float]:
    """Returns a range in which everything that happens to some functions is seen.

    Args:
        sources: The functions.
    """
    at = [kink.at for source in sources for kink in source.kinks or ()]
    low = min([-HALF_WIDTH, *(x - MARGIN for x in at)])
    return low, max([HALF_WIDTH, *(x + MARGIN for x in at)])


def curves_of(source: Source, between: tuple[float, float], orders: Sequence[int]) -> list[Graph]:
    """Returns the curves of a function, one for each order.

    Args:
        source: The function.
        between: From where to where.
        orders: Which derivatives.

    Raises:
        unified_act.UnsupportedError: It treats no element alone, or has no such derivative.
    """
    unknown = Unknown(source.function, source.backend)
    if not unknown.is_elementwise():
        raise ua.UnsupportedError(
            f"{source.text} is not a function of one number, so it has no curve."
        )
    dtype = unknown.dtypes[0]
    kinks = source.kinks
    at = [kink.at for kink in kinks or ()]
    if kinks is None:  # found to 1e-8; whoever wrote the function chose fewer digits
        at = [round(bend, 6) for bend in unknown.bends(dtype)]
    at = [x for x in at if between[0] <= x <= between[1]]
    x = np.unique(np.concatenate([np.linspace(*between, POINTS), at]))
    sample = unknown.at(x, dtype)
    curves = []
    for order in orders:
        if order == 1 and sample.gradient is None:
            raise ua.UnsupportedError(f"{source.text}: {unknown.missing_gradient}.")
        found = sample.value if order == 0 else sample.gradient
        y = _second_derivative(source, x, dtype) if order == 2 else np.asarray(found)
        marked = [] if order == 2 else [(a, float(y[np.searchsorted(x, a)])) for a in at]
        curves.append(Graph(source.text, order, x, broken(x, y, at, order), tuple(marked)))
    return curves


def broken(x: Doubles, y: Doubles, at: Sequence[float], order: int) -> Doubles:
    """Returns what is drawn without a line across a jump.

    Derivatives jump at kinks, a function only by a lot.

    Args:
        x: Points, in increasing order.
        y: A function, or a derivative of it, there.
        at: Its kinks.
        order: Which derivative it is.
    """
    y = y.copy()
    if order:
        y[np.isin(x, at)] = np.nan
        return y
    for index in np.searchsorted(x, at):
        around = y[max(index - 1, 0) : index + 2]
        if np.ptp(around) > 20.0 * np.ptp(x[max(index - 1, 0) : index + 2]):
            y[index] = np.nan
    return y


def _second_derivative(source: Source, x: Doubles, dtype: str) -> Doubles:
    function = source.function
    if isinstance(function, ua.ActivationFunction) and source.backend == "numpy":
        second = ACTIVATIONS.find(function.name).second_derivative
        if second is None:
            raise ua.UnsupportedError(
                f"{source.text}: NumPy has no second derivative of it; write {source.text}@torch."
            )
        namespace = importlib.import_module(f"{find_entry(source.backend).package}.namespace")
        return np.asarray(second(namespace, x, **function.parameters))
    harness = load_harness(source.backend)
    ones = harness.to_native(np.ones(x.shape, dtype=dtype), dtype)
    native = harness.to_native(x.astype(dtype), dtype)
    try:
        found = harness.second_derivative(function, native, ones)
    except Exception as error:  # whatever the framework says that has none
        raise ua.UnsupportedError(f"{source.text} has no second derivative: {error}") from error
    return widen(harness.to_numpy(found, dtype))


def height_of(curves: Sequence[Graph]) -> tuple[float, float]:
    """Returns from where to where the y axis goes.

    Args:
        curves: What is drawn.
    """
    y = np.concatenate([curve.y[np.isfinite(curve.y)] for curve in curves])
    low, high = max(float(y.min()), -HIGHEST), min(float(y.max()), HIGHEST)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def save_plot(curves: Sequence[Graph], path: Path) -> None:
    """Writes a picture, one panel for each order; the file's ending says which kind.

    Args:
        curves: What is drawn.
        path: Where to.

    Raises:
        unified_act.UnsupportedError: matplotlib is not installed, or does not know the ending.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ua.UnsupportedError(
            f"pictures need {error.name}, which is not installed. "
            "Install it with: pip install 'unified-act[plot]'"
        ) from error
    orders = sorted({curve.order for curve in curves})
    figure = Figure(figsize=(4.8 * len(orders), 4.2), layout="constrained")
    panels = figure.subplots(1, len(orders), squeeze=False)[0]
    for panel, order in zip(panels, orders, strict=True):
        draw_panel(panel, [curve for curve in curves if curve.order == order])
        panel.set_ylabel(TITLES[order])
    panels[0].legend(loc="best", frameon=True, framealpha=0.85, edgecolor="none")
    try:
        figure.savefig(path, dpi=150)
    except ValueError as error:
        raise ua.UnsupportedError(str(error)) from error


def draw_panel(panel: Any, curves: Sequence[Graph]) -> None:
    """Draws curves with matplotlib.

    Args:
        panel: The axes of a figure.
        curves: What is drawn.
    """
    for index, curve in enumerate(curves):
        colour = COLOURS[index % len(COLOURS)]
        style = "-" if index < len(COLOURS) else "--"
        panel.plot(curve.x, curve.y, style, color=colour, linewidth=1.8, label=curve.label)
        for at, value in curve.kinks:
            panel.plot(at, value, "o", color=colour, markersize=5, markeredgecolor="white")
    for line in (panel.axhline, panel.axvline):
        line(0.0, color="#888888", linewidth=0.8, zorder=0)
    panel.grid(visible=True, color="#E4E4E4", linewidth=0.7)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    panel.set_xlabel("x")
    panel.set_xlim(float(curves[0].x[0]), float(curves[0].x[-1]))
    panel.set_ylim(*height_of(curves))


def text_plot(curves: Sequence[Graph], width: int, height: int) -> Text:
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


def _legend(curves: Sequence[Graph], title: str) -> Text:
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

    def __init__(self, curves: Sequence[Graph], columns: int, rows: int) -> None:
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

    def curve(self, curve: Graph, style: str) -> None:
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

    def kinks(self, curve: Graph, style: str) -> None:
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
