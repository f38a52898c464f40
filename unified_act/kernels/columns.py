"""The functions ``columns`` and ``beside``: rows with gaps in memory, and rows of a few elements.

Along an axis that is not the last, the first elements of many rows lie side by side, and so do the
second ones. ``beside`` computes such rows at once, with a row in each element of a vector. It also
serves rows of a few elements without gaps, of which it makes a copy in that order.

What it cannot do ``columns`` does: it copies some columns of memory at a time into rows without
gaps, as many as a line of a cache has elements; then ``flat`` computes these, and the results are
copied back.
"""

from __future__ import annotations

from collections.abc import Sequence

from unified_act.kernels.instructions import ALLOCATION, LANES, SHORT, Argument, Writer, listed

__all__ = ["COLUMNS", "abreast_functions", "column_functions"]

COLUMNS = 16
"""So many are copied at a time: of float32 they fill a line of a cache."""
_SIDE = 8
"""Squares of so many rows and columns are transposed in the registers of a processor."""
_GAP = 64
"""Bytes between the rows of the copies. Without them all rows could want the same lines of a cache.
"""


def column_functions(
    writer: Writer, inputs: Sequence[Argument], results: Sequence[Argument]
) -> str:
    """Returns ``columns`` and what it calls, but for ``flat``.

    ``columns(*pointers, n, first, some, inner, outer)`` computes `some` groups of `COLUMNS`
    columns, from group `first` on. A column has n elements, each `inner` elements after the one
    before. Columns lie side by side, and `outer` slabs of n times `inner` elements one after
    another. A group is in one slab.

    Args:
        writer: Who writes the instructions.
        inputs: What is read, in the order of the pointers.
        results: What is written, in the order of the pointers after these.
    """
    writer.declarations |= ALLOCATION
    arguments = [*inputs, *results]
    copies = [
        _copied(name, size)
        for size in sorted({argument.size for argument in arguments})
        for name in ("gathered", "scattered")
    ]
    return "\n".join([*copies, _columns(arguments, len(inputs))])


def abreast_functions(inputs: Sequence[Argument], results: Sequence[Argument], kept: int) -> str:
    """Returns ``beside`` and what it calls, but for ``abreast`` and what `column_functions` has.

    ``beside(*pointers, n, first, some, inner, outer)`` computes `some` groups of `LANES` columns.
    They are those of ``columns``. If there are fewer columns in a slab, a group has several slabs,
    and n must not be above `SHORT`.

    Args:
        inputs: What is read, in the order of the pointers.
        results: What is written, in the order of the pointers after these.
        kept: How many numbers ``abreast`` keeps for each element.
    """
    arguments = [*inputs, *results]
    room: list[str] = []
    there: list[str] = []
    read: list[str] = []
    written: list[str] = []
    moved: list[str] = []
    for index, argument in enumerate(arguments):
        size, copy = argument.size, f"%copy{index}"
        whole = SHORT * LANES * size
        room.append(f"  {copy} = alloca [{whole} x i8], align 64")
        moved += [
            f"  %o{index} = mul i64 %element, {size}",
            f"  %q{index} = getelementptr i8, ptr %p{index}, i64 %o{index}",
        ]
        there += [
            f"  %at{index} = mul i64 %begin, {size}",
            f"  %there{index} = getelementptr i8, ptr %p{index}, i64 %at{index}",
            f"  %pitch{index} = mul i64 %n, {size}",
            f"  %bytes{index} = mul i64 %inner, {size}",
        ]
        is_read = index < len(inputs)
        if is_read:
            room += [
                f"  %used{index} = mul i64 %n, {LANES * size}",
                f"  call void @llvm.memset.p0.i64(ptr {copy}, i8 0, i64 %used{index}, i1 false)",
            ]
        turned, laid = ("scattered", "in") if is_read else ("gathered", "out")
        (read if is_read else written).append(
            _TURNED_OR_LAID.format(
                index=index, size=size, lanes=LANES, pitch=LANES * size, turned=turned, laid=laid
            )
        )
    places = range(len(arguments))
    return "\n".join(
        [
            _SLABS.format(name="in", source="memory", target="copy"),
            _SLABS.format(name="out", source="copy", target="memory"),
            _BESIDE.format(
                parameters=listed([f"%p{index}" for index in places]),
                room="\n".join(room),
                kept=_KEPT.format(bytes=LANES * 8 * kept) if kept else "  br label %begun",
                free="  call void @free(ptr %kept)" if kept else "",
                moved="\n".join(moved),
                pointers=listed([*(f"%q{index}" for index in places), *["%kept"][:kept]]),
                there="\n".join(there),
                read="\n".join(read),
                copies=listed([*(f"%copy{index}" for index in places), *["%kept"][:kept]]),
                written="\n".join(written),
                lanes=LANES,
                more=LANES - 1,
            ),
        ]
    )


