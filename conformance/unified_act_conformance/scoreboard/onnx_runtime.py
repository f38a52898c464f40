"""Operators of ONNX, computed by ONNX Runtime as models of one node."""

from __future__ import annotations

import ctypes
import importlib
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from unified_act.dialects import find_dialect
from unified_act_conformance.floats import FloatArray
from unified_act_conformance.scoreboard.symbols import Symbol

__all__ = ["output_of"]

TYPES = {"float32": "FLOAT", "float16": "FLOAT16", "bfloat16": "BFLOAT16"}
IR_VERSION = 10
"""What every ONNX Runtime of the last years reads."""


def output_of(symbol: Symbol, x: FloatArray, dtype: str) -> FloatArray:
    """Returns what an operator gives.

    Args:
        symbol: The operator with its attributes.
        x: The inputs.
        dtype: Their type.

    Raises:
        LookupError: The installed version has no such operator, or not for this type.
    """
    runtime: Any = importlib.import_module("onnxruntime")
    session = _session(symbol, dtype)
    if dtype != "bfloat16":
        return np.asarray(session.run(None, {"x": x})[0])
    number = getattr(importlib.import_module("onnx").TensorProto, TYPES[dtype])
    value = runtime.OrtValue.ortvalue_from_numpy_with_onnx_type(x.view(np.uint16).copy(), number)
    (found,) = session.run_with_ort_values(None, {"x": value})
    # It has no bridge to NumPy for bfloat16, so the bits are read where they are.
    data = ctypes.string_at(found.data_ptr(), x.nbytes)
    return np.frombuffer(data, dtype=ml_dtypes.bfloat16)


@cache
def _session(symbol: Symbol, dtype: str) -> Any:
    """The newest version of the operator that the installed ONNX Runtime has."""
    onnx: Any = importlib.import_module("onnx")
    runtime: Any = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    reason = ""
    for opset in range(find_dialect("onnx").opset or 0, 0, -1):
        try:
            model = _model(onnx, symbol, TYPES[dtype], opset)
            return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # it has no common base
            reason = reason or str(error)
    raise LookupError(reason)


def _model(onnx: Any, symbol: Symbol, type_: str, opset: int) -> bytes:
    helper = onnx.helper
    schema, arguments = onnx.defs.get_schema(symbol.spelling, opset), dict(symbol.arguments)
    attributes = {key: value for key, value in arguments.items() if key in schema.attributes}
    number = getattr(onnx.TensorProto, type_)
    extra = [
        helper.make_tensor(key, number, [], [value])
        for key, value in arguments.items()
        if key not in attributes
    ]
    node = helper.make_node(
        symbol.spelling, ["x", *(each.name for each in extra)], ["y"], **attributes
    )
    ends = [helper.make_tensor_value_info(name, number, [None]) for name in ("x", "y")]
    graph = helper.make_graph([node], "one", ends[:1], ends[1:], initializer=extra)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    found: bytes = model.SerializeToString()
    return found
