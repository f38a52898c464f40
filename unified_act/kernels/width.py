"""Whether a kernel computes in float32, which takes half as long as float64 and half the memory.

It does where that changes no bit. A number of float32 or of a 16-bit type is one of float32, and
stays one where it is only compared, chosen, negated or taken without its sign. The sum, difference,
product, quotient or root of such numbers is rounded in both ways to the same number of float32,
subnormal or not: once to float32, or first to float64, which has more than twice the digits and
two more. After that it may be chosen or change its sign, but nothing else is computed from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from unified_act.expression import Node
from unified_act.expression.simplification import rounded
from unified_act.kernels.instructions import Argument

__all__ = ["fits_float32"]

_COMPARISONS = {"lt", "le", "gt", "ge", "eq", "ne"}
_OF_MASKS = {"and", "or", "not"}
_KEEPING = {"where", "neg", "abs"}
"""The operations whose result is one of the operands, or its negative."""
_ROUNDING = {"add", "sub", "mul", "div", "sqrt"}


def fits_float32(outputs: Sequence[Node], arguments: Iterable[Argument]) -> bool:
    """Returns whether float32 gives the same bits as float64 with one rounding at the end.

    Args:
        outputs: What is computed, in primitive operations.
        arguments: The arrays that are read and written.
    """
    if any(argument.dtype == "float64" for argument in arguments):
        return False
    roundings: dict[int, float] = {}
    for node in outputs[0].graph.needed(outputs):
        found = _roundings(node, [roundings[operand.index] for operand in node.operands])
        if found > 1:
            return False
        roundings[node.index] = found
    return True


def _roundings(node: Node, of_operands: Sequence[float]) -> float:
    """How often a result is rounded: 0 or 1 times, or infinity where float32 may differ."""
    operation, exact = node.operation, not any(of_operands)
    if node.value is not None:
        value = node.value
        return 0 if math.isnan(value) or rounded(value, "float32") == value else math.inf
    if operation in ("input", "truth") or (operation in (*_COMPARISONS, *_OF_MASKS) and exact):
        return 0
    if operation in _KEEPING:
        return max(of_operands)
    return 1 if operation in _ROUNDING and exact else math.inf