_KEPT = """\
  %bytes = mul i64 %n, {bytes}
  %kept = call ptr @malloc(i64 %bytes)
  %none = icmp eq ptr %kept, null
  br i1 %none, label %fail, label %begun
fail:
  call void @abort()
  unreachable"""
_BESIDE = """
define void @beside({parameters}, i64 %n, i64 %first, i64 %some, i64 %inner, i64 %outer) nounwind {{
entry:
  %wide = icmp uge i64 %inner, {lanes}
{kept}
begun:
  %stop = add i64 %first, %some
  %slab = mul i64 %n, %inner
  br i1 %wide, label %many, label %few
many:
  %upper = add i64 %inner, {more}
  %groups = udiv i64 %upper, {lanes}
  %most = sub i64 %inner, {lanes}
  br label %beside
beside:
  %group = phi i64 [ %first, %many ], [ %next, %beside ]
  %number = udiv i64 %group, %groups
  %part = urem i64 %group, %groups
  %column = mul i64 %part, {lanes}
  %beyond = icmp ugt i64 %column, %most
  %start = select i1 %beyond, i64 %most, i64 %column
  %slabs = mul i64 %number, %slab
  %element = add i64 %slabs, %start
{moved}
  call void @abreast({pointers}, i64 %n, i64 %inner)
  %next = add i64 %group, 1
  %last = icmp eq i64 %next, %stop
  br i1 %last, label %end, label %beside
few:
{room}
  %per = udiv i64 {lanes}, %inner
  %single = icmp eq i64 %inner, 1
  br label %copied
copied:
  %now = phi i64 [ %first, %few ], [ %later, %copied.end ]
  %from = mul i64 %now, %per
  %left = sub i64 %outer, %from
  %fewer = icmp ult i64 %left, %per
  %m = select i1 %fewer, i64 %left, i64 %per
  %begin = mul i64 %from, %slab
{there}
{read}
  call void @abreast({copies}, i64 %n, i64 {lanes})
{written}
  br label %copied.end
copied.end:
  %later = add i64 %now, 1
  %done = icmp eq i64 %later, %stop
  br i1 %done, label %end, label %copied
end:
  ret void
}}
"""
_TURNED_OR_LAID = """\
  br i1 %single, label %turned{index}, label %laid{index}
turned{index}:
  call void @{turned}{size}(ptr %copy{index}, i64 {lanes}, ptr %there{index}, i64 %pitch{index}, \
i64 %n, i64 %m)
  br label %after{index}
laid{index}:
  call void @slabs_{laid}(ptr %there{index}, ptr %copy{index}, i64 %n, i64 %bytes{index}, \
i64 {pitch}, i64 %m)
  br label %after{index}
after{index}:"""
_SLABS = """
define internal void @slabs_{name}(ptr %memories, ptr %copies, i64 %n, i64 %bytes, i64 %pitch, \
i64 %m) noinline nounwind {{
entry:
  %all = mul i64 %n, %m
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %slab = udiv i64 %i, %n
  %line = urem i64 %i, %n
  %at = mul i64 %i, %bytes
  %memory = getelementptr i8, ptr %memories, i64 %at
  %lines = mul i64 %line, %pitch
  %beside = mul i64 %slab, %bytes
  %place = add i64 %lines, %beside
  %copy = getelementptr i8, ptr %copies, i64 %place
  call void @llvm.memcpy.p0.p0.i64(ptr %{target}, ptr %{source}, i64 %bytes, i1 false)
  %next = add i64 %i, 1
  %last = icmp eq i64 %next, %all
  br i1 %last, label %end, label %loop
end:
  ret void
}}
"""


