"""The commands `unified-act list` and `unified-act show`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

import unified_act as ua
from unified_act import Activation
from unified_act.activation import KINDS
from unified_act.backend import DTYPES, HOME, Devices, Native, kernel_for
from unified_act.dialects import Cell, find_dialect, list_dialects
from unified_act.literals import shown
from unified_act.loading import BUILTIN_BACKENDS, computing_backend, find_entry, load_backend
from unified_act.names import normalize
from unified_act.registry import ACTIVATIONS, Announcement, plugins
from unified_act.request import understand
from unified_act.serving import Offer, serving
from unified_act_conformance.commands.common import echo_json, make_console, mistakes_told, several
from unified_act_conformance.commands.formula import unicode_of
from unified_act_conformance.declared import Deviation, list_deviations
from unified_act_conformance.judge import Result, run
from unified_act_conformance.report.run import SHORT
from unified_act_conformance.report.terminal import error_table
from unified_act_conformance.subject import (
    ORDER_NAMES,
    Subject,
    code_of_call,
    definitions,
    list_cases,
    offer_in,
    subject_of,
)
from unified_act_conformance.truth import unrecorded

__all__ = ["list_command", "show"]

LEGEND = (
    "Float types: where the framework's own kernel is used; elsewhere a table, in 16-bit types, a "
    "fused kernel or the shared definition."
)
CELLS = {
    "table": "table: it holds the rounded result for each of the 65,536 numbers of a 16-bit type; "
    "in strict, wherever the backend has one",
    "fused": "fused: a fused kernel, compiled from the shared definition; in strict, also in place "
    "of the framework's own",
}
PLAIN: Mapping[str, Any] = {"highlight": False, "markup": False}
MEASURED = (0, 1)
"""The orders that `show --measure` judges: value and gradient."""


@click.command("list")
@click.option("--kind", help="List only this kind, such as elementwise or axis.")
@several("--backend", "backends", help="List only this backend.")
@click.option(
    "--native", is_flag=True, help="List only activations for which a framework has its own kernel."
)
@click.option(
    "--plugins", is_flag=True, help="List the plugins of other distributions, with errors."
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_command(
    kind: str | None, backends: Sequence[str], native: bool, plugins: bool, as_json: bool
) -> None:
    """Lists the activations, and where the frameworks' own kernels are used.

    Backends that are not installed are left out, and so are plugins that cannot be loaded. Use
    --plugins to see all plugins; it exits with 1 if one of them cannot be loaded.
    """
    console = make_console()
    if plugins:
        found = list(_list_plugins())
        _print_plugins(found, as_json, console)
        sys.exit(1 if any(plugin.problem for plugin in found) else 0)
    usable, _ = ACTIVATIONS.load_all()
    if kind is not None and kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise click.BadParameter(
            f"unknown kind {shown(kind)}: use one of {known}.", param_hint="--kind"
        )
    with mistakes_told(console):
        named = {computing_backend(name) for name in backends}
        wanted = [name for name in ua.list_backends(installed=True) if not named or name in named]
        rows = [
            (activation, list(_usages(activation, None, wanted)))
            for activation in usable
            if kind in (None, activation.kind)
        ]
    rows = [row for row in rows if not native or any(found.kernel for found in row[1])]
    if as_json:
        echo_json([_document(activation, found) for activation, found in rows])
        return
    caption = f"{len(rows)} activations. {LEGEND}"
    columns = {
        "name": [activation.name for activation, _ in rows],
        "kind": [str(activation.kind) for activation, _ in rows],
        "parameters": [", ".join(map(_parameter, a.parameters)) for a, _ in rows],
        "also": [", ".join(activation.aliases) for activation, _ in rows],
    }
    for index, usage in enumerate(rows[0][1] if rows else ()):
        columns[usage.backend] = [_used(row[index]) for _, row in rows]
    console.print(_fitting_table(columns, caption, console.width))


def _fitting_table(columns: dict[str, list[str]], caption: str, width: int) -> Table:
    """Returns a table that breaks no word. Where it is too wide, it has fewer columns."""
    least = {name: max(map(_longest_word, (name, *cells))) for name, cells in columns.items()}
    left_out = [name for name in ("also", "kind", "parameters") if name in columns]
    dropped: list[str] = []
    while left_out and sum(least.values()) + 3 * len(least) + 1 > width:
        dropped.append(left_out.pop(0))
        del least[dropped[-1]]
    if dropped:
        caption += f" In a wider terminal: {', '.join(dropped)}."
    table = Table(caption=caption)
    spare = width - sum(least.values()) - 3 * len(least) - 1
    for name, size in reversed(least.items()):  # those of the backends first
        wanted = max(Text.from_markup(cell).cell_len for cell in (name, *columns[name])) - size
        least[name], spare = size + min(wanted, max(spare, 0)), spare - wanted
    for name, size in least.items():
        table.add_column(name, width=size)
    for cells in zip(*(columns[name] for name in least), strict=True):
        table.add_row(*cells)
    return table


def _longest_word(text: str) -> int:
    return max((len(word) for word in Text.from_markup(text).plain.split()), default=0)


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


def _used(found: Usage) -> str:
    if not found.kernel:
        return "[dim]–[/]"
    if found.own == found.dtypes:
        return "[green]all[/]"
    return " ".join(SHORT[dtype] for dtype in found.own) or "[yellow]none used[/]"


def _document(activation: Activation, found: Iterable[Usage]) -> dict[str, Any]:
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
        "tables": {f.backend: f.table for f in found if f.table},
        "fused": {f.backend: f.fused for f in found if f.fused},
    }


@click.command()
@click.argument("name")
@several("--backend", "backends", help="Show only this backend, and its code.")
@click.option(
    "--measure", is_flag=True, help="Measure the error now, in float32, on all installed backends."
)
@click.option(
    "--device",
    default=HOME,
    show_default=True,
    help="Show what is used on this kind of device: cuda, mps, gpu. It need not be there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def show(name: str, backends: Sequence[str], measure: bool, device: str, as_json: bool) -> None:
    """Shows an activation: its definition, the code that backends use, and known deviations.

    For example: unified-act show gelu --backend torch, or unified-act show "silu(beta=1.702)"
    """
    console = make_console()
    with mistakes_told(console):
        asked = understand(name)
        activation = asked.activation
        # An activation with a missing parameter can be shown, but not run.
        open_ = not asked.given and bool(activation.required)
        subject = Subject(activation.name) if open_ else subject_of(name)
        parameters = None if open_ else activation.bind(dict(subject.parameters))
        wanted = [computing_backend(name) for name in backends] or ua.list_backends(installed=True)
        kind = device.partition(":")[0].lower()
        found = list(_usages(activation, parameters, wanted, kind, bool(backends)))
        in_detail = (backends or as_json) and kind == HOME
        runs = _runs(activation, parameters, wanted if in_detail else ())
        if as_json:
            places = {key.replace(" ", "_"): text for key, text in definitions(activation).items()}
            echo_json({**_document(activation, found), **places, "runs": runs})
            return
        about = ua.describe(name).replace(activation.formula, unicode_of(activation.formula))
        console.print(about, highlight=False, markup=False, soft_wrap=True)
        for text in (*_lines(definitions(activation)), *_run_lines(runs)):
            console.print(text, highlight=False, markup=False, soft_wrap=True)
        for line in filter(None, [unrecorded(activation.name)]):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        console.print(_implementation_table(found, kind))
        for one in found:
            if one.why:
                console.print(f"not everywhere on {one.backend}: {one.why}", **PLAIN)
        if measure:
            results = _measure(subject)
    _print_deviations(_deviations_about(subject, wanted, kind), bool(backends), console)
    written = _spellings(activation.name)
    if written:
        console.print(_spelling_table(written))
    if measure:
        console.print(error_table(results))
        sys.exit(0 if all(result.passed for result in results) else 1)


def _print_deviations(found: Sequence[Deviation], whole: bool, console: Console) -> None:
    """Prints the declared deviations, or how many there are."""
    if found and not whole:
        counts = Counter(deviation.backend for deviation in found)
        numbers = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        console.print(f"declared deviations: {numbers}. Option --backend shows them.", **PLAIN)
        return
    for deviation in found:
        what = " and ".join(ORDER_NAMES[order] for order in deviation.orders)
        types = ", ".join(SHORT[dtype] for dtype in deviation.dtypes)
        text = f"declared: {deviation.backend}, {deviation.numerics}, {what} in {types}: "
        console.print(f"{text}{deviation.reason} ({deviation.id})", **PLAIN)


def _runs(
    activation: Activation, parameters: Mapping[str, Any] | None, backends: Sequence[str]
) -> dict[str, dict[str, str]]:
    """The code that a call runs, by backend and float type."""
    return {
        name: {
            dtype: code_of_call(activation, name, dtype, parameters)
            for dtype in DTYPES
            if dtype in load_backend(name).dtypes
        }
        for name in backends
    }


def _run_lines(runs: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for backend, by_dtype in runs.items():
        yield f"a call on {backend} runs"
        yield from _lines(by_dtype)


def _lines(texts: Mapping[str, str]) -> Iterator[str]:
    width = max(map(len, texts), default=0)
    yield from (f"  {key:<{width}}  {text}" for key, text in texts.items())


def _implementation_table(found: Iterable[Usage], device: str) -> Table:
    where = "" if device == HOME else f" on {device}"
    table = Table(title=f"What is used{where}, by float type")
    for column in ("backend", "own kernel", *SHORT.values()):
        table.add_column(column, overflow="fold")
    for one in found:
        used = dict.fromkeys(one.own, "[green]own[/]")
        used |= dict.fromkeys(one.table, "table") | dict.fromkeys(one.fused, "fused")
        cells = [used.get(d, "shared") if d in one.dtypes else "–" for d in SHORT]
        table.add_row(one.backend, escape(one.kernel or "–"), *cells)
    used_words = {cell for column in table.columns for cell in column.cells}
    table.caption = "\n".join(text for word, text in CELLS.items() if word in used_words) or None
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


@dataclass(frozen=True)
class Usage:
    """What a backend uses for an activation in `fast`.

    Attributes:
        backend: The backend.
        kernel: The framework's own function, whether it is used or not; empty if there is none.
        own: The float types in which it is used.
        table: The float types in which a table is used.
        fused: The float types in which a fused kernel is used; the shared definition in all others.
        dtypes: The float types that the backend has.
        why: Why it is not used in all of them.
    """

    backend: str
    kernel: str
    own: tuple[str, ...]
    table: tuple[str, ...]
    fused: tuple[str, ...]
    dtypes: tuple[str, ...]
    why: str


def _usages(
    activation: Activation,
    parameters: Mapping[str, float | int] | None,
    backends: Sequence[str],
    device: str = HOME,
    named: bool = False,
) -> Iterator[Usage]:
    """Yields what each backend uses.

    Args:
        activation: The activation.
        parameters: All its parameters, if they are to decide too.
        backends: Names of installed backends.
        device: The kind of device.
        named: Whether a user has named the backends; else those without the device are left out.

    Raises:
        unified_act.UnsupportedError: A backend that was named computes on a CPU alone.
    """
    for name in backends:
        offer = offer_in(name)
        if offer.devices is None and device != HOME:
            if named:
                raise ua.UnsupportedError(f"{name} computes on a CPU alone, not on {device}.")
            continue
        served = list(serving(offer, activation, parameters, "fast", device))
        own, table, fused = (
            tuple(one.dtype for one in served if one.by == by)
            for by in ("framework", "table", "kernel")
        )
        kernel = kernel_for(name, offer.native, activation, "fast")
        why = [] if kernel is None else list(_reasons(kernel, offer, device))
        label = "" if kernel is None else kernel.label
        yield Usage(name, label, own, table, fused, tuple(offer.dtypes), "; ".join(why))


def _reasons(kernel: Native, offer: Offer, device: str) -> Iterator[str]:
    """Yields why a framework's own function is not used everywhere."""
    yield from filter(None, ((offer.devices or Devices()).why(device), kernel.why))
    if kernel.only:
        only = ", ".join(f"{key}={value:g}" for key, value in kernel.only.items())
        yield f"for {only} only"
    if kernel.reaches:
        yield kernel.reaches
    if device == HOME and (outruns := kernel.outruns(offer.few)):
        yield outruns


