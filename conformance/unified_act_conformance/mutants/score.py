"""The mutation score: how many of the deliberately wrong implementations the suite rejects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unified_act_conformance.checks import list_checks, run_checks
from unified_act_conformance.harness import load_harness
from unified_act_conformance.judge import run
from unified_act_conformance.mutants.arrays import ARRAY_MUTANTS
from unified_act_conformance.mutants.base import Mutant
from unified_act_conformance.mutants.formulas import FORMULA_MUTANTS
from unified_act_conformance.mutants.joint import JOINT_MUTANTS
from unified_act_conformance.subject import Case, list_cases, registered, usual_backends

__all__ = [
    "Mutant",
    "MutantResult",
    "MutationScore",
    "judge_mutant",
    "list_mutants",
    "mutation_score",
    "originals_of",
]

WIDTH = 180


@dataclass(frozen=True)
class MutantResult:
    """What became of one mutant.

    Attributes:
        mutant: The mutant.
        problems: What the suite found wrong; empty if it survived.
    """

    mutant: Mutant
    problems: tuple[str, ...]

    @property
    def rejected(self) -> bool:
        """Whether the suite noticed, and where it should."""
        return bool(self.noticed)

    @property
    def noticed(self) -> str:
        """What it said; of a mutant, what said the case or check that is there for this fault."""
        seen_by = self.mutant.seen_by
        return next((found for found in self.problems if found.startswith(seen_by)), "")


@dataclass(frozen=True)
class MutationScore:
    """What became of all mutants, and of the right implementations they were made from.

    Attributes:
        outcomes: Of the mutants.
        sound: Of the same activations without a fault, which have to be accepted.
    """

    outcomes: tuple[MutantResult, ...]
    sound: tuple[MutantResult, ...]

    @property
    def score(self) -> float:
        """The share of mutants that were rejected."""
        return sum(outcome.rejected for outcome in self.outcomes) / len(self.outcomes)

    @property
    def passed(self) -> bool:
        """Whether every mutant was rejected and nothing that is right."""
        return self.score == 1.0 and not any(outcome.rejected for outcome in self.sound)

    def __str__(self) -> str:
        """A table, one line for each mutant with the first thing that was noticed."""
        lines = []
        for outcome in (*self.outcomes, *(found for found in self.sound if found.rejected)):
            mutant = outcome.mutant
            verdict = "rejected" if outcome.rejected else "SURVIVED"
            where = f"{mutant.subject}, {mutant.dtype}, {mutant.numerics}"
            line = f"{verdict}  {mutant.fault:<46} {where:<46} {outcome.noticed}"
            lines.append(line[:WIDTH].rstrip())
        rejected = sum(outcome.rejected for outcome in self.outcomes)
        accepted = sum(not outcome.rejected for outcome in self.sound)
        lines.append(
            f"mutation score {rejected}/{len(self.outcomes)}, "
            f"sound implementations accepted {accepted}/{len(self.sound)}"
        )
        return "\n".join(lines)


def list_mutants() -> list[Mutant]:
    """Returns all mutants; those that need a framework only where it is installed."""
    mutants = [*FORMULA_MUTANTS, *ARRAY_MUTANTS, *JOINT_MUTANTS]
    for backend in usual_backends():
        mutants += load_harness(backend).mutants()
    return mutants


def originals_of(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Returns what these mutants were made from, each once: mutants without a fault."""
    settings = dict.fromkeys(
        (mutant.subject, mutant.dtype, mutant.numerics, mutant.backend) for mutant in mutants
    )
    return [
        Mutant("none", subject, registered, "", dtype, numerics, backend)
        for subject, dtype, numerics, backend in settings
    ]


def judge_mutant(mutant: Mutant) -> MutantResult:
    """Runs everything on a mutant.

    Args:
        mutant: The mutant.
    """
    backends = {mutant.backend: [mutant.dtype]}
    cases: Sequence[Case] = list_cases([mutant.subject], backends)
    with np.errstate(all="ignore"):
        results = run(cases, numerics=mutant.numerics, quick=True, implement=mutant.implement)
        problems = [
            f"order {result.case.order}: {result.problem}" for result in results if result.problem
        ]
        checks = list_checks([mutant.subject], backends)
        problems += [
            f"{result.check}: {result.problem}"
            for result in run_checks(checks, numerics=mutant.numerics, implement=mutant.implement)
            if result.problem
        ]
    return MutantResult(mutant, tuple(problems))


def mutation_score(mutants: Sequence[Mutant] | None = None) -> MutationScore:
    """Runs the suite on every mutant, and on what each was made from.

    Args:
        mutants: Only these.
    """
    chosen = list_mutants() if mutants is None else mutants
    return MutationScore(
        outcomes=tuple(map(judge_mutant, chosen)),
        sound=tuple(map(judge_mutant, originals_of(chosen))),
    )
