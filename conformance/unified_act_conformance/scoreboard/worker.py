"""What happens in the process of a framework: functions are called, nothing is judged."""

from __future__ import annotations

import importlib.metadata
import os
import re
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

import unified_act as ua
from unified_act.loading import find_entry
from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import load_harness
from unified_act_conformance.scoreboard import onnx_runtime
from unified_act_conformance.scoreboard.frameworks import Framework
from unified_act_conformance.scoreboard.symbols import Symbol, function_of
from unified_act_conformance.subject import Differentiated

__all__ = ["outputs", "prepare", "versions"]

QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # The number of threads decides which elements a vector instruction sees together.
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
LONGEST = 100
"""Of a reason."""


def prepare(environment: Mapping[str, str]) -> None:
    """Prepares the process, before a framework is imported.

    Args:
        environment: Environment variables.
    """
    os.environ.update({**QUIET, **environment})
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # some frameworks greet whoever imports them
    warnings.simplefilter("ignore")


def versions(framework: Framework) -> dict[str, str]:
    """Imports a framework. Returns the versions that decide what it computes.

    Args:
        framework: The framework.
    """
    harness = load_harness(framework.backend)
    found = {find_entry(framework.backend).framework: harness.version()}
    if framework.package:
        found = {framework.package: importlib.metadata.version(framework.package)} | found
    if not framework.dialect:
        found = {"unified-act": ua.__version__} | found
    return found


def outputs(
    framework: Framework, symbol: Symbol, x: FloatArray, dtype: str, orders: Sequence[int]
) -> dict[int, FloatArray | str]:
    """Calls a function of a framework, and differentiates it.

    Args:
        framework: The framework.
        symbol: The function.
        x: The inputs.
        dtype: Their type.
        orders: Which derivatives.

    Returns:
        The outputs by order; or in a few words why there are none.
    """
    found: dict[int, FloatArray | str] = {}
    for order in orders:
        try:
            with np.errstate(all="ignore"):
                found[order] = _output(framework, symbol, x, dtype, order)
        except Exception as error:  # whatever a framework raises
            found[order] = _told(error)
    return found


def _output(
    framework: Framework, symbol: Symbol, x: FloatArray, dtype: str, order: int
) -> FloatArray:
    if not framework.differentiates:
        if order:
            raise LookupError("it computes values only")
        return onnx_runtime.output_of(symbol, x, dtype)
    harness = load_harness(framework.backend)
    function = Differentiated(function_of(framework, symbol), harness)
    given = harness.to_native(x, dtype)
    if order == 0:
        return harness.to_numpy(function.value((given,)), dtype)
    if order == 1:
        return harness.to_numpy(function.gradients((given,), None)[0], dtype)
    ones = harness.to_native(np.ones_like(x), dtype)
    return harness.to_numpy(function.second_derivative(given, ones), dtype)


def _told(error: Exception) -> str:
    """The first line of an error, of a traceback the last, without places of this machine."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = re.sub(r"\s+", " ", lines[-1 if lines[0].startswith("Traceback") else 0])
    text = re.sub(r"(/[\w.+-]+){2,}", "…", re.sub(r"0x[0-9a-f]{6,}", "…", text))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
