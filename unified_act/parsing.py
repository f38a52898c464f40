"""Reads the name of an activation from a string such as ``"elu(alpha=0.5)"`` or a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unified_act.errors import UnknownActivationError, UnknownParameterError
from unified_act.literals import shown

__all__ = ["parse"]

_LONGEST = 1000
"""No arguments have as many characters. Python's own parser fails on deeply nested ones."""


def parse(name: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Splits the description of an activation into its name and its parameters.

    Raises:
        UnknownActivationError: The description has another form.
        UnknownParameterError: The name of a parameter is no string.

    Examples:
        >>> parse("elu(alpha=0.5)")
        ('elu', {'alpha': 0.5})
    """
    if isinstance(name, Mapping):
        return _of_mapping(name)
    if isinstance(name, type):
        raise UnknownActivationError(
            f"{name.__qualname__} is a class: pass an instance of it, or the name of an activation."
        )
    if not isinstance(name, str):
        raise UnknownActivationError(
            f"an activation is None, a string, a mapping or a callable, got {type(name).__name__}."
        )
    plain, bracket, arguments = name.partition("(")
    if not bracket:
        return plain, {}
    try:
        return plain, _keywords(arguments)
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        raise UnknownActivationError(
            f"cannot read {shown(name)}: write it like 'elu(alpha=0.5)'."
        ) from None


def _of_mapping(given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    configured = dict(given)
    plain = configured.pop("name", None)
    if not isinstance(plain, str):
        raise UnknownActivationError(
            f"a mapping needs a 'name' that is a string, got {shown(dict(given))}."
        )
    for key in configured:
        if not isinstance(key, str):
            raise UnknownParameterError(
                f"the name of a parameter is a string, got {shown(key)} in the mapping."
            )
    return plain, configured


def _keywords(arguments: str) -> dict[str, Any]:
    """Reads the text after the opening bracket. Raises one of many errors if it is malformed."""
    import ast

    if len(arguments) > _LONGEST:
        raise ValueError
    call = ast.parse(f"f({arguments}", mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
        raise ValueError
    keywords = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg is not None}
    if len(keywords) != len(call.keywords):
        raise ValueError
    return keywords
