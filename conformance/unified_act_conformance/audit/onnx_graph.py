"""Reads an ONNX model for the audit; parts of it are run as ONNX defines its operators."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from unified_act.errors import InputTypeError, UnsupportedError
from unified_act_conformance.audit.graph import Constant, Graph, Node, Role

__all__ = ["read"]

POINTWISE = {
    *("Abs", "Add", "And", "Atan", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos", "Cosh"),
    *("Div", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual"),
    *("HardSigmoid", "HardSwish", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log"),
    *("Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "Sum"),
    *("Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh"),
    *("Softplus", "Softsign", "Sqrt", "Sub", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Where"),
    *("Xor", "Asin", "Acos", "Asinh", "Acosh", "Atanh"),
}
SAME = {"Identity", "Dropout"}
AXIS = {"Softmax", "LogSoftmax", "Hardmax"}
SHAPE = {
    *("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Expand", "Flatten", "Slice", "Split"),
    *("Concat", "Gather", "Tile", "DepthToSpace", "SpaceToDepth", "Pad"),
}
LINEAR = {"MatMul", "Gemm", "Conv", "ConvTranspose", "Einsum"}
CLOSED = {"LSTM", "GRU", "RNN", "MultiHeadAttention", "GroupQueryAttention"}
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
NAMES = {
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.FLOAT16: "float16",
    TensorProto.BFLOAT16: "bfloat16",
}
SMALL = 4096
"""Up to so many elements a constant is computed, and looked at."""
FUSED = {
    "Gelu": ("Gelu", {"approximate": "none"}),
    "FastGelu": ("Gelu", {"approximate": "tanh"}),
    "QuickGelu": ("QuickGelu", {}),
}
"""What ONNX Runtime's own domain writes for operators of ONNX."""


def read(model: Any, inputs: Any = None) -> Graph:
    """Returns the operations of a model.

    Args:
        model: A `ModelProto`, or the path of one.
        inputs: Not used: an ONNX model says what its inputs are.

    Raises:
        unified_act.InputTypeError: It is no ONNX model.
    """
    del inputs
    title = "the model"
    if isinstance(model, (str, Path)):
        title = Path(model).name
        try:
            model = onnx.load(model)
        except Exception as error:  # of protobuf, which has several
            raise InputTypeError(f"{title} is no ONNX model.") from error
    if not isinstance(model, onnx.ModelProto):
        raise InputTypeError(f"expected an ONNX model, got {type(model).__name__}.")
    title = model.graph.name if title == "the model" and model.graph.name else title
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    with contextlib.suppress(Exception):  # of a model that is too large: types are then not known
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    return _Reader(model).graph(title)


@dataclass
class _Known:
    """A tensor that is the same in every call."""

    value: Any
    learned: bool

    def constant(self) -> Constant:
        array, shape = self.value, ()
        if array is None:
            return Constant(None, learned=self.learned)
        shape, flat = tuple(array.shape), array.ravel()
        if not flat.size or array.dtype.kind not in "fiub":
            return Constant(None, shape=shape)
        first = flat[0].item()
        same = not self.learned and bool(np.all((flat == first) | (flat != flat)))  # noqa: PLR0124
        one = flat.size == 1 or (flat.size <= SMALL and same)
        return Constant(first if one else None, first, self.learned, shape)


