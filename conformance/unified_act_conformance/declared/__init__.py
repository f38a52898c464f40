"""Declared deviations: known inputs for which a framework misses the budget."""

from __future__ import annotations

from unified_act_conformance.declared.checks import declared_for
from unified_act_conformance.declared.deviations import Deviation, list_deviations

__all__ = ["Deviation", "declared_for", "list_deviations"]
