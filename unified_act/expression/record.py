"""Recording: from an activation, or a function of the same form, to its graph."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unified_act.activation import Activation
from unified_act.assembly import own_parameters
from unified_act.expression.derivative import derivatives, pullback
from unified_act.expression.graph import FLOAT, MASK, Graph, Node, RecordingError
from unified_act.expression.namespace import Recorder
from unified_act.expression.printer import text_of

__all__ = ["PARTS", "Expression", "record", "record_function"]

PARTS = ("forward", "derivative", "second_derivative")
"""The functions of a specification that can be recorded."""


@dataclass(frozen=True, eq=False)
class Expression:
    """A recorded function.

    Attributes:
        graph: What it computes.
        inputs: Its inputs, in order.
        outputs: Its results, in order; None is one that does not exist, such as the derivative by a
            mask. Those of a second derivative come row by row.
    """

    graph: Graph
    inputs: tuple[Node, ...]
    outputs: tuple[Node | None, ...]

    def __str__(self) -> str:
        return text_of(self.outputs)

    @property
    def operations(self) -> list[Node]:
        """What is computed: the nodes that are neither inputs nor constants."""
        present = [output for output in self.outputs if output is not None]
        return [node for node in self.graph.needed(present) if node.operands]


def record(
    activation: Activation,
    parameters: Mapping[str, Any],
    part: str = "forward",
    *,
    wide: bool = False,
    dtype: str = "float64",
    places: bool = False,
) -> Expression:
    """Records a function of an activation, with its parameters as constants.

    The inputs are the arrays that the function takes, in order: for an activation along an axis the
    derivative begins with the cotangent. A derivative that the author did not write is made from
    the graph.

    Args:
        activation: The activation.
        parameters: The parameters that differ from their defaults.
        part: One of `PARTS`.
        wide: Whether the type to compute in is much wider than that of the arrays: see `Graph`.
        dtype: The type to compute in: ``"float64"`` or ``"float32"``.
        places: Whether operations know the lines of code that they come from.

    Raises:
        RecordingError: The function does something that cannot be recorded or differentiated.
        UnknownParameterError: A parameter does not exist.
        ParameterValueError: A parameter is out of range.

    Examples:
        >>> from unified_act.registry import ACTIVATIONS
        >>> print(record(ACTIVATIONS.find("relu"), {}, "derivative"))
        x = input
        v1 = x > 0.0
        v2 = where(v1, 1.0, 0.0)
        return v2
    """
    bound = activation.bind(parameters)
    own = own_parameters(activation, bound)
    names = activation.kind.arguments(activation, part)[1:]
    if activation.deterministic(**bound):
        names = [name for name in names if name not in activation.noise]
    masks = activation.masks
    function: Callable[..., Any] | None = getattr(activation, part)
    if function is not None:
        return record_function(
            function, own, names, masks=masks, wide=wide, dtype=dtype, places=places
        )
    before = record(activation, parameters, _BEFORE[part], wide=wide, dtype=dtype, places=places)
    return _differentiated(activation, before, part)


_BEFORE = dict(zip(PARTS[1:], PARTS, strict=False))


def _differentiated(activation: Activation, before: Expression, part: str) -> Expression:
    """The derivative of what was recorded, in the form that the kind of activation has."""
    inputs = before.inputs
    if activation.along_axis:
        name = "cotangent" if part == "derivative" else "direction"
        carried = before.graph.input(name)
        value = before.outputs[0]
        assert value is not None  # noqa: S101  # a forward has it, and by x there is a derivative
        asked = inputs if part == "derivative" else inputs[:2]
        found = iter(pullback([value], [carried], [each for each in asked if each.kind == FLOAT]))
        outputs = [next(found) if each.kind == FLOAT else None for each in asked]
        return Expression(before.graph, (carried, *inputs), tuple(outputs))
    by_each = [derivatives(before.outputs, each) for each in inputs]
    rows = zip(*by_each, strict=True)
    return Expression(before.graph, inputs, tuple(entry for row in rows for entry in row))


def record_function(
    function: Callable[..., Any],
    parameters: Mapping[str, Any],
    inputs: Sequence[str] = ("x",),
    *,
    masks: Sequence[str] = (),
    wide: bool = False,
    dtype: str = "float64",
    places: bool = False,
) -> Expression:
    """Records ``function(xp, *inputs, **parameters)``.

    Args:
        function: The function.
        parameters: Its parameters, which become constants.
        inputs: The names of its arrays.
        masks: Those that are boolean.
        wide: As for `record`.
        dtype: As for `record`.
        places: As for `record`.

    Raises:
        RecordingError: The function does something that cannot be recorded.
    """
    graph = Graph(dtype, wide=wide)
    graph.place = _place if places else None
    nodes = [graph.input(name, MASK if name in masks else FLOAT) for name in inputs]
    try:
        found = function(Recorder(graph), *nodes, **parameters)
    except RecordingError:
        raise
    except Exception as error:
        raise RecordingError(f"{type(error).__name__} while it was recorded: {error}") from error
    graph.place = None
    outputs = tuple(None if value is None else graph.lift(value) for value in _flat(found))
    return Expression(graph, tuple(nodes), outputs)


_OWN = f"{Path(__file__).parents[1]}{os.sep}"


def _place() -> str:
    """The line outside of this package that is being run."""
    frame = sys._getframe(1)  # noqa: SLF001
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _flat(found: Any) -> list[Any]:
    if isinstance(found, (tuple, list)):
        return [value for entry in found for value in _flat(entry)]
    return [found]
