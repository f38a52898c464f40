"""Reads a PyTorch model for the audit: the operations of `torch.export`, with their modules."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils import _pytree as pytree

from unified_act.errors import InputTypeError, UnsupportedError
from unified_act_conformance.audit.graph import Constant, Graph, Node, Role

__all__ = ["FILES", "read"]

FILES = (".pt2",)
"""How the names of files end that hold a model."""

SAME = {
    *("alias", "clone", "contiguous", "detach", "lift_fresh", "lift_fresh_copy", "to", "type_as"),
    *("_to_copy", "_conj", "resolve_conj", "dropout", "feature_dropout", "native_dropout"),
    *("alpha_dropout", "feature_alpha_dropout"),
}
"""What changes no number, but its type: a dropout in eval() among them."""
POINTWISE = {"hardswish", "prelu", "where", "log_sigmoid", "hardshrink", "masked_fill"}
"""What PyTorch does not mark as pointwise, and is."""
AXIS = {"softmax", "log_softmax", "glu", "safe_softmax"}
ATTENTION = "scaled_dot_product"
REDUCE = {
    *("sum", "mean", "amax", "amin", "max", "min", "var", "std", "norm", "linalg_vector_norm"),
    *("logsumexp", "prod", "var_mean", "std_mean", "cumsum", "linalg_norm"),
}
SHAPE = {
    *("view", "reshape", "unsqueeze", "squeeze", "expand", "expand_as", "transpose", "permute"),
    *("flatten", "unflatten", "chunk", "split", "split_with_sizes", "slice", "select", "t"),
    *("unsafe_chunk", "unsafe_split", "movedim", "broadcast_to", "getitem", "tensor_split"),
}
LINEAR = {"linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "conv1d", "conv2d"}
LINEAR |= {"conv3d", "convolution", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
CLOSED = {"lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "flex_attention"}
"""What has activations inside that cannot be seen."""
SMALL = 4096
"""Up to so many elements a constant is looked at."""


def read(model: Any, inputs: Any = None) -> Graph:
    """Returns the operations of a model, as it is in evaluation.

    Args:
        model: A module, a program of `torch.export`, or the path of one that was saved.
        inputs: What to call a module with: a tensor, a tuple of arguments, or a dict of them.

    Raises:
        unified_act.InputTypeError: It is none of these, or a module without inputs.
        unified_act.UnsupportedError: PyTorch cannot export it.
    """
    if isinstance(model, (str, Path)):
        model = torch.export.load(model)
    title = type(model).__name__
    if isinstance(model, nn.Module):
        model = getattr(model, "_orig_mod", model)  # of a compiled one
        title = type(model).__name__
        model = _exported(model, inputs)
    if not isinstance(model, torch.export.ExportedProgram):
        raise InputTypeError(f"expected a torch.nn.Module, got {title}.")
    return _Reader(model).graph(title)


class _TensorsOnly(nn.Module):
    """A model that returns its tensors alone: what else it returns, export may not know."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.audited_model = inner

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        return tuple(_tensors(self.audited_model(*arguments, **keywords)))


def _tensors(found: Any) -> Iterator[Any]:
    if isinstance(found, torch.Tensor):
        yield found
    elif isinstance(found, Mapping):
        for value in found.values():
            yield from _tensors(value)
    elif isinstance(found, (list, tuple)):
        for value in found:
            yield from _tensors(value)


def _exported(model: nn.Module, inputs: Any) -> torch.export.ExportedProgram:
    if isinstance(model, torch.jit.ScriptModule):
        raise UnsupportedError("the model is TorchScript: audit the module that it was made from.")
    given = _usual_inputs(model) if inputs is None else inputs
    keywords = dict(given) if isinstance(given, Mapping) else {}
    arguments = () if keywords else given if isinstance(given, tuple) else (given,)
    arguments, keywords = pytree.tree_map(_as_tensor, (arguments, keywords))
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        # Without gradients, so that a no_grad inside is no program of its own.
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # they are about programs that are kept
            return torch.export.export(_TensorsOnly(model), arguments, keywords, strict=False)
    except Exception as error:  # whatever a model of a user's raises
        raise UnsupportedError(
            "torch.export cannot trace the model with these inputs. Check that "
            "model(inputs) works; if it does, export the model to ONNX and audit that file."
        ) from error
    finally:
        for module in training:
            module.training = True


def _as_tensor(leaf: Any) -> Any:
    return torch.from_numpy(leaf) if isinstance(leaf, np.ndarray) else leaf


