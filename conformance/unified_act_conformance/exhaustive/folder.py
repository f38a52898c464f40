"""A folder that holds what was found in each part, so that a run can go on after it was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import unified_act as ua
from unified_act.literals import shown
from unified_act_conformance.exhaustive.finding import Finding
from unified_act_conformance.exhaustive.parts import Part

__all__ = ["Folder", "written"]

_TASK = "task.json"


class Folder:
    """A folder of finished parts. A file is there whole, or not at all.

    Args:
        path: Where it is; it is made if it does not exist.
        task: What is judged, and by which code. A folder holds parts of one task only.

    Raises:
        unified_act.ParameterValueError: The folder holds parts of another task, or other files.
    """

    def __init__(self, path: Path, task: Mapping[str, Any]) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)
        known = path / _TASK
        if not known.exists():
            if any(path.iterdir()):
                raise ua.ParameterValueError(
                    f"the folder {shown(str(path))} holds other files: choose an empty one."
                )
            written(known, task)
        elif json.loads(known.read_text(encoding="utf-8")) != task:
            raise ua.ParameterValueError(
                f"the folder {shown(str(path))} holds parts of another run, of another activation "
                "or by other code: delete it, or choose another folder."
            )

    def find(self, part: Part) -> Sequence[Finding] | None:
        """Returns what was found in a part, None if nobody has judged it yet."""
        try:
            text = self._file(part).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return [Finding.of_document(each) for each in json.loads(text)]

    def keep(self, part: Part, findings: Sequence[Finding]) -> None:
        """Puts what was found in a part into the folder."""
        written(self._file(part), [finding.document() for finding in findings])

    def _file(self, part: Part) -> Path:
        return self._path / f"{part.first:08x}-{part.size:x}.json"


def written(path: Path, document: Any) -> None:
    """Writes JSON into a file, all of it or nothing."""
    text = json.dumps(document, indent=1, sort_keys=True, allow_nan=False)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_text(f"{text}\n", encoding="utf-8")
    half.replace(path)
