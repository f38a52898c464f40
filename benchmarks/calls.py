"""The calls that are compared: statements of users and ours, bound to the same inputs."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

import unified_act as ua
from benchmarks.frameworks import Framework, Values, load
from benchmarks.measured import PROFILES
from benchmarks.rivals import FORWARD_ONLY, PARAMETERS, rivals
from unified_act.activation import Activation
from unified_act.backend import Numerics
from unified_act.registry import ACTIVATIONS

__all__ = ["MODES", "Case", "Loop", "check", "loops"]

Loop = Callable[[int], tuple[float, Any]]
"""Runs a call so many times; returns the seconds, and the last result."""

MODES = ("forward", "gradient")
"""The call alone, and with its gradient by all inputs that have one."""
FORWARD = "result = {statement}"
_SHAPES = {
    "one": {"gated": (1, 2), "maxout": (1, 2), "softmax2d": (1, 1, 1), "": (1, 1)},
    "million": {"softmax2d": (100, 100, 100), "": (1000, 1000)},
    "rows": {"softmax2d": (1000, 10, 100), "": (100_000, 10)},
    "few": {"softmax2d": (3, 2, 4), "": (3, 8)},
}
_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.06}
"""Relative and absolute: what is compared is meant to be the same function, not as accurate."""
_LOOP = """def loop(number, {arguments}):
    start = _clock()
    for _ in range(number):
{body}
    _finish(result)
    return _clock() - start, result
"""


@dataclass(frozen=True)
class Case:
    """What is computed, and where.

    Attributes:
        backend: The backend.
        name: The name of the activation.
        dtype: The name of the float type.
        size: ``"one"`` element of the result, a ``"million"``, so many in short ``"rows"`` of an
            activation along an axis, or a ``"few"`` for a check.
        mode: One of `MODES`.
        device: Its name, as PyTorch has it.
    """

    backend: str
    name: str
    dtype: str
    size: str
    mode: str
    device: str = "cpu"

    @property
    def activation(self) -> Activation:
        """The activation."""
        return ACTIVATIONS.find(self.name)

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter with its value."""
        return self.activation.bind(dict(PARAMETERS.get(self.name, {})))

    @property
    def exists(self) -> bool:
        """Whether there is something to compare: NumPy has no gradients."""
        has_rows = self.activation.along_axis and not self.activation.resizes
        if self.size == "rows" and not has_rows:
            return False
        no_gradient = self.backend == "numpy" or self.name in FORWARD_ONLY
        return self.mode == "forward" or not no_gradient

    def ours(self, numerics: Numerics) -> Callable[..., Any]:
        """Returns the activation function of a profile."""
        return ua.get_activation(
            self.name, backend=self.backend, numerics=numerics, **self.parameters
        )

    def statements(self) -> list[str]:
        """Returns what a user would write."""
        return rivals(self.backend, self.activation, self.parameters, self.dtype, self.mode)


def loops(case: Case) -> dict[str, Loop]:
    """Returns the calls of a case, by their texts: ours are ``"fast"`` and ``"strict"``."""
    bench = _Bench(case, load(case.backend))
    found = {text: bench.loop(text) for text in case.statements()}
    arguments = ", ".join(bench.inputs)
    for numerics in PROFILES:
        found[numerics] = bench.loop(f"ours({arguments})", ours=case.ours(numerics))
    return found


def check(case: Case) -> None:
    """Raises unless each rival computes what ours does, at a few inputs.

    Raises:
        AssertionError: The message names the statement and says what it gives.
    """
    framework = load(case.backend)
    found = loops(case)
    expected = _values(found["strict"](1)[1], framework)
    room = _TOLERANCE[case.dtype]
    for text in case.statements():
        label = f"{case.name} on {case.backend}, {case.dtype}, {case.mode}: {text}"
        try:
            result = found[text](1)[1]
        except Exception as error:
            raise AssertionError(f"{label} fails: {error}") from error
        values = _values(result, framework)
        if not all(map(_has_dtype(case.dtype), _listed(result))):
            raise AssertionError(f"{label} gives another type: {result}")
        for got, wanted in zip(values, expected, strict=True):
            if got.shape != wanted.shape or not np.allclose(got, wanted, room, room):
                raise AssertionError(f"{label} gives\n{got}\nand ours\n{wanted}")


def _listed(result: Any) -> Sequence[Any]:
    return result if isinstance(result, list | tuple) else [result]


def _values(result: Any, framework: Framework) -> list[Values]:
    return [framework.numpy(array) for array in _listed(result)]


def _has_dtype(dtype: str) -> Callable[[Any], bool]:
    return lambda array: dtype in str(array.dtype) or dtype in getattr(array.dtype, "__name__", "")


def _inputs(case: Case, framework: Framework) -> dict[str, Any]:
    """Returns the inputs by name: normally distributed, and weights where training starts."""
    activation, shapes = case.activation, _SHAPES[case.size]
    shape = shapes.get(case.name) or shapes.get(activation.kind) or shapes[""]
    random = np.random.default_rng(0)
    found: dict[str, Values] = {"x": random.standard_normal(shape) * 2.0}
    for name in activation.inputs_for(case.parameters)[1:]:
        if name in activation.masks:
            found[name] = random.random(shape) < 0.8
            found[name][..., 0] = True
        elif name in activation.noise:
            found[name] = random.uniform(0.05, 0.95, shape)
        else:
            found[name] = np.full(shape[1], activation.initial[name] + 0.1 * len(found))
    return {name: framework.array(each, case.dtype, case.device) for name, each in found.items()}


class _Bench:
    """Makes loops of statements about the same inputs."""

    def __init__(self, case: Case, framework: Framework) -> None:
        self.case, self.framework = case, framework
        self.inputs = _inputs(case, framework)
        taken = case.activation.kind.differentiated(list(self.inputs))
        self.shared: dict[str, Any] = {}
        self.count = len(taken)
        if case.mode == "gradient":
            value = case.ours("strict")(*self.inputs.values())
            given = np.random.default_rng(1).standard_normal(value.shape)
            watched = [framework.watch(self.inputs[name]) for name in taken]
            self.shared["cotangent"] = framework.array(given, case.dtype, case.device)
            self.shared["inputs"] = watched
            self.shared["gradients"] = [getattr(array, "grad", None) for array in watched]

    def loop(self, statement: str, **names: Any) -> Loop:
        """Returns the loop of a statement, with everything local so that no look-up is timed."""
        framework, gradient = self.framework, self.case.mode == "gradient"
        names = {**framework.names, **self.case.parameters, **names}
        if framework.compiled is not None:
            arguments = ", ".join(self.inputs)
            function = eval(f"lambda {arguments}: {statement}", names)
            statement = f"function({arguments})"
            if gradient:
                function = framework.differentiated(function, self.count)
                statement = f"function(cotangent, {arguments})"
            names = {"function": framework.compiled(function)}
        names |= {**self.inputs, **self.shared}
        lines = (framework.gradient if gradient else FORWARD).format(statement=statement)
        code = _LOOP.format(
            arguments=", ".join(f"{name}={name}" for name in names),
            body=textwrap.indent(lines, " " * 8),
        )
        scope = {**names, "_clock": perf_counter, "_finish": framework.finish}
        exec(code, scope)
        found: Loop = scope["loop"]
        return found