def _columns(arguments: Sequence[Argument], inputs: int) -> str:
    room: list[str] = []
    before: list[str] = []
    now: list[str] = []
    after: list[str] = []
    end = "0"
    for index, argument in enumerate(arguments):
        size = argument.size
        room += [
            f"  %bare{index} = mul i64 %n, {size}",
            f"  %row{index} = add i64 %bare{index}, {_GAP}",
            f"  %room{index} = mul i64 %row{index}, %most",
            f"  %end{index} = add i64 {end}, %room{index}",
        ]
        before += [
            f"  %at{index} = mul i64 %element, {size}",
            f"  %there{index} = getelementptr i8, ptr %p{index}, i64 %at{index}",
        ]
        if index:
            before.append(f"  %copy{index} = getelementptr i8, ptr %copy0, i64 {end}")
        end = f"%end{index}"
        copy = "gathered" if index < inputs else "scattered"
        (before if index < inputs else after).append(
            f"  call void @{copy}{size}(ptr %there{index}, i64 %inner, ptr %copy{index}, "
            f"i64 %row{index}, i64 %n, i64 %width)"
        )
        now += [
            f"  %o{index} = mul i64 %column, %row{index}",
            f"  %q{index} = getelementptr i8, ptr %copy{index}, i64 %o{index}",
        ]
    places = range(len(arguments))
    return _COLUMNS.format(
        parameters=listed([f"%p{index}" for index in places]),
        room="\n".join(room),
        bytes=end,
        before="\n".join(before),
        now="\n".join(now),
        pointers=listed([f"%q{index}" for index in places]),
        after="\n".join(after),
        columns=COLUMNS,
        more=COLUMNS - 1,
    )


_COLUMNS = """
define void @columns({parameters}, i64 %n, i64 %first, i64 %some, i64 %inner, i64 %outer) \
nounwind {{
entry:
  %upper = add i64 %inner, {more}
  %groups = udiv i64 %upper, {columns}
  %narrow = icmp ult i64 %inner, {columns}
  %most = select i1 %narrow, i64 %inner, i64 {columns}
  %slab = mul i64 %n, %inner
  %stop = add i64 %first, %some
{room}
  %copy0 = call ptr @malloc(i64 {bytes})
  %none = icmp eq ptr %copy0, null
  br i1 %none, label %fail, label %loop
fail:
  call void @abort()
  unreachable
loop:
  %group = phi i64 [ %first, %entry ], [ %later, %written ]
  %at = udiv i64 %group, %groups
  %number = urem i64 %group, %groups
  %start = mul i64 %number, {columns}
  %left = sub i64 %inner, %start
  %few = icmp ult i64 %left, {columns}
  %width = select i1 %few, i64 %left, i64 {columns}
  %slabs = mul i64 %at, %slab
  %element = add i64 %slabs, %start
{before}
  br label %rows
rows:
  %column = phi i64 [ 0, %loop ], [ %next, %rows ]
{now}
  call void @flat({pointers}, i64 %n)
  %next = add i64 %column, 1
  %all = icmp eq i64 %next, %width
  br i1 %all, label %written, label %rows
written:
{after}
  %later = add i64 %group, 1
  %last = icmp eq i64 %later, %stop
  br i1 %last, label %end, label %loop
end:
  call void @free(ptr %copy0)
  ret void
}}
"""


