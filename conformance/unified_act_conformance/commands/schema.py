"""The command `unified-act schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

import unified_act as ua
from unified_act_conformance.commands.common import FILE

__all__ = ["schema"]


@click.command()
@click.option("-o", "--output", type=FILE, help="Write it to this file.")
def schema(output: Path | None) -> None:
    """Prints the JSON schema of an activation in a configuration file, for editors.

    For example: unified-act schema -o activation.schema.json
    """
    text = json.dumps(ua.json_schema(), indent=1, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
