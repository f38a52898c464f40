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

__all__ = ["Request", "understand"]


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
    plain, configured, positional, dialects = parse(name)
    parameters = parameters or {}
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


def _in_dialect(asked: Description, dialects: Sequence[str]) -> Request:
    """Reads a description in the first of some dialects that understands it."""
    from unified_act.dialects import resolve

    name, given, positional, _ = asked
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
    name, given, positional, _ = asked
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
