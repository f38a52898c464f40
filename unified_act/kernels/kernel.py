"""Fused kernels: an activation in one pass over memory, by machine code made for it."""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from unified_act import __version__
from unified_act.activation import Activation
from unified_act.expression import PARTS, Expression, Node, record
from unified_act.kernels import cache, compiler
from unified_act.kernels.columns import COLUMNS
from unified_act.kernels.elementary import FAR_ANGLE, lowered, part_name
from unified_act.kernels.emitter import module_text
from unified_act.kernels.instructions import ARRAY, CONSTANT, LANES, NARROW, SHORT, Argument
from unified_act.kernels.row_emitter import has_reductions, has_sorts
from unified_act.kernels.threads import ALONE, Threads, in_slices

__all__ = ["DTYPES", "Job", "Kernel", "fused", "unavailable"]

DTYPES = (*NARROW, "float32", "float64")
"""The types of arrays that kernels are made for; elementwise activations have tables too."""
_LARGEST_NUMBER = 512
"""So many kernels are kept in memory, those used last."""
_LONGEST_BESIDE = 2_048
"""Many rows of more elements side by side would not fit into the cache of a processor."""
_LEAST = 2.0**-126
"""The smallest normal number of float32. Its inverse is near the largest."""
_CHOOSING = ("lt", "le", "gt", "ge", "eq", "ne", "where")
"""The operations that compute nothing of their operands."""
_kept: OrderedDict[Any, Kernel | str] = OrderedDict()
"""By what was asked for: the kernel, or why there is none."""
_libraries: WeakValueDictionary[str, compiler.Library] = WeakValueDictionary()
"""What is in use, by its key in the cache: some parameters, such as an axis, change no code."""


class Job(NamedTuple):
    """What a kernel has to do for arrays of some shape, which may lie anywhere.

    Attributes:
        function: Computes everything on the thread that calls it.
        arguments: What it is told after the pointers.
        slices: Computes it on several threads, as for `in_slices`; None if it cannot be divided.
        strides: As for `in_slices`, like the rest.
        number: The number of elements, of rows, or of groups of columns.
        row: The number of elements of a row or a column.
        columns: The number of columns in a group.
    """

    function: Callable[..., None]
    arguments: Sequence[int]
    slices: Callable[[int], Any] | None
    strides: Sequence[int]
    number: int
    row: int = 1
    columns: int = 1

    def run(self, pointers: Sequence[int], threads: Threads = ALONE) -> None:
        """Computes arrays, on as many threads as are worth it.

        Args:
            pointers: The addresses of the first elements.
            threads: The threads.
        """
        slices, number, row, columns = self.slices, self.number, self.row, self.columns
        if not number * row * columns:  # an empty array may have no address
            return
        if slices is None or not in_slices(
            slices, pointers, self.strides, number, threads, row, columns=columns
        ):
            self.function(*pointers, *self.arguments)


