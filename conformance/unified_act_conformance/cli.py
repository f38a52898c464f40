"""The command `unified-act`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import cast

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import unified_act as ua
from unified_act.backend import Numerics
from unified_act.loading import load_backend
from unified_act_conformance import report
from unified_act_conformance.cases import DTYPES, Case, list_cases, list_subjects
from unified_act_conformance.runner import Result, run

__all__ = ["cli"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ua.__version__, prog_name="unified-act")
def cli() -> None:
    """One name, one activation function, the same on every framework."""


@cli.command()
@click.option("--backend", "backends", multiple=True, help="Only this backend; repeatable.")
@click.option("--activation", "activations", multiple=True, help="Only this activation.")
@click.option(
    "--dtype", "dtypes", multiple=True, type=click.Choice(DTYPES), help="Only this float type."
)
@click.option(
    "--numerics",
    type=click.Choice(["fast", "strict"]),
    default="fast",
    show_default=True,
    help="The profile to test, which is also the gate.",
)
@click.option("--quick", is_flag=True, help="Fewer inputs for float32 and float64.")
def conformance(
    backends: Sequence[str],
    activations: Sequence[str],
    dtypes: Sequence[str],
    numerics: str,
    quick: bool,
) -> None:
    """Judges value and gradient of every activation against exact arithmetic.

    Exits with 0 if every case passed, and with 1 if one failed or none ran. A backend that is
    asked for and cannot be loaded is a failure; without --backend, those installed are run.
    """
    # Wide enough for four backends also where the output is a file.
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        cases = _select(backends or ua.list_backends(installed=True), activations, dtypes)
    except ua.UnifiedActError as error:
        console.print(f"[red]{type(error).__name__}:[/] {error}", highlight=False)
        cause = error.__cause__
        if cause is not None:
            console.print(f"  caused by {type(cause).__name__}: {cause}", markup=False)
        sys.exit(1)
    if not cases:
        console.print("[red]No case was run:[/] nothing has that combination of options.")
        sys.exit(1)

    start = time.monotonic()
    results = _run(cases, cast(Numerics, numerics), quick, console)
    console.print(report.error_table(results))
    console.print("* some inputs are declared deviations: deviations.toml", highlight=False)
    for line in report.failures(results):
        console.print(f"[red]FAILED[/] {line}", highlight=False)
    console.print(report.summary(results, time.monotonic() - start), highlight=False)
    sys.exit(0 if all(result.passed for result in results) else 1)


def _select(
    backends: Sequence[str], activations: Sequence[str], dtypes: Sequence[str]
) -> list[Case]:
    loaded = [load_backend(name) for name in backends]
    available = {
        backend.name: [dtype for dtype in backend.dtypes if not dtypes or dtype in dtypes]
        for backend in loaded
    }
    return list_cases(list_subjects(activations), available)


def _run(cases: Sequence[Case], numerics: Numerics, quick: bool, console: Console) -> list[Result]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    results = []
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("conformance", total=len(cases))
        for result in run(cases, numerics=numerics, quick=quick):
            results.append(result)
            progress.update(task, advance=1, description=str(result.case.subject).ljust(30))
    return results
