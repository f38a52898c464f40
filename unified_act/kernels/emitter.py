"""Modules in LLVM's assembly language: one pass over memory, some elements at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from unified_act.expression import Node
from unified_act.kernels.columns import abreast_functions, column_functions
from unified_act.kernels.instructions import CONSTANT, LANES, Argument, Writer, listed
from unified_act.kernels.row_emitter import (
    abreast_function,
    has_reductions,
    has_sorts,
    row_function,
)
from unified_act.kernels.width import fits_float32

__all__ = ["MEMORY", "elementwise", "module_text", "slices"]


def module_text(
    inputs: Mapping[str, Argument],
    outputs: Sequence[Node],
    results: Sequence[Argument],
    far_angle: float,
) -> str:
    """Returns a module with the functions ``flat`` and ``rows``, and what threads call.

    If an element depends on others there is ``columns`` too, see `column_functions`, and if no row
    is sorted ``beside``, see `abreast_functions`.

    ``flat(*pointers, n)`` computes the outputs at n elements that lie one after another;
    ``rows(*pointers, n, first, some, period, *strides)`` does so for some rows, from row `first`
    on. Each pointer moves by its stride, in bytes, from one row to the next. That of a constant is
    back where it was after `period` rows. See `slices` for what threads call.

    Args:
        inputs: The inputs by name, in the order of the pointers.
        outputs: What is computed, in primitive operations.
        results: Where it is written, after the inputs; a pair takes two of them.
        far_angle: From which absolute value on the C library computes sine and cosine.
    """
    arguments = [*inputs.values(), *results]
    pointers = [f"%p{index}" for index in range(len(arguments))]
    if has_reductions(outputs):
        writer = Writer(far_angle)
        functions = [row_function(writer, inputs, outputs, results)]
        read = list(inputs.values())
        functions.append(column_functions(writer, read, results))
        functions.append(slices(len(pointers), of="columns"))
        if not has_sorts(outputs):
            rows, kept = abreast_function(writer, inputs, outputs, results)
            functions += [rows, abreast_functions(read, results, kept)]
            functions.append(slices(len(pointers), of="beside"))
    else:
        writer = Writer(far_angle, single=fits_float32(outputs, arguments))
        before, inside = _body(writer, inputs, outputs, results)
        functions = elementwise(writer, before, inside, arguments, len(inputs))
    functions += [_rows(arguments), slices(len(pointers)), slices(len(pointers), of="rows")]
    return "\n".join([*functions, *sorted(writer.declarations), MEMORY])


def elementwise(
    writer: Writer,
    before: Sequence[str],
    inside: Sequence[str],
    arguments: Sequence[Argument],
    inputs: int,
) -> list[str]:
    """Returns the function ``flat``, and what it calls, for single elements.

    Args:
        writer: Who wrote the instructions.
        before: The instructions before the loop.
        inside: Those in the loop, for block ``%i`` of all elements.
        arguments: What is read and then what is written, in the order of the pointers.
        inputs: How many are read.
    """
    pointers = [f"%p{index}" for index in range(len(arguments))]
    blocks = _BLOCKS.format(
        parameters=listed(pointers),
        before="\n".join(before),
        body="\n".join(inside),
        last=writer.block,
    )
    return [blocks, _flat(pointers, arguments, inputs)]


def _body(
    writer: Writer,
    inputs: Mapping[str, Argument],
    outputs: Sequence[Node],
    results: Sequence[Argument],
) -> tuple[list[str], list[str]]:
    """The instructions before the loop, which are the same for every element, and those in it."""
    before: list[str] = []
    inside: list[str] = []
    places = {name: index for index, name in enumerate(inputs)}
    names: dict[int, str] = {}
    same: set[int] = set()

    def place(index: int, size: int) -> str:
        offset = writer.new(f"mul i64 %i, {LANES * size}")
        return writer.new(f"getelementptr i8, ptr %p{index}, i64 {offset}")

    writer.lines = inside
    pairs = _read_in_pairs(writer, inputs, place)
    for node in outputs[0].graph.needed(outputs):
        if node.operation == "input" and node.attributes["name"] in pairs:
            names[node.index] = pairs[node.attributes["name"]]
            continue
        if node.operation == "input":
            argument, index = inputs[node.attributes["name"]], places[node.attributes["name"]]
            constant = argument.extent == CONSTANT
        else:
            constant = all(operand.index in same for operand in node.operands)
            constant &= not node.operation.startswith("far_")  # which has blocks of its own
        writer.lines = before if constant else inside
        if constant:
            same.add(node.index)
        if node.operation == "input":
            where = f"%p{index}" if constant else place(index, argument.size)
            names[node.index] = writer.loaded(argument, node.kind, where)
        else:
            names[node.index] = writer.computed(node, names)
    writer.lines = inside
    left = iter([names[node.index] for node in outputs])
    for index, result in enumerate(results, len(inputs)):
        there = place(index, result.size)
        if result.pair:
            writer.store_pair([next(left), next(left)], result, there)
        else:
            writer.store(next(left), result, there)
    return before, inside


def _read_in_pairs(
    writer: Writer, inputs: Mapping[str, Argument], place: Callable[[int, int], str]
) -> dict[str, str]:
    """What is read of arrays that lie in pairs, by their names."""
    found: dict[str, str] = {}
    for index, argument in enumerate(inputs.values()):
        if argument.pair:
            both = writer.loaded_pair(argument, place(index, argument.size))
            found |= dict(zip(argument.pair, both, strict=True))
    return found


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

MEMORY = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""


def _flat(pointers: Sequence[str], arguments: Sequence[Argument], inputs: int) -> str:
    """What does not fill a block is computed with elements before it, or in a block on the stack.

    The latter if there are too few of them, or if results are written over what is read.
    """
    room, before, after, blocks = [], [], [], []
    back, last, same = [], [], []
    for index, (pointer, argument) in enumerate(zip(pointers, arguments, strict=True)):
        if argument.extent == CONSTANT:
            blocks.append(pointer)
            last.append(pointer)
            continue
        name, there, bytes_ = f"%b{index}", f"%from{index}", f"%bytes{index}"
        whole = LANES * argument.size
        blocks.append(name)
        last.append(f"%last{index}")
        back += [
            f"  %back{index} = mul i64 %first, {argument.size}",
            f"  %last{index} = getelementptr i8, ptr {pointer}, i64 %back{index}",
        ]
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
    over = "false"
    for index in range(inputs):
        for result in range(inputs, len(arguments)):
            name = f"{index}.{result}"
            same += [
                f"  %over{name} = icmp eq ptr {pointers[index]}, {pointers[result]}",
                f"  %any{name} = or i1 {over}, %over{name}",
            ]
            over = f"%any{name}"
    return _FLAT.format(
        parameters=listed(pointers),
        blocks=listed(blocks),
        last=listed(last),
        room="\n".join(room),
        back="\n".join(back),
        same="\n".join(same),
        over=over,
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
{same}
  %few = icmp eq i64 %full, 0
  %apart = or i1 %few, {over}
  br i1 %apart, label %stack, label %again
again:
  %first = sub i64 %n, {lanes}
{back}
  call void @blocks({last}, i64 1)
  br label %end
stack:
{before}
  call void @blocks({blocks}, i64 1)
{after}
  br label %end
end:
  ret void
}}
"""


