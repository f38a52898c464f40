"""Layers: an activation as a module of a framework, with the weights that it learns."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, dropwhile
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
from unified_act.literals import shown
from unified_act.loading import chosen_backend, list_backends, load_backend, loaded_backends
from unified_act.registry import ACTIVATIONS
from unified_act.request import settle, understand

__all__ = [
    "LayerSpec",
    "Layers",
    "check_options",
    "export_weights",
    "get_layer",
    "import_weights",
    "layer_spec",
]


_NAMES_OF_PRELU = frozenset({"weight", "alpha", "negative_slope", "slope"})
"""What PyTorch, Keras and MXNet, Flax and Equinox, and ONNX call its weight."""


@dataclass(frozen=True)
class LayerSpec:
    """The specification of a layer, independent of the framework.

    Attributes:
        function: The activation function, bound to the backend.
        channels: The number of elements of each weight: 1, or the number of channels. With None
            it is taken from the axis of the first input.
        initial: The initial value of each weight, by name; empty if there are no weights.
        weight_shape: The shape of each weight, which is broadcast to the input; None if `channels`
            or `shared_axes` decides.
        shared_axes: The axes of the input along which a weight is one number, counted from 1
            behind the batch. Along all others it is as long as the first input. None if another
            decides.
        follows_mode: Whether the parameter ``training`` of the activation is that of the layer:
            true while it trains, false while it is evaluated.
    """

    function: ActivationFunction
    channels: int | None = 1
    initial: Mapping[str, float] = field(default_factory=dict)
    follows_mode: bool = False
    weight_shape: tuple[int, ...] | None = None
    shared_axes: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        return f"LayerSpec({self.describe()})"

    def __hash__(self) -> int:
        # JAX asks for it: a specification is a part of its modules that is no array.
        shapes = (self.channels, self.weight_shape, self.shared_axes)
        return hash((self.function, frozenset(self.initial.items()), self.follows_mode, shapes))

    @property
    def activation(self) -> Activation:
        """The specification of the activation."""
        return ACTIVATIONS.find(self.function.name)

    @property
    def draws(self) -> bool:
        """Whether the layer draws random numbers: always, or while it trains."""
        return self.follows_mode or bool(
            self.activation.noise and self.activation.inputs_for(self.function.parameters)[1:]
        )

    @property
    def in_training(self) -> ActivationFunction:
        """The function while the layer trains."""
        if not self.follows_mode:
            return self.function
        return ActivationFunction.from_config({**self.function.to_config(), "training": True})

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of each weight; None if the first input decides it."""
        if self.weight_shape is not None:
            return self.weight_shape
        waits = self.channels is None or self.shared_axes is not None
        return None if waits else (int(self.channels or 1),)

    def with_shape(self, shape: Sequence[int]) -> LayerSpec:
        """Returns the specification with weights of a shape that has become known."""
        if self.weight_shape is None and self.shared_axes is None:
            return replace(self, channels=int(shape[0]))
        return replace(self, weight_shape=tuple(map(int, shape)))

    def shape_for(self, shape: Sequence[int | None]) -> tuple[int, ...]:
        """Returns the shape of each weight for an input of this shape.

        Raises:
            ParameterValueError: The input does not have an axis that decides it, or the length of
                the axis is not known yet.
        """
        if self.shape is not None:
            return self.shape
        return (self.channels_of(shape),) if self.shared_axes is None else self._behind_batch(shape)

    def _behind_batch(self, shape: Sequence[int | None]) -> tuple[int, ...]:
        """The shape without the batch, and with 1 for the shared axes."""
        own = [1 if axis in (self.shared_axes or ()) else n for axis, n in enumerate(shape)][1:]
        name, further = self.function.name, [a for a in self.shared_axes or () if a >= len(shape)]
        if not own or further:
            raise ParameterValueError(
                f"{name} shares weights along the axes {self.shared_axes}, which an input of "
                f"shape {tuple(shape)} does not have: pass other shared_axes, or weight_shape=…"
            )
        if None in own:
            raise ParameterValueError(
                f"{name} takes the shape of its weights from the input, whose shape {tuple(shape)} "
                "is not known along the axes that are not shared: pass weight_shape=…, or more "
                "shared_axes."
            )
        return tuple(int(length or 0) for length in own)

    def channels_of(self, shape: Sequence[int | None]) -> int:
        """Returns the number of elements of each weight for an input of this shape.

        Raises:
            ParameterValueError: The input does not have the axis of the activation, or the length
                of the axis is not known yet.
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
        """Returns the keywords of the framework's kernel, if the function uses nothing else.

        Args:
            kernels: The kernels of the backend.
            dtypes: The dtypes in which the kernel must be used.

        Returns:
            The keywords; None if the function uses something else for one of the dtypes, for these
            parameters or for long rows.
        """
        name = str(self.function.backend)
        function = self.function
        kernel = kernel_for(name, kernels, self.activation, function.numerics, function.parameters)
        if kernel is None or kernel.is_override or kernel.rows is not None:
            return None
        if not set(kernel.dtypes).issuperset(dtypes):
            return None
        return kernel.arguments(self.function.parameters)

    def to_config(self) -> dict[str, Any]:
        """Returns the specification as plain data, which `from_config` reads."""
        learned = {"channels": self.channels, "initial": dict(self.initial)} if self.initial else {}
        mode = {"follows_mode": True} if self.follows_mode else {}
        shapes = {"weight_shape": self.weight_shape, "shared_axes": self.shared_axes}
        given = {key: list(value) for key, value in shapes.items() if value is not None}
        return {"function": self.function.to_config(), **learned, **mode, **given}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LayerSpec:
        """Returns the specification that `to_config` described."""
        function = ActivationFunction.from_config(config["function"])
        shapes = {key: config[key] for key in ("weight_shape", "shared_axes") if key in config}
        return cls(
            function,
            config.get("channels", 1),
            config.get("initial", {}),
            config.get("follows_mode", False),
            **{key: None if value is None else tuple(value) for key, value in shapes.items()},
        )

    def description(self) -> dict[str, Any]:
        """Returns the layer as plain data for JSON or YAML, which `get_layer` reads."""
        config = self.function.to_config()
        if self.follows_mode:
            config.pop("training", None)
        if self.shared_axes is not None:
            config.pop("axis", None)
            config["shared_axes"] = list(self.shared_axes)
        elif self.weight_shape is not None:
            config["weight_shape"] = list(self.weight_shape)
        elif self.channels != 1 and self.initial:
            config["channels"] = self.channels
        if self.initial and dict(self.initial) != dict(self.activation.initial):
            config["initial"] = dict(self.initial)
        return config

    def describe(self) -> str:
        """Returns name, parameters and options as text, for the repr of a layer."""
        shown = [
            f"{key}={value!r}"
            for key, value in self.function.parameters.items()
            if not (self.follows_mode and key == "training")
        ]
        if self.shared_axes is not None:
            shown.append(f"shared_axes={self.shared_axes}")
        elif self.weight_shape is not None:
            shown.append(f"weight_shape={self.weight_shape}")
        elif self.initial:
            shown.append(f"channels={self.channels}")
        if self.function.numerics != "fast":
            shown.append(f"numerics={self.function.numerics!r}")
        return ", ".join([repr(self.function.name), *shown])


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
    layers = _layers_of(chosen, own.pop("library"))
    spec = layer_spec(described, backend=chosen, parameters=parameters, **own)
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
    channels, initial = own["channels"], own["initial"]
    weight_shape, shared_axes = own["weight_shape"], own["shared_axes"]
    given = understand(described, own["dialect"], parameters).written
    function = get_activation(
        described,
        backend=own["backend"],
        numerics=own["numerics"],
        dialect=own["dialect"],
        **parameters,
    )
    activation = ACTIVATIONS.find(function.name)
    shapes = _shapes(activation, channels, weight_shape, shared_axes)
    if shared_axes is not None:
        if "axis" in given:
            raise ParameterValueError(
                f"shared_axes says where {activation.name} has which weight: leave out axis=…"
            )
        function = ActivationFunction.from_config({**function.to_config(), "axis": -1})
    initial_values = _initial(activation, initial)
    follows_mode = "training" not in given and _has_mode(activation)
    return LayerSpec(function, channels, initial_values, follows_mode, **shapes)


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


def _layers_of(backend: str, library: str | None) -> Layers:
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


def _owner_of(layer: Any) -> Layers:
    """Returns the `Layers` of the backend that made a layer."""
    for backend in chain(loaded_backends(), loaded_backends(plugins=True)):
        layers: Layers | None = getattr(backend, "layers", None)
        if layers is not None and layers.is_layer(layer):
            return layers
    raise UnsupportedError(
        f"{shown(layer)} is no layer that get_layer returned, and no PReLU of a framework: "
        "pass one."
    )


def _held(owner: Layers, layer: Any, params: Any) -> Any:
    """Returns the layer, with its parameters if they are outside of it."""
    held = owner.held(layer, params) if hasattr(owner, "held") else None
    if held is None and params is not None:
        raise ParameterValueError(f"{_shown(layer)} holds its weights itself: leave out params.")
    return layer if held is None else held


def _shown(layer: Any) -> str:
    """A layer in one line; some libraries of JAX print theirs in several."""
    text = shown(layer)
    if "\n" not in text:
        return text
    spec: LayerSpec | None = getattr(layer, "spec", None)
    name = type(layer).__name__
    return name if spec is None else f"{name}({spec.describe()})"


def export_weights(layer: Any, params: Any = None) -> dict[str, Any]:
    """Returns the weights of a layer, for `import_weights` on the same or another framework.

    Args:
        layer: A layer from `get_layer`, of any framework; or the framework's own PReLU:
            `torch.nn.PReLU`, `keras.layers.PReLU`, `mxnet.gluon.nn.PReLU`, `flax.linen.PReLU`,
            `flax.nnx.PReLU` or `equinox.nn.PReLU`.
        params: The parameters of the layer, where the library keeps them outside of it: in Linen
            and Haiku. They are what ``init`` returned for this layer, or the part of a model's
            parameters that belongs to it.

    Returns:
        NumPy arrays by the activation's names for its weights, of shape (1,) or (channels,), or of
        the shape that the layer was made with. They have the dtype of the layer; bfloat16 becomes
        float32.

    Raises:
        UnsupportedError: `layer` is no such layer.
        ParameterValueError: The first input decides the shape of the weights, and the layer has
            not been called yet; or `params` is missing, or not needed.

    Examples:
        >>> import unified_act as ua
        >>> ua.export_weights(ua.get_layer("relu", backend="numpy"))
        {}
    """
    owner = _owner_of(layer)
    weights = dict(owner.weights_of(layer if params is None else _held(owner, layer, params)))
    waiting = [name for name, value in weights.items() if value is None]
    if waiting:
        raise ParameterValueError(
            f"{', '.join(waiting)} of {_shown(layer)} has no size yet: call the layer first, or "
            "make it with channels=… or weight_shape=…"
        )
    return weights


def import_weights(layer: Any, weights: Mapping[str, Any] | Any, params: Any = None) -> Any:
    """Sets the weights of a layer to those that `export_weights` returned, on any framework.

    Args:
        layer: A layer from `get_layer`, or a PReLU of a framework, as for `export_weights`. If the
            shape of its weights is not known yet, these weights determine it.
        weights: NumPy arrays by name, or another such layer. The arrays are cast to the dtype of
            the layer. The weight of PReLU may have the name that Keras and MXNet have for it,
            ``"alpha"``, that of Flax and Equinox, ``"negative_slope"``, or that of ONNX,
            ``"slope"``; and if it varies along one axis only, it has one number for each channel,
            whatever its shape.
        params: The parameters of the layer, in Linen and Haiku, as for `export_weights`.

    Returns:
        What has the weights now. A layer of Equinox never changes, so it is a new layer. In Linen
        and Haiku it is the parameters: a copy of `params`, or without them what ``init`` would
        return for this layer. In all other frameworks it is `layer` itself, which has changed.

    Raises:
        UnsupportedError: `layer` is no such layer.
        UnknownParameterError: The names are not those of the layer's weights.
        ParameterValueError: The shape of a weight is not that of the layer; or `params` are not
            those of the layer, or not needed.

    Examples:
        >>> import unified_act as ua
        >>> one = ua.get_layer("prelu", backend="numpy", channels=3, initial=0.1)
        >>> other = ua.get_layer("prelu", backend="numpy", channels=None)
        >>> other = ua.import_weights(other, ua.export_weights(one))
        >>> ua.export_weights(other)
        {'weight': array([0.1, 0.1, 0.1])}
        >>> images = ua.get_layer("prelu", backend="numpy", weight_shape=(3, 1, 1))
        >>> images = ua.import_weights(images, {"alpha": [0.5, 0.25, 0.125]})
        >>> ua.export_weights(images)["weight"].shape
        (3, 1, 1)
    """
    owner = _owner_of(layer)
    held = _held(owner, layer, params)
    own = owner.weights_of(held)
    given = _by_name(weights)
    is_prelu = own.keys() == {"weight"}
    if is_prelu and len(given) == 1 and given.keys() <= _NAMES_OF_PRELU:
        given = dict.fromkeys(own, *given.values())
    if given.keys() != own.keys():
        raise UnknownParameterError(
            f"{_shown(layer)} has the weights {sorted(own)}, got {shown(list(given))}."
        )
    arrays = {name: _as_weight(name, given[name]) for name in own}
    for name, old in own.items():
        if is_prelu:
            arrays[name] = _as_held(layer, arrays[name], old)
        _check_shape(layer, name, arrays[name], old)
    if len({array.shape for array in arrays.values()}) > 1:
        raise ParameterValueError(
            f"the weights of {_shown(layer)} must all have one number of channels, got "
            f"{', '.join(f'{name} with {array.shape}' for name, array in arrays.items())}."
        )
    changed = owner.set_weights(held, arrays) if arrays or held is not layer else None
    return layer if changed is None else changed


def _by_name(weights: Any) -> Mapping[str, Any]:
    """Returns the arrays by name, those of a layer too."""
    if isinstance(weights, Mapping):
        return weights
    try:
        return export_weights(weights)
    except UnsupportedError:
        raise ParameterValueError(
            f"weights are a mapping of arrays by name, or a layer with them, got {shown(weights)}."
        ) from None


def _as_held(layer: Any, array: Any, held: Any) -> Any:
    """Returns the weight of a PReLU in the shape that the layer has for it, if it is the same.

    Args:
        layer: The layer.
        array: What the weight is to be.
        held: What it is; None if its shape is not known yet.
    """
    several = [length for length in array.shape if length != 1]
    if held is None:
        by_channel = len(several) <= 1 and _shared_axes(layer) is None
        return array.reshape(-1) if by_channel else array
    along_one = len(several) <= 1 and [length for length in held.shape if length != 1] == several
    same = _without_ones(array.shape) == _without_ones(held.shape)
    return array.reshape(held.shape) if along_one or same else array


def _check_shape(layer: Any, name: str, array: Any, held: Any) -> None:
    shared = _shared_axes(layer)
    if held is not None:
        wanted, fits = held.shape, array.shape == held.shape
    elif shared is None:
        wanted, fits = "(channels,)", array.ndim == 1
    else:
        wanted = f"of the input without the batch, with 1 for the axes {shared}"
        fits = all(axis <= array.ndim and array.shape[axis - 1] == 1 for axis in shared)
    if not fits:
        raise ParameterValueError(
            f"{name} of {_shown(layer)} has the shape {wanted}, got {array.shape}; make the layer "
            f"with weight_shape={array.shape}, or pass a weight of its shape."
        )


def _shared_axes(layer: Any) -> tuple[int, ...] | None:
    """Returns the axes along which a layer shares weights; Keras has a list of them, or None."""
    if hasattr(layer, "spec"):
        found: tuple[int, ...] | None = layer.spec.shared_axes
        return found
    return tuple(getattr(layer, "shared_axes", None) or ())


def _without_ones(shape: Sequence[int]) -> list[int]:
    """The shape without the lengths 1 before all others, which broadcast in the same way."""
    return list(dropwhile(lambda length: length == 1, shape))


def _as_weight(name: str, given: Any) -> Any:
    """Returns a weight as a NumPy array with at least one dimension."""
    import numpy as np

    try:
        array = np.atleast_1d(given)
        if np.issubdtype(array.dtype, np.integer):  # of Python also those that no integer type has
            array = array.astype(np.float64)
        array.astype(np.float64, casting="same_kind")
    except (TypeError, ValueError, OverflowError):
        raise ParameterValueError(
            f"{name} must be an array of real numbers, got {shown(given)}."
        ) from None
    return array
