"""How far the outputs of a function are from the exact values, and what else is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance.declared import flushed
from unified_act_conformance.floats import FloatArray, float_format, widen
from unified_act_conformance.scoreboard.expected import BINS, Expected

__all__ = ["CURVE", "FAULT", "Cell", "Output", "measure"]

CURVE = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""A bin of a curve: at most half a unit in the last place, and how often that is doubled."""
FAULT = "!"
"""A bin with NaN or an infinity where there should be none."""
NOTHING = "."
"""A bin without an input."""
ROUNDED = 0.5 * (1 + 1e-6)
DIGITS = {"float16": 5, "bfloat16": 4, "float32": 9}
"""The significant digits that tell all numbers of a type apart."""

Doubles = NDArray[np.float64]
Output = tuple[float, float, float]
"""An input, what was returned, and what is right."""


@dataclass(frozen=True)
class Cell:
    """What was found of a function in one float type and order.

    Attributes:
        symbol: The function, as the framework writes it.
        activation: What it should compute: an activation of the catalogue.
        parameters: Those of its parameters that are not the defaults.
        dtype: The float type.
        order: 0 for the value, 1 for the gradient, 2 for the second derivative.
        why: Why there is no output; empty if there is one.
        inputs: How many inputs there are.
        ulp: The largest error at a finite input, in units in the last place of the exact value.
            Not counted are kinks of a derivative, and outputs in `nan`, `infinite` and `flushed`.
        at: Where that is.
        units: The largest error in the suite's measure, which allows for the rounding of the input
            and for one epsilon.
        units_at: Where that is, if it is more than one unit and elsewhere.
        many: How many inputs are more than one unit in the last place off.
        nan: At how many finite inputs it is NaN.
        infinite: At how many it is infinite, and should not be; or the reverse.
        fault: Of these, the one nearest to 0.
        flushed: How many subnormal numbers it takes for 0, or gets wrong in another way.
        ends: What is wrong at the infinities.
        kinks: Where its derivative at a kink is another one.
        lost: For how many NaN it returns a number.
        curve: The largest error in each stretch of the axis, as characters of `CURVE`.
    """

    symbol: str
    activation: str
    parameters: Mapping[str, Any]
    dtype: str
    order: int
    why: str = ""
    inputs: int = 0
    ulp: float = 0.0
    at: Output | None = None
    units: float = 0.0
    units_at: Output | None = None
    many: int = 0
    nan: int = 0
    infinite: int = 0
    fault: Output | None = None
    flushed: int = 0
    ends: tuple[Output, ...] = ()
    kinks: tuple[Output, ...] = ()
    lost: int = 0
    curve: str = field(default="", repr=False)

    @property
    def faults(self) -> int:
        """At how many finite inputs it is no number, or no infinity, and should be."""
        return self.nan + self.infinite

    @property
    def worst(self) -> float:
        """The largest error, infinite if there are faults; -1 if there is nothing."""
        return -1.0 if self.why else math.inf if self.faults else self.ulp

    @property
    def key(self) -> tuple[str, str, int]:
        """What it is about: the same in every version."""
        return self.symbol, self.dtype, self.order

    def document(self) -> dict[str, Any]:
        """Returns it for JSON, without what is empty; infinities and NaN are texts."""
        found = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "order" or value not in (0, None, "", (), {}):
                found[each.name] = _plain(value)
        return found

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Cell:
        """Returns what `document` wrote."""
        found: dict[str, Any] = {"parameters": {}, **document}
        for name in ("at", "units_at", "fault"):
            if name in found:
                found[name] = _output(found[name])
        for name in ("ends", "kinks"):
            found[name] = tuple(map(_output, found.get(name, ())))
        return cls(**found)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _output(row: Sequence[Any]) -> Output:
    x, got, want = map(float, row)
    return x, got, want


