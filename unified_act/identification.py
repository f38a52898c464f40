"""`identify` tells which activation a callable is. The conformance suite does the work."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from unified_act.errors import UnsupportedError

if TYPE_CHECKING:
    from unified_act_conformance.identify import Identification

__all__ = ["identify"]


def identify(function: Callable[..., Any], *, backend: str | None = None) -> Identification:
    """Finds out which activation an unknown callable is, from its values and gradients.

    The function is called at some hundred inputs: around kinks, in both tails, and at tiny and
    huge numbers. The parameters of every registered activation are fitted to the results. Then
    values and gradients are compared. Functions along an axis are called with whole arrays.

    Args:
        function: A function, module, layer or block that takes an array of its framework and
            returns an array. A module is called in its present mode, training or evaluation.
        backend: The framework of `function`. By default it is the framework whose module defines
            the function.

    Returns:
        A report to print: which activation the function is, the remaining differences, and how
        much the nearest other activations differ.

    Raises:
        InputTypeError: `function` is not callable.
        UnknownBackendError: The module that defines the function does not show its framework.
        UnsupportedError: The function fails on every array that was tried, or the conformance
            suite is not installed.

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
