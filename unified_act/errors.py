"""The errors of `unified_act`: one family, each also the builtin that a reader expects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

__all__ = [
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


class UnifiedActError(Exception):
    """Base of every error that `unified_act` raises on purpose."""

    # TensorFlow re-raises what happens while it traces, with the place in the user's code added,
    # and keeps the type only of errors with this constructor.
    if not TYPE_CHECKING:
        __init__ = Exception.__init__


class UnknownActivationError(UnifiedActError, LookupError):
    """No activation goes by that name."""


class UnknownBackendError(UnifiedActError, LookupError):
    """No backend goes by that name, or none fits the input."""


class UnknownDialectError(UnifiedActError, LookupError):
    """No dialect goes by that name, or it has no such version."""


class UnknownParameterError(UnifiedActError, TypeError):
    """The activation has no parameter of that name."""


class ParameterValueError(UnifiedActError, ValueError):
    """The parameter exists, but not with that value."""


class InputTypeError(UnifiedActError, TypeError):
    """The input is not a floating-point array of the backend's framework."""


class NameConflictError(UnifiedActError, ValueError):
    """The name is already taken by something else."""


class InvalidActivationError(UnifiedActError, TypeError):
    """What is registered is no activation that every backend could run, or contradicts itself."""


class PluginError(UnifiedActError, ImportError):
    """An installed distribution announces this activation, but does not bring it."""


class BackendNotInstalledError(UnifiedActError, ImportError):
    """The framework that the backend needs is not installed."""


class BackendImportError(UnifiedActError, ImportError):
    """The framework is installed, but raised when it was imported: see `__cause__`."""


class UnsupportedError(UnifiedActError, NotImplementedError):
    """There is no way to do this: the framework has none, or no activation has that meaning."""


def suggest(word: str, known: Iterable[str]) -> str:
    """Returns a sentence that helps somebody who mistyped `word`.

    Args:
        word: What was asked for.
        known: What could have been asked for.

    Returns:
        ``"Did you mean 'a' or 'b'?"``, or all known words where none is near.

    Examples:
        >>> suggest("geluu", ["gelu", "silu", "relu"])
        "Did you mean 'gelu'?"
        >>> suggest("xyz", ["gelu", "relu"])
        'Known: gelu, relu.'
    """
    import difflib  # costs milliseconds to import, and most programs never mistype

    known = list(known)
    # Two at the most: a third guess is seldom right and makes the message harder to read.
    near = difflib.get_close_matches(word, known, n=2, cutoff=0.7)
    if near:
        return "Did you mean " + " or ".join(repr(name) for name in near) + "?"
    return "Known: " + ", ".join(sorted(known)) + "."
