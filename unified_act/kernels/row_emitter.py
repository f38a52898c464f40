"""An activation along an axis: ``flat`` for one row, and ``abreast`` for many rows side by side.

A row takes as few passes as it can. Each pass goes over the row once. It computes what the sums and
maxima need that are known after it; the last one computes the results. What takes long to compute
is kept for the passes after it, if the row is not too long; all else is computed again in each
pass, which costs less. Sums are of `LANES` numbers side by side, and then of those in pairs. For
float64 what each addition loses is summed too, as Neumaier did; for float32, float64 has digits to
spare. A cumulative sum is made in each pass that needs it, of a block and what all blocks before
come to. What is sorted is collected in a pass, and read in those after it: see `sorting`.

Of rows side by side each has an element of every vector. So nothing is summed within a vector, and
sums are of one element after the other. Nothing is sorted there.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from unified_act.expression import FLOAT, Node
from unified_act.kernels.instructions import (
    ALLOCATION,
    LANES,
    VECTOR,
    Argument,
    Writer,
    listed,
    splat,
)
from unified_act.kernels.sorting import SORT, Sorted, sorting

__all__ = [
    "REDUCTIONS",
    "SCANS",
    "abreast_function",
    "has_reductions",
    "has_sorts",
    "row_function",
]

REDUCTIONS = ("sum", "max")
"""The operations that make one number of a row."""
SCANS = ("cumulative_sum",)
"""The other operations along an axis that there is code for."""
_CHEAP = 12
"""So many operations take less time than to write their result to memory and read it."""
_LONGEST = 2**16
"""Of longer rows nothing is kept: it would not fit into the cache of a processor."""
_DOUBLES = VECTOR[FLOAT]
_START = {"sum": "0x0000000000000000", "max": "0xFFF0000000000000"}


def has_reductions(outputs: Sequence[Node]) -> bool:
    """Whether an element depends on others of its row."""
    along = (*REDUCTIONS, *SCANS, SORT)
    return any(node.operation in along for node in outputs[0].graph.needed(outputs))


def row_function(
    writer: Writer,
    inputs: Mapping[str, Argument],
    outputs: Sequence[Node],
    results: Sequence[Argument],
) -> str:
    """Returns the function ``flat`` for a row.

    Args:
        writer: Who writes the instructions.
        inputs: As for `module_text`.
        outputs: As for `module_text`.
        results: As for `module_text`.
    """
    again = _Row(writer, inputs, outputs, results)
    writer.declarations |= ALLOCATION
    sort = sorting() if again.sorts else ""
    keeping = _Row(writer, inputs, outputs, results, keeps=True)
    if not keeping.slots:
        return sort + again.text("flat")
    number = len(inputs) + len(results)
    pointers = listed([f"%p{index}" for index in range(number)])
    choice = _CHOICE.format(
        parameters=pointers, longest=_LONGEST, lanes=LANES, bytes=LANES * 8 * keeping.slots
    )
    return "\n".join([sort, again.text("again"), keeping.text("keeping"), choice])


def abreast_function(
    writer: Writer,
    inputs: Mapping[str, Argument],
    outputs: Sequence[Node],
    results: Sequence[Argument],
) -> tuple[str, int]:
    """Returns the function ``abreast``, for `LANES` rows at once, and how many numbers it keeps.

    ``abreast(*pointers, kept, n, pitch)`` reads the first elements of all rows side by side, and
    `pitch` elements after these the second ones. Sums are of one element after the other. At
    `kept` is memory for so many numbers of each element; if there are none, it is not an argument.

    Args:
        writer: Who writes the instructions.
        inputs: As for `module_text`.
        outputs: As for `module_text`. Nothing is sorted for them.
        results: As for `module_text`.
    """
    rows = _Row(writer, inputs, outputs, results, keeps=True, abreast=True)
    return rows.text("abreast"), rows.slots


def has_sorts(outputs: Sequence[Node]) -> bool:
    """Whether a row is sorted."""
    return any(node.operation == SORT for node in outputs[0].graph.needed(outputs))


class _Row:
    def __init__(
        self,
        writer: Writer,
        inputs: Mapping[str, Argument],
        outputs: Sequence[Node],
        results: Sequence[Argument],
        *,
        keeps: bool = False,
        abreast: bool = False,
    ) -> None:
        self._writer = writer
        self._abreast = abreast
        self._inputs = inputs
        self._places = {name: index for index, name in enumerate(inputs)}
        self._outputs = outputs
        self._results = results
        self._nodes = outputs[0].graph.needed(outputs)
        self._names: dict[int, str] = {}
        """Of what is the same in the whole row."""
        self._levels: dict[int, int] = {}
        """The number of passes before which a node cannot be computed."""
        for node in self._nodes:
            levels = [self._levels[operand.index] for operand in node.operands]
            after_all = node.operation in (*REDUCTIONS, SORT)
            self._levels[node.index] = max(levels, default=0) + after_all
            if node.operation != "input" and not node.operands:
                self._names[node.index] = writer.constant(node)
        self._by_level: dict[int, list[Node]] = {}
        """The reductions, by the passes that they need."""
        for node in self._nodes:
            if node.operation in REDUCTIONS:
                self._by_level.setdefault(self._levels[node.index], []).append(node)
        self._in_row: set[int] = set(self._names)
        """The nodes that are the same in the whole row."""
        for node in self._nodes:
            if node.operation in REDUCTIONS or (
                node.operands
                and node.operation not in (*SCANS, SORT)
                and all(each.index in self._in_row for each in node.operands)
            ):
                self._in_row.add(node.index)
        self._row_by_level: dict[int, list[Node]] = {}
        """What is made of the sums and maxima of a row, by the passes that it needs, at least 1."""
        for node in self._nodes:
            if (
                node.index in self._in_row
                and node.index not in self._names
                and node.operation not in REDUCTIONS
            ):
                self._row_by_level.setdefault(max(self._levels[node.index], 1), []).append(node)
        self.sorts = [Sorted(node, self._nodes) for node in self._nodes if node.operation == SORT]
        """What is sorted."""
        self._grown: list[tuple[str, str, str]] = []
        """Of a pass: the name of what is carried along the row, its start, and its next value."""
        self._last = max(self._levels[node.index] for node in outputs)
        self._kept = self._worth_keeping() if keeps else {}
        """Of what is kept: the pass that computes it, and its place among all that is kept."""

    @property
    def slots(self) -> int:
        """How many numbers are kept for each element."""
        return len(self._kept)

    def _worth_keeping(self) -> dict[int, tuple[int, int]]:
        """What several passes need and takes long to compute: its pass and place, by its index."""
        found: dict[int, tuple[int, int]] = {}
        before: dict[int, int] = {}
        """The first pass that computes an element."""
        for level in range(self._last + 1):
            needed = self._elements(self._wanted(level), found)
            fresh = [node for node in needed if node.index not in before]
            used = {each.index for node in fresh for each in node.operands}
            used |= {node.index for node in self._wanted(level)}
            for node in needed:
                again = node.index in before and node.index in used and node.kind == FLOAT
                if again and len(self._elements([node])) > _CHEAP:
                    found.setdefault(node.index, (before[node.index], len(found)))
            before.update((node.index, level) for node in fresh)
        return found

    def _wanted(self, level: int) -> list[Node]:
        """The elements that a pass computes something of."""
        return self._wanted_after(level) + (list(self._outputs) if level == self._last else [])

    def _wanted_after(self, level: int) -> list[Node]:
        """The elements that a pass computes for what is known after it."""
        wanted = [node.operands[0] for node in self._reductions(level)]
        return wanted + [each.node.operands[0] for each in self._sorts_after(level)]

    def _reductions(self, level: int) -> list[Node]:
        """What is known of the whole row after a pass."""
        return self._by_level.get(level + 1, [])

    def _sorts_after(self, level: int) -> list[Sorted]:
        """What is sorted after a pass."""
        return [each for each in self.sorts if self._levels[each.node.index] == level + 1]

    def text(self, name: str) -> str:
        """The function, of this name."""
        last = self._last
        before, after = self._room()
        for each in self.sorts:
            before += each.room
            after += each.end
        lines = self._writer.lines = [*before]
        block = "entry"
        for level in range(last + 1):
            block = self._pass(level, block, level == last)
        lines += [*after, "  ret void"]
        arguments = len(self._inputs) + len(self._results)
        pointers = [f"%p{index}" for index in range(arguments)]
        parameters = listed([*pointers, *(["%kept"] if self._kept else [])])
        numbers = "i64 %n, i64 %pitch" if self._abreast else "i64 %n"
        attributes = 'nounwind "prefer-vector-width"="512" "min-legal-vector-width"="512"'
        code = "\n".join(lines)
        return f"define void @{name}({parameters}, {numbers}) {attributes} {{\nentry:\n{code}\n}}\n"

    def _room(self) -> tuple[list[str], list[str]]:
        """What is done first and last: the elements that fill no block are moved to one."""
        if self._abreast:
            return ["  %count = add i64 %n, 0"], []
        before = [
            f"  %full = udiv i64 %n, {LANES}",
            f"  %done = mul i64 %full, {LANES}",
            "  %rest = sub i64 %n, %done",
            "  %some = icmp ne i64 %rest, 0",
            "  %one = zext i1 %some to i64",
            "  %count = add i64 %full, %one",
            *_IN_REST,
        ]
        after = []
        for index, argument in enumerate([*self._inputs.values(), *self._results]):
            size = argument.size
            name, there, number = f"%b{index}", f"%from{index}", f"%bytes{index}"
            before += [
                f"  {name} = alloca [{LANES * size} x i8], align 64",
                f"  %start{index} = mul i64 %done, {size}",
                f"  {there} = getelementptr i8, ptr %p{index}, i64 %start{index}",
                f"  {number} = mul i64 %rest, {size}",
            ]
            copy = "  call void @llvm.memcpy.p0.p0.i64"
            if index < len(self._inputs):
                whole = LANES * size
                before += [
                    f"  call void @llvm.memset.p0.i64(ptr {name}, i8 0, i64 {whole}, i1 false)",
                    f"{copy}(ptr {name}, ptr {there}, i64 {number}, i1 false)",
                ]
            else:
                after.append(f"{copy}(ptr {there}, ptr {name}, i64 {number}, i1 false)")
        return before, after

    def _pass(self, level: int, block: str, last: bool) -> str:
        """Writes a loop over the row, and what is known after it; returns the block it ends in."""
        writer, outer = self._writer, self._writer.lines
        reductions = self._reductions(level)
        head, body, done = f"head{level}", f"body{level}", f"done{level}"
        index = f"%i{level}"
        inside = writer.lines = []
        writer.block = body
        sorts = self._sorts_after(level)
        partly = (reductions or sorts) and not self._abreast
        valid = self._valid(index) if partly else ""
        grown = self._grown = []
        names = self._computed(self._wanted_after(level), index, level)
        for each in sorts:
            each.collect(writer, names[each.node.operands[0].index], valid)
        sums = [f"%sum{node.index}" for node in reductions]
        for node, name in zip(reductions, sums, strict=True):
            value = names[node.operands[0].index]
            if valid:
                value = self._counted(node, value, valid)
            grown += self._carried(node, name, value)
        if last:
            self._store(self._computed(self._outputs, index, level, names), index)
        end, writer.lines = writer.block, outer
        outer += [
            f"  br label %{head}",
            f"{head}:",
            f"  {index} = phi i64 [ 0, %{block} ], [ %next{level}, %{end} ]",
        ]
        for name, start, value in grown:
            at_first = splat(f"double {start}")
            outer.append(f"  {name} = phi {_DOUBLES} [ {at_first}, %{block} ], [ {value}, %{end} ]")
        outer += [
            f"  %go{level} = icmp ult i64 {index}, %count",
            f"  br i1 %go{level}, label %{body}, label %{done}",
            f"{body}:",
            *inside,
            f"  %next{level} = add i64 {index}, 1",
            f"  br label %{head}",
            f"{done}:",
        ]
        writer.block = done
        for each in sorts:
            outer += each.sort
        for node, name in zip(reductions, sums, strict=True):
            whole = self._whole(node, name)
            if not self._abreast:
                whole = writer.spread(self._reduced(node, whole), "double")
            self._names[node.index] = whole
        self._compute_of_row(level)
        return writer.block

    def _valid(self, index: str) -> str:
        """Which elements of a block are in the row."""
        new, mask = self._writer.new, f"<{LANES} x i1>"
        whole = new(f"icmp ult i64 {index}, %full")
        return new(f"select i1 {whole}, {mask} {splat('i1 true')}, {mask} %in_rest")

    def _store(self, names: Mapping[int, str], index: str) -> None:
        """Writes a block of the results."""
        results = zip(self._outputs, self._results, strict=True)
        for number, (node, result) in enumerate(results, len(self._inputs)):
            place = self._place(number, result.size, index)
            self._writer.store(names[node.index], result, place)

    def _compute_of_row(self, level: int) -> None:
        """Writes what is known of the whole row after a pass, made of its sums and maxima."""
        for node in self._row_by_level.get(level + 1, []):
            self._names[node.index] = self._writer.computed(node, self._names)

    def _computed(
        self,
        wanted: Sequence[Node],
        index: str,
        level: int,
        found: Mapping[int, str] | None = None,
    ) -> dict[int, str]:
        """Writes the computation of a block of elements of these nodes; returns all names."""
        names = {**self._names, **(found or {})}
        ready = {node for node, (first, _) in self._kept.items() if first < level}
        for node in self._elements(wanted, ready):
            if node.index in names:
                continue
            if node.index in ready:
                place = self._kept_at(node, index)
                names[node.index] = self._writer.new(f"load {_DOUBLES}, ptr {place}, align 8")
            elif node.operation == "input":
                name = node.attributes["name"]
                argument = self._inputs[name]
                place = self._place(self._places[name], argument.size, index)
                names[node.index] = self._writer.loaded(argument, node.kind, place)
            elif node.operation == SORT:
                (found_sorted,) = (each for each in self.sorts if each.node is node)
                names[node.index] = found_sorted.load(self._writer, index)
            elif node.operation in SCANS:
                carried = f"%carry{node.index}.{index.removeprefix('%')}"
                summand = node.operands[0]
                ones = summand.value == 1.0
                names[node.index] = self._summed_up(names[summand.index], carried, ones=ones)
            else:
                names[node.index] = self._writer.computed(node, names)
            if node.index in self._kept and node.index not in ready:
                place = self._kept_at(node, index)
                self._writer.lines.append(
                    f"  store {_DOUBLES} {names[node.index]}, ptr {place}, align 8"
                )
        return names

    def _kept_at(self, node: Node, index: str) -> str:
        """Where a block of what is kept is."""
        new, (_, slot) = self._writer.new, self._kept[node.index]
        block = new(f"mul i64 {index}, {len(self._kept)}")
        offset = new(f"mul i64 {new(f'add i64 {block}, {slot}')}, {8 * LANES}")
        return new(f"getelementptr i8, ptr %kept, i64 {offset}")

    def _summed_up(self, value: str, carried: str, *, ones: bool) -> str:
        """The cumulative sum of a block, on top of that of the blocks before.

        A block of zeros adds nothing, and ones are counted.
        """
        new, writer = self._writer.new, self._writer
        if self._abreast:
            total = new(f"fadd {_DOUBLES} {carried}, {value}")
            self._grown.append((carried, _START["sum"], total))
            return total
        if ones:
            counted = ", ".join(f"double {1 + lane}.0" for lane in range(LANES))
            value = new(f"fadd {_DOUBLES} {carried}, <{counted}>")
        else:
            nothing = new(f"fcmp oeq {_DOUBLES} {value}, {splat('double 0.0')}")
            all_zero = f"@llvm.vector.reduce.and.v{LANES}i1"
            writer.declarations.add(f"declare i1 {all_zero}(<{LANES} x i1>)")
            same = new(f"call i1 {all_zero}(<{LANES} x i1> {nothing})")
            number, before = same.removeprefix("%"), writer.block
            writer.lines += [
                f"  br i1 {same}, label %after{number}, label %some{number}",
                f"some{number}:",
            ]
            total = self._added_up(value, carried)
            writer.lines += [f"  br label %after{number}", f"after{number}:"]
            writer.block = f"after{number}"
            value = new(f"phi {_DOUBLES} [ {carried}, %{before} ], [ {total}, %some{number} ]")
        last = new(f"extractelement {_DOUBLES} {value}, i64 {LANES - 1}")
        self._grown.append((carried, _START["sum"], self._writer.spread(last, "double")))
        return value

    def _added_up(self, value: str, carried: str) -> str:
        """Each element of a block and all before it."""
        new, start, shift = self._writer.new, splat(f"double {_START['sum']}"), 1
        while shift < LANES:
            # Element i of the two vectors after another, each moved by some elements.
            order = ", ".join(f"i32 {LANES - shift + lane}" for lane in range(LANES))
            moved = new(
                f"shufflevector {_DOUBLES} {start}, {_DOUBLES} {value}, <{LANES} x i32> <{order}>"
            )
            value, shift = new(f"fadd {_DOUBLES} {value}, {moved}"), 2 * shift
        return new(f"fadd {_DOUBLES} {value}, {carried}")

    def _elements(self, wanted: Iterable[Node], ready: Container[int] = ()) -> list[Node]:
        """The nodes that differ from element to element, down to what is the same in the row.

        Args:
            wanted: The nodes to start from.
            ready: The indices of nodes whose operands are not needed.
        """
        found: dict[int, Node] = {}
        waiting = list(wanted)
        while waiting:
            node = waiting.pop()
            if node.index not in found and node.index not in self._in_row:
                found[node.index] = node
                if node.index not in ready and node.operation != SORT:
                    waiting.extend(node.operands)
        return [found[index] for index in sorted(found)]

    def _place(self, number: int, size: int, index: str) -> str:
        """Where a block of an array begins: in the array, or that which fills no block."""
        new = self._writer.new
        if self._abreast:
            before = new(f"mul i64 {new(f'mul i64 {index}, %pitch')}, {size}")
            return new(f"getelementptr i8, ptr %p{number}, i64 {before}")
        offset = new(f"mul i64 {index}, {LANES * size}")
        there = new(f"getelementptr i8, ptr %p{number}, i64 {offset}")
        whole = new(f"icmp ult i64 {index}, %full")
        return new(f"select i1 {whole}, ptr {there}, ptr %b{number}")

    def _is_compensated(self, node: Node) -> bool:
        return node.operation == "sum" and not node.graph.wide

    def _counted(self, node: Node, value: str, valid: str) -> str:
        """The elements of a block that are in the row, and what changes nothing for the others."""
        start, mask = splat(f"double {_START[node.operation]}"), f"<{LANES} x i1>"
        return self._writer.new(f"select {mask} {valid}, {_DOUBLES} {value}, {_DOUBLES} {start}")

    def _lost(self, so_far: str, a: str, b: str, total: str) -> str:
        """What sums have lost, with what a + b lost, which is a number if nothing is infinite."""
        new = self._writer.new
        added = new(f"fsub {_DOUBLES} {total}, {a}")
        kept = new(f"fsub {_DOUBLES} {total}, {added}")
        of_a, of_b = new(f"fsub {_DOUBLES} {a}, {kept}"), new(f"fsub {_DOUBLES} {b}, {added}")
        return new(f"fadd {_DOUBLES} {so_far}, {new(f'fadd {_DOUBLES} {of_a}, {of_b}')}")

    def _carried(self, node: Node, name: str, value: str) -> list[tuple[str, str, str]]:
        """What a pass carries on for a sum or maximum, and beside it; as `_grown`.

        Beside a maximum it is the last NaN, so that the next block waits for one instruction.
        """
        if node.operation == "max":
            new, nan, mask = self._writer.new, f"%nan{node.index}", f"<{LANES} x i1>"
            unknown = new(f"fcmp uno {_DOUBLES} {value}, {value}")
            last = new(f"select {mask} {unknown}, {_DOUBLES} {value}, {_DOUBLES} {nan}")
            larger = self._larger(name, value, LANES)
            return [(name, _START["max"], larger), (nan, _START["sum"], last)]
        total = self._joined(node, name, value, LANES)
        carried = [(name, _START["sum"], total)]
        if self._is_compensated(node):
            lost = f"%lost{node.index}"
            carried.append((lost, _START["sum"], self._lost(lost, name, value, total)))
        return carried

    def _whole(self, node: Node, name: str) -> str:
        """A sum or maximum of all passes, with what is carried beside it."""
        if node.operation == "max":
            new, nan = self._writer.new, f"%nan{node.index}"
            known = new(f"fcmp ord {_DOUBLES} {nan}, {nan}")
            return new(f"select <{LANES} x i1> {known}, {_DOUBLES} {name}, {_DOUBLES} {nan}")
        return self._restored(node, name) if self._is_compensated(node) else name

    def _restored(self, node: Node, name: str) -> str:
        """A sum with what it lost."""
        new, lost = self._writer.new, f"%lost{node.index}"
        known = new(f"fcmp ord {_DOUBLES} {lost}, {lost}")
        whole = new(f"fadd {_DOUBLES} {name}, {lost}")
        return new(f"select <{LANES} x i1> {known}, {_DOUBLES} {whole}, {_DOUBLES} {name}")

    def _joined(self, node: Node, a: str, b: str, lanes: int) -> str:
        """A sum or maximum of two; a maximum keeps a NaN."""
        new, vector, mask = self._writer.new, f"<{lanes} x double>", f"<{lanes} x i1>"
        if node.operation == "sum":
            return new(f"fadd {vector} {a}, {b}")
        nan = new(f"fcmp uno {vector} {b}, {b}")
        larger = self._larger(a, b, lanes)
        return new(f"select {mask} {nan}, {vector} {b}, {vector} {larger}")

    def _larger(self, a: str, b: str, lanes: int) -> str:
        """The larger of two numbers, or the first one if either is NaN."""
        new, vector = self._writer.new, f"<{lanes} x double>"
        less = new(f"fcmp olt {vector} {a}, {b}")  # with the next line one instruction
        return new(f"select <{lanes} x i1> {less}, {vector} {b}, {vector} {a}")

    def _reduced(self, node: Node, name: str) -> str:
        """One number from those side by side: the two halves are joined, again and again."""
        new, lanes = self._writer.new, LANES
        while lanes > 1:
            vector, half = f"<{lanes} x double>", lanes // 2
            parts = []
            for start in (0, half):
                order = ", ".join(f"i32 {lane}" for lane in range(start, start + half))
                parts.append(
                    new(f"shufflevector {vector} {name}, {vector} poison, <{half} x i32> <{order}>")
                )
            name, lanes = self._joined(node, parts[0], parts[1], half), half
        return new(f"extractelement <1 x double> {name}, i64 0")


_INTEGERS = f"<{LANES} x i32>"
_ZEROS = f"{_INTEGERS} zeroinitializer"
_LANE_NUMBERS = ", ".join(f"i32 {lane}" for lane in range(LANES))
_IN_REST = (
    "  %rest.number = trunc i64 %rest to i32",
    f"  %rest.one = insertelement {_INTEGERS} poison, i32 %rest.number, i64 0",
    f"  %rest.all = shufflevector {_INTEGERS} %rest.one, {_INTEGERS} poison, {_ZEROS}",
    f"  %in_rest = icmp slt {_INTEGERS} <{_LANE_NUMBERS}>, %rest.all",
)
"""Which elements of the block of those that fill none are in the row."""

_CHOICE = """
define void @flat({parameters}, i64 %n) nounwind {{
entry:
  %long = icmp ugt i64 %n, {longest}
  br i1 %long, label %again, label %room
room:
  %most = add i64 %n, {lanes}
  %blocks = udiv i64 %most, {lanes}
  %bytes = mul i64 %blocks, {bytes}
  %kept = call ptr @malloc(i64 %bytes)
  %none = icmp eq ptr %kept, null
  br i1 %none, label %again, label %keep
keep:
  call void @keeping({parameters}, ptr %kept, i64 %n)
  call void @free(ptr %kept)
  ret void
again:
  call void @again({parameters}, i64 %n)
  ret void
}}
"""
"""`flat` where something may be kept. Without memory for it nothing is."""
