"""The networks in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import unified_act as ua
from examples.digits.data import Images, Labels
from examples.digits.settings import Architecture, Settings
from examples.digits.weights import Array, Weights

__all__ = ["build", "logits", "training_step", "weights_of"]


class ConvolutionalNetwork(nn.Module):
    """Two convolutions, pooling and a hidden layer."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.convolution_activation = ua.get_activation(settings.convolution, backend="torch")
        self.hidden_activation = ua.get_activation(settings.hidden, backend="torch")
        self.convolution1 = nn.Conv2d(1, 32, 3)
        self.convolution2 = nn.Conv2d(32, 64, 3)
        self.pooling = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(settings.dropout)
        self.hidden = nn.Linear(256, 128)
        self.classifier = nn.Linear(128, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Returns the logits."""
        features = self.convolution_activation(self.convolution1(images))
        features = self.convolution_activation(self.convolution2(features))
        features = self.dropout(self.flatten(self.pooling(features)))
        hidden = self.dropout(self.hidden_activation(self.hidden(features)))
        scores: Tensor = self.classifier(hidden)
        return scores


class DenseNetwork(nn.Module):
    """One hidden layer."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.hidden_activation = ua.get_activation(settings.hidden, backend="torch")
        self.flatten = nn.Flatten()
        self.hidden = nn.Linear(64, 128)
        self.classifier = nn.Linear(128, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Returns the logits."""
        hidden = self.hidden_activation(self.hidden(self.flatten(images)))
        scores: Tensor = self.classifier(hidden)
        return scores


def build(architecture: Architecture, settings: Settings, weights: Weights) -> nn.Module:
    """Returns the network with these weights."""
    torch.manual_seed(settings.seed)
    networks: dict[Architecture, Any] = {
        "convolutional": ConvolutionalNetwork,
        "dense": DenseNetwork,
    }
    network: nn.Module = networks[architecture](settings)
    network.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    return network


def training_step(network: nn.Module, learning_rate: float) -> Callable[[Images, Labels], float]:
    """Returns the function that learns from one batch with Adam and returns its loss."""
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)

    def step(images: Images, labels: Labels) -> float:
        network.train()
        loss = loss_function(network(torch.from_numpy(images)), torch.from_numpy(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def weights_of(network: nn.Module) -> Weights:
    """Returns a copy of the weights."""
    return {name: weight.numpy().copy() for name, weight in network.state_dict().items()}


def logits(network: nn.Module, images: Images) -> Array:
    """Returns what the network says about each image, without dropout."""
    network.eval()
    with torch.no_grad():
        result: Array = network(torch.from_numpy(images)).numpy()
    return result
