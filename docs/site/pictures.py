"""A picture of each activation: the function with its derivative, and how far off both are.

Pictures are made when the site is built, and kept in `.cache/pictures` until a source changes.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import re
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docs import gallery
from unified_act import catalogue
from unified_act.activation import Activation
from unified_act.backend import Numerics
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.commands.curves import COLOURS, Graph, broken, draw_panel
from unified_act_conformance.floats import FloatArray, to_type, ulp, widen
from unified_act_conformance.harness import load_harness
from unified_act_conformance.judge import output_of
from unified_act_conformance.problems import Problem, problem_at
from unified_act_conformance.subject import Case, registered
from unified_act_conformance.truth import list_subjects, result_length, use_folder_of_user

__all__ = ["Caption", "draw", "draw_all"]

Doubles = NDArray[np.float64]

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".cache" / "pictures"
SOURCES = (
    *("unified_act", "backends/unified_act_torch", "conformance"),
    *("docs/site/pictures.py", "examples/gallery.py"),
)
BACKEND, DTYPE = "torch", "float32"

WIDTH = 5.0
BEYOND = 2.0
"""How far a picture goes beyond a kink."""
POINTS, POINTS_OF_ROWS = 2400, 480
"""How many inputs are judged; the exact values of whole rows take longer."""
BINS = 120
"""How many errors are drawn: each the largest of its inputs."""
ROW = (1.0, 0.0, -1.0)
"""What stands in a row beside x."""
SMALLEST = 0.01
"""The smallest error that is drawn."""
DARK = {
    "#0072b2": "#58b0ec",
    "#d55e00": "#ff9a52",
    "#e4e4e4": "#3b3f4b",
    "#888888": "#8b90a0",
    "#000000": "#d5d8e0",
    "#ffffff": "#1e2129",
}
"""What the colours of a picture become on a dark page."""


@dataclass(frozen=True)
class Caption:
    """What is told about a picture.

    Attributes:
        name: The activation.
        shown: What was called, with the parameters that have no default.
        slice: What x is, of an activation that takes more than one number; else empty.
        fast: The largest errors of value and gradient in the profile `fast`.
        strict: Those in the profile `strict`.
    """

    name: str
    shown: str
    slice: str
    fast: Sequence[float]
    strict: Sequence[float]


def draw_all(jobs: int = 2) -> tuple[dict[str, Path], dict[str, Caption]]:
    """Returns the pictures, by the names of their files, and the captions by activation.

    Args:
        jobs: How many processes draw.
    """
    folder = KEPT / _digest()
    captions = folder / "captions.json"
    if not captions.exists():
        shutil.rmtree(KEPT, ignore_errors=True)
        folder.mkdir(parents=True)
        names = [activation.name for activation in catalogue.ACTIVATIONS]
        names += [entry.name for entry in gallery.entries()]
        with ProcessPoolExecutor(jobs) as pool:
            # One at a time: what takes long is spread over all processes.
            found = list(pool.map(draw, names, [folder] * len(names)))
        captions.write_text(json.dumps([asdict(caption) for caption in found]), encoding="utf-8")
    told = [Caption(**told) for told in json.loads(captions.read_text(encoding="utf-8"))]
    files = {path.name: path for path in sorted(folder.glob("*.svg"))}
    return files, {caption.name: caption for caption in told}


def _digest() -> str:
    whole = hashlib.sha256(f"torch {version('torch')}".encode())
    for source in SOURCES:
        place = ROOT / source
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in (".py", ".toml"):
                whole.update(path.relative_to(ROOT).as_posix().encode())
                whole.update(path.read_bytes())
    return whole.hexdigest()[:16]


def draw(name: str, folder: Path) -> Caption:
    """Writes the pictures of one activation.

    Args:
        name: The activation.
        folder: Where to.
    """
    use_folder_of_user()
    if name not in ACTIVATIONS.names():
        importlib.import_module("examples.gallery")
    activation, subject = ACTIVATIONS.find(name), list_subjects([name])[0]
    parameters = activation.bind(dict(subject.parameters))
    kinks = activation.kinks(**parameters) if activation.kind.elementwise else ()
    at = sorted(kink.at for kink in kinks)
    low, high = min([-WIDTH, *(x - BEYOND for x in at)]), max([WIDTH, *(x + BEYOND for x in at)])
    count = POINTS if activation.kind.elementwise else POINTS_OF_ROWS
    x = np.unique(widen(to_type(np.concatenate([np.linspace(low, high, count), at]), DTYPE)))
    cut = _slice(activation, parameters, x)
    curves: list[Graph] = []
    errors: dict[Numerics, list[Doubles]] = {"fast": [], "strict": []}
    for order in (0, 1):
        case = Case(subject, BACKEND, DTYPE, order)
        problem = problem_at(case, cut.arrays, cut.cotangent if order else None)
        column = cut.column if order else 0
        exact = problem.reference.high.reshape(x.size, -1)[:, column]
        marks = tuple((a, float(exact[np.searchsorted(x, a)])) for a in at)
        label = "f′(x)" if order else "f(x)"
        curves.append(Graph(label, order, x, broken(x, exact, at, order), marks))
        for profile, found in errors.items():
            found.append(_errors(case, profile, problem).reshape(x.size, -1)[:, column])
    _save(folder / f"{name}-curve", lambda panel: _draw_curves(panel, curves))
    _save(folder / f"{name}-error", lambda panel: _draw_errors(panel, x, errors["fast"]))
    fast, strict = ([float(f"{e.max():.2g}") for e in errors[p]] for p in ("fast", "strict"))
    return Caption(name, str(subject), cut.told, fast, strict)


@dataclass(frozen=True)
class _Slice:
    """How one number x enters an activation of any kind.

    Attributes:
        arrays: The inputs, a row for each x.
        column: Where x is in its row.
        cotangent: What picks the first result of each row; None if there is no other.
        told: What the caption says about it.
    """

    arrays: list[FloatArray]
    column: int = 0
    cotangent: FloatArray | None = None
    told: str = ""


def _slice(activation: Activation, parameters: dict[str, Any], x: Doubles) -> _Slice:
    if activation.kind.elementwise:
        return _Slice([to_type(x, DTYPE)])
    column, row, told = 0, (), ""
    if activation.kind == "gated":
        column = 0 if parameters["gate_first"] else 1
        row, told = (1.0,), "x is the gate; the value beside it is 1"
    elif activation.along_axis:
        row, told = ROW, "x is the first number of the row (x, 1, 0, −1), and f(x) the first result"
    rows = np.insert(np.tile(row, (x.size, 1)), column, x, axis=1)
    shape = (x.size, rows.shape[1], 1, 1) if parameters.get("axis") == -3 else rows.shape
    arrays = [to_type(rows.reshape(shape), DTYPE)]
    for role in activation.inputs_for(parameters)[1:]:
        if role in activation.masks:
            arrays.append(np.broadcast_to(np.array([True, True, True, False]), shape))
            told += "; the mask leaves out the last"
        elif activation.kind == "stochastic":
            arrays.append(to_type(np.full(shape, 0.5), DTYPE))
            told += "; all random numbers are 1/2"
        else:
            arrays.append(to_type(np.array([activation.initial[role]]), DTYPE))
            told += f"; {role} = {activation.initial[role]:.4g}"
    cotangent = None
    if activation.along_axis:
        length = result_length(activation.name, shape[1], parameters)
        first = np.zeros((x.size, length, *shape[2:]))
        first[:, 0] = 1.0
        cotangent = to_type(first, DTYPE)
    return _Slice(arrays, column, cotangent, told.removeprefix("; "))


def _errors(case: Case, profile: Numerics, problem: Problem) -> Doubles:
    """In units in the last place of the exact results."""
    found = widen(output_of(case, load_harness(BACKEND), registered(case, profile), problem))
    high, low = problem.reference.high, problem.reference.low
    error = np.abs((found - high) - low) / ulp(high, low, DTYPE)
    return np.where(np.isnan(error), 0.0, error)  # both are infinite


def _save(path: Path, draw: Callable[[Any], None]) -> None:
    """Writes a picture twice, for light pages and for dark ones."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.name, "font.size": 11}):
        figure = Figure(figsize=(4.6, 3.1))
        draw(figure.add_axes((0.13, 0.15, 0.85, 0.82)))
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    light = re.sub(r"\n\s*", "\n", text.getvalue()).replace("<svg ", '<svg fill="#000000" ', 1)
    path.with_name(f"{path.name}-light.svg").write_text(light, encoding="utf-8")
    dark = re.sub(
        "|".join(DARK), lambda colour: DARK[colour[0].lower()], light, flags=re.IGNORECASE
    )
    path.with_name(f"{path.name}-dark.svg").write_text(dark, encoding="utf-8")


