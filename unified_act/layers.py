"""Layers: an activation as a module of a framework, with weights where it learns some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from unified_act.activation import Activation, Parameter
from unified_act.backend import DTYPES, ModelBackend, Native, Numerics, kernel_for
from unified_act.callables import ActivationFunction, get_activation
from unified_act.errors import (
    ParameterValueError,
    UnknownActivationError,
    UnknownParameterError,
    UnsupportedError,
    suggest,
)
from unified_act.loading import chosen_backend, imported_backends, list_backends, load_backend
from unified_act.registry import ACTIVATIONS

__all__ = [
    "LayerSpec",
    "Layers",
    "check_options",
    "export_weights",
    "get_layer",
    "import_weights",
    "layer_spec",
]


@dataclass(frozen=True)
class LayerSpec:
    """What a layer is, whatever the framework.

    Attributes:
        function: The activation function, bound to the backend.
        channels: How many numbers each weight has: 1, one for each channel, or None for as many as
            the axis of the first input has.
        initial: The value that each weight begins with, by name; empty if nothing is learned.
    """

    function: ActivationFunction
    channels: int | None = 1
    initial: Mapping[str, float] = field(default_factory=dict)

    @property
    def activation(self) -> Activation:
        """The specification of the activation."""
        return ACTIVATIONS.find(self.function.name)

    def channels_of(self, shape: Sequence[int | None]) -> int:
        """Returns how many numbers each weight has for an input of this shape.

        Raises:
            ParameterValueError: The input has no such axis as the activation's, or a length there
                that is not known yet.
        """
        if self.channels is not None:
            return self.channels
        axis = int(self.function.parameters["axis"])
        if not -len(shape) <= axis < len(shape):
            raise ParameterValueError(
                f"{self.function.name} takes the number of its channels from axis {axis}, which an "
                f"input of shape {tuple(shape)} does not have: pass axis=…, or channels=…"
            )
        length = shape[axis]
        if length is None:
            raise ParameterValueError(
                f"{self.function.name} takes the number of its channels from axis {axis}, whose "
                f"length in {tuple(shape)} is not known: pass channels=…"
            )
        return int(length)

    def native_arguments(
        self, kernels: Mapping[str, Native], dtypes: Sequence[str] = DTYPES
    ) -> dict[str, Any] | None:
        """Returns the keywords of the framework's kernel, if that is all that the function is.

        Args:
            kernels: The kernels of the backend.
            dtypes: The dtypes in which it has to be.

        Returns:
            The keywords; None where one of the dtypes or a parameter is served by anything else.
        """
        name = str(self.function.backend)
        row = kernel_for(name, kernels, self.activation, self.function.numerics)
        kernel = None if row is None else row.serving(self.function.parameters)
        if kernel is None or kernel.is_override or not set(kernel.dtypes).issuperset(dtypes):
            return None
        return kernel.arguments(self.function.parameters)

    def to_config(self) -> dict[str, Any]:
        """Returns it as plain data, which `from_config` reads."""
        learned = {"channels": self.channels, "initial": dict(self.initial)} if self.initial else {}
        return {"function": self.function.to_config(), **learned}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LayerSpec:
        """Returns what `to_config` wrote down."""
        function = ActivationFunction.from_config(config["function"])
        return cls(function, config.get("channels", 1), config.get("initial", {}))

    def describe(self) -> str:
        """Returns what a reader wants to know of it, for the layer's own repr."""
        shown = [f"{key}={value!r}" for key, value in self.function.parameters.items()]
        if self.initial:
            shown.append(f"channels={self.channels}")
        if self.function.numerics != "fast":
            shown.append(f"numerics={self.function.numerics!r}")
        return ", ".join([repr(self.function.name), *shown])


class Layers(Protocol):
    """What a backend that has layers offers as its attribute ``layers``: a module, or an object."""

    def make_layer(self, spec: LayerSpec, options: Mapping[str, Any]) -> Any:
        """Returns the layer of a specification.

        Args:
            spec: What it is.
            options: Further arguments of the caller's, such as a name.
        """

    def is_layer(self, thing: Any) -> bool:
        """Whether something is a layer that `make_layer` could have returned."""

    def weights_of(self, layer: Any) -> Mapping[str, Any]:
        """Returns the weights as NumPy arrays of one dimension, by our names.

        Those of a layer that waits for its first input are None.
        """

    def set_weights(self, layer: Any, weights: Mapping[str, Any]) -> None:
        """Gives the layer these weights, NumPy arrays of one dimension that fit."""


