"""Sorting a row by machine code.

The definitions that sort a row look at its largest elements only: where one is too small they take
a number instead. So only those above are collected, which are few, and sorted. All others come as
the bound itself.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence

from unified_act.expression import FLOAT, MASK, Node
from unified_act.kernels.instructions import LANES, VECTOR, Writer, splat

__all__ = ["SORT", "Sorted", "sorting"]

SORT = "sort"
"""The operation: the elements of a row in increasing order, with NaN at the end."""
"""What gives and takes back memory."""
_DOUBLES = VECTOR[FLOAT]


class Sorted:
    """One array that is sorted, and where in a function it is.

    Attributes:
        node: The node of the graph.
        room: The instructions that begin the function.
        sort: Those after the pass that collects the elements.
        end: Those that end the function.
    """

    def __init__(self, node: Node, nodes: Sequence[Node]) -> None:
        """Finds out which elements matter.

        Args:
            node: The node of the graph.
            nodes: All nodes that are computed.
        """
        self.node = node
        self._bound = _bound(node, nodes)
        number = self._number = node.index
        fill = math.nan if self._bound is None else self._bound
        self.room = [
            f"  %spill{number} = alloca {_DOUBLES}, align 64",
            f"  %number{number} = alloca i64",
            f"  store i64 0, ptr %number{number}",
            f"  %all{number} = mul i64 %count, {LANES}",
            f"  %more{number} = add i64 %all{number}, {LANES}",
            f"  %bytes_of{number} = shl i64 %more{number}, 4",
            f"  %sorted{number} = call ptr @room(i64 %bytes_of{number})",
            f"  %other{number} = getelementptr double, ptr %sorted{number}, i64 %more{number}",
        ]
        rest = f"i64 %found{number}, i64 %all{number}, double {_hexadecimal(fill)}"
        self.sort = [
            f"  %found{number} = load i64, ptr %number{number}",
            f"  call void @sorted(ptr %sorted{number}, ptr %other{number}, i64 %found{number})",
            f"  call void @filled(ptr %sorted{number}, {rest})",
        ]
        self.end = [f"  call void @free(ptr %sorted{number})"]

    def collect(self, writer: Writer, value: str, valid: str) -> None:
        """Writes what appends the elements of a block that matter to those before.

        Args:
            writer: Who writes.
            value: The block.
            valid: Which elements are in the row.
        """
        number, new, mask = self._number, writer.new, VECTOR[MASK]
        if self._bound is None:
            wanted = new(f"fcmp ord {_DOUBLES} {value}, {value}")
        else:
            limit = splat(f"double {_hexadecimal(self._bound)}")
            wanted = new(f"fcmp olt {_DOUBLES} {value}, {limit}")
        bits = new(f"bitcast {mask} {new(f'and {mask} {wanted}, {valid}')} to i{LANES}")
        some = new(f"icmp ne i{LANES} {bits}, 0")
        writer.lines.append(
            _COLLECT.format(
                number=number, some=some, value=value, bits=bits, doubles=_DOUBLES, word=f"i{LANES}"
            )
        )
        writer.declarations.add(f"declare i{LANES} @llvm.cttz.i{LANES}(i{LANES}, i1)")
        writer.block = f"collected{number}"

    def load(self, writer: Writer, index: str) -> str:
        """Returns a block of the sorted elements."""
        offset = writer.new(f"mul i64 {index}, {LANES}")
        place = writer.new(f"getelementptr double, ptr %sorted{self._number}, i64 {offset}")
        return writer.new(f"load {_DOUBLES}, ptr {place}, align 8")


def _bound(node: Node, nodes: Iterable[Node]) -> float | None:
    """From which number on the sorted elements do not matter; None if all do.

    That is so if all that is made of them, or of their negatives, is a comparison with one number
    and what is chosen by it.
    """
    users: dict[int, list[Node]] = {}
    for user in nodes:
        for operand in {each.index: each for each in user.operands}.values():
            users.setdefault(operand.index, []).append(user)
    negative = [user for user in users.get(node.index, []) if user.operation == "neg"]
    if len(negative) != 1 or users[node.index] != negative:
        return None
    (ordered,) = negative
    above, bounds = set(), set()
    for user in users.get(ordered.index, []):
        if user.operation == "gt" and user.operands[0] is ordered:
            above.add(user.index)
            bounds.add(user.operands[1].value)
    for user in users.get(ordered.index, []):
        chosen = user.operation == "where" and user.operands[0].index in above
        if user.index not in above and not (chosen and user.operands[2] is not ordered):
            return None
    (bound,) = bounds if len(bounds) == 1 else (None,)
    return None if bound is None else -bound


def _hexadecimal(number: float) -> str:
    return "0x" + struct.pack(">d", number).hex().upper()


_COLLECT = """  br i1 {some}, label %some{number}, label %collected{number}
some{number}:
  store {doubles} {value}, ptr %spill{number}, align 64
  %first{number} = load i64, ptr %number{number}
  br label %one{number}
