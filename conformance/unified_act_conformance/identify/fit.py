"""Fits the parameters of a known activation to the results of an unknown one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act import Activation, Parameter
from unified_act.assembly import assemble
from unified_act.loading import numpy_namespace
from unified_act_conformance.identify.probe import WEIGHT, Sample

__all__ = ["ROUND", "Family", "clues", "families", "fit"]

Doubles = NDArray[np.float64]
Fixed = tuple[tuple[str, float | int], ...]

SMALLEST, LARGEST = 1e-3, 1e3
"""Where parameters are looked for: beyond, one function is another in the limit."""
ROUND = (0.0, 0.01, 0.1, 0.125, 0.2, 0.25, 1 / 3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 6.0, 10.0)
PAIRS = 24
"""How many values of each of two parameters are tried with each other."""
BEST = 4
"""How many of the starting points are refined."""
COUNTS = (2, 3, 4)
"""What is tried for an integer that has no default."""
STEPS = 40
SETTLED = 0.999
"""What a step leaves of the squared error, once there is nothing more to gain."""
WORST = 1e6
"""The residual of an answer that is not finite where the other one is."""


@dataclass(frozen=True)
class Family:
    """An activation with some parameters fixed and the others to be found.

    Attributes:
        activation: The activation.
        fixed: Parameters that are not sought, such as an axis.
        free: Parameters that are.
        weights: How many of the free ones are weights, which come last.
        given_weights: How many weights it is given as they are.
    """

    activation: Activation
    fixed: Fixed = ()
    free: tuple[Parameter, ...] = ()
    weights: int = 0
    given_weights: int = 0

    @property
    def defaults(self) -> tuple[float, ...]:
        """The free parameters as they are when not given; 0 for one without a default."""
        return tuple(float(p.default or 0.0) for p in self.free)

    def parameters(self, values: Sequence[float]) -> dict[str, float | int]:
        """Returns all its parameters.

        Args:
            values: Those of the free ones.
        """
        named = self.free[: len(self.free) - self.weights]
        given = zip((p.name for p in named), values, strict=False)
        return self.activation.bind(dict(self.fixed) | dict(given))

    def value(self, values: Sequence[float], x: Doubles) -> Doubles:
        """Returns its value.

        Args:
            values: The free parameters.
            x: The input.
        """
        shaped, weights = self._inputs(values, x)
        # Not by get_activation: a kernel for these parameters would be made, and used once.
        function = assemble(self.activation, numpy_namespace(), self.parameters(values))
        with np.errstate(all="ignore"):
            found: Doubles = function(shaped, *weights)
        return found.reshape(x.shape) if weights else found

    def sample(self, values: Sequence[float], x: Doubles, cotangent: Doubles) -> Sample:
        """Returns its value and, where its author wrote it down, its gradient.

        Args:
            values: The free parameters.
            x: The input.
            cotangent: What the gradient is taken with.
        """
        shaped, weights = self._inputs(values, x)
        function = ua.get_activation(
            self.activation.name, backend="numpy", numerics="strict", **self.parameters(values)
        )
        value = self.value(values, x)
        towards = cotangent.reshape(shaped.shape) if weights else cotangent
        try:
            _, found = ua.value_and_grad(function, shaped, *weights, cotangent=towards)
        except ua.UnsupportedError:
            return Sample(x, cotangent, value, None)
        gradient = found[0] if weights else found
        return Sample(x, cotangent, value, gradient.reshape(x.shape))

    def _inputs(self, values: Sequence[float], x: Doubles) -> tuple[Doubles, list[Doubles]]:
        sought = list(values[len(values) - self.weights :]) if self.weights else []
        weights = [np.array([w]) for w in [*sought, *[WEIGHT] * self.given_weights]]
        # A column, so that the one channel of a weight is where it is usually looked for.
        return x.reshape(-1, 1) if weights else x, weights


def families(activation: Activation, axes: Sequence[int], given_weights: int) -> Iterator[Family]:
    """Yields the ways in which an activation can be meant by a function of x alone.

    Args:
        activation: The activation.
        axes: What an axis may be; none for a function that knows no axis.
        given_weights: How many weights the unknown function was given.
    """
    learned, stochastic = bool(activation.weights), bool(activation.noise)
    defaults = {p.name: p.default for p in activation.parameters if p.default is not None}
    weights = len(activation.inputs_for(defaults)) - 1
    if (weights and not learned) or (given_weights and weights != given_weights):
        return
    # A random one is its mean at most, of which many parameters have the same.
    fixed = [] if stochastic else [p for p in activation.parameters if _is_chosen(p)]
    free = () if stochastic else tuple(p for p in activation.parameters if _is_sought(p))
    sought = 0 if given_weights else weights
    if sought:
        free += tuple(Parameter(name, WEIGHT) for name in activation.inputs[1:])
    choices = [
        _choices(parameter, axes)
        for parameter in fixed
        if parameter.name != "axis" or not learned  # there it is about weights of several channels
    ]
    for chosen in itertools.product(*choices):
        yield Family(activation, chosen, free, sought, given_weights)


def _is_sought(parameter: Parameter) -> bool:
    return not (parameter.integer or isinstance(parameter.default, int))


def _is_chosen(parameter: Parameter) -> bool:
    """Whether it is a flag, an axis, or a number that has to be given."""
    flag = isinstance(parameter.default, bool) or parameter.name == "axis"
    return flag or (parameter.integer and parameter.default is None)


def _choices(parameter: Parameter, axes: Sequence[int]) -> list[tuple[str, float | int]]:
    if parameter.name == "axis":
        return [("axis", axis) for axis in axes]
    values = (False, True) if isinstance(parameter.default, bool) else COUNTS
    return [(parameter.name, value) for value in values]


def clues(x: Doubles, sample: Sample, bends: Sequence[float]) -> list[float]:
    """Returns numbers that a parameter is likely to be: ends, slopes, bends and round ones.

    Args:
        x: Points in one dimension, in increasing order, 0 among them.
        sample: What was answered there.
        bends: Where the function bends.
    """
    y = sample.value
    zero = int(np.flatnonzero(x == 0.0)[0])
    with np.errstate(all="ignore"):
        slopes = np.diff(y) / np.diff(x)
        ends = np.array([*bends, y[zero], *y[[0, -1]], *slopes[[0, -1, zero - 1, zero]]])
        found = [*ends, *-ends, *1 / ends, *ROUND, *(-value for value in ROUND)]
    return list(dict.fromkeys(round(float(v), 12) for v in found if abs(v) <= LARGEST))


def fit(
    family: Family, samples: Sequence[Sample], starts: Sequence[float], noise: float
) -> tuple[float, ...]:
    """Returns the free parameters that come closest, by least squares from many starts.

    Args:
        family: The activation.
        samples: What the unknown function answered.
        starts: Numbers to begin with.
        noise: Relative differences that mean nothing.
    """
    if not family.free:
        return ()
    residual = _residual(family, samples)
    bounds = [_bounds(parameter) for parameter in family.free]
    tried = sorted(_starts(family, starts, bounds, residual), key=lambda pair: pair[0])
    refined = [_refined(residual, start, bounds) for _, start in tried[:BEST]]
    best = min(refined, key=lambda values: _loss(residual(values)))
    return _rounded(family, residual, best, noise)


Residual = Callable[[Sequence[float]], Doubles]
Bounds = Sequence[tuple[float, float]]


def _bounds(parameter: Parameter) -> tuple[float, float]:
    low = SMALLEST if 0.0 < parameter.low < SMALLEST else max(parameter.low, -LARGEST)
    return low, min(parameter.high, LARGEST)


def _residual(family: Family, samples: Sequence[Sample]) -> Residual:
    wanted = np.concatenate([sample.value.ravel() for sample in samples])
    scale = 1.0 + np.abs(np.where(np.isfinite(wanted), wanted, 0.0))

    def residual(values: Sequence[float]) -> Doubles:
        try:
            found = [family.value(values, sample.x).ravel() for sample in samples]
        except ua.ParameterValueError:  # of parameters that do not go together
            return np.full(wanted.shape, WORST)
        with np.errstate(all="ignore"):
            difference = (np.concatenate(found) - wanted) / scale
        same = ~np.isfinite(wanted)  # what overflowed says nothing about parameters
        return np.clip(np.nan_to_num(np.where(same, 0.0, difference), nan=WORST), -WORST, WORST)

    return residual


def _loss(difference: Doubles) -> float:
    return float(np.mean(np.minimum(np.abs(difference), 1.0)))


def _starts(
    family: Family, starts: Sequence[float], bounds: Bounds, residual: Residual
) -> Iterator[tuple[float, tuple[float, ...]]]:
    allowed = [
        [default, *(value for value in starts if low <= value <= high)]
        for default, (low, high) in zip(family.defaults, bounds, strict=True)
    ]
    if len(allowed) <= 2:
        count = None if len(allowed) == 1 else PAIRS
        for values in itertools.product(*(choices[:count] for choices in allowed)):
            yield _loss(residual(values)), values
        return
    # One parameter after the other, twice.
    best = family.defaults
    for place in [*range(len(allowed))] * 2:
        options = [(*best[:place], value, *best[place + 1 :]) for value in allowed[place]]
        losses = [_loss(residual(values)) for values in options]
        yield from zip(losses, options, strict=True)
        best = options[int(np.argmin(losses))]


def _refined(residual: Residual, start: tuple[float, ...], bounds: Bounds) -> tuple[float, ...]:
    """Levenberg's and Marquardt's method, with the derivative by differences."""
    low, high = (np.array(side) for side in zip(*bounds, strict=True))
    values, damping = np.array(start, dtype=np.float64), 1e-3
    now = residual(values.tolist())
    for _ in range(STEPS):
        step = 1e-7 * (1.0 + np.abs(values))
        step = np.where(values + step > high, -step, step)
        moved = [
            residual((values + h * unit).tolist())
            for h, unit in zip(step, np.eye(len(step)), strict=True)
        ]
        slope = (np.stack(moved, axis=1) - now[:, np.newaxis]) / step
        square, towards = slope.T @ slope, slope.T @ now
        square += np.diag(damping * np.diag(square) + 1e-15)
        trial = np.clip(values - np.linalg.solve(square, towards), low, high)
        there = residual(trial.tolist())
        if there @ there < now @ now:
            settled = there @ there > SETTLED * (now @ now)
            values, now, damping = trial, there, damping / 5.0
            if settled:
                break
        elif damping > 1e6:
            break
        else:
            damping *= 5.0
    return tuple(values.tolist())


def _rounded(
    family: Family, residual: Residual, values: tuple[float, ...], noise: float
) -> tuple[float, ...]:
    """The plainest numbers that come as close: the default, a few digits, a fraction."""
    limit = 1.01 * float(np.max(np.abs(residual(values)))) + noise
    for place, default in enumerate(family.defaults):
        for plain in _plain(values[place], default):
            changed = (*values[:place], plain, *values[place + 1 :])
            if np.max(np.abs(residual(changed))) <= limit:
                values = changed
                break
    return values


def _plain(value: float, default: float) -> Iterator[float]:
    yield default
    if math.isfinite(value):
        yield round(value, 6)  # a 0 among them
        for digits in (1, 2, 3, 4):
            yield float(f"{value:.{digits}g}")
        for divisor in (3, 6, 7, 9):
            yield round(value * divisor) / divisor
        for digits in (5, 6, 7, 8, 9):
            yield float(f"{value:.{digits}g}")
