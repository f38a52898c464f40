"""Which framework Keras runs on, and what that means for a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from unified_act.callables import ActivationFunction
from unified_act.errors import UnsupportedError

__all__ = ["FRAMEWORK", "check_backend", "on_this_framework", "rebound"]

FRAMEWORK = str(keras.config.backend())
"""It is chosen before Keras is imported, and stays."""


def check_backend(function: ActivationFunction) -> None:
    """Raises unless a function works in models of this process.

    Raises:
        UnsupportedError: It is for another framework.
    """
    if function.backend not in ("keras", FRAMEWORK):
        raise UnsupportedError(
            f"{function.name} is to run on {function.backend!r}, but Keras runs on {FRAMEWORK!r} "
            f"here: pass backend='keras', or set KERAS_BACKEND={function.backend} before Keras is "
            "imported."
        )


def rebound(function: ActivationFunction, backend: str) -> ActivationFunction:
    """Returns the same function on another backend."""
    return ActivationFunction.from_config({**function.to_config(), "backend": backend})


def on_this_framework(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the configuration of a function, which may have been saved on another framework."""
    if config.get("backend") in (None, "keras", FRAMEWORK):
        return config
    return {**config, "backend": "keras"}
