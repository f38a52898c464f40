"""What goes up and down for ever."""

from __future__ import annotations

from unified_act_conformance.truth.record import EVERYTHING, Formula, Record, fixed


def sin() -> Formula:
    """The sine."""
    return Formula(
        (lambda x: x.sin(), lambda x: x.cos(), lambda x: -x.sin(), lambda x: -x.cos()),
        endless=True,
    )


def gcu() -> Formula:
    """`x cos x`."""
    return Formula(
        (
            lambda x: x * x.cos(),
            lambda x: x.cos() - x * x.sin(),
            lambda x: -2 * x.sin() - x * x.cos(),
            lambda x: x * x.sin() - 3 * x.cos(),
        ),
        endless=True,
    )


RECORDS = (
    Record("sin", sin, tier="elementary", ranges=fixed((-1.0, 1.0), (-1.0, 1.0))),
    Record("gcu", gcu, ranges=fixed(EVERYTHING, EVERYTHING)),
)