def _copied(name: str, size: int) -> str:
    """A function that copies columns into rows, or rows back into columns.

    Its arguments are where the columns begin, the number of elements from one element of a column
    to the next, where the rows begin, the number of bytes of a row, and the numbers of elements of
    a column and of columns.
    """
    back = name == "scattered"
    element = f"i{8 * size}"
    vector = f"<{_SIDE} x {element}>"
    in_columns = [("column", i) for i in range(_SIDE)]
    in_rows = [("row", i) for i in range(_SIDE)]
    read, written = (in_rows, in_columns) if back else (in_columns, in_rows)
    square = []
    for side, (index, other, step, large) in {
        "column": ("%i", "%j", "%inner", size),
        "row": ("%j", "%i", "%pitch", 1),
    }.items():
        for i in range(_SIDE):
            square += [
                f"  %{side}.line{i} = add i64 {index}, {i}",
                f"  %{side}.lines{i} = mul i64 %{side}.line{i}, {step}",
                f"  %{side}.whole{i} = mul i64 %{side}.lines{i}, {large}",
                f"  %{side}.part{i} = mul i64 {other}, {size}",
                f"  %{side}.sum{i} = add i64 %{side}.whole{i}, %{side}.part{i}",
                f"  %{side}{i} = getelementptr i8, ptr %{side}s, i64 %{side}.sum{i}",
            ]
    lines = []
    for side, i in read:
        lines.append(f"%v0.{i}")
        square.append(f"  %v0.{i} = load {vector}, ptr %{side}{i}, align {size}")
    half = _SIDE // 2
    for stage in range(1, _SIDE.bit_length()):
        mixed: list[str] = []
        for pair in range(half):
            for part in (0, half):
                order = ", ".join(
                    f"i32 {part + lane // 2 + _SIDE * (lane % 2)}" for lane in range(_SIDE)
                )
                mixed.append(f"%v{stage}.{len(mixed)}")
                square.append(
                    f"  {mixed[-1]} = shufflevector {vector} {lines[pair]}, "
                    f"{vector} {lines[pair + half]}, <{_SIDE} x i32> <{order}>"
                )
        lines = mixed
    for (side, i), line in zip(written, lines, strict=True):
        square.append(f"  store {vector} {line}, ptr %{side}{i}, align {size}")
    source, target = ("row", "column") if back else ("column", "row")
    return _COPIED.format(
        name=f"{name}{size}",
        square="\n".join(square),
        element=element,
        size=size,
        side=_SIDE,
        whole=-_SIDE,
        source=source,
        target=target,
    )


_COPIED = """
define internal void @{name}(ptr %columns, i64 %inner, ptr %rows, i64 %pitch, i64 %n, i64 %width) \
noinline nounwind "prefer-vector-width"="512" "min-legal-vector-width"="512" {{
entry:
  %long = and i64 %n, {whole}
  %wide = and i64 %width, {whole}
  br label %down
down:
  %i = phi i64 [ 0, %entry ], [ %i.next, %below ]
  %some = icmp ult i64 %i, %long
  br i1 %some, label %across, label %edges
across:
  %j = phi i64 [ 0, %down ], [ %j.next, %square ]
  %any = icmp ult i64 %j, %wide
  br i1 %any, label %square, label %below
square:
{square}
  %j.next = add i64 %j, {side}
  br label %across
below:
  %i.next = add i64 %i, {side}
  br label %down
edges:
  %line = phi i64 [ 0, %down ], [ %line.next, %line.end ]
  %more = icmp ult i64 %line, %n
  br i1 %more, label %begin, label %end
begin:
  %inside = icmp ult i64 %line, %long
  %from = select i1 %inside, i64 %wide, i64 0
  br label %single
single:
  %k = phi i64 [ %from, %begin ], [ %k.next, %element ]
  %left = icmp ult i64 %k, %width
  br i1 %left, label %element, label %line.end
element:
  %before = mul i64 %line, %inner
  %number = add i64 %before, %k
  %column.at = mul i64 %number, {size}
  %column = getelementptr i8, ptr %columns, i64 %column.at
  %row.begin = mul i64 %k, %pitch
  %row.part = mul i64 %line, {size}
  %row.at = add i64 %row.begin, %row.part
  %row = getelementptr i8, ptr %rows, i64 %row.at
  %value = load {element}, ptr %{source}, align {size}
  store {element} %value, ptr %{target}, align {size}
  %k.next = add i64 %k, 1
  br label %single
line.end:
  %line.next = add i64 %line, 1
  br label %edges
end:
  ret void
}}
"""
