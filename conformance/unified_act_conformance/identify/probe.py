"""Calls an unknown callable to find out its framework, its results and its kinks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act.loading import backend_entries, computing_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.floats import to_type, widen
from unified_act_conformance.harness import load_harness
from unified_act_conformance.inputs import evenly
from unified_act_conformance.subject import Differentiated

__all__ = [
    "FAR",
    "ORDINARY",
    "WEIGHT",
    "Sample",
    "Unknown",
    "backend_of_callable",
    "block",
    "grid",
]

Doubles = NDArray[np.float64]

ORDINARY = 20.0
"""Differences are reported up to this magnitude; further out they say more about x than about f."""
FAR = (30.0, 100.0, 1e3, 1e6)
"""Magnitudes that tell a cut-off beyond the ordinary ones from none."""
TINY = (1e-8, 1e-4, 1e-3, 1e-2)
WEIGHT = 0.25
"""What a learned activation of ours, which takes its weights as arguments, is given."""
DTYPES = ("float64", "float32")
BLOCKS = ((4, 6, 8), (24, 8), (192,))
"""Shapes of one probe, the preferred one first: some modules take no array of three dimensions."""
FOUR = (2, 4, 6, 8)


def _wider(function: Any) -> Iterator[Any]:
    """The callable, and what it was made of by `functools.partial` or a decorator."""
    while function is not None:
        yield function
        function = getattr(function, "func", None) or getattr(function, "__wrapped__", None)


def backend_of_callable(function: Any) -> str | None:
    """Returns the backend that a callable belongs to, by the module that defines it.

    Args:
        function: The callable.

    Returns:
        The backend's name; None where it cannot be told, as for a function in a user's own module.
    """
    if isinstance(function, ua.ActivationFunction):
        return function.backend and computing_backend(function.backend)
    for layer in _wider(function):
        modules = [base.__module__ for base in type(layer).__mro__]
        modules += [getattr(layer, "__module__", None) or ""]
        modules += [getattr(layer, "__globals__", {}).get("__name__") or ""]
        roots = [module.partition(".")[0] for module in modules]
        if "keras" in roots:  # which runs on one of several frameworks
            keras = sys.modules.get("keras")
            return _known(str(keras.backend.backend())) if keras else None
        for entry in backend_entries():
            if entry.framework in roots:
                return entry.name
    return None


def _weights(function: Callable[..., Any]) -> int:
    """How many weights it takes as arguments: those of ours that are learned do."""
    if not isinstance(function, ua.ActivationFunction):
        return 0
    activation = ACTIVATIONS.find(function.name)
    others = activation.inputs_for(function.parameters)[1:]
    if others and not activation.weights:
        raise ua.UnsupportedError(
            f"{function.name} takes {' and '.join(others)} besides x; pass a function of x alone."
        )
    return len(others)


def _known(name: str) -> str | None:
    return name if name in ua.list_backends() else None


@dataclass(frozen=True)
class Sample:
    """One question to the unknown, and its answer.

    Attributes:
        x: The input.
        cotangent: What the gradient was taken with.
        value: The output.
        gradient: The gradient by `x`; None where there is none to be had.
    """

    x: Doubles
    cotangent: Doubles
    value: Doubles
    gradient: Doubles | None


class Unknown:
    """A callable of one framework, asked with NumPy arrays.

    Attributes:
        backend: The framework.
        dtypes: The float types that it answers in, the widest first.
        weights: How many weights it takes besides x.
        shape: The shape of the first of `BLOCKS` that it takes.
        missing_gradient: Why there is no gradient; empty if there is one.
        broken_gradient: Whether the framework has gradients and only this callable has none.
    """

    def __init__(self, function: Callable[..., Any], backend: str) -> None:
        """Finds out which types and shapes it takes, and whether it has a gradient.

        Args:
            function: The callable.
            backend: Its framework.

        Raises:
            unified_act.UnsupportedError: It fails on each.
        """
        self.backend = backend
        self._harness = load_harness(backend)
        self._implementation = Differentiated(function, self._harness)
        self.weights = _weights(function)
        self.shape, first = self._first_shape()
        self.dtypes = [first, *(d for d in DTYPES if d != first and self._answers(self.shape, d))]
        self.missing_gradient, self.broken_gradient = self._gradient_fault()

    def _first_shape(self) -> tuple[tuple[int, ...], str]:
        failures = []
        for dtype in DTYPES:
            for shape in BLOCKS:
                try:
                    self.value(block(shape), dtype)
                except Exception as error:  # whatever the framework says to what it does not take
                    failures.append(error)
                else:
                    return shape, dtype
        first = failures[0]
        raise ua.UnsupportedError(
            f"the function fails with an array of {self.backend}: {type(first).__name__}: "
            f"{str(first).splitlines()[0] if str(first) else ''}"
        ) from first

    def _answers(self, shape: tuple[int, ...], dtype: str) -> bool:
        try:
            self.value(block(shape), dtype)
        except Exception:  # as above
            return False
        return True

    def _gradient_fault(self) -> tuple[str, bool]:
        if not self._implementation.differentiable:
            return f"{self.backend} cannot differentiate it", False
        try:
            self._gradient(block(self.shape), None, self.dtypes[0])
        except Exception as error:
            return str(error).partition("\n")[0], True
        return "", False

    def _inputs(self, x: Doubles, dtype: str) -> list[Any]:
        weights = [to_type(np.array([WEIGHT]), dtype)] * self.weights
        return [self._harness.to_native(a, dtype) for a in (to_type(x, dtype), *weights)]

    def value(self, x: Doubles, dtype: str) -> Doubles:
        """Returns the output.

        Args:
            x: The input, of any shape that it takes.
            dtype: The float type to ask in.
        """
        with np.errstate(all="ignore"):
            output = self._implementation.value(self._inputs(x, dtype))
        return widen(self._harness.to_numpy(output, dtype))

    def _gradient(self, x: Doubles, cotangent: Doubles | None, dtype: str) -> Doubles:
        native = None
        if cotangent is not None:
            native = self._harness.to_native(to_type(cotangent, dtype), dtype)
        found = self._implementation.gradients(self._inputs(x, dtype), native)
        return widen(self._harness.to_numpy(found[0], dtype))

    def sample(self, x: Doubles, dtype: str) -> Sample:
        """Returns value and gradient at an array; elementwise ones are better asked by `at`.

        Args:
            x: The input.
            dtype: The float type to ask in.
        """
        x = widen(to_type(x, dtype))
        value = self.value(x, dtype)
        cotangent = widen(to_type(evenly(value.size)[::-1].reshape(value.shape), dtype))
        gradient = None if self.missing_gradient else self._gradient(x, cotangent, dtype)
        return Sample(x, cotangent, value, gradient)

    def at(self, x: Doubles, dtype: str) -> Sample:
        """Returns value and derivative of an elementwise callable at points.

        Args:
            x: The points, in one dimension; they are asked for in an array like the block.
            dtype: The float type to ask in.
        """
        x = widen(to_type(x, dtype))
        value, ones = self._values_at(x, dtype), np.ones_like(x)
        if self.missing_gradient:
            return Sample(x, ones, value, None)
        padded = self._padded(x)
        gradient = self._gradient(padded, np.ones_like(padded), dtype)
        return Sample(x, ones, value, gradient.ravel()[: x.size])

    def _values_at(self, x: Doubles, dtype: str) -> Doubles:
        return self.value(self._padded(x), dtype).ravel()[: x.size]

    def _padded(self, x: Doubles) -> Doubles:
        """The points in an array like the block, some of them twice."""
        tail = self.shape[1:]
        return np.resize(x, (-(-x.size // int(np.prod(tail))), *tail))

    def is_deterministic(self) -> bool:
        """Whether two calls give the same."""
        ask = partial(self.value, block(self.shape), self.dtypes[0])
        return bool(np.array_equal(ask(), ask(), equal_nan=True))

    def is_elementwise(self) -> bool:
        """Whether each output follows from the one input at its place, wherever that is."""
        x, dtype = block(self.shape), self.dtypes[0]
        moved = np.random.default_rng(0).permutation(x.size)
        plain, shuffled = self.value(x, dtype), self.value(x.ravel()[moved].reshape(x.shape), dtype)
        return plain.shape == x.shape and np.allclose(
            plain.ravel()[moved], shuffled.ravel(), rtol=1e-5, atol=1e-6, equal_nan=True
        )

    def bends(self, dtype: str) -> list[float]:
        """Finds where an elementwise callable, or its slope, jumps.

        The slope of a smooth function changes less and less as one looks closer; at a kink or a
        jump it does not.

        Args:
            dtype: The float type to ask in.
        """
        x = _sinh(150.0, 7.0, 1024)
        change, left, right = _changes(x, self._values_at(x, dtype))
        worst = np.argsort(-change)[:12]
        found: list[float] = []
        for start, stop, before in zip(left[worst], right[worst], change[worst], strict=True):
            narrowed = self._narrowed(start, stop, before, dtype)
            if narrowed is not None and not np.isclose(narrowed, found, rtol=0, atol=1e-3).any():
                found.append(narrowed)
        return sorted(found)

    def _narrowed(self, start: float, stop: float, before: float, dtype: str) -> float | None:
        """Closes in on a bend between two points; None if it was curvature only."""
        rounds, noise = (6, 1e-6) if dtype == "float64" else (2, 1e-2)
        now = before
        for _ in range(rounds):
            x = np.linspace(start, stop, 17)
            change, left, right = _changes(x, self._values_at(x, dtype))
            worst = int(np.argmax(change))
            now, start, stop = change[worst], left[worst], right[worst]
        return (start + stop) / 2 if now > 0.5 * before and now > noise else None


def _changes(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """How much the slope changes at each inner point, and that point's neighbours."""
    with np.errstate(all="ignore"):
        slopes = np.diff(y) / np.diff(x)
        change = np.nan_to_num(np.abs(np.diff(slopes)), nan=0.0, posinf=0.0)
    return change, x[:-2], x[2:]


def _sinh(end: float, steepness: float, count: int) -> Doubles:
    """Points from -end to end, the closer to each other the nearer to 0."""
    t = np.linspace(-steepness, steepness, count)
    return np.asarray(end * np.sinh(t) / np.sinh(steepness))


def grid() -> Doubles:
    """Returns the points at which elementwise functions are compared, in increasing order."""
    dense = _sinh(ORDINARY, 4.0, 192)
    whole = np.arange(-20.0, 21.0) / 2
    tiny = np.array([*TINY, *(-t for t in TINY), -ORDINARY, ORDINARY])
    far = np.array([*FAR, *(-f for f in FAR)])
    return np.asarray(np.unique(np.concatenate([dense, whole, tiny, far])))


def block(shape: tuple[int, ...] = FOUR) -> Doubles:
    """Returns an array of distinct numbers between -4 and 4 in no order.

    Args:
        shape: Its shape.
    """
    values = 8.0 * evenly(int(np.prod(shape))) - 4.0
    return values.reshape(shape)
