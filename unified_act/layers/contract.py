"""What a backend offers so that it has layers, and which backend made one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Protocol, cast

from unified_act.backend import ModelBackend
from unified_act.errors import (
    ParameterValueError,
    UnknownParameterError,
    UnsupportedError,
    suggest,
)
from unified_act.layers.spec import LayerSpec
from unified_act.literals import shown
from unified_act.loading import load_backend, loaded_backends

__all__ = ["Layers", "LayersOfLibraries", "check_options", "layers_of", "owner_of"]


class Layers(Protocol):
    """The interface of the attribute ``layers`` of a backend, which is a module or an object."""

    def make_layer(self, spec: LayerSpec, options: Mapping[str, Any]) -> Any:
        """Returns the layer of a specification.

        Args:
            spec: The specification of the layer.
            options: The options of the framework's layers that the caller passed, such as a name.
        """

    def is_layer(self, thing: Any) -> bool:
        """Whether an object is a layer from `make_layer`, or the framework's own PReLU."""

    def weights_of(self, layer: Any) -> Mapping[str, Any]:
        """Returns the weights as NumPy arrays, by the activation's names for them.

        A weight whose shape is unknown until the first input is None.
        """

    def set_weights(self, layer: Any, weights: Mapping[str, Any]) -> Any:
        """Sets the weights of the layer to NumPy arrays of the right shape.

        Returns:
            What has them now, if the layer itself does not change; otherwise None.
        """


class LayersOfLibraries(Layers, Protocol):
    """The interface of ``layers`` where libraries make the modules of a framework, as on JAX."""

    def of_library(self, library: str | None) -> Layers:
        """Returns what makes the layers of one library; None stands for the obvious one."""

    def held(self, layer: Any, params: Any = None) -> Any:
        """Returns what `weights_of` and `set_weights` take: a layer with parameters outside of it.

        Args:
            layer: The layer.
            params: The parameters; None for those that the layer begins with.

        Returns:
            None if the layer holds its weights itself.
        """


def check_options(options: Mapping[str, Any], allowed: Sequence[str], backend: str) -> None:
    """Raises unless the layers of a backend have all of these options.

    Raises:
        UnknownParameterError: The layers do not have one of the options.
    """
    for name in options:
        if name not in allowed:
            raise UnknownParameterError(
                f"layers on {backend} have no option {shown(name)}. {suggest(name, allowed)}"
                if allowed
                else f"layers on {backend} have no options, got {shown(name)}."
            )


def layers_of(backend: str, library: str | None) -> Layers:
    """Returns what makes the layers of a backend.

    Args:
        backend: The backend.
        library: Whose modules they are to be, on JAX.

    Raises:
        UnsupportedError: The backend has no layers.
        ParameterValueError: A library is named for a backend that has layers of its own.
    """
    loaded = load_backend(backend)
    if not hasattr(loaded, "layers"):
        raise UnsupportedError(
            f"the backend {loaded.name!r} has no layers: use get_activation, and pass weights as "
            "arguments."
        )
    layers: Any = cast("ModelBackend", loaded).layers
    if hasattr(layers, "of_library"):
        return cast("LayersOfLibraries", layers).of_library(library)
    if library is not None:
        raise ParameterValueError(
            f"library={shown(library)} says whose modules the layers on JAX are, but "
            f"{loaded.name!r} has layers of its own: leave it out, or pass backend='jax'."
        )
    return cast("Layers", layers)


def owner_of(layer: Any) -> Layers:
    """Returns the `Layers` of the backend that made a layer.

    Raises:
        UnsupportedError: No loaded backend made it.
    """
    for backend in chain(loaded_backends(), loaded_backends(plugins=True)):
        layers: Layers | None = getattr(backend, "layers", None)
        if layers is not None and layers.is_layer(layer):
            return layers
    raise UnsupportedError(
        f"{shown(layer)} is no layer that get_layer returned, and no PReLU of a framework: "
        "pass one."
    )
