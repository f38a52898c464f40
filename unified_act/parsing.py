"""Reads the name of an activation from a string such as ``"elu(alpha=0.5)"`` or a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unified_act.errors import UnknownActivationError

__all__ = ["parse"]


def parse(name: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Splits the description of an activation into its name and its parameters.

    Raises:
        UnknownActivationError: The description has another form.

    Examples:
        >>> parse("elu(alpha=0.5)")
        ('elu', {'alpha': 0.5})
    """
    if isinstance(name, Mapping):
        configured = dict(name)
        plain = configured.pop("name", None)
        if not isinstance(plain, str):
            raise UnknownActivationError(
                f"a mapping needs a 'name' that is a string, got {dict(name)!r}."
            )
        return plain, configured
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
    import ast

    try:
        call = ast.parse(f"f({arguments}", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            raise ValueError
        keywords = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg is not None}
        if len(keywords) != len(call.keywords):
            raise ValueError
    except (SyntaxError, TypeError, ValueError):
        raise UnknownActivationError(
            f"cannot read {name!r}: write it like 'elu(alpha=0.5)'."
        ) from None
    return plain, keywords
