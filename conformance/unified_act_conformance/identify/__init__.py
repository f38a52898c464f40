"""Finds out which activation an unknown callable is."""

from __future__ import annotations

from unified_act_conformance.identify.compare import Match
from unified_act_conformance.identify.differences import Gap, differences
from unified_act_conformance.identify.identify import Identification, identify
from unified_act_conformance.identify.probe import Unknown, backend_of_callable
from unified_act_conformance.identify.sources import Source, load_callable, source_of

__all__ = [
    "Gap",
    "Identification",
    "Match",
    "Source",
    "Unknown",
    "backend_of_callable",
    "differences",
    "identify",
    "load_callable",
    "source_of",
]
