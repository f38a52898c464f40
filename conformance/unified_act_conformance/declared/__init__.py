"""What frameworks are known to do otherwise: declared deviations."""

from __future__ import annotations

from unified_act_conformance.declared.checks import Check, declared_for
from unified_act_conformance.declared.deviations import Deviation, list_deviations

__all__ = ["Check", "Deviation", "declared_for", "list_deviations"]
