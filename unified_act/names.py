"""Matches names of activations, backends and dialects, whatever their spelling."""

from __future__ import annotations

__all__ = ["normalize"]


def normalize(name: str) -> str:
    """Returns `name` in lower case and without ``_``, ``-`` and spaces, for comparisons.

    Examples:
        >>> normalize("Leaky-ReLU") == normalize("leaky_relu")
        True
    """
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")
