"""The built-in activations, each written once."""

from unified_act.catalogue import exponential, gated, gaussian, piecewise, saturating, softmax

__all__ = ["ACTIVATIONS"]

ACTIVATIONS = (
    *piecewise.ACTIVATIONS,
    *exponential.ACTIVATIONS,
    *gaussian.ACTIVATIONS,
    *gated.ACTIVATIONS,
    *saturating.ACTIVATIONS,
    *softmax.ACTIVATIONS,
)
