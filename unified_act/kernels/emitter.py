"""LLVM's assembly language from a graph: one pass over memory, some elements at a time.

Every operation is written as it is computed, with explicit vectors and without any licence to
compute otherwise. So a processor with wide vectors and one with narrow ones give the same bits.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unified_act.expression import FLOAT, INTEGER, MASK, Node

__all__ = ["ARRAY", "CONSTANT", "LANES", "Argument", "module_text"]

ARRAY, CONSTANT = "array", "constant"
"""An argument with one number for each element, and one with a number for each row."""
LANES = 32
"""So many elements at a time: enough for a processor to work on some while it waits for others."""

_BINARY = {
    "add": "fadd",
    "sub": "fsub",
    "mul": "fmul",
    "div": "fdiv",
    "iadd": "add",
    "isub": "sub",
    "iand": "and",
    "ior": "or",
    "ixor": "xor",
    "shl": "shl",
    "lshr": "lshr",
    "lt": "fcmp olt",
    "le": "fcmp ole",
    "gt": "fcmp ogt",
    "ge": "fcmp oge",
    "eq": "fcmp oeq",
    "ne": "fcmp une",
}
_TEXTS = {
    "where": "select {all}",
    "neg": "fneg {}",
    "bits": "bitcast {} to {vector}",
    "of_bits": "bitcast {} to {vector}",
}
_CALLS = {"abs": "fabs", "sqrt": "sqrt", "floor": "floor", "fma": "fma", "copysign": "copysign"}
_FAR_CALLS = {"far_sin": "sin", "far_cos": "cos"}
_TYPES = {"float32": ("float", 4), "float64": ("double", 8), "bool": ("i8", 1)}
_VECTOR = {
    FLOAT: f"<{LANES} x double>",
    INTEGER: f"<{LANES} x i64>",
    MASK: f"<{LANES} x i1>",
}


@dataclass(frozen=True)
class Argument:
    """An array that a kernel reads or writes.

    Attributes:
        dtype: ``"float32"``, ``"float64"`` or ``"bool"``.
        extent: `ARRAY` or `CONSTANT`.
    """

    dtype: str
    extent: str = ARRAY

    @property
    def size(self) -> int:
        """The number of bytes of an element."""
        return _TYPES[self.dtype][1]


def module_text(
    inputs: Mapping[str, Argument],
    outputs: Sequence[Node],
    results: Sequence[Argument],
    far_angle: float,
) -> str:
    """Returns a module with the functions ``flat`` and ``rows``.

    ``flat(*pointers, n)`` computes the outputs at n elements that lie one after another;
    ``rows(*pointers, n, count, *strides)`` does so for a number of rows, where each pointer moves
    by its stride, in bytes, from one row to the next.

    Args:
        inputs: The inputs by name, in the order of the pointers.
        outputs: What is computed, in primitive operations.
        results: Where it is written, after the inputs.
        far_angle: From which absolute value on the C library computes sine and cosine.
    """
    arguments = [*inputs.values(), *results]
    pointers = [f"%p{index}" for index in range(len(arguments))]
    body = _Body(inputs, outputs, results, far_angle)
    return "\n".join(
        [
            _BLOCKS.format(
                parameters=_listed(pointers),
                before="\n".join(body.before),
                body="\n".join(body.inside),
                last=body.block,
            ),
            _flat(pointers, arguments, len(inputs)),
            _rows(pointers),
            *sorted(body.declarations),
            _MEMORY,
        ]
    )


def _listed(pointers: Sequence[str]) -> str:
    return ", ".join(f"ptr {pointer}" for pointer in pointers)


def _splat(element: str) -> str:
    return f"<{', '.join([element] * LANES)}>"


def _constant(node: Node) -> str:
    value = node.attributes["value"]
    if node.kind == FLOAT:
        return _splat(f"double {_hexadecimal(value)}")
    return _splat(f"i64 {value}" if node.kind == INTEGER else f"i1 {int(value)}")


def _hexadecimal(number: float) -> str:
    return "0x" + struct.pack(">d", number).hex().upper()


class _Body:
    """The instructions of the loop.

    Attributes:
        before: Those before it, which are the same for every element of a row.
        inside: Those in it.
        block: The name of the last basic block.
        declarations: The functions that are called.
    """

    def __init__(
        self,
        inputs: Mapping[str, Argument],
        outputs: Sequence[Node],
        results: Sequence[Argument],
        far_angle: float,
    ) -> None:
        self.before: list[str] = []
        self.inside: list[str] = []
        self.block = "loop"
        self.declarations: set[str] = set()
        self._far_angle = far_angle
        self._count = 0
        self._names: dict[int, str] = {}
        self._same: set[int] = set()  # the nodes that are computed before the loop
        self._lines = self.inside
        for node in outputs[0].graph.needed(outputs) if outputs else ():
            if node.operation == "input":
                self._load(node, inputs)
                continue
            if node.operands and all(each.index in self._same for each in node.operands):
                if not node.operation.startswith("far_"):
                    self._same.add(node.index)
            elif not node.operands:
                self._same.add(node.index)
            self._lines = self.before if node.index in self._same else self.inside
            self._names[node.index] = self._emitted(node)
        self._lines = self.inside
        for place, (node, result) in enumerate(zip(outputs, results, strict=True), len(inputs)):
            self._store(self._names[node.index], place, result)

    def _new(self, text: str) -> str:
        self._count += 1
        self._lines.append(f"  %v{self._count} = {text}")
        return f"%v{self._count}"

    def _place(self, index: int, size: int) -> str:
        offset = self._new(f"mul i64 %i, {LANES * size}")
        return self._new(f"getelementptr i8, ptr %p{index}, i64 {offset}")

    def _load(self, node: Node, inputs: Mapping[str, Argument]) -> None:
        name = node.attributes["name"]
        argument, index = inputs[name], list(inputs).index(name)
        element, size = _TYPES[argument.dtype]
        vector = f"<{LANES} x {element}>"
        if argument.extent == CONSTANT:
            self._same.add(node.index)
            self._lines = self.before
            one = self._new(f"load {element}, ptr %p{index}, align {size}")
            first = self._new(f"insertelement {vector} poison, {element} {one}, i64 0")
            zeros = f"<{LANES} x i32> zeroinitializer"
            loaded = self._new(f"shufflevector {vector} {first}, {vector} poison, {zeros}")
        else:
            self._lines = self.inside
            loaded = self._new(f"load {vector}, ptr {self._place(index, size)}, align {size}")
        if node.kind == MASK:
            loaded = self._new(f"icmp ne {vector} {loaded}, zeroinitializer")
        elif element != "double":
            loaded = self._new(f"fpext {vector} {loaded} to {_VECTOR[FLOAT]}")
        self._names[node.index] = loaded

    def _store(self, value: str, index: int, result: Argument) -> None:
        element, size = _TYPES[result.dtype]
        vector = f"<{LANES} x {element}>"
        if element != "double":
            value = self._new(f"fptrunc {_VECTOR[FLOAT]} {value} to {vector}")
        place = self._place(index, size)
        self._lines.append(f"  store {vector} {value}, ptr {place}, align {size}")

    def _emitted(self, node: Node) -> str:
        if not node.operands:
            return _constant(node)
        operation = node.operation
        operands = [self._names[operand.index] for operand in node.operands]
        typed = [
            f"{_VECTOR[operand.kind]} {name}"
            for operand, name in zip(node.operands, operands, strict=True)
        ]
        vector = _VECTOR[node.kind]
        if operation in _BINARY:
            return self._new(f"{_BINARY[operation]} {typed[0]}, {operands[1]}")
        if operation in _TEXTS:
            text = _TEXTS[operation]
            return self._new(text.format(typed[0], all=", ".join(typed), vector=vector))
        if operation in _CALLS:
            return self._call(_CALLS[operation], typed)
        return self._far(_FAR_CALLS[operation], *node.operands)

    def _call(self, name: str, typed: Sequence[str]) -> str:
        vector = _VECTOR[FLOAT]
        function = f"@llvm.{name}.v{LANES}f64"
        types = ", ".join([vector] * len(typed))
        self.declarations.add(f"declare {vector} {function}({types})")
        return self._new(f"call {vector} {function}({', '.join(typed)})")

    def _far(self, name: str, x: Node, near: Node) -> str:
        """`near`, but where `x` is far out what the C library computes."""
        vector, x_name = _VECTOR[FLOAT], self._names[x.index]
        size = self._call("fabs", [f"{vector} {x_name}"])
        limit = _splat(f"double {_hexadecimal(self._far_angle)}")
        far = self._new(f"fcmp ogt {vector} {size}, {limit}")
        reduce = f"@llvm.vector.reduce.or.v{LANES}i1"
        self.declarations.add(f"declare i1 {reduce}({_VECTOR[MASK]})")
        any_far = self._new(f"call i1 {reduce}({_VECTOR[MASK]} {far})")
        before, self._count = self.block, self._count + 1
        self.block = f"near{self._count}"
        beyond = f"far{self._count}"
        self._lines += [f"  br i1 {any_far}, label %{beyond}, label %{self.block}", f"{beyond}:"]
        by_library = self._call(name, [f"{vector} {x_name}"])
        near_name = self._names[near.index]
        chosen = self._new(
            f"select {_VECTOR[MASK]} {far}, {vector} {by_library}, {vector} {near_name}"
        )
        self._lines += [f"  br label %{self.block}", f"{self.block}:"]
        return self._new(f"phi {vector} [ {near_name}, %{before} ], [ {chosen}, %{beyond} ]")


# A block of elements after the other. The loop runs `full` times.
_BLOCKS = """
define internal void @blocks({parameters}, i64 %full) noinline nounwind \
"prefer-vector-width"="512" "min-legal-vector-width"="512" {{
entry:
{before}
  %none = icmp eq i64 %full, 0
  br i1 %none, label %end, label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %{last} ]
{body}
  %next = add i64 %i, 1
  %done = icmp eq i64 %next, %full
  br i1 %done, label %end, label %loop
end:
  ret void
}}
"""

_MEMORY = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""


def _flat(pointers: Sequence[str], arguments: Sequence[Argument], inputs: int) -> str:
    """What does not fill a block goes through one on the stack."""
    room, before, after, blocks = [], [], [], []
    for index, (pointer, argument) in enumerate(zip(pointers, arguments, strict=True)):
        if argument.extent == CONSTANT:
            blocks.append(pointer)
            continue
        name, there, bytes_ = f"%b{index}", f"%from{index}", f"%bytes{index}"
        whole = LANES * argument.size
        blocks.append(name)
        room.append(f"  {name} = alloca [{whole} x i8], align 64")
        before += [
            f"  %start{index} = mul i64 %done, {argument.size}",
            f"  {there} = getelementptr i8, ptr {pointer}, i64 %start{index}",
            f"  {bytes_} = mul i64 %rest, {argument.size}",
        ]
        copy = "call void @llvm.memcpy.p0.p0.i64"
        if index < inputs:
            before += [
                f"  call void @llvm.memset.p0.i64(ptr {name}, i8 0, i64 {whole}, i1 false)",
                f"  {copy}(ptr {name}, ptr {there}, i64 {bytes_}, i1 false)",
            ]
        else:
            after.append(f"  {copy}(ptr {there}, ptr {name}, i64 {bytes_}, i1 false)")
    return _FLAT.format(
        parameters=_listed(pointers),
        blocks=_listed(blocks),
        room="\n".join(room),
        before="\n".join(before),
        after="\n".join(after),
        lanes=LANES,
    )


_FLAT = """
define void @flat({parameters}, i64 %n) nounwind {{
entry:
{room}
  %full = udiv i64 %n, {lanes}
  %done = mul i64 %full, {lanes}
  %rest = sub i64 %n, %done
  call void @blocks({parameters}, i64 %full)
  %even = icmp eq i64 %rest, 0
  br i1 %even, label %end, label %tail
tail:
{before}
  call void @blocks({blocks}, i64 1)
{after}
  br label %end
end:
  ret void
}}
"""


def _rows(pointers: Sequence[str]) -> str:
    places = range(len(pointers))
    return _ROWS.format(
        parameters=_listed(pointers),
        strides=", ".join(f"i64 %s{index}" for index in places),
        now="\n".join(
            f"  %o{index} = mul i64 %row, %s{index}\n"
            f"  %q{index} = getelementptr i8, ptr {pointer}, i64 %o{index}"
            for index, pointer in enumerate(pointers)
        ),
        pointers=", ".join(f"ptr %q{index}" for index in places),
    )


_ROWS = """
define void @rows({parameters}, i64 %n, i64 %count, {strides}) nounwind {{
entry:
  %none = icmp eq i64 %count, 0
  br i1 %none, label %end, label %loop
loop:
  %row = phi i64 [ 0, %entry ], [ %next, %loop ]
{now}
  call void @flat({pointers}, i64 %n)
  %next = add i64 %row, 1
  %last = icmp eq i64 %next, %count
  br i1 %last, label %end, label %loop
end:
  ret void
}}
"""
