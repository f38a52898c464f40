"""Checks that a framework cannot pass, as its backend declares them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from packaging.specifiers import SpecifierSet

from unified_act.backend import HOME, Numerics
from unified_act_conformance.declared.deviations import SHORTEST_REASON, backend_tables
from unified_act_conformance.harness import kind_in_use, load_harness
from unified_act_conformance.subject import Check

__all__ = ["DeclaredCheck", "declared_for", "list_declared_checks"]


@dataclass(frozen=True)
class DeclaredCheck:
    """One declared deviation: a check that fails, and has to.

    Attributes:
        id: A stable name.
        check: What is checked.
        backend: The backend.
        versions: Versions of the framework that show it, a PEP 440 specifier.
        subjects: Which activations, with parameters.
        numerics: The profiles in which it shows.
        dtypes: The float types.
        says: A part of what the check says.
        reason: Why.
        link: Where it is reported or fixed, if anywhere.
        devices: The kinds of devices on which it shows: where it was judged.
    """

    id: str
    check: str
    backend: str
    versions: str
    subjects: tuple[str, ...]
    numerics: tuple[Numerics, ...]
    dtypes: tuple[str, ...]
    says: str
    reason: str
    link: str = ""
    devices: tuple[str, ...] = (HOME,)

    def applies(self, check: Check, numerics: Numerics, version: str, device: str = HOME) -> bool:
        """Whether it is about a check, run with this version of the framework, on such a device."""
        return (
            self.check == check.name
            and self.backend == check.backend
            and str(check.subject) in self.subjects
            and numerics in self.numerics
            and check.dtype in self.dtypes
            and device in self.devices
            and SpecifierSet(self.versions).contains(version, prereleases=True)
        )

    def explains(self, problem: str) -> bool:
        """Whether this is what was declared."""
        return bool(problem) and self.says in problem

    def unlike(self, problem: str) -> str:
        """Says how it is not what was declared."""
        if not problem:
            return f"deviation {self.id} is declared but was not observed"
        return f"{problem}; deviation {self.id} declares {self.says!r}"


def declared_for(check: Check, numerics: Numerics) -> DeclaredCheck | None:
    """Returns the declared deviation that is about a check, or None.

    Args:
        check: The check.
        numerics: The profile.
    """
    version = load_harness(check.backend).version()
    device = kind_in_use(check.backend)
    found = (
        entry for entry in list_declared_checks() if entry.applies(check, numerics, version, device)
    )
    return next(found, None)


@cache
def list_declared_checks() -> tuple[DeclaredCheck, ...]:
    """Returns all declared deviations of checks.

    Raises:
        ValueError: An entry explains too little, or two have one id.
    """
    lists = ("subjects", "numerics", "dtypes", "devices")
    entries = [entry for table in backend_tables() for entry in table.get("check", ())]
    found = tuple(
        DeclaredCheck(**{**entry, **{key: tuple(entry[key]) for key in lists if key in entry}})
        for entry in entries
    )
    for entry in found:
        if len(entry.reason) < SHORTEST_REASON or not entry.says:
            raise ValueError(f"deviation {entry.id}: too little to recognise or explain anything")
    if len({entry.id for entry in found}) != len(found):
        raise ValueError("two deviations have one id")
    return found
