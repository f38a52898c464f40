"""Chooses what reads a model: by its class, or by the name of its file."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import unified_act as ua
from unified_act.literals import shown
from unified_act.loading import backend_entries, find_entry, load_backend
from unified_act_conformance.audit.graph import Graph
from unified_act_conformance.identify import load_callable

__all__ = ["model_named", "read"]

ALSO = {"flax": "jax", "equinox": "jax", "haiku": "jax", "jaxlib": "jax"}
"""Libraries, with the backend that reads their models."""
FILES = {".onnx": "onnx", ".pt2": "torch", ".keras": "keras", ".h5": "keras"}
KERAS = "unified_act_keras"


def read(model: Any, inputs: Any = None) -> Graph:
    """Returns the operations of a model.

    Args:
        model: The model, or the path of a file with one.
        inputs: What it is called with.

    Raises:
        unified_act.InputTypeError: It is no model.
    """
    graph: Graph = _reader(model, inputs)(model, inputs)
    return graph


def model_named(text: str) -> tuple[Any, Any]:
    """Returns the model that a text on the command line stands for, and its inputs or None.

    Args:
        text: The path of a file, or ``"package:factory"``, which is called without arguments and
            returns a model, or a pair of a model and its inputs. A model may stand there itself.

    Raises:
        unified_act.UnifiedActError: There is no such thing, or the factory raises an error.
    """
    if Path(text).suffix.lower() in FILES or ":" not in text:
        return text, None
    made = load_callable(text)
    if _kind(made) is not None:
        return made, None
    try:
        made = made()
    except Exception as error:  # whatever a factory of a user's raises
        raise ua.InputTypeError(f"{text}() fails.") from error
    return made if isinstance(made, tuple) and len(made) == 2 else (made, None)


def _reader(model: Any, inputs: Any) -> Any:
    if isinstance(model, (str, Path)):
        kind = FILES.get(Path(model).suffix.lower())
        if kind is None:
            raise ua.InputTypeError(
                f"the name of a model's file ends in {', '.join(FILES)}, got {shown(str(model))}."
            )
        if not Path(model).is_file():
            raise ua.InputTypeError(f"there is no file {shown(str(model))}.")
    else:
        kind = _kind(model) or next(filter(None, map(_kind, _leaves(inputs))), None)
        if kind is None or isinstance(model, type):
            raise ua.InputTypeError(
                "expected a model of PyTorch, Keras, flax, equinox or ONNX, or the path of a file "
                f"with one, got {type(model).__name__}. A function of JAX is read with its inputs: "
                "audit(function, inputs)."
            )
    if kind == "onnx":
        module = "unified_act_conformance.audit.onnx_graph"
    elif kind == "keras":
        module = f"{KERAS}.audit"
    else:
        load_backend(kind)
        module = f"{find_entry(kind).package}.audit"
    try:
        return importlib.import_module(module).read
    except ModuleNotFoundError as error:
        if error.name == module:
            raise ua.UnsupportedError(
                f"models of {kind} are not read: export the model to ONNX and audit that file."
            ) from error
        raise ua.UnsupportedError(
            f"this needs {error.name}, which is not installed. Install it with: pip install "
            f"{error.name}"
        ) from error


def _kind(thing: Any) -> str | None:
    """The framework of an object: Keras before what it runs on."""
    roots = [base.__module__.partition(".")[0] for base in type(thing).__mro__]
    for root in roots:
        if root in ("keras", "tf_keras", "onnx"):
            return "keras" if "keras" in root else "onnx"
        if root in ALSO:
            return ALSO[root]
    names = {entry.framework: entry.name for entry in backend_entries()}
    return next((names[root] for root in roots if root in names and root in sys.modules), None)


def _leaves(inputs: Any) -> list[Any]:
    if isinstance(inputs, dict):
        return list(inputs.values())
    return list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
