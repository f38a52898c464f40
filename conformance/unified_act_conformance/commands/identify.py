"""The commands `unified-act identify` and `unified-act diff`."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from unified_act.backend import DTYPES
from unified_act_conformance.commands.common import echo_json, make_console, mistakes_told

if TYPE_CHECKING:
    from unified_act_conformance.identify import Gap

__all__ = ["diff", "identify"]

BACKEND = click.option("--backend", help="The framework, where the module does not tell it.")


@click.command()
@click.argument("callable_", metavar="MODULE:ATTRIBUTE")
@BACKEND
@click.option("--json", "as_json", is_flag=True, help="Print the finding as JSON.")
def identify(callable_: str, backend: str | None, as_json: bool) -> None:
    """Says which activation a callable is, with which parameters, and how far off.

    For example: unified-act identify torch.nn.functional:gelu

    MODULE:ATTRIBUTE is a function, a module, a layer or a block; a class is made without arguments.
    Exits with 0 if its values are those of a known activation, and with 1 otherwise.
    """
    from unified_act_conformance.identify import identify as identify_callable
    from unified_act_conformance.identify import source_of

    console = make_console()
    with mistakes_told(console):
        source = source_of(callable_, backend)
        found = identify_callable(source.function, source.backend)
    if as_json:
        echo_json({"callable": callable_, "known": found.known, **asdict(found)})
    else:
        console.print(f"{callable_} is {found}", highlight=False, markup=False, soft_wrap=True)
    sys.exit(0 if found.known else 1)


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", show_default=True)
@click.option("--range", "between", type=(float, float), help="Only inputs between these two.")
@BACKEND
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def diff(
    first: str,
    second: str,
    dtype: str,
    between: tuple[float, float] | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Shows how far two functions are apart, in value and gradient, and where.

    A and B are activations, as in gelu or "elu(alpha=0.5)", on a backend, as in gelu@torch, or
    what a framework means by the name, as in gelu@jax; or callables, as in
    torch.nn.functional:gelu. Without a backend it is NumPy.
    """
    from unified_act_conformance.identify import differences, source_of

    console = make_console()
    with mistakes_told(console):
        pair = [source_of(text, backend) for text in (first, second)]
        found = differences(*pair, dtype=dtype, between=between)
    if as_json:
        echo_json(asdict(found))
        return
    table = Table(title=escape(f"{first} and {second} in {dtype}"))
    for name in ("inputs", "value", "in ULP", "gradient", "in ULP"):
        table.add_column(name)
    for region in found.regions:
        table.add_row(region.name, *_cells(region.value), *_cells(region.gradient))
    console.print(table)
    for note in found.notes:
        console.print(note, highlight=False, markup=False)


def _cells(gap: Gap | None) -> tuple[str, str]:
    if gap is None:
        return "–", "–"
    if gap.ulps == 0:
        return "equal", "0"
    absolute = f"{gap.absolute:.2g}" if math.isfinite(gap.absolute) else "one is not finite"
    ulps = f"{gap.ulps:.4g}" if math.isfinite(gap.ulps) else "one is NaN"
    return absolute + _at(gap.absolute_at), ulps + _at(gap.ulps_at)


def _at(x: float) -> str:
    return "" if math.isnan(x) else f" at {x:.4g}"
