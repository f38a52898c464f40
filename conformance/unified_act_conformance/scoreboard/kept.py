"""Results as files, one for each version of a framework; and what changed between two."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

import unified_act as ua
from unified_act.literals import shown
from unified_act_conformance.scoreboard.frameworks import FRAMEWORKS
from unified_act_conformance.scoreboard.measure import Cell

__all__ = ["FOLDER", "Change", "Results", "changes", "find_results", "keep", "kept", "newest"]

FOLDER = Path(__file__).with_name("results")
"""The results that are kept with the sources."""
NOTICED = 1.1
"""An error that is so many times as large is another one."""


@dataclass(frozen=True)
class Results:
    """What was found of a version of a framework.

    Attributes:
        framework: The name of the framework.
        versions: The versions that decide what it computes; its own comes first.
        cpu: The processor, since frameworks choose their code by its instructions.
        date: When it was measured.
        cells: What was found.
    """

    framework: str
    versions: Mapping[str, str]
    cpu: str
    date: str
    cells: tuple[Cell, ...]

    @property
    def version(self) -> str:
        """Its own version, without what a build adds to it."""
        return Version(next(iter(self.versions.values()))).public

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.framework}-{self.version}"

    def text(self) -> str:
        """Returns the content of its file: a cell to a line, and always the same."""
        head = {**asdict(self), "cells": []}
        lines = ",\n".join(_json(cell.document()) for cell in self.cells)
        start, end = json.dumps(head, indent=1, allow_nan=False).split("[]")
        return f"{start}[\n{lines}\n]{end}\n"

    @classmethod
    def of_text(cls, text: str) -> Results:
        """Returns what `text` wrote."""
        document = json.loads(text)
        return cls(**{**document, "cells": tuple(map(Cell.of_document, document["cells"]))})


def _json(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def keep(results: Results, folder: Path = FOLDER) -> Path:
    """Writes results into their file, in place of what was there. Returns the file.

    Args:
        results: The results.
        folder: Where.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{results.name}.json"
    path.write_text(results.text(), encoding="utf-8")
    return path


def kept(folder: Path = FOLDER) -> list[Results]:
    """Returns all results in a folder, in the order of the frameworks, old versions first.

    Args:
        folder: Where.
    """
    order = [framework.name for framework in FRAMEWORKS]
    found = [Results.of_text(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")]
    known = [results for results in found if results.framework in order]
    return sorted(known, key=lambda r: (order.index(r.framework), Version(r.version)))


def newest(results: Sequence[Results]) -> list[Results]:
    """Returns the newest version of each framework.

    Args:
        results: In the order of `kept`.
    """
    return list({each.framework: each for each in results}.values())


def find_results(name: str) -> Results:
    """Returns results by the name of their file, or by their framework: the newest then.

    Args:
        name: Such as ``"torch-2.13.0"``, ``"torch"``, or the path of a file.

    Raises:
        unified_act.ParameterValueError: There are none.
    """
    found = kept()
    for each in reversed(found):
        if name in (each.name, each.framework):
            return each
    path = Path(name)
    if path.is_file():
        try:
            return Results.of_text(path.read_text(encoding="utf-8"))
        except (ValueError, TypeError, KeyError) as error:
            raise ua.ParameterValueError(
                f"{shown(name)} holds no results: write such a file with --keep."
            ) from error
    raise ua.ParameterValueError(
        f"there are no results {shown(name)}. Kept are {', '.join(each.name for each in found)}; "
        "or give the path of a file."
    )


@dataclass(frozen=True)
class Change:
    """What is another thing in another version.

    Attributes:
        key: The function, its float type, and the order.
        old: What was found in the one version; None if it was not there.
        new: The same in the other.
    """

    key: tuple[str, str, int]
    old: Cell | None
    new: Cell | None

    @property
    def better(self) -> bool:
        """Whether the new one is less wrong. What is new or gone is neither."""
        if self.old is None or self.new is None:
            return False
        return _badness(self.new) < _badness(self.old)


def changes(old: Results, new: Results) -> list[Change]:
    """Returns what differs, in the order of the cells.

    Args:
        old: The results of a version.
        new: Those of another.
    """
    return list(_changes(old, new))


def _changes(old: Results, new: Results) -> Iterator[Change]:
    before = {cell.key: cell for cell in old.cells}
    after = {cell.key: cell for cell in new.cells}
    for key in dict.fromkeys((*before, *after)):
        first, second = before.get(key), after.get(key)
        if first is None or second is None or _differ(first, second):
            yield Change(key, first, second)


def _differ(first: Cell, second: Cell) -> bool:
    if bool(first.why) != bool(second.why):
        return True
    less, more = sorted((first.ulp, second.ulp))
    places = [
        (cell.faults, cell.flushed, cell.lost, [x for x, *_ in (*cell.ends, *cell.kinks)])
        for cell in (first, second)
    ]
    return places[0] != places[1] or more > NOTICED * max(less, 0.5)


def _badness(cell: Cell) -> tuple[Any, ...]:
    return bool(cell.why), cell.faults, len(cell.ends) + len(cell.kinks), cell.ulp, cell.flushed
