"""Whether the suite would notice: implementations with one fault each, all of which it rejects."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unified_act_conformance.cases import Case, list_cases
from unified_act_conformance.checks import list_checks, run_checks
from unified_act_conformance.implementation import Implement, registered
from unified_act_conformance.mutants_arrays import ARRAY_MUTANTS
from unified_act_conformance.mutants_base import Mutant
from unified_act_conformance.mutants_formulas import FORMULA_MUTANTS
from unified_act_conformance.mutants_joint import JOINT_MUTANTS
from unified_act_conformance.runner import run

__all__ = ["Mutant", "MutationScore", "Outcome", "list_mutants", "mutation_score", "problems_of"]

WIDTH = 180


@dataclass(frozen=True)
class Outcome:
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

    outcomes: tuple[Outcome, ...]
    sound: tuple[Outcome, ...]

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
    """Returns all mutants; those of PyTorch only where it is installed."""
    mutants = [*FORMULA_MUTANTS, *ARRAY_MUTANTS, *JOINT_MUTANTS]
    if importlib.util.find_spec("torch") is not None:
        from unified_act_conformance.harness.mutants_torch import TORCH_MUTANTS

        mutants += TORCH_MUTANTS
    return mutants


def problems_of(mutant: Mutant, implement: Implement | None = None) -> tuple[str, ...]:
    """Runs everything on a mutant and returns what is found wrong.

    Args:
        mutant: The mutant.
        implement: What is judged in its place.
    """
    implement = implement or mutant.implement
    backends = {mutant.backend: [mutant.dtype]}
    cases: Sequence[Case] = list_cases([mutant.subject], backends)
    with np.errstate(all="ignore"):
        results = run(cases, numerics=mutant.numerics, quick=True, implement=implement)
        problems = [
            f"order {result.case.order}: {result.problem}" for result in results if result.problem
        ]
        checks = list_checks([mutant.subject], backends)
        problems += [
            f"{result.check}: {result.problem}"
            for result in run_checks(checks, numerics=mutant.numerics, implement=implement)
            if result.problem
        ]
    return tuple(problems)


def mutation_score(mutants: Sequence[Mutant] | None = None) -> MutationScore:
    """Runs the suite on every mutant, and on what each was made from.

    Args:
        mutants: Only these.
    """
    chosen = list_mutants() if mutants is None else mutants
    outcomes = tuple(Outcome(mutant, problems_of(mutant)) for mutant in chosen)
    origins = {
        (mutant.subject, mutant.dtype, mutant.numerics, mutant.backend): mutant for mutant in chosen
    }
    sound = []
    for subject, dtype, numerics, backend in origins:
        original = Mutant("none", subject, registered, "", dtype, numerics, backend)
        sound.append(Outcome(original, problems_of(original)))
    return MutationScore(outcomes, tuple(sound))
