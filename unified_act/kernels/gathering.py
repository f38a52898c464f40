"""Looking up in a table by machine code: one pass over memory.

Frameworks make an index of 32 or 64 bits of every element, and take up memory for each step.
"""

from __future__ import annotations

from functools import cache

from unified_act.kernels import compiler
from unified_act.kernels.emitter import MEMORY, elementwise, slices
from unified_act.kernels.instructions import CONSTANT, LANES, Argument, Writer
from unified_act.kernels.kernel import library_of
from unified_act.kernels.threads import ALONE, Threads, in_slices

__all__ = ["Gather", "gather"]


class Gather:
    """Machine code that looks up elements of a 16-bit type.

    Attributes:
        flat: ``flat(*pointers, n)`` looks up n elements on this thread.
    """

    def __init__(self, library: compiler.Library, factors: int) -> None:
        self.flat = library.function("flat", 3 + factors, 1)
        self._slices = library.function("flat_slices", 1)
        self._strides = (0, *[2] * (2 + factors))

    def __call__(self, *pointers: int, count: int, threads: Threads = ALONE) -> None:
        """Looks up elements that lie one after another.

        Args:
            *pointers: The addresses of the table, of the elements, of each factor, and of where the
                results are written, which may be one of the others.
            count: The number of elements.
            threads: The threads.
        """
        if not in_slices(self._slices, pointers, self._strides, count, threads) and count:
            self.flat(*pointers, count)


@cache
def gather(dtype: str, factors: int = 0) -> Gather | None:
    """Returns what looks up elements; None where there is no machine code.

    Without factors the table holds 16-bit numbers, and they are the results. With factors it holds
    float32 numbers: they are multiplied by the factors one after another in float32, and then
    rounded.

    Args:
        dtype: The type of the elements, the factors and the results: one of `NARROW`.
        factors: The number of factors: 0, 1 or 2.
    """
    if compiler.unavailable() or not compiler.converts_float16():
        return None
    arguments = [Argument(dtype, CONSTANT), *[Argument(dtype)] * (2 + factors)]
    writer = Writer(0.0)
    inputs = [_block_of(writer, index) for index in range(1, 2 + factors)]
    bits = [writer.new(f"load <{LANES} x i16>, ptr {place}, align 2") for place in inputs]
    found = _entries(writer, bits[0], "float" if factors else "i16")
    for factor in bits[1:]:
        wide = writer.widened(factor, dtype)
        found = writer.new(f"fmul <{LANES} x float> {found}, {wide}")
    if factors:
        found = writer.rounded(found, dtype)
    place = _block_of(writer, 2 + factors)
    writer.lines.append(f"  store <{LANES} x i16> {found}, ptr {place}, align 2")
    functions = elementwise(writer, [], writer.lines, arguments, 2 + factors)
    functions.append(slices(len(arguments)))
    try:
        library = library_of("\n".join([*functions, *sorted(writer.declarations), MEMORY]))
    except RuntimeError:  # of LLVM
        return None
    return Gather(library, factors)


def _block_of(writer: Writer, index: int) -> str:
    """Where a block of 16-bit elements begins."""
    offset = writer.new(f"mul i64 %i, {2 * LANES}")
    return writer.new(f"getelementptr i8, ptr %p{index}, i64 {offset}")


def _entries(writer: Writer, bits: str, element: str) -> str:
    """The entries of the table for a block, one by one: as quick as a gather of the processor."""
    found = "poison"
    for lane in range(LANES):
        one = writer.new(f"extractelement <{LANES} x i16> {bits}, i64 {lane}")
        index = writer.new(f"zext i16 {one} to i64")
        place = writer.new(f"getelementptr {element}, ptr %p0, i64 {index}")
        entry = writer.new(f"load {element}, ptr {place}")
        found = writer.new(
            f"insertelement <{LANES} x {element}> {found}, {element} {entry}, i64 {lane}"
        )
    return found
