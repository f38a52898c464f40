"""The polynomials of the elementary functions.

Each interpolates its function at the Chebyshev nodes of an interval. A test derives the
coefficients again in arbitrary precision. Those whose names end in ``_FULL`` are for float64, the
others for float32, where a relative error of 2⁻³¹ is enough.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "ATAN",
    "ERFC",
    "EXPM1",
    "EXPM1_FULL",
    "LOG1P",
    "LOG1P_FULL",
    "LOG1P_OF_SHARE",
    "SIN",
    "SIN_FULL",
    "Polynomial",
]


class Polynomial(NamedTuple):
    """A polynomial.

    Attributes:
        low: The left end of the interval in which it interpolates.
        high: The right end.
        coefficients: From the lowest power on.
    """

    low: float
    high: float
    coefficients: tuple[float, ...]


ATAN = Polynomial(
    0.0,
    0.1717,
    (
        0.9999999999782941,
        -0.333333320925389,
        0.1999988346566031,
        -0.14281577905250847,
        0.1104035418385071,
        -0.08455426503962427,
        0.04705729588523701,
    ),
)
"""atan(w)/w in w², for |w| ≤ tan(π/8) and a little more."""

EXPM1 = Polynomial(
    -0.3466,
    0.3466,
    (
        1.0,
        0.5000000047139321,
        0.16666666719021456,
        0.04166635280102047,
        0.008333298473121765,
        0.0013941116406063054,
        0.00019899282811157944,
    ),
)
"""expm1(r)/r, for |r| ≤ ln(2)/2 and a little more."""

EXPM1_FULL = Polynomial(
    -0.3466,
    0.3466,
    (
        1.0,
        0.5,
        0.1666666666666668,
        0.04166666666666668,
        0.008333333333319592,
        0.0013888888888879075,
        0.00019841269890069431,
        2.480158733643726e-05,
        2.7557240894691074e-06,
        2.755726328441651e-07,
        2.5110046444457486e-08,
        2.0918135766484712e-09,
    ),
)
"""The same."""

LOG1P = Polynomial(
    0.0,
    0.0295,
    (
        2.00000000000845,
        0.6666666523515579,
        0.4000038718742205,
        0.2853489153226327,
        0.2361945488277656,
    ),
)
"""2 atanh(s)/s in s², with s = f/(2 + f), for 1 + f from √½ to √2."""

LOG1P_FULL = Polynomial(
    0.0,
    0.0295,
    (
        0.6666666666666666,
        0.4000000000000089,
        0.2857142857079543,
        0.2222222239356661,
        0.18181795442371984,
        0.1538625044794019,
        0.13268485680654427,
        0.13089629160674623,
    ),
)
"""(2 atanh(s) - 2s)/s³ in s², likewise."""

LOG1P_OF_SHARE = Polynomial(
    0.0,
    0.1112,
    (
        1.999999999808039,
        0.6666667907905518,
        0.39998706801893835,
        0.28620335952814707,
        0.2139706839047826,
        0.24399891129593615,
    ),
)
"""2 atanh(s)/s in s², with s = f/(2 + f), for f from -½ to 1."""

SIN = Polynomial(
    0.0,
    2.4706,
    (
        0.9999999999999492,
        -0.1666666666646512,
        0.00833333332027455,
        -0.00019841266666845636,
        2.7556951499902046e-06,
        -2.5030212246618508e-08,
        1.5410395996085006e-10,
    ),
)
"""sin(r)/r in r², for |r| ≤ π/2 and a little more."""

SIN_FULL = Polynomial(
    0.0,
    2.4706,
    (
        1.0,
        -0.16666666666666666,
        0.008333333333333186,
        -0.000198412698412082,
        2.755731921114712e-06,
        -2.5052106882849777e-08,
        1.6058940480598864e-10,
        -7.643015933670878e-13,
        2.721460204837272e-15,
    ),
)
"""The same."""

ERFC = Polynomial(
    -1.0,
    0.6717,
    (
        1.0651415295477693,
        -0.8477970069644732,
        0.5266003630432825,
        -0.2419564169142301,
        0.07062955614408184,
        -0.0046269831190376715,
        -0.0056826085416212474,
        0.0017146479079745136,
        0.00045238814908815954,
        -0.0002749533138477975,
        -5.7343577359876274e-05,
        3.6708569569528885e-05,
        1.2111419309070334e-05,
    ),
)
"""exp(z²)·erfc(z)·(z + 2.75) in y = (z - 2.75)/(z + 2.75), for z from 0 to 14."""
