"""The functions that a definition may call: what each backend offers as `xp`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

__all__ = ["Namespace"]


class Namespace(Protocol):
    """The functions that an activation may use. Their names are those of the array API standard.

    Some functions, such as `erfc` and `sigmoid`, are not in the standard. Arrays also support
    ``+ - * / **``, unary ``-``, Python's ``abs()`` and comparisons, with other arrays and with
    Python numbers. A Python number never changes the dtype of an array. Elementwise results have
    the dtype and shape of their inputs, and NaN comes out as NaN. Comparisons and the functions
    whose names begin with `is` or `logical` make masks; `logical_and`, `logical_or` and
    `logical_not` combine them, as ``& | ~`` do.

    A backend writes those functions that no others are made of. The rest, `DERIVED` in
    `unified_act.special`, is written once for all.

    Where two branches meet, the derivative is that of the constant one: at 6 that of ``minimum(x,
    6)`` is 0. So it is for `maximum`, `clip` and `where`; of two arrays the second counts. At 0 the
    derivative of `abs` and `sign` is 0. `where` computes both branches, so neither may overflow or
    become NaN where the other one is chosen.
    """

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        """Elements of `a` where `condition` is true, else of `b`. One of these may be a number."""

    def full_like(self, x: Any, value: float) -> Any:
        """An array of the shape, dtype and device of `x`, filled with `value`."""

    def abs(self, x: Any) -> Any:
        """Absolute value."""

    def acos(self, x: Any) -> Any:
        """Inverse cosine; NaN beyond ±1."""

    def acosh(self, x: Any) -> Any:
        """Inverse hyperbolic cosine; NaN below 1."""

    def asin(self, x: Any) -> Any:
        """Inverse sine; NaN beyond ±1."""

    def asinh(self, x: Any) -> Any:
        """Inverse hyperbolic sine."""

    def atan(self, x: Any) -> Any:
        """Inverse tangent, from -π/2 to π/2."""

    def atan2(self, y: Any, x: Any) -> Any:
        """The angle of the point (x, y), from -π to π."""

    def atanh(self, x: Any) -> Any:
        """Inverse hyperbolic tangent; infinite at ±1, NaN beyond."""

    def ceil(self, x: Any) -> Any:
        """Smallest integer not below x."""

    def clip(self, x: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002
        """`x` held between two bounds, numbers or arrays; None is no bound."""

    def copysign(self, x: Any, sign_of: Any) -> Any:
        """The absolute value of `x` with the sign of `sign_of`."""

    def cos(self, x: Any) -> Any:
        """Cosine, of an angle in radians."""

    def cosh(self, x: Any) -> Any:
        """Hyperbolic cosine."""

    def erf(self, x: Any) -> Any:
        """Error function."""

    def erfc(self, x: Any) -> Any:
        """Complementary error function, accurate in its tail."""

    def times_erfc(self, factor: Any, x: Any) -> Any:
        """`factor` · erfc(x), accurate even if erfc(x) alone would be subnormal."""

    def erfinv(self, x: Any) -> Any:
        """Inverse error function; infinite at ±1, NaN beyond."""

    def exp(self, x: Any) -> Any:
        """Exponential function."""

    def exp2(self, x: Any) -> Any:
        """2 to the power x."""

    def expm1(self, x: Any) -> Any:
        """Exponential function minus 1, accurate near 0."""

    def floor(self, x: Any) -> Any:
        """Largest integer not above x."""

    def floor_divide(self, a: Any, b: Any) -> Any:
        """Largest integer not above a/b."""

    def hypot(self, a: Any, b: Any) -> Any:
        """Root of a² + b², without overflow on the way; one of both may be a number."""

    def isfinite(self, x: Any) -> Any:
        """Mask of the elements that are neither infinite nor NaN."""

    def isinf(self, x: Any) -> Any:
        """Mask of the elements that are infinite."""

    def isnan(self, x: Any) -> Any:
        """Mask of the elements that are NaN."""

    def log(self, x: Any) -> Any:
        """Natural logarithm."""

    def log10(self, x: Any) -> Any:
        """Logarithm to the base 10."""

    def log1p(self, x: Any) -> Any:
        """Natural logarithm of 1 + x, accurate near 0."""

    def log2(self, x: Any) -> Any:
        """Logarithm to the base 2."""

    def logaddexp(self, a: Any, b: Any) -> Any:
        """log(exp(a) + exp(b)), without overflow on the way; one of both may be a number."""

    def logical_and(self, a: Any, b: Any) -> Any:
        """Where both masks are true."""

    def logical_not(self, x: Any) -> Any:
        """Where a mask is false."""

    def logical_or(self, a: Any, b: Any) -> Any:
        """Where one of two masks is true, or both are."""

    def logical_xor(self, a: Any, b: Any) -> Any:
        """Where one of two masks is true and not both."""

    def maximum(self, a: Any, b: Any) -> Any:
        """The larger one of each pair; one of both may be a number. NaN if either is NaN."""

    def minimum(self, a: Any, b: Any) -> Any:
        """The smaller one of each pair; one of both may be a number. NaN if either is NaN."""

    def negative(self, x: Any) -> Any:
        """-x."""

    def positive(self, x: Any) -> Any:
        """`x` itself."""

    def pow(self, a: Any, b: Any) -> Any:
        """`a` to the power `b`, one of which may be a number.

        NaN for a negative `a`, unless `b` is an integer.
        """

    def reciprocal(self, x: Any) -> Any:
        """1/x."""

    def remainder(self, a: Any, b: Any) -> Any:
        """A - floor(a/b)·b, which has the sign of `b`."""

    def round(self, x: Any) -> Any:
        """Nearest integer; of two the even one."""

    def sigmoid(self, x: Any) -> Any:
        """1/(1 + exp(-x)), accurate in both tails."""

    def sign(self, x: Any) -> Any:
        """1, -1, or 0."""

    def signbit(self, x: Any) -> Any:
        """Mask of the elements that are negative, or -0."""

    def sin(self, x: Any) -> Any:
        """Sine, of an angle in radians."""

    def sinh(self, x: Any) -> Any:
        """Hyperbolic sine."""

    def softplus(self, x: Any) -> Any:
        """log(1 + exp(x)), accurate in both tails."""

    def sqrt(self, x: Any) -> Any:
        """Square root."""

    def square(self, x: Any) -> Any:
        """x·x."""

    def tan(self, x: Any) -> Any:
        """Tangent, of an angle in radians."""

    def tanh(self, x: Any) -> Any:
        """Hyperbolic tangent."""

    def trunc(self, x: Any) -> Any:
        """The integer next to x on the side of 0."""

    def sum(self, x: Any, *, axis: int) -> Any:
        """Sum along `axis`, which is kept with length 1."""

    def max(self, x: Any, *, axis: int) -> Any:
        """Maximum along `axis`, which is kept with length 1."""

    def mean(self, x: Any, *, axis: int) -> Any:
        """Mean along `axis`, which is kept with length 1."""

    def min(self, x: Any, *, axis: int) -> Any:
        """Minimum along `axis`, which is kept with length 1."""

    def prod(self, x: Any, *, axis: int) -> Any:
        """Product along `axis`, which is kept with length 1."""

    def var(self, x: Any, *, axis: int, correction: float = 0.0) -> Any:
        """Variance along `axis`, which is kept with length 1."""

    def cumulative_sum(self, x: Any, *, axis: int) -> Any:
        """Cumulative sum along `axis`: each element is added to all before it."""

    def sort(self, x: Any, *, axis: int) -> Any:
        """The elements in increasing order along `axis`."""

    def split(self, x: Any, sections: int, *, axis: int) -> list[Any]:
        """Splits `x` into equal parts along `axis`."""

    def concat(self, arrays: Sequence[Any], *, axis: int) -> Any:
        """Concatenates the arrays along `axis`."""

    def deinterleave(self, x: Any, *, axis: int) -> list[Any]:
        """The elements at even places along `axis`, and those at odd ones."""

    def interleave(self, arrays: Sequence[Any], *, axis: int) -> Any:
        """The reverse of `deinterleave`: the elements of both arrays in turn."""

    def stop_gradient(self, x: Any) -> Any:
        """`x` as a constant: no derivative flows through it."""

    def channel_weight(self, weight: Any, x: Any, *, axis: int) -> Any:
        """`weight` in a shape that broadcasts to `x`.

        A vector has one number for each element of `axis`, or one for all. A weight of several
        dimensions is broadcast as it is.
        """

    def sum_to_weight(self, x: Any, weight: Any, *, axis: int) -> Any:
        """The transpose of `channel_weight`: sums `x` over all axes along which `weight` is one."""

    def whole_weight(self, weight: Any, x: Any) -> Any:
        """A weight that broadcasts to `x`, in the shape of `x`; its gradient is a sum."""
