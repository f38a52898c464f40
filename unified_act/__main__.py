"""The command `unified-act`, which comes with the conformance suite."""

from __future__ import annotations

import importlib
import sys

__all__ = ["main"]


def main() -> None:
    """Runs the command line, or prints how to install it."""
    try:
        command = importlib.import_module("unified_act_conformance.commands.main")
    except ModuleNotFoundError as error:
        sys.exit(
            f"The command unified-act needs {error.name}, which is not installed. "
            "Install it with: pip install 'unified-act[conformance]'"
        )
    command.cli()


if __name__ == "__main__":
    main()
