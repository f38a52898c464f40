"""Eager calls of kernels, without the layers of Python that TensorFlow has in front of them.

To look at a tensor's dtype, which is what refuses integers, costs a good part of a microsecond on
TensorFlow. Here it is read as TensorFlow's own eager functions read it, and a function that runs
one operation is replaced by that operation. What this uses is not public: where a version lacks
it, and wherever a call is not eager, the call goes the long way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from unified_act.backend import Request, shortcut, written_call

__all__ = ["short_way", "unconverted"]

_OPERATIONS = {
    "exp": "Exp",
    "identity": "Identity",
    "math.sigmoid": "Sigmoid",
    "math.softplus": "Softplus",
    "nn.elu": "Elu",
    "nn.leaky_relu": "LeakyRelu",
    "nn.log_softmax": "LogSoftmax",
    "nn.relu": "Relu",
    "nn.relu6": "Relu6",
    "nn.softmax": "Softmax",
    "tanh": "Tanh",
}
"""The functions that run one operation and nothing else; its attributes are their keywords."""


def short_way(request: Request, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that runs a kernel on eager tensors, and of all else ``otherwise(x)``.

    Args:
        request: What is asked for.
        otherwise: The long way, which takes everything and checks it.
    """
    kernel, arguments = request.kernel, request.arguments
    if kernel is None or len(request.inputs) > 1:
        return otherwise
    if kernel.is_override:  # which may be wrapped for a reason
        return otherwise
    try:
        from tensorflow.python import pywrap_tfe
        from tensorflow.python.eager import context, core

        # Asked of what is no eager tensor, this raises a TypeError.
        datatype = tf.__internal__.EagerTensor._datatype_enum
        run, refused = pywrap_tfe.TFE_Py_FastPathExecute, core._FallbackException
        failed = core._NotOkStatusException  # of which the long way makes a tf.errors.OpError
        local = context.context()._thread_local_data
    except (ImportError, AttributeError):
        return otherwise
    scope: dict[str, Any] = {
        "admitted": {
            tf.as_dtype(dtype).as_datatype_enum: request.fits.get(dtype)
            for dtype in kernel.dtypes
            if dtype not in request.at_home  # where a tensor is takes longer to find out
        },
        "datatype": datatype,
        "refusals": (TypeError, refused, failed, tf.errors.OpError),
    }
    condition = "datatype(x) in admitted"
    if request.fits:
        condition += " and admitted[datatype(x)](x.shape)"
    operation = _OPERATIONS.get(kernel.label)
    attributes = _attributes(operation, arguments)
    if operation is None or attributes is None:
        # The wrapper around it looks for other types of arrays, which an eager tensor is not.
        scope["function"] = inspect.unwrap(kernel.find(tf))
        return shortcut(condition, written_call(arguments), otherwise, scope)
    scope |= {"attributes": attributes, "context": context, "local": local, "operation": operation}
    call = "run(context._context, operation, None, x" + (", *attributes)" if attributes else ")")
    return shortcut(f"{condition} and local.is_eager", call, otherwise, scope | {"run": run})


def _attributes(operation: str | None, arguments: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The keywords as attributes of the operation; None where it has no such attribute."""
    if operation in ("LogSoftmax", "Softmax"):  # along the last axis and no other
        return () if arguments == {"axis": -1} else None
    return tuple(part for item in arguments.items() for part in item)


def unconverted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function, marked as one that AutoGraph need not convert.

    The functions of this project run on tensors of a graph as they are. To convert them takes half
    a second, and leaves files behind in a process that does not end in the usual way. TensorFlow's
    own `do_not_convert` wraps a function, which costs each eager call a microsecond.
    """
    try:
        from tensorflow.python.autograph.impl.api import autograph_artifact
    except ImportError:
        return function
    marked: Callable[..., Any] = autograph_artifact(function)
    return marked
