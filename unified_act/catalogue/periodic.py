"""Activations that go up and down for ever."""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Limits
from unified_act.catalogue._common import NONE

__all__ = ["ACTIVATIONS"]


def _sin(xp: Any, x: Any) -> Any:
    return xp.sin(x)


def _gcu(xp: Any, x: Any) -> Any:
    return x * xp.cos(x)


ACTIVATIONS = (
    Activation(
        name="sin",
        forward=_sin,
        aliases=("sine",),
        limits=lambda: Limits((NONE, NONE), (NONE, NONE)),
        formula=r"\sin x",
        summary="Sine, the activation of SIREN.",
        source="Sitzmann, Martel, Bergman, Lindell & Wetzstein 2020, arXiv:2006.09661",
    ),
    Activation(
        name="gcu",
        forward=_gcu,
        aliases=("growing_cosine_unit",),
        limits=lambda: Limits((NONE, NONE), (NONE, NONE)),
        formula=r"x \cdot \cos x",
        summary="Growing cosine unit: the input times its cosine.",
        source="Noel, Arunkumar, Trivedi & Dutta 2021, arXiv:2108.12943",
    ),
)
