"""Elementary functions for Inductor, in operations of which it makes vector code.

On a CPU it computes float64 in vectors too. float32 is computed there and rounded once, so that no
error has to be kept small. What PyTorch has for that is vector code for exp, but slow for erfc.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unified_act.special import Crossover, polynomial

__all__ = ["gelu", "in_double", "square_exp", "times_erfc"]

_OVER = (
    0.9999999999998432,
    1.8697753434903512,
    1.7165617722162643,
    0.9739588867814674,
    0.3653073421322662,
    0.09053042666491673,
    0.013831353174735325,
    0.001025929637514319,
)
_UNDER = (
    1.0,
    2.99815451055527,
    4.099616862622773,
    3.353979403354532,
    1.805621100874406,
    0.6597479829627558,
    0.16137021471981888,
    0.024515435098915267,
    0.001818412937639932,
)
"""exp(z²)·erfc(z) is the quotient of the two within 1.6e-13, for z from 0 to `_END`. Found by least
squares, with weights that grew where the error was largest. Every coefficient is positive, so that
nothing cancels."""
_END: Crossover = 28.5
"""exp(-z²) is 0 from here on in float64."""
_GELU_IS_ZERO: Crossover = 40.0
"""So is gelu of the negative."""


def in_double(x: Tensor) -> bool:
    """Whether a compiler is to compute a tensor in float64.

    Some other devices are slow in float64, or have none; and so has what an exported program runs
    on.
    """
    return (
        x.dtype == torch.float32
        and x.device.type == "cpu"
        and torch.compiler.is_compiling()
        and not torch.compiler.is_exporting()
    )


def gelu(x: Tensor) -> Tensor:
    """The input times the normal distribution function of it, for float32, rounded once."""
    wide = x.double().clamp_min(-_GELU_IS_ZERO)  # -inf · 0 would be NaN
    return (wide * 0.5 * _erfc(wide * -math.sqrt(0.5))).to(x.dtype)


def times_erfc(factor: Tensor, z: Tensor) -> Tensor:
    """`factor` · erfc(z) for float32, rounded once."""
    return (factor.double() * _erfc(z.double())).to(z.dtype)


def _erfc(z: Tensor) -> Tensor:
    size = z.abs().clamp_max(_END)
    upper = polynomial(size, _OVER) / polynomial(size, _UNDER) * torch.exp(-size * size)
    return torch.where(z < 0.0, 2.0 - upper, upper)


def square_exp(factor: Tensor, z: Tensor) -> Tensor:
    """`factor` · exp(-z²) for float32, rounded once."""
    size = z.double().abs().clamp_max(_END)
    return (factor.double() * torch.exp(-size * size)).to(z.dtype)
