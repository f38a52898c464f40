"""The command `unified-act scoreboard`."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

import unified_act as ua
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.commands.common import FILE, make_console, mistakes_told, several
from unified_act_conformance.scoreboard import (
    DTYPES,
    FOLDER,
    SHOWN,
    Board,
    Cell,
    Framework,
    Measure,
    Results,
    board,
    cell_text,
    change_text,
    changes,
    find_frameworks,
    find_results,
    framework_of,
    keep,
    kept,
    links,
    measure_all,
    newest,
    remarks,
    scoreboard_page,
    subject_text,
)
from unified_act_conformance.subject import ORDER_NAMES

__all__ = ["scoreboard"]

NARROW = 100
"""Below so many characters a large error has one digit."""
MARKS = (
    "NaN, inf: somewhere it is that, and should not be. *: wrong at an infinity or a kink. –: not "
    "offered. Blank: there is no such function."
)
LEGENDS = {
    "ulp": "Largest error at finite inputs, in units in the last place of the exact value; 0.5 is "
    f"as good as can be. {MARKS}",
    "units": "Largest error at finite inputs, in units: 1 is what the rounding of the input and of "
    f"the output, and an error of one epsilon, come to. {MARKS}",
}


@click.command()
@several("--framework", "--backend", help="Only these frameworks; keras and ours are several.")
@several("--activation", help="Only these activations; of one, all that was found.")
@click.option(
    "--dtype",
    type=click.Choice(DTYPES),
    default=DTYPES[0],
    show_default=True,
    help="Show this float type.",
)
@click.option(
    "--order",
    type=click.IntRange(0, 2),
    default=0,
    show_default=True,
    help="Show the value (0), the gradient (1) or the second derivative (2).",
)
@click.option(
    "--sort",
    default="worst",
    show_default=True,
    help="Sort by name, by the worst cell of a row, or by a framework.",
)
@click.option(
    "--in",
    "by",
    type=click.Choice(["ulp", "units"]),
    default="ulp",
    show_default=True,
    help="Show errors in units in the last place, or in the suite's measure.",
)
@click.option("--measure", "again", is_flag=True, help="Measure what is installed, here and now.")
@click.option("--keep", "keeping", is_flag=True, help="Measure, and keep the results.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=FOLDER,
    help="Where results are kept. The default is a folder of the package.",
)
@click.option(
    "--compare",
    nargs=2,
    metavar="OLD NEW",
    help="What changed, such as: keras-jax-3.10.0 keras-jax-3.15.1.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=lambda: os.cpu_count() or 1,
    help="Processes that measure at the same time. The default is the number of cores.",
)
@click.option("--json", "json_file", type=FILE, help="Write all results to this file as JSON.")
@click.option("--html", "html_file", type=FILE, help="Write a page with curves to this file.")
def scoreboard(
    framework: Sequence[str],
    activation: Sequence[str],
    dtype: str,
    order: int,
    sort: str,
    by: Measure,
    again: bool,
    keeping: bool,
    folder: Path,
    compare: tuple[str, str] | None,
    jobs: int,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    """Shows how right the functions of each framework are.

    It shows the results that are kept, of the newest version of each framework. With --measure it
    measures what is installed, at all inputs of the 16-bit types and a million of float32, which
    takes about ten minutes.

    For example: unified-act scoreboard --order 1 --dtype bfloat16 --html scoreboard.html
    """
    console = make_console()
    if keeping and activation:
        raise click.UsageError("a file holds all activations: give --keep without --activation")
    with mistakes_told(console):
        if compare:
            _compare(console, *map(find_results, compare))
            return
        names = [ACTIVATIONS.find(name).name for name in activation]
        chosen = find_frameworks(framework)
        wanted = {each.name for each in chosen}
        if again or keeping:
            results = _measured(console, chosen, names, jobs, folder if keeping else None)
        else:
            results = [each for each in kept(folder) if each.framework in wanted]
        if json_file is not None:
            document = [json.loads(each.text()) for each in results]
            json_file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        columns = newest(results)
        if not framework:
            columns = [each for each in columns if each.framework in SHOWN]
        if html_file is not None:
            page = scoreboard_page(results, [each.name for each in columns])
            html_file.write_text(page, encoding="utf-8")
        found = board(columns, dtype, order, activations=names, sort=sort, by=by)
    if not found.rows:
        raise click.ClickException(
            "there is nothing to show: choose other options, or add --measure"
        )
    if len(names) == 1:
        _details(console, columns, names[0], dtype, order)
    else:
        console.print(_table(found, f"{dtype}, {ORDER_NAMES[order]}", console.width, by))
        console.print(LEGENDS[by], style="dim", highlight=False)


def _measured(
    console: Console,
    chosen: Sequence[Framework],
    names: Sequence[str],
    jobs: int,
    folder: Path | None,
) -> list[Results]:
    """Measures, and keeps what was found if there is a folder for it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    errors = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=errors) as bar:
        row = bar.add_task("starting the frameworks", total=None)

        def progress(done: int, of: int, what: str) -> None:
            bar.update(row, completed=done, total=of, description=what)
            if not errors.is_terminal and what:  # where a bar is drawn only at the end
                click.echo(f"{done}/{of} {what}", err=True)

        date = dt.date.today().isoformat()
        run = measure_all(chosen, activations=names, jobs=jobs, date=date, progress=progress)
    for note in run.notes:
        console.print(note, style="yellow", markup=False, soft_wrap=True)
    if folder is not None:
        for each in run.results:
            console.print(f"kept {keep(each, folder).name}", markup=False)
    return run.results


