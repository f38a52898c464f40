"""The checks besides accuracy."""

from __future__ import annotations

from unified_act_conformance.checks.run import (
    CHECKS,
    DIMENSIONS,
    CheckResult,
    list_checks,
    run_checks,
)
from unified_act_conformance.checks.same import (
    COUNT,
    SAME,
    Comparison,
    compare,
    same_subjects,
)

__all__ = [
    "CHECKS",
    "COUNT",
    "DIMENSIONS",
    "SAME",
    "CheckResult",
    "Comparison",
    "compare",
    "list_checks",
    "run_checks",
    "same_subjects",
]