def get_layer(
    name: str | Mapping[str, Any] | None,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    dialect: str | None = None,
    channels: int | None = 1,
    initial: float | Mapping[str, float] | None = None,
    options: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> Any:
    """Returns an activation as a layer of a framework.

    The framework's own layer where that is exactly the same thing, else one of a class that stores
    name and parameters; either kind is saved, copied, exported and shown as the framework's are.

    Args:
        name: As for `get_activation`, but no callable.
        backend: As for `get_activation`, but it has to be known: from here, from `use_backend` or
            from the environment.
        numerics: As for `get_activation`.
        dialect: As for `get_activation`.
        channels: Of a learned activation, how many numbers each weight has: 1, shared by all; one
            for each channel along the parameter ``axis``; or None, for as many as the first input
            has there.
        initial: What the weights begin with: one number for all, or numbers by name. Default: what
            the paper of the activation says.
        options: Arguments that only this framework's layers have: on PyTorch ``device`` and
            ``dtype``; on TensorFlow those of a Keras layer, and ``initializer``, ``regularizer``
            and ``constraint``; on MXNet ``prefix`` and ``params``.
        **parameters: The activation's parameters.

    Returns:
        A `torch.nn.Module`, `keras.layers.Layer` or `mxnet.gluon.HybridBlock`; on NumPy an object
        with ``forward``, ``backward``, ``weights`` and ``gradients``. What an activation takes
        beside its input and weights, a mask or noise, the layer takes too.

    Raises:
        UnsupportedError: The backend has no layers.
        ParameterValueError: No backend is chosen, or `channels` or `initial` do not fit.
        UnknownParameterError: There is no such weight or option.
        UnifiedActError: Whatever `get_activation` raises.

    Examples:
        >>> import unified_act as ua
        >>> layer = ua.get_layer("prelu", backend="numpy", channels=2, axis=-1)
        >>> layer
        ActivationLayer('prelu', axis=-1, channels=2)
        >>> ua.export_weights(layer)
        {'weight': array([0.25, 0.25])}
    """
    chosen = chosen_backend() if backend is None else backend
    if chosen is None:
        raise ParameterValueError(
            f"a layer belongs to one framework: pass backend=…, one of {', '.join(list_backends())}"
        )
    spec = layer_spec(
        name,
        backend=chosen,
        numerics=numerics,
        dialect=dialect,
        channels=channels,
        initial=initial,
        parameters=parameters,
    )
    return _layers_of(chosen).make_layer(spec, dict(options or {}))


def layer_spec(
    name: str | Mapping[str, Any] | None,
    *,
    backend: str,
    numerics: Numerics,
    dialect: str | None,
    channels: int | None,
    initial: float | Mapping[str, float] | None,
    parameters: Mapping[str, Any],
) -> LayerSpec:
    """Returns what `get_layer` makes a layer of, which says what the arguments are."""
    if callable(name):
        raise UnknownActivationError(
            f"a layer is made from a name, got {name!r}: give its name and parameters."
        )
    function = get_activation(
        name, backend=backend, numerics=numerics, dialect=dialect, **parameters
    )
    activation = ACTIVATIONS.find(function.name)
    if channels is not None:
        Parameter("channels", 1, low=1).check(channels)
    if channels != 1 and not activation.weights:
        raise ParameterValueError(
            f"{activation.name} learns nothing, so that it has no weights for channels={channels}."
        )
    return LayerSpec(function, channels, _initial(activation, initial))


def _initial(activation: Activation, given: float | Mapping[str, float] | None) -> dict[str, float]:
    """The first value of each weight."""
    names = activation.weights
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        given = dict.fromkeys(names or ["initial"], given)
    for name in given:
        if name not in names:
            hint = suggest(name, names) if names else "It learns none."
            raise UnknownParameterError(f"{activation.name} has no weight {name!r}. {hint}")
    values = {**activation.initial, **given}
    missing = [name for name in names if name not in values]
    if missing:
        raise ParameterValueError(
            f"{activation.name} does not say what its {', '.join(missing)} begins with: pass "
            f"initial={{{', '.join(f'{name!r}: …' for name in missing)}}}."
        )
    return {name: float(Parameter(f"initial {name}", 0.0).check(values[name])) for name in names}


def check_options(options: Mapping[str, Any], allowed: Sequence[str], backend: str) -> None:
    """Raises unless a backend's layers have all of these options.

    Raises:
        UnknownParameterError: They lack one.
    """
    for name in options:
        if name not in allowed:
            raise UnknownParameterError(
                f"layers on {backend} have no option {name!r}. {suggest(name, allowed)}"
                if allowed
                else f"layers on {backend} have no options, got {name!r}."
            )


def _layers_of(backend: str) -> Layers:
    loaded = load_backend(backend)
    if not hasattr(loaded, "layers"):
        raise UnsupportedError(
            f"the backend {loaded.name!r} has no layers: its activations are functions that take "
            "their weights as arguments."
        )
    layers: Layers = cast("ModelBackend", loaded).layers
    return layers


def _owner_of(layer: Any) -> Layers:
    """The layers of the backend that made one."""
    for name in imported_backends():
        layers: Layers | None = getattr(load_backend(name), "layers", None)
        if layers is not None and layers.is_layer(layer):
            return layers
    raise UnsupportedError(f"{layer!r} is no layer that get_layer returned.")


def export_weights(layer: Any) -> dict[str, Any]:
    """Returns the weights of a layer, to be carried to a layer on another framework.

    Args:
        layer: What `get_layer` returned, on any framework.

    Returns:
        NumPy arrays of shape (1,) or (channels,), by the names that the activation has for its
        inputs, in the dtype of the layer; bfloat16 as float32.

    Raises:
        UnsupportedError: It is no such layer.
        ParameterValueError: It waits for its first input, to know how many channels there are.

    Examples:
        >>> import unified_act as ua
        >>> ua.export_weights(ua.get_layer("relu", backend="numpy"))
        {}
    """
    weights = dict(_owner_of(layer).weights_of(layer))
    waiting = [name for name, value in weights.items() if value is None]
    if waiting:
        raise ParameterValueError(
            f"{', '.join(waiting)} of {layer!r} has no size yet: call the layer first, or make it "
            "with channels=…"
        )
    return weights


def import_weights(layer: Any, weights: Mapping[str, Any]) -> None:
    """Gives a layer the weights that `export_weights` returned, of a layer on any framework.

    Args:
        layer: What `get_layer` returned. One that waits for its first input takes their size.
        weights: NumPy arrays by name; they are cast to the dtype of the layer.

    Raises:
        UnsupportedError: It is no such layer.
        UnknownParameterError: The names are not those of the layer's weights.
        ParameterValueError: A weight has another number of channels than the layer.

    Examples:
        >>> import unified_act as ua
        >>> one = ua.get_layer("prelu", backend="numpy", channels=3, initial=0.1)
        >>> other = ua.get_layer("prelu", backend="numpy", channels=None)
        >>> ua.import_weights(other, ua.export_weights(one))
        >>> ua.export_weights(other)
        {'weight': array([0.1, 0.1, 0.1])}
    """
    import numpy as np

    owner = _owner_of(layer)
    own = owner.weights_of(layer)
    if sorted(weights) != sorted(own):
        raise UnknownParameterError(
            f"{layer!r} has the weights {sorted(own)}, got {sorted(weights)}."
        )
    arrays = {name: np.atleast_1d(weights[name]) for name in own}
    for name, array in arrays.items():
        held = own[name]
        if array.ndim != 1 or (held is not None and array.shape != held.shape):
            wanted = "(channels,)" if held is None else held.shape
            raise ParameterValueError(
                f"{name} of {layer!r} has the shape {wanted}, got {array.shape}."
            )
    if len({array.size for array in arrays.values()}) > 1:
        raise ParameterValueError(
            f"the weights of {layer!r} have one number of channels, got "
            f"{', '.join(f'{name} with {array.size}' for name, array in arrays.items())}."
        )
    if arrays:
        owner.set_weights(layer, arrays)