one{number}:
  %left{number} = phi {word} [ {bits}, %some{number} ], [ %rest{number}, %one{number} ]
  %at{number} = phi i64 [ %first{number}, %some{number} ], [ %next_at{number}, %one{number} ]
  %lane{number} = call {word} @llvm.cttz.{word}({word} %left{number}, i1 true)
  %lane_of{number} = zext {word} %lane{number} to i64
  %from_lane{number} = getelementptr double, ptr %spill{number}, i64 %lane_of{number}
  %element{number} = load double, ptr %from_lane{number}
  %to{number} = getelementptr double, ptr %sorted{number}, i64 %at{number}
  store double %element{number}, ptr %to{number}
  %next_at{number} = add i64 %at{number}, 1
  %without{number} = sub {word} %left{number}, 1
  %rest{number} = and {word} %left{number}, %without{number}
  %last_lane{number} = icmp eq {word} %rest{number}, 0
  br i1 %last_lane{number}, label %stored{number}, label %one{number}
stored{number}:
  store i64 %next_at{number}, ptr %number{number}
  br label %collected{number}
collected{number}:"""


def sorting() -> str:
    """Returns the functions that `Sorted` calls."""
    return _SORTING


# By merging: runs of 1, 2, 4 … elements, from one half of the memory to the other and back.
_SORTING = """
declare i64 @llvm.umin.i64(i64, i64)
define internal ptr @room(i64 %bytes) nounwind {
entry:
  %room = call ptr @malloc(i64 %bytes)
  %none = icmp eq ptr %room, null
  br i1 %none, label %without, label %with
without:
  call void @abort()
  unreachable
with:
  ret ptr %room
}
define internal void @sorted(ptr %a, ptr %b, i64 %n) nounwind {
entry:
  %few = icmp ult i64 %n, 2
  br i1 %few, label %end, label %runs
runs:
  %source = phi ptr [ %a, %entry ], [ %target, %passed ]
  %target = phi ptr [ %b, %entry ], [ %source, %passed ]
  %width = phi i64 [ 1, %entry ], [ %double, %passed ]
  %double = shl i64 %width, 1
  br label %pair
pair:
  %low = phi i64 [ 0, %runs ], [ %high, %merged ]
  %half = add i64 %low, %width
  %middle = call i64 @llvm.umin.i64(i64 %half, i64 %n)
  %whole = add i64 %low, %double
  %high = call i64 @llvm.umin.i64(i64 %whole, i64 %n)
  br label %merge
merge:
  %k = phi i64 [ %low, %pair ], [ %next_k, %merge ]
  %i = phi i64 [ %low, %pair ], [ %next_i, %merge ]
  %j = phi i64 [ %middle, %pair ], [ %next_j, %merge ]
  %at_i = getelementptr double, ptr %source, i64 %i
  %at_j = getelementptr double, ptr %source, i64 %j
  %x = load double, ptr %at_i
  %y = load double, ptr %at_j
  %left = icmp ult i64 %i, %middle
  %none = icmp uge i64 %j, %high
  %less = fcmp ole double %x, %y
  %both = and i1 %left, %less
  %first = or i1 %none, %both
  %value = select i1 %first, double %x, double %y
  %at_k = getelementptr double, ptr %target, i64 %k
  store double %value, ptr %at_k
  %step = zext i1 %first to i64
  %other = xor i64 %step, 1
  %next_i = add i64 %i, %step
  %next_j = add i64 %j, %other
  %next_k = add i64 %k, 1
  %more = icmp ult i64 %next_k, %high
  br i1 %more, label %merge, label %merged
merged:
  %on = icmp ult i64 %high, %n
  br i1 %on, label %pair, label %passed
passed:
  %again = icmp ult i64 %double, %n
  br i1 %again, label %runs, label %done
done:
  %back = icmp ne ptr %target, %a
  br i1 %back, label %copy, label %end
copy:
  %bytes = shl i64 %n, 3
  call void @llvm.memcpy.p0.p0.i64(ptr %a, ptr %target, i64 %bytes, i1 false)
  br label %end
end:
  ret void
}
define internal void @filled(ptr %a, i64 %from, i64 %to, double %value) nounwind {
entry:
  %none = icmp uge i64 %from, %to
  br i1 %none, label %end, label %loop
loop:
  %i = phi i64 [ %from, %entry ], [ %next, %loop ]
  %place = getelementptr double, ptr %a, i64 %i
  store double %value, ptr %place
  %next = add i64 %i, 1
  %done = icmp eq i64 %next, %to
  br i1 %done, label %end, label %loop
end:
  ret void
}
"""
