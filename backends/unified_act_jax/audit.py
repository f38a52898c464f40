"""Reads a model of JAX for the audit: the equations of its jaxpr, those inside calls too."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from unified_act.errors import InputTypeError, UnsupportedError
from unified_act_conformance.audit.graph import Constant, Graph, Node, Role

__all__ = ["read"]

POINTWISE = {
    *("abs", "acos", "acosh", "add", "add_any", "and", "asin", "asinh", "atan", "atan2", "atanh"),
    *("cbrt", "ceil", "clamp", "copy", "cos", "cosh", "div", "eq", "erf", "erf_inv", "erfc", "exp"),
    *("exp2", "expm1", "floor", "ge", "gt", "integer_pow", "is_finite", "le", "log", "log1p"),
    *("logistic", "lt", "max", "min", "mul", "ne", "neg", "nextafter", "not", "or", "pow", "rem"),
    *("round", "rsqrt", "select_n", "sign", "sin", "sinh", "sqrt", "square", "stop_gradient"),
    *("sub", "tan", "tanh", "xor", "convert_element_type"),
}
SAME = {"copy", "copy_p", "stop_gradient", "optimization_barrier", "sharding_constraint", "name"}
SHAPE = {
    *("broadcast_in_dim", "reshape", "squeeze", "expand_dims", "transpose", "slice", "rev"),
    *("split", "concatenate", "dynamic_slice", "pad"),
}
LINEAR = {"dot_general", "conv_general_dilated"}
INLINED = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""The parameters of a call that hold what is called."""
LIBRARIES = ("/jax/", "/flax/", "/equinox/", "/haiku/", "/contextlib.py", "/functools.py")
OURS = Path(__file__).as_posix()
RULED = {"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"}
SMALL = 4096
"""Up to so many elements a constant is computed, and looked at."""


def read(model: Any, inputs: Any = None) -> Graph:
    """Returns the operations of a model, as it is in evaluation.

    Args:
        model: A module of flax (nnx or linen), of equinox or of haiku, or a function.
        inputs: What it is called with: an array, a tuple of arguments, or a dict of them.

    Raises:
        unified_act.InputTypeError: There are no inputs.
        unified_act.UnsupportedError: JAX cannot trace it.
    """
    title = getattr(model, "__name__", type(model).__name__)
    if inputs is None:
        raise InputTypeError(
            f"{title} is traced to see its operations, and this needs an input: pass inputs=…, an "
            "array, a tuple of the arguments, or a dict. On the command line, the factory may "
            "return a pair (model, inputs)."
        )
    keywords = dict(inputs) if isinstance(inputs, Mapping) else {}
    arguments = () if keywords else inputs if isinstance(inputs, tuple) else (inputs,)
    leaves, tree = jax.tree_util.tree_flatten((arguments, keywords))
    arrays = [leaf for leaf in leaves if hasattr(leaf, "shape")]
    try:
        function, paths, weights = _function(model, arguments, keywords)

        def traced(*given: Any) -> Any:
            rest = iter(given)
            filled = [next(rest) if hasattr(leaf, "shape") else leaf for leaf in leaves]
            args, kwargs = jax.tree_util.tree_unflatten(tree, filled)
            found = function(*args, **kwargs)
            return [leaf for leaf in jax.tree_util.tree_leaves(found) if hasattr(leaf, "shape")]

        closed = jax.make_jaxpr(traced)(*arrays)
    except InputTypeError:
        raise
    except Exception as error:  # whatever a model of a user's raises
        raise UnsupportedError(
            "JAX cannot trace the model with these inputs. Check that model(inputs) works; a "
            "function that takes a batch is jax.vmap(model)."
        ) from error
    return _Reader(title, paths, weights).graph(closed)


Traced = tuple[Callable[..., Any], set[str], list[Any]]


