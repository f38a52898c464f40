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
from unified_act_conformance.commands.common import echo_json, make_console, mistakes_told, told

if TYPE_CHECKING:
    from unified_act_conformance.identify import Gap

__all__ = ["diff", "identify"]

BACKEND = click.option("--backend", help="The framework, if the module does not show it.")


@click.command()
@click.argument("callable_", metavar="MODULE:ATTRIBUTE")
@BACKEND
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def identify(callable_: str, backend: str | None, as_json: bool) -> None:
    """Finds out which activation a callable is, its parameters, and what still differs.

    For example: unified-act identify torch.nn.functional:gelu

    MODULE:ATTRIBUTE is a function, a module, a layer or a block. A class is instantiated without
    arguments. The exit code is 0 if the values are those of a known activation, and 1 otherwise.
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
@click.option(
    "--range", "between", type=(float, float), help="Compare only inputs between these two numbers."
)
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
    """Shows the differences between two functions, in value and gradient, by region.

    A and B are activations, such as gelu or "elu(alpha=0.5)", or callables, such as
    torch.nn.functional:gelu. gelu@torch computes gelu with PyTorch; numpy, tensorflow and mxnet
    work alike. Any other word after the @ is a dialect: gelu@keras2 is the function that Keras 2
    calls gelu. A word that is both can be written gelu@backend:jax or gelu@dialect:jax. Without an
    @ the functions are computed with NumPy.
    """
    from unified_act_conformance.identify import differences, source_of

    console = make_console()
    with mistakes_told(console):
        pair = [told(source_of(text, backend)) for text in (first, second)]
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
