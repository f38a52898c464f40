"""Exact values and vector-Jacobian products of softmax and log_softmax, for rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial

import numpy as np
from flint import arb
from numpy.typing import NDArray

from unified_act_conformance.truth.cache import keep
from unified_act_conformance.truth.elementwise import Reference, decide, reference_of, split

ROW_FUNCTIONS: tuple[str, ...] = ("softmax", "log_softmax")
"""The activations that `rows` knows."""

Doubles = NDArray[np.float64]


def rows(
    name: str,
    order: int,
    x: Doubles,
    cotangent: Doubles | None = None,
    *,
    half_ulp_x: Doubles,
    half_ulp_cotangent: Doubles | None = None,
) -> tuple[Reference, Doubles]:
    """Gives a row function, or its vector-Jacobian product, along the last axis.

    A row with a NaN or +inf, or with nothing but -inf, is NaN throughout.

    Args:
        name: `"softmax"` or `"log_softmax"`.
        order: 0 for the value, 1 for the product with `cotangent`.
        x: The inputs, two-dimensional.
        cotangent: The vectors of order 1, of the shape of `x`, finite.
        half_ulp_x: Half the spacing of the float type at each input.
        half_ulp_cotangent: The same for the cotangent, which is an input of order 1; left out, the
            cotangent is taken to be known exactly.

    Returns:
        The values, and for each the sum over all inputs of half ulp times the magnitude of the
        partial derivative: what half an ulp of change in every input can do to it.

    Raises:
        ValueError: For an unknown name or order, or an order 1 without a cotangent.
    """
    if name not in ROW_FUNCTIONS or order not in (0, 1):
        raise ValueError(f"no rows for {name!r} at order {order}")
    if order == 1 and cotangent is None:
        raise ValueError("order 1 needs a cotangent")
    weights = np.zeros_like(x) if cotangent is None else np.asarray(cotangent, np.float64)
    half_ulp_weights = np.zeros_like(x) if half_ulp_cotangent is None else half_ulp_cotangent

    exact = reference_of(*_parts(name, order, x, weights))
    slack = _slack(name, order, x, weights, half_x=half_ulp_x, half_weights=half_ulp_weights)
    return exact.reshape(x.shape), slack


@keep
def _parts(name: str, order: int, x: Doubles, weights: Doubles) -> tuple[Doubles, Doubles]:
    highs: list[float] = []
    lows: list[float] = []
    for row, row_weights in zip(x.tolist(), weights.tolist(), strict=True):
        row_highs, row_lows = _row(name, order, row, row_weights)
        highs += row_highs
        lows += row_lows
    return np.array(highs), np.array(lows)


def _row(
    name: str, order: int, row: list[float], weights: list[float]
) -> tuple[list[float], list[float]]:
    largest = max(row, default=0.0)
    if any(math.isnan(value) for value in row) or math.isinf(largest):
        return [math.nan] * len(row), [0.0] * len(row)
    function = _VALUES[name, order]

    @cache  # the same for all elements of the row
    def terms(precision: int) -> tuple[list[arb | None], list[arb]]:
        del precision  # already in force
        # Differences to the maximum, so that a tie with it is exactly e^0 = 1.
        shifted = [arb(value) - largest if math.isfinite(value) else None for value in row]
        return shifted, [arb(0) if value is None else value.exp() for value in shifted]

    def at(index: int, precision: int) -> arb:
        shifted, powers = terms(precision)
        return function(index, shifted, powers, weights)

    return split([decide(partial(at, index), lambda: 1.0) for index in range(len(row))])


_Row = Callable[[int, list["arb | None"], list[arb], list[float]], arb]


def _total(balls: list[arb]) -> arb:
    return sum(balls, arb(0))


def _softmax(index: int, _: list[arb | None], powers: list[arb], __: list[float]) -> arb:
    return powers[index] / _total(powers)


def _log_softmax(index: int, shifted: list[arb | None], powers: list[arb], _: list[float]) -> arb:
    # The maximum contributes the 1 of log1p, so that a clear winner's tiny value keeps its digits.
    winner = next(position for position, value in enumerate(shifted) if value == 0)
    others = _total(powers[:winner] + powers[winner + 1 :])
    own = shifted[index]
    return arb.neg_inf() if own is None else own - others.log1p()


def _softmax_product(
    index: int, _: list[arb | None], powers: list[arb], weights: list[float]
) -> arb:
    # Differences of the cotangent first: a constant one gives exactly 0.
    own = arb(weights[index])
    spread = _total([power * (own - weight) for power, weight in zip(powers, weights, strict=True)])
    return powers[index] * spread / _total(powers) ** 2


def _log_softmax_product(
    index: int, _: list[arb | None], powers: list[arb], weights: list[float]
) -> arb:
    total = _total(powers)
    total_weight = _total([arb(weight) for weight in weights])
    return (weights[index] * total - powers[index] * total_weight) / total


_VALUES: dict[tuple[str, int], _Row] = {
    ("softmax", 0): _softmax,
    ("log_softmax", 0): _log_softmax,
    ("softmax", 1): _softmax_product,
    ("log_softmax", 1): _log_softmax_product,
}


def _probabilities(x: Doubles) -> Doubles:
    with np.errstate(all="ignore"):
        powers: Doubles = np.exp(x - np.max(x, axis=-1, keepdims=True))
        total: Doubles = powers.sum(axis=-1, keepdims=True)
        return powers / total


def _slack(
    name: str, order: int, x: Doubles, weights: Doubles, *, half_x: Doubles, half_weights: Doubles
) -> Doubles:
    """Sums half an ulp of each input times the partial derivative by it, in plain doubles."""
    p = _probabilities(x)
    identity: Doubles = np.eye(p.shape[-1])
    # delta_ij - p_j, the derivative of log_softmax; 1 - p_i as the sum of the others, which is all
    # that is left of it for a clear winner.
    centre = np.where(identity == 1, (p @ (1 - identity))[:, :, np.newaxis], -p[:, np.newaxis, :])
    if order == 0:
        spread = _times(centre, half_x)
        return p * spread if name == "softmax" else spread
    if name == "softmax":
        offset = weights - np.sum(p * weights, axis=-1, keepdims=True)
        by_x = centre * offset[:, :, np.newaxis] - (p * offset)[:, np.newaxis, :]
        return p * (_times(by_x, half_x) + _times(centre, half_weights))
    total: Doubles = np.abs(np.sum(weights, axis=-1, keepdims=True))
    by_weights = identity - p[:, :, np.newaxis]
    return total * p * _times(centre, half_x) + _times(by_weights, half_weights)


def _times(matrices: Doubles, half_ulps: Doubles) -> Doubles:
    """Sums over the inputs; one that is not finite cannot change."""
    finite = np.where(np.isfinite(half_ulps), half_ulps, 0.0)
    return np.asarray(np.einsum("rij,rj->ri", np.abs(matrices), finite), dtype=np.float64)
