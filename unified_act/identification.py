"""Which activation is this callable? The question; the conformance suite has the answer."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from unified_act.errors import UnsupportedError

if TYPE_CHECKING:
    from unified_act_conformance.identify import Identification

__all__ = ["identify"]


def identify(function: Callable[..., Any], *, backend: str | None = None) -> Identification:
    """Says which activation an unknown callable is, by its values and gradients.

    It is asked at some hundred inputs: kinks, both tails, tiny and huge numbers. Every activation
    that is registered is fitted to the answers, with its parameters, and compared in value and
    gradient. A function that treats an axis as a whole is asked with arrays.

    Args:
        function: A function, a module, a layer or a block: takes an array of its framework and
            returns one. A module is called in the mode that it is in.
        backend: Its framework; default: that of the module that defines it.

    Returns:
        What it is, how far off, what it is not by how much; `print` shows it in a few lines.

    Raises:
        InputTypeError: `function` is no callable.
        UnknownBackendError: Its framework cannot be told from where it is defined.
        UnsupportedError: It fails on every array that was tried, or the conformance suite, which
            does the work, is not installed.

    Examples:
        >>> import numpy as np
        >>> import unified_act as ua
        >>> found = ua.identify(lambda x: np.where(x > 0, x, 0.2 * x), backend="numpy")
        >>> str(found.match), found.verdict
        ('leaky_relu(negative_slope=0.2)', 'same value, gradient unknown')
    """
    try:
        suite = importlib.import_module("unified_act_conformance.identify")
    except ModuleNotFoundError as error:
        raise UnsupportedError(
            f"identify needs {error.name}, which is not installed. "
            "Install it with: pip install 'unified-act[conformance]'"
        ) from error
    found: Identification = suite.identify(function, backend)
    return found
