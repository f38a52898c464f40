"""Finding the module that holds the networks of a framework."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import unified_act as ua
from examples.digits.data import Images, Labels
from examples.digits.settings import Architecture, Settings
from examples.digits.weights import Array, Weights

__all__ = ["Framework", "NetworkModule", "load_frameworks"]


class NetworkModule(Protocol):
    """What each of the modules `network_*` offers."""

    def build(self, architecture: Architecture, settings: Settings, weights: Weights) -> Any:
        """Returns the network with these weights."""

    def training_step(
        self, network: Any, learning_rate: float
    ) -> Callable[[Images, Labels], float]:
        """Returns the function that learns from one batch with Adam and returns its loss."""

    def weights_of(self, network: Any) -> Weights:
        """Returns a copy of the weights."""

    def logits(self, network: Any, images: Images) -> Array:
        """Returns what the network says about each image, without dropout."""


@dataclass(frozen=True)
class Framework:
    """A framework that is installed.

    Attributes:
        name: Its name as a backend of `unified_act`.
        networks: The module that holds its networks.
        architecture: The network that it trains.
    """

    name: str
    networks: NetworkModule
    architecture: Architecture


def load_frameworks(backends: Sequence[str]) -> list[Framework]:
    """Returns the frameworks of these backends, importing them and no others.

    Raises:
        UnifiedActError: There is no such backend, or its framework is not installed.
    """
    return [_load(backend) for backend in dict.fromkeys(backends)]


def _load(backend: str) -> Framework:
    # Imports the framework: with a clear error where it is missing, and MXNet under a NumPy that
    # is newer than it.
    name = cast(str, ua.get_activation("identity", backend=backend).backend)
    networks = importlib.import_module(f"examples.digits.network_{name}")
    architecture: Architecture = "dense" if name == "numpy" else "convolutional"
    return Framework(name, cast(NetworkModule, networks), architecture)
