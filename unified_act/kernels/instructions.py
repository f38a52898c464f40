"""Single instructions of LLVM's assembly language, for some elements at a time.

Every operation is written as it is computed, with explicit vectors and without any licence to
compute otherwise. So a processor with wide vectors and one with narrow ones give the same bits.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unified_act.expression import FLOAT, INTEGER, MASK, Node

__all__ = [
    "ALLOCATION",
    "ARRAY",
    "CONSTANT",
    "LANES",
    "NARROW",
    "SHORT",
    "VECTOR",
    "Argument",
    "Writer",
    "listed",
    "splat",
]

NARROW = ("float16", "bfloat16")
"""The 16-bit types."""
ARRAY, CONSTANT = "array", "constant"
"""An argument with one number for each element, and one with a number for each row."""
ALLOCATION = {"declare ptr @malloc(i64)", "declare void @free(ptr)", "declare void @abort()"}
"""Functions of the C library that get memory and give it back, or give up without any."""
LANES = 32
"""So many elements at a time: enough for a processor to work on some while it waits for others."""
SHORT = 32
"""So many elements has a row at most of which `LANES` are computed side by side."""

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
    "and": "and",
    "or": "or",
}
_TEXTS = {
    "where": "select {all}",
    "neg": "fneg {}",
    "bits": "bitcast {} to {vector}",
    "of_bits": "bitcast {} to {vector}",
}
_CALLS = {"abs": "fabs", "sqrt": "sqrt", "floor": "floor", "fma": "fma", "copysign": "copysign"}
_FAR_CALLS = {"far_sin": "sin", "far_cos": "cos"}
_TYPES = {
    "float16": ("i16", 2),
    "bfloat16": ("i16", 2),
    "float32": ("float", 4),
    "float64": ("double", 8),
    "bool": ("i8", 1),
}
_QUIET_NAN = 0x7FC00000
"""Of float32."""
VECTOR = {
    FLOAT: f"<{LANES} x double>",
    INTEGER: f"<{LANES} x i64>",
    MASK: f"<{LANES} x i1>",
}
"""The elements of a block in float64, by their kind."""


@dataclass(frozen=True)
class Argument:
    """An array that a kernel reads or writes.

    Attributes:
        dtype: The name of a float type, or ``"bool"``. 16-bit types are there as integers.
        extent: `ARRAY` or `CONSTANT`.
        pair: The names of two arrays whose elements lie here in turn; empty if it is one array. An
            element is then one of each.
    """

    dtype: str
    extent: str = ARRAY
    pair: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of bytes of an element."""
        return _TYPES[self.dtype][1] * max(1, len(self.pair))


def listed(pointers: Sequence[str]) -> str:
    """Returns pointers as parameters of a function."""
    return ", ".join(f"ptr {pointer}" for pointer in pointers)


def splat(element: str) -> str:
    """Returns a vector of equal elements."""
    return f"<{', '.join([element] * LANES)}>"


def _words(number: int) -> str:
    """A vector of equal integers of 32 bits."""
    return splat(f"i32 {number}")


def _hexadecimal(number: float) -> str:
    return "0x" + struct.pack(">d", number).hex().upper()


