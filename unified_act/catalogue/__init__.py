"""The built-in activations, each written once."""

from unified_act.catalogue import (
    exponential,
    gated,
    gaussian,
    glu,
    laplace,
    learned,
    piecewise,
    rectified,
    saturating,
    selecting,
    shrinkage,
    softened,
    softmax,
    sparse,
    stochastic,
)

__all__ = ["ACTIVATIONS"]

ACTIVATIONS = (
    *piecewise.ACTIVATIONS,
    *rectified.ACTIVATIONS,
    *sparse.ACTIVATIONS,
    *shrinkage.ACTIVATIONS,
    *exponential.ACTIVATIONS,
    *gaussian.ACTIVATIONS,
    *laplace.ACTIVATIONS,
    *gated.ACTIVATIONS,
    *softened.ACTIVATIONS,
    *saturating.ACTIVATIONS,
    *softmax.ACTIVATIONS,
    *selecting.ACTIVATIONS,
    *learned.ACTIVATIONS,
    *glu.ACTIVATIONS,
    *stochastic.ACTIVATIONS,
)
