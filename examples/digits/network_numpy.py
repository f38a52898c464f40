"""The networks in NumPy: both run, and the dense one learns by back-propagation by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import unified_act as ua
from examples.digits.data import Images, Labels
from examples.digits.settings import Architecture, Settings
from examples.digits.weights import Array, Weights

__all__ = ["build", "logits", "training_step", "weights_of"]


class ConvolutionalNetwork:
    """Two convolutions, pooling and a hidden layer; it runs, but does not learn."""

    def __init__(self, settings: Settings, weights: Weights) -> None:
        self.convolution_activation = ua.get_activation(settings.convolution, backend="numpy")
        self.hidden_activation = ua.get_activation(settings.hidden, backend="numpy")
        self.weights = weights

    def layers(self, images: Images) -> list[Array]:
        """Returns what each layer gives before its activation; the last one are the logits."""
        first = _convolve(images, self.weights, "convolution1")
        second = _convolve(self.convolution_activation(first), self.weights, "convolution2")
        features = _pool(self.convolution_activation(second)).reshape(len(images), -1)
        hidden = _affine(features, self.weights, "hidden")
        logits = _affine(self.hidden_activation(hidden), self.weights, "classifier")
        return [first, second, hidden, logits]


class DenseNetwork:
    """One hidden layer."""

    def __init__(self, settings: Settings, weights: Weights) -> None:
        self.hidden_activation = ua.get_activation(settings.hidden, backend="numpy")
        self.weights = weights

    def layers(self, images: Images) -> list[Array]:
        """Returns what each layer gives before its activation; the last one are the logits."""
        hidden = _affine(images.reshape(len(images), -1), self.weights, "hidden")
        return [hidden, _affine(self.hidden_activation(hidden), self.weights, "classifier")]

    def loss_and_gradients(self, images: Images, labels: Labels) -> tuple[float, Weights]:
        """Returns the mean cross-entropy and its gradient for every weight."""
        pixels = images.reshape(len(images), -1)
        preactivation = _affine(pixels, self.weights, "hidden")
        hidden = self.hidden_activation(preactivation)
        scores = _affine(hidden, self.weights, "classifier")

        rows = np.arange(len(labels))
        log_probabilities = ua.get_activation("log_softmax", backend="numpy")(scores)
        loss = -log_probabilities[rows, labels].mean()

        d_scores = np.exp(log_probabilities)
        d_scores[rows, labels] -= 1
        d_scores /= len(labels)
        d_hidden = d_scores @ self.weights["classifier.weight"]
        _, d_preactivation = ua.value_and_grad(
            self.hidden_activation, preactivation, cotangent=d_hidden
        )
        return float(loss), {
            "hidden.weight": d_preactivation.T @ pixels,
            "hidden.bias": d_preactivation.sum(axis=0),
            "classifier.weight": d_scores.T @ hidden,
            "classifier.bias": d_scores.sum(axis=0),
        }


Network = ConvolutionalNetwork | DenseNetwork


def build(architecture: Architecture, settings: Settings, weights: Weights) -> Network:
    """Returns the network with these weights."""
    own = {name: weight.copy() for name, weight in weights.items()}
    networks: dict[Architecture, Any] = {
        "convolutional": ConvolutionalNetwork,
        "dense": DenseNetwork,
    }
    network: Network = networks[architecture](settings, own)
    return network


def training_step(network: Network, learning_rate: float) -> Callable[[Images, Labels], float]:
    """Returns the function that learns from one batch with Adam and returns its loss."""
    if not isinstance(network, DenseNetwork):
        raise NotImplementedError("on NumPy only the dense network learns.")
    optimizer = Adam(network.weights, learning_rate)

    def step(images: Images, labels: Labels) -> float:
        loss, gradients = network.loss_and_gradients(images, labels)
        optimizer.update(gradients)
        return loss

    return step


def weights_of(network: Network) -> Weights:
    """Returns a copy of the weights."""
    return {name: weight.copy() for name, weight in network.weights.items()}


def logits(network: Network, images: Images) -> Array:
    """Returns what the network says about each image, without dropout."""
    return network.layers(images)[-1]


class Adam:
    """The optimizer of Kingma & Ba 2015, arXiv:1412.6980, algorithm 1."""

    def __init__(self, weights: Weights, learning_rate: float) -> None:
        self.weights = weights
        self.learning_rate = learning_rate
        self.steps = 0
        self.mean = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self.square = {name: np.zeros_like(weight) for name, weight in weights.items()}

    def update(self, gradients: Weights) -> None:
        """Moves the weights, in place."""
        self.steps += 1
        for name, gradient in gradients.items():
            self.mean[name] += 0.1 * (gradient - self.mean[name])
            self.square[name] += 0.001 * (gradient**2 - self.square[name])
            mean = self.mean[name] / (1 - 0.9**self.steps)
            square = self.square[name] / (1 - 0.999**self.steps)
            self.weights[name] -= self.learning_rate * mean / (np.sqrt(square) + 1e-8)


def _affine(features: Array, weights: Weights, layer: str) -> Array:
    return features @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]


def _convolve(images: Array, weights: Weights, layer: str) -> Array:
    kernel, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
    # One image and all channels in each window: image, 1, row, column, then the window's own axes.
    windows = sliding_window_view(images, (1, *kernel.shape[1:]))[:, 0, :, :, 0]
    features = np.tensordot(windows, kernel, axes=((3, 4, 5), (1, 2, 3))) + bias
    return np.moveaxis(features, -1, 1)


def _pool(features: Array) -> Array:
    """Maximum of each 2x2 block."""
    images, channels, height, width = features.shape
    blocks = features.reshape(images, channels, height // 2, 2, width // 2, 2)
    pooled: Array = blocks.max(axis=(3, 5))
    return pooled