def _deviations_about(subject: Subject, backends: Sequence[str], device: str) -> list[Deviation]:
    """Returns the declared deviations of an activation, those of whole frameworks left out.

    Args:
        subject: The activation and its parameters.
        backends: Only those of these; all if there are none.
        device: The kind of device.
    """
    return [
        found
        for found in list_deviations()
        if str(subject) in found.subjects
        and (not backends or found.backend in backends)
        and device in found.devices
    ]


def _spellings(name: str) -> list[tuple[str, str]]:
    """Returns how frameworks spell an activation: dialect and spelling.

    Args:
        name: Its canonical name.
    """
    return [
        (dialect.name, spelling + _arguments(cell))
        for dialect in map(find_dialect, list_dialects())
        for cell in dialect.cells
        if cell.canonical == name
        for spelling in cell.spellings
    ]


def _arguments(cell: Cell) -> str:
    """What is passed for this meaning, and the parameters with their defaults there."""
    given = [f"{key}={value!r}" for key, value in cell.when.items()]
    for key, (_, *default) in cell.takes.items():
        given.append(f"{key}={default[0]!r}" if default else key)
    return f"({', '.join(given)})" if given else ""


@dataclass(frozen=True)
class Plugin:
    """One entry point.

    Attributes:
        name: The name of the activation or backend.
        what: ``"activation"`` or ``"backend"``.
        origin: The distribution that brings it, with its version.
        module: The module that it comes from.
        problem: Why it cannot be used; empty if it can.
    """

    name: str
    what: str
    origin: str
    module: str
    problem: str


def _list_plugins() -> Iterator[Plugin]:
    """Yields everything that is announced, and loads it to see whether it works."""
    for what, group in (("activation", plugins.ACTIVATIONS), ("backend", plugins.BACKENDS)):
        for candidates in plugins.announced(group).values():
            for one in candidates:
                problem = _problem(what, one)
                yield Plugin(one.name, what, one.origin, one.module, problem)


def _problem(what: str, one: Announcement) -> str:
    built_in = BUILTIN_BACKENDS if what == "backend" else _built_in_names()
    if normalize(one.name) in map(normalize, built_in):
        return f"the name is that of a built-in {what}, which is used"
    try:
        if what == "activation":
            ACTIVATIONS.find(one.name)
        else:
            load_backend(find_entry(one.name).name)
    except ua.UnifiedActError as error:
        return str(error)
    return ""


def _built_in_names() -> list[str]:
    return [
        name
        for activation in ACTIVATIONS
        if not activation.plugin
        for name in (activation.name, *activation.aliases)
    ]
