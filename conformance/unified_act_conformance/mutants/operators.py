"""Mutation operators: small changes of a module's source text, each likely to make it wrong."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from unified_act_conformance.mutants.faults import CONDITIONS

__all__ = ["OPERATORS", "Edit", "Source"]

_COMPARISONS: Mapping[type[ast.cmpop], Sequence[type[ast.cmpop]]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
_NARROWER = {"float64": "float32", "double": "float", "float32": "float16"}
_SYMMETRIC = ("minimum", "maximum", "logical_and", "logical_or", "add", "multiply")
_SMALL_CHANGES = ("constant by an ulp", "constant by 1 %")
_FLAGS = ("True", "False")
_NOT_NUMERIC = (ast.JoinedStr, ast.Tuple, ast.List, ast.ListComp, ast.Dict, ast.Set)


@dataclass(frozen=True)
class Edit:
    """One change of a source text.

    Attributes:
        operator: What kind of change it is.
        node: What is changed.
        start: Where the text that is replaced begins, counted in characters.
        end: Where it ends.
        text: What takes its place.
        note: The same for a reader, where the text itself does not tell.
    """

    operator: str
    node: ast.AST
    start: int
    end: int
    text: str
    note: str = ""


class Source:
    """The text of a module with its syntax tree.

    Attributes:
        text: The text.
        tree: Its syntax tree.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }
        self._lines = [0]
        for line in text.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yields what a node is a part of, innermost first."""
        while node in self._parents:
            node = self._parents[node]
            yield node

    def parent(self, node: ast.AST) -> ast.AST:
        """Returns what a node is a direct part of."""
        return self._parents[node]

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Returns where the text of a node begins and ends."""
        first = self._offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        return first, self._offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _offset(self, line: int, column: int) -> int:
        start = self._lines[line - 1]  # columns are counted in bytes
        whole = self.text[start : self._lines[line]].encode()
        return start + len(whole[:column].decode())

    def crossovers(self) -> Iterator[str]:
        """Yields the names of the numbers at which one right formula takes over from another."""
        for node in self.tree.body:
            if _is_crossover(node):
                yield _name(node.target)

    def edits(self, defaults: Mapping[str, str], crossovers: Container[str] = ()) -> Iterator[Edit]:
        """Yields every change of every operator, in the order of the text.

        Args:
            defaults: The parameters of activations, with their defaults as source text.
            crossovers: The names of numbers around which two formulas are right.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.expr):
                if not self._left_out(node):
                    near = self._near_crossover(node, crossovers)
                    for name, operator in OPERATORS.items():
                        if near and name in _SMALL_CHANGES:
                            continue
                        for text in operator(node, self.parent(node)):
                            if not (near and name == "comparison" and _same_side(node, text)):
                                yield Edit(name, node, *self.span(node), f"({text})")
            elif isinstance(node, ast.FunctionDef):
                yield from self._replaced_parameters(node, defaults)
                yield from self._conditions(node, defaults)

    def _left_out(self, node: ast.AST) -> bool:
        """Whether it is about types, errors and texts, not about numbers."""
        inner = node
        for outer in self.ancestors(node):
            if (
                isinstance(outer, (ast.Raise, ast.Assert, ast.JoinedStr, ast.arg))
                or inner is getattr(outer, "annotation", None)
                or inner is getattr(outer, "returns", None)
                or inner in getattr(outer, "decorator_list", ())
                or (isinstance(outer, ast.If) and inner is outer.test and _raises(outer))
                # Which values are valid, and the weights of a layer: the suite judges functions.
                or (isinstance(inner, ast.keyword) and _name(outer) in ("Parameter", "Words"))
                or (isinstance(inner, ast.keyword) and inner.arg == "initial")
                # Which of two right implementations is taken, for the time.
                or (isinstance(inner, ast.keyword) and inner.arg == "outrun")
                or _name(outer) == "Reach"
                or (isinstance(outer, ast.FunctionDef) and outer.name in ("at_most", "outrun"))
                or (isinstance(outer, ast.If) and inner is outer.test and self._chooses(outer))
            ):
                return True
            inner = outer
        return False

    def _near_crossover(self, node: ast.AST, crossovers: Container[str]) -> bool:
        """Whether a small change of it only moves the place where a formula takes over."""
        if isinstance(node, ast.Compare):
            sides = (node.left, *node.comparators)
            return any(_name(part) in crossovers for side in sides for part in ast.walk(side))
        return any(_is_crossover(outer) for outer in self.ancestors(node))

    def _chooses(self, node: ast.If) -> bool:
        """Whether a condition only decides if a shorter way to the same function is taken."""
        function = self.parent(node)
        short = isinstance(function, ast.FunctionDef) and function.name == "short_way"
        return short and isinstance(node.body[0], ast.Return)

    def _replaced_parameters(
        self, node: ast.FunctionDef, defaults: Mapping[str, str]
    ) -> Iterator[Edit]:
        if node.name.endswith("_constraint"):
            return  # which values are valid
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        for argument in node.args.kwonlyargs:
            if argument.arg in defaults and body:
                start, _ = self.span(body[0])
                line = f"{argument.arg} = {defaults[argument.arg]}"
                text = f"{line}\n{' ' * body[0].col_offset}"
                yield Edit("default", body[0], start, start, text, line)

    def _conditions(self, node: ast.FunctionDef, defaults: Mapping[str, str]) -> Iterator[Edit]:
        start, _ = self.span(node)
        keywords = [argument.arg for argument in node.args.kwonlyargs]
        values = zip(keywords, node.args.kw_defaults, strict=True)
        numbers = [argument.arg for argument in node.args.kwonlyargs if _may_be_number(argument)]
        flags = [name for name, default in defaults.items() if default in _FLAGS]
        flags += [name for name, value in values if value and ast.unparse(value) in _FLAGS]
        for condition in CONDITIONS:
            names = [""]
            if condition == "an axis other than the last":
                names = [name for name in keywords if name == "axis"]
            elif condition == "a parameter above 1":
                names = [name for name in numbers if name not in ("axis", *flags)]
            for name in names:
                text = f"@wrong_for({condition!r}, {name!r})\n{' ' * node.col_offset}"
                about = condition.replace("a parameter", name) if name else condition
                note = f"{node.name} is wrong for {about}"
                yield Edit(f"for {condition}", node, start, start, text, note)


def _may_be_number(argument: ast.arg) -> bool:
    """Whether an argument is not said to be something else."""
    said = "" if argument.annotation is None else ast.unparse(argument.annotation)
    return not said or not {"float", "int", "Any"}.isdisjoint(re.findall(r"\w+", said))


def _is_crossover(node: ast.AST) -> TypeGuard[ast.AnnAssign]:
    return isinstance(node, ast.AnnAssign) and _name(node.annotation) == "Crossover"


def _same_side(node: ast.expr, text: str) -> bool:
    """Whether two comparisons differ only where both sides are equal."""
    first, second = (ast.unparse(each).replace("=", "") for each in (node, ast.parse(text)))
    return first == second


def _raises(node: ast.If) -> bool:
    return isinstance(node.body[0], ast.Raise)


def _name(node: ast.AST) -> str:
    """The last part of a dotted name; of a call, of what is called."""
    node = getattr(node, "func", node)
    return getattr(node, "attr", getattr(node, "id", ""))


def _float(node: ast.AST) -> float:
    """The value of a floating-point constant; 0 for everything else."""
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return value if isinstance(value, float) and math.isfinite(value) else 0.0


def _ulp(node: ast.expr, _parent: ast.AST) -> Iterator[str]:
    if value := _float(node):
        yield repr(value + math.ldexp(1.0, math.frexp(value)[1] - 24))


def _percent(node: ast.expr, _parent: ast.AST) -> Iterator[str]:
    if value := _float(node):
        yield repr(value * 1.01)


def _integer(node: ast.expr, parent: ast.AST) -> Iterator[str]:
    numeric = isinstance(parent, (ast.BinOp, ast.UnaryOp, ast.keyword, ast.Call))
    if numeric and isinstance(node, ast.Constant) and type(node.value) is int:
        yield repr(node.value + 1)
        yield repr(node.value - 1)


def _sign(node: ast.expr, parent: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield ast.unparse(node.operand)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        if _numbers(node):
            yield f"-({ast.unparse(node)})"
    elif _float(node) and not isinstance(parent, ast.UnaryOp):
        yield f"-{ast.unparse(node)}"


def _numbers(node: ast.BinOp) -> bool:
    texts = (part for part in (node.left, node.right) if isinstance(part, ast.Constant))
    return not isinstance(node.left, _NOT_NUMERIC) and not any(
        isinstance(text.value, str) for text in texts
    )


def _arithmetic(
    pairs: Mapping[type[ast.operator], str],
) -> Callable[[ast.expr, ast.AST], Iterator[str]]:
    def operator(node: ast.expr, _parent: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.BinOp) and type(node.op) in pairs and _numbers(node):
            left, right = ast.unparse(node.left), ast.unparse(node.right)
            yield f"({left}) {pairs[type(node.op)]} ({right})"

    return operator


def _dropped(node: ast.expr, _parent: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.BinOp) and _numbers(node):
        if isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
            yield ast.unparse(node.left)
        if isinstance(node.op, (ast.Add, ast.Mult)):
            yield ast.unparse(node.right)


def _comparison(node: ast.expr, _parent: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in _COMPARISONS.get(type(node.ops[0]), ()):
            yield ast.unparse(ast.Compare(node.left, [other()], node.comparators))


def _arguments(node: ast.expr, _parent: ast.AST) -> Iterator[str]:
    """Two neighbours of an array function's arguments, both computed."""
    if not isinstance(node, ast.Call) or _name(node.func) in (*_SYMMETRIC, "where"):
        return
    of_namespace = _name(getattr(node.func, "value", node.func)) in ("xp", "np", "torch", "special")
    if not of_namespace and not (node.args and _name(node.args[0]) == "xp"):
        return
    for index in range(len(node.args) - 1):
        pair = node.args[index : index + 2]
        if all(
            isinstance(each, (ast.Name, ast.BinOp, ast.Call, ast.UnaryOp)) and _name(each) != "xp"
            for each in pair
        ) and ast.dump(pair[0]) != ast.dump(pair[1]):
            swapped = [*node.args[:index], *reversed(pair), *node.args[index + 2 :]]
            yield ast.unparse(ast.Call(node.func, swapped, node.keywords))


