"""The command: `python -m examples.digits`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

import unified_act as ua
from examples.digits.data import Digits, load_digits
from examples.digits.frameworks import Framework, load_frameworks
from examples.digits.plot import check_plot, save_plot
from examples.digits.report import follow, progress_bars, sweep_table, table, verdict
from examples.digits.settings import DEFAULT_CONFIGURATION, Settings, load_settings
from examples.digits.swap import problems, run_everywhere
from examples.digits.sweep import train_with, with_activation
from examples.digits.training import train

QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # with them TensorFlow announces that results may vary a little
}
"""What keeps notices out of the log; warnings and errors still show."""


@click.command()
@click.option(
    "--backends",
    show_default="numpy,torch,tensorflow,mxnet; of a sweep torch",
    help="The frameworks, with commas between; no other is imported.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=DEFAULT_CONFIGURATION,
    help="The configuration file; default: config.toml beside this program.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of those in the file.")
@click.option(
    "--activation",
    "activations",
    multiple=True,
    help="Instead of a swap, a sweep: train with this one in every layer; give it several times.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    show_default="sweep.png",
    help="Where a sweep draws accuracy and dead units over the epochs: PNG, SVG, PDF …",
)
def main(
    backends: str | None,
    config: Path,
    epochs: int | None,
    activations: Sequence[str],
    plot: Path | None,
) -> None:
    """Recognises handwritten digits on each framework, then swaps the frameworks.

    With --activation it trains with one activation after the other, and draws what happens.
    """
    if plot is not None and not activations:
        raise click.UsageError("--plot is for a sweep: name its activations with --activation.")
    if backends is None:
        backends = "torch" if activations else "numpy,torch,tensorflow,mxnet"
    plot = plot or Path("sweep.png")
    activations = list(dict.fromkeys(activations))
    console = Console(highlight=False)
    os.environ.update(QUIET | os.environ)
    try:
        settings = load_settings(config, epochs)
        for activation in activations:
            with_activation(settings, activation)  # an unknown one is noticed before the training
        if activations:
            check_plot(plot)
        names = [name.strip() for name in backends.split(",") if name.strip()]
        if not names:
            raise ValueError("--backends names no backend.")
        then = (
            f"with {', '.join(activations)}."
            if activations
            else "then run what each has learned on the others and compare."
        )
        separator = " " if activations else "; "
        console.print(
            f"Handwritten digits: train on {', '.join(names)}{separator}{then}", soft_wrap=True
        )
        frameworks = load_frameworks(names)
    except (ua.UnifiedActError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error

    digits = load_digits(settings.test_fraction, settings.seed)
    console.print(
        f"{len(digits.train_images)} images of 8x8 pixels to learn from, "
        f"{len(digits.test_images)} to test with."
    )
    if activations:
        sweep(console, activations, frameworks, digits, settings, plot)
    else:
        swap(console, frameworks, digits, settings)


def swap(
    console: Console, frameworks: Sequence[Framework], digits: Digits, settings: Settings
) -> None:
    """Trains on each framework and runs the result on each; exits with 1 where they differ."""
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


def sweep(
    console: Console,
    activations: Sequence[str],
    frameworks: Sequence[Framework],
    digits: Digits,
    settings: Settings,
    plot: Path,
) -> None:
    """Trains with each activation on each framework, and draws what happens."""
    histories = []
    with progress_bars(console) as bars:
        for framework in frameworks:
            for activation in activations:
                title = f"{framework.name}, {activation}"
                on_epoch = follow(bars, title, settings.epochs[framework.architecture])
                histories.append(train_with(activation, framework, digits, settings, on_epoch))
    console.print(sweep_table(histories))
    save_plot(histories, plot)
    console.print(f"Accuracy and dead units over the epochs are drawn in {plot}.", soft_wrap=True)


if __name__ == "__main__":
    main()
