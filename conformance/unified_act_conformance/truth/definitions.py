"""What activations of several numbers are, from their definitions: rows, halves, weights, noise.

A definition takes the numbers that act on each other, a block, and returns what they come to. It is
written for jets (`jets`), whose Taylor series give every derivative, and is independent of
the library's own definitions. Where a branch ends, the constant, saturated or "off" one owns the
corner.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any

from flint import arb, arb_series, ctx

from unified_act_conformance.truth.jets import COEFFICIENTS, Jet, namespace
from unified_act_conformance.truth.record import (
    EVERYTHING,
    UNIT,
    Definition,
    Jets,
    Parameters,
    Record,
    fixed,
)
from unified_act_conformance.truth.thresholds import AMPLE, powered_gaps, powered_threshold

__all__ = ["RECORDS"]


def _number(value: float) -> Jet:
    return Jet(arb_series([arb(value)]))


ZERO, ONE = _number(0.0), _number(1.0)


def _total(numbers: Jets) -> Jet:
    return sum(numbers[1:], start=numbers[0])


def _relu(x: Jet) -> Jet:
    return x if x.value > 0 else ZERO


def _largest(numbers: Jets) -> int:
    return max(range(len(numbers)), key=lambda index: float(numbers[index].value))


# --- Along an axis ---


def _powers(numbers: Jets) -> list[Jet]:
    """Powers of e, divided by the largest of them."""
    top = namespace.stop_gradient(numbers[_largest(numbers)])
    return [namespace.exp(x - top) for x in numbers]


def _softmax(numbers: Jets, _: Parameters) -> list[Jet]:
    powers = _powers(numbers)
    total = _total(powers)
    return [power / total for power in powers]


def _log_softmax(numbers: Jets, _: Parameters) -> list[Jet]:
    powers = _powers(numbers)
    winner = _largest(numbers)
    others = powers[:winner] + powers[winner + 1 :]
    rest = namespace.log1p(_total(others) / powers[winner]) if others else ZERO
    return [x - numbers[winner] - rest for x in numbers]


def _softmin(numbers: Jets, parameters: Parameters) -> list[Jet]:
    return _softmax([-x for x in numbers], parameters)


def _masked_softmax(numbers: Jets, parameters: Parameters) -> list[Jet]:
    mask = parameters["mask"]
    counted = [x for x, counts in zip(numbers, mask, strict=True) if counts]
    shares = iter(_softmax(counted, parameters) if counted else [])
    return [next(shares) if counts else ZERO for counts in mask]


def _masked_log_softmax(numbers: Jets, parameters: Parameters) -> list[Jet]:
    mask = parameters["mask"]
    counted = [x for x, counts in zip(numbers, mask, strict=True) if counts]
    found = iter(_log_softmax(counted, parameters) if counted else [])
    return [next(found) if counts else _number(-math.inf) for counts in mask]


def _softmax_one(numbers: Jets, parameters: Parameters) -> list[Jet]:
    return _softmax([*numbers, ZERO], parameters)[:-1]


def _support(values: Sequence[float]) -> tuple[list[bool], bool]:
    """Who gets a share in sparsemax, in exact arithmetic; and whether somebody just does not."""
    exact = sorted(map(Fraction, values), reverse=True)
    sums = list(accumulate(exact))
    gains = [1 + (k + 1) * z - total for k, (z, total) in enumerate(zip(exact, sums, strict=True))]
    number = sum(gain > 0 for gain in gains)
    threshold = (sums[number - 1] - 1) / number
    return [Fraction(value) > threshold for value in values], 0 in gains


def _sparsemax(numbers: Jets, _: Parameters) -> list[Jet]:
    support, _tie = _support([float(x.value) for x in numbers])
    inside = [x for x, counts in zip(numbers, support, strict=True) if counts]
    threshold = (_total(inside) - 1.0) / float(len(inside))
    return [x - threshold if counts else ZERO for x, counts in zip(numbers, support, strict=True)]


def _sparsemax_settled(numbers: Sequence[float], _: Parameters, order: int) -> bool:
    return order == 0 or not _support(numbers)[1]


def _masked_sparsemax(numbers: Jets, parameters: Parameters) -> list[Jet]:
    mask = parameters["mask"]
    counted = [x for x, counts in zip(numbers, mask, strict=True) if counts]
    shares = iter(_sparsemax(counted, parameters) if counted else [])
    return [next(shares) if counts else ZERO for counts in mask]


def _masked_sparsemax_settled(numbers: Sequence[float], parameters: Parameters, order: int) -> bool:
    mask = parameters.get("mask") or (True,) * len(numbers)
    counted = [x for x, counts in zip(numbers, mask, strict=True) if counts]
    return not counted or _sparsemax_settled(counted, parameters, order)


def _entmax15(numbers: Jets, _: Parameters) -> list[Jet]:
    """The threshold solves a quadratic equation; who is above it is told in rational numbers."""
    support, _tie = _squared_support([float(x.value) for x in numbers])
    top = namespace.stop_gradient(numbers[_largest(numbers)])
    halves = [(x - top) * 0.5 for x in numbers]
    inside = [z for z, counts in zip(halves, support, strict=True) if counts]
    mean = _total(inside) / float(len(inside))
    left = 1.0 - _total([(z - mean) * (z - mean) for z in inside])
    threshold = mean - namespace.sqrt(left / float(len(inside)))
    roots = [z - threshold for z in halves]
    return [r * r if counts else ZERO for r, counts in zip(roots, support, strict=True)]


def _squared_support(values: Sequence[float]) -> tuple[list[bool], bool]:
    """Who gets a share in entmax15; and whether somebody just does not."""
    exact = [Fraction(value) / 2 for value in values]
    gaps = [1 - sum((other - z) ** 2 for other in exact if other > z) for z in exact]
    return [gap > 0 for gap in gaps], 0 in gaps


def _entmax15_settled(numbers: Sequence[float], _: Parameters, order: int) -> bool:
    return order < 2 or not _squared_support(numbers)[1]


def _entmax(numbers: Jets, parameters: Parameters) -> list[Jet]:
    alpha = parameters["alpha"]
    if alpha == 1.0:
        return _softmax(numbers, parameters)
    exponent = 1 / (arb(alpha) - 1)
    top = namespace.stop_gradient(numbers[_largest(numbers)])
    scaled = [(x - top) / Jet(arb_series([exponent])) for x in numbers]
    gaps = powered_gaps([z.value for z in scaled], exponent)
    if any(gap.contains(0) and gap != 0 for gap in gaps):  # not known at this precision
        return [Jet(arb_series([arb.nan()] * COEFFICIENTS)) for _ in numbers]
    support = [bool(gap > 0) for gap in gaps]
    inside = [z for z, counts in zip(scaled, support, strict=True) if counts]
    threshold = Jet(arb_series([powered_threshold([z.value for z in inside], exponent)]))
    power = Jet(arb_series([exponent]))
    for _ in range(2):  # each step of Newton's method doubles how many derivatives are right
        shares = [namespace.exp(namespace.log(z - threshold) * power) for z in inside]
        slopes = [share / (z - threshold) * power for z, share in zip(inside, shares, strict=True)]
        threshold = threshold + (_total(shares) - 1.0) / _total(slopes)
    shares = [namespace.exp(namespace.log(z - threshold) * power) for z in inside]
    found = iter(shares)
    return [next(found) if counts else ZERO for counts in support]


def _entmax_settled(numbers: Sequence[float], parameters: Parameters, order: int) -> bool:
    """The curvature is, unless somebody just does not get a share."""
    alpha = parameters["alpha"]
    if order < (1 if alpha == 2.0 else 2) or alpha == 1.0:
        return True
    top = max(numbers)
    with ctx.workprec(AMPLE):
        exponent = 1 / (arb(alpha) - 1)
        gaps = powered_gaps([(arb(x) - top) / exponent for x in numbers], exponent)
    return not any(gap.contains(0) for gap in gaps)


def _hardmax(numbers: Jets, _: Parameters) -> list[Jet]:
    winner = _largest(numbers)
    return [ONE if index == winner else ZERO for index in range(len(numbers))]


def _crelu(numbers: Jets, _: Parameters) -> list[Jet]:
    return [*(_relu(x) for x in numbers), *(_relu(-x) for x in numbers)]


def _parts(numbers: Sequence[Any], parameters: Parameters) -> list[Sequence[Any]]:
    """Those that compete with each other, for each unit."""
    units = len(numbers) // parameters["groups"]
    return [numbers[unit::units] for unit in range(units)]


def _maxout(numbers: Jets, parameters: Parameters) -> list[Jet]:
    return [rivals[_largest(rivals)] for rivals in _parts(numbers, parameters)]


# --- With weights ---


def _prelu(numbers: Jets, _: Parameters) -> list[Jet]:
    x, weight = numbers
    return [x if x.value > 0 else weight * x]


def _star_relu(numbers: Jets, _: Parameters) -> list[Jet]:
    x, scale, bias = numbers
    return [scale * _relu(x) * _relu(x) + bias]


def _tlu(numbers: Jets, _: Parameters) -> list[Jet]:
    x, tau = numbers
    return [x if x.value > tau.value else tau]


def _snake(numbers: Jets, _: Parameters) -> list[Jet]:
    x, alpha = numbers
    if alpha.value == 0:  # sin²(αx)/α = αx² - α³x⁴/3 + … , whose terms up to α³ are these
        square = alpha * x * x
        return [x + square - square * square * alpha / 3.0]
    sine = namespace.sin(alpha * x)
    return [x + sine * sine / alpha]


def _snake_beta(numbers: Jets, _: Parameters) -> list[Jet]:
    x, alpha, beta = numbers
    sine = namespace.sin(namespace.exp(alpha) * x)
    return [x + sine * sine * namespace.exp(-beta)]


def _xielu(numbers: Jets, parameters: Parameters) -> list[Jet]:
    x, alpha_p, alpha_n = numbers
    beta = parameters["beta"]
    if x.value > 0:
        return [alpha_p * x * x + beta * x]
    return [alpha_n * (namespace.expm1(x) - x) + beta * x]


def _silu_beta(numbers: Jets, _: Parameters) -> list[Jet]:
    x, beta = numbers
    return [x * namespace.sigmoid(beta * x)]


def _softplus_beta(numbers: Jets, _: Parameters) -> list[Jet]:
    x, beta = numbers
    z = beta * x
    if z.value > 0:  # e^z is beyond all numbers at the ends
        return [x + namespace.log1p(namespace.exp(-z)) / beta]
    return [namespace.log1p(namespace.exp(z)) / beta]


def _pelu(numbers: Jets, _: Parameters) -> list[Jet]:
    x, a, b = numbers
    return [a / b * x if x.value > 0 else a * namespace.expm1(x / b)]


def _srelu(numbers: Jets, _: Parameters) -> list[Jet]:
    x, t_left, a_left, t_right, a_right = numbers
    if x.value >= t_right.value:
        return [t_right + a_right * (x - t_right)]
    return [t_left + a_left * (x - t_left) if x.value <= t_left.value else x]


# --- Gated, and with noise ---


def _glu(numbers: Jets, _: Parameters) -> list[Jet]:
    value, gate = numbers
    return [value * namespace.sigmoid(gate)]


def _reglu(numbers: Jets, _: Parameters) -> list[Jet]:
    value, gate = numbers
    return [value * _relu(gate)]


def _geglu(numbers: Jets, _: Parameters) -> list[Jet]:
    value, gate = numbers
    root_half = namespace.sqrt(_number(0.5))
    return [value * gate * namespace.erfc(-gate * root_half) * 0.5]


def _swiglu(numbers: Jets, _: Parameters) -> list[Jet]:
    value, gate = numbers
    return [value * gate * namespace.sigmoid(gate)]


def _bilinear(numbers: Jets, _: Parameters) -> list[Jet]:
    value, gate = numbers
    return [value * gate]


def _geglu_tanh(numbers: Jets, _: Parameters) -> list[Jet]:
    value, gate = numbers
    steepness = namespace.sqrt(8.0 / namespace.pi)  # ½ (1 + tanh u) = sigmoid(2u)
    cubic = gate + gate * gate * gate * 0.044715
    return [value * gate * namespace.sigmoid(steepness * cubic)]


def _quick_geglu(numbers: Jets, _: Parameters) -> list[Jet]:
    value, gate = numbers
    return [value * gate * namespace.sigmoid(gate * 1.702)]


def _clamped_swiglu(numbers: Jets, parameters: Parameters) -> list[Jet]:
    value, gate = numbers
    limit = parameters["limit"]
    if gate.value >= limit:
        gate = _number(limit)
    if value.value >= limit:
        value = _number(limit)
    elif value.value <= -limit:
        value = _number(-limit)
    swish = gate * namespace.sigmoid(gate * parameters["alpha"])
    return [(value + parameters["offset"]) * swish]


def _clamped_settled(numbers: Sequence[float], parameters: Parameters, order: int) -> bool:
    value, gate = numbers
    return order < 2 or parameters["limit"] not in (gate, abs(value))


def _rrelu(numbers: Jets, parameters: Parameters) -> list[Jet]:
    lower, upper = _number(parameters["lower"]), _number(parameters["upper"])
    if len(numbers) == 1:
        (x,), slope = numbers, (lower + upper) * 0.5
    else:
        x, slope = numbers[0], lower + (upper - lower) * numbers[1]
    return [x if x.value > 0 else slope * x]


def _perturbed(numbers: Jets, parameters: Parameters) -> list[Jet]:
    """The logits with Gumbel noise, over the temperature."""
    half = len(numbers) // 2
    return [
        (x - namespace.log(-namespace.log(noise))) / parameters["tau"]
        for x, noise in zip(numbers[:half], numbers[half:], strict=True)
    ]


def _gumbel_softmax(numbers: Jets, parameters: Parameters) -> list[Jet]:
    return _softmax(_perturbed(numbers, parameters), parameters)


def _gumbel_value(numbers: Jets, parameters: Parameters) -> list[Jet]:
    of = _hardmax if parameters["hard"] else _softmax
    return of(_perturbed(numbers, parameters), parameters)


def _gumbel_settled(numbers: Sequence[float], parameters: Parameters, order: int) -> bool:
    """A choice is, unless two logits are so close that their rounding decides."""
    if order > 0 or not parameters["hard"]:
        return True
    half = len(numbers) // 2
    logits = [
        x - math.log(-math.log(noise))
        for x, noise in zip(numbers[:half], numbers[half:], strict=True)
    ]
    first, *rest = sorted(logits, reverse=True)
    return not rest or first - rest[0] > 1e-2 * (1.0 + abs(first))


def _turns(numbers: Sequence[float], _: Parameters, order: int) -> bool:
    """The wave is, unless one step of the input is more than many turns."""
    x, frequency = numbers[0], numbers[1]
    return order < 2 or abs(x) * max(abs(frequency), math.exp(frequency)) < 2.0**60


def _off_0(*places: int) -> Callable[[Sequence[float], Parameters, int], bool]:
    """Settled unless one of these numbers is 0, where the second derivative jumps; all if none."""

    def settled(numbers: Sequence[float], _: Parameters, order: int) -> bool:
        asked = [numbers[place] for place in places] or numbers
        return order < 2 or 0.0 not in asked

    return settled


def _tlu_settled(numbers: Sequence[float], _: Parameters, order: int) -> bool:
    return order < 2 or numbers[0] != numbers[1]


def _srelu_settled(numbers: Sequence[float], _: Parameters, order: int) -> bool:
    x, t_left, _a_left, t_right, _a_right = numbers
    return order < 2 or x not in (t_left, t_right)


def _no_ties(numbers: Sequence[float], parameters: Parameters, order: int) -> bool:
    parts = _parts(numbers, parameters)
    return order < 2 or all(sorted(part)[-2:] != [max(part)] * 2 for part in parts)


RECORDS: tuple[Record, ...] = (
    Record("bilinear", definition=Definition(_bilinear), tier="exact"),
    Record(
        "clamped_swiglu",
        definition=Definition(_clamped_swiglu, _clamped_settled),
        variants=(
            {"interleaved": True},
            {"gate_first": False, "alpha": 1.0, "limit": 10.0, "offset": 0.0},
        ),
    ),
    Record("crelu", definition=Definition(_crelu, _off_0()), tier="exact"),
    Record(
        "entmax",
        definition=Definition(_entmax, _entmax_settled),
        tier="summed",
        variants=({"alpha": 1.0}, {"alpha": 1.1}, {"alpha": 1.7}, {"alpha": 2.0}, {"axis": 0}),
        shares="some",
    ),
    Record(
        "entmax15",
        definition=Definition(_entmax15, _entmax15_settled),
        tier="summed",
        variants=({"axis": 0},),
        shares="some",
    ),
    Record("geglu", definition=Definition(_geglu), variants=({"axis": 0},)),
    Record("geglu_tanh", definition=Definition(_geglu_tanh)),
    Record(
        "glu",
        definition=Definition(_glu),
        variants=({"gate_first": True}, {"axis": 0}, {"interleaved": True, "axis": 0}),
    ),
    Record(
        "gumbel_softmax",
        definition=Definition(_gumbel_softmax, _gumbel_settled, _gumbel_value),
        tier="summed",
        variants=({"tau": 0.7, "hard": True}, {"axis": 0}),
        shares="all",
        noise="chances",
    ),
    Record("hardmax", definition=Definition(_hardmax), tier="exact", shares="one"),
    Record(
        "log_softmax",
        definition=Definition(_log_softmax),
        tier="summed",
        variants=({"axis": 0},),
        ranges=fixed((-math.inf, 0.0), EVERYTHING),
    ),
    Record(
        "masked_log_softmax",
        definition=Definition(_masked_log_softmax, left_out=-math.inf),
        tier="summed",
        variants=({"axis": 0},),
        ranges=fixed((-math.inf, 0.0), EVERYTHING),
    ),
    Record(
        "masked_sparsemax",
        definition=Definition(_masked_sparsemax, _masked_sparsemax_settled),
        tier="summed",
        variants=({"axis": 0},),
        shares="some",
    ),
    Record("masked_softmax", definition=Definition(_masked_softmax), tier="summed", shares="all"),
    Record(
        "maxout",
        definition=Definition(_maxout, _no_ties),
        tier="exact",
        variants=({"groups": 2}, {"groups": 3, "axis": 0}),
    ),
    Record(
        "pelu",
        definition=Definition(_pelu, _off_0(0)),
        weights=((1.0, 0.5, 2.0, 0.3), (1.0, 2.0, 0.5, 1.7)),
        extreme_weights=(1e-3, 30.0),  # both are positive
    ),
    Record(
        "prelu",
        definition=Definition(_prelu, _off_0(0)),
        tier="exact",
        variants=({"axis": -1},),
        # Usual, degenerate, negative, above 1 and huge. None is tiny: its products would be
        # subnormal, and say more about flushing than about prelu.
        weights=((0.25, 0.01, 1 / 3, 1.0, 0.0, -0.5, -1.0, 2.0, 1.7, 1e-3, math.inf),),
    ),
    Record("quick_geglu", definition=Definition(_quick_geglu)),
    Record("reglu", definition=Definition(_reglu, _off_0(1)), tier="exact"),
    Record(
        "rrelu",
        definition=Definition(_rrelu, _off_0(0)),
        tier="drawn",
        variants=({"training": True},),
        noise="slopes",
    ),
    Record(
        "silu_beta",
        definition=Definition(_silu_beta),
        variants=({"axis": -1},),
        weights=((1.0, 0.5, -0.7, 5.0, -20.0, 0.0),),
    ),
    Record(
        "snake",
        definition=Definition(_snake, _turns),
        variants=({"axis": -1},),
        weights=((1.0, 0.5, -0.7, 5.0, 20.0, 0.0),),
    ),
    Record(
        "snake_beta",
        definition=Definition(_snake_beta, _turns),
        weights=((0.0, 1.0, -1.0, 2.0), (0.0, -0.5, 1.0, 0.3)),
        extreme_weights=(5.0, -5.0),  # they are exponents
    ),
    Record(
        "softmax",
        definition=Definition(_softmax),
        tier="summed",
        variants=({"axis": 0},),
        ranges=fixed(UNIT, EVERYTHING),
        shares="all",
    ),
    Record("softmax2d", definition=Definition(_softmax), tier="summed", shares="all"),
    Record(
        "softmax_one",
        definition=Definition(_softmax_one),
        tier="summed",
        variants=({"axis": 0},),
        ranges=fixed(UNIT, EVERYTHING),
    ),
    Record("softmin", definition=Definition(_softmin), tier="summed", shares="all"),
    Record(
        "softplus_beta",
        definition=Definition(_softplus_beta),
        variants=({"axis": -1},),
        weights=((1.0, 0.5, -0.7, 5.0, -20.0, 0.01),),
    ),
    Record(
        "sparsemax",
        definition=Definition(_sparsemax, _sparsemax_settled),
        tier="summed",
        variants=({"axis": 0},),
        shares="some",
    ),
    Record(
        "srelu",
        definition=Definition(_srelu, _srelu_settled),
        weights=(
            (0.0, -1.0, -0.5, 0.25),
            (0.2, 0.1, -0.3, 0.01),
            (1.0, 0.5, 2.0, 0.4),
            (1.0, 1.5, 0.3, 2.0),
        ),
    ),
    Record(
        "star_relu",
        definition=Definition(_star_relu, _off_0(0)),
        weights=((1.0, 0.8944, -2.0, 0.25), (0.0, -0.4472, 1.0, 3.0)),
    ),
    Record(
        "swiglu",
        definition=Definition(_swiglu),
        variants=({"gate_first": False}, {"interleaved": True}),
    ),
    Record(
        "tlu",
        definition=Definition(_tlu, _tlu_settled),
        tier="exact",
        weights=((0.0, -1.0, 0.5, 2.0),),
    ),
    Record(
        "xielu",
        definition=Definition(_xielu, _off_0(0)),
        variants=({"beta": 1.0},),
        weights=((0.8, 0.3, 2.0, 1.0), (0.8, 1.3, 0.1, 0.5)),
    ),
)
