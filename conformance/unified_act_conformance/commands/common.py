"""Code that the commands share: the console, JSON output and error reports."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

import unified_act as ua
from unified_act.literals import shown

if TYPE_CHECKING:
    from unified_act_conformance.identify import Source

__all__ = ["EXISTING", "FILE", "echo_json", "make_console", "mistakes_told", "several", "told"]

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
Command = TypeVar("Command", bound=Callable[..., Any])


class _NewFile(click.Path):
    """A file to write, in a folder that exists."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Returns the path. Ends the command if nothing can be written there."""
        path = Path(str(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"there is no folder {shown(str(path.parent))}: create it first.", param, ctx)
        return path


FILE = _NewFile(dir_okay=False, writable=True, path_type=Path)


class _Several(click.ParamType):  # type: ignore[type-arg]  # only newer releases are generic
    """Several values in one word, with commas between them: a,b."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.name = kind.name

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Returns the list of the values. A comma inside brackets separates nothing."""
        parts = [part.strip() for part in re.split(r",(?![^({]*[)}])", str(value))]
        return [self.kind.convert(part, param, ctx) for part in parts if part or len(parts) == 1]

    def get_metavar(self, *arguments: Any, **keywords: Any) -> str | None:
        """Returns what the help shows for a value."""
        text: str | None = self.kind.get_metavar(*arguments, **keywords)
        return text


def several(
    *names: str,
    help: str,  # noqa: A002  # as click has it
    kind: Any = click.STRING,
) -> Callable[[Command], Command]:
    """Returns an option that may be repeated, and that takes several values with commas too.

    Args:
        *names: As for `click.option`.
        help: What it does.
        kind: The type of each value.
    """
    return click.option(
        *names,
        multiple=True,
        type=_Several(kind),
        callback=lambda _context, _option, found: tuple(one for each in found for one in each),
        help=f"{help.removesuffix('.')} (repeatable, or a,b).",
    )


def make_console() -> Console:
    """Returns the console. If the output is a file, it is wide enough for four backends.

    The environment variable COLUMNS takes precedence.
    """
    known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(width=None if known else 160)


@contextmanager
def mistakes_told(console: Console) -> Iterator[None]:
    """Reports an error of `unified_act` in one line without a traceback, and ends the process.

    So it does with the error of a file that cannot be read or written.

    Args:
        console: The console to print on.
    """
    try:
        yield
    except ua.UnifiedActError as error:
        console.print(f"[red]{type(error).__name__}:[/]", end=" ")
        console.print(str(error), highlight=False, markup=False, soft_wrap=True)
        cause = error.__cause__
        if cause is not None:
            text = f"  caused by {type(cause).__name__}: {cause}"
            console.print(text, markup=False, soft_wrap=True)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        console.print(f"[red]{type(error).__name__}:[/]", end=" ")
        text = f"{error.strerror}: {shown(str(error.filename))}. Choose another file or folder."
        console.print(text, highlight=False, markup=False, soft_wrap=True)
        sys.exit(1)


def told(source: Source) -> Source:
    """Returns a source, after telling how its text was understood if it can be misread."""
    if source.note:
        click.echo(source.note, err=True)
    return source


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
