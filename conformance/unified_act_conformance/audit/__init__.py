"""Says which activations a model has, where, and what they are elsewhere."""

from __future__ import annotations

from unified_act_conformance.audit.audit import ActivationInModel, Audit, audit, headline
from unified_act_conformance.audit.elsewhere import Elsewhere, elsewhere

__all__ = ["ActivationInModel", "Audit", "Elsewhere", "audit", "elsewhere", "headline"]
