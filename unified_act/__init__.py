"""One name, one activation function, the same in value and gradient on every framework.

>>> import numpy as np
>>> import unified_act as ua
>>> gelu = ua.get_activation("gelu", backend="numpy")
>>> gelu(np.array([-1.0, 0.0, 1.0]))
array([-0.15865525,  0.        ,  0.84134475])
"""

import importlib
import typing

from unified_act.activation import Activation, Kink, Limits, Parameter
from unified_act.api import describe, from_config, get_activation, value_and_grad
from unified_act.callables import ActivationFunction
from unified_act.errors import (
    BackendImportError,
    BackendNotInstalledError,
    InputTypeError,
    InvalidActivationError,
    NameConflictError,
    ParameterValueError,
    PluginError,
    UnifiedActError,
    UnknownActivationError,
    UnknownBackendError,
    UnknownDialectError,
    UnknownParameterError,
    UnsupportedError,
)
from unified_act.identification import identify
from unified_act.loading import list_backends, use_backend
from unified_act.registry import list_activations

if typing.TYPE_CHECKING:
    from unified_act.dialects import list_dialects
    from unified_act.layers import export_weights, get_layer, import_weights
    from unified_act.registration import register_activation
    from unified_act.replacement import replace_activations

__version__ = "0.1.0.dev0"

__all__ = [
    "Activation",
    "ActivationFunction",
    "BackendImportError",
    "BackendNotInstalledError",
    "InputTypeError",
    "InvalidActivationError",
    "Kink",
    "Limits",
    "NameConflictError",
    "Parameter",
    "ParameterValueError",
    "PluginError",
    "UnifiedActError",
    "UnknownActivationError",
    "UnknownBackendError",
    "UnknownDialectError",
    "UnknownParameterError",
    "UnsupportedError",
    "describe",
    "export_weights",
    "from_config",
    "get_activation",
    "get_layer",
    "identify",
    "import_weights",
    "list_activations",
    "list_backends",
    "list_dialects",
    "register_activation",
    "replace_activations",
    "use_backend",
    "value_and_grad",
]

_LATE = {
    "export_weights": "unified_act.layers",
    "get_layer": "unified_act.layers",
    "import_weights": "unified_act.layers",
    "list_dialects": "unified_act.dialects",
    "register_activation": "unified_act.registration",
    "replace_activations": "unified_act.replacement",
}
"""What few programs use, and the modules that it is imported from when it is asked for."""


def __getattr__(name: str) -> typing.Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LATE[name]), name)
