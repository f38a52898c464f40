"""Measures frameworks, each in a process of its own; the exact values are computed once for all."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from unified_act_conformance.floats import FloatArray
from unified_act_conformance.recordings.recorder import cpu
from unified_act_conformance.scoreboard.expected import DTYPES, Expected, expected
from unified_act_conformance.scoreboard.frameworks import Framework
from unified_act_conformance.scoreboard.kept import Results
from unified_act_conformance.scoreboard.measure import Cell, measure
from unified_act_conformance.scoreboard.symbols import Symbol, symbols_of
from unified_act_conformance.scoreboard.worker import outputs, prepare, versions
from unified_act_conformance.subject import ORDERS, Subject

__all__ = ["Run", "measure_all"]

Points = Callable[[Subject, str], FloatArray]
Asked = tuple[str, Symbol, Future[list[Cell]]]

AHEAD = 2
"""How many exact values are in memory besides those that are judged by."""


@dataclass
class Run:
    """What was found.

    Attributes:
        results: Of each framework that could be measured.
        notes: Why others could not.
    """

    results: list[Results] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Process:
    """The process of a framework; one that dies is followed by another."""

    def __init__(self, framework: Framework) -> None:
        self.framework = framework
        self._environment = dict(framework.environment)
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        # A forked process would have TensorFlow's threads without the threads.
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, spawn, prepare, (self._environment,))

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function there."""
        pool = self._pool
        try:
            return pool.submit(function, self.framework, *arguments).result()
        except BrokenProcessPool:
            if self._pool is pool:  # several threads may wait for it
                self._pool = self._new()
            raise

    def close(self) -> None:
        """Ends it."""
        self._pool.shutdown()


def measure_all(
    frameworks: Sequence[Framework],
    *,
    activations: Sequence[str] = (),
    dtypes: Sequence[str] = DTYPES,
    orders: Sequence[int] = ORDERS,
    jobs: int = 1,
    date: str = "",
    points: Points | None = None,
    progress: Callable[[int, int, str], None] = lambda done, of, what: None,
) -> Run:
    """Measures every function of some frameworks.

    Args:
        frameworks: The frameworks. One that is not installed is left out, with a note.
        activations: Canonical names; all if there are none.
        dtypes: The float types.
        orders: Which derivatives.
        jobs: How many of their processes work at the same time.
        date: What the results say about when that was.
        points: Gives other inputs, in the order of `Expected.typed`.
        progress: Called with the number of finished steps, of all, and what comes next.
    """
    run = Run()
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(jobs))
        processes = [_Process(framework) for framework in frameworks]
        for process in processes:
            stack.callback(process.close)
        found = dict(zip(frameworks, threads.map(_started, processes), strict=True))
        run.notes = [text for text in found.values() if isinstance(text, str)]
        working = {p: v for p in processes if isinstance(v := found[p.framework], dict)}
        parts = _parts({p: symbols_of(p.framework, activations) for p in working}, dtypes)
        cells: dict[tuple[str, Symbol], list[Cell]] = {}
        pending: deque[list[Asked]] = deque()
        for done, (subject, dtype, asked) in enumerate(parts):
            progress(done, len(parts), f"{subject}, {dtype}")
            typed = points(subject, dtype) if points else None
            right = expected(subject, dtype, tuple(orders), typed)  # while the others work
            pending.append(
                [
                    (p.framework.name, symbol, threads.submit(_cells, p, symbol, right, orders))
                    for p, symbol in asked
                ]
            )
            if len(pending) > AHEAD:
                _collect(pending.popleft(), cells)
        while pending:
            _collect(pending.popleft(), cells)
        progress(len(parts), len(parts), "")
        for process, its in working.items():
            name = process.framework.name
            order = [cells[name, s] for s in symbols_of(process.framework, activations)]
            # What has no value in any type is not there.
            there = [one for one in order if any(not c.why for c in one if c.order == min(orders))]
            chosen = tuple(cell for one in there for cell in one)
            run.results.append(Results(name, its, cpu()["model"], date, chosen))
    return run


def _started(process: _Process) -> dict[str, str] | str:
    """Imports a framework. Returns its versions, or why it is left out."""
    framework = process.framework
    if missing := framework.missing():
        return f"{framework.title} is left out: {missing} is not installed"
    try:
        found: dict[str, str] = process.call(versions)
    except Exception as error:  # whatever an import raises
        return f"{framework.title} is left out: {type(error).__name__}: {error}"
    return found


def _parts(
    symbols: Mapping[_Process, Sequence[Symbol]], dtypes: Sequence[str]
) -> list[tuple[Subject, str, list[tuple[_Process, Symbol]]]]:
    """What is judged by the same exact values."""
    by_subject: dict[Subject, list[tuple[_Process, Symbol]]] = {}
    for process, its in symbols.items():
        for symbol in its:
            by_subject.setdefault(symbol.subject, []).append((process, symbol))
    return [
        (subject, dtype, by_subject[subject])
        for subject in sorted(by_subject, key=str)
        for dtype in dtypes
    ]


def _cells(process: _Process, symbol: Symbol, right: Expected, orders: Sequence[int]) -> list[Cell]:
    found: Mapping[int, FloatArray | str]
    try:
        found = process.call(outputs, symbol, right.typed, right.dtype, orders)
    except BrokenProcessPool:
        found = dict.fromkeys(orders, "the process died")
    return [measure(str(symbol), found[order], right, order) for order in orders]


def _collect(
    pending: Sequence[Asked],
    cells: dict[tuple[str, Symbol], list[Cell]],
) -> None:
    for name, symbol, future in pending:
        cells.setdefault((name, symbol), []).extend(future.result())
