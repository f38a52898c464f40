"""What was found at many inputs, and how it adds up. The sum does not depend on the division."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

__all__ = ["LIMIT", "LISTED", "Finding", "Place", "total"]

LIMIT = 0.51
"""The error from which on it is told, in ulp, and the suite's budget, in its units."""
LISTED = 1000
"""How many outputs beyond it are listed at most: those with the lowest bit patterns."""


@dataclass(frozen=True, order=True)
class Place:
    """An output.

    Attributes:
        bits: The bit pattern of the input, as an unsigned integer.
        x: The input.
        got: The output.
        want: The number of the type that is nearest to the exact value.
        error: How far the output is from the exact value, in ulp: units in the last place of that
            value. Rounded to 6 digits; infinite where one of them is NaN or infinite and the other
            is not.
    """

    bits: int
    x: float
    got: float
    want: float
    error: float


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        inputs: How many inputs were judged.
        not_nearest: Of how many the output is not the number nearest to the exact value: the error
            is more than half an ulp.
        beyond_limit: Of how many it is more than `LIMIT` ulp.
        beyond_one: Of how many it is more than one ulp.
        beyond_budget: Of how many it is more than `LIMIT` of the suite's units, which allow for the
            rounding of the input.
        wrong_kind: Of how many the output is NaN or infinite where the exact value is not, or the
            reverse. They are counted in all of the above too.
        wrong_zero: Of how many the output is the other zero than the right one.
        unlike: Of how many the value that comes with the gradient is another one.
        blocks: How many of `not_nearest` there are in each block of 2^20 neighbouring bit patterns,
            by the number of the block; those without any are left out.
        largest: Where the error is largest, of all outputs that are not the nearest number. The
            first, if there are several.
        units: The largest error in the suite's units, of all outputs that are not the nearest
            number.
        exceptions: The outputs beyond `LIMIT` ulp, at most `LISTED`.
    """

    inputs: int = 0
    not_nearest: int = 0
    beyond_limit: int = 0
    beyond_one: int = 0
    beyond_budget: int = 0
    wrong_kind: int = 0
    wrong_zero: int = 0
    unlike: int = 0
    blocks: Mapping[int, int] = field(default_factory=dict)
    largest: Place | None = None
    units: float = 0.0
    exceptions: tuple[Place, ...] = ()

    def document(self) -> dict[str, Any]:
        """Returns it for JSON, in which infinities and NaN are texts."""
        found = asdict(self)
        found["blocks"] = {str(block): count for block, count in self.blocks.items()}
        found["largest"] = None if self.largest is None else _row(self.largest)
        found["units"] = repr(self.units)
        found["exceptions"] = [_row(place) for place in self.exceptions]
        return found

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Finding:
        """Returns what `document` wrote."""
        largest = document["largest"]
        # Certificates of older code have no units, which are at most so many as there are ulp.
        units = document.get("units", 0.0 if largest is None else largest[-1])
        return cls(
            **{
                **document,
                "units": float(units),
                "blocks": {int(block): count for block, count in document["blocks"].items()},
                "largest": None if largest is None else _place(largest),
                "exceptions": tuple(map(_place, document["exceptions"])),
            }
        )


def _row(place: Place) -> list[Any]:
    return [place.bits, *(repr(value) for value in (place.x, place.got, place.want, place.error))]


def _place(row: list[Any]) -> Place:
    return Place(row[0], *map(float, row[1:]))


_COUNTS = [field.name for field in fields(Finding) if field.type == "int"]


def total(findings: Iterable[Finding]) -> Finding:
    """Adds findings about different inputs."""
    found = list(findings)
    places = [each.largest for each in found if each.largest is not None]
    exceptions = sorted(place for each in found for place in each.exceptions)
    blocks: Counter[int] = Counter()
    for each in found:
        blocks.update(each.blocks)
    return Finding(
        blocks=dict(sorted(blocks.items())),
        **{name: sum(getattr(each, name) for each in found) for name in _COUNTS},
        largest=min(places, key=lambda place: (-place.error, place.bits), default=None),
        units=max((each.units for each in found), default=0.0),
        exceptions=tuple(exceptions[:LISTED]),
    )
