"""ONNX's own operators: which may stand for an activation. Data; the tests decide about `dtypes`.

Names and attributes are those of the table of dialects. An operator is admitted if what ONNX
Runtime makes of it on a CPU passes the fast gate, as a framework's kernel is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from types import MappingProxyType
from typing import Any, NamedTuple

from onnx import defs

from unified_act.activation import Activation
from unified_act.backend import DTYPES
from unified_act.dialects import find_dialect
from unified_act.dialects.translation import write

__all__ = ["ADMITTED", "Admission", "Operator", "operator_for"]


class Admission(NamedTuple):
    """Where an activation's operator is used.

    Attributes:
        dtypes: The dtypes in which it passes the fast gate, and so is used.
        off_at: The inputs, all infinite, at which it does not, and is used all the same.
        unless: Parameter values with which it is not used.
        why: Why the dtypes that are missing are missing, and what is off.
    """

    dtypes: Sequence[str] = DTYPES
    off_at: Sequence[float] = ()
    unless: Mapping[str, float] = MappingProxyType({})
    why: str = ""

    def holds_for(self, dtype: str, parameters: Mapping[str, Any]) -> bool:
        """Whether the operator is used for these."""
        excluded = any(parameters[name] == value for name, value in self.unless.items())
        return dtype in self.dtypes and not excluded


_NAN = "NaN where infinity meets 0 or itself"
_NO_BFLOAT16 = "bfloat16: ONNX Runtime has no kernel"
_NO_KERNEL = "bfloat16, float64: ONNX Runtime has no kernel"
_NO_SWISH = "ONNX Runtime has no kernel for the newest opset"
_NOT_NAN = "0 for NaN"
_USUAL, _NARROW = ("float16", "float32", "float64"), ("float16", "float32")

ADMITTED: Mapping[str, Admission] = {
    "celu": Admission(
        ("float16", "bfloat16", "float32"), why="float64: alpha is rounded to float32"
    ),
    "clipped_relu": Admission(_USUAL, why=_NO_BFLOAT16),
    "elu": Admission(_NARROW, why=_NO_KERNEL),
    "exponential": Admission(_USUAL, why=_NO_BFLOAT16),
    "gelu": Admission(_NARROW, off_at=(-inf,), why=f"{_NO_KERNEL}; {_NAN}"),
    "gelu_tanh": Admission(
        ("float16",),
        off_at=(-inf,),
        why=f"float32, float64: the sign is wrong around -5.1; {_NO_BFLOAT16}; {_NAN}",
    ),
    "hard_shrink": Admission((), why=_NOT_NAN),
    "hard_sigmoid": Admission(_NARROW, why=_NO_KERNEL),
    "hard_sigmoid_02": Admission(_NARROW, why=_NO_KERNEL),
    "hard_silu": Admission(_NARROW, off_at=(-inf,), why=f"{_NO_KERNEL}; {_NAN}"),
    "hard_tanh": Admission(_USUAL, why=_NO_BFLOAT16),
    "hardmax": Admission((), why=f"{_NOT_NAN} all along its axis"),
    "identity": Admission(),
    "leaky_relu": Admission(
        _NARROW, unless={"negative_slope": 0.0}, why=f"{_NO_KERNEL}; slope 0: NaN at minus infinity"
    ),
    "log_softmax": Admission(
        _NARROW, why=f"float64: -inf along an axis that holds infinity; {_NO_BFLOAT16}"
    ),
    "mish": Admission(_NARROW, off_at=(-inf,), why=f"{_NO_KERNEL}; {_NAN}"),
    "prelu": Admission(_NARROW, why=_NO_KERNEL),
    "quick_gelu": Admission((), why=_NO_SWISH),
    "relu": Admission(_USUAL, why=_NO_BFLOAT16),
    "relu6": Admission(_USUAL, why=_NO_BFLOAT16),
    "selu": Admission(_NARROW, why=_NO_KERNEL),
    "shrink": Admission((), why=_NOT_NAN),
    "sigmoid": Admission(_USUAL, why=_NO_BFLOAT16),
    "silu": Admission((), why=_NO_SWISH),
    "soft_shrink": Admission((), why=_NOT_NAN),
    "softmax": Admission(_USUAL, why=_NO_BFLOAT16),
    "softmax2d": Admission(_USUAL, why=_NO_BFLOAT16),
    "softplus": Admission(
        ("float32",), why=f"float16: infinite from 89 on in opset 18; {_NO_KERNEL}"
    ),
    "softsign": Admission(
        ("float16",),
        off_at=(-inf, inf),
        why=f"float32: beyond 1 at the largest numbers; {_NO_KERNEL}; {_NAN}",
    ),
    "tanh": Admission(
        ("float16", "float64"), why=f"float32: 1.0000001 between 8 and 9; {_NO_BFLOAT16}"
    ),
    "thresholded_relu": Admission((), why=_NOT_NAN),
}


class Operator(NamedTuple):
    """An operator that is an activation.

    Attributes:
        name: Its name.
        attributes: Its attributes.
        further: Numbers that it takes as inputs, after those of the activation.
    """

    name: str
    attributes: Mapping[str, Any]
    further: Sequence[float]


def operator_for(
    activation: Activation, parameters: Mapping[str, Any], dtype: str, opset: int
) -> Operator | None:
    """Returns the operator that is an activation, None where there is none.

    Args:
        activation: The activation.
        parameters: All its parameters. Weights are taken to be shaped to meet `x`.
        dtype: The type of the input.
        opset: The opset.
    """
    if activation.weights:
        # ONNX broadcasts a weight from the right, which -1 means for one of any shape.
        parameters = {**parameters, "axis": -1}
    known = find_dialect("onnx").opset or opset
    written = write(activation.name, parameters, find_dialect(f"onnx:{min(opset, known)}"))
    if written is None or not defs.has(written.spelling):
        return None
    schema = defs.get_schema(written.spelling, opset)
    if _type_name(dtype) not in schema.inputs[0].types:
        return None
    every = {**written.meaning.cell.allows, **written.arguments}
    attributes = {key: value for key, value in every.items() if key in schema.attributes}
    further = [
        written.arguments[formal.name]
        for formal in schema.inputs
        if formal.name in written.arguments
    ]
    return Operator(written.spelling, attributes, further)


def _type_name(dtype: str) -> str:
    """What a schema calls a type."""
    names = {"float32": "float", "float64": "double"}
    return f"tensor({names.get(dtype, dtype)})"
