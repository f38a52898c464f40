"""What there is to know about an activation, gathered: for the commands that list and show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import unified_act as ua
from unified_act import Activation
from unified_act.backend import DTYPES, kernel_for
from unified_act.dialects import Cell, find_dialect, list_dialects
from unified_act.loading import load_backend
from unified_act_conformance.declared import Deviation, list_deviations
from unified_act_conformance.subject import Subject

__all__ = ["Implementation", "deviations_about", "implementations", "spellings"]


@dataclass(frozen=True)
class Implementation:
    """What a backend uses for an activation in `fast`.

    Attributes:
        backend: The backend.
        kernel: The framework's own function, whether it is used or not; empty if there is none.
        own: The float types in which it is used; in the others it is the shared definition.
        dtypes: The float types that the backend has.
        why: Why it is not used in all of them.
    """

    backend: str
    kernel: str
    own: tuple[str, ...]
    dtypes: tuple[str, ...]
    why: str


def implementations(
    activation: Activation, parameters: Mapping[str, float | int] | None = None
) -> Iterator[Implementation]:
    """Yields what each installed backend uses.

    Args:
        activation: The activation.
        parameters: All its parameters, if they are to decide too.
    """
    for name in ua.list_backends(installed=True):
        backend = load_backend(name)
        dtypes = tuple(dtype for dtype in DTYPES if dtype in backend.dtypes)
        kernel = kernel_for(name, backend.native, activation, "fast")
        if kernel is None:
            yield Implementation(name, "", (), dtypes, "")
            continue
        own = tuple(dtype for dtype in dtypes if dtype in kernel.dtypes)
        why = [kernel.why] if kernel.why else []
        if kernel.only:
            only = ", ".join(f"{key}={value:g}" for key, value in kernel.only.items())
            why.append(f"for {only} only")
        if parameters is not None and kernel.arguments(parameters) is None:
            own = ()
        yield Implementation(name, kernel.label, own, dtypes, "; ".join(why))


def deviations_about(subject: Subject) -> list[Deviation]:
    """Returns the declared deviations of an activation, those of whole frameworks left out.

    Args:
        subject: The activation and its parameters.
    """
    return [found for found in list_deviations() if str(subject) in found.subjects]


def spellings(name: str) -> list[tuple[str, str]]:
    """Returns how frameworks spell an activation: dialect and spelling.

    Args:
        name: Its canonical name.
    """
    return [
        (dialect.name, spelling + _arguments(cell))
        for dialect in map(find_dialect, list_dialects())
        for cell in dialect.cells
        if cell.canonical == name
        for spelling in cell.spellings
    ]


def _arguments(cell: Cell) -> str:
    """What is passed for this meaning, and the parameters with their defaults there."""
    given = [f"{key}={value!r}" for key, value in cell.when.items()]
    for key, (_, *default) in cell.takes.items():
        given.append(f"{key}={default[0]!r}" if default else key)
    return f"({', '.join(given)})" if given else ""
