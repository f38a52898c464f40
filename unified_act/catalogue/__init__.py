"""The built-in activations, each written once."""

from unified_act.catalogue import (
    entmax,
    exponential,
    gaussian,
    glu,
    learned,
    periodic,
    piecewise,
    rectified,
    saturating,
    selecting,
    self_gated,
    shrinkage,
    softened,
    softmax,
    stochastic,
)
from unified_act.expression import completed

__all__ = ["ACTIVATIONS"]

_WRITTEN = (
    *piecewise.ACTIVATIONS,
    *rectified.ACTIVATIONS,
    *shrinkage.ACTIVATIONS,
    *exponential.ACTIVATIONS,
    *gaussian.ACTIVATIONS,
    *self_gated.ACTIVATIONS,
    *softened.ACTIVATIONS,
    *saturating.ACTIVATIONS,
    *periodic.ACTIVATIONS,
    *softmax.ACTIVATIONS,
    *selecting.ACTIVATIONS,
    *entmax.ACTIVATIONS,
    *learned.ACTIVATIONS,
    *glu.ACTIVATIONS,
    *stochastic.ACTIVATIONS,
)

ACTIVATIONS = tuple(
    completed(activation) if activation.derivative is None else activation
    for activation in _WRITTEN
)
"""In the order of the families. The derivatives that none wrote are derived."""
