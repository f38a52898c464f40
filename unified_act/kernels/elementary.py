"""The elementary functions, made of what every processor computes the same.

That is: sums, products and quotients, square roots, a fused multiply-add, comparisons, and integer
operations on the bits of a number. All is in float64, in one of two settings. For arrays of float32
the graph is `wide`: results have a relative error of about 2⁻³², and are rounded once at the end.
For arrays of float64 they are within an ulp or two.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import Any

from unified_act import special
from unified_act.expression import (
    HELPERS,
    INTEGER,
    MASK,
    OPAQUE,
    Expression,
    Graph,
    Node,
    Recorder,
)
from unified_act.kernels import polynomials
from unified_act.kernels.polynomials import Polynomial
from unified_act.kernels.row_emitter import REDUCTIONS, SCANS
from unified_act.kernels.sorting import SORT

__all__ = ["FAR_ANGLE", "lowered"]

_PRIMITIVE = {
    *("add", "sub", "mul", "div", "neg", "abs", "sqrt", "floor", "where"),
    *("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"),
}
_INF, _NAN = math.inf, math.nan

_LN2 = math.log(2.0)
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
"""ln(2) as a number of 33 bits, which times n is exact, and the rest."""
_ROUNDER = 1.5 * 2.0**52
"""Added to a number below 2⁵¹ it leaves the nearest integer in the last bits."""
_PI = (3.141592653589793, 1.224646799147353e-16, 2.165713347843828e-32)
"""π as the sum of three numbers, all positive: 0 times the negative of one keeps the sign of −0."""
FAR_ANGLE = 2.0**45
"""Up to here the products of an integer with the parts of π say where in its turn an angle is.
Farther out the C library computes sine and cosine, element by element."""
_ERFC_MIDDLE, _ERFC_END = 2.75, 14.0
_EIGHTH: special.Crossover = math.sqrt(2.0) - 1.0
"""The tangent of π/8; that of 3π/8 is larger by 2."""


def _bits(number: float) -> int:
    """The bits of a number, read as an integer."""
    found: int = struct.unpack("<q", struct.pack("<d", number))[0]
    return found


def lowered(expression: Expression, graph: Graph | None = None) -> list[Node]:
    """Returns the outputs of an expression in a new graph, which has primitive operations only.

    What is split is an input for each part there, and what is put together an output for each.

    Args:
        expression: The expression, recorded for float64.
        graph: A graph to add them to, of the same width; default: a new one.

    Raises:
        NotImplementedError: It has an operation along an axis that there is no code for.
    """
    outputs = [output for output in expression.outputs if output is not None]
    xp = _Elementary(graph or Graph(wide=expression.graph.wide), _shared_divisors(outputs))
    together = [output for output in outputs if output.operation == "concat"]
    outputs = [part for out in outputs for part in (out.operands if out in together else (out,))]
    made: dict[int, Node] = {}
    for node in expression.graph.needed(outputs):
        if node.operation == "split" and node.operands[0].operation == "input":
            name = node.operands[0].attributes["name"]
            if node.attributes["sections"] > 1:
                name = part_name(name, node.attributes["part"])
            made[node.index] = xp.graph.input(name)
            continue
        operands = [made[operand.index] for operand in node.operands]
        made[node.index] = xp.apply(node, operands)
    return [made[output.index] for output in outputs]


def _shared_divisors(outputs: Sequence[Node]) -> set[int]:
    """The indices of what several quotients are divided by, by itself or by its square."""
    counted = Counter(
        _root(node.operands[1]).index
        for node in outputs[0].graph.needed(outputs)
        if node.operation == "div"
    )
    return {index for index, number in counted.items() if number > 1}


def _root(node: Node) -> Node:
    """What a square is the square of; the node itself if it is none."""
    first, *rest = node.operands or (node,)
    return first if node.operation == "mul" and rest[0] is first else node


def _is_clip(condition: Node, low: Node, held: Node) -> bool:
    """Whether a choice is ``where(x < low, low, where(x > high, high, x))``, with constants.

    Then it may ask what is held below `high`, in the place of x: that is what a processor has one
    instruction for.
    """
    if condition.operation not in ("lt", "le") or held.operation != "where":
        return False
    above, high, x = held.operands
    return (
        above.operation in ("gt", "ge")
        and above.operands[0] is condition.operands[0] is x
        and above.operands[1] is high
        and condition.operands[1] is low
        and low.value is not None
        and high.value is not None
        and low.value < high.value
    )


def part_name(name: str, part: int) -> str:
    """The name of the input for a part of an array.

    Args:
        name: The name of the array.
        part: The number of the part.
    """
    return f"{name}.{part}"


class _Elementary(Recorder):
    """A namespace that records primitive operations."""

    def __init__(self, graph: Graph, divisors: Container[int] = ()) -> None:
        super().__init__(graph)
        self._divisors = divisors
        """What several quotients are divided by, in another graph."""
        self.own = None
        self._same_in_row: dict[int, bool] = {}
        self._decays: set[int] = set()
        """What is the exponential of no positive number, and so between 0 and 1."""
        self._losses: set[int] = set()
        """What is that less 1, and so between -1 and 0."""

    def apply(self, node: Node, operands: Sequence[Node]) -> Node:
        """Returns a node of another graph, here."""
        operation, attributes = node.operation, node.attributes
        if not operands:
            return self._leaf(operation, attributes, node.kind)
        if operation == "div" and self.wide:
            quotient = self._by_inverse(node, *operands)
            if quotient is not None:
                return quotient
        if operation == "where" and _is_clip(*operands):
            condition, low, held = operands
            compared = self.graph.apply(condition.operation, held, low, kind=MASK)
            return self.where(compared, low, held)
        if operation in _PRIMITIVE or operation in (*REDUCTIONS, *SCANS, SORT):
            return self.graph.apply(operation, *operands, kind=node.kind, **attributes)
        if attributes:
            raise NotImplementedError(f"there is no machine code for {operation}")
        function = getattr(type(self), operation, None)
        if function is None:
            raise NotImplementedError(f"there is no machine code for {operation}")
        found: Node = function(self, *operands)
        return found

    def _by_inverse(self, node: Node, over: Node, under: Node) -> Node | None:
        """A quotient as a product, where what it is divided by divides others too; else None."""
        divisor = node.operands[1]
        root = _root(divisor)
        if self._is_same_in_row(under) or (root is divisor and root.index in self._divisors):
            quotient: Node = over * (1.0 / under)
        elif root.index in self._divisors:
            inverse = 1.0 / under.operands[0]
            quotient = over * inverse * inverse
        else:
            return None
        return quotient

    def _leaf(self, operation: str, attributes: Mapping[str, Any], kind: str) -> Node:
        if operation == "input":
            return self.graph.input(attributes["name"], kind)
        value = attributes["value"]
        return self.graph.truth(value) if operation == "truth" else self.graph.number(value)

    def _is_same_in_row(self, node: Node) -> bool:
        """Whether a number divides many, so that to multiply by its inverse costs less."""
        if node.index not in self._same_in_row:
            self._same_in_row[node.index] = node.operation in REDUCTIONS or (
                node.operation not in ("input", *SCANS, SORT)
                and all(map(self._is_same_in_row, node.operands))
            )
        return self._same_in_row[node.index]

    def stop_gradient(self, x: Node) -> Node:
        """`x`: nothing is differentiated any more."""
        return x

    def exp(self, x: Node) -> Node:
        """2ⁿ(1 + (exp(r) - 1))."""
        found = self._exp_parts(x)[0]
        if self._is_negative(x):
            self._decays.add(found.index)
        return found

    def expm1(self, x: Node) -> Node:
        """exp(r) - 1 where n is 0, with the sign of a zero."""
        exp, n, small, power = self._exp_parts(x)
        if self.wide:
            if not self._is_negative(x):
                return self.where(n == 0.0, small, exp - 1.0)
            # 2ⁿ is no more than 1. Negated twice, since the sum of −0 and 0 would be 0.
            found = self._fma(power, small, -(1.0 - power))
            self._losses.add(found.index)
            return found
        near = self._fma(power, small, power - 1.0)
        return self.where(n > 60.0, exp, self.where(n == 0.0, small, near))

    def _exp_parts(self, x: Node) -> tuple[Node, Node, Node, Node]:
        """exp(x), n, exp(r) - 1 and 2ⁿ, with x = n ln(2) + r."""
        if self.wide:
            # Where the exponent of 2ⁿ leaves the range its bits become those of infinity, or of 0.
            low, high, bias = -709.25, 709.75, 1023
        else:
            low, high, bias = -746.0, 709.8, 2048
        # A processor has one instruction for the smaller of two numbers, and one for the larger.
        x = x if self._is_negative(x) else self.where(x > high, high, x)
        x = self.where(x < low, low, x)
        rounder = _ROUNDER + bias
        shifted = self._fma(x, 1.0 / _LN2, rounder)
        n = shifted - rounder
        if self.wide:
            r = self._fma(n, -_LN2, x)
            over_r = self._polynomial(r, polynomials.EXPM1)
            power = self._of_bits(self._shifted("shl", self._to_bits(shifted), 52))
            return self._fma(r, over_r, 1.0) * power, n, r * over_r, power
        r = self._fma(n, -_LN2_LOW, self._fma(n, -_LN2_HIGH, x))
        small = r * self._polynomial(r, polynomials.EXPM1_FULL)
        # 2ⁿ may be subnormal, and so comes as two factors.
        whole = self._integers("isub", self._to_bits(shifted), _bits(_ROUNDER))
        half = self._shifted("lshr", whole, 1)
        first, second = (
            self._of_bits(self._shifted("shl", self._integers("isub", part, 1), 52))
            for part in (half, self._integers("isub", whole, half))
        )
        return (small + 1.0) * first * second, n, small, first * second

    def log(self, x: Node) -> Node:
        """Natural logarithm: k ln(2) + log m, with x = m 2ᵏ."""
        least = 0.0
        if self.wide:
            least = 2.0**-1022  # a subnormal number counts as 0: see `is_wide`
            mantissa, minus_k, _ = self._log_parts(x)
        else:
            tiny = x < 2.0**-1022
            mantissa, minus_k, _ = self._log_parts(self.where(tiny, x * 2.0**54, x))
            minus_k = self.where(tiny, minus_k + 54.0, minus_k)
        found = self._log_of(mantissa - 1.0, minus_k)
        found = self.where(x == _INF, _INF, found)
        return self.where(x > least, found, self.where(x >= 0.0, -_INF, _NAN))

    def log1p(self, x: Node) -> Node:
        """log(1 + x), from a mantissa that keeps what the sum loses."""
        if self.wide and self._is_share(x):
            s: Node = x / (x + 2.0)
            product: Node = s * self._polynomial(s * s, polynomials.LOG1P_OF_SHARE)
            return product
        if self._is_decay(x):
            # 1 + x is between 1 and 2, so nothing has to be looked up in its bits. A comparison
            # with √2 would be one with a number of float32.
            large = x + 1.0 - 2.0 * math.sqrt(0.5) >= 0.0
            f = self.where(large, self._fma(x, 0.5, -0.5), x)
            return self._log_of(f, self.where(large, -1.0, 0.0))
        mantissa, minus_k, inverse = self._log_parts(x + 1.0)
        f = self._fma(inverse, x, inverse - 1.0)
        if self.wide:
            end = 2.0**1022  # where the inverse of the power is no number
        else:
            end = _INF
            f = self.where(x > 2.0**60, mantissa - 1.0, f)
        found = self._log_of(self.where(minus_k == 0.0, x, f), minus_k)
        found = self.where(x >= end, _INF, found)
        return self.where(x > -1.0, found, self.where(x == -1.0, -_INF, _NAN))

    def _log_parts(self, x: Node) -> tuple[Node, Node, Node]:
        """The m from √½ to √2 with x = m 2ᵏ, −k (but 0, not −0), and 2⁻ᵏ."""
        bits = self._to_bits(x)
        above = self._integers("isub", bits, _bits(math.sqrt(0.5)))
        exponent = self._integers("iand", above, -(1 << 52))
        # The integer becomes a number as the last bits of one whose exponent is known.
        biased = self._shifted("lshr", self._integers("iadd", above, 2048 << 52), 52)
        minus_k = 2.0**52 + 2048.0 - self._of_bits(self._integers("ior", biased, _bits(2.0**52)))
        mantissa = self._of_bits(self._integers("isub", bits, exponent))
        inverse = self._of_bits(self._integers("isub", _bits(1.0), exponent))
        return mantissa, minus_k, inverse

    def _log_of(self, f: Node, minus_k: Node) -> Node:
        """The sum k ln(2) + log(1 + f), which is −0 if f is."""
        s = f / (f + 2.0)
        square = s * s
        if self.wide:
            return self._fma(minus_k, -_LN2, s * self._polynomial(square, polynomials.LOG1P))
        # As in fdlibm: log(1 + f) = f - (f²/2 - s (f²/2 + R)), where R is small.
        half = f * f * 0.5
        rest = square * self._polynomial(square, polynomials.LOG1P_FULL)
        low = self._fma(minus_k, -_LN2_LOW, s * (half + rest))
        return self._fma(minus_k, -_LN2_HIGH, f - (half - low))

    def pow(self, a: Any, b: Any) -> Node:
        """exp(b log(a)), with the digits of float64 in the logarithm."""
        base, exponent = self.graph.lift(a), self.graph.lift(b)
        if not self.wide:
            raise NotImplementedError("there is no machine code for powers in float64")
        size = self.graph.apply("abs", base)
        self.wide = False
        change = exponent * self.log(size)
        self.wide = True
        found = self.exp(change)
        half = exponent * 0.5
        whole = exponent == self.graph.apply("floor", exponent)
        odd = whole & (half != self.graph.apply("floor", half))
        of_negative = self.where(odd, -found, self.where(whole, found, _NAN))
        negative = (base < 0.0) | ((base == 0.0) & (1.0 / base < 0.0))
        found = self.where(negative, of_negative, found)
        found = self.where(base == 0.0, self.where(negative & ~odd, abs(found), found), found)
        result: Node = self.where((exponent == 0.0) | (base == 1.0), 1.0, found)
        return result

    def tanh(self, x: Node) -> Node:
        """By expm1, which keeps the digits near 0."""
        change = self.expm1(self.graph.apply("abs", x) * -2.0)
        return self.graph.apply("copysign", change / (change + 2.0), x)

    def atan(self, x: Node) -> Node:
        """Inverse tangent.

        From tan(π/8) on it is π/4 + atan((x - 1)/(x + 1)), and from tan(3π/8) on π/2 - atan(1/x).
        """
        if not self.wide:
            found: Node = special.DERIVED["atan"](self, x)
            return found
        size = self.graph.apply("abs", x)
        beyond, far = size > _EIGHTH, size > _EIGHTH + 2.0
        over = self.where(far, -1.0, self.where(beyond, size - 1.0, size))
        under = self.where(far, size, self.where(beyond, size + 1.0, 1.0))
        w = over / under
        angle = self.where(far, math.pi / 2.0, self.where(beyond, math.pi / 4.0, 0.0))
        angle = self._fma(w, self._polynomial(w * w, polynomials.ATAN), angle)
        return self.graph.apply("copysign", angle, x)

    def times_erfc(self, factor: Any, x: Node) -> Node:
        """`factor` · erfc(x)."""
        if not self.wide:
            found: Node = special.times_erfc(self, factor, x)
            return found
        size = self.graph.apply("abs", x)
        size = self.where(size > _ERFC_END, _ERFC_END, size)
        inverse = 1.0 / (size + _ERFC_MIDDLE)
        ratio = self._polynomial((size - _ERFC_MIDDLE) * inverse, polynomials.ERFC)
        upper = ratio * inverse * self.exp(-(x * x))
        result: Node = self.where(x < 0.0, 2.0 - upper, upper) * factor
        return result

    def sin(self, x: Node) -> Node:
        """Sine."""
        shifted = self._fma(x, 1.0 / math.pi, _ROUNDER)
        return self._wave("sin", x, shifted, shifted - _ROUNDER)

    def cos(self, x: Node) -> Node:
        """Cosine: a sine between the half turns."""
        x = self.graph.apply("abs", x)
        shifted = self._fma(x, 1.0 / math.pi, -0.5) + _ROUNDER
        return self._wave("cos", x, shifted, shifted - _ROUNDER + 0.5)

    def _wave(self, name: str, x: Node, shifted: Node, n: Node) -> Node:
        """Sine of x - nπ, with the sign of an even or odd turn; far out by the C library."""
        r = x
        for part in _PI:
            r = self._fma(n, -part, r)
        wanted = polynomials.SIN if self.wide else polynomials.SIN_FULL
        sine = r * self._polynomial(r * r, wanted)
        odd = self._shifted("shl", self._to_bits(shifted), 63)
        if name == "cos":
            odd = self._integers("ixor", odd, -(1 << 63))
        near = self._of_bits(self._integers("ixor", self._to_bits(sine), odd))
        return self.graph.apply(f"far_{name}", x, near)

    def _is_negative(self, x: Node) -> bool:
        """Whether it is known to be negative, 0 or NaN."""
        first, *rest = x.operands or (x,)
        if x.operation == "neg":
            return self._is_positive(first)
        if x.operation == "sub":
            return rest[0].operation == "max" and rest[0].operands[0] is first
        if x.operation == "where" and first.operation == "gt":  # x > 0, 0, x
            given, limit = first.operands
            return rest[1] is given and limit.value == 0.0 and rest[0].value == 0.0
        factor = rest[0].value if x.operation == "mul" else None
        return factor is not None and factor < 0.0 and self._is_positive(first)

    def _is_positive(self, x: Node) -> bool:
        """Whether it is known to be positive, 0 or NaN."""
        return x.operation == "abs" or (x.operation == "mul" and x.operands[0] is x.operands[1])

    def _is_decay(self, x: Node) -> bool:
        """Whether it is known to be between 0 and 1, or NaN: an exponential, or its square."""
        root = x.operands[0] if self._is_positive(x) else x
        return root.index in self._decays

    def _is_share(self, x: Node) -> bool:
        """Whether it is known to be between -1/2 and 1, or NaN."""
        if x.operation == "where":
            return all(map(self._is_share, x.operands[1:]))
        if x.operation == "mul" and x.operands[1].value == 0.5:
            return x.operands[0].index in self._losses
        return self._is_decay(x)

    def _polynomial(self, x: Node, wanted: Polynomial) -> Node:
        """By Horner's rule."""
        *rest, highest = wanted.coefficients
        result = self.graph.number(highest)
        for coefficient in reversed(rest):
            result = self._fma(result, x, coefficient)
        return result

    def _fma(self, a: Any, b: Any, c: Any) -> Node:
        """a·b + c, rounded once."""
        return self.graph.apply("fma", a, b, c)

    def _to_bits(self, x: Node) -> Node:
        return self.graph.apply("bits", x, kind=INTEGER)

    def _of_bits(self, bits: Node) -> Node:
        return self.graph.apply("of_bits", bits)

    def _integers(self, operation: str, *operands: Node | int) -> Node:
        nodes = [self.graph.integer(x) if isinstance(x, int) else x for x in operands]
        return self.graph.apply(operation, *nodes, kind=INTEGER)

    def _shifted(self, operation: str, bits: Node, by: int) -> Node:
        return self._integers(operation, bits, by)


for _name in OPAQUE:
    if _name not in vars(_Elementary):
        setattr(_Elementary, _name, special.DERIVED[_name])
for _name in HELPERS:
    setattr(_Elementary, _name, getattr(special, _name))
