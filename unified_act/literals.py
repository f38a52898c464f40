"""How a value is written in the text of a call or in a message."""

from __future__ import annotations

from typing import Any

__all__ = ["literal"]


def literal(value: Any) -> str:
    """Returns what `repr` writes of a value, and of a NumPy number as of a Python number.

    NumPy 2 writes ``np.float32(0.5)``, which is no Python without NumPy, and NumPy 1 rounds.

    Examples:
        >>> literal(0.5), literal("tanh")
        ('0.5', "'tanh'")
    """
    if type(value).__module__ == "numpy" and not getattr(value, "shape", True):
        value = value.item()
    return repr(value)
