"""The command: `python -m examples.digits`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from rich.console import Console

import unified_act as ua
from examples.digits.data import load_digits
from examples.digits.frameworks import load_frameworks
from examples.digits.report import follow, progress_bars, table, verdict
from examples.digits.settings import DEFAULT_CONFIGURATION, load_settings
from examples.digits.swap import problems, run_everywhere
from examples.digits.training import train

QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # with them TensorFlow announces that results may vary a little
}
"""What keeps notices out of the log; warnings and errors still show."""


@click.command()
@click.option(
    "--backends",
    default="numpy,torch,tensorflow,mxnet",
    show_default=True,
    help="The frameworks, with commas between; no other is imported.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=DEFAULT_CONFIGURATION,
    help="The configuration file; default: config.toml beside this program.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of those in the file.")
def main(backends: str, config: Path, epochs: int | None) -> None:
    """Recognises handwritten digits on each framework, then swaps the frameworks."""
    console = Console(highlight=False)
    os.environ.update(QUIET | os.environ)
    try:
        settings = load_settings(config, epochs)
        names = [name.strip() for name in backends.split(",") if name.strip()]
        if not names:
            raise ValueError("--backends names no backend.")
        console.print(
            f"Handwritten digits: train on {', '.join(names)}; then run what each has learned on "
            "the others and compare.",
            soft_wrap=True,
        )
        frameworks = load_frameworks(names)
    except (ua.UnifiedActError, ValueError) as error:
        raise click.ClickException(str(error)) from error

    digits = load_digits(settings.test_fraction, settings.seed)
    console.print(
        f"{len(digits.train_images)} images of 8x8 pixels to learn from, "
        f"{len(digits.test_images)} to test with."
    )
    trainings = []
    with progress_bars(console) as bars:
        for framework in frameworks:
            title = f"{framework.name} ({framework.architecture})"
            on_epoch = follow(bars, title, settings.epochs[framework.architecture])
            trainings.append(train(framework, digits, settings, on_epoch))
    runs = [
        run
        for trained in trainings
        for run in run_everywhere(trained, frameworks, digits, settings)
    ]
    console.print(table(runs, settings))
    found = problems(runs, settings.limits)
    for problem in found:
        console.print(f"FAIL: {problem}", soft_wrap=True)
    if found:
        sys.exit(1)
    console.print(verdict(runs, settings.limits), soft_wrap=True)


if __name__ == "__main__":
    main()
