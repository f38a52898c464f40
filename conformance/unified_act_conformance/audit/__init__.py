"""Says which activations a model has, where, and what they are elsewhere."""

from __future__ import annotations

from unified_act_conformance.audit.against import Apart
from unified_act_conformance.audit.audit import Audit, audit, headline
from unified_act_conformance.audit.elsewhere import Elsewhere, elsewhere
from unified_act_conformance.audit.place import ActivationInModel
from unified_act_conformance.audit.readers import model_named

__all__ = [
    "ActivationInModel",
    "Apart",
    "Audit",
    "Elsewhere",
    "audit",
    "elsewhere",
    "headline",
    "model_named",
]
