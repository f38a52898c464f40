"""The report for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from unified_act_conformance.checks import CheckResult
from unified_act_conformance.judge import Result
from unified_act_conformance.report.run import SHORT, Run, all_failures, declared, passed_of, share

__all__ = ["check_table", "comparison_table", "error_table", "failures", "summary"]


def error_table(results: Sequence[Result]) -> Table:
    """Returns a table of activations by backends.

    Each cell holds the largest error of all its cases as a multiple of the budget, and the case
    and the input where it occurs: ``f32′`` is the gradient in float32. A star marks declared
    deviations, whose inputs are left out of that number.

    Args:
        results: The results of a run.
    """
    columns: dict[str, list[Result]] = {}
    for result in results:
        columns.setdefault(result.case.backend, []).append(result)
    return _table(columns)


def comparison_table(judged: Mapping[str, Sequence[Result]]) -> Table:
    """Returns the same table, of several runs.

    Args:
        judged: The results of each, by what the column is to be called.
    """
    return _table(judged)


def check_table(checks: Sequence[CheckResult]) -> Table:
    """Returns a table of checks by backends: how many passed, of those that could be made.

    Args:
        checks: The results of the checks.
    """
    by_cell: dict[str, dict[str, list[CheckResult]]] = {}
    for check in checks:
        by_cell.setdefault(check.check, {}).setdefault(check.backend, []).append(check)
    backends = list(dict.fromkeys(check.backend for check in checks))
    table = Table(title="Besides accuracy")
    table.add_column("check", no_wrap=True)
    for backend in backends:
        table.add_column(backend, no_wrap=True)
    for name, by_backend in by_cell.items():
        cells = []
        for backend in backends:
            found = by_backend.get(backend, [])
            text = passed_of(found)
            failed = any(not check.passed for check in found)
            cells.append(f"[red]{text}[/]" if failed else text)
        table.add_row(name, *cells)
    return table


def failures(run: Run) -> list[str]:
    """Returns for each failure what is wrong and the command that shows it, with markup.

    Args:
        run: The run.
    """
    return [
        f"[red]FAILED[/] {escape(f'{name}: {problem}')}\n  [dim]{escape(line)}[/]"
        for name, problem, line in all_failures(run)
    ]


def summary(run: Run, seconds: float) -> str:
    """Returns the verdict in one line.

    Args:
        run: The run.
        seconds: How long it took.
    """
    return (
        f"{'; '.join(run.tallies)}; {run.outputs:,} outputs judged, "
        f"{len(declared(run.results))} declared deviations observed, {seconds:.0f} s"
    )


def _table(columns: Mapping[str, Sequence[Result]]) -> Table:
    cells: dict[str, dict[str, list[Result]]] = {}
    table = Table(title="Largest error, as a multiple of the budget, and where")
    table.add_column("activation", no_wrap=True)
    for name, results in columns.items():
        table.add_column(name)
        for result in results:
            cells.setdefault(str(result.case.subject), {}).setdefault(name, []).append(result)
    for subject, by_column in cells.items():
        table.add_row(subject, *(_cell(by_column.get(name, [])) for name in columns))
    return table


def _cell(results: Sequence[Result]) -> str:
    if all(result.status == "unsupported" for result in results):
        return "[dim]–[/]"
    worst = max(results, key=share)
    judgement = worst.judgement
    if judgement is None:
        return "[red]raised[/]"
    star = "*" if any(result.deviations for result in results) else ""
    where = f"{SHORT[worst.case.dtype]}{'′' * worst.case.order} {judgement.worst_x:.4g}"
    text = f"{share(worst):.2f}{star} {where}" if share(worst) else f"0{star}"
    return text if all(result.passed for result in results) else f"[red]{text}[/]"
