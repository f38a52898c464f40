"""The public function: an activation as a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onnx import ModelProto, ValueInfoProto, defs, helper

from unified_act import __version__
from unified_act.activation import Activation
from unified_act.assembly import assemble, elements
from unified_act.backend import DTYPES
from unified_act.callables import ActivationFunction, get_activation
from unified_act.dialects.translation import call
from unified_act.errors import ParameterValueError, UnknownActivationError, UnsupportedError
from unified_act.literals import shown
from unified_act.onnx import namespace
from unified_act.onnx.graph import ELEMENT_TYPES, Array, Graph
from unified_act.onnx.native import ADMITTED, Operator, operator_for
from unified_act.registry import ACTIVATIONS
from unified_act.shapes import axes_of, check_axis

if TYPE_CHECKING:
    from unified_act.backend import Numerics

__all__ = ["model"]

FIRST_OPSET = 13
DEFAULT_OPSET = 20
"""Old enough for the runtimes in use, and new enough for the operators Gelu and Mish."""


def model(
    name: str | Mapping[str, Any] | ActivationFunction | None,
    *,
    opset: int = DEFAULT_OPSET,
    dtype: str = "float32",
    shape: Sequence[int | str] | None = None,
    weight_shape: Sequence[int | str] | Mapping[str, Sequence[int | str]] | None = None,
    numerics: Numerics = "fast",
    dialect: str | None = None,
    **parameters: Any,
) -> ModelProto:
    """Returns an activation as an ONNX model.

    Its inputs are those of the activation by name: `x`; weights, by default vectors of one number
    or of one for each channel; a mask, which is boolean, or noise between 0 and 1, in the shape of
    `x`. Its output is `y`. float16 and bfloat16 are computed in float32 and rounded once, but for
    operators that are exact in them.

    Args:
        name: The activation, as for `get_activation`; or what that returned.
        opset: The version of the standard's operators, 13 or newer.
        dtype: The type of the inputs and of the output: ``"float16"``, ``"bfloat16"``,
            ``"float32"`` or ``"float64"``.
        shape: The shape of `x`; a string is the name of a length that is known at run time.
            Default: two such lengths, or as many as the parameter ``axis`` asks for. ONNX has no
            input of any number of dimensions.
        weight_shape: The shape of each weight, or shapes by name, with lengths as in `shape`. Those
            of several dimensions are broadcast to `x`.
        numerics: ``"fast"``: ONNX's own operator where ONNX Runtime computes it accurately, else
            the shared definition. ``"strict"``: always the shared definition.
        dialect: Whose name and parameters these are, as for `get_activation`.
        **parameters: The activation's parameters, as for `get_activation`.

    Raises:
        UnsupportedError: The opset is older than 13, or newer than the installed onnx.
        ParameterValueError: `dtype` or `shape` is none, `axis` does not exist in it, or
            `weight_shape` is for weights that there are not.
        InputTypeError: A `weight_shape` cannot be broadcast to `shape`.
        UnifiedActError: Whatever `get_activation` raises.

    Examples:
        >>> import onnx
        >>> import unified_act.onnx
        >>> elu = unified_act.onnx.model("elu", alpha=0.5, shape=("batch", 16))
        >>> onnx.checker.check_model(elu, full_check=True)
        >>> print(onnx.printer.to_text(elu.graph))
        elu (float[batch,16] x) => (float[batch,16] y) {
           y = Elu <alpha: float = 0.5> (x)
        }
    """
    activation, bound, numerics = _asked_for(name, numerics, dialect, parameters)
    _check_opset(opset)
    if dtype not in DTYPES:
        raise ParameterValueError(f"dtype must be one of {', '.join(DTYPES)}, got {shown(dtype)}.")
    shape = _shape_for(bound.get("axis"), shape)
    axes = bound["axis"] if isinstance(bound.get("axis"), tuple) else ()
    of_rows = {**bound, "axis": -1} if axes else bound
    computed, operator = _choose(activation, of_rows, dtype, numerics, opset)
    graph = Graph(opset, computed, shape)
    shapes = _weight_shapes(activation, bound, shape, weight_shape)
    inputs = _inputs(activation, bound, dtype, shape, shapes)
    function = _function(activation, of_rows, operator)
    arrays = [
        graph.array(info.name)
        if info.name in activation.masks or computed == dtype
        else graph.apply("Cast", graph.array(info.name), to=ELEMENT_TYPES[computed])
        for info in inputs
    ]
    graph.broadcast.update(
        array.name
        for info, array in zip(inputs, arrays, strict=True)
        if len(shapes.get(info.name, ())) > 1
    )
    result = _over_axes(function, arrays, axes_of(shape, axes)) if axes else function(*arrays)
    if computed != dtype:
        result = graph.apply("Cast", result, to=ELEMENT_TYPES[dtype])
    graph.finish(result, "y")
    lengths = [*shape]
    if activation.resizes:
        lengths[bound["axis"]] = "resized"
    output = helper.make_tensor_value_info("y", ELEMENT_TYPES[dtype], lengths)
    versions = [helper.make_opsetid("", opset)]
    return helper.make_model(
        helper.make_graph(
            graph.nodes, activation.name, inputs, [output], initializer=graph.constants
        ),
        opset_imports=versions,
        ir_version=helper.find_min_ir_version_for(versions),
        producer_name="unified_act",
        producer_version=__version__,
        doc_string=_documentation(activation, bound),
    )


def _asked_for(
    name: Any, numerics: Numerics, dialect: str | None, parameters: Mapping[str, Any]
) -> tuple[Activation, dict[str, Any], Numerics]:
    backend = None if isinstance(name, ActivationFunction) else "numpy"  # of names, any will do
    function: Any = get_activation(
        name, backend=backend, numerics=numerics, dialect=dialect, **parameters
    )
    if not isinstance(function, ActivationFunction):
        raise UnknownActivationError(
            f"{shown(name)} is none of ours: give the name of an activation, or register it."
        )
    activation = ACTIVATIONS.find(function.name, function.plugin)
    return activation, dict(function.parameters), function.numerics


def _check_opset(opset: int) -> None:
    if not isinstance(opset, int):
        raise ParameterValueError(f"opset must be an integer, got {shown(opset)}.")
    newest = defs.onnx_opset_version()
    if opset < FIRST_OPSET:
        raise UnsupportedError(
            f"opset {opset}: the definitions need operators as they are since opset {FIRST_OPSET}."
        )
    if opset > newest:
        raise UnsupportedError(
            f"opset {opset}: the installed onnx has opsets up to {newest}; upgrade onnx."
        )


def _shape_for(
    axis: int | tuple[int, ...] | None, shape: Sequence[int | str] | None
) -> list[int | str]:
    axes = axis if isinstance(axis, tuple) else () if axis is None else (axis,)
    if shape is None:
        rank = max(2, *(max(-each, each + 1) for each in axes), 0)
        return [f"d{index}" for index in range(rank)]
    _check_lengths("shape", shape)
    for each in axes:
        check_axis(shape, each)
    return list(shape)


def _check_lengths(what: str, shape: Sequence[int | str]) -> None:
    for length in [shape] if isinstance(shape, str) else shape:
        named = isinstance(length, str) and length.isidentifier()
        if isinstance(shape, str) or not (named or (type(length) is int and length >= 0)):
            raise ParameterValueError(
                f"{what} must hold lengths and names of lengths, got {shown(length)}."
            )


def _weight_shapes(
    activation: Activation,
    parameters: Mapping[str, Any],
    shape: Sequence[int | str],
    given: Sequence[int | str] | Mapping[str, Sequence[int | str]] | None,
) -> dict[str, Sequence[int | str]]:
    """The shape of each weight, by name."""
    names = activation.weights
    found: dict[str, Sequence[int | str]] = {name: [f"{name}_length"] for name in names}
    if given is None:
        return found
    by_name = given if isinstance(given, Mapping) else dict.fromkeys(names or ["any"], given)
    for name, lengths in by_name.items():
        if name not in names:
            has = f"the weights {', '.join(names)}" if names else "no weights"
            raise ParameterValueError(f"weight_shape: {activation.name} has {has}, not {name!r}.")
        _check_lengths("weight_shape", lengths)
        found[name] = list(lengths)
    check = activation.kind.shape_check(activation, parameters)
    if check is not None:
        shapes = (shape, *found.values())
        known = [[n if isinstance(n, int) else None for n in each] for each in shapes]
        check(*known)
    return found


def _choose(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    numerics: Numerics,
    opset: int,
) -> tuple[str, Operator | None]:
    """The type to compute in, and the operator to use in place of the shared definition."""
    wide = dtype if dtype == "float64" else "float32"
    admitted = ADMITTED.get(activation.name)
    if numerics == "fast" and admitted is not None:
        for computed in dict.fromkeys((dtype, wide)):
            if admitted.holds_for(computed, parameters):
                operator = operator_for(activation, parameters, computed, opset)
                if operator is not None:
                    return computed, operator
    return wide, None


def _function(
    activation: Activation, parameters: Mapping[str, Any], operator: Operator | None
) -> Callable[..., Array]:
    if operator is None:
        return assemble(activation, namespace, parameters)
    spread = elements(activation, namespace, parameters)
    return lambda x, *others: x.graph.apply(
        operator.name, *spread(x, *others), *operator.further, **operator.attributes
    )


def _over_axes(
    function: Callable[..., Array], arrays: Sequence[Array], axes: Sequence[int]
) -> Array:
    """The result along several axes, made one, which is the last."""
    graph = arrays[0].graph
    rank = len(graph.shape)
    order = [axis for axis in range(rank) if axis not in axes] + list(axes)
    moved = [graph.apply("Transpose", array, perm=order) for array in arrays]
    lengths = graph.apply("Shape", moved[0])
    kept = [0] * (rank - len(axes))  # as they are
    rows = [graph.apply("Reshape", array, graph.integers(*kept, -1)) for array in moved]
    parted = graph.apply("Reshape", function(*rows), lengths)
    return graph.apply("Transpose", parted, perm=[order.index(axis) for axis in range(rank)])


def _inputs(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    shape: Sequence[int | str],
    weight_shapes: Mapping[str, Sequence[int | str]],
) -> list[ValueInfoProto]:
    infos = []
    for name in activation.inputs_for(parameters):
        if name == "y":
            raise UnsupportedError(
                f"an input of {activation.name} is called y, as the output is: rename it."
            )
        kind = "bool" if name in activation.masks else dtype
        lengths = weight_shapes.get(name, shape)
        infos.append(helper.make_tensor_value_info(name, ELEMENT_TYPES[kind], lengths))
    return infos


def _documentation(activation: Activation, parameters: Mapping[str, Any]) -> str:
    lines = [
        call(activation.name, parameters),
        activation.summary,
        activation.formula,
        activation.source,
    ]
    return "\n".join(line for line in lines if line)
