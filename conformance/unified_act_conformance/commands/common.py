"""Code that the commands share: the console, JSON output and error reports."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

import unified_act as ua

__all__ = ["EXISTING", "FILE", "echo_json", "make_console", "mistakes_told"]

FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


def make_console() -> Console:
    """Returns the console. If the output is a file, it is wide enough for four backends."""
    return Console(width=None if sys.stdout.isatty() else 160)


@contextmanager
def mistakes_told(console: Console) -> Iterator[None]:
    """Reports an error of `unified_act` in one line without a traceback, and ends the process.

    Args:
        console: The console to print on.
    """
    try:
        yield
    except ua.UnifiedActError as error:
        console.print(f"[red]{type(error).__name__}:[/]", end=" ")
        console.print(str(error), highlight=False, markup=False)
        cause = error.__cause__
        if cause is not None:
            console.print(f"  caused by {type(cause).__name__}: {cause}", markup=False)
        sys.exit(1)


def echo_json(document: Any) -> None:
    """Prints a document as JSON. Infinity and NaN become null.

    Args:
        document: Nested dicts, sequences, texts and numbers.
    """
    click.echo(json.dumps(_plain(document), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