class Writer:
    """Writes instructions, one after another.

    Attributes:
        vector: The elements of a block as they are computed with, by their kind.
        lines: Where they are written. It may be set to another list at any time.
        block: The name of the current basic block.
        declarations: The functions that are called.
    """

    def __init__(self, far_angle: float, *, single: bool = False) -> None:
        """Starts in a block "loop".

        Args:
            far_angle: From which absolute value on the C library computes sine and cosine.
            single: Whether all is computed in float32, which `width` decides.
        """
        self._single = single
        self._element = "float" if single else "double"
        self.vector = {**VECTOR, FLOAT: f"<{LANES} x {self._element}>"}
        self.lines: list[str] = []
        self.block = "loop"
        self.declarations: set[str] = set()
        self._far_angle = far_angle
        self._count = 0

    def new(self, text: str) -> str:
        """Writes an instruction and returns the name of its result."""
        self._count += 1
        self.lines.append(f"  %v{self._count} = {text}")
        return f"%v{self._count}"

    def loaded(self, argument: Argument, kind: str, place: str) -> str:
        """Returns elements of an array, as they are computed with.

        Args:
            argument: The array.
            kind: `FLOAT` or `MASK`.
            place: Where the elements are. If the argument is constant this is one number.
        """
        element, size = _TYPES[argument.dtype]
        vector = f"<{LANES} x {element}>"
        if argument.extent == CONSTANT:
            one = self.new(f"load {element}, ptr {place}, align {size}")
            found = self.spread(one, element)
        else:
            found = self.new(f"load {vector}, ptr {place}, align {size}")
        if kind == MASK:
            return self.new(f"icmp ne {vector} {found}, zeroinitializer")
        return self._as_computed(found, argument.dtype)

    def loaded_pair(self, argument: Argument, place: str) -> list[str]:
        """Returns elements of both arrays of a pair, as they are computed with.

        Args:
            argument: The pair.
            place: Where its elements are.
        """
        element, size = _TYPES[argument.dtype]
        both = f"<{2 * LANES} x {element}>"
        found = self.new(f"load {both}, ptr {place}, align {size}")
        parts = []
        for start in (0, 1):
            order = ", ".join(f"i32 {start + 2 * lane}" for lane in range(LANES))
            parts.append(
                self.new(f"shufflevector {both} {found}, {both} poison, <{LANES} x i32> <{order}>")
            )
        return [self._as_computed(part, argument.dtype) for part in parts]

    def _as_computed(self, found: str, dtype: str) -> str:
        """Numbers of a type, as they are computed with."""
        if dtype in NARROW:
            found, dtype = self.widened(found, dtype), "float32"
        if _TYPES[dtype][0] == self._element:
            return found
        return self.new(f"fpext <{LANES} x float> {found} to {self.vector[FLOAT]}")

    def spread(self, one: str, element: str) -> str:
        """Returns a vector all of whose elements are one number of a type."""
        vector = f"<{LANES} x {element}>"
        first = self.new(f"insertelement {vector} poison, {element} {one}, i64 0")
        zeros = f"<{LANES} x i32> zeroinitializer"
        return self.new(f"shufflevector {vector} {first}, {vector} poison, {zeros}")

    def widened(self, bits: str, dtype: str) -> str:
        """Returns elements of a 16-bit type in float32, which is exact."""
        floats = f"<{LANES} x float>"
        if dtype == "float16":
            halves = self.new(f"bitcast <{LANES} x i16> {bits} to <{LANES} x half>")
            return self.new(f"fpext <{LANES} x half> {halves} to {floats}")
        words = f"<{LANES} x i32>"
        wide = self.new(f"zext <{LANES} x i16> {bits} to {words}")
        shifted = self.new(f"shl {words} {wide}, {_words(16)}")
        return self.new(f"bitcast {words} {shifted} to {floats}")

    def rounded(self, found: str, dtype: str) -> str:
        """Returns numbers of float32 rounded to a 16-bit type, to nearest even, as its bits."""
        new, floats, narrow = self.new, f"<{LANES} x float>", f"<{LANES} x i16>"
        if dtype == "float16":
            halves = new(f"fptrunc {floats} {found} to <{LANES} x half>")
            return new(f"bitcast <{LANES} x half> {halves} to {narrow}")
        # In integers: an instruction of some processors takes what is subnormal for zero.
        words = f"<{LANES} x i32>"
        bits = new(f"bitcast {floats} {found} to {words}")
        odd = new(f"and {words} {new(f'lshr {words} {bits}, {_words(16)}')}, {_words(1)}")
        up = new(f"add {words} {bits}, {new(f'add {words} {odd}, {_words(0x7FFF)}')}")
        nan = new(f"fcmp uno {floats} {found}, {found}")
        kept = new(f"select <{LANES} x i1> {nan}, {words} {_words(_QUIET_NAN)}, {words} {up}")
        return new(f"trunc {words} {new(f'lshr {words} {kept}, {_words(16)}')} to {narrow}")

    def store(self, value: str, result: Argument, place: str) -> None:
        """Writes elements to an array, rounded to its type: to 16 bits from float32."""
        element, size = _TYPES[result.dtype]
        vector = f"<{LANES} x {element}>"
        value = self._in_type(value, result.dtype)
        self.lines.append(f"  store {vector} {value}, ptr {place}, align {size}")

    def store_pair(self, values: Sequence[str], result: Argument, place: str) -> None:
        """Writes elements to both arrays of a pair, rounded as by `store`."""
        element, size = _TYPES[result.dtype]
        vector = f"<{LANES} x {element}>"
        first, second = (self._in_type(value, result.dtype) for value in values)
        order = ", ".join(f"i32 {lane}, i32 {LANES + lane}" for lane in range(LANES))
        both = self.new(
            f"shufflevector {vector} {first}, {vector} {second}, <{2 * LANES} x i32> <{order}>"
        )
        self.lines.append(f"  store <{2 * LANES} x {element}> {both}, ptr {place}, align {size}")

    def _in_type(self, value: str, dtype: str) -> str:
        """What was computed, rounded to a type: to 16 bits from float32."""
        if dtype != "float64" and not self._single:
            value = self.new(f"fptrunc {self.vector[FLOAT]} {value} to <{LANES} x float>")
        return self.rounded(value, dtype) if dtype in NARROW else value

    def constant(self, node: Node) -> str:
        """Returns a node without operands as a vector."""
        value = node.attributes["value"]
        if node.kind == FLOAT:
            return splat(f"{self._element} {_hexadecimal(value)}")
        return splat(f"i64 {value}" if node.kind == INTEGER else f"i1 {int(value)}")

    def computed(self, node: Node, names: Mapping[int, str]) -> str:
        """Returns the result of an operation.

        Args:
            node: The operation.
            names: The names of its operands, by their indices.
        """
        if not node.operands:
            return self.constant(node)
        operation = node.operation
        operands = [names[operand.index] for operand in node.operands]
        typed = [
            f"{self.vector[operand.kind]} {name}"
            for operand, name in zip(node.operands, operands, strict=True)
        ]
        vector = self.vector[node.kind]
        if operation in _BINARY:
            return self.new(f"{_BINARY[operation]} {typed[0]}, {operands[1]}")
        if operation == "not":
            return self.new(f"xor {typed[0]}, {splat('i1 1')}")
        if operation in _TEXTS:
            text = _TEXTS[operation]
            return self.new(text.format(typed[0], all=", ".join(typed), vector=vector))
        if operation in _CALLS:
            return self.call(_CALLS[operation], typed)
        return self._far(_FAR_CALLS[operation], *operands)

    def call(self, name: str, typed: Sequence[str]) -> str:
        """Returns the result of a function of LLVM."""
        vector = self.vector[FLOAT]
        function = f"@llvm.{name}.v{LANES}f{32 if self._single else 64}"
        types = ", ".join([vector] * len(typed))
        self.declarations.add(f"declare {vector} {function}({types})")
        return self.new(f"call {vector} {function}({', '.join(typed)})")

    def _far(self, name: str, x_name: str, near_name: str) -> str:
        """What `near` is, but where `x` is far out what the C library computes."""
        vector = VECTOR[FLOAT]
        size = self.call("fabs", [f"{vector} {x_name}"])
        limit = splat(f"double {_hexadecimal(self._far_angle)}")
        far = self.new(f"fcmp ogt {vector} {size}, {limit}")
        reduce = f"@llvm.vector.reduce.or.v{LANES}i1"
        self.declarations.add(f"declare i1 {reduce}({VECTOR[MASK]})")
        any_far = self.new(f"call i1 {reduce}({VECTOR[MASK]} {far})")
        before, self._count = self.block, self._count + 1
        self.block = f"near{self._count}"
        beyond = f"far{self._count}"
        self.lines += [f"  br i1 {any_far}, label %{beyond}, label %{self.block}", f"{beyond}:"]
        by_library = self.call(name, [f"{vector} {x_name}"])
        chosen = self.new(
            f"select {VECTOR[MASK]} {far}, {vector} {by_library}, {vector} {near_name}"
        )
        self.lines += [f"  br label %{self.block}", f"{self.block}:"]
        return self.new(f"phi {vector} [ {near_name}, %{before} ], [ {chosen}, %{beyond} ]")
