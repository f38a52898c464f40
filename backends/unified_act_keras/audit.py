"""Reads a Keras model for the audit: its operations, and the activations of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from unified_act.errors import InputTypeError, UnsupportedError
from unified_act_conformance.audit.graph import Constant, Graph, Node, Role

__all__ = ["read"]

HELD = ("activation", "recurrent_activation")
"""How the attributes of layers are called that hold an activation."""
OPERATIONS = {
    "Multiply": "mul",
    "Subtract": "sub",
    "Divide": "div",
    "TrueDivide": "div",
    "Add": "add",
    "Maximum": "max",
    "Minimum": "min",
    "Power": "pow",
    "Where": "where",
}
"""Operations of several tensors that act on single elements, as other frameworks call them."""
LINEAR = {"Matmul", "Einsum", "Dot", "Dense", "EinsumDense"}
SHAPE = {
    *("Reshape", "Transpose", "Permute", "Flatten", "ExpandDims", "Squeeze", "Concatenate"),
    *("ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D", "RepeatVector", "Split"),
}
SAME = {"GaussianNoise", "ActivityRegularization", "Identity", "Masking"}
"""With dropouts, what changes nothing in evaluation."""
REDUCE = {"Mean", "Sum", "Max", "Min", "Var", "Std", "Norm"}


def read(model: Any, inputs: Any = None) -> Graph:
    """Returns the operations of a model.

    Args:
        model: A model or layer, or the path of a file that Keras can load.
        inputs: Not used: a functional model knows its operations.

    Raises:
        unified_act.InputTypeError: It is none of these.
        unified_act.UnsupportedError: Keras cannot load the file.
    """
    del inputs
    if isinstance(model, (str, Path)):
        try:
            model = keras.saving.load_model(str(model), compile=False)
        except Exception as error:  # whatever a layer of a user's raises
            raise UnsupportedError(f"Keras cannot load {Path(model).name}.") from error
    if not isinstance(model, keras.Layer):
        raise InputTypeError(f"expected a Keras model, got {type(model).__name__}.")
    return _Reader().graph(model)


class _Reader:
    """Turns a functional model into nodes; of any other, the layers one after the other."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.values: dict[int, str] = {}
        self.ranks: dict[str, int] = {}
        self.floats: dict[str, bool] = {}
        self.notes: list[str] = []
        self.results: set[str] = set()

    def graph(self, model: Any) -> Graph:
        inner = _functional(model)
        if inner is None:
            self._walk(model, "")
        else:
            for tensor in inner.inputs:
                self._value(tensor)
            self._read(inner, "")
            self.results |= {self.values[id(tensor)] for tensor in inner.outputs}
        backend = str(keras.backend.backend())
        return _KerasGraph(
            model.name,
            backend,
            f"Keras {keras.__version__} on {backend}",
            self.nodes,
            self.results,
            self.floats,
            self.ranks,
            [str(model.compute_dtype)],
            list(dict.fromkeys(self.notes)),
        )

    def _value(self, tensor: Any) -> str:
        name = f"t{len(self.ranks)}"
        self.values[id(tensor)] = name
        self.ranks[name] = len(tensor.shape)
        self.floats[name] = "float" in str(tensor.dtype)
        return name

    # Functional models

    def _read(self, model: Any, prefix: str) -> None:
        for depth in sorted(model._nodes_by_depth, reverse=True):  # noqa: SLF001
            for node in model._nodes_by_depth[depth]:  # noqa: SLF001
                if not node.is_input:
                    self._node(node, prefix)

    def _node(self, node: Any, prefix: str) -> None:
        operation, given = node.operation, node.arguments.keras_tensors
        place = f"{prefix}{operation.name}"
        inner = _functional(operation)
        if inner is not None:
            for tensor, outer in zip(inner.inputs, given, strict=False):
                self.values[id(tensor)] = self.values[id(outer)]
            self._read(inner, f"{place}.")
            for tensor, outer in zip(inner.outputs, node.outputs, strict=False):
                self.values[id(outer)] = self.values[id(tensor)]
            return
        if isinstance(operation, keras.layers.Wrapper):
            self._walk(operation, place)
        names = [self.values[id(tensor)] for tensor in given]
        if "Dropout" in type(operation).__name__ or type(operation).__name__ in SAME:
            self.values[id(node.outputs[0])] = names[0]
            return
        outputs = [self._value(tensor) for tensor in node.outputs]
        held = list(_held(operation))
        if held or _sublayers(operation):
            before = f"{outputs[0]}:before"
            self.ranks[before], self.floats[before] = self.ranks[outputs[0]], True
            role: Role = "linear" if type(operation).__name__ in LINEAR else "other"
            after = held and held[0][0] == "activation" and len(held) == 1
            first = (before,) if after else tuple(outputs)
            self._add(type(operation).__name__, role, names, first, place)
            for name, function in held:
                value = outputs[0] if after else self._fresh(before)
                source = before if after else outputs[0]
                self._activation(function, source, value, f"{place}.{name}")
            self._walk(operation, place, own=False)
            self._note(operation, place)
            return
        self._operation(operation, node.arguments, names, outputs, place)

    def _operation(
        self, operation: Any, arguments: Any, names: list[str], outputs: list[str], place: str
    ) -> None:
        kind = type(operation).__name__
        if kind == "PReLU":
            slope = np.asarray(keras.ops.convert_to_numpy(operation.alpha)).ravel()
            shape = tuple(operation.alpha.shape)
            learned = Constant(None, float(slope[0]), learned=True, shape=shape)
            self._add("prelu", "pointwise", [*names, learned], tuple(outputs), place, _prelu(slope))
            return
        if kind == "Softmax":
            axis = operation.axis
            ndim = self.ranks[names[0]]
            if isinstance(axis, int) and axis >= 0:
                axis -= ndim
            call = lambda x: keras.ops.softmax(x, axis=axis)
            self._add("softmax", "axis", names, tuple(outputs), place, call, f"{kind} {axis}")
            return
        constants = [Constant(value) for value in _numbers(arguments)]
        call = _with_tensors(operation, arguments)
        weightless = not getattr(operation, "weights", ())
        one = len(names) == 1 and weightless
        role: Role = "other"
        if kind in LINEAR:
            role = "linear"
        elif kind in REDUCE:
            role = "reduce"
        elif (one and kind not in SHAPE and _acts_on_single_elements(call)) or (
            kind in OPERATIONS and weightless
        ):
            role = "pointwise"
        elif kind in SHAPE:
            role = "shape"
        elif one and _is_along_an_axis(call):
            role = "axis"
        if role == "other" and isinstance(operation, keras.Layer):
            self._note(operation, place)
        op = OPERATIONS.get(kind, kind.lower())
        key = f"{kind} {_config(operation)} {_told(arguments)}"
        self._add(op, role, [*names, *constants], tuple(outputs), place, call, key)

    def _add(
        self,
        op: str,
        role: Role,
        inputs: Sequence[str | Constant],
        outputs: tuple[str, ...],
        place: str,
        call: Callable[..., Any] | None = None,
        key: str = "",
    ) -> None:
        self.nodes.append(
            Node(op, role, tuple(inputs), outputs, key=key or op, place=place, payload=call)
        )

    # Layers that hold activations

    def _walk(self, layer: Any, place: str, *, own: bool = True) -> None:
        """Lists what the layers inside one hold, in the order in which they were made."""
        if own:
            for name, function in _held(layer):
                self._loose(function, ".".join(filter(None, [place, name])))
            self._note(layer, place)
        for sub in _sublayers(layer):
            path = ".".join(filter(None, [place, sub.name]))
            inner = _functional(sub)
            if inner is not None:
                for tensor in inner.inputs:
                    self._value(tensor)
                self._read(inner, f"{path}.")
                self.results |= {self.values[id(tensor)] for tensor in inner.outputs}
            elif _is_activation_layer(sub):
                self._loose(_alone(sub), path)
            else:
                self._walk(sub, path)

    def _note(self, layer: Any, place: str) -> None:
        if type(layer).__module__.partition(".")[0] not in ("keras", "unified_act_keras"):
            self.notes.append(
                f"{place or layer.name}: what the code of {type(layer).__name__} calls by itself "
                "is not seen; only layers and functions that it holds are"
            )

    def _loose(self, function: Callable[..., Any], place: str) -> None:
        """An activation of which it is not known what it is applied to."""
        source = self._fresh("")
        self._activation(function, source, self._fresh(""), place)

    def _activation(
        self, function: Callable[..., Any], source: str, result: str, place: str
    ) -> None:
        name = getattr(function, "__name__", type(function).__name__).lower()
        role: Role = "pointwise" if _acts_on_single_elements(function) else "axis"
        owner = getattr(function, "__self__", None)
        key = f"{name} {_config(owner) if owner is not None else id(function)}"
        self._add(name, role, [source], (result,), place, function, key)
        self.results.add(result)

    def _fresh(self, like: str) -> str:
        name = f"t{len(self.ranks)}"
        self.ranks[name] = self.ranks.get(like, 0)
        self.floats[name] = True
        return name