def _rows(arguments: Sequence[Argument]) -> str:
    places = range(len(arguments))
    turning = any(argument.extent == CONSTANT for argument in arguments)
    now = ["  %turn = urem i64 %row, %period"] if turning else []
    for index, argument in enumerate(arguments):
        row = "%turn" if argument.extent == CONSTANT else "%row"
        now += [
            f"  %o{index} = mul i64 {row}, %s{index}",
            f"  %q{index} = getelementptr i8, ptr %p{index}, i64 %o{index}",
        ]
    return _ROWS.format(
        parameters=listed([f"%p{index}" for index in places]),
        strides=", ".join(f"i64 %s{index}" for index in places),
        now="\n".join(now),
        pointers=", ".join(f"ptr %q{index}" for index in places),
    )


_ROWS = """
define void @rows({parameters}, i64 %n, i64 %first, i64 %some, i64 %period, {strides}) nounwind {{
entry:
  %stop = add i64 %first, %some
  %none = icmp eq i64 %some, 0
  br i1 %none, label %end, label %loop
loop:
  %row = phi i64 [ %first, %entry ], [ %next, %loop ]
{now}
  call void @flat({pointers}, i64 %n)
  %next = add i64 %row, 1
  %last = icmp eq i64 %next, %stop
  br i1 %last, label %end, label %loop
end:
  ret void
}}
"""


