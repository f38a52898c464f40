"""Activations of recent papers that the catalogue does not have, each written as in its paper.

No derivative is given: the first and second are derived from each function. docs/gallery.md shows
them and says what they were tried with. Once this module is imported, they are there by name, on
every framework:

>>> import numpy as np
>>> import unified_act as ua
>>> import examples.gallery
>>> golu = ua.get_activation("golu", backend="numpy")
>>> ua.value_and_grad(golu, np.array([0.0, 2.0]))
(array([0.        , 1.74684604]), array([0.36787944, 1.10983292]))
"""

from __future__ import annotations

from typing import Any

import unified_act as ua

__all__ = [
    "asu",
    "b_silu",
    "derf",
    "drelu",
    "dyt",
    "golu",
    "hosc",
    "plu",
    "repu",
    "smu",
    "ssmax",
    "symlog",
]


@ua.register_activation(
    "golu",
    formula=r"x e^{-e^{-x}}",
    summary="Gompertz linear unit, whose gate is not symmetric.",
    source="Das et al. 2025, arXiv:2502.03654",
)
def golu(xp: Any, x: Any) -> Any:
    return x * xp.exp(-xp.exp(-x))


@ua.register_activation(
    "b_silu",
    parameters={"alpha": 1.67},
    formula=r"(x + \alpha) \sigma(x) - \frac{\alpha}{2}",
    summary="Bounded sigmoid linear unit, the surrogate of relu in SUGAR.",
    source="Horuz et al. 2025, arXiv:2505.22074",
)
def b_silu(xp: Any, x: Any, *, alpha: float) -> Any:
    # σ(x) - ½ is tanh(x/2)/2, and does not cancel at 0.
    return x * xp.sigmoid(x) + alpha / 2 * xp.tanh(x / 2)


@ua.register_activation(
    "smu",
    parameters=[ua.Parameter("alpha", 0.25, low=0.0, high=1.0), ua.Parameter("mu", 1.0, low=0.0)],
    formula=r"\frac{(1 + \alpha) x + (1 - \alpha) x \operatorname{erf}(\mu (1 - \alpha) x)}{2}",
    summary="Smooth maximum unit, a leaky relu without a kink.",
    source="Biswas et al. 2021, arXiv:2111.04682",
)
def smu(xp: Any, x: Any, *, alpha: float, mu: float) -> Any:
    # 1 + erf(z) is erfc(-z), and does not cancel.
    slope = 1.0 - alpha
    return x * (alpha + slope * xp.erfc(-mu * slope * x) / 2)


@ua.register_activation(
    "symlog",
    formula=r"\operatorname{sign}(x) \ln(1 + |x|)",
    summary="Symmetric logarithm of DreamerV3.",
    source="Hafner et al. 2023, arXiv:2301.04104",
)
def symlog(xp: Any, x: Any) -> Any:
    size = xp.where(x > 0.0, x, -x)
    return xp.where(x > 0.0, xp.log1p(size), -xp.log1p(size))


@ua.register_activation(
    "hosc",
    parameters={"beta": 2.0, "omega": 1.0},
    formula=r"\tanh(\beta \sin(\omega x))",
    summary="Hyperbolic oscillator with saturation control, for implicit neural representations.",
    source="Wlodarczyk, Serrano & Musialski 2026, arXiv:2601.07870",
)
def hosc(xp: Any, x: Any, *, beta: float, omega: float) -> Any:
    return xp.tanh(beta * xp.sin(omega * x))


@ua.register_activation(
    "asu",
    formula=r"x \sin(x)",
    summary="Amplifying sine unit.",
    source="Rahman et al. 2023, arXiv:2304.09759",
)
def asu(xp: Any, x: Any) -> Any:
    return x * xp.sin(x)


@ua.register_activation(
    "plu",
    parameters={"alpha": 0.1, "c": 1.0},
    kinks=lambda alpha, c: (ua.Kink(-c, alpha), ua.Kink(c, alpha)),
    formula=r"\max(\alpha (x + c) - c, \min(\alpha (x - c) + c, x))",
    summary="Piecewise linear unit, a tanh of three lines.",
    source="Nicolae 2018, arXiv:1809.09534",
)
def plu(xp: Any, x: Any, *, alpha: float, c: float) -> Any:
    return xp.maximum(xp.minimum(x, alpha * (x - c) + c), alpha * (x + c) - c)


@ua.register_activation(
    "repu",
    parameters=[ua.Parameter("power", 3.0, low=1.0)],
    formula=r"\max(0, x)^s",
    summary="Rectified power unit.",
    source="Li, Tang & Yu 2019, arXiv:1903.05858",
)
def repu(xp: Any, x: Any, *, power: float) -> Any:
    return xp.maximum(x, 0.0) ** power


@ua.register_activation(
    "dyt",
    kind="learned",
    inputs=("x", "alpha", "gamma", "beta"),
    initial={"alpha": 0.5, "gamma": 1.0, "beta": 0.0},
    parameters={"axis": -1},
    formula=r"\gamma \tanh(\alpha x) + \beta",
    summary="Dynamic tanh, in the place of a normalization.",
    source="Zhu et al. 2025, arXiv:2503.10622",
)
def dyt(xp: Any, x: Any, alpha: Any, gamma: Any, beta: Any) -> Any:
    return gamma * xp.tanh(alpha * x) + beta


@ua.register_activation(
    "derf",
    kind="learned",
    inputs=("x", "alpha", "shift", "gamma", "beta"),
    initial={"alpha": 0.5, "shift": 0.0, "gamma": 1.0, "beta": 0.0},
    parameters={"axis": -1},
    formula=r"\gamma \operatorname{erf}(\alpha x + s) + \beta",
    summary="Dynamic erf, in the place of a normalization.",
    source="Chen et al. 2025, arXiv:2512.10938",
)
def derf(xp: Any, x: Any, alpha: Any, shift: Any, gamma: Any, beta: Any) -> Any:
    return gamma * xp.erf(alpha * x + shift) + beta


@ua.register_activation(
    "drelu",
    kind="gated",
    parameters={"axis": -1, "gate_first": True},
    formula=r"\max(0, a) \cdot \max(0, b)",
    summary="Relu of both halves, which makes them sparse.",
    source="Song et al. 2024, arXiv:2406.05955",
)
def drelu(xp: Any, value: Any, gate: Any) -> Any:
    return xp.maximum(value, 0.0) * xp.maximum(gate, 0.0)


@ua.register_activation(
    "ssmax",
    kind="axis",
    parameters=[ua.Parameter("scale", 0.43, low=0.0), ua.Parameter("axis", -1)],
    formula=r"\frac{n^{s x_i}}{\sum_{j=1}^n n^{s x_j}}",
    summary="Scalable softmax, which does not fade in long contexts.",
    source="Nakanishi 2025, arXiv:2501.19399",
)
def ssmax(xp: Any, x: Any, *, scale: float, axis: int) -> Any:
    length = xp.sum(xp.full_like(x, 1.0), axis=axis)
    shares = xp.exp((x - xp.max(x, axis=axis)) * xp.log(length) * scale)
    return shares / xp.sum(shares, axis=axis)