@dataclass
class _Reader:
    """Reads one graph and those inside it; what is computed from constants alone is folded."""

    model: onnx.ModelProto
    nodes: list[Node] = field(default_factory=list)
    known: dict[str, _Known] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    results: set[str] = field(default_factory=set)

    def graph(self, title: str) -> Graph:
        graph = self.model.graph
        self._types(graph)
        self._read(graph)
        counts: dict[str, int] = {}
        names = {int(kind): name for kind, name in NAMES.items()}
        for value in {output for node in self.nodes for output in node.outputs}:
            name = names.get(self.types.get(value, 0))
            if name:
                counts[name] = counts.get(name, 0) + 1
        opset = next((o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx")), 0)
        maker = self.model.producer_name
        return _OnnxGraph(
            title,
            "numpy",
            f"ONNX opset {opset}" + (f", by {maker}" if maker else ""),
            self.nodes,
            {self.same.get(name, name) for name in self.results},
            {name: kind in FLOATS for name, kind in self.types.items()},
            self.ranks,
            sorted(counts, key=counts.__getitem__, reverse=True),
            self.notes,
            opsets=list(self.model.opset_import),
            ir=self.model.ir_version,
        )

    def _types(self, graph: onnx.GraphProto) -> None:
        for info in (*graph.input, *graph.value_info, *graph.output):
            tensor = info.type.tensor_type
            if tensor.elem_type:
                self.types[info.name] = tensor.elem_type
            if tensor.HasField("shape"):
                self.ranks[info.name] = len(tensor.shape.dim)

    def _read(self, graph: onnx.GraphProto) -> None:
        self.results |= {output.name for output in graph.output}
        for tensor in graph.initializer:
            array = numpy_helper.to_array(tensor)
            self.known[tensor.name] = _Known(array, learned=array.size > 1)
            self.types[tensor.name] = tensor.data_type
            self.ranks[tensor.name] = array.ndim
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):  # the branches of an If, the body of a Loop
                    self._types(attribute.g)
                    self._read(attribute.g)
            self._operation(node)

    def _operation(self, node: onnx.NodeProto) -> None:
        op = node.op_type
        given = [self.same.get(name, name) for name in node.input]
        present = [name for name in given if name]
        if op == "Constant" or (present and all(name in self.known for name in present)):
            self._fold(node, given)
            return
        data = next((name for name in present if name not in self.known), "")
        if op == "ConstantOfShape":
            value = next((numpy_helper.to_array(a.t) for a in node.attribute), np.zeros(1, "f"))
            self.known[node.output[0]] = _Known(value, learned=False)
            return
        if op in SAME or (op == "Cast" and self._both_floats(node, data)):
            self.same[node.output[0]] = data
            return
        if op == "Expand" and given[0] in self.known:
            self.known[node.output[0]] = self.known[given[0]]
            return
        if op in ("Shape", "Size", "Range"):
            self._add(node, given, "other")
            return
        if op in CLOSED or (op == "Attention" and node.domain):
            self.notes.append(
                f"{_place(node) or node.output[0]}: {op} has activations inside that are not "
                "examined"
            )
        self._add(node, given, self._role(node, given))

    def _both_floats(self, node: onnx.NodeProto, data: str) -> bool:
        to = next((a.i for a in node.attribute if a.name == "to"), 0)
        return to in FLOATS and self.types.get(data, 0) in FLOATS

    def _fold(self, node: onnx.NodeProto, given: Sequence[str]) -> None:
        parts = [self.known[name] for name in given if name]
        learned = any(part.learned for part in parts)
        sizes = [part.value.size for part in parts if part.value is not None]
        outputs: Sequence[Any] = [None] * len(node.output)
        known = all(part.value is not None for part in parts)
        if known and max(sizes, default=0) <= SMALL:
            with contextlib.suppress(Exception):  # an operator that cannot be run is not folded
                outputs = _run_one(node, {n: self.known[n].value for n in given if n}, self.model)
        for name, value in zip(node.output, outputs, strict=False):
            array = None if value is None else np.asarray(value)
            self.known[name] = _Known(array, learned)
            if array is not None:
                self.types[name] = helper.np_dtype_to_tensor_dtype(array.dtype)

    def _role(self, node: onnx.NodeProto, given: Sequence[str]) -> Role:
        op = node.op_type
        if op in POINTWISE or (node.domain == "com.microsoft" and op in FUSED):
            return "pointwise"
        if op in AXIS or (op == "Attention" and not node.domain):
            return "axis"
        if op.startswith("Reduce"):
            return "reduce"
        if op == "Gather" and given[0] in self.known:
            return "other"  # a table
        return "shape" if op in SHAPE else "linear" if op in LINEAR else "other"

    def _add(self, node: onnx.NodeProto, given: Sequence[str], role: Role) -> None:
        inputs = tuple(
            self.known[name].constant() if name in self.known else name for name in given if name
        )
        outputs = tuple(name for name in node.output if name)
        plain = {
            a.name: helper.get_attribute_value(a) for a in node.attribute if not a.HasField("g")
        }
        axis = self._axis(node, given, plain)
        op = node.op_type.lower()
        if role == "pointwise":
            for output in outputs:
                self._infer(node, given, output)
        self.nodes.append(
            Node(
                op,
                role,
                inputs,
                outputs,
                key=(node.domain, repr(sorted(plain.items())), tuple(map(bool, given))),
                place=_place(node),
                axis=axis,
                payload=(node, [name for name in given if name], self.known),
            )
        )

    def _infer(self, node: onnx.NodeProto, given: Sequence[str], output: str) -> None:
        """What shape inference leaves out, as it does for operators of other domains."""
        truth = {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "IsNaN"}
        if node.op_type in truth | {"And", "Or", "Xor", "IsInf"}:
            self.types.setdefault(output, TensorProto.BOOL)
        elif given[-1] in self.types:
            self.types.setdefault(output, self.types[given[-1]])

    def _axis(
        self, node: onnx.NodeProto, given: Sequence[str], attributes: Mapping[str, Any]
    ) -> int | None:
        ndim = self.ranks.get(given[0], 0) if given else 0
        axes = attributes.get("axes", attributes.get("axis"))
        if axes is None and node.op_type.startswith("Reduce") and len(given) > 1:
            known = self.known.get(given[1])
            axes = known.value.tolist() if known is not None and known.value is not None else None
        if node.op_type == "Attention":
            return -1
        if axes is None and node.op_type in AXIS:
            axes = -1 if self._opset() >= 13 else 1
        if isinstance(axes, (list, tuple)):
            axes = axes[0] if len(axes) == 1 else None
        if not isinstance(axes, int):
            return None
        return axes - ndim if axes >= 0 and ndim else axes

    def _opset(self) -> int:
        return next((o.version for o in self.model.opset_import if not o.domain), 13)


def _place(node: onnx.NodeProto) -> str:
    """The module that PyTorch's exporters note, or the name of the node."""
    for entry in node.metadata_props:
        if entry.key.endswith("name_scopes"):
            scopes = ast.literal_eval(entry.value)
            path = scopes[-2] if len(scopes) > 1 else ""
            return path or node.name
    names: list[str] = []
    for name in node.name.strip("/").split("/")[:-1] if node.name.startswith("/") else ():
        if names and name.startswith(f"{names[-1]}."):  # in a list: /layer/layer.0/act/Mul
            names.pop()
        names.append(name)
    if names:
        return ".".join(names)
    return node.name


def _run_one(
    node: onnx.NodeProto, values: Mapping[str, Any], model: onnx.ModelProto
) -> Sequence[Any]:
    graph = helper.make_graph(
        [node],
        "folded",
        [helper.make_empty_tensor_value_info(name) for name in values],
        [helper.make_empty_tensor_value_info(name) for name in node.output if name],
    )
    made = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    evaluator: Any = ReferenceEvaluator(made)
    with np.errstate(all="ignore"):
        found: Sequence[Any] = evaluator.run(None, dict(values))
    return found


@dataclass
class _OnnxGraph(Graph):
    """Parts of it become small models."""

    opsets: Sequence[Any] = ()
    ir: int = 10

    def function(self, nodes: Sequence[Node], source: str, result: str) -> Callable[[Any], Any]:
        """Returns a part of the model as a function of one array."""
        made = list(self._made(nodes, source))
        return self._runner(made, source, result)

    def _made(self, nodes: Sequence[Node], source: str) -> Iterator[onnx.NodeProto]:
        for node in nodes:
            proto, names, known = node.payload
            if node.role == "shape":  # of what is one number in each row
                yield helper.make_node("Identity", node.values[:1], [node.output])
                continue
            given = []
            for name, operand in zip(names, node.inputs, strict=True):
                if isinstance(operand, str) or node.role == "reduce":
                    given.append(name)
                    if name in known:
                        yield _constant(name, np.asarray([node.axis], dtype=np.int64))
                    continue
                number = operand.first if operand.value is None else operand.value
                constant = f"{node.output}:{name}"
                array = known[name].value
                if array is None or number is None:
                    raise UnsupportedError(f"the value of {name} is not known.")
                value = np.asarray(number, dtype=array.dtype)
                if array.dtype.kind in "iub":
                    yield _constant(constant, value)
                else:  # of the type of the input, whatever that is
                    yield _constant(f"{constant}:", value)
                    yield helper.make_node("CastLike", [f"{constant}:", source], [constant])
                given.append(constant)
            yield from _copy(proto, given, node, source)

    def alone(self, node: Node) -> Callable[[Any], Any]:
        """Returns an operation as a function of one array."""
        proto, names, _ = node.payload
        if node.op == "attention":
            return self._softmax_of_attention()
        return self._runner(list(_copy(proto, names, node, names[0])), names[0], node.output)

    def _softmax_of_attention(self) -> Callable[[Any], Any]:
        """Attention with scores that are given and the values 1: its softmax."""
        names = [helper.make_empty_tensor_value_info(name) for name in ("q", "k", "v", "y")]
        node = helper.make_node("Attention", ["q", "k", "v"], ["y"], scale=1.0)
        graph = helper.make_graph([node], "part", names[:3], names[3:])
        made = helper.make_model(graph, opset_imports=self.opsets, ir_version=self.ir)
        evaluator: Any = ReferenceEvaluator(made)

        def softmax(x: Any) -> Any:
            scores = x.reshape(1, -1, *x.shape[-2:])
            one = np.broadcast_to(
                np.eye(x.shape[-1], dtype=x.dtype), (1, scores.shape[1], *x.shape[-1:] * 2)
            )
            found = evaluator.run(None, {"q": scores, "k": one, "v": one})[0]
            return np.asarray(found).reshape(x.shape).astype(x.dtype)

        return softmax

    def _runner(
        self, nodes: Sequence[onnx.NodeProto], source: str, result: str
    ) -> Callable[[Any], Any]:
        graph = helper.make_graph(
            nodes,
            "part",
            [helper.make_tensor_value_info(source, TensorProto.FLOAT, None)],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, None)],
        )
        made = helper.make_model(graph, opset_imports=self.opsets, ir_version=self.ir)
        evaluator: Any = ReferenceEvaluator(made)

        def part(x: Any) -> Any:
            with np.errstate(all="ignore"):
                found = evaluator.run(None, {source: x})[0]
            return np.asarray(found)

        return part


