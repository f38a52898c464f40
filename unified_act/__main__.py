"""The command `unified-act`, which comes with the conformance suite."""

from __future__ import annotations

import importlib
import sys

__all__ = ["main", "needs"]


def main() -> None:
    """Runs the command line, or prints how to install it."""
    try:
        command = importlib.import_module("unified_act_conformance.commands.main")
    except ModuleNotFoundError as error:
        sys.exit(needs(error))
    command.cli()


def needs(error: ModuleNotFoundError) -> str:
    """Says what to install where the command cannot be imported."""
    return (
        f"The command unified-act needs {error.name}, which is not installed. "
        "Install it with: pip install 'unified-act[conformance]'"
    )


if __name__ == "__main__":
    main()
