"""What other distributions bring to this process, each tried: for `unified-act list --plugins`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import unified_act as ua
from unified_act.loading import BUILTIN_BACKENDS, find_entry, load_backend
from unified_act.names import normalize
from unified_act.registry import ACTIVATIONS, Announcement, plugins

__all__ = ["Plugin", "list_plugins"]


@dataclass(frozen=True)
class Plugin:
    """One entry point.

    Attributes:
        name: The name of the activation or backend.
        what: ``"activation"`` or ``"backend"``.
        origin: The distribution that brings it, with its version.
        module: The module that it comes from.
        problem: Why it cannot be used; empty if it can.
    """

    name: str
    what: str
    origin: str
    module: str
    problem: str


def list_plugins() -> Iterator[Plugin]:
    """Yields everything that is announced, and loads it to see whether it works."""
    for what, group in (("activation", plugins.ACTIVATIONS), ("backend", plugins.BACKENDS)):
        for candidates in plugins.announced(group).values():
            for one in candidates:
                problem = _problem(what, one)
                yield Plugin(one.name, what, one.origin, one.module, problem)


def _problem(what: str, one: Announcement) -> str:
    built_in = BUILTIN_BACKENDS if what == "backend" else _built_in_names()
    if normalize(one.name) in map(normalize, built_in):
        return f"the name is that of a built-in {what}, which is used"
    try:
        if what == "activation":
            ACTIVATIONS.find(one.name)
        else:
            load_backend(find_entry(one.name).name)
    except ua.UnifiedActError as error:
        return str(error)
    return ""


def _built_in_names() -> list[str]:
    return [
        name
        for activation in ACTIVATIONS
        if not activation.plugin
        for name in (activation.name, *activation.aliases)
    ]
