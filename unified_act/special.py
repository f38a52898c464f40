"""Special functions for frameworks that lack them, written with other namespace functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

__all__ = [
    "expm1",
    "is_wide",
    "log1p",
    "own",
    "polynomial",
    "square_exp",
    "times_erfc",
    "variant_of",
]

# erfc(z) = exp(-z²) · P(y) / (z + M) for z ≥ 0, with y = (z - K)/(z + K) in [-1, 1): the map of
# Schonfelder (Math. Comp. 32, 1978). M makes P nearly constant, so that the rounding of y hardly
# matters. P is the Chebyshev interpolant of exp(z²)·erfc(z)·(z + M) at 64 nodes, cut where its
# terms fall below 6e-18 and written in powers of y, lowest first. tests/test_special.py derives it
# again in arbitrary precision.
_K, _M = 3.5, 0.5
_P = (
    0.6211746224355772,
    -0.07000459006880985,
    -0.0052777981661108345,
    0.04875954757664353,
    -0.05754479908001538,
    0.04399157691201839,
    -0.024411662915442008,
    0.009549665476635584,
    -0.002107509939887094,
    -0.00015113397671666777,
    0.0002821921334352597,
    -6.075606045987617e-05,
    -2.1390869979782947e-05,
    1.2130150492394287e-05,
    1.1636654769128481e-06,
    -1.9070062921332564e-06,
    -2.1546187018106818e-08,
    3.007411923716937e-07,
    -4.305785767053996e-09,
    -4.8200212569033805e-08,
    3.325947119362576e-10,
    6.812221354309319e-09,
    3.0201951680095096e-11,
    -5.828343884363119e-10,
)

# erf(z) = z · Q(z²) for |z| ≤ ½, where erfc by the above would have more rounding errors, from the
# Chebyshev interpolant of erf(√w)/√w in w on [0, ¼], cut below 1e-17.
_NEAR = 0.5
_Q = (
    1.1283791670955126,
    -0.37612638903183476,
    0.11283791670925457,
    -0.026866170632921085,
    0.005223977373542183,
    -0.0008548297798086192,
    0.00012053337222877719,
    -1.4845900896375835e-05,
    1.4726381680017032e-06,
)
_ZERO_FROM = 30.0
"""exp(-z²) is 0 from here on in every dtype."""

_SMALL = 0.5
_EXPM1 = tuple(1.0 / math.factorial(k + 2) for k in range(13))
"""(e^x - 1 - x)/x² for |x| ≤ ½, by its series: the next term is below 4e-17 of e^x - 1."""


def is_wide(xp: Any) -> bool:
    """Whether a namespace computes in a type much wider than that of the arrays.

    So do the kernels for float32, which compute in float64: nothing of float32 is subnormal there,
    and no error has to be kept small.
    """
    return getattr(xp, "wide", False) is True


def own(xp: Any, name: str) -> Any:
    """Returns a function of the namespace itself for a composition of this name, or None.

    It takes what the composition takes after `xp`.
    """
    found = getattr(xp, "own", None)
    return None if found is None else found.get(name)


def expm1(xp: Any, x: Any) -> Any:
    """Returns exp(x) - 1, accurate near 0."""
    near = xp.abs(x) < _SMALL
    small = xp.where(near, x, 0.0)
    series = small + small * small * polynomial(small, _EXPM1)
    series = xp.where(small == 0.0, small, series)  # which has the sign of x
    return xp.where(near, series, xp.exp(x) - 1.0)


def log1p(xp: Any, x: Any) -> Any:
    """Returns log(1 + x), accurate near 0."""
    total = x + 1.0
    lost = x - (total - 1.0)  # in the rounding of the sum, exactly; NaN where that is infinite
    correction = xp.where(xp.abs(lost) > 0.0, lost / total, 0.0)
    return xp.where(total == 1.0, x, xp.log(total) + correction)


def square_exp(xp: Any, factor: Any, z: Any) -> Any:
    """Returns factor·exp(-z²) for |z| ≤ 32, without the error of rounding z².

    The exponent is the square of z rounded to sixteenths, which is exact, and a small rest. The
    factor of the square is applied last. If it could be subnormal, it is applied as two factors,
    so that a subnormal result is rounded only once, at the end.
    """
    quick = own(xp, "square_exp")
    if quick is not None:
        return quick(factor, z)
    if is_wide(xp):
        return factor * xp.exp(-(z * z))
    cut = xp.floor(z * 16.0 + 0.5) * 0.0625
    square = cut * cut
    tiny = square > 64.0
    power = xp.exp(xp.where(tiny, square * -0.5, -square))
    factor = factor + factor * xp.expm1((cut - z) * (cut + z))
    return factor * power * xp.where(tiny, power, 1.0)


def times_erfc(xp: Any, factor: Any, z: Any) -> Any:
    """Returns factor·erfc(z), within 4 eps of relative error, also where erfc(z) is subnormal."""
    inside = xp.where(xp.abs(z) < _NEAR, z, 0.0)
    near = 1.0 - inside * polynomial(inside * inside, _Q)

    size = xp.abs(z)
    size = xp.where(size > _ZERO_FROM, _ZERO_FROM, size)
    y = (size - _K) / (size + _K)
    scaled = polynomial(y, _P) / (size + _M) * xp.where(z < 0.0, 1.0, factor)
    upper = square_exp(xp, scaled, size)
    far = xp.where(z < 0.0, factor * (2.0 - upper), upper)
    return xp.where(xp.abs(z) < _NEAR, factor * near, far)


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Returns the polynomial with these coefficients, lowest first, by Horner's rule."""
    result = x * coefficients[-1] + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        result = result * x + coefficient
    return result


def variant_of(namespace: Any) -> SimpleNamespace:
    """Returns a copy of a namespace whose functions can be replaced.

    Its `erfc` and `times_erfc` are those of this module. They call the functions of the copy.
    """
    from unified_act.backend import Namespace  # here, since the catalogue does not need it

    names = [name for name in vars(Namespace) if not name.startswith("_")]
    xp = SimpleNamespace(**{name: getattr(namespace, name) for name in names})
    xp.times_erfc = lambda factor, x: times_erfc(xp, factor, x)
    xp.erfc = lambda x: times_erfc(xp, xp.full_like(x, 1.0), x)
    return xp
