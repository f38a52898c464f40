"""Which activations to replace, with what: the request of a caller, read and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from unified_act.errors import ParameterValueError
from unified_act.layers import LayerSpec
from unified_act.literals import shown
from unified_act.registry import ACTIVATIONS
from unified_act.replacement.meaning import Meaning
from unified_act.request import understand

__all__ = ["ALL", "Request", "Rule", "Sharing", "Sought"]

Sharing = Literal["keep", "separate"]
"""Whether one module in several places becomes one module, or one for each place."""

ALL = "all"
"""Stands for every activation that acts on single elements, but for the identity."""

_NAMES = ("name", "class_name", "type")
"""One of these keys makes a mapping the description of an activation."""


@dataclass(frozen=True)
class Sought:
    """Which activations to replace.

    Attributes:
        name: The canonical name; ``"all"`` for every activation that acts on single elements, but
            for the identity; empty if `kind` says it.
        parameters: The parameters that must have these values. All others may have any value.
        kind: The class of what is to be replaced, whatever it computes.
    """

    name: str
    parameters: Mapping[str, float | int]
    kind: type | None = None

    @classmethod
    def read(cls, old: str | Mapping[str, Any] | type) -> Sought:
        """Returns the request that a name, with or without parameters, or a class stands for.

        Raises:
            UnifiedActError: There is no such activation, or it has no such parameters.

        Examples:
            >>> Sought.read("LeakyReLU(negative_slope=0.2)").parameters
            {'negative_slope': 0.2}
        """
        if isinstance(old, type):
            return cls("", {}, old)
        if old == ALL:
            return cls(ALL, {})
        asked = understand(old)
        return cls(asked.activation.name, asked.check())

    def matches(
        self, name: str | None, parameters: Mapping[str, Any], thing: object = None
    ) -> bool:
        """Whether an activation with this name and these parameters is to be replaced.

        Args:
            name: Our name; None if none of ours means it.
            parameters: Its parameters.
            thing: The object in the model.
        """
        if self.kind is not None:
            return isinstance(thing, self.kind)
        if self.name == ALL:
            return name is not None and _acts_on_elements(name)
        return name == self.name and self.parameters.items() <= parameters.items()


def _acts_on_elements(name: str) -> bool:
    activation = ACTIVATIONS.find(name)
    pointwise = activation.kind.elementwise or bool(activation.weights) or name == "rrelu"
    return pointwise and name != "identity"


@dataclass(frozen=True)
class Rule:
    """What is put in the place of what.

    Attributes:
        old: What is sought.
        new: What is put in its place.
    """

    old: Sought
    new: LayerSpec


@dataclass(frozen=True)
class Request:
    """What a caller asks `replace_activations` for.

    Attributes:
        rules: Of several rules that an activation meets, the first one counts.
        sharing: Whether one module in several places becomes one module, or one for each place.
            With None it stays one if the old module has weights.
    """

    rules: Sequence[Rule]
    sharing: Sharing | None = None

    def new_for(self, meaning: Meaning, thing: object) -> LayerSpec | None:
        """Returns what is to be put in the place of an activation; None if it stays."""
        for rule in self.rules:
            if rule.old.matches(meaning.name, meaning.parameters, thing):
                return rule.new
        return None

    def ignores(self, meaning: Meaning, thing: object) -> bool:
        """Whether something is an identity that nobody asked for: models keep many unused places.

        Args:
            meaning: What it is.
            thing: The object in the model.
        """
        asked = self.asks_for_class(thing) or any(r.old.name == "identity" for r in self.rules)
        return meaning.name == "identity" and not asked

    def asks_for_class(self, thing: object) -> bool:
        """Whether the caller named the class of an object."""
        return any(r.old.kind is not None and isinstance(thing, r.old.kind) for r in self.rules)


def pairs_of(old: Any, new: Any, *, has_new: bool) -> list[tuple[Any, Any]]:
    """Returns each activation to replace with what is put in its place.

    Raises:
        ParameterValueError: `old` and `new` do not go together.
    """
    described = isinstance(old, Mapping) and any(isinstance(old.get(k), str) for k in _NAMES)
    if has_new:
        if isinstance(old, Mapping) and not described:
            raise ParameterValueError(
                "old is a mapping of old to new activations, so leave out new; or pass the "
                "description of one activation, with a 'name'."
            )
        several = isinstance(old, Iterable) and not isinstance(old, (str, Mapping, type))
        return [(one, new) for one in (old if several else [old])]
    if not isinstance(old, Mapping) or described:
        raise ParameterValueError(
            f"what is to stand in the place of {shown(old)}? Pass new, or a mapping of old to new "
            "activations, such as {'relu': 'gelu', 'silu': 'mish'}."
        )
    return list(old.items())
