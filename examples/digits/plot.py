"""The picture of a sweep: test accuracy and dead units over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

import unified_act as ua
from examples.digits.sweep import History

__all__ = ["check_plot", "save_plot"]

# Okabe's and Ito's colours, which colour-blind people tell apart; their yellow is too pale here.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", ":", "-.")
"""What tells lines apart when the colours begin again."""
WIDTHS = (2.4, 1.2)
"""Of the first line and of the last, in points: so the first is seen where others cover it."""
GREY = "#666666"

ACCURACIES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
SMALLEST_ERROR = 0.005
"""Where the scale of the accuracy, logarithmic in the share of errors, stops being so."""
SMALLEST_HEIGHT = 0.04
"""Of the axis of the dead units."""

# In inches:
MARGIN = 1.1
"""What title and x axis take of a row's height."""
PANEL_WIDTH = 3.9
LABEL_HEIGHT, CHARACTER_WIDTH = 0.16, 0.08
"""Of the label of a line."""
BEND, LABEL = 1.06, 1.12
"""Where the line to a label ends its slope, and where it ends; the panel's width is 1."""


class Look(NamedTuple):
    """How the line of an activation is drawn."""

    color: str
    linestyle: str
    linewidth: float


def check_plot(path: Path) -> None:
    """Makes sure, before the training, that the picture can be saved after it.

    Raises:
        UnsupportedError: matplotlib is not installed, or does not know the ending.
        FileNotFoundError: There is no such folder.
    """
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ModuleNotFoundError as error:
        raise ua.UnsupportedError(
            f"pictures need {error.name}, which is not installed. "
            "Install it with: pip install 'unified-act[plot]'"
        ) from error
    kinds = FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:
        raise ua.UnsupportedError(
            f"{path}: no picture has that ending; use one of {', '.join(sorted(kinds))}."
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: make the folder {path.parent} first.")


def save_plot(histories: Sequence[History], path: Path) -> None:
    """Writes the picture, a row for each framework; the file's ending says which kind.

    Args:
        histories: The trainings.
        path: Where to.
    """
    from matplotlib.figure import Figure  # a figure of its own: no window, no global state

    frameworks = list(dict.fromkeys(history.framework for history in histories))
    looks = _looks(list(dict.fromkeys(history.activation for history in histories)))
    inner = max(2.4, LABEL_HEIGHT * len(looks))
    height = (inner + MARGIN) * len(frameworks) + 0.3
    width = 2.0 * (PANEL_WIDTH + CHARACTER_WIDTH * max(map(len, looks)))
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle("Handwritten digits: the same network with each activation")
    rows = figure.subplots(len(frameworks), 2, squeeze=False)
    for framework, (left, right) in zip(frameworks, rows, strict=True):
        own = [history for history in histories if history.framework == framework]
        network = f"{framework} ({own[0].architecture})"
        _draw(left, {history.activation: history.accuracies for history in own}, looks)
        left.set_title(f"{network}: test accuracy, %", loc="left", fontsize=10)
        _accuracy_axis(left, [value for history in own for value in history.accuracies])
        _draw(right, {history.activation: history.dead for history in own}, looks)
        right.set_title(f"{network}: dead units, %", loc="left", fontsize=10)
        _dead_axis(right, [value for history in own for value in history.dead])
        alive = [history.activation for history in own if not any(history.dead)]
        _label_ends(left, LABEL_HEIGHT / inner)
        _label_ends(right, LABEL_HEIGHT / inner, alive)
    figure.savefig(path, dpi=150)


def _looks(activations: Sequence[str]) -> dict[str, Look]:
    widths = np.linspace(*WIDTHS, len(activations))
    return {
        name: Look(
            COLOURS[index % len(COLOURS)],
            DASHES[index // len(COLOURS) % len(DASHES)],
            float(widths[index]),
        )
        for index, name in enumerate(activations)
    }


def _draw(panel: Any, lines: Mapping[str, Sequence[float]], looks: Mapping[str, Look]) -> None:
    for name, values in lines.items():
        # A single epoch is a point, which no line shows.
        marker = "o" if len(values) == 1 else ""
        epochs = range(1, len(values) + 1)
        panel.plot(epochs, values, label=name, marker=marker, **looks[name]._asdict())
    panel.grid(visible=True, axis="y", color="#E4E4E4", linewidth=0.7)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    panel.set_xlabel("epoch")
    panel.set_xlim(1, max(2, *(len(values) for values in lines.values())))
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.tick_params(labelsize=9)


def _accuracy_axis(panel: Any, values: Sequence[float]) -> None:
    low = max(mark for mark in ACCURACIES[:-1] if mark <= min(values))
    high = min(mark for mark in ACCURACIES if mark > low and mark >= max(values))
    panel.set_yscale("function", functions=(_stretch, _shrink))
    panel.set_ylim(low, high)
    marks = [mark for mark in ACCURACIES if low <= mark <= high]
    panel.set_yticks(marks, [f"{100 * mark:.3g}" for mark in marks])


def _stretch(accuracy: Any) -> Any:
    """Gives a halved number of errors about the same height everywhere."""
    return -np.log(1.0 + SMALLEST_ERROR - np.minimum(accuracy, 1.0))


def _shrink(height: Any) -> Any:
    return 1.0 + SMALLEST_ERROR - np.exp(-np.asarray(height))


def _dead_axis(panel: Any, values: Sequence[float]) -> None:
    high = max(SMALLEST_HEIGHT, *values)
    panel.set_ylim(-0.02 * high, 1.04 * high)
    panel.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}")


def _label_ends(panel: Any, distance: float, together: Sequence[str] = ()) -> None:
    """Writes beside the end of each line what it is; labels that would touch are moved apart.

    Args:
        panel: Where.
        distance: Between labels; the panel's height is 1.
        together: Lines that have one label, since they all lie on each other.
    """
    to_panel = panel.transData + panel.transAxes.inverted()
    ends = [
        (float(to_panel.transform((1, line.get_ydata()[-1]))[1]), line.get_label(), line)
        for line in panel.get_lines()
    ]
    labels = [end for end in ends if end[1] not in together]
    if together:
        height, _, line = next(end for end in ends if end[1] in together)
        text = "all" if not labels else "all others" if len(together) > 1 else together[0]
        labels.append((height, text, line))
    labels.reverse()  # of equal heights the first on top
    labels.sort(key=lambda label: label[0])
    places = _apart([height for height, _, _ in labels], distance)
    for (height, text, line), place in zip(labels, places, strict=True):
        color = GREY if text.startswith("all") else line.get_color()
        panel.plot(
            [1.0, BEND, LABEL],
            [height, place, place],
            color=color,
            linestyle=line.get_linestyle(),
            linewidth=1.0,
            transform=panel.transAxes,
            clip_on=False,
        )
        panel.text(
            LABEL + 0.01,
            place,
            text,
            color=color,
            fontsize=9,
            verticalalignment="center_baseline",
            transform=panel.transAxes,
        )


def _apart(places: Sequence[float], distance: float) -> NDArray[np.float64]:
    """Moves increasing places from 0 to 1 apart, each as little as possible."""
    steps = distance * np.arange(len(places))
    moved = isotonic_regression(np.subtract(places, steps), y_min=0.0, y_max=1.0 - steps[-1])
    return np.asarray(moved + steps)
