"""The relatives of sparsemax."""

from __future__ import annotations

from math import inf

from flint import arb

from unified_act_conformance.truth.formulas._common import ONE, band, constant, zero
from unified_act_conformance.truth.record import UNIT, Formula, Record, fixed

_HALF = arb(0.5)


def sparse_sigmoid() -> Formula:
    """`(x + 1)/2` held between 0 and 1."""
    return Formula(
        (
            band(-1.0, 1.0, zero, lambda x: (x + 1) / 2, constant(ONE)),
            band(-1.0, 1.0, zero, constant(_HALF), zero),
            zero,
            zero,
        ),
        kinks=(-1.0, 1.0),
    )


def sparse_plus() -> Formula:
    """`(x + 1)^2/4` between -1 and 1, 0 below, `x` above."""
    return Formula(
        (
            band(-1.0, 1.0, zero, lambda x: (x + 1) ** 2 / 4, lambda x: x),
            band(-1.0, 1.0, zero, lambda x: (x + 1) / 2, constant(ONE)),
            band(-1.0, 1.0, zero, constant(_HALF), zero),
            zero,
        ),
        kinks=(-1.0, 1.0),
    )


RECORDS = (
    Record(
        "sparse_sigmoid",
        sparse_sigmoid,
        tier="exact",
        ranges=fixed(UNIT, (0.0, 0.5)),
        families=("sigmoid",),
    ),
    Record(
        "sparse_plus",
        sparse_plus,
        tier="rational",
        ranges=fixed((0.0, inf), UNIT),
        families=("softplus",),
    ),
)
