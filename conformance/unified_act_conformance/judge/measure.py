"""The verdict on an array of outputs: how many times the unavoidable error each one is wrong.

    error(y) = |y - r| / (ulp(r) + ½ ulp(x) |f'| + floor)

where r is the exact value, f' the derivative of the judged function, and floor is eps in the fast
profile and 0 in the strict one. A correctly rounded y has error 0: nothing can do better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance.floats import (
    FloatArray,
    FloatFormat,
    distance,
    float_format,
    from_ordered,
    ordered,
    round_to,
    to_type,
    ulp,
    widen,
)
from unified_act_conformance.judge.statistics import (
    PERCENTILES,
    Curve,
    Percentiles,
    curve_of,
    percentiles_of,
)
from unified_act_conformance.problems import REGIONS, Codes, Tally, region_codes, tally
from unified_act_conformance.truth import Reference

Floor = Literal["eps"] | float
Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

CLASSES: tuple[str, ...] = (
    "nan_for_number",
    "number_for_nan",
    "finiteness",
    "wrong_sign",
    "out_of_range",
    "signed_zero",
)
"""Faults that no budget absorbs, in the order in which an output is charged with one.

The last is a zero where the other is right. It is a fault in the value of the strict profile; of
everything else it is counted only."""


@dataclass(frozen=True)
class Judgement:
    """What was found.

    Attributes:
        passed: Whether no output is faulty and no error is above the budget.
        count: How many outputs were judged.
        failures: How many are faulty or above the budget.
        max_error: The largest error, infinite if there is a fault.
        worst_index: Where it is, in the flattened array; -1 if nothing was judged.
        worst_x: The input there.
        got: The output there.
        want: The correctly rounded value there.
        worst_distance: The raw ULP distance there.
        max_distance: The largest raw ULP distance anywhere.
        classes: How many outputs each of `CLASSES` holds.
        signed_zeros: How many outputs are the other zero than the right one, faults or not.
        worst_region: Which of `REGIONS` the worst output belongs to.
        regions: How many outputs of each region there are, and how many failed.
        errors: Percentiles of the error.
        distances: Percentiles of the raw ULP distance.
        curve: The error over the inputs, for charts.
    """

    passed: bool
    count: int
    failures: int
    max_error: float
    worst_index: int
    worst_x: float
    got: float
    want: float
    worst_distance: float
    max_distance: float
    classes: Mapping[str, int]
    signed_zeros: int
    worst_region: str
    regions: Mapping[str, Tally]
    errors: Percentiles
    distances: Percentiles
    curve: Curve = field(default=(), repr=False)


def judge_with_slack(
    y: FloatArray,
    reference: Reference,
    x: FloatArray,
    dtype: str,
    slack: Doubles,
    *,
    floor: Floor,
    budget: float,
    value_range: tuple[float, float],
    signed: Mask | None = None,
    signs_matter: bool = False,
    regions: Codes | None = None,
    statistics: bool = True,
) -> Judgement:
    """Judges outputs that may depend on several inputs each.

    Args:
        y: The outputs.
        reference: The exact values.
        x: What to report as the input of each output.
        dtype: The name of the float type.
        slack: What half an ulp of change in every input can do to each output.
        floor: `"eps"` in the fast profile, 0 in the strict one.
        budget: The largest error that passes.
        value_range: The closed range of the judged function.
        signed: Where a zero has a sign that is determined; default: where it stands for a
            number that is too small.
        signs_matter: Whether the other zero is a fault.
        regions: The region of each output; default: what inputs and outputs say without kinks.
        statistics: Whether percentiles and the curve are wanted, which reports show of a case.

    Returns:
        The verdict.

    Raises:
        ValueError: If the arrays differ in shape.
    """
    if not y.shape == reference.high.shape == x.shape == slack.shape:
        raise ValueError(
            f"shapes differ: y {y.shape}, reference {reference.high.shape}, x {x.shape}, "
            f"slack {slack.shape}"
        )
    fmt = float_format(dtype)
    got, inputs = widen(y).ravel(), widen(x).ravel()
    exact = reference.reshape((-1,))
    want = round_to(exact.high, exact.low, dtype)
    with np.errstate(over="ignore"):
        unit = ulp(exact.high, exact.low, dtype) + np.nan_to_num(slack.ravel())

    faults = _faults(
        got,
        exact.high,
        want,
        inputs,
        fmt=fmt,
        budget=budget,
        unit=unit,
        value_range=value_range,
    )
    errors = _errors(got, exact, want, unit + (fmt.epsilon if floor == "eps" else floor))
    other_zero = (got == 0) & (want == 0) & (np.signbit(got) != np.signbit(want))
    other_zero &= exact.high != 0 if signed is None else signed.ravel()
    faults["signed_zero"] = other_zero & signs_matter
    faulty = np.logical_or.reduce(list(faults.values()))
    errors = np.where(faulty, np.inf, errors)
    distances = distance(got, want, dtype)
    classes = {name: int(np.count_nonzero(mask)) for name, mask in faults.items()}
    failing = errors > budget
    failures = int(np.count_nonzero(failing))
    if regions is None:
        regions = region_codes(inputs, want, (), dtype)
    by_region = tally(regions.ravel(), failing)
    none = dict.fromkeys(PERCENTILES, 0.0)
    if not errors.size:
        nan = float("nan")
        return Judgement(
            True, 0, 0, 0.0, -1, nan, nan, nan, 0.0, 0.0, classes, 0, "", by_region, none, none
        )
    # Among equal errors the one that is furthest off tells most.
    largest = np.flatnonzero(errors == np.max(errors))[::-1]
    worst = int(largest[np.argmax(distances[largest])])
    return Judgement(
        passed=failures == 0,
        count=int(errors.size),
        failures=failures,
        max_error=float(errors[worst]),
        worst_index=worst,
        worst_x=float(inputs[worst]),
        got=float(got[worst]),
        want=float(want[worst]),
        worst_distance=float(distances[worst]),
        max_distance=float(np.max(distances)),
        classes=classes,
        signed_zeros=int(np.count_nonzero(other_zero)),
        worst_region=REGIONS[regions.ravel()[worst]],
        regions=by_region,
        errors=percentiles_of(errors) if statistics else none,
        distances=percentiles_of(distances) if statistics else none,
        curve=curve_of(inputs, errors, dtype) if statistics else (),
    )


def _errors(got: Doubles, exact: Reference, want: Doubles, unit: Doubles) -> Doubles:
    """Gives the error of each output that has no fault."""
    with np.errstate(all="ignore"):
        errors = np.abs((got - exact.high) - exact.low) / unit
    # A value beyond the largest number may come as that number: one step short of infinity.
    errors = np.where(np.isinf(want), 1.0, errors)
    return np.where((got == want) | (np.isnan(got) & np.isnan(want)), 0.0, errors)


def _faults(
    got: Doubles,
    exact: Doubles,
    want: Doubles,
    inputs: Doubles,
    *,
    unit: Doubles,
    fmt: FloatFormat,
    budget: float,
    value_range: tuple[float, float],
) -> dict[str, Mask]:
    got_nan, want_nan = np.isnan(got), np.isnan(want)
    numbers = ~got_nan & ~want_nan
    saturated = np.isinf(want) & np.isfinite(inputs) & (np.abs(got) == fmt.largest)
    finiteness = numbers & (np.isinf(got) != np.isinf(want)) & ~saturated
    # Near a zero crossing half an ulp of the input may carry the value across, so there is no right
    # sign within the budget; the floor does not count, or it would hide every tail.
    with np.errstate(invalid="ignore", over="ignore"):
        signed = (np.abs(exact) >= fmt.smallest_normal) & (np.abs(exact) > budget * unit)
    wrong_sign = numbers & signed & (got != 0) & (np.signbit(got) != np.signbit(exact))
    low, high = _outer_range(value_range, fmt, budget)
    out_of_range = numbers & ((got < low) | (got > high))
    masks = (got_nan & ~want_nan, ~got_nan & want_nan, finiteness, wrong_sign, out_of_range)
    faults: dict[str, Mask] = {}
    charged = np.zeros(got.shape, dtype=np.bool_)
    for name, mask in zip(CLASSES, masks, strict=False):  # the sign of a zero comes last
        faults[name] = mask & ~charged
        charged |= mask
    return faults


def _outer_range(
    value_range: tuple[float, float], fmt: FloatFormat, budget: float
) -> tuple[float, float]:
    """Rounds a range outward to the type.

    A bound such as 0, 1 or 6 may not be exceeded at all. One that no type holds exactly, such as
    gelu's minimum, gets the budget's ulps of room, as the error measure itself judges what is close
    to it.
    """
    widened = []
    for bound, direction in zip(value_range, (-1, 1), strict=True):
        if np.isinf(bound) or _is_short(bound):
            widened.append(bound)
            continue
        nearest = to_type(np.array([bound]), fmt.name)
        steps = int(np.ceil(budget)) + 1
        moved = from_ordered(ordered(nearest, fmt.name) + direction * steps, fmt.name)
        widened.append(float(widen(moved)[0]))
    return widened[0], widened[1]


def _is_short(bound: float) -> bool:
    value = np.array([bound])
    return all(widen(to_type(value, name))[0] == bound for name in ("float16", "bfloat16"))
