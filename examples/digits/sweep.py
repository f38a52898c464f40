"""The sweep: the same network with several activations, and which of its units die."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import unified_act as ua
from examples.digits import network_numpy
from examples.digits.data import Digits, Images
from examples.digits.frameworks import Framework
from examples.digits.settings import Architecture, Settings
from examples.digits.training import Epoch, train
from examples.digits.weights import Weights

__all__ = ["DEAD_BELOW", "History", "dead_units", "train_with", "with_activation"]

DEAD_BELOW = 2.0**-10
"""A unit is dead if no test image gives its activation a derivative of at least this size."""


@dataclass(frozen=True)
class History:
    """A training with one activation, by epoch.

    Attributes:
        activation: Of the convolutions and of the hidden layer.
        framework: Where it was trained.
        architecture: Which network it is.
        accuracies: On the test images, after each epoch.
        dead: Fraction of the units that are dead, after each epoch.
        seconds: How long the training took, without the measuring.
    """

    activation: str
    framework: str
    architecture: Architecture
    accuracies: list[float]
    dead: list[float]
    seconds: float


def dead_units(
    architecture: Architecture, settings: Settings, weights: Weights, images: Images
) -> float:
    """Returns the fraction of the units that are dead on these images.

    Units are the neurons of the hidden layer and the channels of the convolutions. One is dead if
    |f′(z)| < 2⁻¹⁰ for its input z in every image, and in a convolution at every pixel: then
    hardly any gradient passes through it, and its weights stay as they are. A unit whose inputs
    are all NaN is dead too.

    Both are taken on NumPy, so that the same weights have the same dead units, whichever framework
    learned them.
    """
    network = network_numpy.build(architecture, settings, weights)
    # The hidden layer comes last but for the classifier, which has no activation.
    *convolutions, hidden, _ = network.layers(images)
    names = [settings.convolution] * len(convolutions) + [settings.hidden]
    dead = []
    for name, inputs in zip(names, [*convolutions, hidden], strict=True):
        _, slopes = ua.value_and_grad(ua.get_activation(name, backend="numpy"), inputs)
        by_unit = np.moveaxis(slopes, 1, 0).reshape(slopes.shape[1], -1)
        dead.append(~(np.abs(by_unit) >= DEAD_BELOW).any(axis=1))
    return float(np.concatenate(dead).mean())


def with_activation(settings: Settings, activation: str) -> Settings:
    """Returns the settings with this activation in every layer.

    Raises:
        UnifiedActError: The activation is unknown or not elementwise.
    """
    return dataclasses.replace(settings, convolution=activation, hidden=activation)


def train_with(
    activation: str,
    framework: Framework,
    digits: Digits,
    settings: Settings,
    on_epoch: Callable[[Epoch], None],
) -> History:
    """Returns how a training with this activation in every layer went."""
    settings = with_activation(settings, activation)
    history = History(activation, framework.name, framework.architecture, [], [], 0.0)
    seconds, resumed = 0.0, time.perf_counter()

    def record(epoch: Epoch) -> None:
        nonlocal seconds, resumed
        seconds += time.perf_counter() - resumed
        history.accuracies.append(epoch.accuracy)
        history.dead.append(
            dead_units(framework.architecture, settings, epoch.weights, digits.test_images)
        )
        on_epoch(epoch)
        resumed = time.perf_counter()

    train(framework, digits, settings, record)
    return dataclasses.replace(history, seconds=seconds)
