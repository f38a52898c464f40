"""What a run found, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.table import Table

from unified_act_conformance.runner import Result

__all__ = ["error_table", "failures", "summary"]

SHORT = {"float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64"}


def error_table(results: Sequence[Result]) -> Table:
    """Returns a table of activations by backends.

    Each cell holds the largest error of all its cases as a multiple of the budget, and the case
    and the input where it occurs: ``f32′`` is the gradient in float32. A star marks declared
    deviations, whose inputs are left out of that number.

    Args:
        results: The results of a run.
    """
    backends = list(dict.fromkeys(result.case.backend for result in results))
    subjects = list(dict.fromkeys(str(result.case.subject) for result in results))
    table = Table(title="Largest error, as a multiple of the budget, and where")
    table.add_column("activation", no_wrap=True)
    for backend in backends:
        table.add_column(backend, no_wrap=True)
    for subject in subjects:
        cells = []
        for backend in backends:
            found = [
                result
                for result in results
                if result.case.backend == backend and str(result.case.subject) == subject
            ]
            cells.append(_cell(found))
        table.add_row(subject, *cells)
    return table


def _cell(results: Sequence[Result]) -> str:
    if not results:
        return "[dim]–[/]"
    worst = max(results, key=_share)
    judgement = worst.judgement
    if judgement is None:
        return "[red]raised[/]"
    star = "*" if any(result.deviations for result in results) else ""
    prime = "′" * worst.case.order
    where = f"{SHORT[worst.case.dtype]}{prime} {judgement.worst_x:.4g}"
    text = f"{_share(worst):.2f}{star} {where}" if _share(worst) else f"0{star}"
    return text if all(result.passed for result in results) else f"[red]{text}[/]"


def _share(result: Result) -> float:
    """The largest error as a multiple of the budget; a budget of 0 allows no error at all."""
    if result.judgement is None:
        return math.inf
    error = result.judgement.max_error
    if error == 0:
        return 0.0
    return error / result.budget if result.budget else math.inf


def failures(results: Iterable[Result]) -> list[str]:
    """Returns a line for each case that failed.

    Args:
        results: The results of a run.
    """
    return [
        f"{result.case.subject} on {result.case.backend}, {result.case.dtype}, "
        f"{'value' if result.case.order == 0 else f'gradient of {result.case.part}'}: "
        f"{result.problem}"
        for result in results
        if not result.passed
    ]


def summary(results: Sequence[Result], seconds: float) -> str:
    """Returns the verdict in one line.

    Args:
        results: The results of a run.
        seconds: How long it took.
    """
    failed = sum(not result.passed for result in results)
    inputs = sum(result.judgement.count for result in results if result.judgement)
    declared = {deviation.id for result in results for deviation, _ in result.deviations}
    return (
        f"{len(results) - failed} passed, {failed} failed: {len(results)} cases, {inputs:,} "
        f"outputs judged, {len(declared)} declared deviations observed, {seconds:.0f} s"
    )
