"""Our names beside those that libraries of models have for activations."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from unified_act.callables import get_activation
from unified_act.errors import UnsupportedError
from unified_act.layers import get_layer
from unified_act.registry import ACTIVATIONS
from unified_act.request import understand

__all__ = ["register_with_timm", "register_with_transformers"]

PREFIX = "ua:"
"""What our names begin with there."""


def register_with_transformers(*descriptions: str) -> list[str]:
    """Adds our activations to those that a configuration of transformers may name.

    Afterwards ``hidden_act="ua:mish"`` works in any configuration, and in a `config.json` that
    `from_pretrained` reads, if this was called before. The names stand in
    `transformers.activations.ACT2FN`, beside those of transformers, none of which changes.

    Args:
        *descriptions: Activations with parameters, such as ``"elu(alpha=0.5)"``, which get the name
            ``"ua:elu(alpha=0.5)"``. Every activation of one input that needs no parameters has a
            name without being mentioned.

    Returns:
        The names, those from earlier calls too.

    Raises:
        UnsupportedError: transformers is not installed.
        UnifiedActError: Any error of `get_activation` about a description.

    Examples:
        >>> import unified_act as ua
        >>> "ua:squareplus" in ua.register_with_transformers()  # doctest: +SKIP
        True
        >>> LlamaConfig(hidden_act="ua:squareplus")  # doctest: +SKIP
    """
    table = _module("transformers", "transformers.activations").ACT2FN
    for name in _names(descriptions):
        _add(table, name, _made(name))
    return _ours(table)


def register_with_timm(*descriptions: str) -> list[str]:
    """Adds our activations to those that timm's models and `create_act_layer` know by name.

    Afterwards ``timm.create_model(…, act_layer="ua:mish")`` works, and so do `create_act_layer` and
    `get_act_fn`. They take ``inplace=``, which changes nothing: ours never work in place. timm has
    no function to add names, so they are put into its tables, beside those of timm, none of which
    changes. timm writes all names in lower case.

    Args:
        *descriptions: As for `register_with_transformers`.

    Returns:
        The names, those from earlier calls too.

    Raises:
        UnsupportedError: timm is not installed, or this version has other tables.
        UnifiedActError: Any error of `get_activation` about a description.

    Examples:
        >>> import unified_act as ua
        >>> "ua:squareplus" in ua.register_with_timm()  # doctest: +SKIP
        True
        >>> timm.layers.create_act_layer("ua:elu", inplace=True, alpha=0.5)  # doctest: +SKIP
        ELU(alpha=0.5)
    """
    module = _module("timm", "timm.layers.create_act")
    try:
        layers, functions = module._ACT_LAYER_DEFAULT, module._ACT_FN_DEFAULT  # noqa: SLF001
    except AttributeError as error:
        raise UnsupportedError(
            "this version of timm keeps its names of activations elsewhere: pass "
            "act_layer=functools.partial(get_layer, 'mish', backend='torch') instead of a name."
        ) from error
    for name in _names(descriptions):
        _add(layers, name.lower(), _made(name))
        if not ACTIVATIONS.find(understand(name).activation.name).weights:
            function = get_activation(name, backend="torch")
            _add(functions, name.lower(), functools.partial(_call, function))
    return _ours(layers)


def _module(library: str, path: str) -> Any:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        raise UnsupportedError(
            f"{error.name} is not installed. Install it with: pip install {library}"
        ) from error


def _names(descriptions: tuple[str, ...]) -> Iterator[str]:
    """Yields every activation that a layer takes one input for without parameters, and others."""
    for activation in ACTIVATIONS:
        if activation.required:
            continue
        inputs = activation.inputs_for(activation.bind({}))[1:]
        if activation.weights or not inputs:
            yield from (activation.name, *activation.aliases)
    for description in descriptions:
        understand(description).bind()  # a mistake is told now, and not where a model is made
        yield description


def _add(table: MutableMapping[str, Any], name: str, made: Callable[..., Any]) -> None:
    table.setdefault(f"{PREFIX}{name}", made)


def _ours(table: MutableMapping[str, Any]) -> list[str]:
    return [name for name in table if name.startswith(PREFIX)]


def _made(name: str) -> Callable[..., Any]:
    """Returns what makes a layer, and can be pickled."""
    return functools.partial(_layer, name)


def _layer(name: str, *, inplace: bool | None = None, **options: Any) -> Any:
    """Returns a layer; `inplace` is accepted because libraries pass it to any activation."""
    del inplace
    return get_layer(name, backend="torch", **options)


def _call(function: Callable[..., Any], x: Any, inplace: bool = False) -> Any:
    """Returns a function of `x`; `inplace` is accepted because libraries pass it to any."""
    del inplace
    return function(x)