class Kernel:
    """Machine code for one activation with its parameters, one type and one order.

    Attributes:
        inputs: The names of the arrays that are read, in the order of their pointers.
        results: The number of arrays that are written. Their pointers follow.
        sizes: The number of bytes of an element of each array.
        whole_rows: Whether an element of a row depends on others. Only then there are `columns`.
        short: Of rows of up to so many elements `columns` computes many side by side; 0 if it
            computes none so. Then all rows of such a length should be computed so: sums are of one
            element after the other.
        flat: ``flat(*pointers, n)`` computes n elements on this thread: of an activation along an
            axis, a row of so many. All arrays are contiguous, in one order. A result may be an
            input, but not of an activation along an axis.
    """

    def __init__(
        self,
        library: compiler.Library,
        inputs: Mapping[str, Argument],
        results: Sequence[Argument],
        *,
        whole_rows: bool = False,
        short: int = 0,
    ) -> None:
        self.whole_rows = whole_rows
        self.short = short
        self._arguments = (*inputs.values(), *results)
        self.inputs = tuple(inputs)
        self.results = len(results)
        number = len(self._arguments)
        self.flat = library.function("flat", number, 1)
        self._rows = library.function("rows", number, 4 + number)
        if whole_rows:
            self._columns = library.function("columns", number, 5)
            self._columns_slices = library.function("columns_slices", 1)
        if short:
            self._beside = library.function("beside", number, 5)
            self._beside_slices = library.function("beside_slices", 1)
        self._flat_slices = library.function("flat_slices", 1)
        self._rows_slices = library.function("rows_slices", 1)
        self.sizes = [argument.size for argument in self._arguments]
        self._strides = [
            0 if argument.extent == CONSTANT else argument.size for argument in self._arguments
        ]

    def __call__(self, *pointers: int, count: int, threads: Threads = ALONE) -> None:
        """Computes elements on several threads, as many as are worth it; a row only on this one.

        Args:
            *pointers: The addresses of the arrays.
            count: The number of elements.
            threads: The threads.
        """
        self.elements(count).run(pointers, threads)

    def elements(self, count: int) -> Job:
        """Returns how elements that lie one after another are computed; a row on one thread only.

        Args:
            count: The number of elements.
        """
        if self.whole_rows:
            return Job(self.flat, (count,), None, (), 1, count)
        return Job(self.flat, (count,), self._flat_slices, self._strides, count)

    def rows(
        self, *, length: int, count: int, strides: Sequence[int], period: int | None = None
    ) -> Job:
        """Returns how rows of elements are computed, which may lie apart.

        Args:
            length: The number of elements of a row.
            count: The number of rows.
            strides: The number of bytes from one row to the next, for each pointer.
            period: After so many rows a constant weight is the first one again; by default it never
                is.
        """
        turn = period or max(count, 1)
        arguments = (length, 0, count, turn, *strides)
        return Job(self._rows, arguments, self._rows_slices, (*strides, turn), count, length)

    def columns(self, *, length: int, outer: int, inner: int) -> Job:
        """Returns how rows along any axis of contiguous arrays are computed.

        Args:
            length: The number of elements along the axis.
            outer: The number of elements of the axes before it together.
            inner: That of the axes after it.
        """
        function, slices, group = self._columns, self._columns_slices, min(inner, COLUMNS)
        count = outer * -(-inner // COLUMNS)
        beside = length <= self.short or (inner >= LANES and length <= _LONGEST_BESIDE)
        if self.short and beside:
            function, slices, group = self._beside, self._beside_slices, LANES
            slabs = LANES // inner if inner else 0
            count = -(-outer // slabs) if slabs > 1 else outer * -(-inner // LANES)
        told = (*[0] * len(self.sizes), inner, outer)
        arguments = (length, 0, count, inner, outer)
        return Job(function, arguments, slices, told, count, length, group)


def unavailable(
    activation: Activation | None = None,
    parameters: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    order: int = 0,
) -> str:
    """Returns why there is no kernel, for a reader; an empty string if there is one.

    Args:
        activation: The activation; None asks about this computer.
        parameters: As for `fused`.
        dtype: As for `fused`.
        order: As for `fused`.
    """
    reason = compiler.unavailable()
    if reason or activation is None:
        return reason
    found = _found(activation, parameters or {}, dtype, order, False, CONSTANT)
    return found if isinstance(found, str) else ""


def fused(
    activation: Activation,
    parameters: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    order: int = 0,
    *,
    with_value: bool = False,
    weights: str = CONSTANT,
    in_turn: bool = False,
) -> Kernel | None:
    """Returns a kernel of an activation, or None; `unavailable` says why.

    float32 is computed in float64 and rounded once, or in float32 where that gives the same bits;
    16 bits are rounded from float32. The bits are the same on all processors.

    The elements of a row of an activation along an axis lie one after another.

    Order 0 reads the arguments of `forward` and writes the value. Order 1 also reads a cotangent
    and writes, for each argument, the cotangent times the partial derivative: as float32 by a
    weight of 16 bits. Order 2 does so with the second derivative, of elementwise activations.

    Args:
        activation: The activation.
        parameters: The parameters that differ from their defaults.
        dtype: That of all arrays.
        order: 0, 1 or 2.
        with_value: Of order 1: whether the value is written too, before the derivatives.
        weights: Of a learned activation: ``"constant"`` if `Kernel.rows` is called for rows in
            which each weight is one number, ``"array"`` if it has a number for each element.
        in_turn: Of a gated activation: whether the elements of both halves lie in turn in one
            array, ``x``, and the derivatives by them in another.

    Examples:
        >>> import numpy as np
        >>> from unified_act.registry import ACTIVATIONS
        >>> kernel = fused(ACTIVATIONS.find("relu"))
        >>> x = np.array([-1.0, 2.0], dtype=np.float32)
        >>> if kernel is not None:  # without llvmlite it is
        ...     kernel(x.ctypes.data, x.ctypes.data, count=x.size)
    """
    if compiler.unavailable():
        return None
    found = _found(activation, parameters or {}, dtype, order, with_value, weights, in_turn)
    return found if isinstance(found, Kernel) else None


def _found(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    order: int,
    with_value: bool,
    weights: str,
    in_turn: bool = False,
) -> Kernel | str:
    what = (dtype, order, with_value, weights, in_turn)
    key = (activation, repr(parameters), *what)  # repr tells 0.0 from -0.0
    with compiler.LOCK:
        found = _kept.get(key)
        if found is None:
            bound = activation.bind(parameters)
            same = (activation, repr(bound), *what)
            found = _kept.get(same) or _made(activation, bound, *what)
            _kept[same] = _kept[key] = found
            while len(_kept) > _LARGEST_NUMBER:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
    return found


def _made(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    order: int,
    with_value: bool,
    weights: str,
    in_turn: bool,
) -> Kernel | str:
    reason = _refused(activation, dtype, order)
    if reason:
        return reason
    try:
        value = _recorded(activation, parameters, dtype, 0)
        outputs = [] if order and not with_value else lowered(value)
        parts = {}
        if order:
            pulled = _recorded(activation, parameters, dtype, order)
            outputs += _pulled_back(activation, pulled, outputs)
        if in_parts(activation):
            parts = _parts(value, *([pulled] if order else []))
            written = (len(lowered(value)), len(lowered(pulled))) if order else None
            read = tuple(len(parts.get(name, [name])) for name in ("cotangent", "x"))
            if has_reductions(outputs) or written not in (None, read):
                return "the result has another length, and is not made part by part"
    except NotImplementedError as error:  # a RecordingError is one
        return str(error)
    inputs = {
        name: Argument(
            "bool" if name in activation.masks else dtype,
            weights if name in activation.weights else ARRAY,
        )
        for array in (*_names(value), *(["cotangent"] if order else []))
        for name in parts.get(array, [array])
    }
    # What a weight gets is a sum of many, which are not rounded before.
    sums = len(activation.weights) if order and dtype in NARROW else 0
    results = [Argument(dtype)] * (len(outputs) - sums) + [Argument("float32")] * sums
    if in_turn:
        order_of_halves = -1 if parameters["gate_first"] else 1
        both = Argument(dtype, pair=tuple(_names(value)[::order_of_halves]))
        inputs = {"x": both, **{name: inputs[name] for name in ["cotangent"][:order]}}
        if order:
            outputs[-2:], results[-2:] = outputs[-2:][::order_of_halves], [both]
    try:
        library = library_of(module_text(inputs, outputs, results, FAR_ANGLE))
    except RuntimeError as error:  # of LLVM
        return f"LLVM cannot make it: {error}"
    whole_rows = has_reductions(outputs)
    short = SHORT if whole_rows and not has_sorts(outputs) else 0
    return Kernel(library, inputs, results, whole_rows=whole_rows, short=short)


def _refused(activation: Activation, dtype: str, order: int) -> str:
    """Why there can be no kernel, whatever the definition is; empty if there may be one."""
    if dtype not in DTYPES:
        return f"there are kernels for {', '.join(DTYPES[:-1])} and {DTYPES[-1]} only"
    if dtype == "float16" and not compiler.converts_float16():
        return "the processor does not convert float16"
    if order == 2 and not activation.kind.elementwise:
        return "there are kernels of the second derivative for elementwise activations only"
    return ""


def in_parts(activation: Activation) -> bool:
    """Whether a kernel takes and writes equal parts of arrays: those of a row that changes length.

    Args:
        activation: The activation.
    """
    return activation.along_axis and activation.resizes


def _parts(*expressions: Expression) -> dict[str, list[str]]:
    """The names of the parts of each array that is split."""
    sections: dict[str, set[int]] = {}
    for expression in expressions:
        present = [output for output in expression.outputs if output is not None]
        for node in expression.graph.needed(present):
            split = node.attributes["sections"] if node.operation == "split" else 1
            for operand in node.operands:
                if operand.operation == "input":
                    sections.setdefault(operand.attributes["name"], set()).add(split)
    if any(len(numbers) > 1 for numbers in sections.values()):
        raise NotImplementedError("an array is split, and used as a whole too")
    return {
        name: [part_name(name, part) for part in range(number)]
        for name, (number,) in sections.items()
        if number > 1
    }


def _recorded(
    activation: Activation, parameters: Mapping[str, Any], dtype: str, order: int
) -> Expression:
    part = PARTS[order]
    if dtype != "float64":
        found = record(activation, parameters, part, wide=True)
        if not any(map(_computes_with_extremes, found.graph.nodes)):
            return found
    return record(activation, parameters, part)


def _computes_with_extremes(node: Node) -> bool:
    """Whether an operand is an extreme constant, and more than a bound."""
    return node.operation not in _CHOOSING and any(map(_is_extreme, node.operands))


def _is_extreme(node: Node) -> bool:
    """Whether it is a constant that could make a number of float32 of one far smaller or larger."""
    size = abs(node.value or 0.0)
    return 0.0 < size < _LEAST or 1.0 / _LEAST < size < math.inf


def _names(expression: Expression) -> list[str]:
    return [node.attributes["name"] for node in expression.inputs]


def _pulled_back(
    activation: Activation, expression: Expression, beside: Sequence[Node]
) -> list[Node]:
    """The cotangent times each derivative, in the graph of other outputs if there are any."""
    partials = lowered(expression, beside[0].graph if beside else None)
    if activation.along_axis:  # the derivative is the pullback
        return partials
    cotangent = partials[0].graph.input("cotangent")
    return [cotangent * partial for partial in partials]


def library_of(text: str) -> compiler.Library:
    """Returns a module in machine code, from the cache on disk or compiled.

    Args:
        text: The module in LLVM's assembly language.
    """
    processor = compiler.host()
    key = cache.key_of(text, *processor, compiler.version(), __version__)
    with compiler.LOCK:
        found = _libraries.get(key)
        if found is None:
            code = cache.load(key)
            if code is None:
                code = compiler.compiled(text, processor)
                cache.store(key, code)
            found = _libraries[key] = compiler.Library(code)
    return found


if hasattr(os, "register_at_fork"):
    # What is being compiled is finished first: a child must not find it half done.
    os.register_at_fork(
        before=compiler.LOCK.acquire,
        after_in_parent=compiler.LOCK.release,
        after_in_child=compiler.LOCK.release,
    )