def _usual_inputs(model: nn.Module) -> Any:
    """What transformers and timm note about the inputs of their models."""
    dummy = getattr(model, "dummy_inputs", None)
    if isinstance(dummy, Mapping):
        return dummy
    size = (getattr(model, "default_cfg", None) or {}).get("input_size")
    if size is not None:
        return torch.zeros(1, *size)
    raise InputTypeError(
        f"{type(model).__name__} is traced to see its operations, and this needs an input: pass "
        "inputs=…, a tensor, a tuple of the arguments, or a dict. On the command line, the factory "
        "may return a pair (model, inputs)."
    )


class _Folded:
    """A tensor that is the same in every call, computed when somebody asks."""

    def __init__(self, compute: Callable[[], Any], *, learned: bool, fake: Any) -> None:
        self.compute, self.learned, self.fake = compute, learned, fake

    def constant(self, *, first: bool) -> Constant:
        shape = tuple(int(n) for n in self.fake.shape)
        size = self.fake.numel()
        if size > SMALL or (self.learned and size != 1 and not first):
            return Constant(None, learned=self.learned, shape=shape)
        flat = self.compute().detach().flatten()
        one = flat[0].item() if size else 0.0
        uniform = size == 1 or (
            not self.learned and bool(((flat == one) | torch.isnan(flat)).all())
        )
        value = one if uniform else None
        return Constant(value, first=one, learned=self.learned, shape=shape)


def _itself(tensor: Any) -> Any:
    return tensor


class _Reader:
    """Turns the graphs of a program, and those inside them, into one list of nodes."""

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        self.program = program
        self.nodes: list[Node] = []
        self.floats: dict[str, bool] = {}
        self.ranks: dict[str, int] = {}
        self.dtypes: dict[str, int] = {}
        self.notes: list[str] = []
        self.results: list[Any] = []

    def graph(self, title: str) -> Graph:
        program = self.program
        values: dict[Any, Any] = {}
        held = {**program.state_dict, **program.constants}
        signature = program.graph_signature
        names = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        weights = {*signature.inputs_to_parameters, *signature.inputs_to_buffers}
        for node in program.graph.find_nodes(op="placeholder"):
            fake = node.meta.get("val")
            if node.name in names:
                tensor = held[names[node.name]]
                learned = node.name in weights
                values[node] = _Folded(partial(_itself, tensor), learned=learned, fake=fake)
            elif isinstance(fake, torch.Tensor):
                values[node] = self._value(node.name, fake)
        results = self._read(program.graph_module, values, "")
        return _TorchGraph(
            title,
            "torch",
            f"PyTorch {torch.__version__.partition('+')[0]}",
            self.nodes,
            {value for value in (*results, *self.results) if isinstance(value, str)},
            self.floats,
            self.ranks,
            sorted(self.dtypes, key=self.dtypes.__getitem__, reverse=True),
            self.notes,
        )

    def _value(self, name: str, fake: torch.Tensor) -> str:
        self.floats[name] = fake.dtype.is_floating_point
        self.ranks[name] = fake.ndim
        if fake.dtype.is_floating_point:
            dtype = str(fake.dtype).removeprefix("torch.")
            self.dtypes[dtype] = self.dtypes.get(dtype, 0) + 1
        return name

    def _read(self, module: fx.GraphModule, values: dict[Any, Any], prefix: str) -> list[Any]:
        """Reads one graph; returns what it returns."""
        for node in module.graph.nodes:
            if node.op == "get_attr":
                found = operator.attrgetter(node.target)(module)
                values[node] = found
                if isinstance(found, torch.Tensor):
                    values[node] = _Folded(partial(_itself, found), learned=False, fake=found)
            elif node.op == "call_function":
                values[node] = self._call(node, values, prefix)
            elif node.op == "output":
                return list(
                    fx.node.map_arg(node.args[0], values.get)
                    if isinstance(node.args[0], (tuple, list))
                    else [values.get(node.args[0])]
                )
        return []

    def _call(self, node: fx.Node, values: dict[Any, Any], prefix: str) -> Any:
        if node.target is operator.getitem:
            whole = values.get(node.args[0])
            if isinstance(whole, (list, tuple)):
                return whole[node.args[1]]  # type: ignore[index]
        inner = [m for a in node.args if isinstance(m := values.get(a), fx.GraphModule)]
        if len(inner) == 1 and "wrap" in str(node.target):  # such as what is under autocast
            position = next(i for i, a in enumerate(node.args) if values.get(a) is inner[0])
            given = [values.get(a, a) for a in node.args[position + 1 :]]
            return self._inside(inner[0], given, node.name)
        for i, body in enumerate(inner):  # the branches of a condition, the body of a loop
            self.results += self._inside(body, [], f"{node.name}.{i}")
        operands = {n: values.get(n) for n in node.all_input_nodes}
        fake = node.meta.get("val")
        if not any(isinstance(value, str) for value in operands.values()):
            if not isinstance(fake, torch.Tensor):
                return None
            known = all(isinstance(value, _Folded) for value in operands.values())
            return _Folded(
                lambda: _run(node, {n: f.compute() for n, f in operands.items()}),  # type: ignore[union-attr]
                learned=not known or any(f.learned for f in operands.values()),  # type: ignore[union-attr]
                fake=fake,
            )
        return self._operation(node, values, prefix)

    def _inside(self, module: fx.GraphModule, given: Sequence[Any], prefix: str) -> list[Any]:
        """Reads a graph inside; of what is not given, nothing is known."""
        places = module.graph.find_nodes(op="placeholder")
        values: dict[Any, Any] = dict(zip(places, given, strict=False))
        for place in places[len(given) :]:
            values[place] = self._value(f"{prefix}.{place.name}", place.meta["val"])
        return self._read(module, values, f"{prefix}.")

    def _operation(self, node: fx.Node, values: dict[Any, Any], prefix: str) -> Any:
        fake = node.meta.get("val")
        base, mutates = _base(node)
        op = base.removeprefix("_")
        first = values.get(node.args[0]) if node.args else None
        if base in SAME and isinstance(first, str) and _keeps(node, base):
            return first
        name, role = f"{prefix}{node.name}", _role(node, base, op)
        if op in CLOSED:
            self.notes.append(f"{_place(node)}: {op} has activations inside that are not examined")
        outputs, result = self._outputs(name, fake)
        dims = _dims(node)
        ndim = self.ranks.get(first, 0) if isinstance(first, str) else 0
        axis = None if len(dims) != 1 else dims[0] - ndim if dims[0] >= 0 else dims[0]
        tensors = [n for n in node.all_input_nodes if isinstance(values.get(n), (str, _Folded))]
        inputs = [
            value if isinstance(value, str) else value.constant(first=op == "prelu")
            for value in (values[n] for n in tensors)
        ]
        if op.startswith(ATTENTION):
            op, axis = "attention", -1
        self.nodes.append(
            Node(
                op,
                role,
                tuple(inputs),
                outputs,
                key=(str(node.target), *_rest(node, tensors)),
                place=_place(node),
                line=_line(node),
                axis=axis,
                payload=(node, tensors),
            )
        )
        if mutates and node.args:
            values[node.args[0]] = result  # what was changed in place is this from now on
        return result

    def _outputs(self, name: str, fake: Any) -> tuple[tuple[str, ...], Any]:
        if isinstance(fake, (list, tuple)):
            names = [
                self._value(f"{name}:{i}", one) if isinstance(one, torch.Tensor) else f"{name}:{i}"
                for i, one in enumerate(fake)
            ]
            return tuple(names), names
        if isinstance(fake, torch.Tensor):
            self._value(name, fake)
        return (name,), name


