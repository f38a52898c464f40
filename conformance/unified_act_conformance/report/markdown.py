"""The report for a README, a release or a job summary: Markdown, a matrix for each derivative."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from unified_act_conformance.checks import CheckResult
from unified_act_conformance.judge import Result
from unified_act_conformance.problems import REGIONS
from unified_act_conformance.report.run import SHORT, Run, all_failures, declared, passed_of, share
from unified_act_conformance.subject import ORDER_NAMES

__all__ = ["markdown_report"]

LEGEND = """\
Each cell: {figure}; and in brackets the largest error in any float type as a share of its budget. \
**✗** fails, – is not offered by the framework or was not run, and a small number refers to the \
declared deviations below, whose inputs are left out of the figures."""

FIGURES = {
    "fast": "the largest error in float32, as a multiple of what cannot be avoided: an ulp of the "
    "output, half an ulp of the input carried through the function, and an epsilon",
    "strict": "the largest raw error in float32, in ULP: how many representable numbers lie "
    "between what was given and the correctly rounded value",
}
"""The fast profile allows an epsilon, which is any number of ULP where values are tiny."""


def markdown_report(run: Run) -> str:
    """Returns the report.

    Args:
        run: The run.
    """
    return "\n".join(_lines(run)) + "\n"


def _lines(run: Run) -> Iterator[str]:
    verdict = "passed" if run.passed else "**failed**"
    inputs = ", fewer inputs" if run.quick else ""
    yield f"# Conformance: {verdict}"
    yield ""
    yield (
        f"Profile `{run.numerics}`{inputs}: {'; '.join(run.tallies)}; "
        f"{run.outputs:,} outputs judged."
    )
    yield ""
    for line in run.environment.lines():
        yield f"- {line}"
    yield ""
    yield LEGEND.format(figure=FIGURES[run.numerics])
    numbers = {deviation.id: n for n, deviation in enumerate(declared(run.results), 1)}
    for order in sorted({result.case.order for result in run.results}):
        yield ""
        yield from _matrix(run, order, numbers)
    yield from _regions(run)
    yield from _checks(run)
    yield from _failures(run)
    yield from _deviations(run)


def _matrix(run: Run, order: int, numbers: dict[str, int]) -> Iterator[str]:
    yield f"## {ORDER_NAMES[order].capitalize()}"
    yield ""
    yield f"| activation | {' | '.join(run.backends)} |"
    yield f"|---|{'---:|' * len(run.backends)}"
    by_cell: dict[tuple[str, str], list[Result]] = {}
    for result in run.results:
        if result.case.order == order:
            key = (str(result.case.subject), result.case.backend)
            by_cell.setdefault(key, []).append(result)
    for subject in run.subjects:
        found = [by_cell.get((subject, backend), []) for backend in run.backends]
        cells = [_cell(run, results, numbers) for results in found]
        if any(cell != "–" for cell in cells):
            yield f"| `{subject}` | {' | '.join(cells)} |"


def _cell(run: Run, results: Sequence[Result], numbers: dict[str, int]) -> str:
    judged = [result for result in results if result.judgement is not None]
    failed = any(not result.passed for result in results)
    if not judged:
        return "**✗**" if failed else "–"
    worst = max(judged, key=share)
    text = f"({share(worst):.2f} {SHORT[worst.case.dtype]})" if share(worst) else "(0)"
    wide = [r.judgement for r in judged if r.judgement and r.case.dtype == "float32"]
    if wide and run.numerics == "strict":
        text = f"{max(judgement.max_distance for judgement in wide):,.0f} {text}"
    elif wide:
        text = f"{max(judgement.max_error for judgement in wide):.2g} {text}"
    marks = {numbers[deviation.id] for result in judged for deviation, _ in result.deviations}
    if marks:
        text += f" <sup>{','.join(map(str, sorted(marks)))}</sup>"
    return f"**✗** {text}" if failed else text


def _regions(run: Run) -> Iterator[str]:
    """Failures and declared deviations by what kind of place they are about."""
    outside = [result.judgement for result in run.results if result.judgement]
    declared_there = [found for result in run.results for _, found in result.deviations]
    if not outside:
        return
    yield from ("", "## By kind of input", "", "| input | judged | failed | declared |")
    yield "|---|---:|---:|---:|"
    for name in REGIONS:
        failed, deviating = (
            sum(found.regions[name].failures for found in judgements)
            for judgements in (outside, declared_there)
        )
        judged = sum(found.regions[name].count for found in (*outside, *declared_there))
        yield f"| {name} | {judged:,} | {failed:,} | {deviating:,} |"
    zeros = sum(found.signed_zeros for found in (*outside, *declared_there))
    yield from ("", f"Zeros of the other sign than the correctly rounded one: {zeros:,}.")


def _checks(run: Run) -> Iterator[str]:
    by_cell: dict[str, dict[str, list[CheckResult]]] = {}
    for check in run.checks:
        by_cell.setdefault(check.check, {}).setdefault(check.backend, []).append(check)
    if not by_cell:
        return
    yield from ("", "## Besides accuracy", "", "How many passed, of those that could be made.", "")
    yield f"| check | {' | '.join(run.backends)} |"
    yield f"|---|{'---:|' * len(run.backends)}"
    for name, by_backend in by_cell.items():
        cells = [passed_of(by_backend.get(backend, ())) for backend in run.backends]
        yield f"| {name} | {' | '.join(cells)} |"


def _failures(run: Run) -> Iterator[str]:
    failed = all_failures(run)
    if failed:
        yield from ("", "## Failures", "")
    for name, problem, line in failed:
        yield f"- {name}: {_escaped(problem)}<br>`{line}`"


def _deviations(run: Run) -> Iterator[str]:
    met = declared(run.results)
    if met:
        yield from ("", "## Declared deviations", "")
    for number, (deviation, found) in enumerate(met.items(), 1):
        worst = max(judgement.max_error for _, judgement in found)
        subjects = _listed(str(result.case.subject) for result, _ in found)
        dtypes = _listed(SHORT[result.case.dtype] for result, _ in found)
        link = f" ([report]({deviation.link}))" if deviation.link else ""
        yield (
            f"{number}. `{deviation.id}` ({subjects}; {dtypes}): {_escaped(deviation.reason)}; "
            f"error {worst:.3g}{link}"
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _escaped(text: str) -> str:
    """What an error says may hold anything; as one line, and not as markup."""
    text = " ".join(text.split())
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("*", "\\*")
