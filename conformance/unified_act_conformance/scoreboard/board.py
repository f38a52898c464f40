"""The table: activations by frameworks, and what there is to say about a cell."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from unified_act.dialects.translation import call
from unified_act_conformance.declared import list_deviations
from unified_act_conformance.scoreboard.frameworks import FRAMEWORKS, Framework, find_frameworks
from unified_act_conformance.scoreboard.kept import Change, Results
from unified_act_conformance.scoreboard.measure import Cell, Output

__all__ = [
    "Board",
    "board",
    "cell_text",
    "change_text",
    "framework_of",
    "links",
    "number",
    "remarks",
    "subject_text",
]

NONE, NOT_OFFERED, MARK = "", "–", "*"
Measure = Literal["ulp", "units"]
"""Units in the last place of the exact value; or what the suite calls a unit."""


@dataclass(frozen=True)
class Board:
    """A table.

    Attributes:
        columns: What was found of each framework.
        rows: For each activation the worst cell of each column; None where it has no such function.
    """

    columns: Sequence[Results]
    rows: Mapping[str, Sequence[Cell | None]]


def board(
    results: Sequence[Results],
    dtype: str,
    order: int,
    *,
    activations: Sequence[str] = (),
    sort: str = "worst",
    by: Measure = "ulp",
) -> Board:
    """Makes a table. What only we have is left out, unless all columns are ours.

    Args:
        results: The columns.
        dtype: The float type.
        order: The derivative.
        activations: Only these, by their canonical names.
        sort: ``"name"``; ``"worst"``, by the worst of all columns but our own; or the name of a
            framework, by its column.
        by: How errors are measured.

    Raises:
        unified_act.UnknownBackendError: `sort` is none of these.
    """
    cells: dict[str, dict[str, list[Cell]]] = {}
    for each in results:
        for cell in each.cells:
            wanted = not activations or cell.activation in activations
            if wanted and (cell.dtype, cell.order) == (dtype, order):
                cells.setdefault(cell.activation, {}).setdefault(each.name, []).append(cell)
    others = {each.name for each in results if framework_of(each).dialect}
    rows = {
        activation: [
            max(found[each.name], key=lambda cell: badness(cell, by))
            if each.name in found
            else None
            for each in results
        ]
        for activation, found in cells.items()
        if not others or others & found.keys()
    }
    place = _sorting(results, sort, by)
    names = sorted(rows, key=lambda name: (place(rows[name]), name))
    return Board(results, {name: rows[name] for name in names})


def _sorting(results: Sequence[Results], sort: str, by: Measure) -> Any:
    if sort == "name":
        return lambda row: 0
    others = [i for i, each in enumerate(results) if framework_of(each).dialect]
    if sort != "worst":
        names = [framework.name for framework in find_frameworks([sort])]
        others = [i for i, each in enumerate(results) if each.framework in names]
    return lambda row: tuple(
        -value for value in max((badness(row[i], by) for i in others if row[i]), default=(-2.0, 0))
    )


def badness(cell: Cell, by: Measure) -> tuple[float, int]:
    """By what cells are compared."""
    worst = cell.worst if by == "ulp" or cell.faults or cell.why else cell.units
    return worst, len(cell.ends) + len(cell.kinks)


def framework_of(results: Results) -> Framework:
    """Returns the framework that results are about."""
    return next(framework for framework in FRAMEWORKS if framework.name == results.framework)


def number(value: float, digits: int = 2) -> str:
    """Writes an error in a few characters.

    Args:
        value: The error.
        digits: Those of a large one.

    Examples:
        >>> [number(x) for x in (0.0, 0.5003, 12.3, 812.0, 1.678e7)]
        ['0', '0.5', '12', '812', '1.7e7']
    """
    if value == 0 or math.isinf(value):
        return "0" if value == 0 else "inf"
    if value < 999.5:
        return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def cell_text(cell: Cell | None, digits: int = 2, by: Measure = "ulp") -> str:
    """Writes a cell: its largest error, and a star if an infinity or a kink is wrong too.

    Args:
        cell: The cell.
        digits: Those of a large error.
        by: How errors are measured.
    """
    if cell is None or cell.why:
        return NONE if cell is None else NOT_OFFERED
    text = "NaN" if cell.nan else "inf" if cell.infinite else number(getattr(cell, by), digits)
    return text + (MARK if cell.ends or cell.kinks or cell.lost else "")


def subject_text(cell: Cell) -> str:
    """Says what a function should compute."""
    return call(cell.activation, cell.parameters)


def remarks(cell: Cell) -> Iterator[str]:
    """Yields what there is to say about a cell, a sentence each.

    Args:
        cell: The cell.
    """
    if cell.why:
        yield f"not offered: {cell.why}"
        return
    if cell.nan or cell.infinite:
        what = [f"NaN at {cell.nan:,}"] if cell.nan else []
        what += [f"infinite, or not, at {cell.infinite:,}"] if cell.infinite else []
        where = _at(cell.fault) if cell.fault else ""
        yield f"{' and '.join(what)} of {cell.inputs:,} inputs, where it should not be: {where}"
    if cell.at is not None:
        yield f"up to {number(cell.ulp)} ulp off: {_at(cell.at)}"
        where = f": {_at(cell.units_at)}" if cell.units_at else ""
        yield f"up to {number(cell.units)} units off{where}"
        yield f"more than 1 ulp off at {cell.many:,} of {cell.inputs:,} inputs"
    elif not cell.faults:
        yield f"nowhere more than half a unit in the last place off, at {cell.inputs:,} inputs"
    for output in cell.ends:
        yield f"wrong at an infinity: {_at(output)}"
    for output in cell.kinks:
        yield f"another derivative at a kink: {_at(output)}"
    if cell.flushed:
        yield f"takes {cell.flushed:,} subnormal numbers for 0, or gets them wrong in another way"
    if cell.lost:
        yield f"returns a number for {cell.lost:,} NaN"


def _at(output: Output) -> str:
    x, got, want = output
    return f"at x = {x!r} it returned {got!r}, exact is {want!r}"


@dataclass(frozen=True)
class Issue:
    """A public report.

    Attributes:
        link: Where.
        frameworks: Whose functions it is about.
        activations: Which of them, with parameters.
        orders: The derivatives.
        says: What is reported.
    """

    link: str
    frameworks: tuple[str, ...]
    activations: tuple[str, ...]
    orders: tuple[int, ...]
    says: str


@cache
def _issues() -> tuple[Issue, ...]:
    text = Path(__file__).with_name("issues.toml").read_text(encoding="utf-8")
    own = [
        Issue(
            entry["link"],
            tuple(entry["frameworks"]),
            tuple(entry["activations"]),
            tuple(entry["orders"]),
            entry["says"],
        )
        for entry in tomllib.loads(text)["issue"]
    ]
    declared = [
        Issue(
            each.link,
            (each.backend, f"ours-{each.backend}-{each.numerics}"),
            each.subjects,
            each.orders,
            each.reason,
        )
        for each in list_deviations()
        if each.link
    ]
    return (*own, *declared)


def links(framework: str, cell: Cell) -> dict[str, str]:
    """Returns the public reports about a cell where something is wrong: what they say, by address.

    Args:
        framework: The name of the framework.
        cell: The cell.
    """
    if cell.why or not (cell.faults or cell.ends or cell.ulp > 1):
        return {}
    return {
        issue.link: issue.says
        for issue in _issues()
        if framework in issue.frameworks
        and subject_text(cell) in issue.activations
        and cell.order in issue.orders
    }


def change_text(change: Change) -> str:
    """Says what changed in a cell.

    Args:
        change: The change.
    """
    if change.old is None or change.new is None:
        return "is new" if change.old is None else "is gone"
    told = [cell_text(change.old), cell_text(change.new)]
    if told[0] != told[1]:
        return f"{told[0]} → {told[1]}" + (" (better)" if change.better else "")
    before, after = list(remarks(change.old)), list(remarks(change.new))
    left = [f"no longer: {text}" for text in before if text not in after]
    return "; ".join([*left, *(f"now: {text}" for text in after if text not in before)])
