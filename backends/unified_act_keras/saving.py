"""What Keras has to know to load a file. It imports no package but its own to find a class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from unified_act.callables import ActivationFunction
from unified_act_keras.framework import on_this_framework

__all__ = ["register"]

_PACKAGE = "unified_act"


def register() -> None:
    """Makes the functions known to Keras. The class of the layers is registered where it is."""
    keras.saving.register_keras_serializable(package=_PACKAGE)(ActivationFunction)
    name = keras.saving.get_registered_name(ActivationFunction)
    keras.saving.get_custom_objects()[name] = _Loaded


class _Loaded:
    """Stands for `ActivationFunction` where Keras loads one that was saved on any framework."""

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> ActivationFunction:
        """Returns the function, for the framework that Keras runs on now."""
        return ActivationFunction.from_config(on_this_framework(config))
