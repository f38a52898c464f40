"""The frameworks as the comparison needs them: arrays, short names of functions, and a gradient."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unified_act as ua

__all__ = ["Framework", "load"]

Values = NDArray[Any]


def _unchanged(array: Any) -> Any:
    return array


def _undifferentiated(function: Any, count: int) -> Any:
    raise NotImplementedError


@dataclass(frozen=True)
class Framework:
    """One framework.

    Attributes:
        names: What statements use besides inputs and parameters.
        array: ``array(values, dtype, device)``: an array of a dtype; a mask stays boolean.
        numpy: The values of an array as float64.
        gradient: The lines that run a ``{statement}`` and its gradient by the arrays `inputs` for
            the upstream gradient `cotangent`, and leave it as `result`. Without them the framework
            has no gradients.
        watch: Makes an input one to differentiate by.
        finish: Waits for a result.
        compiled: Compiles a function of arrays, where users compile.
        differentiated: ``differentiated(function, count)``: a function of a cotangent and inputs,
            to be compiled, that returns the value and the gradients by so many of the inputs.
    """

    names: Mapping[str, Any]
    array: Callable[[Values, str, str], Any]
    numpy: Callable[[Any], Values]
    gradient: str = ""
    watch: Callable[[Any], Any] = _unchanged
    finish: Callable[[Any], Any] = _unchanged
    compiled: Callable[[Any], Any] | None = None
    differentiated: Callable[[Any, int], Any] = _undifferentiated


@functools.cache
def load(backend: str) -> Framework:
    """Imports a framework."""
    framework: Framework = {
        "numpy": _numpy,
        "torch": _torch,
        "tensorflow": _tensorflow,
        "mxnet": _mxnet,
        "jax": _jax,
    }[backend]()
    return framework


def _numpy() -> Framework:
    import ml_dtypes
    import scipy.special

    def descending(x: Values) -> Values:
        return np.sort(x, axis=-1)[..., ::-1]

    names = {
        "np": np,
        "scipy": scipy,
        "abs": np.abs,
        "clip": np.clip,
        "concat": np.concatenate,
        "descending": descending,
        "erf": scipy.special.erf,
        "exp": np.exp,
        "expm1": np.expm1,
        "gelu": lambda x: x * scipy.special.ndtr(x),
        "halves": lambda x: np.split(x, 2, axis=-1),
        "hardmax": lambda x: np.eye(x.shape[-1], dtype=x.dtype)[x.argmax(-1)],
        "largest": lambda x: x.max(-1, keepdims=True),
        "log": np.log,
        "log1p": np.log1p,
        "maximum": np.maximum,
        "narrow": lambda x: x.astype(ml_dtypes.bfloat16),
        "ranks": lambda x: np.arange(1, x.shape[-1] + 1, dtype=x.dtype),
        "relu": lambda x: np.maximum(x, 0),
        "running": lambda x: np.cumsum(x, axis=-1),
        "sigmoid": scipy.special.expit,
        "sign": np.sign,
        "silu": lambda x: x * scipy.special.expit(x),
        "atan": np.arctan,
        "cos": np.cos,
        "sin": np.sin,
        "softmax": scipy.special.softmax,
        "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
        "sqrt": np.sqrt,
        "square": np.square,
        "tanh": np.tanh,
        "total": lambda x: x.sum(-1, keepdims=True),
        "where": np.where,
        "wide": lambda x: x.astype(np.float32),
    }

    def array(values: Values, dtype: str, device: str) -> Values:
        _only_cpu(device)
        return values if values.dtype == np.bool_ else values.astype(np.dtype(dtype))

    return Framework(names, array, lambda array: array.astype(np.float64))


def _torch() -> Framework:
    import torch
    import torch.nn.functional as F  # noqa: N812

    names = {
        "torch": torch,
        "F": F,
        "grad": torch.autograd.grad,
        "abs": torch.abs,
        "clip": torch.clamp,
        "concat": torch.cat,
        "descending": lambda x: x.sort(-1, descending=True).values,
        "erf": torch.erf,
        "exp": torch.exp,
        "expm1": torch.expm1,
        "gelu": F.gelu,
        "halves": lambda x: x.chunk(2, -1),
        "hardmax": lambda x: F.one_hot(x.argmax(-1), x.shape[-1]).to(x.dtype),
        "largest": lambda x: x.amax(-1, keepdim=True),
        "log": torch.log,
        "log1p": torch.log1p,
        "maximum": torch.maximum,
        "ranks": lambda x: torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device),
        "relu": torch.relu,
        "running": lambda x: x.cumsum(-1),
        "sigmoid": torch.sigmoid,
        "sign": torch.sign,
        "silu": F.silu,
        "atan": torch.atan,
        "cos": torch.cos,
        "sin": torch.sin,
        "softmax": torch.softmax,
        "softplus": F.softplus,
        "sqrt": torch.sqrt,
        "square": torch.square,
        "tanh": torch.tanh,
        "total": lambda x: x.sum(-1, keepdim=True),
        "where": torch.where,
    }

    def array(values: Values, dtype: str, device: str) -> Any:
        tensor = torch.from_numpy(values).to(device)
        return tensor if values.dtype == np.bool_ else tensor.to(getattr(torch, dtype))

    def finish(_result: Any) -> None:
        if torch.accelerator.is_available():
            torch.accelerator.synchronize()

    return Framework(
        names,
        array,
        lambda tensor: tensor.detach().double().cpu().numpy(),
        "result = grad({statement}, inputs, cotangent)",
        watch=lambda tensor: tensor.requires_grad_(),
        finish=finish,
    )


def _tensorflow() -> Framework:
    import keras
    import tensorflow as tf

    names = {
        "tf": tf,
        "keras": keras,
        "Tape": tf.GradientTape,
        "abs": tf.abs,
        "clip": tf.clip_by_value,
        "concat": tf.concat,
        "descending": lambda x: tf.sort(x, direction="DESCENDING"),
        "erf": tf.math.erf,
        "exp": tf.exp,
        "expm1": tf.math.expm1,
        "gelu": tf.nn.gelu,
        "halves": lambda x: tf.split(x, 2, -1),
        "hardmax": lambda x: tf.one_hot(tf.argmax(x, -1), x.shape[-1], dtype=x.dtype),
        "largest": lambda x: tf.reduce_max(x, -1, keepdims=True),
        "log": tf.math.log,
        "log1p": tf.math.log1p,
        "maximum": tf.maximum,
        "ranks": lambda x: tf.cast(tf.range(1, x.shape[-1] + 1), x.dtype),
        "relu": tf.nn.relu,
        "running": lambda x: tf.cumsum(x, -1),
        "sigmoid": tf.sigmoid,
        "sign": tf.sign,
        "silu": tf.nn.silu,
        "atan": tf.atan,
        "cos": tf.cos,
        "sin": tf.sin,
        "softmax": tf.nn.softmax,
        "softplus": tf.nn.softplus,
        "sqrt": tf.sqrt,
        "square": tf.square,
        "tanh": tf.tanh,
        "total": lambda x: tf.reduce_sum(x, -1, keepdims=True),
        "where": tf.where,
    }

    @functools.cache
    def compute_on(device: str) -> None:
        """Places what is computed too, which else a GPU would be given."""
        place = tf.device(device.replace("cuda", "gpu"))
        place.__enter__()
        places.append(place)

    places: list[Any] = []

    def array(values: Values, dtype: str, device: str) -> Any:
        compute_on(device)
        tensor = tf.constant(values)
        return tensor if values.dtype == np.bool_ else tf.cast(tensor, dtype)

    def finish(_result: Any) -> None:
        tf.test.experimental.sync_devices()

    return Framework(
        names,
        array,
        lambda tensor: tf.cast(tensor, "float64").numpy(),
        "with Tape() as tape:\n"
        "    tape.watch(inputs)\n"
        "    value = {statement}\n"
        "result = tape.gradient(value, inputs, cotangent)",
        finish=finish if tf.config.list_physical_devices("GPU") else _unchanged,
    )


def _mxnet() -> Framework:
    ua.get_activation("relu", backend="mxnet")  # imports MXNet under a newer NumPy
    import mxnet as mx

    nd = mx.nd

    def chosen(condition: Any, a: Any, b: Any) -> Any:
        """`mx.nd.where`, which takes no numbers."""
        a, b = (nd.zeros_like(condition) + v if isinstance(v, float | int) else v for v in (a, b))
        return nd.where(condition, a, b)

    def descending(x: Any) -> Any:
        return nd.sort(x, axis=-1, is_ascend=False)

    def running(x: Any) -> Any:
        return mx.np.cumsum(x.as_np_ndarray(), axis=x.ndim - 1).as_nd_ndarray()

    def watched(x: Any) -> Any:
        x.attach_grad()
        return x

    names = {
        "mx": mx,
        "record": mx.autograd.record,
        "abs": nd.abs,
        "clip": nd.clip,
        "concat": lambda arrays, axis: nd.concat(*arrays, dim=axis),
        "descending": descending,
        "erf": nd.erf,
        "exp": nd.exp,
        "expm1": nd.expm1,
        "gelu": lambda x: nd.LeakyReLU(x, act_type="gelu"),
        "halves": lambda x: nd.split(x, 2, axis=-1),
        "hardmax": lambda x: nd.one_hot(nd.argmax(x, axis=-1), x.shape[-1]),
        "largest": lambda x: nd.max(x, axis=-1, keepdims=True),
        "log": nd.log,
        "log1p": nd.log1p,
        "maximum": nd.broadcast_maximum,
        "narrow": lambda x: nd.amp_cast(x, dtype="bfloat16"),
        "ranks": lambda x: nd.arange(1, x.shape[-1] + 1, dtype=x.dtype).reshape((1, -1)),
        "relu": nd.relu,
        "running": running,
        "sigmoid": nd.sigmoid,
        "sign": nd.sign,
        "silu": lambda x: x * nd.sigmoid(x),
        "atan": nd.arctan,
        "cos": nd.cos,
        "sin": nd.sin,
        "softmax": lambda x, axis: nd.softmax(x, axis=axis),
        "softplus": lambda x: nd.Activation(x, act_type="softrelu"),
        "sqrt": nd.sqrt,
        "square": nd.square,
        "tanh": nd.tanh,
        "total": lambda x: nd.sum(x, axis=-1, keepdims=True),
        "where": chosen,
        "wide": lambda x: nd.amp_cast(x, dtype="float32"),
    }

    def array(values: Values, dtype: str, device: str) -> Any:
        _only_cpu(device)
        found = nd.array(values.astype(np.float32))  # a mask too: comparisons give such
        return found if dtype == "float32" else nd.amp_cast(found, dtype=dtype)

    def finish(_result: Any) -> None:
        nd.waitall()

    return Framework(
        names,
        array,
        lambda array: nd.amp_cast(array, dtype="float32").asnumpy().astype(np.float64),
        "with record():\n    value = {statement}\nvalue.backward(cotangent)\nresult = gradients",
        watch=watched,
        finish=finish,
    )


def _jax() -> Framework:
    import jax
    import jax.numpy as jnp

    names = {
        "jax": jax,
        "jnp": jnp,
        "abs": jnp.abs,
        "clip": jnp.clip,
        "concat": jnp.concatenate,
        "descending": lambda x: jnp.sort(x, descending=True),
        "erf": jax.scipy.special.erf,
        "exp": jnp.exp,
        "expm1": jnp.expm1,
        "gelu": functools.partial(jax.nn.gelu, approximate=False),
        "halves": lambda x: jnp.split(x, 2, -1),
        "hardmax": lambda x: jax.nn.one_hot(x.argmax(-1), x.shape[-1], dtype=x.dtype),
        "largest": lambda x: x.max(-1, keepdims=True),
        "log": jnp.log,
        "log1p": jnp.log1p,
        "maximum": jnp.maximum,
        "ranks": lambda x: jnp.arange(1, x.shape[-1] + 1, dtype=x.dtype),
        "relu": jax.nn.relu,
        "running": lambda x: jnp.cumsum(x, -1),
        "sigmoid": jax.nn.sigmoid,
        "sign": jnp.sign,
        "silu": jax.nn.silu,
        "atan": jnp.arctan,
        "cos": jnp.cos,
        "sin": jnp.sin,
        "softmax": jax.nn.softmax,
        "softplus": jax.nn.softplus,
        "sqrt": jnp.sqrt,
        "square": jnp.square,
        "tanh": jnp.tanh,
        "total": lambda x: x.sum(-1, keepdims=True),
        "where": jnp.where,
    }

    def array(values: Values, dtype: str, device: str) -> Any:
        found = jax.device_put(values, jax.devices(device)[0])
        return found if values.dtype == np.bool_ else found.astype(dtype)

    def differentiated(function: Callable[..., Any], count: int) -> Callable[..., Any]:
        def both(cotangent: Any, *inputs: Any) -> Any:
            value, pullback = jax.vjp(
                lambda *some: function(*some, *inputs[count:]), *inputs[:count]
            )
            return value, pullback(cotangent)

        return both

    return Framework(
        names,
        array,
        lambda array: np.asarray(array, dtype=np.float64),
        "result = {statement}[1]",
        finish=jax.block_until_ready,
        compiled=jax.jit,
        differentiated=differentiated,
    )


def _only_cpu(device: str) -> None:
    if device != "cpu":
        raise SystemExit(f"this framework is compared on the CPU alone, not on {device}")
