"""Activation functions by name, the same in value and gradient on every framework.

>>> import numpy as np
>>> import unified_act as ua
>>> gelu = ua.get_activation("gelu", backend="numpy")
>>> gelu(np.array([-1.0, 0.0, 1.0]))
array([-0.15865525,  0.        ,  0.84134475])
"""

import importlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # for type checkers; at run time `__getattr__` imports each name on first use
    from unified_act.activation import Activation, Kink, Limits, Parameter
    from unified_act.api import (
        audit,
        describe,
        from_config,
        get_activation,
        identify,
        value_and_grad,
    )
    from unified_act.callables import ActivationFunction
    from unified_act.dialects import list_dialects
    from unified_act.errors import (
        AccuracyWarning,
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
    from unified_act.layers import export_weights, get_layer, import_weights
    from unified_act.libraries import register_with_timm, register_with_transformers
    from unified_act.loading import list_backends, use_backend
    from unified_act.registry import list_activations, register_activation
    from unified_act.replacement import replace_activations
    from unified_act.schema import json_schema

__version__ = "0.1.0.dev0"

__all__ = [
    "AccuracyWarning",
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
    "audit",
    "describe",
    "export_weights",
    "from_config",
    "get_activation",
    "get_layer",
    "identify",
    "import_weights",
    "json_schema",
    "list_activations",
    "list_backends",
    "list_dialects",
    "register_activation",
    "register_with_timm",
    "register_with_transformers",
    "replace_activations",
    "use_backend",
    "value_and_grad",
]

_HOME = {
    name: f"unified_act.{module}"
    for module, names in {
        "activation": ("Activation", "Kink", "Limits", "Parameter"),
        "api": (
            "audit",
            "describe",
            "from_config",
            "get_activation",
            "identify",
            "value_and_grad",
        ),
        "callables": ("ActivationFunction",),
        "dialects": ("list_dialects",),
        "errors": [name for name in __all__ if name.endswith(("Error", "Warning"))],
        "layers": ("export_weights", "get_layer", "import_weights"),
        "libraries": ("register_with_timm", "register_with_transformers"),
        "loading": ("list_backends", "use_backend"),
        "registry": ("list_activations", "register_activation"),
        "replacement": ("replace_activations",),
        "schema": ("json_schema",),
    }.items()
    for name in names
}
"""The module of each public name. It is imported when the name is first used."""


if not TYPE_CHECKING:  # otherwise a type checker would accept any name

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            from unified_act.deprecation import moved_name

            return moved_name(f"{__name__}.{name}")
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "keras" in sys.modules:  # which then loads models that have our layers and functions
    importlib.import_module("unified_act.loading").register_with_keras()
