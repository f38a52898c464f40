"""Layers on JAX: an activation as a module of Flax (NNX or Linen), Equinox or Haiku.

JAX itself has no modules. Each library has a file here, which is imported with the first of its
layers.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from unified_act.errors import (
    BackendImportError,
    BackendNotInstalledError,
    ParameterValueError,
    suggest,
)
from unified_act.layers import Layers, LayerSpec
from unified_act.literals import shown
from unified_act.names import normalize

__all__ = ["LIBRARIES", "held", "is_layer", "make_layer", "of_library", "set_weights", "weights_of"]


class _Library(NamedTuple):
    module: str
    """What a program imports to use it."""
    distribution: str

    @property
    def is_installed(self) -> bool:
        root = self.module.partition(".")[0]
        if root in sys.modules:  # None blocks its import, and a stub has no spec
            return sys.modules[root] is not None
        return importlib.util.find_spec(root) is not None


LIBRARIES: Mapping[str, _Library] = {
    "nnx": _Library("flax.nnx", "flax"),
    "linen": _Library("flax.linen", "flax"),
    "equinox": _Library("equinox", "equinox"),
    "haiku": _Library("haiku", "dm-haiku"),
}
"""The libraries whose modules layers can be."""

_ALSO = {
    "dmhaiku": "haiku",
    "eqx": "equinox",
    "flax.linen": "linen",
    "flax.nnx": "nnx",
    "hk": "haiku",
}


def of_library(library: str | None) -> Layers:
    """Returns what makes the layers of a library.

    Args:
        library: One of `LIBRARIES`; None for the only one that is installed, or else for the only
            one that the program has imported.

    Raises:
        ParameterValueError: There is no such library, or it is not clear which one is meant.
        BackendNotInstalledError: It is not installed.
        BackendImportError: It is installed, but importing it failed.
    """
    name = _default() if library is None else _found(library)
    chosen = LIBRARIES[name]
    if not chosen.is_installed:
        raise BackendNotInstalledError(
            f"library={name!r} needs {chosen.module}, which is not installed. Install it with: "
            f"pip install {chosen.distribution}"
        )
    try:
        return cast("Layers", importlib.import_module(f"{__name__}.{name}"))
    except Exception as error:  # importing a library may raise anything
        raise BackendImportError(
            f"{chosen.module} is installed, but importing it failed with the error above. Repair "
            "that installation, or pass another library."
        ) from error


def _found(library: Any) -> str:
    key = normalize(library) if isinstance(library, str) else ""
    name = _ALSO.get(key, key)
    if name not in LIBRARIES:
        hint = (
            "Flax has two kinds of modules: pass library='nnx' or library='linen'."
            if key == "flax"
            else suggest(str(library), LIBRARIES)
        )
        raise ParameterValueError(f"unknown library {shown(library)}. {hint}")
    return name


def _default() -> str:
    installed = [name for name, library in LIBRARIES.items() if library.is_installed]
    if not installed:
        commands = dict.fromkeys(library.distribution for library in LIBRARIES.values())
        raise BackendNotInstalledError(
            "a layer on JAX is a module of Flax, Equinox or Haiku, and none of them is installed. "
            f"Install one with: {', '.join(f'pip install {name}' for name in commands)}"
        )
    imported = [name for name in installed if _is_imported(name)]
    if len(installed) > 1 and len(imported) != 1:
        raise ParameterValueError(
            "a layer on JAX is a module of one library: pass "
            f"{' or '.join(f'library={name!r}' for name in installed)}."
        )
    return (imported if len(installed) > 1 else installed)[0]


def _is_imported(name: str) -> bool:
    """Whether the program has imported a library; Linen comes with NNX, and with Haiku."""
    brought = name == "linen" and any(map(_is_imported, ("nnx", "haiku")))
    return sys.modules.get(LIBRARIES[name].module) is not None and not brought


def make_layer(spec: LayerSpec, options: Mapping[str, Any]) -> Any:
    """Returns the layer of a specification, of the library that nobody had to name."""
    return of_library(None).make_layer(spec, options)


def is_layer(thing: Any) -> bool:
    """Whether an object is an activation layer of a library."""
    return _owner(thing) is not None


def _owner(thing: Any) -> Any:
    for name, library in LIBRARIES.items():
        if sys.modules.get(library.module) is not None:
            layers = of_library(name)
            if layers.is_layer(thing):
                return layers
    return None


def held(layer: Any, params: Any = None) -> Any:
    """Returns what `weights_of` and `set_weights` take: a layer with the parameters outside of it.

    Args:
        layer: The layer.
        params: Its parameters; None for those that it begins with.

    Returns:
        None if the layer holds its weights itself.
    """
    owner = _owner(layer)
    return owner.held(layer, params) if hasattr(owner, "held") else None


def weights_of(layer: Any) -> Mapping[str, Any]:
    """Returns the weights by name, of a layer or of what `held` returned."""
    return cast("Mapping[str, Any]", _owner(layer).weights_of(layer))


def set_weights(layer: Any, weights: Mapping[str, Any]) -> Any:
    """Sets the weights, and returns what has them now; None if the layer itself has them."""
    return _owner(layer).set_weights(layer, weights)
