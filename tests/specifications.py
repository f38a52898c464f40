"""The activations as the tests name them: one that needs parameters comes with some."""

import math

import numpy as np

import unified_act as ua
from unified_act import catalogue

REQUIRED = {
    "affine": "affine(alpha=2.0, beta=-0.75)",
    "clipped_leaky_relu": "clipped_leaky_relu(max_value=2.5, negative_slope=0.25, threshold=0.5)",
    "clipped_relu": "clipped_relu(max_value=2.5)",
    "maxout": "maxout(groups=2)",
    "softmax2d": "softmax2d(axis=-1)",  # its own axis is the third from the end
    "threshold": "threshold(threshold=1.5, value=-20.0)",
}
SPECS = {REQUIRED.get(spec.name, spec.name): spec for spec in catalogue.ACTIVATIONS}
"""By what `get_activation` takes."""

KINDS = ("gelu", "relu", "softmax", "masked_softmax", "crelu", "swiglu", "xielu", "gumbel_softmax")
"""One of each kind, and of each number of inputs: what goes by the type of its input is the same
for all of a kind, and is tried with these."""


def parameters_of(name):
    """All of them, of one of `SPECS`."""
    return dict(ua.get_activation(name, backend="numpy").parameters)


def further_names(name):
    """What it takes after `x`."""
    return SPECS[name].inputs_for(parameters_of(name))[1:]


def further_inputs(name, shape, channels=1):
    """What it takes after an `x` of some shape: weights, a mask, noise; numbers of every type."""
    spec = SPECS[name]
    count = np.arange(math.prod(shape)).reshape(shape)
    found = []
    for index, role in enumerate(further_names(name)):
        if role in spec.masks:
            found.append(count * 7 % 3 != 0)
        elif spec.kind == "stochastic":
            found.append((count * 5 % 16 + 0.5) / 16)
        else:
            weights = np.resize([0.25, -0.5, 1.5], channels) + 0.5 * index
            found.append(np.abs(weights) + 0.25 if spec.name == "pelu" else weights)
    return found


def differentiated(name):
    """How many of its inputs it is differentiated by: not by a mask or noise."""
    spec = SPECS[name]
    return len(spec.inputs) if spec.kind == "learned" else 1


def result_shape(name, shape):
    """The shape of the result, for inputs whose last axis can be halved."""
    *front, last = shape
    if not SPECS[name].resizes:
        return shape
    return (*front, 2 * last if name == "crelu" else last // 2)
