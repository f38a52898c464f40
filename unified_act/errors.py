"""The errors of `unified_act`. All derive from one class, and each from a fitting built-in too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

__all__ = [
    "AccuracyWarning",
    "BackendImportError",
    "BackendNotInstalledError",
    "InputTypeError",
    "InvalidActivationError",
    "NameConflictError",
    "ParameterValueError",
    "PluginError",
    "UnifiedActError",
    "UnknownActivationError",
    "UnknownBackendError",
    "UnknownDialectError",
    "UnknownParameterError",
    "UnsupportedError",
    "suggest",
]


_LONGEST = 100
"""No known name has as many characters."""


class UnifiedActError(Exception):
    """The base class of every error that `unified_act` raises on purpose."""

    # TensorFlow re-raises an error of a traced function with the user's line added to it. It keeps
    # the type of the error only if the class has the constructor of Exception.
    if not TYPE_CHECKING:
        __init__ = Exception.__init__


class AccuracyWarning(UserWarning):
    """A definition, or its derivative, loses digits or is no number at some inputs."""


class UnknownActivationError(UnifiedActError, LookupError):
    """No activation has this name."""


class UnknownBackendError(UnifiedActError, LookupError):
    """No backend has this name, or no backend fits the input."""


class UnknownDialectError(UnifiedActError, LookupError):
    """No dialect has this name, or the dialect has no such version."""


class UnknownParameterError(UnifiedActError, TypeError):
    """The activation has no parameter with this name."""


class ParameterValueError(UnifiedActError, ValueError):
    """The parameter exists, but does not allow this value."""


class InputTypeError(UnifiedActError, TypeError):
    """The input is not a floating-point array of the backend's framework."""


class NameConflictError(UnifiedActError, ValueError):
    """The name already belongs to another activation, or cannot be used as a name."""


class InvalidActivationError(UnifiedActError, TypeError):
    """The registered function cannot run on every backend, or contradicts its own declaration."""


class PluginError(UnifiedActError, ImportError):
    """An installed distribution announces this activation, but it cannot be loaded from there."""


class BackendNotInstalledError(UnifiedActError, ImportError):
    """The framework that the backend needs is not installed."""


class BackendImportError(UnifiedActError, ImportError):
    """The framework is installed, but importing it failed; `__cause__` is the error."""


class UnsupportedError(UnifiedActError, NotImplementedError):
    """The framework or the backend cannot do this, or no activation has the requested meaning."""


def suggest(word: object, known: Iterable[str]) -> str:
    """Returns a sentence that helps a user who mistyped `word`.

    Args:
        word: The word that the user wrote.
        known: All valid words.

    Returns:
        ``"Did you mean 'a' or 'b'?"``, or a list of all valid words if none is similar.

    Examples:
        >>> suggest("geluu", ["gelu", "silu", "relu"])
        "Did you mean 'gelu'?"
        >>> suggest("xyz", ["gelu", "relu"])
        'Known: gelu, relu.'
    """
    import difflib  # costs milliseconds to import, and most programs never mistype

    known = list(known)
    # To compare a text of a million characters takes seconds.
    word = word[:_LONGEST] if isinstance(word, str) else ""
    # At most two: a third guess is seldom right and makes the message harder to read.
    near = difflib.get_close_matches(word, known, n=2, cutoff=0.7)
    if near:
        return "Did you mean " + " or ".join(repr(name) for name in near) + "?"
    return "Known: " + ", ".join(sorted(known)) + "."