def _function(model: Any, args: Any, kwargs: Any) -> Traced:
    """A function of the inputs alone, the paths of the modules in it, and its weights."""
    bases = {base.__module__.partition(".")[0]: base.__module__ for base in type(model).__mro__}
    if "flax" in bases and any("nnx" in base.__module__ for base in type(model).__mro__):
        return _of_nnx(model)
    if "flax" in bases:
        if model.scope is None:
            variables = model.init(jax.random.key(0), *args, **kwargs)
        else:
            model, variables = model.unbind()
        weights = jax.tree_util.tree_leaves(variables)
        return (lambda *a, **k: model.apply(variables, *a, **k)), set(), weights
    if "equinox" in bases:
        return _of_equinox(model)
    if "haiku" in bases:
        key = jax.random.PRNGKey(0)
        variables = model.init(key, *args, **kwargs)
        weights = jax.tree_util.tree_leaves(variables)
        return (lambda *a, **k: model.apply(variables, key, *a, **k)), set(), weights
    if not callable(model):
        raise InputTypeError(f"expected a module or a function of JAX, got {type(model).__name__}.")
    return model, set(), []


def _of_nnx(model: Any) -> Traced:
    from flax import nnx

    definition, state = nnx.split(model)
    modules = {path for path, _ in _nnx_modules(model)}

    def function(*args: Any, **kwargs: Any) -> Any:
        merged = nnx.merge(definition, state)
        merged.eval()
        scopes = {id(module): _path(path) for path, module in _nnx_modules(merged)}
        with _scopes(scopes, [module for _, module in _nnx_modules(merged)]):
            return merged(*args, **kwargs)

    return function, {_path(path) for path in modules}, jax.tree_util.tree_leaves(state)


def _nnx_modules(model: Any) -> list[tuple[Any, Any]]:
    from flax import nnx

    return [(path, node) for path, node in nnx.iter_graph(model) if isinstance(node, nnx.Module)]


def _of_equinox(model: Any) -> Traced:
    import equinox as eqx

    model = eqx.nn.inference_mode(model)
    found = dict(_modules(model, (), eqx.Module))

    def function(*args: Any, **kwargs: Any) -> Any:
        scopes = {id(module): path for path, module in found.items()}
        with _scopes(scopes, list(found.values())):
            return model(*args, **kwargs)

    return function, set(found), jax.tree_util.tree_leaves(model)


def _modules(thing: Any, path: Sequence[Any], kind: type) -> Iterator[tuple[str, Any]]:
    """The modules inside one of equinox, which is a dataclass, by their paths."""
    if isinstance(thing, kind):
        yield _path(path), thing
        children: Any = [(name, getattr(thing, name, None)) for name in thing.__dataclass_fields__]  # type: ignore[attr-defined]
    elif isinstance(thing, (list, tuple)):
        children = enumerate(thing)
    elif isinstance(thing, dict):
        children = thing.items()
    else:
        return
    for name, child in children:
        yield from _modules(child, (*path, name), kind)


def _path(path: Sequence[Any]) -> str:
    return ".".join(map(str, path))


@contextmanager
def _scopes(paths: Mapping[int, str], modules: Sequence[Any]) -> Iterator[None]:
    """Notes the paths of modules in what is traced: these libraries note none themselves."""
    classes = {base for m in modules for base in type(m).__mro__ if "__call__" in vars(base)}
    originals = {base: vars(base)["__call__"] for base in classes if base is not object}

    def noting(original: Any) -> Any:
        @functools.wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            path = paths.get(id(self))
            if not path:
                return original(self, *args, **kwargs)
            with jax.named_scope(path):
                return original(self, *args, **kwargs)

        return call

    for base, original in originals.items():
        type.__setattr__(base, "__call__", noting(original))
    try:
        yield
    finally:
        for base, original in originals.items():
            type.__setattr__(base, "__call__", original)


class _Known:
    """An array that is the same in every call; its value is None if it was not computed."""

    def __init__(self, value: Any, *, learned: bool) -> None:
        self.value, self.learned = value, learned

    def constant(self) -> Constant:
        if self.value is None:
            return Constant(None, learned=self.learned)
        array = np.asarray(self.value)
        if not array.size or array.dtype.kind not in "fiubV":
            return Constant(None, shape=array.shape)
        flat = array.ravel()
        first = float(flat[0]) if array.dtype.kind in "fV" else flat[0].item()
        same = not self.learned and flat.size <= SMALL and bool(np.all(flat == flat[0]))
        return Constant(first if flat.size == 1 or same else None, first, self.learned, array.shape)


