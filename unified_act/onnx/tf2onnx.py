"""What tf2onnx has to be told to convert every activation.

It has no Erfc, Expm1 and Log1p; what it makes of Elu, LogSoftmax and Softmax leaves their numbers
to the reader; and a choice it writes as a sum of products with 0 and 1, which is NaN where what is
not chosen is infinite or NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onnx import helper, numpy_helper

from unified_act.onnx import namespace
from unified_act.onnx.graph import Array, Graph

__all__ = ["handlers"]

Handler = Callable[[Any, Any, str, Any], None]


def handlers(opset: int) -> Mapping[str, tuple[Handler, list[Any]]]:
    """Returns the `custom_op_handlers` that tf2onnx converts every activation with.

    Args:
        opset: The opset that is converted to, 13 or newer.

    Examples:
        >>> sorted(handlers(opset=17))
        ['Elu', 'Erfc', 'Expm1', 'Log1p', 'LogSoftmax', 'SelectV2', 'Softmax']
    """
    written: dict[str, Callable[..., Array]] = {
        "Erfc": namespace.erfc,
        "Expm1": namespace.expm1,
        "Log1p": namespace.log1p,
        "SelectV2": namespace.where,
    }
    for name in ("Elu", "LogSoftmax", "Softmax"):
        written[name] = _operator(name)
    return {name: (_handler(function, opset), []) for name, function in written.items()}


def _operator(name: str) -> Callable[[Array], Array]:
    """The operator of that name, with all attributes as TensorFlow has them: the defaults."""
    return lambda x: x.graph.apply(name, x)


def _handler(function: Callable[..., Array], opset: int) -> Handler:
    def replace(context: Any, node: Any, name: str, _arguments: Any) -> None:
        (output,) = node.output
        dtype, shape = context.get_dtype(output), context.get_shape(output)
        graph = Graph(opset, str(helper.tensor_dtype_to_np_dtype(dtype)), ())
        result = function(*map(graph.array, node.input))
        context.remove_node(node.name)
        # Names are the graph's own, and have to be those of this node alone in the other graph.
        names = dict(zip(node.input, node.input, strict=True)) | {result.name: output}
        for constant in graph.constants:
            names[constant.name] = f"{name}/{constant.name}"
            context.make_const(names[constant.name], numpy_helper.to_array(constant))
        for place, each in enumerate(graph.nodes):
            made = [names.setdefault(value, f"{name}/{value}") for value in each.output]
            context.make_node(
                each.op_type,
                [names[value] for value in each.input],
                {attribute.name: attribute for attribute in each.attribute},
                outputs=made,
                name=f"{name}/{place}",
            )
        context.set_dtype(output, dtype)
        context.set_shape(output, shape)

    return replace
