"""Imports the frameworks once; a forked child has them then, and imports `unified_act` afresh."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

__all__ = ["forget_ours", "import_frameworks"]


def import_frameworks(backends: Sequence[str] = ()) -> list[str]:
    """Imports frameworks.

    Args:
        backends: The backends whose frameworks to import. The default is those that are installed.

    Returns:
        The names of the backends.
    """
    subject = importlib.import_module("unified_act_conformance.subject")
    names = list(backends) or subject.usual_backends()
    for name in names:
        importlib.import_module(f"unified_act_{name}")
    return names


def forget_ours() -> None:
    """Forgets all modules of `unified_act`, the backends and the suite but this package's."""
    for name in list(sys.modules):
        package = name.partition(".")[0]
        ours = package == "unified_act" or package.startswith("unified_act_")
        if ours and not name.startswith(__package__ or ""):
            del sys.modules[name]
