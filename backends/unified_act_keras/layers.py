"""Layers of Keras: its own if they compute the same, else one generic layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from unified_act.backend import LEAST_NOISE
from unified_act.errors import ParameterValueError
from unified_act.layers import LayerSpec, check_options
from unified_act.loading import load_backend
from unified_act_keras.framework import FRAMEWORK, check_backend, on_this_framework, rebound

__all__ = ["ActivationLayer", "is_layer", "make_layer", "set_weights", "weights_of"]

_LAYERS: Mapping[str, tuple[type[Any], Mapping[str, Any]]] = {
    "elu": (keras.layers.ELU, {"alpha": 1.0}),
    "exponential": (keras.layers.Activation, {"activation": "exponential"}),
    "identity": (keras.layers.Identity, {}),
    "relu": (keras.layers.ReLU, {}),
    "relu6": (keras.layers.ReLU, {"max_value": 6.0}),
    "sigmoid": (keras.layers.Activation, {"activation": "sigmoid"}),
    "tanh": (keras.layers.Activation, {"activation": "tanh"}),
}
"""The layers that run an admitted kernel and nothing else."""
_EXCEPT = {("jax", "tanh")}
"""Where Keras does something else: it makes float32 of float64."""

_OPTIONS = ("activity_regularizer", "dtype", "name", "trainable")
_WEIGHT_OPTIONS = ("constraint", "initializer", "regularizer")


@keras.saving.register_keras_serializable(package="unified_act")
class ActivationLayer(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A layer for an activation, with the weights as variables.

    It has them from the start, unless their size is that of the first input.

    Keras finds it in a ``.keras`` file where `unified_act_keras` has been imported. A SavedModel
    needs nothing of this library.

    Attributes:
        spec: What it is.
        seeds: What it draws random numbers from; None if it draws none.
        learned: The variables, by the names that the activation has for its inputs; empty before
            the first input, if that decides the shape.
    """

    def __init__(
        self,
        spec: LayerSpec,
        *,
        initializer: Any = None,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name=name or _unique(spec.function.name), **options)
        self.spec = spec
        self.initializer = keras.initializers.get(initializer)
        self.regularizer = keras.regularizers.get(regularizer)
        self.constraint = keras.constraints.get(constraint)
        self.learned: dict[str, Any] = {}
        self.seeds = keras.random.SeedGenerator() if spec.draws else None
        if spec.shape is not None:
            self.build(None)

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        shape = self.spec.shape_for(input_shape)
        for name, value in self.spec.initial.items():
            self.learned[name] = self.add_weight(
                name=name,
                shape=shape,
                initializer=self.initializer or keras.initializers.Constant(value),
                regularizer=self.regularizer,
                constraint=self.constraint,
            )

    def call(self, inputs: Any, *others: Any, training: Any = None, **keywords: Any) -> Any:
        """Returns the activation of `inputs`.

        Args:
            inputs: A floating-point tensor.
            *others: A mask or noise, if the activation takes one.
            training: Whether the layer trains, as Keras tells it. Only a layer that draws random
                numbers asks.
            **keywords: ``generator``, if it draws random numbers. By default they come from the
                layer's own ``keras.random.SeedGenerator``.
        """
        if self.seeds is not None:
            if self.spec.follows_mode and not training:
                return self.spec.function(inputs)
            function = self.spec.in_training
            if not others and not keywords:
                dtype = keras.backend.standardize_dtype(inputs.dtype)
                wide = "float64" if dtype == "float64" else "float32"
                shape = keras.ops.shape(inputs)
                noise = keras.random.uniform(shape, dtype=wide, seed=self.seeds)
                others = (keras.ops.maximum(noise, LEAST_NOISE),)
            return function(inputs, *others, **keywords)
        weights = [self.learned[name].value for name in self.spec.initial]
        return self.spec.function(inputs, *weights, *others, **keywords)

    def compute_output_spec(self, x: Any, *others: Any, **keywords: Any) -> Any:
        """Returns what `call` makes of symbolic inputs, by tracing it."""
        trace, activation = partial(keras.Operation.compute_output_spec, self), self.spec.activation
        parameters = self.spec.function.parameters
        if activation.resizes and None in x.shape:
            axis, shape = int(parameters["axis"]), list(x.shape)
            if -len(shape) <= axis < len(shape) and shape[axis] is None:
                # Keras would trace with a number that is prime, which nothing divides.
                shape[axis] = activation.kind.sections(activation, parameters)
                result = trace(keras.KerasTensor(shape, x.dtype), *others, **keywords)
                shape = list(result.shape)
                shape[axis] = None
                return keras.KerasTensor(shape, result.dtype)
        return trace(x, *others, **keywords)

    def compute_output_shape(self, input_shape: Any, *_others: Any) -> tuple[int | None, ...]:
        """Returns the shape of the result: that of the input, unless the activation resizes it."""
        if not self.spec.activation.resizes:
            return tuple(input_shape)
        result = self.compute_output_spec(keras.KerasTensor(input_shape, self.compute_dtype))
        return tuple(result.shape)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Returns the mask of the input, unless the activation resizes an axis of the mask."""
        if previous_mask is None or not self.spec.activation.resizes:
            return previous_mask
        axis = int(self.spec.function.parameters["axis"]) % len(inputs.shape)
        return previous_mask if axis >= len(previous_mask.shape) else None

    def to_config(self) -> dict[str, Any]:
        """Returns the layer as plain data for JSON or YAML, which `get_layer` reads.

        Unlike `get_config` it leaves out what only Keras has, such as the name.
        """
        return self.spec.description()

    def get_config(self) -> dict[str, Any]:
        """Returns it as plain data, which `from_config` reads."""
        return {
            **super().get_config(),
            **self.spec.to_config(),
            "initializer": keras.initializers.serialize(self.initializer),
            "regularizer": keras.regularizers.serialize(self.regularizer),
            "constraint": keras.constraints.serialize(self.constraint),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ActivationLayer:
        """Returns the layer that `get_config` described."""
        own = [field.name for field in fields(LayerSpec)]
        options = {name: value for name, value in config.items() if name not in own}
        function = on_this_framework(config["function"])
        return cls(LayerSpec.from_config({**config, "function": function}), **options)

    def __repr__(self) -> str:
        return f"<ActivationLayer {self.spec.describe()}, name={self.name}>"


def _unique(name: str) -> str:
    """A name that no layer has, as Keras itself makes them."""
    number = keras.backend.get_uid(name) - 1
    return f"{name}_{number}" if number else name


def make_layer(spec: LayerSpec, options: Mapping[str, Any]) -> Any:
    """Returns the layer of a specification.

    Raises:
        UnsupportedError: The function is for another framework than that of Keras.
        UnknownParameterError: There is no such option.
        ParameterValueError: An option is for weights, but the activation has none.
    """
    check_backend(spec.function)
    check_options(options, (*_OPTIONS, *_WEIGHT_OPTIONS), str(spec.function.backend))
    useless = [] if spec.initial else [name for name in _WEIGHT_OPTIONS if name in options]
    if useless:
        raise ParameterValueError(
            f"{spec.function.name} learns nothing and has no weights: leave out "
            f"{', '.join(useless)}."
        )
    name = spec.function.name
    layer, config = _LAYERS.get(name, (None, {}))
    computed = replace(spec, function=rebound(spec.function, FRAMEWORK))
    arguments = computed.native_arguments(load_backend(FRAMEWORK).native)
    if layer is None or arguments is None or (FRAMEWORK, name) in _EXCEPT:
        return ActivationLayer(spec, **options)
    return layer(**{"name": _unique(name), **config, **options})


def is_layer(thing: Any) -> bool:
    """Whether an object is an activation layer of Keras."""
    own = (layer for layer, _ in _LAYERS.values())
    return isinstance(thing, (ActivationLayer, keras.layers.PReLU, *own))


def weights_of(layer: Any) -> Mapping[str, NDArray[Any] | None]:
    """Returns the weights by name."""
    if isinstance(layer, keras.layers.PReLU):
        return {"weight": _as_numpy(layer.alpha) if layer.built else None}
    if not isinstance(layer, ActivationLayer):
        return {}
    return {
        name: _as_numpy(layer.learned[name]) if layer.built else None for name in layer.spec.initial
    }


def _as_numpy(weight: Any) -> NDArray[Any]:
    array = weight.numpy()  # keras.ops.convert_to_numpy warns on NumPy 2
    return np.array(array, np.float32 if weight.dtype == "bfloat16" else array.dtype)


def set_weights(layer: Any, weights: Mapping[str, NDArray[Any]]) -> None:
    """Sets the weights of the layer."""
    if isinstance(layer, keras.layers.PReLU):
        if not layer.built:
            layer.build((None, *weights["weight"].shape))
        layer.alpha.assign(weights["weight"])
        return
    if not layer.built:
        layer.spec = layer.spec.with_shape(next(iter(weights.values())).shape)
        layer.build(None)
    for name, value in weights.items():
        layer.learned[name].assign(value)
