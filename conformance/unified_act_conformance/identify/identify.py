"""Identifies a callable by its values and gradients on a grid."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

import unified_act as ua
from unified_act.loading import computing_backend, list_backends, load_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.identify.compare import Candidate, Difference, Match, compare, off
from unified_act_conformance.identify.fit import ROUND, Family, clues, families, fit
from unified_act_conformance.identify.probe import (
    FOUR,
    Sample,
    Unknown,
    backend_of_callable,
    block,
    grid,
)

__all__ = ["Difference", "Identification", "Match", "identify"]

First = Literal["all", "usual", "weight"]
Verdict = Literal["same", "same value, gradient unknown", "wrong gradient", "nothing known"]

TOLERANCE = {"float64": 2e-6, "float32": 1e-5}
"""Relative differences, absolute below 1, that pass; MXNet computes some of float64 in float32."""
NOISE = {"float64": 5e-8, "float32": 1e-6}
"""Relative differences that mean nothing to the choice of a parameter."""
GRADIENT_FACTOR = 10.0
CONSTANT = 1e-6
"""What varies by less than this may be anything that was cut off."""
NEAREST = 4
HEADLINES: Mapping[Verdict, str] = {
    "same": "same value and gradient",
    "same value, gradient unknown": "same value; it has no gradient to compare",
    "wrong gradient": "same value, but ANOTHER GRADIENT",
    "nothing known": "nothing known",
}


@dataclass(frozen=True)
class Identification:
    """What a callable was found to be.

    Attributes:
        backend: The framework in which it was asked.
        verdict: ``"same"`` in value and gradient; ``"same value, gradient unknown"``;
            ``"wrong gradient"``: the value only; or ``"nothing known"``.
        match: What it is: of several equal ones, the one with the fewest parameters.
        equal: Others that cannot be told from it at any input that was tried.
        nearest: What it is not, the nearest first.
        differences: How far it is from `match`, in each float type that it takes.
        notes: What else was seen.
    """

    backend: str
    verdict: Verdict
    match: Match | None = None
    equal: tuple[Match, ...] = ()
    nearest: tuple[Match, ...] = ()
    differences: Mapping[str, Difference] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether its values are those of a known activation."""
        return self.match is not None

    def __str__(self) -> str:
        """What it is, how far off, what it is not, and by how much."""
        lines = [f"{self.match or 'a callable'} on {self.backend}: {HEADLINES[self.verdict]}"]
        lines += [f"  {dtype:<10} {difference}" for dtype, difference in self.differences.items()]
        lines += [f"  equal here {match}" for match in self.equal]
        lines += [
            f"  not        {match}: {off(match.difference.value, match.difference.value_at)}"
            for match in self.nearest
        ]
        lines += [f"  note       {note}" for note in self.notes]
        return "\n".join(lines)


@dataclass(frozen=True)
class _Asked:
    """What the unknown answered, and what follows from it.

    Attributes:
        samples: Its answers.
        dtype: The float type.
        starts: Numbers that its parameters may be.
        elementwise: Whether each output is about the input at its place.
    """

    samples: Sequence[Sample]
    dtype: str
    starts: Sequence[float]
    elementwise: bool


def identify(
    function: Callable[..., Any], backend: str | None = None, *, first: First = "all"
) -> Identification:
    """Says which activation a callable is, by its values and gradients.

    Args:
        function: Takes an array of its framework and returns one.
        backend: Its framework; default: that of the module which defines it.
        first: What is tried first: everything; the ``"usual"`` activations, with their default
            parameters and then those with a single one; or those with a single parameter or
            ``"weight"``. If one of these is it, nothing else is tried. That is quicker, and leaves
            out some that are equal.

    Raises:
        unified_act.InputTypeError: It is no callable.
        unified_act.UnknownBackendError: The framework cannot be told.
        unified_act.UnsupportedError: The callable fails on every array that was tried.
    """
    unknown = Unknown(function, _backend(function, backend))
    if not unknown.is_deterministic():
        note = "two calls with the same input differ: it is random, or in training mode"
        return Identification(unknown.backend, "nothing known", notes=(note,))
    dtype = unknown.dtypes[0]
    elementwise = unknown.is_elementwise()
    found: list[Candidate] = []
    passing: list[Candidate] = []
    before = None
    for fitted, chosen in STAGES[first]:
        if fitted is not before:
            asked = _points(unknown, dtype, fitted) if elementwise else _blocks(unknown, dtype)
            if np.ptp(np.nan_to_num(asked.samples[0].value)) < CONSTANT:
                return Identification(unknown.backend, "nothing known", notes=("it is constant",))
            found, before = [], fitted
        found += _candidates(unknown, asked, chosen, fitted=fitted)
        passing = [candidate for candidate in found if candidate.error <= TOLERANCE[dtype]]
        if passing:
            break
    equal = _one_each(sorted(passing, key=_complexity))
    if not equal:
        nearest = _nearest(found)
        return Identification(
            unknown.backend, "nothing known", nearest=nearest, notes=_faults(unknown)
        )
    # Of what is known it is clearer to say how far it is from the others as they usually are.
    usual = [candidate for candidate in found if candidate.usual and candidate not in passing]
    best = equal[0]
    return Identification(
        unknown.backend,
        _verdict(unknown, best, GRADIENT_FACTOR * TOLERANCE[dtype]),
        best.match,
        tuple(candidate.match for candidate in equal[1:]),
        _nearest(usual),
        _differences(unknown, best, asked),
        (*_faults(unknown), *_overflow(best), *_kinks(unknown, best, asked)),
    )