def _table(found: Board, title: str, width: int, by: Measure) -> Table:
    table = Table(title=title, box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    names = 13 if width < NARROW else None
    table.add_column("", no_wrap=True, overflow="ellipsis", max_width=names)
    for each in found.columns:
        heading = framework_of(each).heading.replace(" ", "\n")
        table.add_column(heading, justify="right", no_wrap=True, min_width=4, vertical="bottom")
    for name, row in found.rows.items():
        table.add_row(name, *(_styled(cell, 1 if width < NARROW else 2, by) for cell in row))
    return table


def _styled(cell: Cell | None, digits: int, by: Measure) -> Text:
    text, limit = cell_text(cell, digits, by), 100 if by == "ulp" else 4
    if cell is None or cell.why:
        return Text(text, style="dim")
    if cell.faults:
        return Text(text, style="bold red")
    error = getattr(cell, by)
    return Text(text, style="red" if error > limit else "yellow" if error > 1 else "green")


def _details(
    console: Console, columns: Sequence[Results], activation: str, dtype: str, order: int
) -> None:
    """All that was found about one activation."""
    for each in columns:
        for cell in each.cells:
            if (cell.activation, cell.dtype, cell.order) == (activation, dtype, order):
                title = f"{framework_of(each).title} {each.version}"
                about = f"{cell.symbol}, judged as {subject_text(cell)}"
                console.print(Text(title, style="bold"), Text(about), highlight=False)
                for text in remarks(cell):
                    console.print(f"  {text}", markup=False, highlight=False)
                for link, says in links(each.framework, cell).items():
                    console.print(f"  {says}: {link}", markup=False, soft_wrap=True)


def _compare(console: Console, old: Results, new: Results) -> None:
    found = changes(old, new)
    console.print(f"{old.name} → {new.name}: {len(found)} changes", highlight=False)
    if old.framework != new.framework:
        raise ua.ParameterValueError("compare two versions of one framework.")
    for change in found:
        symbol, dtype, order = change.key
        console.print(
            f"{symbol}, {dtype}, {ORDER_NAMES[order]}: {change_text(change)}",
            markup=False,
            highlight=False,
        )