def _constant(name: str, array: Any) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))


def _copy(
    proto: onnx.NodeProto, given: Sequence[str], node: Node, source: str
) -> Iterator[onnx.NodeProto]:
    """The same operation with other inputs; a change of the type takes that of the source."""
    if proto.op_type in ("Cast", "CastLike"):
        yield helper.make_node("CastLike", [given[0], source], [node.output])
        return
    if proto.domain == "com.microsoft":
        yield from _fused(proto, given, node.output)
        return
    copy = onnx.NodeProto()
    copy.CopyFrom(proto)
    del copy.input[:], copy.output[:]
    copy.input.extend(given)
    copy.output.extend([node.output])
    if node.axis is not None:
        for attribute in copy.attribute:
            if attribute.name == "axis":
                attribute.i = node.axis
            elif attribute.name == "axes":
                del attribute.ints[:]
                attribute.ints.append(node.axis)
            elif attribute.name == "keepdims":
                attribute.i = 1
        if not any(a.name == "axis" for a in copy.attribute) and node.role == "axis":
            copy.attribute.append(helper.make_attribute("axis", node.axis))
    yield copy


def _fused(proto: onnx.NodeProto, given: Sequence[str], output: str) -> Iterator[onnx.NodeProto]:
    """What an operator of ONNX Runtime does to one input, in operators of ONNX."""
    name, attributes = FUSED[proto.op_type]
    if name == "Gelu":
        yield helper.make_node("Gelu", given[:1], [output], **attributes)
        return
    alpha = next((a.f for a in proto.attribute if a.name == "alpha"), 1.702)
    yield _constant(f"{output}:alpha", np.asarray(alpha, dtype=np.float32))
    yield helper.make_node("CastLike", [f"{output}:alpha", given[0]], [f"{output}:b"])
    yield helper.make_node("Mul", [given[0], f"{output}:b"], [f"{output}:a"])
    yield helper.make_node("Sigmoid", [f"{output}:a"], [f"{output}:s"])
    yield helper.make_node("Mul", [given[0], f"{output}:s"], [output])
