"""The error function, its complement and its inverse."""

from __future__ import annotations

import math
from typing import Any

from unified_act.special.choosing import Crossover, with_sign_of
from unified_act.special.exponential import GAUSSIAN_IS_ZERO, square_exp
from unified_act.special.namespaces import polynomial

__all__ = ["erf", "erfinv", "times_erfc"]

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
_NEAR: Crossover = 0.5
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


def times_erfc(xp: Any, factor: Any, z: Any) -> Any:
    """Returns factor·erfc(z), within 4 eps of relative error, also where erfc(z) is subnormal."""
    inside = xp.where(xp.abs(z) < _NEAR, z, 0.0)
    near = 1.0 - inside * polynomial(inside * inside, _Q)

    size = xp.abs(z)
    size = xp.where(size > GAUSSIAN_IS_ZERO, GAUSSIAN_IS_ZERO, size)
    y = (size - _K) / (size + _K)
    scaled = polynomial(y, _P) / (size + _M) * xp.where(z < 0.0, 1.0, factor)
    upper = square_exp(xp, scaled, size)
    far = xp.where(z < 0.0, factor * (2.0 - upper), upper)
    return xp.where(xp.abs(z) < _NEAR, factor * near, far)


def erf(xp: Any, x: Any) -> Any:
    """Error function."""
    size = xp.abs(x)
    near = size < _NEAR
    small = xp.where(near, size, 0.0)
    return with_sign_of(
        xp, x, xp.where(near, small * polynomial(small * small, _Q), 1.0 - xp.erfc(size))
    )


# By Wichura's algorithm AS 241 (Applied Statistics 37, 1988), which inverts the normal distribution
# within about 1e-16: a quotient of polynomials in the middle, and two in the tails.
_MIDDLE: Crossover = 0.85
_TAIL: Crossover = 5.0
_QUOTIENTS = {
    "middle": (
        (
            3.3871328727963666,
            133.14166789178438,
            1971.5909503065514,
            13731.693765509461,
            45921.95393154987,
            67265.7709270087,
            33430.57558358813,
            2509.0809287301227,
        ),
        (
            1.0,
            42.31333070160091,
            687.1870074920579,
            5394.196021424751,
            21213.794301586597,
            39307.89580009271,
            28729.085735721943,
            5226.495278852854,
        ),
    ),
    "tail": (
        (
            1.4234371107496835,
            4.630337846156546,
            5.769497221460691,
            3.6478483247632045,
            1.2704582524523684,
            0.2417807251774506,
            0.022723844989269184,
            0.0007745450142783414,
        ),
        (
            1.0,
            2.053191626637759,
            1.6763848301838038,
            0.6897673349851,
            0.14810397642748008,
            0.015198666563616457,
            0.0005475938084995345,
            1.0507500716444169e-09,
        ),
    ),
    "far tail": (
        (
            6.657904643501103,
            5.463784911164114,
            1.7848265399172913,
            0.29656057182850487,
            0.026532189526576124,
            0.0012426609473880784,
            2.7115555687434876e-05,
            2.0103343992922881e-07,
        ),
        (
            1.0,
            0.599832206555888,
            0.1369298809227358,
            0.014875361290850615,
            0.0007868691311456133,
            1.8463183175100548e-05,
            1.421511758316446e-07,
            2.0442631033899397e-15,
        ),
    ),
}


def erfinv(xp: Any, x: Any) -> Any:
    """Inverse error function: infinite at ±1, NaN beyond."""
    size = xp.abs(x)
    middle = size <= _MIDDLE
    inside = xp.where(middle, size, 0.0) * 0.5
    near = inside * _quotient("middle", 0.180625 - inside * inside)
    root = xp.sqrt(-xp.log((1.0 - xp.where(middle, _MIDDLE, size)) * 0.5))
    far = root > _TAIL
    close = _quotient("tail", xp.where(far, _TAIL, root) - 1.6)
    end = -root == -math.inf
    beyond = _quotient("far tail", xp.where(far, xp.where(end, _TAIL, root), _TAIL) - 5.0)
    tail = xp.where(end, root, xp.where(far, beyond, close))
    return with_sign_of(xp, x, xp.where(middle, near, tail) * math.sqrt(0.5))


def _quotient(name: str, x: Any) -> Any:
    above, below = _QUOTIENTS[name]
    return polynomial(x, above) / polynomial(x, below)