class _Reader:
    """Turns a jaxpr, and those in it, into one list of nodes."""

    def __init__(self, title: str, paths: set[str], weights: Sequence[Any]) -> None:
        self.title, self.paths = title, paths
        self.weights = {id(weight): weight for weight in weights}
        self.nodes: list[Node] = []
        self.floats: dict[str, bool] = {}
        self.ranks: dict[str, int] = {}
        self.dtypes: dict[str, int] = {}
        self.results: list[Any] = []
        self.count = 0
        self.ruled = 0

    def graph(self, closed: Any) -> Graph:
        values = [self._value(variable.aval) for variable in closed.jaxpr.invars]
        results = self._read(closed.jaxpr, closed.consts, values, "", "")
        return _JaxGraph(
            self.title,
            "jax",
            f"JAX {jax.__version__}",
            self.nodes,
            {value for value in (*results, *self.results) if isinstance(value, str)},
            self.floats,
            self.ranks,
            sorted(self.dtypes, key=self.dtypes.__getitem__, reverse=True),
        )

    def _value(self, aval: Any) -> str:
        self.count += 1
        name = f"v{self.count}"
        dtype = getattr(aval, "dtype", None)
        self.floats[name] = dtype is not None and jnp.issubdtype(dtype, jnp.floating)
        self.ranks[name] = len(getattr(aval, "shape", ()))
        if self.floats[name]:
            self.dtypes[str(dtype)] = self.dtypes.get(str(dtype), 0) + 1
        return name

    def _read(
        self, jaxpr: Any, consts: Sequence[Any], given: Sequence[Any], scope: str, line: str
    ) -> list[Any]:
        """Reads one jaxpr; returns what it returns."""
        values: dict[Any, Any] = dict(zip(jaxpr.invars, given, strict=False))
        for variable, const in zip(jaxpr.constvars, consts, strict=False):
            learned = np.size(const) > 1 or id(const) in self.weights
            values[variable] = _Known(const, learned=learned)

        def value_of(atom: Any) -> Any:
            if isinstance(atom, core.Literal):
                return _Known(atom.val, learned=False)
            return values[atom]

        for equation in jaxpr.eqns:
            found = self._equation(equation, list(map(value_of, equation.invars)), scope, line)
            values.update(zip(equation.outvars, found, strict=False))
        return list(map(value_of, jaxpr.outvars))

    def _equation(self, equation: Any, given: Sequence[Any], scope: str, line: str) -> list[Any]:
        stack = str(equation.source_info.name_stack)
        scope = stack if stack.startswith(scope) else "/".join(filter(None, [scope, stack]))
        line = line or _line(equation)
        name = equation.primitive.name
        inner = next((equation.params[k] for k in INLINED if k in equation.params), None)
        if inner is not None and name not in ("scan", "while", "cond"):
            jaxpr, consts = (inner.jaxpr, inner.consts) if hasattr(inner, "consts") else (inner, ())
            self.ruled += name in RULED
            found = self._read(jaxpr, consts, given, scope, line)
            self.ruled -= name in RULED
            return found
        if all(isinstance(value, _Known) for value in given) and "random" not in name:
            return self._folded(equation, given)
        if name in SAME or (name == "convert_element_type" and self._between_floats(equation)):
            return list(given)
        bodies = [v for p in equation.params.values() for v in (p if isinstance(p, tuple) else [p])]
        for body in bodies:
            if hasattr(body, "jaxpr") and hasattr(body, "consts"):  # of a loop or a choice
                fresh = [self._value(variable.aval) for variable in body.jaxpr.invars]
                self.results += self._read(body.jaxpr, body.consts, fresh, scope, line)
        return self._operation(equation, given, scope, line)

    def _between_floats(self, equation: Any) -> bool:
        kinds = (equation.invars[0].aval.dtype, equation.params["new_dtype"])
        return all(jnp.issubdtype(kind, jnp.floating) for kind in kinds)

    def _folded(self, equation: Any, given: Sequence[_Known]) -> list[Any]:
        learned = any(value.learned for value in given)
        sizes = [np.size(v.value) for v in given] + [v.aval.size for v in equation.outvars]
        if equation.primitive.name == "broadcast_in_dim" and np.size(given[0].value) == 1:
            return [_Known(given[0].value, learned=learned)]
        found: Any = [None] * len(equation.outvars)
        if max(sizes, default=0) <= SMALL and all(value.value is not None for value in given):
            arrays = [jnp.asarray(value.value) for value in given]
            found = equation.primitive.bind(*arrays, **equation.params)
            found = found if equation.primitive.multiple_results else [found]
        return [_Known(value, learned=learned) for value in found]

    def _operation(self, equation: Any, given: Sequence[Any], scope: str, line: str) -> list[Any]:
        name = equation.primitive.name
        outputs = [self._value(variable.aval) for variable in equation.outvars]
        role: Role = "other"
        if name in POINTWISE:
            role = "pointwise"
        elif name.startswith("reduce_") and "precision" not in name:
            role = "reduce"
        elif name in SHAPE:
            role = "shape"
        elif name in LINEAR:
            role = "linear"
        axes = equation.params.get("axes", ())
        axis = (
            axes[0] - self.ranks.get(given[0], 0) if role == "reduce" and len(axes) == 1 else None
        )
        inputs = tuple(v if isinstance(v, str) else v.constant() for v in given)
        rest = {k: v for k, v in equation.params.items() if k not in ("axes", "sharding")}
        self.nodes.append(
            Node(
                name,
                role,
                inputs,
                tuple(outputs),
                key=repr(rest) if role in ("pointwise", "reduce") else name,
                place=self._place(scope),
                line=line,
                axis=axis,
                ruled=self.ruled > 0,
                payload=equation,
            )
        )
        return list(outputs)

    def _place(self, scope: str) -> str:
        names = [name for name in scope.split("/") if name]
        known = [name for name in names if name in self.paths]
        if known:
            return known[-1]
        return "" if self.paths else ".".join(names[1:] if len(names) > 1 else names)


