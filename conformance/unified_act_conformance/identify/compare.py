"""Compares a known activation with the results of an unknown one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance.identify.fit import Family
from unified_act_conformance.identify.probe import ORDINARY, WEIGHT, Sample

__all__ = ["Candidate", "Difference", "Match", "compare", "off"]

Doubles = NDArray[np.float64]

AT_KINK = 1e-5
"""How near to a kink, in relation to it, nothing is compared: neighbours there say enough."""


@dataclass(frozen=True)
class Difference:
    """The largest differences between two functions.

    Attributes:
        value: Of the values.
        value_at: The input where that is; NaN where an output is about many inputs.
        gradient: Of the gradients, kinks left out; NaN if one of the two has none.
        gradient_at: The input where that is.
    """

    value: float
    value_at: float
    gradient: float
    gradient_at: float

    def __str__(self) -> str:
        """Both, with the inputs."""
        if np.isnan(self.gradient):
            return f"value {off(self.value, self.value_at)}"
        gradient = off(self.gradient, self.gradient_at)
        return f"value {off(self.value, self.value_at)}, gradient {gradient}"


@dataclass(frozen=True)
class Match:
    """A known activation beside the unknown one.

    Attributes:
        activation: Its canonical name.
        parameters: Those that are not the defaults, weights among them.
        difference: How far it is off, for inputs up to 20.
    """

    activation: str
    parameters: Mapping[str, float | int]
    difference: Difference

    def __str__(self) -> str:
        """The call, as `get_activation` reads it."""
        given = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{self.activation}({given})" if given else self.activation


@dataclass(frozen=True)
class Candidate:
    """A known activation with the parameters that fit best.

    Attributes:
        family: The activation.
        values: Its free parameters.
        match: How it is told.
        error: The largest difference in value anywhere, in relation to values above 1.
        gradient_error: The same of the gradient; NaN if one of the two has none.
        overflow: Inputs beyond the ordinary where the unknown is not finite and this is.
    """

    family: Family
    values: tuple[float, ...]
    match: Match
    error: float
    gradient_error: float
    overflow: tuple[float, ...]

    @property
    def usual(self) -> bool:
        """Whether it is the activation as everybody knows it, with its default parameters."""
        return not self.match.parameters


@dataclass(frozen=True)
class _Gap:
    """Differences of outputs of one kind, flat.

    Attributes:
        plain: The differences.
        scaled: In relation to values above 1.
        about: The inputs.
    """

    plain: Doubles
    scaled: Doubles
    about: Doubles

    def largest(self) -> tuple[float, float]:
        """The largest at ordinary inputs, and where."""
        plain = np.where(np.abs(self.about) <= ORDINARY, self.plain, 0.0)
        plain = np.where(np.isnan(self.about), self.plain, plain)
        if not plain.size:
            return np.nan, np.nan
        worst = int(np.argmax(plain))
        return float(plain[worst]), float(self.about[worst]) if plain[worst] > 0 else np.nan


def off(difference: float, where: float) -> str:
    """Writes a difference and where it is.

    Args:
        difference: The difference.
        where: The input; NaN if that says nothing.
    """
    if not difference:
        return "equal"
    text = f"off by up to {difference:.2g}"
    return text if np.isnan(where) else f"{text} at x = {where:.4g}"


def compare(
    family: Family, values: tuple[float, ...], samples: Sequence[Sample], elementwise: bool
) -> Candidate:
    """Returns how far an activation is from some answers.

    Args:
        family: The activation.
        values: Its free parameters.
        samples: The answers.
        elementwise: Whether each output is about the input at its place.

    Raises:
        ValueError: Its outputs have another shape.
    """
    kinks = [k.at for k in family.activation.kinks(**family.parameters(values))]
    gaps, slopes, overflow = [], [], []
    for sample in samples:
        own = family.sample(values, sample.x, sample.cotangent)
        if own.value.shape != sample.value.shape:
            raise ValueError(f"{family.activation.name} gives another shape")
        blind = _near(sample.x, kinks) if elementwise else np.zeros(sample.x.shape, dtype=np.bool_)
        about = sample.x if elementwise else np.full(sample.value.shape, np.nan)
        lost = ~np.isfinite(sample.value) & np.isfinite(own.value) & (np.abs(about) > ORDINARY)
        overflow += about[lost].tolist()
        seen = ~lost & (np.True_ if blind.shape != lost.shape else ~blind)
        gaps.append(_gap(own.value, sample.value, about, seen))
        if own.gradient is not None and sample.gradient is not None:
            about = sample.x if elementwise else np.full(sample.x.shape, np.nan)
            seen = ~blind & (np.isfinite(sample.gradient) | ~(np.abs(about) > ORDINARY))
            slopes.append(_gap(own.gradient, sample.gradient, about, seen))
    value, slope = _joined(gaps), _joined(slopes)
    difference = Difference(*value.largest(), *slope.largest())
    return Candidate(
        family,
        values,
        Match(family.activation.name, _given(family, values), difference),
        float(np.max(value.scaled)),
        float(np.max(slope.scaled)) if slope.scaled.size else np.nan,
        tuple(overflow),
    )


def _near(x: Doubles, kinks: Sequence[float]) -> NDArray[np.bool_]:
    distance = np.abs(x[..., np.newaxis] - np.array(kinks))
    near: NDArray[np.bool_] = (distance < AT_KINK * (1.0 + np.abs(kinks))).any(axis=-1)
    return near


def _gap(own: Doubles, other: Doubles, about: Doubles, seen: NDArray[np.bool_]) -> _Gap:
    own, other, about = own[seen], other[seen], about[seen]
    with np.errstate(invalid="ignore"):
        plain = np.where(own == other, 0.0, np.abs(own - other))  # infinities may be equal
    plain = np.where(np.isnan(plain), np.inf, plain)
    scaled = plain / (1.0 + np.abs(np.where(np.isfinite(own), own, 0.0)))
    return _Gap(plain.ravel(), scaled.ravel(), about.ravel())


def _joined(gaps: Sequence[_Gap]) -> _Gap:
    nothing = np.zeros(0)
    parts = [*gaps, _Gap(nothing, nothing, nothing)]
    return _Gap(
        *(np.concatenate([getattr(g, n) for g in parts]) for n in ("plain", "scaled", "about"))
    )


def _given(family: Family, values: tuple[float, ...]) -> dict[str, float | int]:
    """The parameters that are not the defaults, and all weights."""
    defaults = {p.name: p.default for p in family.activation.parameters}
    given = {k: v for k, v in family.parameters(values).items() if v != defaults[k]}
    sought = values[len(values) - family.weights :] if family.weights else ()
    weights = (*sought, *(WEIGHT,) * family.given_weights)
    names = family.activation.inputs[1 : 1 + len(weights)]
    return given | dict(zip(names, weights, strict=True))
