"""The registry, which finds an activation by its name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from unified_act.activation import KINDS, Activation
from unified_act.errors import (
    NameConflictError,
    ParameterValueError,
    PluginError,
    UnifiedActError,
    UnknownActivationError,
    suggest,
)
from unified_act.literals import shown
from unified_act.names import normalize
from unified_act.registry import plugins

if TYPE_CHECKING:
    from unified_act.registry.plugins import Announcement

__all__ = ["ACTIVATIONS", "Registry", "list_activations"]


class Registry:
    """Activations by name. Several threads may read and write at the same time."""

    load: Callable[[Announcement], None] | None = None
    """``load(announcement)`` registers the activations of a plugin; None: there are no plugins."""

    def __init__(self, built_in: Callable[[], Iterable[Activation]] = tuple) -> None:
        """Starts with the activations that `built_in` returns. It is called on the first use."""
        self._lock = threading.RLock()
        self._built_in: Callable[[], Iterable[Activation]] | None = built_in
        self._by_key: dict[str, Activation] = {}

    def add(self, *activations: Activation) -> None:
        """Registers activations under their names and aliases: either all of them or none.

        Raises:
            NameConflictError: A name is taken already. Then nothing is registered.
        """
        with self._lock:
            by_key = self._complete()
            for activation in activations:
                by_key = _extended(by_key, activation)
            self._by_key = by_key

    @contextmanager
    def lending(self, activation: Activation) -> Iterator[None]:
        """Registers an activation while the block lasts.

        Raises:
            NameConflictError: A name is taken already.
        """
        self.add(activation)
        try:
            yield
        finally:
            with self._lock:
                self._by_key = {
                    key: held for key, held in self._by_key.items() if held is not activation
                }

    def find(self, name: str, plugin: str = "") -> Activation:
        """Returns the activation called `name`, loading the plugin that announces it.

        Args:
            name: The name or an alias.
            plugin: The distribution that is known to provide it, for the error message.

        Raises:
            UnknownActivationError: No activation has this name. The message names similar ones.
            NameConflictError: Several distributions announce it.
            PluginError: It cannot be loaded from the distribution that announces it.
        """
        key = normalize(name)
        found = self._complete().get(key)
        if found is None and self.load is not None:
            announcement = plugins.announcement_of(plugins.ACTIVATIONS, name)
            if announcement is not None:
                self.load(announcement)
                found = self._complete().get(key)
        if found is None:
            if plugin:
                raise UnknownActivationError(
                    f"unknown activation {shown(name)}: it comes with {plugin}, which is not "
                    f"installed here, or no longer has it. Install a version that has it: "
                    f"pip install {plugin}"
                )
            raise UnknownActivationError(
                f"unknown activation {shown(name)}. {suggest(name.lower(), self.spellings())}"
            )
        return found

    def names(self) -> list[str]:
        """Returns the canonical names in alphabetical order, including plugins not yet loaded."""
        names = {activation.name for activation in self}
        if self.load is not None:
            by_key = self._complete()
            names |= {
                candidates[0].name
                for key, candidates in plugins.announced(plugins.ACTIVATIONS).items()
                if key not in by_key
            }
        return sorted(names)

    def spellings(self) -> set[str]:
        """Returns the canonical names, and the aliases of the loaded activations."""
        return {*self.names(), *(alias for activation in self for alias in activation.aliases)}

    def load_all(self) -> tuple[list[Activation], dict[str, UnifiedActError]]:
        """Returns all activations, loading all plugins, and the errors of those that fail."""
        found: list[Activation] = []
        broken: dict[str, UnifiedActError] = {}
        for name in self.names():
            try:
                found.append(self.find(name))
            except (NameConflictError, PluginError) as error:
                broken[name] = error
        return found, broken

    def __iter__(self) -> Iterator[Activation]:
        """Iterates over the activations that are loaded, in alphabetical order."""
        activations = set(self._complete().values())
        return iter(sorted(activations, key=lambda activation: activation.name))

    def _complete(self) -> dict[str, Activation]:
        if self._built_in is not None:
            with self._lock:
                if self._built_in is not None:
                    by_key: dict[str, Activation] = {}
                    for activation in self._built_in():
                        by_key = _extended(by_key, activation)
                    self._by_key = by_key
                    self._built_in = None
        return self._by_key


def _extended(by_key: dict[str, Activation], activation: Activation) -> dict[str, Activation]:
    """Returns a new dict with an activation added. Readers of the old dict need no lock."""
    names = (activation.name, *activation.aliases)
    for name in names:
        if not normalize(name) or "(" in name:
            raise NameConflictError(
                f"cannot register {shown(name)}: a name must not be empty or contain a bracket, "
                "which begins the parameters. Choose another name."
            )
        holder = by_key.get(normalize(name))
        if holder is not None:
            by = f" of {holder.plugin}" if holder.plugin else ""
            raise NameConflictError(
                f"cannot register {activation.name!r}: the name {name!r} already belongs "
                f"to the activation {holder.name!r}{by}. Choose another name."
            )
    return by_key | {normalize(name): activation for name in names}


def _catalogue() -> Iterable[Activation]:
    from unified_act.catalogue import ACTIVATIONS  # imported late: it takes a while

    return ACTIVATIONS


ACTIVATIONS = Registry(_catalogue)
"""The one registry of the process."""


def list_activations(kind: str | None = None) -> list[str]:
    """Returns the canonical names of all activations, in alphabetical order.

    Activations of plugins are included without importing the plugins. With `kind` all plugins are
    imported, because only they know the kind. Activations that cannot be loaded are then left out.

    Args:
        kind: Return only activations of this kind: ``"elementwise"``, ``"axis"``, ``"gated"``,
            ``"learned"`` or ``"stochastic"``.

    Raises:
        ParameterValueError: There is no such kind.

    Examples:
        >>> import unified_act as ua
        >>> ua.list_activations(kind="stochastic")
        ['gumbel_softmax', 'rrelu']
    """
    if kind is None:
        return ACTIVATIONS.names()
    if kind not in KINDS:
        raise ParameterValueError(f"unknown kind {shown(kind)}. {suggest(kind, KINDS)}")
    return [activation.name for activation in ACTIVATIONS.load_all()[0] if activation.kind == kind]
