"""What a call costs: the framework's own function beside ours, with the same arguments.

Run with `make bench`. Both calls of a row are timed in turn, so that they see the same machine, and
all rows again and again, so that a median is over seconds in which the machine changes its pace.
The difference is the median of those between neighbours, which scatters less than that of two
medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import unified_act as ua
from unified_act.backend import Numerics

PASSES = 9
ROUNDS = 101  # in each pass
SECONDS_PER_ROUND = 0.0004  # as short as that, both calls meet the same pace of the machine
ROUNDS_OF_ONE = 7
LARGE = 1_000_000
MANY = 50


@dataclass(frozen=True)
class Pair:
    """A framework's own call, and what makes ours the same.

    Attributes:
        statement: The framework's own call, as a user writes it, of `x`.
        activation: The name of ours.
        numerics: The profile of ours.
        parameters: The parameters of ours.
        inputs: What ours is given, by the names that the statement uses.
    """

    statement: str
    activation: str
    numerics: Numerics = "fast"
    parameters: dict[str, Any] = field(default_factory=dict)
    inputs: str = "x"


PAIRS: dict[str, Sequence[Pair]] = {
    "numpy": [
        Pair("np.tanh(x)", "tanh"),
        Pair("np.maximum(x, 0)", "relu"),
        Pair("np.clip(x, 0, 6)", "relu6"),
        Pair("np.logaddexp(x, 0)", "softplus"),
    ],
    "torch": [
        Pair("torch.relu(x)", "relu"),
        Pair("F.leaky_relu(x, negative_slope=0.01)", "leaky_relu"),
        Pair("F.gelu(x, approximate='none')", "gelu"),
        Pair("F.gelu(x, approximate='tanh')", "gelu_tanh"),
        Pair("torch.sigmoid(x)", "sigmoid"),
        Pair("F.softplus(x)", "softplus"),
        Pair("F.hardtanh(x, min_val=-1.0, max_val=1.0)", "hard_tanh"),
        Pair("torch.prelu(x, slope)", "prelu", inputs="x, slope"),
        Pair("torch.softmax(x, dim=-1)", "softmax"),
        Pair("F.gelu(x, approximate='none')", "gelu", "strict"),
        Pair("F.mish(x)", "mish", "strict"),
    ],
    "tensorflow": [
        Pair("tf.nn.relu(x)", "relu"),
        Pair("tf.nn.leaky_relu(x, alpha=0.01)", "leaky_relu"),
        Pair("tf.nn.gelu(x, approximate=False)", "gelu"),
        Pair("tf.nn.softmax(x, axis=-1)", "softmax"),
        Pair("tf.nn.gelu(x, approximate=False)", "gelu", "strict"),
        Pair("tf.nn.gelu(x, approximate=True)", "gelu_tanh"),
    ],
    "mxnet": [
        Pair("mx.nd.relu(x)", "relu"),
        Pair("mx.nd.LeakyReLU(x, act_type='leaky', slope=0.01)", "leaky_relu"),
        Pair("mx.nd.LeakyReLU(x, act_type='gelu')", "gelu"),
        Pair("mx.nd.softmax(x, axis=-1)", "softmax"),
        Pair("mx.nd.LeakyReLU(x, act_type='gelu')", "gelu", "strict"),
        Pair("mx.nd.clip(x, 0, 6)", "relu6"),
        Pair("mx.nd.Activation(x, act_type='softrelu')", "softplus"),
    ],
}


def scope(backend: str) -> tuple[dict[str, Any], Callable[[int], Any], Callable[[Any], Any]]:
    """Returns the names that statements use, a maker of inputs, and a wait for results."""
    if backend == "torch":
        import torch

        slope = torch.tensor([0.25])
        names = {"torch": torch, "F": torch.nn.functional, "slope": slope}
        return names, lambda n: torch.linspace(-3, 3, n), lambda y: y
    if backend == "tensorflow":
        import tensorflow as tf

        return {"tf": tf}, lambda n: tf.linspace(-3.0, 3.0, n), lambda y: y
    if backend == "mxnet":
        ua.get_activation("relu", backend="mxnet")  # imports MXNet under a newer NumPy
        import mxnet as mx

        return {"mx": mx}, lambda n: mx.nd.linspace(-3, 3, n), lambda y: y.wait_to_read()
    import numpy as np

    return {"np": np}, lambda n: np.linspace(-3, 3, n, dtype=np.float32), lambda y: y


@dataclass
class Timing:
    """The two calls of a row, and what they have taken so far.

    Attributes:
        backend: The backend.
        pair: What is compared.
        calls: The framework's call and ours.
        number: How many calls are timed as one.
        durations: Microseconds of the framework's calls and of ours.
    """

    backend: str
    pair: Pair
    calls: Sequence[Callable[[], Any]]
    number: int = field(init=False)
    durations: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    def __post_init__(self) -> None:
        """Chooses a number of calls that takes as long as a round should."""
        timeit.timeit(self.calls[0], number=3)  # the first calls take longest
        once = timeit.timeit(self.calls[0], number=3) / 3
        self.number = max(1, int(SECONDS_PER_ROUND / max(once, 1e-7)))

    def run(self) -> None:
        """Times both calls in turn, for the rounds of one pass."""
        for _ in range(ROUNDS if self.number > 1 else ROUNDS_OF_ONE):
            for call, found in zip(self.calls, self.durations, strict=True):
                found.append(timeit.timeit(call, number=self.number) / self.number * 1e6)

    def row(self) -> Sequence[str]:
        """Returns the row of the table."""
        native, ours = map(statistics.median, self.durations)
        more = statistics.median(b - a for a, b in zip(*self.durations, strict=True))
        label = self.pair.activation + (" strict" if self.pair.numerics == "strict" else "")
        figures = (f"{native:.2f}", f"{ours:.2f}", f"{more:+.2f}", f"{ours / native:.2f}")
        return (self.backend, self.pair.statement, label, *figures)


def timings(backend: str, size: int) -> list[Timing]:
    """Returns the pairs of a backend, ready to be timed on inputs of one size."""
    names, make, wait = scope(backend)
    x = make(size)
    found = []
    for pair in PAIRS[backend]:
        ours = ua.get_activation(
            pair.activation, backend=backend, numerics=pair.numerics, **pair.parameters
        )
        statements = (pair.statement, f"ours({pair.inputs})")
        if size > 1:
            statements = tuple(f"wait({statement})" for statement in statements)  # type: ignore[assignment]
        bound = {**names, "x": x, "ours": ours, "wait": wait}
        # Compiled as lambdas with everything local, so that no name look-up is timed.
        calls = [
            eval(f"lambda {', '.join(f'{n}={n}' for n in bound)}: {statement}", bound)
            for statement in statements
        ]
        found.append(Timing(backend, pair, calls))
    return found


def process_time(code: str, folder: Path) -> float:
    """Returns the median time of `code` in a fresh process, in milliseconds.

    Args:
        code: Python statements.
        folder: Where plugins are installed, and bytecode is kept.
    """
    program = (
        f"import time; start = time.perf_counter(); {code}; "
        "print((time.perf_counter() - start) * 1e3)"
    )
    # Compiled, as pip leaves it, also where the surroundings forbid to write bytecode.
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONPYCACHEPREFIX": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    found = [
        float(
            subprocess.run(
                [sys.executable, "-c", program], capture_output=True, check=True, env=environment
            ).stdout
        )
        for _ in range(11)
    ]
    return statistics.median(found)


def install_plugins(folder: Path, count: int) -> None:
    """Puts what pip leaves of plugins into a folder: metadata with an entry point each."""
    for i in range(count):
        info = folder / f"unified_act_many{i}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: unified-act-many{i}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[unified_act.activations]\nmany{i} = many{i}\n")


def print_import_times(console: Console) -> None:
    """Prints what an import costs, and the first listing, without and with many plugins."""
    for count in (0, MANY):
        with tempfile.TemporaryDirectory() as name:
            install_plugins(Path(name), count)
            for code in (
                "import unified_act",
                "from unified_act import get_activation",
                "from unified_act import list_activations as names; names()",
            ):
                milliseconds = process_time(code, Path(name))
                console.print(f"{code}, {count} plugins: {milliseconds:.1f} ms", highlight=False)


def main() -> None:
    """Prints the tables."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    print_import_times(console)
    for size, title in ((1, "one element"), (LARGE, f"{LARGE:,} elements, float32")):
        table = Table(title=f"Forward call on {title}, median µs")
        for heading in ("backend", "the framework's own", "ours", "own", "ours", "diff", "ratio"):
            table.add_column(heading, justify="left" if len(heading) > 5 else "right")
        rows = [timing for backend in PAIRS for timing in timings(backend, size)]
        for _ in range(PASSES):
            for timing in rows:
                timing.run()
        for timing in rows:
            table.add_row(*timing.row())
        console.print(table)


if __name__ == "__main__":
    main()
