"""Judges an activation at every number of a float type, value and derivative."""

from __future__ import annotations

from unified_act_conformance.exhaustive.certificates import certificates
from unified_act_conformance.exhaustive.finding import LIMIT, LISTED, Finding, Place
from unified_act_conformance.exhaustive.folder import written
from unified_act_conformance.exhaustive.judge import Task, judge_part
from unified_act_conformance.exhaustive.parts import LARGEST, Part, parts_of
from unified_act_conformance.exhaustive.run import described, exhaust, is_as_promised

__all__ = [
    "LARGEST",
    "LIMIT",
    "LISTED",
    "Finding",
    "Part",
    "Place",
    "Task",
    "certificates",
    "described",
    "exhaust",
    "is_as_promised",
    "judge_part",
    "parts_of",
    "written",
]
