"""Finds the activations and backends of other distributions, which announce them by entry points.

This reads only the metadata of the distributions, and only once. It does not import plugins.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from unified_act.errors import NameConflictError
from unified_act.names import normalize

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["ACTIVATIONS", "BACKENDS", "Announcement", "announced", "announcement_of"]

ACTIVATIONS = "unified_act.activations"
BACKENDS = "unified_act.backends"
"""The groups of entry points. An entry point has the name of its activation or backend."""


class Announcement(NamedTuple):
    """An entry point of an installed distribution.

    Attributes:
        name: The name of the activation or backend.
        module: The module that provides it.
        attribute: The attribute of the module; empty if the entry point names none.
        distribution: The name of the distribution.
        version: The version of the distribution.
    """

    name: str
    module: str
    attribute: str
    distribution: str
    version: str

    @property
    def origin(self) -> str:
        """The plugin and its version, for messages."""
        return f"{self.distribution} {self.version}"


@functools.cache
def announced(group: str) -> Mapping[str, Sequence[Announcement]]:
    """Returns the announcements of a group by normalized name, in alphabetical order.

    Args:
        group: One of the groups of entry points.
    """
    from importlib.metadata import entry_points  # slower than `import unified_act`, so not above

    found: dict[str, list[Announcement]] = {}
    for entry in entry_points(group=group):
        found.setdefault(normalize(entry.name), []).append(_announcement(entry))
    return {key: tuple(sorted(found[key], key=lambda a: a.origin)) for key in sorted(found)}


def _announcement(entry: EntryPoint) -> Announcement:
    distribution, version = "", ""
    if entry.dist is not None:
        distribution, version = entry.dist.name, entry.dist.version
    return Announcement(entry.name, entry.module, entry.attr or "", distribution, version)


def announcement_of(group: str, name: str) -> Announcement | None:
    """Returns the announcement of a name, or None.

    Args:
        group: One of the groups of entry points.
        name: The name, in any spelling.

    Raises:
        NameConflictError: Several distributions announce the name.
    """
    candidates = announced(group).get(normalize(name), ())
    if len(candidates) > 1:
        kind = group.rpartition(".")[2].removesuffix("s")
        by = " and ".join(candidate.origin for candidate in candidates)
        raise NameConflictError(
            f"the {kind} {name!r} is announced by {by}: uninstall all but one of them."
        )
    return candidates[0] if candidates else None
