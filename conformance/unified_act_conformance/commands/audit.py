"""The command `unified-act audit`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from unified_act_conformance.commands.common import (
    FILE,
    echo_json,
    make_console,
    mistakes_told,
    several,
)

if TYPE_CHECKING:
    from unified_act_conformance.audit import Apart, Audit

__all__ = ["audit"]

NUMBERS = {"float32", "float64", "float16", "int64", "int32", "bool"}


class _Shape(click.ParamType):  # type: ignore[type-arg]  # only newer releases are generic
    """A shape, with a type if it is not float32: 1x3x224x224 or 1x16:int64."""

    name = "shape"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Returns an array of ones."""
        shape, _, dtype = str(value).partition(":")
        if not re.fullmatch(r"\d+(x\d+)*", shape) or (dtype and dtype not in NUMBERS):
            self.fail(f"{value!r} is no shape: write 1x3x224x224 or 1x16:int64.", param, ctx)
        return np.ones(tuple(map(int, shape.split("x"))), dtype or "float32")


@click.command()
@click.argument("model", metavar="MODEL")
@click.option("--against", "other", metavar="OTHER", help="Compare with this model.")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    type=_Shape(),
    help="What to call MODEL with: a shape such as 1x3x224x224, or 1x16:int64 (repeatable).",
)
@several("--to", "dialects", help="Show only how this dialect writes an activation.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--html", type=FILE, help="Write the result to this file as an HTML page.")
def audit(
    model: str,
    other: str | None,
    inputs: Sequence[Any],
    dialects: Sequence[str],
    as_json: bool,
    html: Path | None,
) -> None:
    """Lists the activations of a model by place, and what they are in other frameworks.

    For example: unified-act audit model.onnx --against package.module:make_model

    MODEL and OTHER are files whose names end in .onnx, .keras or .pt2, or package:factory, a
    function without arguments that returns a model of PyTorch, Keras, flax or equinox, or a pair
    (model, inputs). Every part of the model that acts on single elements, and every softmax, is run
    and identified. The exit code is 1 if an activation is not known. With --against it is 1 if two
    that belong together are not the same function.
    """
    from unified_act.dialects import find_dialect
    from unified_act_conformance.audit import audit as audit_model
    from unified_act_conformance.report.audit import audit_page

    console = make_console()
    compared: Audit | None = None
    apart: tuple[Apart, ...] = ()
    with mistakes_told(console):
        for dialect in dialects:
            find_dialect(dialect)
        found = _with_progress(audit_model, model, inputs)
        if other is not None:
            compared = _with_progress(audit_model, other, inputs)
            apart = found.against(compared)
        if html is not None:
            html.write_text(audit_page(found, compared, apart, dialects), encoding="utf-8")
    if as_json:
        document = found.document(dialects)
        if compared is not None:
            document["against"] = {
                "model": compared.model,
                "framework": compared.framework,
                "apart": [_document(place) for place in apart],
            }
        echo_json(document)
    elif compared is not None:
        _print_apart(console, found, compared, apart)
    else:
        _print(console, found, dialects)
    unknown = any(one.activation is None for one in found.activations)
    sys.exit(1 if apart or (compared is None and unknown) else 0)


def _with_progress(audit_model: Callable[..., Audit], text: str, inputs: Sequence[Any]) -> Audit:
    """Audits what a text stands for, and says on a terminal what it does meanwhile."""
    from unified_act_conformance.audit import model_named

    console = Console(stderr=True)
    with console.status(f"reading {escape(text)}") as status:
        model, own = model_named(text)
        count = 0

        def progress(what: str) -> None:
            nonlocal count
            count += 1
            status.update(escape(f"{text}: identifying function {count}, {what[:40]}"))

        given = tuple(inputs) if inputs else own
        return audit_model(model, given, progress=progress)


def _print(console: Console, found: Audit, dialects: Sequence[str]) -> None:
    from unified_act_conformance.audit import headline

    console.print(headline(found), highlight=False, markup=False)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("place", overflow="fold")
    table.add_column("activation", overflow="fold")
    table.add_column("off by, in", overflow="fold")
    for one in found.activations:
        text = "\n".join([one.text, *one.notes])
        errors = [f"{error:.1e} {dtype}" for dtype, error in one.errors.items()]
        table.add_row(*map(escape, (one.place, text, "\n".join(errors[1:2] or errors))))
    if found.activations:
        console.print(table, highlight=False)
    for text, written in found.elsewhere(dialects).items():
        console.print(f"\n[bold]{escape(text)}[/] elsewhere", highlight=False)
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for place in written:
            if place.code is not None:
                lines = [place.code, *(f"  but {difference}" for difference in place.differs)]
                table.add_row(f"  {place.dialect}", escape("\n".join(lines)))
        console.print(table, highlight=False)
        without = ", ".join(place.dialect for place in written if place.code is None)
        if without:
            console.print(f"  in no single call: {without}", highlight=False)
    for note in found.notes:
        console.print(f"note: {note}", highlight=False, markup=False)


def _print_apart(console: Console, found: Audit, other: Audit, apart: Sequence[Apart]) -> None:
    from unified_act_conformance.audit import headline

    for model in (found, other):
        console.print(headline(model), highlight=False, markup=False)
    if not apart:
        console.print("all are the same functions", highlight=False)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in ("place", "here", "there", "apart by up to"):
        table.add_column(name, overflow="fold")
    for place in apart:
        here, there = place.first, place.second
        one = here or there
        size = place.size.removeprefix("off by up to ")
        cells = (
            one.place if one else "",
            here.text if here else "none",
            there.text if there else "none",
            size,
        )
        table.add_row(*map(escape, cells))
    console.print(table, highlight=False)


def _document(place: Apart) -> dict[str, Any]:
    return {
        "place": place.first.place if place.first else None,
        "place_there": place.second.place if place.second else None,
        "here": place.first.text if place.first else None,
        "there": place.second.text if place.second else None,
        "effect": place.effect,
        "at": place.at,
    }
