"""The weights of the networks as NumPy arrays, in one layout for all frameworks.

Convolution kernels are (out, in, height, width), those of dense layers (out, in), and images are
flattened with the channels first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from examples.digits.settings import Architecture

__all__ = [
    "SHAPES",
    "Array",
    "Weights",
    "from_channels_last",
    "initial_weights",
    "to_channels_last",
]

Array = NDArray[np.float32]
Weights = dict[str, Array]

SHAPES: Mapping[Architecture, Mapping[str, tuple[int, ...]]] = {
    "convolutional": {
        "convolution1.weight": (32, 1, 3, 3),
        "convolution1.bias": (32,),
        "convolution2.weight": (64, 32, 3, 3),
        "convolution2.bias": (64,),
        "hidden.weight": (128, 256),
        "hidden.bias": (128,),
        "classifier.weight": (10, 128),
        "classifier.bias": (10,),
    },
    "dense": {
        "hidden.weight": (128, 64),
        "hidden.bias": (128,),
        "classifier.weight": (10, 128),
        "classifier.bias": (10,),
    },
}

_TO_CHANNELS_LAST = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}
"""By number of axes, the axes in the order that TensorFlow wants."""


def initial_weights(architecture: Architecture, seed: int) -> Weights:
    """Returns Glorot-uniform kernels and biases of zero (Glorot & Bengio 2010)."""
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in SHAPES[architecture].items():
        if name.endswith("bias"):
            weights[name] = np.zeros(shape, np.float32)
        else:
            fans = (shape[0] + shape[1]) * math.prod(shape[2:])
            limit = math.sqrt(6 / fans)
            weights[name] = generator.uniform(-limit, limit, shape).astype(np.float32)
    return weights


def to_channels_last(weights: Weights) -> Weights:
    """Returns the weights for images with the channels last, kernels with the outputs last."""
    converted = {}
    for name, weight in weights.items():
        if name == "hidden.weight":
            unflattened = weight.reshape(-1, *_flattened(weights))
            converted[name] = unflattened.transpose(_TO_CHANNELS_LAST[4]).reshape(weight.T.shape)
        else:
            converted[name] = weight.transpose(_TO_CHANNELS_LAST[weight.ndim])
    return converted


def from_channels_last(weights: Weights) -> Weights:
    """Returns the weights whose `to_channels_last` is `weights`."""
    channels, height, width = _flattened(weights)
    converted = {}
    for name, weight in weights.items():
        if name == "hidden.weight":
            unflattened = weight.reshape(height, width, channels, -1)
            restored = unflattened.transpose(np.argsort(_TO_CHANNELS_LAST[4]))
            converted[name] = restored.reshape(weight.T.shape)
        else:
            converted[name] = weight.transpose(np.argsort(_TO_CHANNELS_LAST[weight.ndim]))
    return converted


def _flattened(weights: Weights) -> tuple[int, int, int]:
    """Channels, height and width of what is flattened before the hidden layer."""
    return (64, 2, 2) if "convolution2.weight" in weights else (1, 8, 8)
