"""The results of a run, and the names and number formats that all reports share."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import shorten

from unified_act.backend import HOME, Numerics
from unified_act_conformance.checks import CheckResult
from unified_act_conformance.declared import Deviation
from unified_act_conformance.harness import device_in_use
from unified_act_conformance.judge import Judgement, Result, Status
from unified_act_conformance.report.environment import Environment
from unified_act_conformance.subject import Case, describe
from unified_act_conformance.truth import unrecorded

__all__ = [
    "SHORT",
    "STATUSES",
    "Run",
    "all_failures",
    "check_line",
    "counts",
    "decimal",
    "declared",
    "hexadecimal",
    "passed_of",
    "repro_line",
    "repro_words",
    "share",
    "worst_x",
]

STATUSES: tuple[Status, ...] = ("passed", "failed", "unsupported")
SHORT = {"float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64"}
LONGEST_PROBLEM = 400
DIGITS = {"float16": 5, "bfloat16": 4, "float32": 9, "float64": 17}
"""How many decimal digits tell every two numbers of a type apart."""


@dataclass(frozen=True)
class Run:
    """A run, as reports are given it.

    Attributes:
        results: One for each case.
        numerics: The profile.
        quick: Whether there were fewer inputs.
        environment: Where it happened.
        checks: What was checked besides accuracy.
    """

    results: Sequence[Result]
    numerics: Numerics
    quick: bool
    environment: Environment
    checks: Sequence[CheckResult] = ()

    @property
    def passed(self) -> bool:
        """Whether there was something to run and all of it passed."""
        found: list[Result | CheckResult] = [*self.results, *self.checks]
        return bool(found) and all(result.passed for result in found)

    @property
    def outputs(self) -> int:
        """How many outputs were judged."""
        judgements = [
            judgement
            for result in self.results
            for judgement in (result.judgement, *(found for _, found in result.deviations))
        ]
        return sum(judgement.count for judgement in judgements if judgement)

    @property
    def tallies(self) -> list[str]:
        """How many cases and how many checks have each status, in words."""
        cases = [_tally(self.results, "case")] if self.results else []
        return [*cases, _tally(self.checks, "check")] if self.checks else cases

    @property
    def subjects(self) -> list[str]:
        """The activations with their parameters, in the order of the run."""
        found = [result.case.subject for result in self.results]
        return list(dict.fromkeys(map(str, [*found, *(check.subject for check in self.checks)])))

    @property
    def notes(self) -> list[str]:
        """What activations without a record were judged by."""
        found = [result.case.subject.activation for result in self.results]
        return [*filter(None, map(unrecorded, dict.fromkeys(found)))]

    @property
    def backends(self) -> list[str]:
        """The backends, in the order of the run."""
        found = [result.case.backend for result in self.results]
        return list(dict.fromkeys([*found, *(check.backend for check in self.checks)]))


def counts(results: Iterable[Result | CheckResult]) -> dict[str, int]:
    """Counts the results of each status.

    Args:
        results: Results of cases or of checks.
    """
    found = [result.status for result in results]
    return {status: found.count(status) for status in STATUSES}


def passed_of(results: Sequence[CheckResult]) -> str:
    """Says how many checks passed, of those that could be made.

    Args:
        results: Their results.
    """
    found = counts(results)
    made = found["passed"] + found["failed"]
    return f"{found['passed']} of {made}" if made else "–"


def share(result: Result) -> float:
    """Returns the largest error as a multiple of the budget; a budget of 0 allows none at all.

    Args:
        result: The result of a case.
    """
    if result.judgement is None:
        return 0.0 if result.passed else math.inf
    error = result.judgement.max_error
    if error == 0:
        return 0.0
    return error / result.budget if result.budget else math.inf


def worst_x(result: Result) -> float:
    """Returns the input to look at: the worst one, or that of a deviation that went wrong.

    Args:
        result: The result of a case.
    """
    judgement = result.judgement
    if judgement is not None and judgement.passed and not result.passed:
        for deviation, found in result.deviations:
            if not found.passed and found.max_error > deviation.bound:
                return found.worst_x
    return math.nan if judgement is None else judgement.worst_x


def declared(results: Iterable[Result]) -> dict[Deviation, list[tuple[Result, Judgement]]]:
    """Returns the deviations that a run met, with where and how far.

    Args:
        results: The results of the run.
    """
    met: dict[Deviation, list[tuple[Result, Judgement]]] = {}
    for result in results:
        for deviation, found in result.deviations:
            met.setdefault(deviation, []).append((result, found))
    return met


def decimal(value: float, dtype: str) -> str:
    """Writes a number of a float type in as many digits as tell it from its neighbours.

    Args:
        value: The number.
        dtype: The name of the float type.
    """
    return f"{value:.{DIGITS[dtype]}g}"


def hexadecimal(value: float) -> str:
    """Writes a number exactly, without trailing zeros.

    Args:
        value: The number.
    """
    mantissa, mark, exponent = value.hex().partition("p")
    return mantissa.rstrip("0").rstrip(".") + mark + exponent if mark else mantissa


def repro_words(case: Case, numerics: Numerics) -> str:
    """Returns the command that shows an input of a case, up to that input.

    Args:
        case: The case.
        numerics: The profile.
    """
    words = ["unified-act", "conformance", "repro"]
    words += case.subject.options or [str(case.subject)]
    words += ["--backend", case.backend, "--dtype", case.dtype, "--order", str(case.order)]
    if case.part != "x":
        words += ["--part", case.part]
    return shlex.join([*words, *_device(case.backend), *_profile(numerics), "--x"])


def repro_line(case: Case, numerics: Numerics, x: float) -> str:
    """Returns the command that shows one input of a case.

    Args:
        case: The case.
        numerics: The profile.
        x: The input.
    """
    return f"{repro_words(case, numerics)} {hexadecimal(x)}"


def check_line(result: CheckResult) -> str:
    """Returns the command that makes a check again.

    Args:
        result: The result of the check.
    """
    words = ["unified-act", "conformance", "run"]
    words += result.subject.options or ["--activation", result.subject.activation]
    words += ["--backend", result.backend, "--dtype", result.dtype]
    words += [*_device(result.backend), *_profile(result.numerics)]
    return shlex.join([*words, "--check", result.check])


def all_failures(run: Run) -> list[tuple[str, str, str]]:
    """Returns for each failure what failed, what is wrong, and the command that shows it.

    What is wrong is cut short where it is a compiler's whole trace.

    Args:
        run: The run.
    """
    found = [
        (
            describe(result.case),
            result.problem,
            repro_line(result.case, run.numerics, worst_x(result)),
        )
        for result in run.results
        if not result.passed
    ]
    found += [
        (describe(check.planned), check.problem, check_line(check))
        for check in run.checks
        if not check.passed
    ]
    return [
        (name, shorten(problem, LONGEST_PROBLEM, placeholder=" …"), line)
        for name, problem, line in found
    ]


def _device(backend: str) -> list[str]:
    device = device_in_use(backend)
    return [] if device == HOME else ["--device", device]


def _profile(numerics: Numerics) -> list[str]:
    return [] if numerics == "fast" else ["--numerics", numerics]


def _tally(results: Sequence[Result | CheckResult], noun: str) -> str:
    found = counts(results)
    text = f"{found['passed']:,} of {len(results):,} {noun}s passed, {found['failed']:,} failed"
    return f"{text}, {found['unsupported']:,} unsupported" if found["unsupported"] else text
