"""Reads the description of an activation: a string such as ``"elu(alpha=0.5)"``, or a mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from unified_act.errors import UnknownActivationError, UnknownParameterError
from unified_act.literals import shown

__all__ = ["INPUT", "OPTIONS", "Description", "parse"]

OPTIONS = (
    "backend",
    "numerics",
    "dialect",
    "library",
    "channels",
    "weight_shape",
    "shared_axes",
    "initial",
    "options",
)
"""What a description may say besides the parameters; what is after the third is about layers."""

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
        options: Those of `OPTIONS` that are in it.
    """

    name: str
    given: dict[str, Any]
    positional: Sequence[Any] = ()
    dialects: Sequence[str] = ()
    options: Mapping[str, Any] = MappingProxyType({})


def parse(name: str | Mapping[str, Any] | Description) -> Description:
    """Splits the description of an activation into its name and its arguments.

    Raises:
        UnknownActivationError: The description has another form.
        UnknownParameterError: The name of a parameter is no string.

    Examples:
        >>> parse("elu(alpha=0.5)")[:2]
        ('elu', {'alpha': 0.5})
        >>> parse({"type": "ELU", "alpha": 0.5})[:4]
        ('ELU', {'alpha': 0.5}, (), ('mmcv',))
        >>> parse('{"name": "elu", "alpha": 0.5}')[:2]
        ('elu', {'alpha': 0.5})
        >>> parse("prelu(channels=8)").options
        {'channels': 8}
    """
    if isinstance(name, Description):
        return name
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
    if name.lstrip().startswith("{"):
        return _of_mapping(_of_json(name))
    plain, bracket, arguments = name.partition("(")
    if not bracket:
        return Description(plain, {})
    try:
        positional, given = _arguments(arguments)
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        raise UnknownActivationError(
            f"cannot read {shown(name)}: write it like 'elu(alpha=0.5)'."
        ) from None
    return _without_options(Description(plain, given, positional))


def _of_json(text: str) -> Mapping[str, Any]:
    """Reads a mapping that is written as text, as on a command line."""
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise UnknownActivationError(
            f"cannot read {shown(text)}: write a mapping as JSON, like "
            '\'{"name": "elu", "alpha": 0.5}\'.'
        ) from None
    return found if isinstance(found, Mapping) else {}


def _without_options(described: Description) -> Description:
    """Returns a description with its options apart."""
    options = {key: value for key, value in described.given.items() if key in OPTIONS}
    if not options:
        return described
    given = {key: value for key, value in described.given.items() if key not in options}
    return described._replace(given=given, options=options)


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
    return _of_text(given, "name")


def _of_mmcv(given: Mapping[str, Any]) -> Description:
    return _of_text(given, "type")._replace(dialects=("mmcv",))


def _of_text(given: Mapping[str, Any], key: str) -> Description:
    """Reads a mapping whose name is under a key, and all else beside it."""
    return _without_options(Description(given[key], _named(given, {key})))


def _of_keras(given: Mapping[str, Any]) -> Description:
    """Reads what `keras.layers.serialize` and `keras.activations.serialize` return."""
    layer, config = given["class_name"], given.get("config", {})
    options = {key: given[key] for key in OPTIONS if key in given}
    if layer == "function" and isinstance(config, str):
        return Description(config, {}, dialects=("keras3", "keras2"), options=options)
    if not isinstance(config, Mapping):
        raise UnknownActivationError(
            f"the 'config' of {shown(layer)} must be a mapping, as Keras writes it, got "
            f"{shown(config)}."
        )
    named = _named(config, KERAS_OWN)
    if layer == "Activation" and isinstance(named.get("activation"), str):
        name, dialects = named.pop("activation"), ("keras3", "keras2")
    else:
        name, dialects = layer, ("keras_layers", "keras2")
    return Description(name, named, dialects=dialects, options=options)


def _named(given: Mapping[str, Any], without: set[str]) -> dict[str, Any]:
    for key in given:
        if not isinstance(key, str):
            raise UnknownParameterError(
                f"the name of a parameter is a string, got {shown(key)} in the mapping."
            )
    return {key: _plain(value) for key, value in given.items() if key not in without}


def _plain(value: Any) -> Any:
    """Returns a sequence of another library, such as the ListConfig of OmegaConf, as a list."""
    foreign = isinstance(value, Sequence) and not isinstance(value, (str, bytes, list, tuple))
    return list(value) if foreign else value


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
