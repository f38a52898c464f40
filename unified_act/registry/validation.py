"""Tries out an activation before it is registered: signature, portability and derivatives.

The functions are called with plain Python numbers, so that no framework is needed. This finds
mistakes and names the line. The conformance suite measures the accuracy.
"""

from __future__ import annotations

import inspect
import math
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from unified_act.activation import Activation
from unified_act.assembly import own_parameters
from unified_act.errors import AccuracyWarning, InvalidActivationError, UnifiedActError
from unified_act.expression.strict_namespace import Mask, PortabilityError, Row, namespace
from unified_act.registry.diagnosis import findings

__all__ = ["validate"]

_Function = Callable[..., Any]
_Rows = Sequence[Any]

_X = (-6.7103, -3.1127, -1.7309, -0.3141, -0.0273, 0.0911, 0.8713, 1.4147, 2.2307, 3.5719, 5.3, 8.1)
"""Inputs away from likely kinks. There are twelve, which can be divided into 2, 3, 4 or 6."""
_CLOSE = tuple(0.3 * x for x in _X)
"""Inputs for an axis, where large numbers would hide the effect of the others."""
_STEP = 2e-5
_TOLERANCE = 1e-6
"""The relative tolerance for finite differences with this step."""


def validate(activation: Activation) -> None:
    """Raises unless an activation runs on every framework and its derivatives belong to it.

    A parameter without a default is set to 1, or to the nearest allowed number.

    Args:
        activation: The activation.

    Raises:
        InvalidActivationError: The activation is invalid. The message names the place and the
            mistake.
    """
    _Validation(activation).run()


