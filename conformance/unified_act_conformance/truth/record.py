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
    """

    derivatives: tuple[Function, Function, Function, Function]
    kinks: tuple[float, ...] = ()


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
    """

    function: Callable[[Jets, Parameters], Sequence[Jet]]
    settled: Callable[[Sequence[float], Parameters, int], bool] = _always
    value: Callable[[Jets, Parameters], Sequence[Jet]] | None = None


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
    """One activation, as the suite knows it.

    Attributes:
        name: Its canonical name.
        formula: What builds its formula, given the parameters that differ from the defaults; of an
            elementwise activation.
        definition: What a block of numbers comes to; of an activation of any other kind.
        tier: Its tier in `judge/budgets.toml`.
        variants: Parameters that it is judged with besides the defaults, where there are any: other
            frameworks' defaults, and values that make a shortcut show. Factors are no float32
            numbers, so that it shows where one becomes that.
        ranges: ``ranges(**parameters)``: the smallest closed intervals that hold all values and all
            slopes, infinite where there is no bound; no output may leave them.
        crossings: Zeros of f', f'' and f''' other than 0, at the default parameters: inputs around
            them are tried.
        families: The families of activations that are taken for each other to which it belongs; a
            failure says so where the output is that of another member.
        family_parameters: With which parameters it is a member.
        weights: For each weight of a learned activation the values that it is tried with; those of
            one place go together. Infinity stands for a quarter of the type's largest number.
        shares: Which elements get a share of 1: ``"all"``, ``"some"``, or ``"one"``; empty if
            results are no shares.
        noise: What becomes of the noise of a stochastic activation: ``"chances"``, each element
            wins as often as softmax says; ``"slopes"``, evenly spread from `lower` to `upper`.
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
    shares: Literal["", "all", "some", "one"] = ""
    noise: Literal["", "chances", "slopes"] = ""
