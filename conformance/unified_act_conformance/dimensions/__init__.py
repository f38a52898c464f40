"""The other dimensions: parameters, axes, shapes, lengths, masks, weights, calls and threads."""

from __future__ import annotations

from unified_act_conformance.dimensions.check import dimensions, outputs
from unified_act_conformance.dimensions.trial import Trial

__all__ = ["Trial", "dimensions", "outputs"]
