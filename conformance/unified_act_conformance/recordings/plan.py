"""Plans: which kernels of a framework a recorder calls, and with which bits.

A plan names kernels, not activations of ours, so `recorder` can run it with nothing but the
framework. It is one `.npz` file: a JSON document, `plan`, and arrays of unsigned integers, each
under the SHA-256 of what it holds. The document therefore stands for all of it, and its own SHA-256
is the plan's digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act.backend import DTYPES
from unified_act.loading import find_entry
from unified_act.registry import ACTIVATIONS
from unified_act_conformance import inputs
from unified_act_conformance.floats import FloatArray, float_format
from unified_act_conformance.recordings import recorder
from unified_act_conformance.subject import ORDERS, Case, Subject, list_cases, native_table
from unified_act_conformance.truth import kinks, list_subjects, record_of

__all__ = ["Bits", "Call", "Plan", "bits_of", "floats_of", "make_plan", "read_plan"]

Bits = NDArray[Any]
"""Floats as unsigned integers of the same width."""

WITHOUT_BFLOAT16 = ("numpy",)
WITHOUT_GRADIENTS = ("numpy",)


@dataclass(frozen=True)
class Call:
    """One call of a kernel.

    Attributes:
        case: What its output is judged as.
        kernel: The dotted name of the kernel inside the framework.
        keywords: What it is called with besides the arrays.
        inputs: The inputs.
        cotangent: What its gradient is taken with; None at order 0.
    """

    case: Case
    kernel: str
    keywords: Mapping[str, Any]
    inputs: tuple[Bits, ...]
    cotangent: Bits | None


@dataclass(frozen=True)
class Plan:
    """The calls that one recorder makes.

    Attributes:
        backend: The name of the backend whose table of kernels it was made from.
        framework: The framework's top-level module.
        calls: The calls.
    """

    backend: str
    framework: str
    calls: tuple[Call, ...]

    def document(self) -> bytes:
        """The JSON that stands for the plan."""
        calls = [_document(call) for call in self.calls]
        plan = {"backend": self.backend, "framework": self.framework, "calls": calls}
        return recorder.canonical({"schema": recorder.PLAN_SCHEMA, **plan})

    def digest(self) -> str:
        """The SHA-256 of the document."""
        return hashlib.sha256(self.document()).hexdigest()

    def write(self, path: Path) -> None:
        """Writes the file that a recorder reads.

        Args:
            path: Where to, ending in `.npz`.
        """
        arrays = {
            recorder.array_digest(array): array for call in self.calls for array in _arrays(call)
        }
        arrays["plan"] = np.frombuffer(self.document(), dtype=np.uint8)
        np.savez_compressed(path, **arrays)


def make_plan(
    backend: str,
    *,
    activations: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    orders: Sequence[int] = ORDERS,
) -> Plan:
    """Plans a call of every kernel in a backend's table, also in dtypes where it is not admitted.

    The framework need not be installed. Learned activations are left out, as are parameters that a
    kernel cannot serve. Inputs are the quick sweeps, for 16-bit types too.

    Args:
        backend: The name of the backend.
        activations: Only these.
        dtypes: Only these.
        orders: Which derivatives.

    Raises:
        unified_act.UnifiedActError: A name is unknown.
    """
    entry = find_entry(backend)
    table = native_table(entry.package)
    wanted = [
        dtype
        for dtype in dtypes or DTYPES
        if dtype != "bfloat16" or entry.name not in WITHOUT_BFLOAT16
    ]
    possible = [order for order in orders if order == 0 or entry.name not in WITHOUT_GRADIENTS]
    calls: list[Call] = []
    subjects = [subject for subject in list_subjects(activations) if subject.activation in table]
    for case in list_cases(subjects, {entry.name: wanted}, possible):
        kernel = table[case.subject.activation]
        keywords = kernel.arguments(_parameters(case.subject))
        if keywords is not None and not ACTIVATIONS.find(case.subject.activation).weights:
            calls += _calls(case, kernel.label, keywords)
    return Plan(entry.name, entry.framework, tuple(calls))


def read_plan(arrays: Mapping[str, Bits]) -> Plan:
    """Returns the plan in a file's arrays.

    Args:
        arrays: What `recorder.read_arrays` gives for a plan or a recording.

    Raises:
        ValueError: There is none, or it is of another version.
        KeyError: An array is missing.
    """
    document = json.loads(arrays["plan"].tobytes()) if "plan" in arrays else {}
    if document.get("schema") != recorder.PLAN_SCHEMA:
        raise ValueError(f"no {recorder.PLAN_SCHEMA}, but {document.get('schema')}")
    backend = document["backend"]
    calls = [
        Call(
            case=Case(
                Subject(call["activation"], tuple(call["parameters"].items())),
                backend,
                call["dtype"],
                call["order"],
                call["part"],
            ),
            kernel=call["kernel"],
            keywords=call["keywords"],
            inputs=tuple(arrays[name] for name in call["inputs"]),
            cotangent=arrays[call["cotangent"]] if call["cotangent"] else None,
        )
        for call in document["calls"]
    ]
    return Plan(backend, document["framework"], tuple(calls))


def bits_of(values: FloatArray, dtype: str) -> Bits:
    """Returns floats as the integers that cross the border.

    Args:
        values: The floats.
        dtype: The name of their type.
    """
    return np.ascontiguousarray(values).view(recorder.BITS[dtype])


def floats_of(bits: Bits, dtype: str) -> FloatArray:
    """Inverts `bits_of`.

    Args:
        bits: The integers.
        dtype: The name of the float type.

    Raises:
        TypeError: The integers have another width than the floats.
    """
    if bits.dtype != np.dtype(recorder.BITS[dtype]):
        raise TypeError(f"the output is {bits.dtype}, which cannot hold the bits of {dtype}")
    return np.ascontiguousarray(bits).view(float_format(dtype).dtype)


def _calls(case: Case, kernel: str, keywords: Mapping[str, Any]) -> list[Call]:
    calls = []
    for x, cotangent in _inputs(case):
        bits = None if case.order == 0 else bits_of(cotangent, case.dtype)
        calls.append(Call(case, kernel, keywords, (bits_of(x, case.dtype),), bits))
    return calls


def _inputs(case: Case) -> list[tuple[FloatArray, FloatArray]]:
    """The inputs of a case, each with a cotangent."""
    name, dtype = case.subject.activation, case.dtype
    if not ACTIVATIONS.find(name).along_axis:
        x = inputs.quick(
            dtype,
            kinks=kinks(name, dict(case.subject.parameters)),
            crossings=record_of(name).crossings,
        )
        return [(x, np.ones_like(x))]
    found = []
    for x in inputs.rows(dtype):
        cotangent = inputs.cotangents(dtype, x.shape)
        turned = dict(case.subject.parameters).get("axis", -1) == 0
        found.append((x.T, cotangent.T) if turned else (x, cotangent))
    return found


def _document(call: Call) -> dict[str, Any]:
    case = call.case
    digest = recorder.array_digest
    return {
        "activation": case.subject.activation,
        "parameters": dict(case.subject.parameters),
        "dtype": case.dtype,
        "order": case.order,
        "part": case.part,
        "kernel": call.kernel,
        "keywords": dict(call.keywords),
        "inputs": [digest(array) for array in call.inputs],
        "cotangent": None if call.cotangent is None else digest(call.cotangent),
    }


def _arrays(call: Call) -> list[Bits]:
    return [*call.inputs, *([] if call.cotangent is None else [call.cotangent])]


def _parameters(subject: Subject) -> Mapping[str, Any]:
    config = {"name": subject.activation, **dict(subject.parameters)}
    function = ua.get_activation(config, backend="numpy")
    return function.parameters