def measure(symbol: str, outputs: FloatArray | str, right: Expected, order: int) -> Cell:
    """Measures the outputs of a function.

    Args:
        symbol: How the framework writes it.
        outputs: What it returned at the inputs of `right`; a text says why it returned nothing.
        right: What is right.
        order: The derivative.
    """
    about = (
        symbol,
        right.subject.activation,
        dict(right.subject.parameters),
        right.dtype,
        order,
    )
    if isinstance(outputs, str):
        return Cell(*about, why=outputs)
    exact, inner = right.orders[order], right.finite
    got = widen(outputs)
    x, y, high = right.x[inner], got[inner], exact.high[inner]
    error = _errors(right, y, order)
    small = _flushed(x, high, y, error, float_format(right.dtype).smallest_normal)
    error[small] = 0.0
    faulty = ~np.isfinite(error)
    nan = faulty & np.isnan(y)
    error[faulty] = np.inf
    counted = np.where(faulty, 0.0, error)
    in_units = counted * (exact.unit[inner] / exact.allowance[inner])
    worst, other = int(np.argmax(counted)), int(np.argmax(in_units))

    def output(index: int) -> Output:
        return _rounded(x[index], y[index], high[index], right.dtype)

    wrong = np.flatnonzero(faulty)
    return Cell(
        *about,
        inputs=right.x.size,
        ulp=_short(float(counted[worst])),
        at=output(worst) if counted[worst] > ROUNDED else None,
        units=_short(float(in_units[other])),
        units_at=output(other) if in_units[other] > 1 and other != worst else None,
        many=int(np.count_nonzero(counted > 1.0)),
        nan=int(np.count_nonzero(nan)),
        infinite=wrong.size - int(np.count_nonzero(nan)),
        fault=output(int(wrong[np.argmin(abs(x[wrong]))])) if wrong.size else None,
        flushed=small.size,
        ends=tuple(_ends(right, got, order)),
        kinks=tuple(_kinks(right, y, order)),
        lost=0 if order else int(np.count_nonzero(~np.isnan(got[np.isnan(right.x)]))),
        curve=_curve(error, right),
    )


def _errors(right: Expected, y: Doubles, order: int) -> Doubles:
    """The errors at finite inputs, in units in the last place; at kinks of a derivative 0."""
    exact, inner = right.orders[order], right.finite
    high, beyond = exact.high[inner], exact.beyond[inner]
    with np.errstate(all="ignore"):
        error: Doubles = abs(y - high) / exact.unit[inner]
    if beyond.any():  # the largest number is one step short of infinity
        there = np.sign(y) == np.sign(high)
        almost = np.where(there & (abs(y) == float_format(right.dtype).largest), 1.0, np.inf)
        error = np.where(beyond, np.where(there & np.isinf(y), 0.0, almost), error)
    if order:
        error[right.bends] = 0.0
    return error


def _flushed(
    x: Doubles, high: Doubles, y: Doubles, error: Doubles, smallest: float
) -> NDArray[np.intp]:
    """Where a subnormal number was taken for 0: where it went in, or should have come out."""
    went_in = (x != 0) & (abs(x) < smallest) & (error > ROUNDED) & np.isfinite(error)
    came_out = np.flatnonzero((error > 1.0) & (y == 0) & ~went_in)
    tiny = came_out[flushed(x[came_out], high[came_out], y[came_out], smallest)]
    return np.concatenate([np.flatnonzero(went_in), tiny])


def _ends(right: Expected, got: Doubles, order: int) -> list[Output]:
    """What is wrong at the infinities, where the limit is known."""
    exact, found = right.orders[order], []
    for at in (0, right.finite.stop):
        limit = exact.high[at]
        with np.errstate(invalid="ignore"):
            near = got[at] == limit or abs(got[at] - limit) <= exact.unit[at]
        if not near and not np.isnan(limit):
            found.append(_rounded(right.x[at], got[at], limit, right.dtype))
    return found


def _kinks(right: Expected, y: Doubles, order: int) -> list[Output]:
    """Where a derivative at a kink is another one; of the second only whether it is a number."""
    if not order:
        return []
    exact, x, found = right.orders[order], right.x[right.finite], []
    for at in right.bends:
        want = exact.high[right.finite][at]
        off = abs(y[at] - want) > exact.unit[right.finite][at] if order == 1 else False
        if off or not np.isfinite(y[at]):
            found.append(_rounded(x[at], y[at], want, right.dtype))
    return found


def _curve(error: Doubles, right: Expected) -> str:
    bins, starts = right.bins
    letters = [NOTHING] * BINS
    for place, largest in zip(bins, np.maximum.reduceat(error, starts), strict=True):
        if place >= 0:
            letters[place] = _letter(float(largest))
    curve = "".join(letters)
    return "" if set(curve) <= {CURVE[0], NOTHING} else curve


def _letter(error: float) -> str:
    if math.isinf(error):
        return FAULT
    doubled = math.ceil(math.log2(error / ROUNDED)) if error > ROUNDED else 0
    return CURVE[min(doubled, len(CURVE) - 1)]


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _rounded(x: float, got: float, want: float, dtype: str) -> Output:
    digits = DIGITS[dtype]
    return float(f"{x:.{digits}g}"), float(f"{got:.{digits}g}"), float(f"{want:.9g}")
