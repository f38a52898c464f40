"""What the configuration file says."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import unified_act as ua

__all__ = ["DEFAULT_CONFIGURATION", "Architecture", "Limits", "Settings", "load_settings"]

Architecture = Literal["convolutional", "dense"]

DEFAULT_CONFIGURATION = Path(__file__).with_name("config.toml")


@dataclass(frozen=True)
class Limits:
    """What a run must reach.

    Attributes:
        accuracy: The lowest test accuracy of a trained network.
        logit_difference: The largest difference of a logit between two frameworks.
    """

    accuracy: float
    logit_difference: float


@dataclass(frozen=True)
class Settings:
    """The configuration of a run.

    Attributes:
        convolution: Activation of the convolutions.
        hidden: Activation of the hidden dense layer.
        seed: Of the split, the initial weights, the order of the images and dropout.
        test_fraction: Fraction of the images that are kept for the test.
        batch_size: Images in a training step.
        learning_rate: Of Adam.
        dropout: Probability that dropout drops an element.
        epochs: Passes over the training images, by architecture.
        limits: What the run must reach.
    """

    convolution: str
    hidden: str
    seed: int
    test_fraction: float
    batch_size: int
    learning_rate: float
    dropout: float
    epochs: Mapping[Architecture, int]
    limits: Limits

    def __post_init__(self) -> None:
        for name in (self.convolution, self.hidden):
            # The frameworks order the axes differently, so that only these agree in every layer.
            usable = ua.list_activations("elementwise")
            if ua.get_activation(name, backend="numpy").name not in usable:
                raise ua.UnknownActivationError(
                    f"{name!r} is no elementwise activation without weights; "
                    f"use one of {', '.join(usable)}."
                )

    def activations(self, architecture: Architecture) -> str:
        """Returns the names of the activations in a network, for display."""
        if architecture == "dense" or self.convolution == self.hidden:
            return self.hidden
        return f"{self.convolution}, {self.hidden}"


def load_settings(path: Path = DEFAULT_CONFIGURATION, epochs: int | None = None) -> Settings:
    """Returns the settings in a configuration file.

    Args:
        path: The file.
        epochs: Replaces the epochs of both architectures.

    Raises:
        ValueError: The file is no TOML, or a setting is missing or unknown.
        UnifiedActError: An activation is unknown or not elementwise.
    """
    tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        settings = tables["activations"] | tables["training"]
        if epochs is not None:
            settings["epochs"] = dict.fromkeys(settings["epochs"], epochs)
        return Settings(**settings, limits=Limits(**tables["limits"]))
    except KeyError as error:
        raise ValueError(f"{path}: {error} is missing.") from error
    except TypeError as error:
        raise ValueError(f"{path}: {error}.") from error
