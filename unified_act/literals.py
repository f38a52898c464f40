"""Writes a value into the text of a call or of a message."""

from __future__ import annotations

import reprlib
from typing import Any

__all__ = ["literal", "shown"]

_MOST = 120
"""A message quotes about this many characters of a value."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = _MOST
_short.maxlevel = 3
_short.maxdict = _short.maxlist = _short.maxtuple = _short.maxset = 8


def literal(value: Any) -> str:
    """Returns the `repr` of a value. A NumPy number is converted to a Python number first.

    The `repr` of NumPy 2, ``np.float32(0.5)``, cannot be read without NumPy, and that of NumPy 1
    is rounded.

    Examples:
        >>> literal(0.5), literal("tanh")
        ('0.5', "'tanh'")
    """
    return repr(_plain(value))


def shown(value: Any) -> str:
    """Returns the `repr` of a value for a message. A long one is shortened, and none can fail.

    Every message that quotes what a user passed calls this.

    Examples:
        >>> shown("gelu"), shown({"alpha": 0.5})
        ("'gelu'", "{'alpha': 0.5}")
        >>> len(shown("x" * 1000)) < 200
        True
    """
    try:
        text = _short.repr(_plain(value))
    except Exception:  # Python writes out no integer of more than 4300 digits
        return f"<{type(value).__name__}>"
    # A subclass of a list or dict, and a number of a length without limit, come as they are.
    return text if len(text) <= 4 * _MOST else f"{text[: 2 * _MOST]}...{text[-_MOST:]}"


def _plain(value: Any) -> Any:
    numpy_number = type(value).__module__ == "numpy" and not getattr(value, "shape", True)
    return value.item() if numpy_number else value
