"""The JSON schema of a configuration, for editors and validators."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from unified_act.activation import Activation, Parameter
from unified_act.loading import ALSO, list_backends
from unified_act.parsing import OPTIONS
from unified_act.registry import ACTIVATIONS

__all__ = ["json_schema"]

_CALL = r"\s*(\(.*\))?\s*$"
_OF_A_FRAMEWORK = r"^\s*[A-Za-z_]\w*(\.\w+)+" + _CALL


def json_schema() -> dict[str, Any]:
    """Returns the JSON schema of an activation in a configuration file.

    It describes what `get_activation` and `get_layer` read: a name, a text with parameters, or a
    mapping. With it an editor completes names and parameters, and marks mistakes. Activations that
    you have registered, and those of installed plugins, are in it too. A mapping with a dialect, or
    as Keras or mmcv writes it, may have any parameters.

    Examples:
        >>> import unified_act as ua
        >>> ua.json_schema()["title"]
        'An activation of unified_act'
    """
    activations = sorted(ACTIVATIONS, key=lambda activation: activation.name)
    names = [name for activation in activations for name in (activation.name, *activation.aliases)]
    known = "^\\s*(" + "|".join(map(_in_any_spelling, names)) + ")"
    text = {
        "type": "string",
        "anyOf": [{"enum": names}, {"pattern": known + _CALL}, {"pattern": _OF_A_FRAMEWORK}],
    }
    mapping = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, **_options()},
        "if": {"not": {"required": ["dialect"]}},
        "then": {"properties": {"name": text}, "allOf": list(map(_of_name, activations))},
    }
    others = (  # of Keras and mmcv
        {"type": "object", "required": [key], "not": {"required": ["name"]}}
        for key in ("class_name", "type")
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An activation of unified_act",
        "anyOf": [{"type": "null"}, text, mapping, *others],
    }


def _in_any_spelling(name: str) -> str:
    """A pattern for a name as `normalize` understands it; those of JSON schemas know no flags."""
    letters = (f"[{c.upper()}{c.lower()}]" if c.isalpha() else re.escape(c) for c in name)
    return "".join("[-_ ]*" if letter in ("_", r"\-", r"\ ") else letter for letter in letters)


def _of_name(activation: Activation) -> dict[str, Any]:
    names = "|".join(map(_in_any_spelling, (activation.name, *activation.aliases)))
    return {
        "if": {"properties": {"name": {"type": "string", "pattern": f"^\\s*({names})\\s*$"}}},
        "then": _parameters(activation),
    }


def _parameters(activation: Activation) -> dict[str, Any]:
    known = [parameter.name for parameter in activation.parameters]
    schema = {
        "description": activation.summary,
        "properties": {
            parameter.name: _parameter(parameter) for parameter in activation.parameters
        },
        "propertyNames": {"enum": [*known, *_others(known)]},
    }
    if activation.required:
        schema["required"] = list(activation.required)
    return schema


def _others(known: Iterable[str]) -> list[str]:
    return [name for name in ("name", "plugin", *OPTIONS) if name not in known]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": parameter.doc} if parameter.doc else {}
    if parameter.default is not None:
        schema["default"] = parameter.default
    if isinstance(parameter.default, bool):
        return {"type": "boolean", **schema}
    integer = parameter.integer or isinstance(parameter.default, int)
    one: dict[str, Any] = {"type": "integer" if integer else "number"}
    if parameter.low > -math.inf:
        one["minimum"] = parameter.low
    if parameter.high < math.inf:
        one["maximum"] = parameter.high
    if parameter.several:
        several = {"type": "array", "items": one, "minItems": 1, "uniqueItems": True}
        return {"anyOf": [one, several], **schema}
    return {**one, **schema}


def _options() -> dict[str, Any]:
    lengths = {"type": "array", "items": {"type": "integer", "minimum": 1}}
    return {
        "backend": {
            "type": "string",
            "anyOf": [
                {"enum": list_backends()},
                {"pattern": f"^({'|'.join(map(_in_any_spelling, [*list_backends(), *ALSO]))})$"},
            ],
            "description": "The framework; by default that of each input.",
        },
        "numerics": {"enum": ["fast", "strict"], "default": "fast"},
        "dialect": {
            "type": "string",
            "description": "The framework whose name, parameters and defaults these are.",
        },
        "library": {"type": "string", "description": "Of a layer: the library of modules."},
        "plugin": {"type": "string", "description": "The distribution that has the activation."},
        "channels": {
            "type": ["integer", "null"],
            "minimum": 1,
            "default": 1,
            "description": "Of a layer: how many numbers each weight has; null: as the input.",
        },
        "weight_shape": {**lengths, "description": "Of a layer: the shape of each weight."},
        "shared_axes": {
            **lengths,
            "description": "Of a layer: the axes along which a weight is one number.",
        },
        "initial": {
            "anyOf": [
                {"type": "number"},
                {"type": "object", "additionalProperties": {"type": "number"}},
            ],
            "description": "Of a layer: where its weights begin.",
        },
        "options": {"type": "object", "description": "Of a layer: options of the framework."},
    }