def _functional(layer: Any) -> Any:
    """The functional model that a layer is, or that a Sequential has made of itself."""
    if isinstance(layer, keras.Sequential):
        return getattr(layer, "_functional", None)
    is_functional = isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth")
    return layer if is_functional else None


def _held(layer: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions that a layer holds and applies, but for activation layers themselves."""
    if _is_activation_layer(layer):
        return
    cell = getattr(layer, "cell", layer)
    names = [*HELD, *(name for name in vars(cell) if name not in HELD)]
    for name in names:
        function = getattr(cell, name, None) if name in HELD else vars(cell).get(name)
        if isinstance(function, keras.Layer) or not callable(function):
            continue
        if name not in HELD and not _is_activation(function):
            continue
        if function is not keras.activations.linear:
            yield name, function


def _is_activation(function: Any) -> bool:
    module = getattr(function, "__module__", None) or type(function).__module__
    return ".activations" in module or module.startswith("unified_act")


def _is_activation_layer(layer: Any) -> bool:
    module = type(layer).__module__
    return ".layers.activations." in module or type(layer).__name__ == "Activation"


def _alone(layer: Any) -> Callable[..., Any]:
    """An activation layer as a function; the softmax of an attention is along its last axis."""
    axis = getattr(layer, "axis", None)
    if isinstance(axis, (list, tuple)) and len(axis) == 1:
        return lambda x: keras.ops.softmax(x, axis=-1)
    function: Callable[..., Any] = layer.call
    return function


def _sublayers(layer: Any) -> list[Any]:
    if not isinstance(layer, keras.Layer) or _is_activation_layer(layer):
        return []
    inner = layer._flatten_layers(include_self=False, recursive=False)  # noqa: SLF001
    return [sub for sub in inner if sub is not getattr(layer, "cell", None)]


def _with_tensors(operation: Any, arguments: Any) -> Callable[..., Any]:
    """An operation as a function of its tensors alone."""

    def call(*tensors: Any) -> Any:
        rest = iter(tensors)
        kinds = keras.KerasTensor
        fill = lambda v: next(rest) if isinstance(v, kinds) else v
        args = keras.tree.map_structure(fill, arguments.args)
        kwargs = keras.tree.map_structure(fill, arguments.kwargs)
        return operation.call(*args, **kwargs)

    return call


def _numbers(arguments: Any) -> list[float]:
    flat = keras.tree.flatten((arguments.args, arguments.kwargs))
    return [value for value in flat if isinstance(value, (int, float))]


def _told(arguments: Any) -> str:
    flat = keras.tree.flatten((arguments.args, arguments.kwargs))
    return repr([None if isinstance(v, keras.KerasTensor) else v for v in flat])


def _config(operation: Any) -> str:
    try:
        config = dict(operation.get_config())
    except Exception:  # of a layer of a user's, which need not have one
        return str(id(operation))
    return repr({k: v for k, v in config.items() if k not in ("name", "trainable", "dtype")})


def _prelu(slope: Any) -> Callable[..., Any]:
    first = float(slope[0])
    return lambda x: keras.ops.where(x > 0, x, first * x)


def _tried(function: Callable[..., Any]) -> tuple[Any, Any, Any] | None:
    x = (np.random.default_rng(0).permutation(24).reshape(2, 3, 4) / 4.0 - 3.0).astype("float32")
    moved = np.random.default_rng(1).permutation(x.size)
    try:
        plain, other = (
            np.asarray(keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(array))))
            for array in (x, x.ravel()[moved].reshape(x.shape))
        )
    except Exception:  # whatever an operation says to what it does not take
        return None
    return (plain, other, moved) if plain.shape == other.shape == x.shape else None


def _acts_on_single_elements(function: Callable[..., Any]) -> bool:
    tried = _tried(function)
    if tried is None:
        return False
    plain, other, moved = tried
    return bool(np.allclose(plain.ravel()[moved], other.ravel(), atol=1e-6))


def _is_along_an_axis(function: Callable[..., Any]) -> bool:
    """Whether an operation that keeps the shape gives positive numbers, or logarithms of such."""
    tried = _tried(function)
    if tried is None:
        return False
    found = tried[0]
    shares = np.exp(found) if (found <= 0).all() else found
    return any(np.allclose(shares.sum(axis), 1.0, atol=1e-5) for axis in range(3))


class _KerasGraph(Graph):
    """Parts of it are run by Keras."""

    def function(self, nodes: Sequence[Node], source: str, result: str) -> Callable[[Any], Any]:
        """Returns a part of the model as a function of one tensor."""

        def part(x: Any) -> Any:
            values: dict[str, Any] = {source: x}
            for node in nodes:
                values[node.output] = _called(node, values)
            return values[result]

        return part

    def alone(self, node: Node) -> Callable[[Any], Any]:
        """Returns an operation as a function of one tensor."""
        call: Callable[[Any], Any] = node.payload
        return call


def _called(node: Node, values: Mapping[str, Any]) -> Any:
    if node.payload is None:
        raise UnsupportedError(f"{node.place} cannot be run alone.")
    return node.payload(*(values[name] for name in node.values))
