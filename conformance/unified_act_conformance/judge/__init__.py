"""Measures the error of an output, and compares it with the budget."""

from __future__ import annotations

from unified_act_conformance.judge.likeness import explain
from unified_act_conformance.judge.measure import Judgement
from unified_act_conformance.judge.runner import Result, deviations_of, output_of, run
from unified_act_conformance.judge.statistics import SIDE, Curve, Percentiles, bucket_axis
from unified_act_conformance.judge.verdict import (
    Domain,
    Outcome,
    Status,
    budget_of,
    failure_text,
    inside,
    judge_problem,
    may_be_flushed,
    worse,
)

__all__ = [
    "SIDE",
    "Curve",
    "Domain",
    "Judgement",
    "Outcome",
    "Percentiles",
    "Result",
    "Status",
    "bucket_axis",
    "budget_of",
    "deviations_of",
    "explain",
    "failure_text",
    "inside",
    "judge_problem",
    "may_be_flushed",
    "output_of",
    "run",
    "worse",
]
