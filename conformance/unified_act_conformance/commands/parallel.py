"""Runs cases and checks in several processes, an activation at a time."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple

from unified_act.backend import HOME, Numerics
from unified_act_conformance.checks import DIMENSIONS, CheckResult, run_checks
from unified_act_conformance.harness import load_harness, use_device
from unified_act_conformance.judge import Result, run
from unified_act_conformance.subject import Case, Check, Subject, native_kernel, registered

__all__ = ["LONG_CHECK", "SMALL", "Helpers", "helpers", "processes_for", "run_everything"]

LONG_CHECK = 10
"""The check `dimensions` takes as long as so many others."""
SMALL = 400
"""Cases and checks that are over before another process has imported the frameworks."""


class Helpers(NamedTuple):
    """Processes beside this one.

    Attributes:
        pool: What gives them work.
        number: How many there are.
    """

    pool: Executor
    number: int


def processes_for(asked: int, size: int) -> int:
    """Says how many processes to use.

    Args:
        asked: How many were asked for; 0: as many as there are cores.
        size: How many cases and checks there are, or about as many.
    """
    if asked:
        return asked
    return 1 if size <= SMALL else os.cpu_count() or 1


@contextmanager
def helpers(
    processes: int, backends: Sequence[str], device: str = HOME
) -> Iterator[Helpers | None]:
    """Starts processes beside this one; they import frameworks while this one does so too.

    Frameworks that are not imported yet let threads of OpenMP sleep when they have no work, unless
    ``OMP_WAIT_POLICY`` says otherwise.

    Args:
        processes: How many there are to be with this one; none is started for 1.
        backends: The names of the backends.
        device: The device that all of them are judged on.
    """
    if processes == 1:
        yield None
        return
    # The threads of a framework would wait for work in a loop, on the core of another process.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # A forked process would have TensorFlow's threads without the threads.
    spawn = multiprocessing.get_context("spawn")
    given = tuple(backends), device
    with ProcessPoolExecutor(processes - 1, spawn, _import, given) as pool:
        for _ in range(processes - 1):  # each starts one
            pool.submit(os.getpid)
        yield Helpers(pool, processes - 1)


def _import(backends: Sequence[str], device: str) -> None:
    for name in backends:
        with suppress(Exception):  # which is told where the backend is used
            load_harness(name)
            if device != HOME:
                use_device(name, device)
    gc.freeze()


def run_everything(
    cases: Sequence[Case],
    checks: Sequence[Check],
    *,
    beside: Helpers | None,
    numerics: Numerics,
    quick: bool,
    native: bool,
) -> Iterator[Result | CheckResult]:
    """Yields the result of each case and each check; in any order, if there are several processes.

    Args:
        cases: The cases.
        checks: The checks.
        beside: What `helpers` started.
        numerics: The profile.
        quick: Fewer inputs for float32 and float64.
        native: Whether the frameworks' own kernels are judged.
    """
    gc.freeze()  # a framework makes a million objects that stay: none is looked through again
    run_part = partial(_run, numerics=numerics, quick=quick, native=native)
    if beside is None:
        yield from run_part(cases, checks)
        return
    # Exact values are computed once for what is about one activation, so it stays together.
    by_subject: dict[Subject, tuple[list[Case], list[Check]]] = {}
    for case in cases:
        by_subject.setdefault(case.subject, ([], []))[0].append(case)
    for check in checks:
        by_subject.setdefault(check.subject, ([], []))[1].append(check)
    # All processes work on small parts at the end, and so end together.
    parts = deque(_small_ones_in_the_middle(list(by_subject.values())))
    yield from _shared(parts, beside, run_part)


_Part = tuple[list[Case], list[Check]]
_Run = Callable[[Sequence[Case], Sequence[Check]], Iterator[Result | CheckResult]]


def _taken(take: Callable[[], _Part]) -> _Part | None:
    """A part; None if there is none, since another thread was quicker."""
    try:
        return take()
    except IndexError:
        return None


def _shared(
    waiting: deque[_Part], beside: Helpers, run_part: _Run
) -> Iterator[Result | CheckResult]:
    """Yields the results of all parts: others take from the front, this process from the end."""
    left = len(waiting)
    ended: SimpleQueue[Future[list[Result | CheckResult]]] = SimpleQueue()

    def begin() -> None:
        # A pool that is given more than it works on does not give it back.
        part = _taken(waiting.popleft)
        if part is not None:
            beside.pool.submit(_run_all, run_part, part).add_done_callback(go_on)

    def go_on(done: Future[list[Result | CheckResult]]) -> None:
        ended.put(done)
        with suppress(RuntimeError):  # no more work is taken, which `done` says why, or nobody asks
            begin()

    try:
        for _ in range(beside.number):
            begin()
        while left:
            part = _taken(waiting.pop)
            if part is not None:
                yield from run_part(*part)
                left -= 1
            while left and not (waiting and ended.empty()):
                yield from ended.get().result()
                left -= 1
    finally:
        waiting.clear()


def _small_ones_in_the_middle(parts: Sequence[_Part]) -> list[_Part]:
    """The same parts, which are begun from both ends; neighbours, which share much, stay so."""
    typical = sum(map(_size, parts)) / max(len(parts), 1)
    large = [part for part in parts if _size(part) >= typical]
    small = [part for part in parts if _size(part) < typical]
    half = len(large) // 2
    return [*large[:half], *small, *large[half:]]


def _size(part: _Part) -> int:
    cases, checks = part
    return len(cases) + sum(LONG_CHECK if check.name == DIMENSIONS else 1 for check in checks)


def _run_all(run_part: _Run, part: _Part) -> list[Result | CheckResult]:
    return list(run_part(*part))


def _run(
    cases: Sequence[Case], checks: Sequence[Check], numerics: Numerics, quick: bool, native: bool
) -> Iterator[Result | CheckResult]:
    implement = native_kernel if native else registered
    yield from run(cases, numerics=numerics, quick=quick, implement=implement)
    yield from run_checks(checks, numerics=numerics, quick=quick)
