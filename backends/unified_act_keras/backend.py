"""The backend of Keras, which computes nothing itself: the framework that Keras runs on does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from unified_act.activation import Activation
from unified_act.backend import Backend, Native, Numerics
from unified_act.callables import ActivationFunction, bind
from unified_act.errors import UnsupportedError
from unified_act.layers import Layers, LayerSpec
from unified_act.loading import load_backend
from unified_act_keras import layers, saving
from unified_act_keras.framework import FRAMEWORK, check_backend

if TYPE_CHECKING:
    from unified_act.replacement import ReplacementReport, Request

__all__ = ["KerasBackend"]

_FRAMEWORKS = ("jax", "numpy", "tensorflow", "torch")


class KerasBackend:
    """The backend ``"keras"``.

    Its functions are those of the framework that Keras runs on, which take what Keras builds
    functional models with too.

    Attributes:
        computes_with: The name of the backend of that framework.
    """

    name = "keras"
    layers: Layers = layers
    types: Sequence[type] = (keras.KerasTensor,)

    def __init__(self) -> None:
        if FRAMEWORK not in _FRAMEWORKS:
            raise UnsupportedError(
                f"Keras runs on {FRAMEWORK!r} here, which unified_act has no functions for: set "
                f"KERAS_BACKEND to one of {', '.join(_FRAMEWORKS)} before Keras is imported."
            )
        self.computes_with = FRAMEWORK
        saving.register()

    @property
    def _framework(self) -> Backend:
        return load_backend(self.computes_with)

    @property
    def dtypes(self) -> Sequence[str]:
        """The names of the dtypes that the framework supports."""
        return self._framework.dtypes

    @property
    def native(self) -> Mapping[str, Native]:
        """The kernels of the framework."""
        return self._framework.native

    def accepts(self, array_type: type) -> bool:
        """Whether it is a type of Keras, or of arrays of the framework."""
        own = issubclass(array_type, (keras.KerasTensor, keras.Variable))
        return own or self._framework.accepts(array_type)

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., Any]:
        """Returns the function of the framework, which takes symbolic tensors and variables too."""
        compute = bind(activation, self.computes_with, numerics, parameters)
        symbolic, variable = keras.KerasTensor, keras.Variable

        def call(x: Any, *further: Any, **keywords: Any) -> Any:
            if isinstance(x, symbolic):
                function = bind(activation, self.name, numerics, parameters)
                return self.symbolic(function, x, *further, **keywords)
            if isinstance(x, variable):
                x = x.value
            given = [one.value if isinstance(one, variable) else one for one in further]
            return compute(x, *given, **keywords)

        return call

    def symbolic(self, function: ActivationFunction, x: Any, *further: Any, **keywords: Any) -> Any:
        """Returns the output of a layer, for what Keras builds a functional model with.

        Raises:
            UnsupportedError: The function is for another framework than that of Keras.
        """
        check_backend(function)
        if further and not _is_tensor(further[-1]):  # Keras takes only tensors by position
            *further, keywords["generator"] = further  # type: ignore[assignment]
        return layers.ActivationLayer(LayerSpec(function))(x, *further, **keywords)

    def uniform_like(self, x: Any, generator: Any) -> Any:
        """Returns random numbers between 0 and 1, both excluded, in the shape of `x`."""
        return self._framework.uniform_like(x, generator)

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input, None for a boolean input."""
        return self._framework.value_and_grad(function, inputs, cotangent)

    def replace_activations(self, model: Any, request: Request) -> ReplacementReport:
        """Clones a model with other activations."""
        from unified_act_keras import replacement  # which reads the table of dialects

        return replacement.replace_activations(model, request)


def _is_tensor(given: Any) -> bool:
    return keras.ops.is_tensor(given) or isinstance(given, (keras.KerasTensor, keras.Variable))
