"""The built-in activations, each written once."""

from unified_act.catalogue import (
    exponential,
    gaussian,
    glu,
    learned,
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

__all__ = ["ACTIVATIONS"]

ACTIVATIONS = (
    *piecewise.ACTIVATIONS,
    *rectified.ACTIVATIONS,
    *shrinkage.ACTIVATIONS,
    *exponential.ACTIVATIONS,
    *gaussian.ACTIVATIONS,
    *self_gated.ACTIVATIONS,
    *softened.ACTIVATIONS,
    *saturating.ACTIVATIONS,
    *softmax.ACTIVATIONS,
    *selecting.ACTIVATIONS,
    *learned.ACTIVATIONS,
    *glu.ACTIVATIONS,
    *stochastic.ACTIVATIONS,
)