class _Validation:
    """The checks of one activation."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        self.every = {p.name: p.trial for p in activation.parameters}
        if activation.along_axis:
            self.every["axis"] = -1
        self.parameters = own_parameters(activation, self.every)
        self.names = activation.kind.terms(activation.inputs)

    def run(self) -> None:
        """Runs all checks, the most basic first."""
        self._kind()
        for part in ("forward", "derivative", "second_derivative", "oracle"):
            if getattr(self.activation, part) is not None:
                self._signature(part)
        inputs = self._inputs()
        self._called("forward", *inputs)
        if self.activation.derivative is not None:
            if self.activation.along_axis:
                self._pullback(inputs)
            else:
                self._partials(inputs)
            if self.activation.kind.elementwise:
                self._kinks()
        if not self.activation.along_axis:
            self._exactness()

    def _fail(self, part: str, problem: str, place: str = "") -> InvalidActivationError:
        """Returns the error: the activation, its plugin, the place, and the problem."""
        plugin = f" of {self.activation.plugin}" if self.activation.plugin else ""
        if not place:
            code = getattr(getattr(self.activation, part, None), "__code__", None)
            place = f"{code.co_filename}:{code.co_firstlineno}" if code else ""
        at = f" at {place}" if place else ""
        name = self.activation.name
        return InvalidActivationError(f"activation {name!r}{plugin}: {part}{at}: {problem}.")

    def _kind(self) -> None:
        kind = self.activation.kind
        declared = [parameter.name for parameter in self.activation.parameters]
        missing = [name for name in kind.needs if name not in declared]
        if missing:
            raise self._fail(
                "parameters", f"an activation that is {kind} needs the parameters {missing}"
            )
        several = [parameter.name for parameter in self.activation.parameters if parameter.several]
        if several and (several != ["axis"] or kind != "axis" or self.activation.resizes):
            raise self._fail(
                "parameters",
                f"{several} cannot be several axes: only the axis of an activation along an axis "
                "that keeps its length can; leave out several=True",
            )
        if len(self.activation.inputs) < kind.least_inputs:
            raise self._fail(
                "inputs", f'it is {kind}, so name several inputs, as in inputs=("x", "weight")'
            )
        strangers = [
            name for name in self.activation.initial if name not in self.activation.weights
        ]
        if strangers:
            raise self._fail("initial", f"{strangers} are not among the learned inputs")

    def _signature(self, part: str) -> None:
        function = getattr(self.activation, part)
        declared = list(self.parameters)
        arguments = self.activation.kind.arguments(self.activation, part)
        if _takes(function, arguments, declared, exactly=part == "forward"):
            return
        keywords = [
            p.name
            for p in inspect.signature(function).parameters.values()
            if p.kind is p.KEYWORD_ONLY
        ]
        wanted = ", ".join([*arguments, *(["*", *declared] if declared else [])])
        name = _name_of(function)
        raise self._fail(
            part,
            f"the parameters are declared as {declared}, but {name} takes {keywords} after the "
            f"star. Write it as `def {name}({wanted})`",
        )

    def _inputs(self) -> list[Any]:
        """Returns an array for every input of `forward`, with different numbers in each."""
        activation, size = self.activation, len(_X)
        found: list[Any] = [Row(_CLOSE if activation.along_axis else _X)]
        names = activation.kind.terms(activation.inputs_for(self.every))
        for index, name in enumerate(names[1:]):
            role = activation.kind.role(activation, name)
            if role == "mask":
                found.append(Mask([place % 3 != 0 for place in range(size)]))
            elif role == "noise":
                found.append(Row([(place * 5 % size + 0.5) / size for place in range(size)]))
            elif role == "gate":
                found.append(Row(_X[5:] + _X[:5]))
            else:
                found.append(Row([0.37 + 0.21 * index + 0.013 * place for place in range(size)]))
        return found

    def _called(self, part: str, *arrays: Any) -> Any:
        """Calls a function of the activation. An error names the line that it comes from."""
        function = getattr(self.activation, part)
        try:
            result = function(namespace, *arrays, **self.parameters)
        except UnifiedActError:
            raise
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            if isinstance(error, PortabilityError):
                problem = str(error)
            elif isinstance(error, NameError) and error.name == _name_of(self.activation.forward):
                problem += (
                    ". The function has this name only after it is registered: put the common part "
                    "into a separate function"
                )
            raise self._fail(part, problem.rstrip("."), _line_of(error)) from error
        if part == "forward" and not isinstance(result, Row):
            raise self._fail(part, f"it must return an array, but returns {result!r}")
        return result

    def _slopes(self, part: str, inputs: _Rows, moving: int, pick: _Function) -> list[float]:
        """Returns the derivative with respect to one input, elementwise, by finite differences."""
        ends = []
        for sign in (1.0, -1.0):
            moved = Row([x + sign * _STEP for x in inputs[moving].values])
            given = [moved if index == moving else array for index, array in enumerate(inputs)]
            ends.append(pick(self._called(part, *given)).values)
        return [(up - down) / (2.0 * _STEP) for up, down in zip(*ends, strict=True)]

    def _compare(self, part: str, inputs: _Rows, what: str, given: Any, true: list[float]) -> None:
        values = given.values if isinstance(given, Row) else [given] * len(true)
        if len(values) != len(true):
            raise self._fail(part, f"{what} has {len(values)} elements, but must have {len(true)}")
        for place, (value, slope) in enumerate(zip(values, true, strict=True)):
            off = abs(value - slope)
            if math.isfinite(slope) and not off <= _TOLERANCE * (1.0 + abs(slope)):
                where = ", ".join(
                    f"{name}={array.values[place % len(array.values)]:g}"
                    for name, array in zip(self.names, inputs, strict=False)
                )
                raise self._fail(
                    part, f"{what} at {where} is {value:.6g}, but should be {slope:.6g}"
                )

    def _partials(self, inputs: list[Any]) -> None:
        """Compares the partial derivatives with finite differences of the function."""
        names, listed = self.names, self.activation.kind.listed
        found = self._called("derivative", *inputs)
        for index, row in enumerate(self._several("derivative", listed(found), len(inputs))):
            slopes = self._slopes("forward", inputs, index, lambda result: result)
            what = f"the derivative with respect to {names[index]}"
            self._compare("derivative", inputs, what, row, slopes)
        if self.activation.second_derivative is None:
            return
        second = listed(self._called("second_derivative", *inputs))
        for index, row in enumerate(self._several("second_derivative", second, len(inputs))):
            for by, entry in enumerate(listed(row)):
                slopes = self._slopes(
                    "derivative", inputs, by, lambda r, i=index: _array(listed(r)[i])
                )
                what = f"the derivative with respect to {names[index]} and {names[by]}"
                self._compare("second_derivative", inputs, what, entry, slopes)

    def _several(self, part: str, found: Any, count: int) -> Sequence[Any]:
        if not isinstance(found, (tuple, list)) or len(found) != count:
            raise self._fail(part, f"it must return a tuple of {count} arrays, one for each input")
        return found

    def _pullback(self, inputs: list[Any]) -> None:
        """Compares the pullback of an activation along an axis with finite differences."""
        result = self._called("forward", *inputs)
        cotangent = Row([math.cos(1.0 + place) for place in range(len(result.values))])
        back = self._called("derivative", cotangent, *inputs)
        by_x = self._several("derivative", back, len(inputs))[0]
        for place in range(len(_CLOSE)):
            ends = []
            for sign in (1.0, -1.0):
                x = [v + sign * _STEP * (index == place) for index, v in enumerate(_CLOSE)]
                values = self._called("forward", Row(x), *inputs[1:]).values
                # What is infinite, as a logarithm under a mask, does not move.
                finite = [value if math.isfinite(value) else 0.0 for value in values]
                ends.append(sum(map(float.__mul__, finite, cotangent.values)))
            slope = (ends[0] - ends[1]) / (2.0 * _STEP)
            what = f"the cotangent of element {place}"
            self._compare("derivative", [], what, Row([_array(by_x).values[place]]), [slope])

    def _exactness(self) -> None:
        """Compares with exact results, also at tiny and huge numbers; warns of inexact ones."""
        inexact = None
        for finding in findings(self.activation, self.every):
            error = self._fail(finding.part, finding.problem, finding.place)
            if finding.fatal:
                raise error
            inexact = inexact or error
        if inexact is not None:
            warnings.warn(str(inexact), AccuracyWarning, stacklevel=_level_of_the_author())

    def _kinks(self) -> None:
        """Compares the declared derivatives at kinks with those that `derivative` returns."""
        for kink in self.activation.kinks(**self.every):
            slope = _array(self._called("derivative", Row([kink.at]))).values[0]
            if slope != kink.derivative:
                raise self._fail(
                    "kinks",
                    f"the derivative at {kink.at:g} is declared as {kink.derivative:g}, but "
                    f"`derivative` gives {slope:g}",
                )


def _level_of_the_author() -> int:
    """The stack level of whoever registers the activation, seen from the caller."""
    own, level, frame = str(Path(__file__).parents[1]), 1, sys._getframe(1)  # noqa: SLF001
    while frame.f_back is not None and frame.f_code.co_filename.startswith(own):
        level, frame = level + 1, frame.f_back
    return level


def _name_of(function: _Function) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _takes(
    function: _Function, arguments: Sequence[str], keywords: Sequence[str], exactly: bool
) -> bool:
    """Whether a function accepts these arguments; with `exactly`, whether it takes no others."""
    signature = inspect.signature(function)
    try:
        signature.bind(*arguments, **dict.fromkeys(keywords))
    except TypeError:
        return False
    named = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    if exactly:
        return not open_ended and sorted(named) == sorted(keywords)
    return open_ended or set(keywords) <= set(named)


def _array(result: Any) -> Row:
    return result if isinstance(result, Row) else Row([result])


def _line_of(error: Exception) -> str:
    """Returns the last line of the author's code that led to an error."""
    own = str(Path(__file__).parents[1])
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(own)
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}, `{frames[-1].line}`" if frames else ""
