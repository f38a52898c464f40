"""The strict namespace: a definition that runs on it runs on every framework.

Its arrays are rows of plain Python floats. They have only the operators that all frameworks have.
Every other operation raises a `PortabilityError`.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from unified_act import special

__all__ = ["Mask", "PortabilityError", "Row", "namespace"]


class PortabilityError(Exception):
    """A definition uses something that not every framework supports."""


def _refusing(what: str) -> Callable[..., NoReturn]:
    def refuse(*_arguments: Any, **_keywords: Any) -> NoReturn:
        raise PortabilityError(what)

    return refuse


_NO_NUMBER = _refusing(
    "an array was used as a single number or truth value, which no compiler can trace: decide with "
    "xp.where(condition, a, b)"
)
_NO_NUMPY = _refusing(
    "an array was passed to NumPy, combined with a NumPy scalar, or indexed, which leaves the "
    "framework and loses the gradient: use the functions of xp and plain Python numbers"
)
_NO_CHANGE = _refusing(
    "an array is changed in place, which changes the caller's input on some frameworks: write "
    "x = x + … instead of x += …"
)
_MASKS_ONLY = _refusing(
    "& | ~ join comparisons, as in (x > 0) & (x < 1): an array is no comparison"
)


_FACTS = ("own", "wide")
"""What is there besides functions."""
_OTHER_NAMES = {
    "absolute": "abs(x)",
    "amax": "max(x, axis=axis)",
    "amin": "min(x, axis=axis)",
    "arccos": "acos(x)",
    "arccosh": "acosh(x)",
    "arcsin": "asin(x)",
    "arcsinh": "asinh(x)",
    "arctan": "atan(x)",
    "arctan2": "atan2(y, x)",
    "arctanh": "atanh(x)",
    "clamp": "clip(x, min, max)",
    "concatenate": "concat(arrays, axis=axis)",
    "cumsum": "cumulative_sum(x, axis=axis)",
    "expit": "sigmoid(x)",
    "fabs": "abs(x)",
    "logistic": "sigmoid(x)",
    "power": "pow(a, b)",
    "relu": "maximum(x, 0.0)",
    "rsqrt": "reciprocal(xp.sqrt(x))",
    "zeros_like": "full_like(x, 0.0)",
    "ones_like": "full_like(x, 1.0)",
}
"""What frameworks call a function, and how it is called here."""
_NOT_A_NUMBER = "a condition is not a number on every framework: use xp.where(condition, a, b)"


class _Refusals:
    """The operations that neither rows nor masks support."""

    __slots__ = ("values",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = list(values)

    __bool__ = __float__ = __int__ = __index__ = __len__ = _NO_NUMBER
    __array__ = __array_ufunc__ = __getitem__ = __iter__ = __setitem__ = _NO_NUMPY
    __iadd__ = __isub__ = __imul__ = __itruediv__ = _NO_CHANGE
    __ipow__ = __iand__ = __ior__ = _NO_CHANGE
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __matmul__ = __rmatmul__ = _refusing(
        "the only arithmetic operators of arrays on every framework are + - * / **: use xp.floor"
    )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise PortabilityError(
            f"arrays have no .{name} on every framework: use the functions of xp"
        )


class Mask(_Refusals):
    """The result of a comparison."""

    __slots__ = ()

    def __and__(self, other: Any) -> Mask:
        return _joined(operator.and_, self, other)

    def __or__(self, other: Any) -> Mask:
        return _joined(operator.or_, self, other)

    def __invert__(self) -> Mask:
        return Mask([not value for value in self.values])

    __rand__ = __ror__ = __xor__ = _refusing("a condition is joined with another one by & or |")
    __abs__ = __pow__ = __rpow__ = __neg__ = _refusing(_NOT_A_NUMBER)
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refusing(
        _NOT_A_NUMBER
    )


class Row(_Refusals):
    """An array of floats with elementwise operators. A single element is broadcast."""

    __slots__ = ()
    __hash__ = None

    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __invert__ = _MASKS_ONLY

    def __neg__(self) -> Row:
        return Row([-x for x in self.values])

    def __abs__(self) -> Row:
        return Row([abs(x) for x in self.values])

    def __pow__(self, other: Any) -> Row:
        return _combined(_power, self, other)

    def __rpow__(self, other: Any) -> Row:
        return _combined(_power, other, self)

    def __add__(self, other: Any) -> Row:
        return _combined(operator.add, self, other)

    def __radd__(self, other: Any) -> Row:
        return _combined(operator.add, other, self)

    def __sub__(self, other: Any) -> Row:
        return _combined(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Row:
        return _combined(operator.sub, other, self)

    def __mul__(self, other: Any) -> Row:
        return _combined(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Row:
        return _combined(operator.mul, other, self)

    def __truediv__(self, other: Any) -> Row:
        return _combined(_quotient, self, other)

    def __rtruediv__(self, other: Any) -> Row:
        return _combined(_quotient, other, self)

    def __lt__(self, other: Any) -> Mask:
        return _compared(operator.lt, self, other)

    def __le__(self, other: Any) -> Mask:
        return _compared(operator.le, self, other)

    def __gt__(self, other: Any) -> Mask:
        return _compared(operator.gt, self, other)

    def __ge__(self, other: Any) -> Mask:
        return _compared(operator.ge, self, other)

    def __eq__(self, other: object) -> Mask:  # type: ignore[override]
        return _compared(operator.eq, self, other)

    def __ne__(self, other: object) -> Mask:  # type: ignore[override]
        return _compared(operator.ne, self, other)


def _numbers(operand: Any) -> list[float]:
    if isinstance(operand, Row):
        return operand.values
    # Exact types: a NumPy scalar is a subclass of float, but turns other arrays into float64.
    if type(operand) in (float, int):
        return [float(operand)]
    if isinstance(operand, Mask):
        raise PortabilityError(_NOT_A_NUMBER)
    raise PortabilityError(
        f"an array meets {operand!r} of type {type(operand).__module__}.{type(operand).__name__}: "
        "this may change the dtype of the array, so write float(…) to get a plain Python number"
    )


def _pairs(left: Any, right: Any) -> list[tuple[float, float]]:
    return _together(_numbers(left), _numbers(right))


def _together(left: list[Any], right: list[Any]) -> list[tuple[Any, Any]]:
    """Returns the elements of both in pairs. A single element is broadcast."""
    a = left * len(right) if len(left) == 1 else left
    b = right * len(left) if len(right) == 1 else right
    if len(a) != len(b):
        raise PortabilityError(f"arrays of {len(a)} and {len(b)} elements do not fit together")
    return list(zip(a, b, strict=True))


def _combined(function: Callable[[float, float], float], left: Any, right: Any) -> Row:
    return Row([function(a, b) for a, b in _pairs(left, right)])


def _compared(function: Callable[[float, float], bool], left: Any, right: Any) -> Mask:
    return Mask([function(a, b) for a, b in _pairs(left, right)])


def _joined(function: Callable[[bool, bool], bool], left: Mask, right: Any) -> Mask:
    if not isinstance(right, Mask):
        raise PortabilityError(f"a condition is joined with another one, got {right!r}")
    return Mask([function(a, b) for a, b in _together(left.values, right.values)])


def _power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return math.copysign(math.inf, a) if b % 2.0 == 1.0 else math.inf
    except ValueError:  # of 0 and a negative exponent, or a negative number and a fraction
        if a != 0.0:
            return math.nan
        return math.copysign(math.inf, a) if b % 2.0 == 1.0 else math.inf


def _quotient(a: float, b: float) -> float:
    if b:
        return a / b
    if math.isnan(a) or a == 0:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _row(name: str, x: Any) -> Row:
    if not isinstance(x, Row):
        raise PortabilityError(
            f"xp.{name} got {x!r}, but takes only arrays on some frameworks: for a number, use "
            "the module math"
        )
    return x


def _mask(name: str, x: Any) -> Mask:
    if not isinstance(x, Mask):
        raise PortabilityError(f"xp.{name} takes comparisons, got {x!r}")
    return x


def _elementwise(name: str, function: Callable[[float], float]) -> Callable[[Any, Any], Row]:
    """Returns a function of `math` for arrays, with infinities and NaN in place of errors."""

    def one(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return lambda self, x: Row([one(value) for value in _row(name, x).values])


def _log(x: float) -> float:
    return math.log(x) if x else -math.inf


def _log1p(x: float) -> float:
    return math.log1p(x) if x != -1 else -math.inf


def _floor(x: float) -> float:
    return float(math.floor(x)) if math.isfinite(x) else x


class _Namespace:
    """The functions of `unified_act.backend.Namespace`, and nothing else."""

    wide = False
    own = None

    abs = _elementwise("abs", math.fabs)
    exp = _elementwise("exp", math.exp)
    expm1 = _elementwise("expm1", math.expm1)
    log = _elementwise("log", _log)
    log1p = _elementwise("log1p", _log1p)
    tanh = _elementwise("tanh", math.tanh)
    erfc = _elementwise("erfc", math.erfc)
    sqrt = _elementwise("sqrt", math.sqrt)
    floor = _elementwise("floor", _floor)
    sin = _elementwise("sin", math.sin)
    cos = _elementwise("cos", math.cos)

    def pow(self, a: Any, b: Any) -> Row:
        if not isinstance(a, Row) and not isinstance(b, Row):
            raise PortabilityError("xp.pow got two numbers: for numbers, use the module math")
        return _combined(_power, a, b)

    def logical_and(self, a: Mask, b: Mask) -> Mask:
        return _mask("logical_and", a) & b

    def logical_or(self, a: Mask, b: Mask) -> Mask:
        return _mask("logical_or", a) | b

    def logical_not(self, a: Mask) -> Mask:
        return ~_mask("logical_not", a)

    def times_erfc(self, factor: Any, x: Any) -> Row:
        return _combined(operator.mul, self.erfc(x), factor)

    def where(self, condition: Any, a: Any, b: Any) -> Row:
        if not isinstance(condition, Mask):
            raise PortabilityError(
                f"the condition of xp.where must be a comparison of arrays, got {condition!r}"
            )
        if not isinstance(a, Row) and not isinstance(b, Row):
            raise PortabilityError(
                "both choices of xp.where are numbers, so that the dtype of the result is unknown: "
                "make one an array with xp.full_like(x, value)"
            )
        choices = _together(condition.values, _pairs(a, b))
        return Row([one if holds else other for holds, (one, other) in choices])

    def full_like(self, x: Any, value: Any) -> Row:
        return Row(_numbers(value) * len(_row("full_like", x).values))

    def sum(self, x: Any, *, axis: int) -> Row:
        return Row([math.fsum(_along("sum", x, axis))])

    def max(self, x: Any, *, axis: int) -> Row:
        return Row([max(_along("max", x, axis))])

    def prod(self, x: Any, *, axis: int) -> Row:
        return Row([math.prod(_along("prod", x, axis))])

    def cumulative_sum(self, x: Any, *, axis: int) -> Row:
        return Row(list(itertools.accumulate(_along("cumulative_sum", x, axis))))

    def sort(self, x: Any, *, axis: int) -> Row:
        return Row(sorted(_along("sort", x, axis)))

    def split(self, x: Any, sections: int, *, axis: int) -> list[Row]:
        values = _along("split", x, axis)
        length = len(values) // sections
        return [Row(values[length * i : length * (i + 1)]) for i in range(sections)]

    def concat(self, arrays: Sequence[Any], *, axis: int) -> Row:
        return Row([value for array in arrays for value in _along("concat", array, axis)])

    def stop_gradient(self, x: Any) -> Row:
        return Row(_row("stop_gradient", x).values)

    def __init__(self) -> None:
        special.complete(self)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        offered = ", ".join(sorted(n for n in dir(self) if n[0] != "_" and n not in _FACTS))
        instead = f": write xp.{_OTHER_NAMES[name]}" if name in _OTHER_NAMES else ""
        raise PortabilityError(f"xp has no {name!r}{instead}. It has {offered}")


def _along(name: str, x: Any, axis: int) -> list[float]:
    if axis not in (0, -1):
        raise PortabilityError(
            f"xp.{name} got axis={axis!r}: pass on the parameter `axis` as it is"
        )
    return _row(name, x).values


namespace = _Namespace()
"""The namespace `xp` on which a definition is tried out."""
