"""How right each framework's own functions are, version by version."""

from __future__ import annotations

from unified_act_conformance.scoreboard.board import (
    Board,
    Measure,
    board,
    cell_text,
    change_text,
    framework_of,
    links,
    number,
    remarks,
    subject_text,
)
from unified_act_conformance.scoreboard.expected import DTYPES, SIZE, Expected, expected, points
from unified_act_conformance.scoreboard.frameworks import (
    FRAMEWORKS,
    SHOWN,
    Framework,
    find_frameworks,
)
from unified_act_conformance.scoreboard.kept import (
    FOLDER,
    Change,
    Results,
    changes,
    find_results,
    keep,
    kept,
    newest,
)
from unified_act_conformance.scoreboard.measure import Cell, measure
from unified_act_conformance.scoreboard.page import scoreboard_page
from unified_act_conformance.scoreboard.run import Run, measure_all
from unified_act_conformance.scoreboard.symbols import Symbol, symbols_of

__all__ = [
    "DTYPES",
    "FOLDER",
    "FRAMEWORKS",
    "SHOWN",
    "SIZE",
    "Board",
    "Cell",
    "Change",
    "Expected",
    "Framework",
    "Measure",
    "Results",
    "Run",
    "Symbol",
    "board",
    "cell_text",
    "change_text",
    "changes",
    "expected",
    "find_frameworks",
    "find_results",
    "framework_of",
    "keep",
    "kept",
    "links",
    "measure",
    "measure_all",
    "newest",
    "number",
    "points",
    "remarks",
    "scoreboard_page",
    "subject_text",
    "symbols_of",
]
