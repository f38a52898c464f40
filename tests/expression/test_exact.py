"""The functions at 160 digits, against mpmath's."""

import math
from decimal import Decimal

import mpmath
import numpy as np
import pytest

from unified_act.backend import Namespace
from unified_act.expression.exact import NAMESPACE, Number, at

ELEMENTWISE = ("abs", "erfc", "exp", "expm1", "floor", "log", "log1p", "sin", "sqrt", "tanh")
INPUTS = (1e-300, 3e-40, 1e-9, 0.1, 0.7, 1.0, 2.5, 6.0, 31.0, 1e5 + 0.25)


def rounded_to_odd(x):
    """An mpmath number as float64, its last bit set where it is none."""
    nearest = float(x)
    if mpmath.mpf(nearest) == x or np.float64(nearest).view(np.int64) & 1:
        return nearest
    return math.nextafter(nearest, math.inf if x > nearest else -math.inf)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_function(name):
    theirs = {"abs": mpmath.fabs}.get(name) or getattr(mpmath, name)
    for x in (*INPUTS, *(-x for x in INPUTS)):
        if x < 0 and name in ("log", "log1p", "sqrt"):
            continue
        if name == "erfc" and x > 40:
            continue  # 0
        with mpmath.workdps(130):
            want = rounded_to_odd(theirs(mpmath.mpf(x)))
        assert at(lambda xp, x: getattr(xp, name)(x), x, {}, 0.0) == want, x


def test_every_elementwise_function_is_there():
    along_an_axis = {"sum", "max", "prod", "cumulative_sum", "sort", "split", "concat"}
    along_an_axis |= {"deinterleave", "interleave"}
    weights = {"channel_weight", "sum_to_weight", "whole_weight"}
    offered = {name for name in vars(Namespace) if not name.startswith("_")}
    assert set(vars(NAMESPACE)) - {"own"} == offered - along_an_axis - weights


def test_a_trace_beside_a_tie():
    x = 2.0**-133
    assert at(lambda xp, x: x * 0.5 + x * x * 0.5, x, {}, 0.0) > x / 2
    assert at(lambda xp, x: x * 0.5 - x * x * x, x, {}, 0.0) < x / 2
    assert at(lambda xp, x: x / 3.0 * 1.5, x, {}, 0.0) == x / 2  # the digits of a third end


def test_parameters_are_exact_but_compared_as_float32():
    sixth = 1 / 6

    def end(xp, x, *, alpha):
        return xp.where(x < -0.5 / alpha, -1.0, x * alpha + 0.5)

    assert at(end, -3.0, {"alpha": sixth}, 0.0) > 0.0  # and not 0, as float64 has it
    barely = 0.5 + 1e-12
    assert at(lambda xp, x, *, a: xp.where(x < a, x, 2.0), 0.5, {"a": barely}, 0.0) == 2.0


def test_no_number_of_another_type():
    with pytest.raises(TypeError):
        Number(Decimal(1)) + np.float32(1.0)


def test_what_is_no_number_stays_what_was_found():
    assert at(lambda xp, x: xp.log(x), 0.0, {}, -7.0) == -7.0
