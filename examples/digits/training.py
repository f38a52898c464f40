"""Training, the same for every framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from examples.digits.data import Digits, Labels, batches
from examples.digits.frameworks import Framework
from examples.digits.settings import Architecture, Settings
from examples.digits.weights import Array, Weights, initial_weights

__all__ = ["Epoch", "Trained", "accuracy", "train"]


@dataclass(frozen=True)
class Epoch:
    """How far training is.

    Attributes:
        number: Epochs done.
        loss: Mean loss of the last epoch's batches.
        accuracy: On the test images.
        weights: What the network has learned so far.
    """

    number: int
    loss: float
    accuracy: float
    weights: Weights


@dataclass(frozen=True)
class Trained:
    """A network as it came out of training.

    Attributes:
        framework: Where it was trained.
        architecture: Which network it is.
        weights: What it learned.
        logits: What it says about the test images.
    """

    framework: str
    architecture: Architecture
    weights: Weights
    logits: Array


def train(
    framework: Framework, digits: Digits, settings: Settings, on_epoch: Callable[[Epoch], None]
) -> Trained:
    """Returns the network that a framework trains, from the same start and batches as others."""
    networks, architecture = framework.networks, framework.architecture
    weights = initial_weights(architecture, settings.seed)
    network = networks.build(architecture, settings, weights)
    step = networks.training_step(network, settings.learning_rate)
    generator = np.random.default_rng(settings.seed)
    logits = networks.logits(network, digits.test_images)
    for number in range(1, settings.epochs[architecture] + 1):
        losses = [
            step(images, labels)
            for images, labels in batches(
                digits.train_images, digits.train_labels, settings.batch_size, generator
            )
        ]
        logits = networks.logits(network, digits.test_images)
        weights = networks.weights_of(network)
        reached = accuracy(logits, digits.test_labels)
        on_epoch(Epoch(number, float(np.mean(losses)), reached, weights))
    return Trained(framework.name, architecture, weights, logits)


def accuracy(logits: Array, labels: Labels) -> float:
    """Returns the fraction of images whose largest logit is that of their digit."""
    return float((logits.argmax(axis=1) == labels).mean())
