"""The report as one HTML page, which needs no other files and no network."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from unified_act.backend import DTYPES
from unified_act_conformance.checks import CheckResult
from unified_act_conformance.declared import Deviation
from unified_act_conformance.judge import SIDE, Curve, Judgement, Result, bucket_axis
from unified_act_conformance.report.page import template
from unified_act_conformance.report.run import (
    SHORT,
    Run,
    all_failures,
    decimal,
    declared,
    hexadecimal,
    repro_words,
    share,
    worst_x,
)
from unified_act_conformance.subject import ORDER_NAMES, case_id, describe

__all__ = ["html_report"]

LARGEST_CURVE_ERROR = 1e38
"""Curves are drawn from float32, where infinity means a fault."""


@dataclass(frozen=True)
class TableCell:
    """One cell of the heat map: the cases of an activation, a backend, a dtype and an order.

    Attributes:
        results: Their results: of a learned activation, x's gradient and then the weight's.
    """

    results: Sequence[Result]

    @property
    def key(self) -> str:
        """What the address of the page ends in when the cell is open."""
        return case_id(self.results[0].case)

    @property
    def state(self) -> str:
        """The class that the style sheet knows."""
        if any(not result.passed for result in self.results):
            return "failed"
        return "judged" if any(result.judgement for result in self.results) else "unsupported"

    @property
    def deviates(self) -> bool:
        """Whether a declared deviation applies."""
        return any(result.deviations for result in self.results)

    @property
    def share(self) -> float:
        """The largest share of a budget."""
        return min(1.0, max(share(result) for result in self.results))

    @property
    def text(self) -> str:
        """What is written in the cell."""
        if self.state != "judged":
            return {"failed": "✕", "unsupported": "–"}[self.state]
        error = max(result.judgement.max_error for result in self.results if result.judgement)
        return "0" if error == 0 else f"{error:.1f}" if error < 9.95 else f"{error:.0f}"

    @property
    def title(self) -> str:
        """What the pointer and screen readers are told."""
        result = max(self.results, key=share)
        text = f"{describe(result.case)}: {result.status}"
        if result.judgement is not None:
            text += f", error {result.judgement.max_error:.3g} of {result.budget:g}"
        return f"{text}; declared deviations" if self.deviates else text


def html_report(run: Run) -> str:
    """Returns the page.

    Args:
        run: The run.
    """
    cells: dict[tuple[str, str, str, int], list[Result]] = {}
    for result in run.results:
        case = result.case
        key = (str(case.subject), case.backend, case.dtype, case.order)
        cells.setdefault(key, []).append(result)
    columns = _columns(run)
    rows = [
        (
            subject,
            [TableCell(cells[key]) if (key := (subject, *c)) in cells else None for c in columns],
        )
        for subject in run.subjects
    ]
    return template("report.html.jinja").render(
        run=run,
        rows=rows,
        columns=columns,
        groups=_groups(columns),
        short=SHORT,
        order_names=ORDER_NAMES,
        failures=all_failures(run),
        failed_cells=[_hash(result) for result in run.results if not result.passed],
        checks=_checks(run),
        deviations=list(_deviations(run)),
        data=_embedded(_data(run, [TableCell(results) for results in cells.values()])),
    )


def _columns(run: Run) -> list[tuple[str, str, int]]:
    """Backends, in each the orders, in each the dtypes."""
    found = {(r.case.backend, r.case.dtype, r.case.order) for r in run.results}
    backends = run.backends
    return sorted(found, key=lambda c: (backends.index(c[0]), c[2], DTYPES.index(c[1])))


def _groups(columns: Sequence[tuple[str, str, int]]) -> dict[str, dict[int, int]]:
    """How many columns each order of each backend has."""
    groups: dict[str, dict[int, int]] = {}
    for backend, _, order in columns:
        orders = groups.setdefault(backend, {})
        orders[order] = orders.get(order, 0) + 1
    return groups


def _hash(result: Result) -> str:
    case = result.case
    return case_id(case).removesuffix(f"-{case.part}") if case.part != "x" else case_id(case)


def _checks(run: Run) -> dict[str, Any]:
    """The second map: for each backend and check its state over the types, by activation."""
    found: dict[tuple[str, str, str], list[CheckResult]] = {}
    for check in run.checks:
        found.setdefault((str(check.subject), check.backend, check.check), []).append(check)
    columns = list(dict.fromkeys(key[1:] for key in found))
    groups = {
        backend: [name for other, name in columns if other == backend] for backend in run.backends
    }
    rows = {
        subject: [
            [_mark(found.get((subject, backend, name), ())) for name in names]
            for backend, names in groups.items()
        ]
        for subject in dict.fromkeys(key[0] for key in found)
    }
    return {"groups": groups, "rows": rows}


def _mark(checks: Sequence[CheckResult]) -> tuple[str, str]:
    """The class of a cell, and what the pointer is told."""
    if not checks:
        return "", ""
    found = {check.status for check in checks}
    state = "failed" if "failed" in found else "passed" if "passed" in found else "unsupported"
    lines = [
        ": ".join(filter(None, (describe(c.planned), c.status, c.problem or c.unsupported)))
        for c in checks
    ]
    return state, "\n".join(lines)


def _deviations(run: Run) -> Iterator[dict[str, Any]]:
    for deviation, found in declared(run.results).items():
        yield {
            "id": deviation.id,
            "reason": deviation.reason,
            "link": deviation.link,
            "error": f"{max(judgement.max_error for _, judgement in found):.3g}",
            "bound": f"{deviation.bound:g}",
            "cells": {describe(result.case): _hash(result) for result, _ in found},
        }


def _data(run: Run, cells: Sequence[TableCell]) -> dict[str, Any]:
    """What the script draws from."""
    known = declared(run.results)
    return {
        "side": SIDE,
        "axes": {dtype: bucket_axis(dtype) for dtype in DTYPES},
        "orders": ORDER_NAMES,
        "deviations": {deviation.id: _deviation(deviation) for deviation in known},
        "cells": {cell.key: [_case(run, result) for result in cell.results] for cell in cells},
    }


def _deviation(deviation: Deviation) -> dict[str, Any]:
    return {
        "reason": deviation.reason,
        "link": deviation.link,
        "bound": f"{deviation.bound:g}",
        "intervals": [[_plain(low), _plain(high)] for low, high in deviation.intervals],
    }


def _case(run: Run, result: Result) -> dict[str, Any]:
    case, judgement = result.case, result.judgement
    found: dict[str, Any] = {
        "subject": str(case.subject),
        "backend": case.backend,
        "dtype": case.dtype,
        "order": case.order,
        "part": case.part,
        "status": result.status,
        "budget": result.budget,
        "repro": repro_words(case, run.numerics),
    }
    if result.problem or result.unsupported:
        found["problem"] = result.problem or result.unsupported
    if judgement is not None:
        found |= _figures(judgement, case.dtype)
        found["focus"] = _plain(worst_x(result))
    if result.deviations:
        found["deviations"] = [
            {"id": deviation.id, **_figures(inside, case.dtype)}
            for deviation, inside in result.deviations
        ]
    return found


def _figures(judgement: Judgement, dtype: str) -> dict[str, Any]:
    return {
        "count": judgement.count,
        "failures": judgement.failures,
        "error": f"{judgement.max_error:.4g}",
        "ulp": f"{judgement.max_distance:,.0f}",
        "worst": [
            [decimal(value, dtype), hexadecimal(value)]
            for value in (judgement.worst_x, judgement.got, judgement.want)
        ],
        "curve": _curve(judgement.curve, dtype),
    }


def _curve(curve: Curve, dtype: str) -> tuple[str, str]:
    """The inputs, exact in float32 but for float64, and the errors, in base64."""
    x = np.array([point.x for point in curve], dtype="<f8" if dtype == "float64" else "<f4")
    errors = [
        point.error if math.isinf(point.error) else min(point.error, LARGEST_CURVE_ERROR)
        for point in curve
    ]
    arrays = (x, np.array(errors, dtype="<f4"))
    first, second = (base64.b64encode(array.tobytes()).decode() for array in arrays)
    return first, second


def _plain(value: float) -> float | str:
    """JSON has no infinities and no NaN; JavaScript reads these words with `Number`."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _embedded(data: dict[str, Any]) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Markup(text)  # noqa: S704 - every "<" is gone
