"""What is checked besides accuracy."""

from __future__ import annotations

from unified_act_conformance.checks.run import CHECKS, Check, CheckResult, list_checks, run_checks

__all__ = ["CHECKS", "Check", "CheckResult", "list_checks", "run_checks"]
