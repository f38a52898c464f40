"""Layers on MXNet: one generic Gluon block."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act.backend import LEAST_NOISE, with_keywords
from unified_act.layers import LayerSpec, check_options
from unified_act_mxnet._framework import BFLOAT16, mx
from unified_act_mxnet.namespace import marked
from unified_act_mxnet.native import NATIVE
from unified_act_mxnet.numbers import exactly

__all__ = ["ActivationLayer", "is_layer", "make_layer", "set_weights", "weights_of"]


_NARROW = ("float16", "float32")
"""Mixed precision makes a graph for one of them one for the other."""

# None of Gluon's own is used. `Activation` runs other operators than we do, with other bits;
# `LeakyReLU`, `SELU` and `GELU` run kernels that are not admitted in every dtype, `Swish` and
# `PReLU` none that is. `ELU(1.0)` gives the same numbers, but takes only the kind of arrays that
# `mx.npx.set_np` has chosen, and does not show its alpha.


class Constant(mx.init.Constant):  # type: ignore[misc, name-defined]
    """MXNet's own of the same name, with which it is saved, but with the very number."""

    def _init_weight(self, name: Any, arr: Any) -> None:
        if arr.dtype == BFLOAT16:  # which NumPy cannot round to
            super()._init_weight(name, arr)
        else:
            arr[:] = np.full(arr.shape, self.value, arr.dtype)


class ActivationLayer(mx.gluon.HybridBlock):  # type: ignore[misc, name-defined]
    """A layer for an activation, with the weights as parameters.

    Attributes:
        spec: What it is.
    """

    def __init__(self, spec: LayerSpec, **options: Any) -> None:
        self.spec = spec  # which the prefix is made of
        self._draws = spec.draws
        self._cast_to: str | None = None
        super().__init__(**options)
        for name, value in spec.initial.items():
            shape = (0,) if spec.channels is None else spec.shape
            init = Constant(value)
            weight = self.params.get(name, shape=shape, init=init, allow_deferred_init=True)
            setattr(self, name, weight)

    def _alias(self) -> str:
        return self.spec.function.name

    def hybrid_forward(self, F: Any, x: Any, *others: Any, **weights: Any) -> Any:  # noqa: N803
        """Returns the activation of `x`.

        Args:
            F: `mx.nd` or `mx.sym`.
            x: A floating-point array, or a symbol.
            *others: A mask or noise, if the activation takes one; a seed unless it is hybridized.
                By default the numbers are MXNet's own, which ``mx.random.seed`` sets.
            **weights: The parameters.
        """
        own = [weights[name] for name in self.spec.initial]
        if self._draws:
            return self._drawn(F, x, others)
        if self.spec.shape is None and F is mx.sym:
            own = [self._sized_by(x, weight) for weight in own]
        kernel = self._kernel_for(x) if F is mx.sym else None
        if kernel is not None:
            older = x.as_nd_ndarray()
            result = exactly(kernel, older)
            return result if older is x else result.as_np_ndarray()
        return self.spec.function(x, *own, *others)

    def _drawn(self, F: Any, x: Any, others: Sequence[Any]) -> Any:  # noqa: N803
        """Returns the activation of `x` with random numbers, if the layer uses any in this mode."""
        if others:
            trains = not self.spec.follows_mode or mx.autograd.is_training()
            return self.spec.in_training(x, *others) if trains else self.spec.function(x)
        older = x.as_nd_ndarray()
        if F is not mx.sym and self.spec.follows_mode and not mx.autograd.is_training():
            return self.spec.function(x)
        like = older if F is mx.sym or older.dtype != np.float16 else older.astype("float32")
        noise = F.maximum(F.random.uniform_like(like), LEAST_NOISE)
        if F is mx.sym and self.spec.follows_mode:
            # A graph serves both modes, and of all operators only Dropout knows which one it is.
            ones = F.ones_like(older)
            trains = F.Dropout(ones, p=0.5) != ones
            noise = F.where(trains, noise, 0.5 * ones)
        noise = noise if older is x else noise.as_np_ndarray()
        return self.spec.in_training(x, noise)

    def cast(self, dtype: Any) -> None:
        """Casts the weights.

        Args:
            dtype: What the input will have.
        """
        super().cast(dtype)
        self._cast_to = np.dtype(dtype).name

    def _kernel_for(self, x: Any) -> Callable[[Any], Any] | None:
        """MXNet's own operator for a symbol of float16 or float32, if it is right in both.

        A symbol may turn out to be of float64: without a word on its dtype, `get_activation` uses
        only what is right there too.
        """
        arguments = self.spec.native_arguments(NATIVE, _NARROW)
        if arguments is None:
            return None
        kernel = NATIVE[self.spec.activation.name]
        if "float64" in kernel.dtypes:
            return None
        dtype = _known_dtype(x)
        # A parameter that was in a graph before it was cast is still the symbol of then.
        if dtype not in _NARROW or self._cast_to not in (None, dtype):
            return None
        return with_keywords(kernel.find(mx.sym), arguments)

    def _sized_by(self, x: Any, weight: Any) -> Any:
        """`weight`, minus a zero for each of its numbers: so MXNet infers how many it has."""
        if self.spec.shared_axes is not None:
            one = mx.sym.slice_axis(x.as_nd_ndarray(), axis=0, begin=0, end=1)
            for axis in self.spec.shared_axes:
                one = mx.sym.slice_axis(one, axis=axis, begin=0, end=1)
            like = mx.sym.reshape(one, shape=(-3, -2))  # without the batch
            zeros = mx.sym.zeros_like(like)
            return marked(mx.sym.elemwise_sub(weight.as_nd_ndarray(), zeros))
        axis = int(self.spec.function.parameters["axis"])
        moved = mx.sym.swapaxes(x.as_nd_ndarray(), dim1=axis, dim2=-1)
        rows = mx.sym.reshape(moved, shape=(-1, 0), reverse=True)
        row = mx.sym.reshape(mx.sym.slice_axis(rows, axis=0, begin=0, end=1), shape=(-1,))
        return mx.sym.elemwise_sub(weight.as_nd_ndarray(), mx.sym.zeros_like(row))

    def infer_shape(self, x: Any, *_others: Any) -> None:
        """Sets the shape of the weights to what the first input decides."""
        for name in self.spec.initial:
            getattr(self, name).shape = self.spec.shape_for(x.shape)

    def to_config(self) -> dict[str, Any]:
        """Returns the layer as plain data for JSON or YAML, which `get_layer` reads."""
        return self.spec.description()

    def __repr__(self) -> str:
        shapes = [_shape(getattr(self, name)) for name in self.spec.initial]
        spec = self.spec.with_shape(shapes[0]) if shapes and shapes[0] is not None else self.spec
        return f"ActivationLayer({spec.describe()})"


