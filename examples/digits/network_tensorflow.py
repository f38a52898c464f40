"""The networks in TensorFlow, with Keras layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.keras import layers

import unified_act as ua
from examples.digits.data import Images, Labels
from examples.digits.settings import Architecture, Settings
from examples.digits.weights import SHAPES, Array, Weights, from_channels_last, to_channels_last

__all__ = ["build", "logits", "training_step", "weights_of"]


class ConvolutionalNetwork(tf.keras.Model):  # type: ignore[misc]
    """Two convolutions, pooling and a hidden layer."""

    architecture: Architecture = "convolutional"

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        convolution_activation = ua.get_activation(settings.convolution, backend="tensorflow")
        hidden_activation = ua.get_activation(settings.hidden, backend="tensorflow")
        self.convolution1 = layers.Conv2D(32, 3, activation=convolution_activation)
        self.convolution2 = layers.Conv2D(64, 3, activation=convolution_activation)
        self.pooling = layers.MaxPooling2D(2)
        self.flatten = layers.Flatten()
        self.dropout = layers.Dropout(settings.dropout)
        self.hidden = layers.Dense(128, activation=hidden_activation)
        self.classifier = layers.Dense(10)

    def call(self, images: Any, training: bool = False) -> Any:
        """Returns the logits."""
        features = self.convolution1(images)
        features = self.convolution2(features)
        features = self.dropout(self.flatten(self.pooling(features)), training=training)
        hidden = self.dropout(self.hidden(features), training=training)
        return self.classifier(hidden)


class DenseNetwork(tf.keras.Model):  # type: ignore[misc]
    """One hidden layer."""

    architecture: Architecture = "dense"

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        hidden_activation = ua.get_activation(settings.hidden, backend="tensorflow")
        self.flatten = layers.Flatten()
        self.hidden = layers.Dense(128, activation=hidden_activation)
        self.classifier = layers.Dense(10)

    def call(self, images: Any, training: bool = False) -> Any:  # noqa: ARG002
        """Returns the logits."""
        hidden = self.hidden(self.flatten(images))
        return self.classifier(hidden)


def build(architecture: Architecture, settings: Settings, weights: Weights) -> tf.keras.Model:
    """Returns the network with these weights."""
    tf.keras.utils.set_random_seed(settings.seed)
    networks: dict[Architecture, Any] = {
        "convolutional": ConvolutionalNetwork,
        "dense": DenseNetwork,
    }
    network = networks[architecture](settings)
    network(tf.zeros((1, 8, 8, 1)))  # Keras creates the weights on the first call
    for name, weight in to_channels_last(weights).items():
        _variable(network, name).assign(weight)
    return network


def training_step(
    network: tf.keras.Model, learning_rate: float
) -> Callable[[Images, Labels], float]:
    """Returns the function that learns from one batch with Adam and returns its loss."""
    loss_function = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = tf.keras.optimizers.Adam(learning_rate)

    def update(images: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_function(labels, network(images, training=True))
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    compiled_update = tf.function(update, reduce_retracing=True)

    def step(images: Images, labels: Labels) -> float:
        return float(compiled_update(_channels_last(images), tf.constant(labels)))

    return step


def weights_of(network: tf.keras.Model) -> Weights:
    """Returns a copy of the weights."""
    names = SHAPES[network.architecture]
    return from_channels_last({name: _variable(network, name).numpy() for name in names})


def logits(network: tf.keras.Model, images: Images) -> Array:
    """Returns what the network says about each image, without dropout."""
    result: Array = network(_channels_last(images), training=False).numpy()
    return result


def _variable(network: tf.keras.Model, name: str) -> Any:
    layer, kind = name.split(".")
    return getattr(getattr(network, layer), {"weight": "kernel", "bias": "bias"}[kind])


def _channels_last(images: Images) -> Any:
    return tf.constant(images.transpose(0, 2, 3, 1))
