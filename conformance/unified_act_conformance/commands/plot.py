"""The command `unified-act plot`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from unified_act_conformance.commands.common import FILE, make_console, mistakes_told, told

__all__ = ["plot"]

WIDEST = 100
LINES = 14


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option("-o", "--output", type=FILE, help="Write a picture to this file: .png, .svg or .pdf.")
@click.option(
    "--order",
    type=click.IntRange(0, 2),
    default=1,
    show_default=True,
    help="Draw up to this derivative; 0 is the value.",
)
@click.option("--range", "between", type=(float, float), help="Draw between these two inputs.")
@click.option("--backend", help="The framework of a callable, if its module does not show it.")
def plot(
    names: Sequence[str],
    output: Path | None,
    order: int,
    between: tuple[float, float] | None,
    backend: str | None,
) -> None:
    """Draws activations and their derivatives in the terminal or a file, with kinks marked.

    For example: unified-act plot gelu silu "elu(alpha=0.5)" --order 2 -o smooth.png

    NAMES are written as A and B of `unified-act diff`.
    """
    from unified_act_conformance.commands.curves import (
        curves_of,
        default_range,
        save_plot,
        text_plot,
    )
    from unified_act_conformance.identify import source_of

    if between is not None and not between[0] < between[1]:
        raise click.BadParameter("the first number must be the smaller one.", param_hint="--range")
    console = make_console()
    with mistakes_told(console):
        sources = [told(source_of(name, backend)) for name in names]
        chosen = between or default_range(sources)
        curves = [
            curve for source in sources for curve in curves_of(source, chosen, range(order + 1))
        ]
        if output is not None:
            save_plot(curves, output)
            console.print(f"wrote {output}", highlight=False, markup=False)
            return
    console.print(text_plot(curves, min(console.width, WIDEST), LINES), end="")