def _base(node: fx.Node) -> tuple[str, bool]:
    """The name of an operation, and whether it works in place."""
    target = node.target
    if not isinstance(target, torch._ops.OpOverload):  # noqa: SLF001
        return getattr(target, "__name__", str(target)), False
    name = target._schema.name.rpartition("::")[2]  # noqa: SLF001
    mutates = target._schema.is_mutable and name.endswith("_")  # noqa: SLF001
    return (name[:-1] if mutates else name), mutates


def _keeps(node: fx.Node, base: str) -> bool:
    """Whether an operation of `SAME` returns the numbers that it takes."""
    if "dropout" in base:
        return len(node.args) < 3 or node.args[2] is False
    before, after = node.args[0].meta.get("val"), node.meta.get("val")  # type: ignore[union-attr]
    return (
        before is None
        or after is None
        or (before.dtype.is_floating_point == after.dtype.is_floating_point)
    )


def _role(node: fx.Node, base: str, op: str) -> Role:
    if op in AXIS or op.startswith(ATTENTION):
        return "axis"
    overload = node.target
    tags = overload.tags if isinstance(overload, torch._ops.OpOverload) else ()  # noqa: SLF001
    random = torch.Tag.nondeterministic_seeded in tags and base != "rrelu"
    if (torch.Tag.pointwise in tags and not random) or op in POINTWISE:
        return "pointwise"
    if base in SAME and "dropout" not in base:
        return "pointwise"  # from integers or truth values to floats
    if op in REDUCE:
        return "reduce"
    if op in SHAPE:
        return "shape"
    return "linear" if op in LINEAR else "other"


