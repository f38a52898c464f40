"""What a layer is, independent of the framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from unified_act.activation import Activation
from unified_act.backend import DTYPES, Native, kernel_for
from unified_act.callables import ActivationFunction
from unified_act.errors import ParameterValueError
from unified_act.registry import ACTIVATIONS

__all__ = ["LayerSpec"]


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
        if kernel is None or kernel.is_override or kernel.reach:
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