def _known_dtype(symbol: Any) -> str | None:
    """The name of a symbol's dtype if MXNet can tell it, as behind a layer with weights."""
    try:
        _, found, _ = symbol.infer_type_partial()
    except mx.MXNetError:  # about what does not fit together, which it says again when it is bound
        return None
    return None if found[0] is None else np.dtype(found[0]).name


def make_layer(spec: LayerSpec, options: Mapping[str, Any]) -> ActivationLayer:
    """Returns the layer of a specification."""
    check_options(options, ("prefix", "params"), "mxnet")
    return ActivationLayer(spec, **options)


def is_layer(thing: Any) -> bool:
    """Whether an object is an activation block of Gluon."""
    return isinstance(thing, (ActivationLayer, mx.gluon.nn.PReLU))


def weights_of(layer: Any) -> Mapping[str, NDArray[Any] | None]:
    """Returns the weights by name; of a layer that is not initialized, what they begin with."""
    if isinstance(layer, mx.gluon.nn.PReLU):
        return {"weight": _as_numpy(layer.alpha, getattr(layer.alpha.init, "value", math.nan))}
    return {
        name: _as_numpy(getattr(layer, name), first) for name, first in layer.spec.initial.items()
    }


def _as_numpy(parameter: Any, first: float) -> NDArray[Any] | None:
    shape = _shape(parameter)
    if shape is None:
        return None
    if not _has_data(parameter):
        dtype = np.float32 if parameter.dtype == BFLOAT16 else parameter.dtype
        return np.full(shape, first, dtype)
    held = parameter.list_data()[0]  # one for each device, all the same
    wide: NDArray[Any] = (held.astype("float32") if held.dtype == BFLOAT16 else held).asnumpy()
    return wide


def set_weights(layer: Any, weights: Mapping[str, NDArray[Any]]) -> None:
    """Gives the layer these weights, as initialized ones."""
    for name, value in weights.items():
        parameter = layer.alpha if isinstance(layer, mx.gluon.nn.PReLU) else getattr(layer, name)
        if not _has_data(parameter):
            parameter.shape = value.shape
            parameter.initialize(ctx=_devices(parameter))
        if parameter.list_data()[0].dtype == BFLOAT16:  # which NumPy cannot round to
            single = mx.nd.array(value, dtype="float32")
            parameter.set_data(mx.nd.amp_cast(single, dtype=BFLOAT16))
        else:
            parameter.set_data(value)


def _shape(parameter: Any) -> tuple[int, ...] | None:
    """Its shape, if that is known."""
    shape = parameter.shape
    if shape is None or any(length <= 0 for length in shape):  # 0, or -1 under np_shape
        return None
    return tuple(map(int, shape))


def _has_data(parameter: Any) -> bool:
    try:
        parameter.list_data()
    except RuntimeError:  # not initialized, or waiting for its size
        return False
    return True


def _devices(parameter: Any) -> Any:
    """Those that a parameter waits to be made on, if any."""
    try:
        return parameter.list_ctx()
    except RuntimeError:  # nobody has initialized it
        return None
