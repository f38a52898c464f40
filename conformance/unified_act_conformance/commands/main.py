"""The command `unified-act`. A command below it is imported when it is called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

import click

import unified_act as ua
from unified_act.__main__ import needs

__all__ = ["cli"]

_PLACES: Mapping[str, tuple[str, str, str]] = {
    "audit": ("audit", "audit", "Lists the activations of a model, or compares two models."),
    "conformance": (
        *("conformance", "conformance"),
        "Judges every activation against exact arithmetic.",
    ),
    "diff": ("identify", "diff", "Shows the differences between two functions, and where."),
    "exhaustive": ("exhaustive", "exhaustive", "Judges an activation at every number of a type."),
    "identify": ("identify", "identify", "Finds out which activation a callable is."),
    "list": ("catalogue", "list_command", "Lists the activations."),
    "new-plugin": ("new_plugin", "new_plugin", "Creates a package with an activation of yours."),
    "plot": ("plot", "plot", "Draws activations and their derivatives."),
    "schema": ("schema", "schema", "Prints a JSON schema of descriptions of activations."),
    "scoreboard": (
        *("scoreboard", "scoreboard"),
        "Shows how right the functions of each framework are.",
    ),
    "show": ("catalogue", "show", "Shows an activation, and what each backend runs for it."),
}
"""The module of each command, its name there, and what it does."""


class _Commands(click.Group):
    """Commands whose modules are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names."""
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command; None if there is none of that name."""
        if cmd_name not in _PLACES:
            return None
        module, name, _ = _PLACES[cmd_name]
        try:
            place = importlib.import_module(f"unified_act_conformance.commands.{module}")
        except ModuleNotFoundError as error:
            sys.exit(needs(error))
        command: click.Command = getattr(place, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes what the commands do, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (*_, what) in _PLACES.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ua.__version__, prog_name="unified-act")
def cli(**_: Any) -> None:
    """Activation functions by name, the same on every framework."""
