"""What the command shows: progress while it trains, a table and a verdict at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from examples.digits.settings import Limits, Settings
from examples.digits.swap import Run
from examples.digits.sweep import History
from examples.digits.training import Epoch

__all__ = ["follow", "progress_bars", "sweep_table", "table", "verdict"]

_LINES = 5
"""About how many epochs a log that is no terminal shows of each training."""


def progress_bars(console: Console) -> Progress:
    """Returns the bars that `follow` adds to; they stay away where there is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def follow(progress: Progress, training: str, epochs: int) -> Callable[[Epoch], None]:
    """Returns what shows each epoch of a training: in a bar, or in a log as a line now and then."""
    task = progress.add_task(training, total=epochs, state="")

    def show(epoch: Epoch) -> None:
        state = f"loss {epoch.loss:.3f}  accuracy {epoch.accuracy:.1%}"
        progress.update(task, completed=epoch.number, state=state)
        shown = epoch.number % max(1, epochs // _LINES) == 0 or epoch.number in (1, epochs)
        if progress.disable and shown:
            line = f"{training:<26} epoch {epoch.number:>2}/{epochs}  {state}"
            progress.console.print(line, soft_wrap=True)

    return show


def table(runs: Sequence[Run], settings: Settings) -> Table:
    """Returns one row for each run, those of the same weights together."""
    networks = {run.trained_on: run.architecture for run in runs}
    result = Table(
        title="The same weights on every framework, test images",
        caption="Networks: " + ", ".join(f"{a} ({b})" for a, b in networks.items()),
        box=box.SIMPLE_HEAVY,
        pad_edge=False,
    )
    result.add_column("trained on", no_wrap=True)
    result.add_column("run on", no_wrap=True)
    result.add_column("activation", overflow="fold")
    for heading in ("test accuracy", "largest logit difference", "predictions that differ"):
        result.add_column(heading, justify="right")
    previous = None
    for run in runs:
        if previous not in (None, run.trained_on):
            result.add_section()
        first = previous != run.trained_on
        result.add_row(
            run.trained_on if first else "",
            run.run_on,
            settings.activations(run.architecture),
            f"{run.accuracy:.2%}",
            "itself" if first else f"{run.logit_difference:.1e}",
            "itself" if first else str(run.predictions_that_differ),
        )
        previous = run.trained_on
    return result


def sweep_table(histories: Sequence[History]) -> Table:
    """Returns one row for each training, those of the same framework together."""
    result = Table(
        title="The same network with each activation, test images",
        box=box.SIMPLE_HEAVY,
        pad_edge=False,
    )
    result.add_column("trained on", no_wrap=True)
    result.add_column("activation", overflow="fold")
    for heading in ("last\naccuracy", "best\naccuracy", "dead\nunits", "seconds"):
        result.add_column(heading, justify="right")
    previous = None
    for history in histories:
        if previous not in (None, history.framework):
            result.add_section()
        result.add_row(
            history.framework if history.framework != previous else "",
            history.activation,
            f"{history.accuracies[-1]:.2%}",
            f"{max(history.accuracies):.2%}",
            f"{history.dead[-1]:.1%}",
            f"{history.seconds:.1f}",
        )
        previous = history.framework
    return result


def verdict(runs: Sequence[Run], limits: Limits) -> str:
    """Returns the last line of a run that has no problems."""
    swaps = [run for run in runs if run.run_on != run.trained_on]
    trained = [run for run in runs if run.run_on == run.trained_on]
    reached = (
        f"PASS: {', '.join(run.trained_on for run in trained)}: "
        f"test accuracy {min(run.accuracy for run in trained):.1%} or better "
        f"(at least {limits.accuracy:.0%})"
    )
    if not swaps:
        return f"{reached}; nothing to swap with a single backend."
    largest = max(run.logit_difference for run in swaps)
    return (
        f"{reached}; all {len(swaps)} swaps predict the same, "
        f"logits within {largest:.1e} (at most {limits.logit_difference:.0e})."
    )
