"""Writes a value into the text of a call or of a message."""

from __future__ import annotations

from typing import Any

__all__ = ["literal"]


def literal(value: Any) -> str:
    """Returns the `repr` of a value. A NumPy number is converted to a Python number first.

    The `repr` of NumPy 2, ``np.float32(0.5)``, cannot be read without NumPy, and that of NumPy 1
    is rounded.

    Examples:
        >>> literal(0.5), literal("tanh")
        ('0.5', "'tanh'")
    """
    if type(value).__module__ == "numpy" and not getattr(value, "shape", True):
        value = value.item()
    return repr(value)