def _branches(node: ast.expr, parent: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield ast.unparse(ast.IfExp(node.test, node.orelse, node.body))
    elif isinstance(parent, ast.If) and node is parent.test:
        yield f"not ({ast.unparse(node)})"
    elif isinstance(node, ast.Call) and _name(node.func) == "where" and len(node.args) == 3:
        condition, first, second = node.args
        yield ast.unparse(ast.Call(node.func, [condition, second, first], node.keywords))


def _axis(node: ast.expr, parent: ast.AST) -> Iterator[str]:
    if not isinstance(parent, ast.keyword):
        return
    if parent.arg in ("axis", "dim") and isinstance(node, (ast.Name, ast.Constant, ast.UnaryOp)):
        text = ast.unparse(node)
        yield from (other for other in ("-1", "0") if other != text)
    elif parent.arg in ("keepdims", "keepdim") and isinstance(node, ast.Constant):
        yield repr(not node.value)


def _dtype(node: ast.expr, parent: ast.AST) -> Iterator[str]:
    """The next narrower type; in place of a wider one nothing becomes wrong."""
    in_call = isinstance(parent, (ast.Call, ast.keyword))
    if isinstance(node, ast.Attribute) and node.attr in _NARROWER and in_call:
        yield ast.unparse(ast.Attribute(node.value, _NARROWER[node.attr], node.ctx))
    elif isinstance(node, ast.Constant) and node.value in list(_NARROWER) and in_call:
        yield repr(_NARROWER[str(node.value)])


OPERATORS: Mapping[str, Callable[[ast.expr, ast.AST], Iterator[str]]] = {
    "constant by an ulp": _ulp,
    "constant by 1 %": _percent,
    "integer by 1": _integer,
    "sign": _sign,
    "+ and -": _arithmetic({ast.Add: "-", ast.Sub: "+"}),
    "* and /": _arithmetic({ast.Mult: "/", ast.Div: "*"}),
    "dropped term": _dropped,
    "comparison": _comparison,
    "arguments": _arguments,
    "branches": _branches,
    "axis": _axis,
    "dtype": _dtype,
}
"""Of expressions, by name: ``operator(node, parent)`` yields what can be written instead."""
