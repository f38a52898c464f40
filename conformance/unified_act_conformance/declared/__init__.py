"""Declared deviations: known inputs for which a framework misses the budget."""

from __future__ import annotations

from unified_act_conformance.declared.checks import (
    DeclaredCheck,
    declared_for,
    list_declared_checks,
)
from unified_act_conformance.declared.deviations import Deviation, flushed, list_deviations

__all__ = [
    "DeclaredCheck",
    "Deviation",
    "declared_for",
    "flushed",
    "list_declared_checks",
    "list_deviations",
]
