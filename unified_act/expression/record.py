"""Recording: from an activation, or a function of the same form, to its graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unified_act.activation import Activation
from unified_act.assembly import own_parameters
from unified_act.expression.derivative import derivatives
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
) -> Expression:
    """Records a function of an activation, with its parameters as constants.

    The inputs are the arrays that the function takes, in order: for an activation along an axis the
    derivative begins with the cotangent. Where the author wrote no derivative of an elementwise
    activation, it is made from the graph.

    Args:
        activation: The activation.
        parameters: The parameters that differ from their defaults.
        part: One of `PARTS`.
        wide: Whether the type to compute in is much wider than that of the arrays: see `Graph`.
        dtype: The type to compute in: ``"float64"`` or ``"float32"``.

    Raises:
        RecordingError: The function does something that cannot be recorded, or does not exist.
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
        return record_function(function, own, names, masks=masks, wide=wide, dtype=dtype)
    if part == "forward" or not activation.kind.elementwise:
        raise RecordingError(f"{activation.name} has no {part}")
    before = PARTS[PARTS.index(part) - 1]
    whole = record(activation, parameters, before, wide=wide, dtype=dtype)
    return Expression(whole.graph, whole.inputs, derivatives(whole.outputs, whole.inputs[0]))


def record_function(
    function: Callable[..., Any],
    parameters: Mapping[str, Any],
    inputs: Sequence[str] = ("x",),
    *,
    masks: Sequence[str] = (),
    wide: bool = False,
    dtype: str = "float64",
) -> Expression:
    """Records ``function(xp, *inputs, **parameters)``.

    Args:
        function: The function.
        parameters: Its parameters, which become constants.
        inputs: The names of its arrays.
        masks: Those that are boolean.
        wide: As for `record`.
        dtype: As for `record`.

    Raises:
        RecordingError: The function does something that cannot be recorded.
    """
    graph = Graph(dtype, wide=wide)
    nodes = [graph.input(name, MASK if name in masks else FLOAT) for name in inputs]
    try:
        found = function(Recorder(graph), *nodes, **parameters)
    except RecordingError:
        raise
    except Exception as error:
        raise RecordingError(f"{type(error).__name__} while it was recorded: {error}") from error
    outputs = tuple(None if value is None else graph.lift(value) for value in _flat(found))
    return Expression(graph, tuple(nodes), outputs)


def _flat(found: Any) -> list[Any]:
    if isinstance(found, (tuple, list)):
        return [value for entry in found for value in _flat(entry)]
    return [found]