def slices(pointers: int, *, of: str = "flat") -> str:
    """Returns a function that several threads call at once, to share the elements among them.

    ``flat_slices(shared)`` computes slices of elements until none is left, ``rows_slices`` slices
    of rows, ``columns_slices`` and ``beside_slices`` slices of groups of columns.

    Each thread begins with a part of its own, and then helps the others: one that is slow, or comes
    late, computes less. The first that comes has the first part, as in a framework's own functions:
    what these have computed is in the cache of that processor.

    What they share are integers of 64 bits: how many have come, the number of parts, of elements in
    a part, of all elements, of those in a slice, and in a row or column; the pointers, and their
    strides in bytes, which are 0 for columns; for rows the period, for columns the number of them
    side by side and of slabs; and for each part the first element that nobody computes yet.

    Args:
        pointers: The number of pointers.
        of: Of what: ``"flat"``, ``"rows"``, ``"columns"`` or ``"beside"``.
    """
    places = range(pointers)

    def word(name: str, index: int, kind: str = "i64") -> str:
        where = f"  %at_{name} = getelementptr i64, ptr %shared, i64 {index}"
        return f"{where}\n  %{name} = load {kind}, ptr %at_{name}"

    names = ("parts", "part", "count", "length", "n")
    given = [word(name, index) for index, name in enumerate(names, 1)]
    before = 1 + len(names)
    given += [word(f"p{index}", before + index, "ptr") for index in places]
    given += [word(f"s{index}", before + pointers + index) for index in places]
    before += 2 * pointers
    moved = []
    if of == "flat":
        moved = [
            f"  %o{index} = mul i64 %first, %s{index}\n"
            f"  %q{index} = getelementptr i8, ptr %p{index}, i64 %o{index}"
            for index in places
        ]
    arguments = listed([f"%{'q' if moved else 'p'}{index}" for index in places])
    sizes = ", ".join(f"i64 %s{index}" for index in places)
    some = "i64 %n, i64 %first, i64 %some"
    numbers = {
        "flat": "i64 %some",
        "rows": f"{some}, i64 %period, {sizes}",
        **dict.fromkeys(("columns", "beside"), f"{some}, i64 %inner, i64 %outer"),
    }
    further = {"flat": (), "rows": ("period",)}.get(of, ("inner", "outer"))
    given += [word(name, before + index) for index, name in enumerate(further)]
    before += len(further)
    return _SLICES.format(
        name=f"{of}_slices",
        before=before,
        given="\n".join(given),
        moved="\n".join(moved),
        call=f"@{of}({arguments}, {numbers[of]})",
    )


_SLICES = """
define void @{name}(ptr %shared) nounwind {{
entry:
{given}
  %came = atomicrmw add ptr %shared, i64 1 monotonic
  br label %begin
begin:
  %turn = phi i64 [ 0, %entry ], [ %later, %done ]
  %sum = add i64 %came, %turn
  %which = urem i64 %sum, %parts
  %where = add i64 %which, {before}
  %next = getelementptr i64, ptr %shared, i64 %where
  %after = add i64 %which, 1
  %far = mul i64 %after, %part
  %beyond = icmp ugt i64 %far, %count
  %stop = select i1 %beyond, i64 %count, i64 %far
  br label %loop
loop:
  %first = atomicrmw add ptr %next, i64 %length monotonic
  %left = sub i64 %stop, %first
  %any = icmp sgt i64 %left, 0
  br i1 %any, label %work, label %done
work:
  %last = icmp slt i64 %left, %length
  %some = select i1 %last, i64 %left, i64 %length
{moved}
  call void {call}
  br label %loop
done:
  %later = add i64 %turn, 1
  %all = icmp eq i64 %later, %parts
  br i1 %all, label %end, label %begin
end:
  ret void
}}
"""
