"""The commands `unified-act list` and `unified-act show`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import unified_act as ua
from unified_act import Activation
from unified_act.activation import KINDS
from unified_act.loading import find_entry, load_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.commands.catalogue_facts import (
    Implementation,
    deviations_about,
    implementations,
    spellings,
)
from unified_act_conformance.commands.common import echo_json, make_console, mistakes_told
from unified_act_conformance.commands.plugins_found import Plugin, list_plugins
from unified_act_conformance.commands.repro import subject_of
from unified_act_conformance.judge import Result, run
from unified_act_conformance.report.run import ORDER_NAMES, SHORT
from unified_act_conformance.report.terminal import error_table
from unified_act_conformance.subject import Subject, list_cases

__all__ = ["list_command", "show"]

LEGEND = "Float types: where the framework's own kernel is used; elsewhere the shared definition."
MEASURED = (0, 1)
"""What `show --measure` judges: value and gradient."""


@click.command("list")
@click.option("--kind", help="Only this kind, such as elementwise or axis.")
@click.option("--backend", "backends", multiple=True, help="Only this backend; repeatable.")
@click.option("--native", is_flag=True, help="Only what a framework has a kernel of its own for.")
@click.option("--plugins", is_flag=True, help="What other distributions bring, and its errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_command(
    kind: str | None, backends: Sequence[str], native: bool, plugins: bool, as_json: bool
) -> None:
    """Lists the activations, and where the frameworks' own kernels are used.

    Backends that are not installed are left out, and so are plugins that cannot be loaded: those
    --plugins shows. It exits with 1 if there are any.
    """
    console = make_console()
    if plugins:
        found = list(list_plugins())
        _print_plugins(found, as_json, console)
        sys.exit(1 if any(plugin.problem for plugin in found) else 0)
    usable, _ = ACTIVATIONS.load_all()
    if kind is not None and kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise click.BadParameter(f"{kind!r} is none of {known}.", param_hint="--kind")
    with mistakes_told(console):
        wanted = [find_entry(name).name for name in backends] or ua.list_backends(installed=True)
        rows = [
            (activation, [f for f in implementations(activation) if f.backend in wanted])
            for activation in usable
            if kind in (None, activation.kind)
        ]
    rows = [row for row in rows if not native or any(found.kernel for found in row[1])]
    if as_json:
        echo_json([_document(activation, found) for activation, found in rows])
        return
    table = Table(caption=f"{len(rows)} activations. {LEGEND}")
    for column in ("name", "kind", "parameters", "also"):
        table.add_column(column, overflow="fold")
    names = list(dict.fromkeys(found.backend for _, row in rows for found in row))
    for name in names:
        table.add_column(name)
    for activation, row in rows:
        parameters = ", ".join(_parameter(p) for p in activation.parameters)
        also = ", ".join(activation.aliases)
        table.add_row(activation.name, activation.kind, parameters, also, *map(_used, row))
    console.print(table)


def _print_plugins(found: Sequence[Plugin], as_json: bool, console: Console) -> None:
    if as_json:
        echo_json([asdict(plugin) for plugin in found])
        return
    if not found:
        console.print("No other distribution brings an activation or a backend.")
        return
    table = Table("name", "what", "distribution", "module", "state")
    for plugin in found:
        problem = f"[red]{escape(plugin.problem)}[/]"
        state = problem if plugin.problem else "[green]loaded[/]"
        table.add_row(plugin.name, plugin.what, plugin.origin, plugin.module, state)
    console.print(table)


def _parameter(parameter: ua.Parameter) -> str:
    if parameter.default is None:
        return parameter.name
    return f"{parameter.name}={parameter.default:.4g}"


def _used(found: Implementation) -> str:
    if not found.kernel:
        return "[dim]–[/]"
    if found.own == found.dtypes:
        return "[green]all[/]"
    return " ".join(SHORT[dtype] for dtype in found.own) or "[yellow]none used[/]"


def _document(activation: Activation, found: Iterable[Implementation]) -> dict[str, Any]:
    return {
        "name": activation.name,
        "kind": activation.kind,
        "aliases": activation.aliases,
        "parameters": {p.name: p.default for p in activation.parameters},
        "summary": activation.summary,
        "kernels": {
            f.backend: {"function": f.kernel, "used": f.own, "why": f.why}
            for f in found
            if f.kernel
        },
    }


@click.command()
@click.argument("name")
@click.option("--measure", is_flag=True, help="Judge it now, in float32, on what is installed.")
def show(name: str, measure: bool) -> None:
    """Shows what an activation is, what each backend uses for it, and what is known to be off.

    For example: unified-act show gelu, or unified-act show "silu(beta=1.702)"
    """
    console = make_console()
    with mistakes_told(console):
        activation = ACTIVATIONS.find(name.partition("(")[0])
        # What has a parameter without a default can be shown, but not be run without it.
        open_ = "(" not in name and any(p.default is None for p in activation.parameters)
        subject = Subject(activation.name) if open_ else subject_of(name)
        parameters = None if open_ else activation.bind(dict(subject.parameters))
        console.print(ua.describe(name), highlight=False, markup=False)
        console.print(_implementation_table(implementations(activation, parameters)))
        if measure:
            results = _measure(subject)
    for deviation in deviations_about(subject):
        what = " and ".join(ORDER_NAMES[order] for order in deviation.orders)
        types = ", ".join(SHORT[dtype] for dtype in deviation.dtypes)
        console.print(
            f"declared: {deviation.backend}, {deviation.numerics}, {what} in {types}: "
            f"{deviation.reason} ({deviation.id})",
            highlight=False,
            markup=False,
        )
    written = spellings(activation.name)
    if written:
        console.print(_spelling_table(written))
    if measure:
        console.print(error_table(results))
        sys.exit(0 if all(result.passed for result in results) else 1)


def _implementation_table(found: Iterable[Implementation]) -> Table:
    table = Table(title="What is used, by float type")
    for column in ("backend", "own kernel", *SHORT.values(), "why not everywhere"):
        table.add_column(column, overflow="fold")
    for one in found:
        used = dict.fromkeys(one.own, "[green]own[/]")
        cells = [used.get(d, "shared") if d in one.dtypes else "–" for d in SHORT]
        table.add_row(one.backend, escape(one.kernel or "–"), *cells, escape(one.why))
    return table


def _spelling_table(written: Sequence[tuple[str, str]]) -> Table:
    by_dialect: dict[str, list[str]] = {}
    for dialect, spelling in written:
        by_dialect.setdefault(dialect, []).append(spelling)
    table = Table("dialect", "spelling", title="How frameworks spell it")
    for dialect, texts in by_dialect.items():
        table.add_row(dialect, escape(", ".join(texts)))
    return table


def _measure(subject: Subject) -> list[Result]:
    available = {
        name: ["float32"]
        for name in ua.list_backends(installed=True)
        if "float32" in load_backend(name).dtypes
    }
    cases = list_cases([subject], available, MEASURED)
    return list(run(cases, quick=True))
