"""The four float types, against NumPy's, Python's and mpmath's idea of them."""

from __future__ import annotations

import math

import ml_dtypes
import mpmath
import numpy as np
import pytest

from unified_act_conformance import inputs
from unified_act_conformance.floats import (
    FORMATS,
    distance,
    from_ordered,
    ordered,
    round_to,
    ulp,
    widen,
)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_ulp_is_numpys_spacing(dtype: str) -> None:
    values = inputs.quick(dtype)
    # NumPy says that the spacing of the largest number is infinite.
    values = values[np.abs(values) < FORMATS[dtype].largest]
    wanted = np.spacing(np.abs(values)).astype(np.float64)
    np.testing.assert_array_equal(ulp(widen(values), 0.0, dtype), wanted)


def test_ulp_of_doubles_is_maths() -> None:
    for value in (1.0, 1.5, math.pi, 1e308, 5e-324, 0.0, 2.0**-1022):
        assert ulp(np.array([value]), 0.0, "float64")[0] == math.ulp(value)


def test_ulp_of_bfloat16() -> None:
    values = np.array([1.0, 1.9, 2.0, 0.0, 1e-40, 3e38, np.inf, 1e300])
    wanted = [2.0**-7, 2.0**-7, 2.0**-6, 2.0**-133, 2.0**-133, 2.0**120, 2.0**120, 2.0**120]
    assert ulp(values, 0.0, "bfloat16").tolist() == wanted


def test_ulp_just_below_a_power_of_two() -> None:
    high, low = np.array([1.0, 1.0, -1.0]), np.array([-1e-20, 1e-20, 1e-20])
    assert ulp(high, low, "float32").tolist() == [2.0**-24, 2.0**-23, 2.0**-24]


@pytest.mark.parametrize("dtype", FORMATS)
def test_rounding_a_double_double_rounds_once(dtype: str) -> None:
    precision = FORMATS[dtype].precision
    tie = 1.0 + 2.0**-precision if precision < 53 else 1.0
    high, low = np.array([tie, tie, tie, -tie]), np.array([0.0, 1e-25, -1e-25, -1e-25])
    above = 1.0 + (2.0 ** (1 - precision) if precision < 53 else 0.0)
    assert round_to(high, low, dtype).tolist() == [1.0, above, 1.0, -above]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_rounding_agrees_with_mpmath(dtype: str) -> None:
    fmt = FORMATS[dtype]
    high = np.random.default_rng(1).uniform(1.0, 2.0, 500)
    halves = 1.0 + (2.0 * np.arange(60) + 1.0) * 2.0**-fmt.precision
    high = np.concatenate([high, halves, np.nextafter(halves, 0), np.nextafter(halves, 3)])
    got = round_to(high, np.zeros_like(high), dtype)
    with mpmath.workprec(fmt.precision):
        assert got.tolist() == [float(+mpmath.mpf(value)) for value in high.tolist()]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_order_of_all_numbers(dtype: str) -> None:
    values = inputs.sweep(dtype)
    values = values[~np.isnan(widen(values))]
    numbers = ordered(values, dtype)
    wide = widen(values)[np.argsort(numbers, kind="stable")]
    assert (np.diff(wide) >= 0).all()
    np.testing.assert_array_equal(widen(from_ordered(numbers, dtype)), widen(values))


def test_distance() -> None:
    one_up = np.array([np.nextafter(1.0, 2.0), -5e-324, np.nan, np.nan, -1.7e308])
    base = np.array([1.0, 5e-324, np.nan, 1.0, 1.7e308])
    got = distance(one_up, base, "float64")
    assert got[:4].tolist() == [1.0, 2.0, 0.0, np.inf]
    assert got[4] > 1.8e19
    assert distance(np.array([1.0078125]), np.array([1.0]), "bfloat16")[0] == 1.0


def test_bfloat16_is_ml_dtypes() -> None:
    assert FORMATS["bfloat16"].dtype == np.dtype(ml_dtypes.bfloat16)