def _backend(function: Any, backend: str | None) -> str:
    if isinstance(function, type):
        raise ua.InputTypeError(f"{function.__qualname__} is a class: pass an instance of it.")
    if not callable(function):
        raise ua.InputTypeError(f"identify takes a callable, got {type(function).__name__}.")
    chosen = backend or backend_of_callable(function)
    if chosen is None:
        raise ua.UnknownBackendError(
            "the module that defines this callable does not show its framework: "
            f"pass backend=…, one of {', '.join(list_backends())}."
        )
    return load_backend(computing_backend(chosen)).name


def _points(unknown: Unknown, dtype: str, fitted: bool) -> _Asked:
    """Asks an elementwise function; where parameters are fitted, beside its bends too."""
    bends = unknown.bends(dtype) if fitted else []
    beside = [bend + side * 1e-4 * (1.0 + abs(bend)) for bend in bends for side in (-1, 1)]
    sample = unknown.at(np.unique([*grid(), *beside]), dtype)
    return _Asked([sample], dtype, clues(sample.x, sample, bends), elementwise=True)


def _again(unknown: Unknown, dtype: str, before: _Asked) -> _Asked:
    """Asks in a second type: an elementwise function at the same points."""
    if not before.elementwise:
        return _blocks(unknown, dtype)
    sample = unknown.at(before.samples[0].x, dtype)
    return _Asked([sample], dtype, before.starts, elementwise=True)


def _blocks(unknown: Unknown, dtype: str) -> _Asked:
    """Asks any other function, in two ranks if it takes both: that tells axis 1 from axis -2."""
    samples = [unknown.sample(block(unknown.shape), dtype)]
    # Whatever the framework says to what the callable does not take.
    with contextlib.suppress(Exception):
        samples.append(unknown.sample(block(FOUR), dtype))
    return _Asked(samples, dtype, ROUND, elementwise=False)


def _is_simple(family: Family) -> bool:
    return not family.weights and len(family.free) <= 1


def _has_one_number(family: Family) -> bool:
    return len(family.free) <= 1


STAGES: Mapping[First, Sequence[tuple[bool, Callable[[Family], bool]]]] = {
    "all": [(True, lambda _: True)],
    "usual": [
        (False, lambda family: not family.weights),
        (True, _is_simple),
        (True, lambda family: not _is_simple(family)),
    ],
    "weight": [(True, _has_one_number), (True, lambda family: not _has_one_number(family))],
}
"""Whether parameters are fitted, and of which activations, one after the other."""


def _candidates(
    unknown: Unknown, asked: _Asked, chosen: Callable[[Family], bool], *, fitted: bool
) -> Iterator[Candidate]:
    """Compares activations with the answers, their parameters fitted or not."""
    ndim = 0 if asked.elementwise else asked.samples[0].x.ndim
    for activation in ACTIVATIONS:
        pointwise = activation.kind.elementwise or bool(activation.weights)
        if pointwise and not asked.elementwise:
            continue
        # Another kind may have needs of its own, or give outputs of another shape; and of what has
        # no default there is nothing to compare with.
        ignored = ua.ParameterValueError if pointwise else Exception
        for family in filter(chosen, families(activation, range(-ndim, ndim), unknown.weights)):
            with contextlib.suppress(ignored):
                tried = [family.defaults]
                if fitted:
                    tried.insert(0, fit(family, asked.samples, asked.starts, NOISE[asked.dtype]))
                for values in dict.fromkeys(tried):
                    yield compare(family, values, asked.samples, asked.elementwise)


def _complexity(candidate: Candidate) -> tuple[Any, ...]:
    """What makes an explanation the less plain one; of equals, the shorter name comes first."""
    name = candidate.match.activation
    learned = candidate.family.weights > 0
    return learned, len(candidate.match.parameters), len(candidate.values), len(name), name


def _one_each(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The first of each activation."""
    first: dict[str, Candidate] = {}
    for candidate in candidates:
        first.setdefault(candidate.match.activation, candidate)
    return list(first.values())


def _nearest(found: Iterable[Candidate]) -> tuple[Match, ...]:
    by_distance = sorted(found, key=lambda c: (c.match.difference.value, _complexity(c)))
    return tuple(candidate.match for candidate in _one_each(by_distance)[:NEAREST])


def _verdict(unknown: Unknown, best: Candidate, tolerance: float) -> Verdict:
    if unknown.broken_gradient or best.gradient_error > tolerance:
        return "wrong gradient"
    return "same value, gradient unknown" if np.isnan(best.gradient_error) else "same"


def _differences(unknown: Unknown, best: Candidate, asked: _Asked) -> dict[str, Difference]:
    found = {asked.dtype: best.match.difference}
    for dtype in unknown.dtypes[1:]:
        again = _again(unknown, dtype, asked)
        compared = compare(best.family, best.values, again.samples, asked.elementwise)
        found[dtype] = compared.match.difference
    return found


def _faults(unknown: Unknown) -> tuple[str, ...]:
    text = unknown.missing_gradient
    return (f"no gradient: {text}",) if text else ()


def _overflow(best: Candidate) -> Iterator[str]:
    if best.overflow:
        where = ", ".join(f"{x:g}" for x in best.overflow)
        yield f"not finite at x = {where}, where {best.match} is"


def _kinks(unknown: Unknown, best: Candidate, asked: _Asked) -> Iterator[str]:
    """Where a kink has another derivative than ours."""
    kinks = best.family.activation.kinks(**best.family.parameters(best.values))
    if unknown.missing_gradient or not kinks or not asked.elementwise:
        return
    there = unknown.at(np.array([kink.at for kink in kinks]), asked.dtype).gradient
    for kink, slope in zip(kinks, [] if there is None else there.tolist(), strict=True):
        if not np.isclose(slope, kink.derivative, rtol=1e-5, atol=1e-6):
            yield f"at the kink x = {kink.at:g} its gradient is {slope:g}, ours {kink.derivative:g}"
