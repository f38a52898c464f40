"""Reads the description of an activation: a string such as ``"elu(alpha=0.5)"``, or a mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unified_act.errors import UnknownActivationError, UnknownParameterError
from unified_act.literals import shown

__all__ = ["INPUT", "Description", "parse"]

_LONGEST = 1000
"""No arguments have as many characters. Python's own parser fails on deeply nested ones."""

INPUT = object()
"""Stands in `Description.positional` for a bare name such as ``x``, the input of a function."""

KERAS_OWN = {"autocast", "batch_input_shape", "batch_shape", "dtype", "name", "trainable"}
"""What the configuration of every layer of Keras may have; it changes no result of ours."""


class Description(NamedTuple):
    """The description of an activation, before any name in it is looked up.

    Attributes:
        name: The name of the activation.
        given: The arguments that have names.
        positional: The arguments before these, `INPUT` for the input.
        dialects: Who writes it like this: the first of these dialects that understands it. Empty
            if the form does not tell.
    """

    name: str
    given: dict[str, Any]
    positional: Sequence[Any] = ()
    dialects: Sequence[str] = ()


def parse(name: str | Mapping[str, Any]) -> Description:
    """Splits the description of an activation into its name and its arguments.

    Raises:
        UnknownActivationError: The description has another form.
        UnknownParameterError: The name of a parameter is no string.

    Examples:
        >>> parse("elu(alpha=0.5)")[:2]
        ('elu', {'alpha': 0.5})
        >>> parse({"type": "ELU", "alpha": 0.5})
        Description(name='ELU', given={'alpha': 0.5}, positional=(), dialects=('mmcv',))
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
        return Description(plain, {})
    try:
        positional, given = _arguments(arguments)
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        raise UnknownActivationError(
            f"cannot read {shown(name)}: write it like 'elu(alpha=0.5)'."
        ) from None
    return Description(plain, given, positional)


def _of_mapping(given: Mapping[str, Any]) -> Description:
    # A layer in the configuration of a Keras model also has a name of its own.
    for key, read in (("class_name", _of_keras), ("name", _of_ours), ("type", _of_mmcv)):
        if isinstance(given.get(key), str):
            return read(given)
    raise UnknownActivationError(
        f"a mapping needs a 'name' that is a string, got {shown(dict(given))}. In its place it may "
        "have a 'class_name', as Keras writes it, or a 'type', as mmcv does."
    )


def _of_ours(given: Mapping[str, Any]) -> Description:
    return Description(given["name"], _named(given, {"name"}))


def _of_mmcv(given: Mapping[str, Any]) -> Description:
    return Description(given["type"], _named(given, {"type"}), dialects=("mmcv",))


def _of_keras(given: Mapping[str, Any]) -> Description:
    """Reads what `keras.layers.serialize` and `keras.activations.serialize` return."""
    layer, config = given["class_name"], given.get("config", {})
    if layer == "function" and isinstance(config, str):
        return Description(config, {}, dialects=("keras3", "keras2"))
    if not isinstance(config, Mapping):
        raise UnknownActivationError(
            f"the 'config' of {shown(layer)} must be a mapping, as Keras writes it, got "
            f"{shown(config)}."
        )
    named = _named(config, KERAS_OWN)
    if layer == "Activation" and isinstance(named.get("activation"), str):
        return Description(named.pop("activation"), named, dialects=("keras3", "keras2"))
    return Description(layer, named, dialects=("keras_layers", "keras2"))


def _named(given: Mapping[str, Any], without: set[str]) -> dict[str, Any]:
    for key in given:
        if not isinstance(key, str):
            raise UnknownParameterError(
                f"the name of a parameter is a string, got {shown(key)} in the mapping."
            )
    return {key: value for key, value in given.items() if key not in without}


def _arguments(text: str) -> tuple[list[Any], dict[str, Any]]:
    """Reads the text after the opening bracket. Raises one of many errors if it is malformed."""
    import ast

    if len(text) > _LONGEST:
        raise ValueError
    call = ast.parse(f"f({text}", mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ValueError
    first_is_input = bool(call.args) and isinstance(call.args[0], ast.Name)
    values = call.args[1:] if first_is_input else call.args
    positional = [INPUT] * first_is_input + [ast.literal_eval(value) for value in values]
    keywords = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg is not None}
    if len(keywords) != len(call.keywords):
        raise ValueError
    return positional, keywords
