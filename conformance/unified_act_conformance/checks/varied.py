"""The check that tries an activation in all the ways in which it can be called."""

from __future__ import annotations

from unified_act_conformance import dimensions as room
from unified_act_conformance.checks.bench import Bench

__all__ = ["dimensions"]


def dimensions(bench: Bench) -> str:
    """The activation is right for other parameters, axes, shapes, lengths, masks, weights, threads.

    The room `unified_act_conformance.dimensions` says what is varied, and how.
    """
    trial = room.Trial(
        bench.case.subject,
        bench.case.backend,
        bench.numerics,
        bench.harness,
        bench.implement,
        bench.oracle,
        bench.domain,
    )
    return room.dimensions(trial, bench.case.dtype, pairs=not bench.quick)
