"""The scoreboard as one HTML page, which needs no other files and no network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from unified_act_conformance.report.page import template
from unified_act_conformance.scoreboard.board import cell_text, framework_of, links, subject_text
from unified_act_conformance.scoreboard.expected import BINS, DTYPES
from unified_act_conformance.scoreboard.kept import Results
from unified_act_conformance.scoreboard.measure import CURVE, FAULT, NOTHING, Cell
from unified_act_conformance.subject import ORDER_NAMES

__all__ = ["scoreboard_page"]


def scoreboard_page(results: Sequence[Results], shown: Sequence[str]) -> str:
    """Returns the page.

    Args:
        results: The columns.
        shown: The names of the results whose columns are there at first.
    """
    data = {
        "bins": BINS,
        "letters": CURVE,
        "fault": FAULT,
        "nothing": NOTHING,
        "columns": [
            {
                "name": each.name,
                "title": framework_of(each).title,
                "heading": framework_of(each).heading,
                "versions": ", ".join(f"{k} {v}" for k, v in each.versions.items()),
                "version": each.version,
                "shown": each.name in shown,
                "ours": not framework_of(each).dialect,
                "date": each.date,
                "cpu": each.cpu,
            }
            for each in results
        ],
        "cells": [
            [index, *_texts(cell), subject_text(cell), _document(each.framework, cell)]
            for index, each in enumerate(results)
            for cell in each.cells
        ],
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return template("scoreboard.html.jinja").render(
        dtypes=DTYPES,
        orders=ORDER_NAMES,
        data=Markup(text.replace("<", "\\u003c")),  # noqa: S704 - every "<" is gone
    )


def _texts(cell: Cell) -> tuple[str, str]:
    return cell_text(cell), cell_text(cell, by="units")


def _document(framework: str, cell: Cell) -> dict[str, Any]:
    found = cell.document()
    about = links(framework, cell)
    return {**found, "links": about} if about else found
