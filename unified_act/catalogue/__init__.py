"""The built-in activations, each written once."""

from unified_act.catalogue import (
    exponential,
    gated,
    gaussian,
    laplace,
    piecewise,
    rectified,
    saturating,
    shrinkage,
    softened,
    softmax,
    sparse,
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
)
