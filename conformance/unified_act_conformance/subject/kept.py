"""A cache of what is about an activation, which a user may register anew."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import TypeVar

from unified_act.activation import Activation
from unified_act.errors import UnknownActivationError
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.subject.cases import Case, Subject

__all__ = ["kept_while_registered"]

_T = TypeVar("_T")


def kept_while_registered(maxsize: int) -> Callable[[Callable[..., _T]], Callable[..., _T]]:
    """Returns a decorator like `lru_cache`, whose results are those of one definition.

    The first argument of the function is a case, a subject, or the name of an activation. What was
    kept for it is not returned once another activation is registered by that name.

    Args:
        maxsize: So many results are kept.
    """

    def decorate(function: Callable[..., _T]) -> Callable[..., _T]:
        @lru_cache(maxsize)
        def kept(defined: Activation | None, *arguments: Hashable) -> _T:
            del defined
            return function(*arguments)

        @wraps(function)
        def call(about: Hashable, *further: Hashable) -> _T:
            return kept(_defined(about), about, *further)

        return call

    return decorate


def _defined(about: object) -> Activation | None:
    """What a name stands for now; None for a function that is not registered."""
    subject = about.subject if isinstance(about, Case) else about
    name = subject.activation if isinstance(subject, Subject) else subject
    try:
        return ACTIVATIONS.find(str(name))
    except UnknownActivationError:
        return None
