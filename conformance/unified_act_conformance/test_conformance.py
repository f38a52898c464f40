"""The tests that `plugin` parametrises: one for each case and each check."""

from __future__ import annotations

from typing import Any

import pytest

from unified_act_conformance.checks import run_checks
from unified_act_conformance.judge import run
from unified_act_conformance.subject import Case, Check


def test_accuracy(conformance_case: Case, conformance_options: dict[str, Any]) -> None:
    """The outputs are within the budget of the exact values."""
    (result,) = run([conformance_case], **conformance_options)
    _report(result.problem, result.unsupported)


def test_check(conformance_check: Check, conformance_options: dict[str, Any]) -> None:
    """What else has to hold does."""
    (result,) = run_checks([conformance_check], **conformance_options)
    _report(result.problem, result.unsupported)


def _report(problem: str, unsupported: str) -> None:
    if problem:
        pytest.fail(problem, pytrace=False)
    if unsupported:
        pytest.skip(unsupported)
