"""How names are matched."""

from __future__ import annotations

__all__ = ["normalize"]


def normalize(name: str) -> str:
    """Returns `name` without what names are matched without: case, ``_``, ``-`` and spaces.

    Examples:
        >>> normalize("Leaky-ReLU") == normalize("leaky_relu")
        True
    """
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")
