"""A problem: the inputs for a backend, and the exact results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unified_act_conformance.floats import FloatArray, round_to, widen
from unified_act_conformance.problems.regions import Codes, region_codes
from unified_act_conformance.truth import Reference

__all__ = ["Problem"]

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """One call of a backend, and what it should give.

    Attributes:
        inputs: What the function is called with: x, and weights, a mask or noise.
        cotangent: What the gradient is taken with; None for ones.
        directions: What the second derivative is taken along, one for each input but a mask; empty
            for an elementwise activation, whose second derivative is that of each element.
        reference: The exact output.
        slack: What half an ulp of change in every input can do to each output.
        about: The input that each output is about, to be reported.
        judged: The outputs that are specified. Derivatives at a NaN are not, nor is the second
            one at a kink.
        value_range: The closed range of the exact output.
        length: How many elements a reduction runs over.
        signed: Where a zero has a sign that is determined; None for where the exact value is not
            0, but too small.
        kinks: The inputs where the function or one of its first two derivatives is not continuous.
    """

    inputs: tuple[FloatArray, ...]
    cotangent: FloatArray | None
    reference: Reference
    slack: Doubles
    about: FloatArray
    judged: NDArray[np.bool_]
    value_range: tuple[float, float]
    length: int = 1
    directions: tuple[FloatArray, ...] = ()
    signed: NDArray[np.bool_] | None = None
    kinks: tuple[float, ...] = ()

    def at(self, places: NDArray[np.intp]) -> Problem:
        """Returns the problem about some of its elements, which may occur several times.

        Args:
            places: Which elements, of a problem whose arrays have one dimension.
        """
        return replace(
            self,
            inputs=(),
            reference=Reference(self.reference.high[places], self.reference.low[places]),
            slack=self.slack[places],
            about=self.about[places],
            judged=self.judged[places],
            signed=None if self.signed is None else self.signed[places],
        )

    @cached_property
    def regions(self) -> Codes:
        """What kind of place each output is about."""
        dtype = self.about.dtype.name
        want = round_to(self.reference.high, self.reference.low, dtype)
        return region_codes(widen(self.about), want, self.kinks, dtype)
