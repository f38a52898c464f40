"""The results of runs over all of float32 that are kept with the sources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["certificates"]

_FOLDER = Path(__file__).with_name("certificates")


def certificates() -> Mapping[str, Mapping[str, Any]]:
    """Returns what `exhaust` returned, by the name of the activation, with the date of the run."""
    files = sorted(_FOLDER.glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
