"""The command `unified-act conformance same`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click
from rich.markup import escape
from rich.progress import track

from unified_act.backend import DTYPES
from unified_act.loading import computing_backend
from unified_act_conformance.checks import COUNT, Comparison, compare, same_subjects
from unified_act_conformance.commands.common import make_console, mistakes_told, several
from unified_act_conformance.subject import describe, dtypes_of, usual_backends

__all__ = ["same"]

COMPARED = ("float16", "bfloat16", "float32")
"""The types in which backends are compared unless some are named."""


@click.command()
@several("--backend", "backends", help="Compare only these backends, two or more.")
@several("--activation", "activations", help="Compare only this activation.")
@several(
    "--dtype",
    "dtypes",
    kind=click.Choice(DTYPES),
    help=f"Compare in this float type. The default is {', '.join(COMPARED)}.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1000),
    default=COUNT,
    show_default=True,
    help="Number of bit patterns. Of a 16-bit type elementwise activations get all.",
)
def same(
    backends: Sequence[str], activations: Sequence[str], dtypes: Sequence[str], count: int
) -> None:
    """Compares backends with each other: not one bit may differ in the profile "strict".

    Values are compared, and gradients by the input. Without --backend all installed built-in
    backends are compared. The exit code is 1 if bits differ where backends share their code.
    """
    console = make_console()
    start = time.monotonic()
    results: list[Comparison] = []
    with mistakes_told(console):
        names = [computing_backend(name) for name in backends] or usual_backends()
        if len(set(names)) < 2:
            raise click.UsageError("name two backends or more, with --backend")
        dtypes = dtypes or COMPARED
        available = dtypes_of(names, dtypes)
        pairs = [(subject, dtype) for subject in same_subjects(activations) for dtype in dtypes]
        for subject, dtype in track(pairs, "same bits", console=console, transient=True):
            having = [name for name in names if dtype in available[name]]
            if len(having) > 1:
                results += compare(subject, dtype, having, count=count)
    for result in results:
        if not result.passed:
            text = escape(f"{describe(result.planned)}: {result.problem}")
            console.print(f"[red]FAILED[/] {text}", highlight=False, soft_wrap=True)
    for line in _apart(results):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    failed = sum(not result.passed for result in results)
    console.print(
        f"{len(results) - failed:,} of {len(results):,} comparisons passed; "
        f"{sum(result.compared for result in results):,} elements of {', '.join(names)} compared, "
        f"{time.monotonic() - start:.0f} s",
        highlight=False,
    )
    sys.exit(1 if failed or not results else 0)


def _apart(results: Sequence[Comparison]) -> list[str]:
    """Says what differs and may: by a declaration, or since a framework's operations compute it."""
    found: dict[str, list[str]] = {}
    for result in results:
        if result.deviation:
            where = f"{result.backend} differs as {result.deviation} declares: "
        elif result.unsupported:
            where = f"{result.backend}, {result.dtype}, differs by operations of its own: "
        else:
            continue
        found.setdefault(where, []).append(str(result.subject))
    return [where + ", ".join(dict.fromkeys(subjects)) for where, subjects in found.items()]
