"""The networks in MXNet, with Gluon layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mxnet as mx
from mxnet import gluon
from mxnet.gluon import nn

import unified_act as ua
from examples.digits.data import Images, Labels
from examples.digits.settings import Architecture, Settings
from examples.digits.weights import SHAPES, Array, Weights

__all__ = ["build", "logits", "training_step", "weights_of"]


class ConvolutionalNetwork(gluon.HybridBlock):  # type: ignore[misc]
    """Two convolutions, pooling and a hidden layer."""

    architecture: Architecture = "convolutional"

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.convolution_activation = ua.get_activation(settings.convolution, backend="mxnet")
        self.hidden_activation = ua.get_activation(settings.hidden, backend="mxnet")
        self.convolution1 = nn.Conv2D(32, 3, in_channels=1)
        self.convolution2 = nn.Conv2D(64, 3, in_channels=32)
        self.pooling = nn.MaxPool2D(2)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(settings.dropout)
        self.hidden = nn.Dense(128, in_units=256)
        self.classifier = nn.Dense(10, in_units=128)

    def hybrid_forward(self, F: Any, images: Any) -> Any:  # noqa: ARG002, N803
        """Returns the logits."""
        features = self.convolution_activation(self.convolution1(images))
        features = self.convolution_activation(self.convolution2(features))
        features = self.dropout(self.flatten(self.pooling(features)))
        hidden = self.dropout(self.hidden_activation(self.hidden(features)))
        return self.classifier(hidden)


class DenseNetwork(gluon.HybridBlock):  # type: ignore[misc]
    """One hidden layer."""

    architecture: Architecture = "dense"

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.hidden_activation = ua.get_activation(settings.hidden, backend="mxnet")
        self.flatten = nn.Flatten()
        self.hidden = nn.Dense(128, in_units=64)
        self.classifier = nn.Dense(10, in_units=128)

    def hybrid_forward(self, F: Any, images: Any) -> Any:  # noqa: ARG002, N803
        """Returns the logits."""
        hidden = self.hidden_activation(self.hidden(self.flatten(images)))
        return self.classifier(hidden)


def build(architecture: Architecture, settings: Settings, weights: Weights) -> gluon.HybridBlock:
    """Returns the network with these weights."""
    mx.random.seed(settings.seed)
    networks: dict[Architecture, Any] = {
        "convolutional": ConvolutionalNetwork,
        "dense": DenseNetwork,
    }
    network = networks[architecture](settings)
    network.initialize()
    network.hybridize()
    for name, weight in weights.items():
        _parameter(network, name).set_data(mx.nd.array(weight))
    return network


def training_step(
    network: gluon.HybridBlock, learning_rate: float
) -> Callable[[Images, Labels], float]:
    """Returns the function that learns from one batch with Adam and returns its loss."""
    loss_function = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(network.collect_params(), "adam", {"learning_rate": learning_rate})

    def step(images: Images, labels: Labels) -> float:
        with mx.autograd.record():
            loss = loss_function(network(mx.nd.array(images)), mx.nd.array(labels)).mean()
        loss.backward()
        trainer.step(batch_size=1)  # the loss is a mean already
        return float(loss.asscalar())

    return step


def weights_of(network: gluon.HybridBlock) -> Weights:
    """Returns a copy of the weights."""
    names = SHAPES[network.architecture]
    return {name: _parameter(network, name).data().asnumpy() for name in names}


def logits(network: gluon.HybridBlock, images: Images) -> Array:
    """Returns what the network says about each image, without dropout."""
    result: Array = network(mx.nd.array(images)).asnumpy()
    return result


def _parameter(network: gluon.HybridBlock, name: str) -> gluon.Parameter:
    layer, kind = name.split(".")
    return getattr(getattr(network, layer), kind)
