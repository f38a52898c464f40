"""The checks besides accuracy."""

from __future__ import annotations

from unified_act_conformance.checks.run import CHECKS, CheckResult, list_checks, run_checks

__all__ = ["CHECKS", "CheckResult", "list_checks", "run_checks"]
