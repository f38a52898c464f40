"""The command `unified-act exhaustive`."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from unified_act.backend import Numerics
from unified_act.loading import find_entry
from unified_act_conformance.commands.common import FILE, make_console, mistakes_told
from unified_act_conformance.exhaustive import (
    LIMIT,
    Finding,
    Task,
    described,
    exhaust,
    is_as_promised,
    written,
)
from unified_act_conformance.subject import subject_of
from unified_act_conformance.truth import caches_of_user

__all__ = ["exhaustive"]

_ROWS = {
    "inputs": "inputs",
    "not_nearest": "not the nearest number",
    "beyond_limit": f"more than {LIMIT} ulp off",
    "beyond_one": "more than 1 ulp off",
    "beyond_budget": f"more than {LIMIT} units off",
    "wrong_kind": "NaN or infinite, or should be",
    "wrong_zero": "the other zero",
    "unlike": "another value than with the gradient",
}


@click.command()
@click.argument("name")
@click.option("--backend", default="numpy", show_default=True, help="Judge this backend.")
@click.option(
    "--numerics",
    type=click.Choice(["fast", "strict"]),
    default="strict",
    show_default=True,
    help="Judge this profile.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float16", "bfloat16", "float32"]),
    default="float32",
    show_default=True,
    help="Judge this float type.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=lambda: os.cpu_count() or 1,
    help="Number of processes. The default is the number of cores.",
)
@click.option("--dask", metavar="ADDRESS", help="Let the workers of this Dask scheduler work.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep finished parts in this folder. The default is one in the user's cache.",
)
@click.option("--json", "file", type=FILE, help="Write the result to this file as JSON.")
def exhaustive(
    name: str,
    backend: str,
    numerics: Numerics,
    dtype: str,
    jobs: int,
    dask: str | None,
    folder: Path | None,
    file: Path | None,
) -> None:
    """Judges an elementwise activation at every number of a float type.

    Value and gradient are compared with exact arithmetic at all 4,278,190,082 numbers of float32,
    which takes two to ten minutes on two cores. A run that is killed goes on where it was when you
    give the same command again. The exit code is 1 if an output is more than 0.51 units off, as the
    suite judges, or of another kind than the exact value.

    For example: unified-act exhaustive gelu --backend torch --json gelu.json
    """
    console = make_console()
    with mistakes_told(console):
        task = Task(subject_of(name), find_entry(backend).name, dtype, numerics)
        about = described(task)
        place = folder or _folder_of_user(about)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
            row = bar.add_task(f"{task.subject} on {task.backend}", total=None)
            result = exhaust(
                task,
                place,
                jobs=jobs,
                dask=dask,
                progress=lambda done, of: bar.update(row, completed=done, total=of),
            )
        if file is not None:
            written(file, {**result, "date": dt.date.today().isoformat()})
    console.print(_table(result))
    sys.exit(0 if is_as_promised(result) else 1)


def _folder_of_user(about: Mapping[str, Any]) -> Path:
    given = [f"{key}={value}" for key, value in about["parameters"].items()]
    words = (about["activation"], *given, about["backend"], about["dtype"], about["numerics"])
    return caches_of_user() / "exhaustive" / "-".join((*words, about["code"][:12]))


def _table(result: Mapping[str, Any]) -> Table:
    findings = {name: Finding.of_document(result[name]) for name in ("value", "gradient")}
    title = (
        f"{result['activation']} on {result['backend']}, {result['numerics']}, {result['dtype']}"
    )
    table = Table("", *findings, title=title)
    for key, label in _ROWS.items():
        table.add_row(label, *(f"{getattr(found, key):,}" for found in findings.values()))
    table.add_row("largest error in ulp", *map(_error, findings.values()))
    table.add_row("where", *map(_where, findings.values()))
    table.add_row("largest error in units", *(_units(found) for found in findings.values()))
    return table


def _error(found: Finding) -> str:
    return "at most 0.5" if found.largest is None else f"{found.largest.error:g}"


def _units(found: Finding) -> str:
    return "at most 0.5" if found.largest is None else f"{found.units:g}"


def _where(found: Finding) -> str:
    return "" if found.largest is None else f"{found.largest.x:.9g}"
