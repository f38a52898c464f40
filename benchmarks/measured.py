"""What was measured, as files: one for each device and backend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from unified_act.backend import Numerics

__all__ = ["FOLDER", "PROFILES", "Measured", "Row", "read_all"]

FOLDER = Path(__file__).parent / "measured"
PROFILES: Sequence[Numerics] = ("fast", "strict")
"""The profiles that are measured."""


class Row(NamedTuple):
    """One comparison: microseconds of the best rival and of ours.

    Attributes:
        activation: The name of the activation.
        dtype: The name of the float type.
        size: ``"one"`` or ``"million"``, the number of elements; ``"rows"``: so many in short rows.
        mode: ``"forward"`` or ``"gradient"``.
        rival: The statement of the best rival.
        native: Microseconds of the best rival.
        fast: Microseconds of the profile `fast`.
        strict: Microseconds of the profile `strict`.
    """

    activation: str
    dtype: str
    size: str
    mode: str
    rival: str
    native: float
    fast: float
    strict: float

    def ratio(self, profile: str) -> float:
        """Returns how many times as long as the best rival a profile takes."""
        taken: float = getattr(self, profile)
        return taken / self.native


@dataclass
class Measured:
    """The results of one backend on one device.

    Attributes:
        backend: The name of the backend.
        device: The name of the device.
        date: The day of the run.
        machine: The processor, and how many cores the process may use.
        versions: The versions of what takes part, by name.
        rows: The comparisons.
        training: Milliseconds of a training step by float type and activation, if measured.
    """

    backend: str
    device: str
    date: str
    machine: str
    versions: Mapping[str, str]
    rows: list[Row] = field(default_factory=list)
    training: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Writes the file, with one line for each comparison, and each rival once."""
        head = asdict(self)
        del head["rows"]
        rivals = head["rivals"] = list(dict.fromkeys(row.rival for row in self.rows))
        numbered = ((*row[:4], rivals.index(row.rival), *row[5:]) for row in self.rows)
        rows = ",\n".join(json.dumps(row) for row in numbered)
        text = json.dumps(head, ensure_ascii=False, indent=1)[:-2] + f',\n "rows": [\n{rows}\n]}}\n'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.device}-{self.backend}.json").write_text(text, encoding="utf-8")


def read_all(folder: Path) -> list[Measured]:
    """Returns what the files of a folder say, in the order of their names."""
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Measured:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    rivals, rows = found.pop("rivals"), [Row(*row) for row in found.pop("rows")]
    return Measured(**found, rows=[row._replace(rival=rivals[int(row.rival)]) for row in rows])
