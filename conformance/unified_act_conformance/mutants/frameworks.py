"""Imports the frameworks once, so that a forked child has them at once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

__all__ = ["import_frameworks"]


def import_frameworks(backends: Sequence[str] = ()) -> list[str]:
    """Imports frameworks, and nothing of `unified_act` that stays.

    Args:
        backends: The backends whose frameworks to import. The default is those that are installed.

    Returns:
        The names of the backends.
    """
    subject = importlib.import_module("unified_act_conformance.subject")
    names = list(backends) or subject.usual_backends()
    for name in names:
        importlib.import_module(f"unified_act_{name}")
    for name in [name for name in sys.modules if _ours(name)]:
        if not name.startswith("unified_act_conformance.mutants"):
            del sys.modules[name]
    return names


def _ours(name: str) -> bool:
    return name.partition(".")[0] == "unified_act" or name.startswith("unified_act_")