def _dims(node: fx.Node) -> list[int]:
    """The axes of an operation that has a parameter for them."""
    target = node.target
    if not isinstance(target, torch._ops.OpOverload):  # noqa: SLF001
        return []
    for i, argument in enumerate(target._schema.arguments):  # noqa: SLF001
        if argument.name in ("dim", "dims"):
            given = node.args[i] if i < len(node.args) else node.kwargs.get(argument.name)
            default = argument.default_value if given is None else given
            return (
                list(default)
                if isinstance(default, (list, tuple))
                else ([default] if isinstance(default, int) else [])
            )
    return []


def _rest(node: fx.Node, tensors: Sequence[fx.Node]) -> tuple[str, ...]:
    """All arguments but tensors, as they are told apart."""
    given = fx.node.map_arg(
        (node.args, node.kwargs), lambda n: f"%{tensors.index(n)}" if n in tensors else "%"
    )
    return (repr(given),)


def _place(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    paths = [path for path, _ in stack.values()]
    place = re.sub(r"@\d+$", "", paths[-1]) if paths else ""
    return place.removeprefix("audited_model").removeprefix(".")


def _line(node: fx.Node) -> str:
    """The innermost line of a user's or of a model library: not of PyTorch itself."""
    found = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    ours = [(file, line) for file, line in found if "/torch/" not in file.replace("\\", "/")]
    if not ours or ours[-1][0] == __file__:
        return ""
    return f"{Path(ours[-1][0]).name}:{ours[-1][1]}"


def _run(node: fx.Node, given: Mapping[fx.Node, Any], like: Any = None) -> Any:
    """Calls an operation with other tensors; of a float type that it names, it takes `like`'s."""

    def other(value: Any) -> Any:
        if like is not None and isinstance(value, torch.dtype) and value.is_floating_point:
            return like.dtype
        return value

    filled: Any = fx.node.map_arg((node.args, node.kwargs), lambda n: given[n])
    args = [other(value) for value in filled[0]]
    kwargs = {key: other(value) for key, value in filled[1].items()}
    if _base(node)[1]:  # it would change what it was given
        first = next(iter(given))
        args[0] = given[first].clone()
    return node.target(*args, **kwargs)  # type: ignore[operator]


class _TorchGraph(Graph):
    """Parts of it are run by PyTorch, operation by operation."""

    def function(self, nodes: Sequence[Node], source: str, result: str) -> Callable[[Any], Any]:
        """Returns a part of the model as a function of one tensor."""

        def part(x: Any) -> Any:
            values = {source: x}
            for node in nodes:
                if node.role == "shape":
                    values[node.output] = values[node.values[0]]
                    continue
                found = _reduced(node, values) if node.role == "reduce" else _step(node, values, x)
                values[node.output] = found
            return values[result]

        return part

    def alone(self, node: Node) -> Callable[[Any], Any]:
        """Returns an operation as a function of one tensor; of attention, the softmax."""
        call, tensors = node.payload
        if node.op == "attention":
            return _softmax_of_attention

        def function(x: Any) -> Any:
            given = {tensors[0]: x}
            args = list(call.args)
            args[0] = tensors[0]
            keywords = {key: value for key, value in call.kwargs.items() if key != "dtype"}
            if node.axis is not None:
                keywords["dim"] = node.axis
                args = args[:1]
                if call.target is torch.ops.aten._softmax.default or (  # noqa: SLF001
                    call.target is torch.ops.aten._log_softmax.default  # noqa: SLF001
                ):
                    args = [tensors[0], node.axis, False]
                    keywords = {}
            args = [given.get(a, a) if isinstance(a, fx.Node) else a for a in args]
            return call.target(*args, **keywords)

        return function


def _step(node: Node, values: Mapping[str, Any], x: Any) -> Any:
    call, tensors = node.payload
    given = {}
    for place, operand in zip(tensors, node.inputs, strict=True):
        if isinstance(operand, str):
            given[place] = values[operand]
        else:
            number = operand.first if operand.value is None else operand.value
            dtype = x.dtype if isinstance(number, float) else None
            given[place] = torch.tensor(number, dtype=dtype, device=x.device)
            if node.op == "prelu":
                given[place] = given[place].reshape(1)
    return _run(call, given, like=x)


def _reduced(node: Node, values: Mapping[str, Any]) -> Any:
    x, axis = values[node.values[0]], -1 if node.axis is None else node.axis
    if node.op in ("max", "amax"):
        return torch.amax(x, dim=axis, keepdim=True)
    return getattr(torch, node.op)(x, dim=axis, keepdim=True)


def _softmax_of_attention(x: Any) -> Any:
    """Attention with the scores `x` and the values 1: its softmax."""
    one = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device).expand(*x.shape[:-2], -1, -1)
    return F.scaled_dot_product_attention(x, one, one, scale=1.0)
