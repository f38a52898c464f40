"""The report for programs: JSON, as `report-schema.json` describes it.

What was found stands under `verdict`, where it happened under `environment`: the same outputs give
the same bytes of verdict, on any day and on any machine.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from unified_act.backend import Numerics
from unified_act_conformance.checks import CheckResult
from unified_act_conformance.floats import json_number
from unified_act_conformance.judge import Judgement, Percentiles, Result
from unified_act_conformance.report.run import (
    Run,
    check_line,
    counts,
    hexadecimal,
    repro_line,
    share,
    worst_x,
)
from unified_act_conformance.subject import case_id, check_id

__all__ = ["SCHEMA", "json_report", "schema", "verdict"]

SCHEMA = "unified-act-conformance-report/1"


def json_report(run: Run) -> str:
    """Returns the report.

    Args:
        run: The run.
    """
    document = {
        "schema": SCHEMA,
        "verdict": verdict(run),
        "environment": run.environment.document(),
    }
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def verdict(run: Run) -> dict[str, Any]:
    """Returns what was found, without anything that depends on when or where.

    Args:
        run: The run.
    """
    return {
        "numerics": run.numerics,
        "quick": run.quick,
        "passed": run.passed,
        "counts": {"cases": counts(run.results), "checks": counts(run.checks)},
        "cases": [_case(result, run.numerics) for result in run.results],
        "checks": [_check(result) for result in run.checks],
    }


def schema() -> dict[str, Any]:
    """Returns the JSON Schema of the report."""
    text = files(__package__).joinpath("report-schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _case(result: Result, numerics: Numerics) -> dict[str, Any]:
    case = result.case
    found = {
        "id": case_id(case),
        "activation": case.subject.activation,
        "parameters": dict(case.subject.parameters),
        "backend": case.backend,
        "dtype": case.dtype,
        "order": case.order,
        "part": case.part,
        "status": result.status,
        "budget": json_number(result.budget),
        "share": json_number(share(result)),
        "accuracy": result.judgement and _judgement(result.judgement),
        "deviations": [
            {
                "id": deviation.id,
                "bound": json_number(deviation.bound),
                "reason": deviation.reason,
                "link": deviation.link,
                "accuracy": _judgement(judgement),
            }
            for deviation, judgement in result.deviations
        ],
    }
    if result.unsupported:
        found["unsupported"] = result.unsupported
    if result.problem:
        found["problem"] = result.problem
        found["repro"] = repro_line(case, numerics, worst_x(result))
    return found


def _check(result: CheckResult) -> dict[str, Any]:
    found = {
        "id": check_id(result.planned),
        "check": result.check,
        "activation": result.subject.activation,
        "parameters": dict(result.subject.parameters),
        "backend": result.backend,
        "dtype": result.dtype,
        "status": result.status,
    }
    if result.unsupported:
        found["unsupported"] = result.unsupported
    if result.problem:
        found["problem"] = result.problem
        found["repro"] = check_line(result)
    return found


def _judgement(judgement: Judgement) -> dict[str, Any]:
    worst = None
    if judgement.count:
        worst = {
            "x": _written(judgement.worst_x),
            "got": _written(judgement.got),
            "want": _written(judgement.want),
            "ulp": json_number(judgement.worst_distance),
            "region": judgement.worst_region,
        }
    return {
        "count": judgement.count,
        "failures": judgement.failures,
        "faults": {name: count for name, count in judgement.classes.items() if count},
        "signed_zeros": judgement.signed_zeros,
        "regions": {name: asdict(found) for name, found in judgement.regions.items()},
        "max_error": json_number(judgement.max_error),
        "error_percentiles": _numbers(judgement.errors),
        "max_ulp": json_number(judgement.max_distance),
        "ulp_percentiles": _numbers(judgement.distances),
        "worst": worst,
    }


def _written(value: float) -> dict[str, Any]:
    return {"value": json_number(value), "hex": hexadecimal(value)}


def _numbers(percentiles: Percentiles) -> dict[str, float | str]:
    return {name: json_number(value) for name, value in percentiles.items()}
