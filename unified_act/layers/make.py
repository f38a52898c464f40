"""`get_layer`: from a request to the layer of a framework."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from unified_act.activation import Activation, Parameter
from unified_act.backend import Numerics
from unified_act.callables import ActivationFunction, get_activation
from unified_act.errors import (
    ParameterValueError,
    UnknownActivationError,
    UnknownParameterError,
    suggest,
)
from unified_act.layers.contract import layers_of
from unified_act.layers.spec import LayerSpec
from unified_act.literals import shown
from unified_act.loading import chosen_backend, list_backends
from unified_act.registry import ACTIVATIONS
from unified_act.request import settle, understand

__all__ = ["get_layer", "layer_spec"]


def get_layer(
    name: str | Mapping[str, Any] | None,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    dialect: str | None = None,
    channels: int | None = 1,
    weight_shape: Sequence[int] | None = None,
    shared_axes: Sequence[int] | None = None,
    initial: float | Mapping[str, float] | None = None,
    library: str | None = None,
    options: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> Any:
    """Returns an activation as a layer of a framework.

    If the framework has a layer that computes exactly the same, this layer is returned. Otherwise
    it is a layer of a class that stores name and parameters. You save, copy, export and print both
    like the framework's own layers.

    Args:
        name: As for `get_activation`, except that it must not be a callable. Everything else may be
            part of it too, as in ``{"name": "prelu", "channels": 8, "backend": "torch"}``.
        backend: As for `get_activation`, except that a layer cannot follow the type of its input:
            name a backend here, with `use_backend` or in the environment variable. With
            ``"keras"`` it is a layer of Keras, whichever framework Keras runs on.
        numerics: As for `get_activation`.
        dialect: As for `get_activation`.
        channels: For a learned activation, the number of elements of each weight. With 1 all
            channels share one number; otherwise there is one for each channel along the parameter
            ``axis``. With None the number of channels is taken from the first input.
        weight_shape: For a learned activation, in place of `channels`, the shape of each weight.
            It is broadcast to the input, as NumPy does: ``(64, 1, 1)`` is one number for each
            channel of images with channels first. A shape of one dimension is that of `channels`.
        shared_axes: For a learned activation, in place of `channels`, as Keras's PReLU has it: the
            axes of the input along which one number is shared, such as ``(1, 2)`` for images with
            channels last. Axis 0 is the batch, along which it is always shared. The first input
            decides the shape of the weights: that of the input without the batch, with 1 for each
            shared axis. ``()`` shares along no axis.
        initial: The initial value of the weights: one number for all, or numbers by name. The
            default is the value from the paper of the activation.
        library: On JAX, whose module the layer is: ``"nnx"`` or ``"linen"``, both of Flax,
            ``"equinox"`` or ``"haiku"``. The default is the library that is installed; of several,
            the only one that has been imported.
        options: Options of the framework's layers. PyTorch has ``device`` and ``dtype``.
            Keras has the options of its layers, and ``initializer``, ``regularizer`` and
            ``constraint`` for the weights. MXNet has ``prefix`` and ``params``. NNX has
            ``rngs``, ``deterministic``, ``rng_collection``, ``initializer`` and ``param_dtype``;
            Linen has the same without ``rngs``, and ``name``. Equinox has ``inference`` and
            ``dtype``; Haiku has ``is_training``, ``initializer``, ``dtype`` and ``name``.
        **parameters: The parameters of the activation.

    Returns:
        A `torch.nn.Module`, `keras.layers.Layer` or `mxnet.gluon.HybridBlock`; on JAX a module of
        the library; on NumPy an object with ``forward``, ``backward``, ``weights`` and
        ``gradients``. If the activation takes a
        mask or noise, the layer takes it as a further argument. Without noise, a seed or a
        generator, a layer draws from the random numbers of its framework; on NumPy, which has no
        layers, it asks for a seed. Unless the parameter ``training`` is given, the layer follows
        its own mode: rrelu draws slopes in training, and uses their mean in evaluation.

    Raises:
        UnsupportedError: The backend has no layers.
        ParameterValueError: No backend is chosen; `channels`, `weight_shape`, `shared_axes` or
            `initial` is wrong, or two of the first three are given; `library` is wrong, missing,
            or given for a framework that has layers of its own.
        UnknownParameterError: There is no such weight or option.
        UnifiedActError: Any error of `get_activation`.

    Examples:
        >>> import unified_act as ua
        >>> layer = ua.get_layer("prelu", backend="numpy", channels=2, axis=-1)
        >>> layer
        ActivationLayer('prelu', axis=-1, channels=2)
        >>> ua.export_weights(layer)
        {'weight': array([0.25, 0.25])}
        >>> ua.get_layer("prelu", backend="numpy", shared_axes=(1, 2))
        ActivationLayer('prelu', axis=-1, shared_axes=(1, 2))
        >>> layer = ua.get_layer({"name": "prelu", "channels": 2, "axis": -1, "backend": "numpy"})
        >>> layer.to_config()
        {'name': 'prelu', 'backend': 'numpy', 'axis': -1, 'channels': 2}
    """
    _refuse_callable(name)
    described, own = settle(
        name,
        backend=backend,
        numerics=numerics,
        dialect=dialect,
        channels=channels,
        weight_shape=weight_shape,
        shared_axes=shared_axes,
        initial=initial,
        library=library,
        options=options,
    )
    options = own.pop("options")
    chosen = own.pop("backend") or chosen_backend()
    if chosen is None:
        raise ParameterValueError(
            f"a layer belongs to one framework: pass backend=…, one of {', '.join(list_backends())}"
        )
    if options is not None and not isinstance(options, Mapping):
        raise ParameterValueError(
            f"options are a mapping, such as {{'dtype': …}}, got {shown(options)}."
        )
    layers = layers_of(chosen, own.pop("library"))
    spec = _spec(described, {**own, "backend": chosen}, parameters)
    return layers.make_layer(spec, dict(options or {}))


def layer_spec(
    name: str | Mapping[str, Any] | None,
    *,
    backend: str,
    numerics: Numerics,
    dialect: str | None,
    channels: int | None,
    initial: float | Mapping[str, float] | None,
    parameters: Mapping[str, Any],
    weight_shape: Sequence[int] | None = None,
    shared_axes: Sequence[int] | None = None,
) -> LayerSpec:
    """Returns the specification that `get_layer` makes a layer from; it has the same arguments."""
    _refuse_callable(name)
    described, own = settle(
        name,
        backend=backend,
        numerics=numerics,
        dialect=dialect,
        channels=channels,
        weight_shape=weight_shape,
        shared_axes=shared_axes,
        initial=initial,
    )
    return _spec(described, own, parameters)


def _spec(described: Any, options: Mapping[str, Any], parameters: Mapping[str, Any]) -> LayerSpec:
    """Returns the specification for a description and options that `settle` has joined."""
    shared_axes = options["shared_axes"]
    given = understand(described, options["dialect"], parameters).written
    function = get_activation(
        described,
        backend=options["backend"],
        numerics=options["numerics"],
        dialect=options["dialect"],
        **parameters,
    )
    activation = ACTIVATIONS.find(function.name)
    shapes = _shapes(activation, options["channels"], options["weight_shape"], shared_axes)
    if shared_axes is not None:
        if "axis" in given:
            raise ParameterValueError(
                f"shared_axes says where {activation.name} has which weight: leave out axis=…"
            )
        function = ActivationFunction.from_config({**function.to_config(), "axis": -1})
    initial = _initial(activation, options["initial"])
    follows_mode = "training" not in given and _has_mode(activation)
    return LayerSpec(function, options["channels"], initial, follows_mode, **shapes)


def _refuse_callable(name: object) -> None:
    if callable(name):
        raise UnknownActivationError(
            f"a layer is made from a name, got {shown(name)}: pass the name of an activation."
        )


def _shapes(
    activation: Activation,
    channels: int | None,
    weight_shape: Sequence[int] | None,
    shared_axes: Sequence[int] | None,
) -> dict[str, tuple[int, ...] | None]:
    """Returns the arguments that decide the shape of weights, checked; without the channels."""
    if channels is not None:
        Parameter("channels", 1, low=1).check(channels)
    asked = {
        "channels": None if channels == 1 else channels if channels is not None else "None",
        "weight_shape": weight_shape,
        "shared_axes": shared_axes,
    }
    given = [f"{name}={value}" for name, value in asked.items() if value is not None]
    if given and not activation.weights:
        raise ParameterValueError(
            f"{activation.name} learns nothing and has no weights: leave out {given[0]}."
        )
    if len(given) > 1:
        raise ParameterValueError(
            f"{' and '.join(given)} say two things about the shape of the weights of "
            f"{activation.name}: pass one of them."
        )
    return {
        "weight_shape": _integers("weight_shape", weight_shape),
        "shared_axes": _integers("shared_axes", shared_axes),
    }


def _integers(name: str, given: Sequence[int] | None) -> tuple[int, ...] | None:
    """Returns lengths or axes as a tuple."""
    if given is None:
        return None
    try:
        found = tuple(map(operator.index, given))
    except TypeError:
        found = (0,)
    least = 0 if name == "weight_shape" else 1
    if min(found, default=least) < 1 or (name == "shared_axes" and len(set(found)) < len(found)):
        example = "(64, 1, 1)" if name == "weight_shape" else "(1, 2)"
        what = "lengths" if name == "weight_shape" else "different axes behind the batch, axis 0"
        raise ParameterValueError(
            f"{name} must be {what}, integers of at least 1, such as {example}; got {shown(given)}."
        )
    return tuple(sorted(found)) if name == "shared_axes" else found


def _has_mode(activation: Activation) -> bool:
    """Whether a parameter ``training`` decides that the activation draws random numbers."""
    return bool(activation.noise) and activation.has_parameter("training")


def _initial(activation: Activation, given: float | Mapping[str, float] | None) -> dict[str, float]:
    """Returns the initial value of each weight."""
    names = activation.weights
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        given = dict.fromkeys(names or ["initial"], given)
    for name in given:
        if name not in names:
            hint = suggest(name, names) if names else "It has none: leave out initial=…"
            raise UnknownParameterError(f"{activation.name} has no weight {shown(name)}. {hint}")
    values = {**activation.initial, **given}
    missing = [name for name in names if name not in values]
    if missing:
        raise ParameterValueError(
            f"{activation.name} has no initial value for {', '.join(missing)}: pass "
            f"initial={{{', '.join(f'{name!r}: …' for name in missing)}}}."
        )
    return {name: float(Parameter(f"initial {name}", 0.0).check(values[name])) for name in names}
