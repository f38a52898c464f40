"""Runs cases and checks in several processes, an activation at a time."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from unified_act.backend import Numerics
from unified_act_conformance.cases import Case, Subject
from unified_act_conformance.checks import Check, CheckResult, run_checks
from unified_act_conformance.implementation import native_kernel, registered
from unified_act_conformance.runner import Result, run

__all__ = ["SMALL", "processes_for", "run_everything"]

SMALL = 400
"""Cases and checks that are over before another process has imported the frameworks."""


def processes_for(asked: int, size: int) -> int:
    """Says how many processes to use.

    Args:
        asked: How many were asked for; 0: as many as there are cores.
        size: How many cases and checks there are.
    """
    if asked:
        return asked
    return 1 if size <= SMALL else os.cpu_count() or 1


def run_everything(
    cases: Sequence[Case],
    checks: Sequence[Check],
    *,
    processes: int,
    numerics: Numerics,
    quick: bool,
    native: bool,
) -> Iterator[Result | CheckResult]:
    """Yields the result of each case and each check; in any order, if there are several processes.

    Args:
        cases: The cases.
        checks: The checks.
        processes: How many processes.
        numerics: The profile.
        quick: Fewer inputs for float32 and float64.
        native: Whether the frameworks' own kernels are judged.
    """
    if processes == 1:
        yield from _run(cases, checks, numerics, quick, native)
        return
    # Exact values are computed once for what is about one activation, so it stays together.
    by_subject: dict[Subject, tuple[list[Case], list[Check]]] = {}
    for case in cases:
        by_subject.setdefault(case.subject, ([], []))[0].append(case)
    for check in checks:
        by_subject.setdefault(check.subject, ([], []))[1].append(check)
    # A forked process would have TensorFlow's threads without the threads.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        pending = [
            pool.submit(_run_all, *parts, numerics, quick, native) for parts in by_subject.values()
        ]
        for done in as_completed(pending):
            yield from done.result()


def _run_all(
    cases: Sequence[Case], checks: Sequence[Check], numerics: Numerics, quick: bool, native: bool
) -> list[Result | CheckResult]:
    return list(_run(cases, checks, numerics, quick, native))


def _run(
    cases: Sequence[Case], checks: Sequence[Check], numerics: Numerics, quick: bool, native: bool
) -> Iterator[Result | CheckResult]:
    implement = native_kernel if native else registered
    yield from run(cases, numerics=numerics, quick=quick, implement=implement)
    yield from run_checks(checks, numerics=numerics)
