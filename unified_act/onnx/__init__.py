"""Activations as ONNX models, for runtimes that know none of the frameworks.

It needs the package `onnx`, and is imported by name: ``import unified_act.onnx``.

Examples:
    >>> import unified_act.onnx
    >>> mish = unified_act.onnx.model("mish", opset=18)
    >>> [node.op_type for node in mish.graph.node]
    ['Mish']
"""

from __future__ import annotations

from unified_act.errors import BackendNotInstalledError

try:
    import onnx as _onnx  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "onnx":
        raise
    raise BackendNotInstalledError(
        "unified_act.onnx needs onnx, which is not installed. "
        "Install it with: pip install 'unified-act[onnx]'"
    ) from error

from unified_act.onnx.build import model

__all__ = ["model"]