def _draw_curves(panel: Any, curves: Sequence[Graph]) -> None:
    draw_panel(panel, curves)
    low, high = panel.get_ylim()
    marks = [value for curve in curves for _, value in curve.kinks]
    panel.set_ylim(min([low, *marks]), max([high, *(1.06 * value for value in marks)]))
    panel.legend(loc="best", frameon=True, framealpha=0.85, edgecolor="none")


def _draw_errors(panel: Any, x: Doubles, errors: Sequence[Doubles]) -> None:
    parts = np.array_split(np.arange(x.size), BINS)
    middle = np.array([x[part].mean() for part in parts])
    for error, label, colour in zip(errors, ("f(x)", "f′(x)"), COLOURS, strict=False):
        largest = np.array([error[part].max() for part in parts])
        drawn = np.maximum(largest, SMALLEST)
        panel.plot(middle, drawn, color=colour, linewidth=1.4, label=label)
    highest = max(1.0, *(float(error.max()) for error in errors))
    panel.set_yscale("log")
    panel.set_ylim(SMALLEST / 1.3, highest * 1.6)
    panel.set_xlim(float(x[0]), float(x[-1]))
    panel.axhline(0.5, color="#888888", linewidth=0.9, linestyle="--", zorder=0)
    panel.grid(visible=True, color="#E4E4E4", linewidth=0.7)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    panel.set_xlabel("x")
    panel.legend(loc="best", frameon=True, framealpha=0.85, edgecolor="none")
