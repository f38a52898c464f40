"""Understands which activation a caller asks for, in our language or that of a framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unified_act.activation import Activation
from unified_act.errors import (
    ParameterValueError,
    UnifiedActError,
    UnknownActivationError,
    UnknownParameterError,
)
from unified_act.literals import shown
from unified_act.parsing import Description, parse
from unified_act.registry import ACTIVATIONS

if TYPE_CHECKING:
    from unified_act.dialects import Meaning

__all__ = ["Request", "settle", "understand"]


@dataclass(frozen=True)
class Request:
    """An activation with the parameters that a caller gave.

    Attributes:
        activation: The activation.
        given: Its parameters that were given, by our names. Those of a dialect are all there that
            have another default than ours.
        written: The arguments by the names that the caller's language has for them.
        name: The name as the caller wrote it.
        dialect: The dialect of the name and the arguments; None if they are ours.
        meaning: What they mean in the dialect.
    """

    activation: Activation
    given: Mapping[str, Any]
    written: Mapping[str, Any]
    name: str
    dialect: str | None = None
    meaning: Meaning | None = None

    def bind(self) -> dict[str, float | int]:
        """Returns every parameter with its value.

        Raises:
            UnknownParameterError: The activation has no such parameter.
            ParameterValueError: A value is not allowed, or is missing.
        """
        if self.meaning is not None:
            return self.meaning.bind(self.activation)
        self._check_names()
        return self.activation.bind(self.given)

    def check(self) -> dict[str, float | int]:
        """Returns the parameters that were given, checked. Others may be missing.

        Raises:
            UnknownParameterError: The activation has no such parameter.
            ParameterValueError: A value is not allowed.
        """
        self._check_names()
        return self.activation.check(self.given)

    def _check_names(self) -> None:
        unknown = [key for key in self.given if not self.activation.has_parameter(key)]
        if unknown:
            try:
                self.activation.check({unknown[0]: self.given[unknown[0]]})
            except UnknownParameterError as error:
                raise _with_hint(error, self.name, self.given, unknown[0]) from None


def understand(
    name: str | Mapping[str, Any] | None,
    dialect: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Request:
    """Returns the activation that a description names, in our language or that of a framework.

    Args:
        name: What `get_activation` takes as its `name`, except for callables.
        dialect: The dialect that the caller named. Otherwise the form of the description may tell
            it: ``"torch.nn.LeakyReLU(0.1)"`` is PyTorch.
        parameters: Further arguments.

    Raises:
        UnifiedActError: There is no such activation or dialect, or the arguments are wrong.

    Examples:
        >>> asked = understand("tf.nn.leaky_relu")
        >>> asked.activation.name, asked.given, asked.dialect
        ('leaky_relu', {'negative_slope': 0.2}, 'tensorflow')
    """
    if name is None:
        name, dialect = "identity", None
    description, options = settle(name, dialect=dialect)
    dialect = options["dialect"]
    plain, configured, positional, dialects, _ = parse(description)
    configured, parameters = dict(configured), parameters or {}
    repeated = configured.keys() & parameters.keys()
    if repeated:
        raise ParameterValueError(
            f"given twice: {', '.join(sorted(repeated))}. Pass each parameter either with the name "
            "or as a keyword."
        )
    plugin = configured.pop("plugin", "")
    if not isinstance(plugin, str):
        raise ParameterValueError(
            f"plugin must be the name of a distribution, a string, got {shown(plugin)}."
        )
    asked = Description(plain, {**configured, **parameters}, positional)
    if dialect is not None:
        return _in_dialect(asked, [dialect])
    if "." in plain:
        from unified_act.dialects import speaking  # a fifth of the time of `import unified_act`

        dialects = speaking(plain) or dialects
    return _in_dialect(asked, dialects) if dialects else _ours(asked, plugin)


_USUAL: Mapping[str, Any] = {"numerics": "fast", "channels": 1}
"""What a keyword is that nobody gave, if it is not None."""


def settle(name: Any, **keywords: Any) -> tuple[Any, dict[str, Any]]:
    """Joins the options in a description of an activation with those given as keywords.

    Args:
        name: The description.
        **keywords: Options by name. One that has its default counts as not given.

    Returns:
        The description without options, and all options: those of `keywords`, and what else the
        description says.

    Raises:
        ParameterValueError: Description and keyword say two things.
        UnifiedActError: The description cannot be read.

    Examples:
        >>> described, options = settle({"name": "prelu", "channels": 8}, backend="torch")
        >>> described.name, options
        ('prelu', {'backend': 'torch', 'channels': 8})
    """
    if name is None or (isinstance(name, str) and "(" not in name and "{" not in name):
        return name, keywords
    described = parse(name)
    own = dict(described.options)
    if own:
        own = {key: value for key, value in own.items() if not _is_parameter(described, key)}
        kept = {key: value for key, value in described.options.items() if key not in own}
        described = described._replace(given={**described.given, **kept}, options={})
    for key, value in own.items():
        given = keywords.get(key)
        if given is not None and given != _USUAL.get(key) and not _same(key, given, value):
            raise ParameterValueError(
                f"{key}={given!r} is given, and the description of {described.name} says "
                f"{key}={value!r}: leave out one of them."
            )
    return described, {**keywords, **own}


def _is_parameter(described: Description, option: str) -> bool:
    """Whether an activation of ours has a parameter that is called like an option."""
    try:
        plugin = str(described.given.get("plugin", ""))
        return ACTIVATIONS.find(described.name, plugin).has_parameter(option)
    except UnifiedActError:
        return False


def _same(option: str, one: Any, other: Any) -> bool:
    """Whether two values of an option mean the same."""
    if option == "backend":
        from unified_act.loading import find_entry

        return find_entry(one).name == find_entry(other).name
    if option in ("weight_shape", "shared_axes"):
        return list(one) == list(other)
    return bool(one == other)


def _in_dialect(asked: Description, dialects: Sequence[str]) -> Request:
    """Reads a description in the first of some dialects that understands it."""
    from unified_act.dialects import resolve

    name, given, positional = asked[:3]
    errors: list[UnifiedActError] = []
    for dialect in dialects:
        try:
            meaning = resolve(name, given, dialect, positional)
        except UnknownParameterError as error:
            unknown = next((key for key in given if shown(key) in str(error)), "")
            errors.append(_with_hint(error, name, given, unknown, besides=dialect))
        except UnifiedActError as error:
            errors.append(error)
        else:
            activation = ACTIVATIONS.find(meaning.canonical)
            return Request(activation, meaning.parameters, meaning.given, name, dialect, meaning)
    raise errors[0]


def _ours(asked: Description, plugin: str) -> Request:
    name, given, positional = asked[:3]
    try:
        activation = ACTIVATIONS.find(name, plugin)
    except UnknownActivationError:
        hint = "" if plugin else _about_name(name, given)
        if not hint:
            raise
        raise UnknownActivationError(f"unknown activation {shown(name)}. {hint}") from None
    if positional:
        raise UnknownActivationError(
            f"cannot read the arguments of {shown(name)} without their names: write it like "
            "'elu(alpha=0.5)', or as its framework does, like 'torch.nn.ELU(0.5)'."
        )
    return Request(activation, given, given, name)


def _about_name(name: str, given: Mapping[str, Any]) -> str:
    from unified_act.dialects.hints import about_name

    return about_name(name, given)


def _with_hint(
    error: UnknownParameterError,
    name: str,
    given: Mapping[str, Any],
    unknown: str = "",
    besides: str = "",
) -> UnknownParameterError:
    """Returns the error with a sentence about the dialect that has the parameter."""
    from unified_act.dialects.hints import about_parameters

    hint = about_parameters(name, given, unknown, besides)
    return UnknownParameterError(f"{error} {hint}") if hint else error
