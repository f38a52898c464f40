"""Mutants that compute something else: the wrong variant, a careless formula, a lost precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

import unified_act as ua
from unified_act_conformance.mutants.base import Mutant, activation, on_numpy
from unified_act_conformance.subject import Implementation, Subject

__all__ = ["FORMULA_MUTANTS"]

Array = Any

Function = Callable[..., Array]


def _subject(name: str, **parameters: float) -> Subject:
    return Subject(name, tuple(parameters.items()))


def _slope(name: str, **parameters: float) -> Callable[..., Array]:
    """The gradient of another activation."""

    def gradient(sound: Implementation, cotangent: Any, x: Array) -> Array:
        del sound
        found: Array = ua.value_and_grad(activation(name, **parameters), x, cotangent=cotangent)[1]
        return found

    return gradient


def _by_formula(formula: Callable[[Array], Array]) -> Callable[..., Array]:
    """A gradient from a formula for f′."""

    def gradient(sound: Implementation, cotangent: Any, x: Array) -> Array:
        del sound
        slope = formula(x).astype(x.dtype)
        return slope if cotangent is None else slope * cotangent

    return gradient


def _imitates(name: str, other: str, *, dtype: str = "float32", **parameters: float) -> Mutant:
    """One activation in place of another, gradient and all."""
    strict = dtype != "float32"
    return on_numpy(
        f"is {_subject(other, **parameters)}",
        _subject(name),
        activation(other, **parameters),
        _slope(other, **parameters),
        dtype=dtype,
        numerics="strict" if strict else "fast",
    )


def _ignores(name: str, **parameters: float) -> Mutant:
    """An activation that does not look at its parameters."""
    fault = f"{', '.join(parameters)} is ignored"
    return on_numpy(fault, _subject(name, **parameters), activation(name), _slope(name))


def _logistic(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[x.dtype])(x)


def _one_plus_erf(x: Array) -> Array:
    half = x.dtype.type(0.5)
    return half * x * (1 + _erf(x * np.sqrt(half)))


def _thresholded_softplus(x: Array) -> Array:
    return np.where(x > 20, x, np.log1p(np.exp(np.minimum(x, 20))))


def _log_one_plus_exp(x: Array) -> Array:
    return np.log(1 + np.exp(x))


def _expm1_by_hand(x: Array) -> Array:
    return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


def _flipped(sound: Implementation, cotangent: Any, x: Array) -> Array:
    (slope,) = sound.gradients([x], cotangent)
    return np.where((x > -3.75) & (x < -3.65), -slope, slope)


def _rounded_selu(x: Array) -> Array:
    one = x.dtype.type(1)
    negative = one * 1.673 * np.expm1(np.minimum(x, 0))
    return (one * 1.051 * np.where(x > 0, x, negative)).astype(x.dtype)


def _through(dtype: Any, name: str) -> Function:
    inner = activation(name)
    return lambda x: inner(x.astype(dtype)).astype(x.dtype)


def _half_precision_gelu(x: Array) -> Array:
    cube = x * x * x
    inner = x.dtype.type(0.7979) * (x + x.dtype.type(0.0447) * cube)
    return x.dtype.type(0.5) * x * (1 + np.tanh(inner))


def _off_at_one(x: Array) -> Array:
    y = activation("sigmoid")(x)
    return np.where(x == 1, y + 16 * np.spacing(y), y)


def _above_one(x: Array) -> Array:
    y = activation("sigmoid")(x)
    return np.where(x > 20, y + np.spacing(y), y)


def _flushed(x: Array) -> Array:
    y = activation("silu")(x)
    return np.where(np.abs(y) < np.finfo(y.dtype).tiny, 0, y)


def _corner(at: float, slope: float) -> Callable[..., Array]:
    def gradient(sound: Implementation, cotangent: Any, x: Array) -> Array:
        (found,) = sound.gradients([x], cotangent)
        there = slope if cotangent is None else slope * cotangent
        return np.where(x == at, there, found).astype(x.dtype)

    return gradient


def _plain_softmax(x: Array) -> Array:
    e = np.exp(x)
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _prelu_channels_last(x: Array, weight: Array) -> Array:
    return np.where(x > 0, x, x * np.resize(weight, x.shape[-1]))


def _mean_weight_gradient(
    sound: Implementation, cotangent: Any, x: Array, weight: Array
) -> tuple[Array, ...]:
    by_x, by_weight = sound.gradients([x, weight], cotangent)
    return by_x, by_weight / np.asarray(x.size // weight.size, x.dtype)


FORMULA_MUTANTS: tuple[Mutant, ...] = (
    # The wrong function by the right name.
    _imitates("gelu", "gelu_tanh"),
    _imitates("gelu", "gelu_tanh", dtype="bfloat16"),
    _imitates("gelu", "quick_gelu"),
    _imitates("gelu_tanh", "gelu"),
    _imitates("silu", "hard_silu"),
    _imitates("silu", "silu", beta=1.702),
    _imitates("mish", "silu"),
    _imitates("hard_sigmoid", "hard_sigmoid", alpha=0.2),
    _imitates("leaky_relu", "leaky_relu", negative_slope=0.3),
    _imitates("elu", "elu", alpha=0.25),
    _imitates("relu6", "relu"),
    _ignores("leaky_relu", negative_slope=0.3),
    _ignores("softplus", beta=5.0),
    on_numpy(
        "celu is elu with its alpha",
        _subject("celu", alpha=0.5),
        activation("elu", alpha=0.5),
        _slope("elu", alpha=0.5),
    ),
    on_numpy("constants rounded to four digits", _subject("selu"), _rounded_selu),
    # The right function by a formula that cancels, overflows or gives up too early.
    on_numpy("1 + erf", _subject("gelu"), _one_plus_erf, numerics="strict"),
    on_numpy("log(1 + exp)", _subject("softplus"), _log_one_plus_exp),
    on_numpy("linear beyond 20", _subject("softplus"), _thresholded_softplus, dtype="float64"),
    on_numpy("exp - 1", _subject("elu"), _expm1_by_hand, numerics="strict"),
    on_numpy(
        "the gradient is s (1 - s)",
        _subject("sigmoid"),
        gradient=_by_formula(lambda x: _logistic(x) * (1 - _logistic(x))),
        numerics="strict",
    ),
    on_numpy(
        "the gradient is 1 - tanh²",
        _subject("tanh"),
        gradient=_by_formula(lambda x: 1 - np.tanh(x) ** 2),
        numerics="strict",
    ),
    on_numpy("NaN at -inf", _subject("silu"), lambda x: x * _logistic(x)),
    on_numpy("subnormals are flushed", _subject("silu"), _flushed, numerics="strict"),
    on_numpy(
        "-0 becomes 0",
        _subject("silu"),
        lambda x: activation("silu")(x) + x.dtype.type(0),
        numerics="strict",
    ),
    on_numpy("softmax that overflows", _subject("softmax"), _plain_softmax),
    on_numpy(
        "the logarithm of softmax",
        _subject("log_softmax"),
        lambda x: np.log(activation("softmax")(x)),
    ),
    # One place or one branch wrong.
    on_numpy("the gradient changes sign at -3.7", _subject("gelu"), gradient=_flipped),
    on_numpy("16 ULP off at one input", _subject("sigmoid"), _off_at_one),
    on_numpy("above 1 by one ULP", _subject("sigmoid"), _above_one),
    on_numpy("the slope at 0 is 1", _subject("relu"), gradient=_corner(0.0, 1.0)),
    on_numpy("the slope at 6 is 1", _subject("relu6"), gradient=_corner(6.0, 1.0)),
    on_numpy("the slope at 3 is ½", _subject("hard_silu"), gradient=_corner(3.0, 0.5)),
    on_numpy("NaN becomes 0", _subject("relu"), lambda x: np.fmax(x, 0).astype(x.dtype)),
    on_numpy(
        "inf becomes the largest number",
        _subject("gelu"),
        lambda x: np.nan_to_num(activation("gelu")(x), nan=np.nan),
    ),
    # The right function in the wrong precision.
    on_numpy("by way of bfloat16", _subject("gelu"), _through(ml_dtypes.bfloat16, "gelu")),
    on_numpy("by way of float32", _subject("tanh"), _through(np.float32, "tanh"), dtype="float64"),
    on_numpy(
        "computed in half precision", _subject("gelu_tanh"), _half_precision_gelu, dtype="float16"
    ),
    # Axes and weights.
    on_numpy("along the other axis", _subject("softmax"), activation("softmax", axis=0)),
    on_numpy("channels are the last axis", _subject("prelu"), _prelu_channels_last),
    on_numpy("the weight's gradient is a mean", _subject("prelu"), gradient=_mean_weight_gradient),
)
