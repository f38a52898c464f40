"""What is written down about an activation: its formula, and what the suite should know of it.

A record stands beside the formula, in the file of its family. Only the name and the formula are
needed; what else is known of the activation sharpens what the suite can see.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from unified_act_conformance.truth.jets import Jet

__all__ = [
    "DEFAULT_TIER",
    "EVERYTHING",
    "UNIT",
    "Definition",
    "Formula",
    "Function",
    "Jets",
    "Number",
    "Parameters",
    "Range",
    "Record",
    "beyond",
    "everywhere",
    "fixed",
]

Number = Any
"""An `arb`, or an array of balls with the operators and methods of one."""
Function = Callable[[Number], Number]
Jets = Sequence[Jet]
Parameters = Mapping[str, Any]
Range = tuple[float, float]
Ranges = tuple[Range, Range]
"""The closed range of an activation, and that of its derivative."""

DEFAULT_TIER = "composed"
"""The tier of an activation whose record names none."""
EVERYTHING: Range = (-math.inf, math.inf)
UNIT: Range = (0.0, 1.0)


@dataclass(frozen=True)
class Formula:
    """An elementwise activation at one precision and one set of parameters.

    Attributes:
        derivatives: f, f', f'', f''' in that order; finite exact points in, balls out.
        kinks: Where one of the first three is not continuous.
        endless: Whether it goes up and down for ever, so that it has no limits.
    """

    derivatives: tuple[Function, Function, Function, Function]
    kinks: tuple[float, ...] = ()
    endless: bool = False


def _always(numbers: Sequence[float], parameters: Parameters, order: int) -> bool:
    del numbers, parameters, order
    return True


@dataclass(frozen=True)
class Definition:
    """An activation of several numbers.

    Attributes:
        function: ``function(numbers, parameters)``: the results of a block. A mask comes among the
            parameters, as ``mask``.
        settled: ``settled(numbers, parameters, order)``: whether a derivative of the block is
            specified; at a corner the second one is not.
        value: The value, where it is another function than the one that is differentiated.
        left_out: The value of an element that a mask leaves out.
    """

    function: Callable[[Jets, Parameters], Sequence[Jet]]
    settled: Callable[[Sequence[float], Parameters, int], bool] = _always
    value: Callable[[Jets, Parameters], Sequence[Jet]] | None = None
    left_out: float = 0.0


def fixed(value: Range, slope: Range) -> Callable[..., Ranges]:
    """Returns ranges that do not depend on the parameters.

    Args:
        value: The closed range of the activation.
        slope: That of its derivative.
    """
    return lambda **_: (value, slope)


everywhere = fixed(EVERYTHING, EVERYTHING)


def beyond(turning_point: float) -> float:
    """Moves a bound that is reached by turning round, not by levelling off, away from 0 by an ulp.

    Sound arithmetic overshoots there by its usual error, so the judge must see a bound that is not
    a short binary fraction, and give it room.

    Args:
        turning_point: The bound.
    """
    return math.nextafter(turning_point, math.copysign(math.inf, turning_point))


@dataclass(frozen=True)
class Record:
    """The data of the suite about one activation.

    Attributes:
        name: The canonical name.
        formula: For an elementwise activation: a function that builds its exact formula from the
            parameters that differ from the defaults.
        definition: For an activation of any other kind: a function that computes the exact results
            for a block of numbers.
        tier: The name of the accuracy budget in `judge/budgets.toml`.
        variants: Further parameters to judge, besides the defaults: the defaults of other
            frameworks, and values for which a common shortcut is wrong. Factors are chosen so that
            rounding them to float32 is noticed.
        ranges: ``ranges(**parameters)`` returns the smallest closed intervals that contain all
            values and all slopes. No output may be outside. Without a bound the end is infinite.
        crossings: The zeros of f', f'' and f''' other than 0, for the default parameters. Inputs
            around them are judged.
        families: The groups of easily confused activations to which it belongs. If an output
            equals that of another member, the failure report names this member.
        family_parameters: The parameters with which it belongs to these groups.
        weights: For each weight of a learned activation, the values to judge. The first values of
            all weights are used together, then the second ones. Infinity stands for a quarter of
            the largest number of the type.
        extreme_weights: Small and large values of both signs, which any weight may have too.
        shares: The elements whose results are non-negative and add up to 1: ``"all"``, ``"some"``
            or ``"one"``; empty if results do not add up to 1.
        noise: The use of the noise in a stochastic activation. With ``"chances"`` each element is
            chosen with its softmax probability. With ``"slopes"`` slopes are uniformly distributed
            from `lower` to `upper`.
    """

    name: str
    formula: Callable[..., Formula] | None = None
    definition: Definition | None = None
    tier: str = DEFAULT_TIER
    variants: Sequence[Parameters] = ()
    ranges: Callable[..., Ranges] = everywhere
    crossings: tuple[float, ...] = ()
    families: Sequence[str] = ()
    family_parameters: Sequence[Parameters] = ({},)
    weights: Sequence[Sequence[float]] = ()
    extreme_weights: Sequence[float] = (1e-3, -1e-3, 30.0, -30.0)
    shares: Literal["", "all", "some", "one"] = ""
    noise: Literal["", "chances", "slopes"] = ""
