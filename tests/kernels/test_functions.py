"""Machine code for every function of a definition: value and derived derivative, in float32."""

import mpmath
import numpy as np
import pytest

from unified_act import Activation
from unified_act.expression import completed
from unified_act.kernels import fused, unavailable

pytestmark = pytest.mark.skipif(bool(unavailable()), reason="there is no llvmlite")

LARGEST, SMALLEST = 3.4e38, 1.2e-38
EXACT = {
    **{
        name: getattr(mpmath, name)
        for name in (
            *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "erf", "erfinv"),
            *("log10", "sinh", "tan"),
        )
    },
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "log2": lambda x: mpmath.log(x, 2),
    "round": mpmath.nint,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}
OTHERS = {
    "power": (lambda xp, x: abs(x) ** 1.7, lambda x: abs(x) ** mpmath.mpf(1.7)),
    "cube": (lambda xp, x: x**3, lambda x: x**3),
    "exponential": (lambda xp, x: 1.3**x, lambda x: mpmath.mpf(1.3) ** x),
    "hypot": (lambda xp, x: xp.hypot(x, 2.0), lambda x: mpmath.sqrt(x * x + 4)),
    "logaddexp": (
        lambda xp, x: xp.logaddexp(x, 1.5),
        lambda x: mpmath.log(mpmath.exp(x) + mpmath.exp(1.5)),
    ),
}
FUNCTIONS = {
    **{name: (lambda xp, x, n=name: getattr(xp, n)(x), f) for name, f in EXACT.items()},
    **OTHERS,
}


def some_inputs():
    generator = np.random.default_rng(0)
    return np.concatenate(
        [
            generator.normal(0.0, 3.0, 100),
            generator.uniform(-1.0, 1.0, 100),
            generator.uniform(-90.0, 90.0, 40),
            10.0 ** generator.uniform(-8, 8, 20),
            -(10.0 ** generator.uniform(-8, 8, 20)),
            [0.0, -0.0, 1.0, -1.0],
        ]
    ).astype(np.float32)


def exact_at(function, x, order):
    """The value or the derivative; None if float32 has no normal number for it."""
    try:
        found = function(x) if order == 0 else mpmath.diff(function, x)
    except (ValueError, ZeroDivisionError):
        return None
    if isinstance(found, mpmath.mpc) or not mpmath.isfinite(found):
        return None
    return found if found == 0 or SMALLEST < abs(found) < LARGEST else None


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_rounded_once(name, order):
    forward, function = FUNCTIONS[name]
    kernel = fused(completed(Activation(name=name, forward=forward)), order=order)
    x = some_inputs()
    found, ones = np.empty_like(x), np.ones_like(x)
    read = [x] if order == 0 else [x, ones]
    kernel(*(array.ctypes.data for array in (*read, found)), count=x.size)
    with mpmath.workdps(40):
        for value, got in zip(x.tolist(), found.tolist(), strict=True):
            exact = exact_at(function, mpmath.mpf(value), order)
            if exact is not None:
                unit = float(np.spacing(np.float32(abs(float(exact)))))
                assert abs(mpmath.mpf(got) - exact) <= 0.51 * unit, (value, got, exact)