def _line(equation: Any) -> str:
    """The innermost line that is of none of the libraries."""
    traceback = equation.source_info.traceback
    for frame in traceback.frames if traceback is not None else ():
        file = frame.file_name.replace("\\", "/")
        if file == OURS and frame.function_name != "call":  # what called the model
            break
        if file != OURS and not any(library in file for library in LIBRARIES):
            return f"{Path(file).name}:{frame.line_num}"
    return ""


class _JaxGraph(Graph):
    """Parts of it are run by JAX, equation by equation."""

    def function(self, nodes: Sequence[Node], source: str, result: str) -> Callable[[Any], Any]:
        """Returns a part of the model as a function of one array."""

        def part(x: Any) -> Any:
            values = {source: x}
            for node in nodes:
                if node.role == "shape":
                    values[node.output] = values[node.values[0]]
                elif node.role == "reduce":
                    values[node.output] = _reduced(node, values[node.values[0]])
                else:
                    values[node.output] = _step(node, values, x)
            return values[result]

        return jax.jit(part)  # one program for each shape, and not one for each operation

    def alone(self, node: Node) -> Callable[[Any], Any]:
        """No operation of JAX is an activation along an axis by itself."""
        raise UnsupportedError(f"{node.op} is not an activation.")


def _reduced(node: Node, x: Any) -> Any:
    functions: dict[str, Any] = {
        "reduce_max": jnp.max,
        "reduce_sum": jnp.sum,
        "reduce_min": jnp.min,
    }
    return functions[node.op](x, axis=node.axis, keepdims=True)


def _step(node: Node, values: Mapping[str, Any], x: Any) -> Any:
    equation = node.payload
    given = []
    for operand in node.inputs:
        if isinstance(operand, str):
            given.append(values[operand])
        else:
            number = operand.value
            given.append(jnp.asarray(number, dtype=x.dtype if isinstance(number, float) else None))
    shape = jnp.broadcast_shapes(*(array.shape for array in given))
    given = [jnp.broadcast_to(array, shape) for array in given]
    params = dict(equation.params)
    if "new_dtype" in params and jnp.issubdtype(params["new_dtype"], jnp.floating):
        params["new_dtype"] = x.dtype
    return equation.primitive.bind(*given, **params)
