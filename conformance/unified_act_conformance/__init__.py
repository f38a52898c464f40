"""The conformance suite compares values and gradients of every backend with exact arithmetic.

>>> from unified_act_conformance import check_activation
>>> results = check_activation("softsign", backends=["numpy"], dtypes=["float32"])
>>> all(result.passed for result in results)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unified_act_conformance.api import check_activation, check_backend, check_function
    from unified_act_conformance.mutants.score import mutation_score

__all__ = ["check_activation", "check_backend", "check_function", "mutation_score"]


def __getattr__(name: str) -> Any:
    """Imports a name on first use: the suite is large, and the command needs little of it."""
    if name in ("check_activation", "check_backend", "check_function"):
        from unified_act_conformance import api

        return getattr(api, name)
    if name == "mutation_score":
        from unified_act_conformance.mutants.score import mutation_score

        return mutation_score
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
