"""The mutation score: how many of the mutants that a machine made the suite sees."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unified_act_conformance.mutants import asking
from unified_act_conformance.mutants.children import Reply, Task, in_parallel, one
from unified_act_conformance.mutants.faults import install
from unified_act_conformance.mutants.frameworks import import_frameworks
from unified_act_conformance.mutants.sites import Mutant, Target, list_mutants

if TYPE_CHECKING:
    from unified_act.backend import Numerics

__all__ = ["COUNT", "REQUIRED", "SEED", "MutantResult", "MutationScore", "mutation_score", "sample"]

SEED, COUNT = 2026, 300
REQUIRED = 0.95
"""The share of mutants that has to be seen."""
CACHE = Path(".cache")
LIMIT = 900.0
"""How many seconds a child may take; a mutant may run for ever."""
TARGETS_EACH = 5
"""A change that makes no difference for one activation or backend may make one for the next: there
are so many kinds of activations."""

SEEN = ("seen", "raised", "crashed")
"""By its numbers; by an error that the suite reports; or the process ended, or did not end."""
MADE = (*SEEN, "survived")
EQUAL = "no difference"
"""Not a bit is another in all that a whole run calls: it is no fault, and does not count."""
NOT_SEEN = ("survived", EQUAL, "unusable")
"""The last is what cannot be imported, or of which the suite says the same without the change."""


@dataclass(frozen=True)
class MutantResult:
    """What became of one mutant.

    Attributes:
        mutant: The mutant.
        verdict: One of `MADE`, or `EQUAL`.
        target: What the suite was asked about last.
        said: What it said; if nothing, how it was asked.
    """

    mutant: Mutant
    verdict: str
    target: Target
    said: str = ""

    @property
    def seen(self) -> bool:
        """Whether the suite saw that something is wrong."""
        return self.verdict in SEEN

    def __str__(self) -> str:
        """One line."""
        where = "{}, {}".format(*self.target)
        said = " ".join(self.said.split())
        return f"{self.verdict}: {self.mutant.id} [{where}] {said}"


@dataclass(frozen=True)
class MutationScore:
    """What became of a sample of mutants.

    Attributes:
        results: One for each mutant that changes an output.
        available: How many mutants the sample was drawn from.
        equal: Those that change none, and which others have replaced in the sample.
    """

    results: Sequence[MutantResult]
    available: int
    equal: Sequence[MutantResult] = ()

    @property
    def score(self) -> float:
        """The share of mutants that were seen."""
        return sum(result.seen for result in self.results) / max(len(self.results), 1)

    @property
    def passed(self) -> bool:
        """Whether enough were seen."""
        return self.score >= REQUIRED

    @property
    def survivors(self) -> list[MutantResult]:
        """The mutants that were not seen."""
        return [result for result in self.results if not result.seen]

    def __str__(self) -> str:
        """A table with a row for each operator, the survivors, and the score."""
        rows = [f"{'operator':<40}" + "".join(f"{name:>15}" for name in MADE)]
        found = Counter((result.mutant.operator, result.verdict) for result in self.results)
        for operator in sorted({operator for operator, _ in found}):
            counts = "".join(f"{found[operator, verdict] or '':>15}" for verdict in MADE)
            rows.append(f"{operator:<40}{counts}")
        total = Counter(result.verdict for result in self.results)
        rows.append(f"{'all':<40}" + "".join(f"{total[verdict]:>15}" for verdict in MADE))
        rows += ["", *map(str, [*self.survivors, *self.equal]), ""]
        seen, every = len(self.results) - len(self.survivors), len(self.results) + len(self.equal)
        rows.append(f"with those that make no difference: {seen}/{every}")
        rows.append(
            f"mutation score {seen}/{len(self.results)} = {self.score:.1%}, "
            f"of {self.available:,} mutants"
        )
        return "\n".join(rows)


def mutation_score(
    mutants: Iterable[Mutant] | None = None,
    *,
    again: str = "",
    seed: int = SEED,
    count: int = COUNT,
    jobs: int = 2,
    backends: Sequence[str] = (),
    cache: Path = CACHE,
    report: Callable[[MutantResult], None] = lambda result: None,
) -> MutationScore:
    """Makes mutants of the catalogue and the backends, and asks the suite about each.

    Each runs in a forked copy of this process.

    Args:
        mutants: These mutants, in place of a sample.
        again: Mutants whose ids are in this text, in place of a sample.
        seed: The sample's seed.
        count: How many mutants the sample has that make a difference.
        jobs: How many processes to use.
        backends: Mutants for these backends only. The default is those that are installed.
        cache: The folder that keeps who runs which line of the sources.
        report: Is told each result as it comes.
    """
    usable = import_frameworks(backends)
    every = list_mutants(usable, jobs, cache, LIMIT) if mutants is None else list(mutants)
    chosen = [mutant for mutant in every if f"{mutant.id} [" in again] if again else every
    waiting = enumerate(chosen if again or mutants is not None else sample(every, seed))
    ((_, kinds),) = in_parallel([one(asking.kinds)], 1, LIMIT)
    made: dict[int, MutantResult] = {}
    equal: dict[int, MutantResult] = {}
    # What turns out to be no fault is replaced by the next ones: the same ones in every run.
    sound: _Digests = {}
    while missing := list(islice(waiting, count - len(made))):
        plans = [_judged(*each, kinds, seed, sound) for each in missing]
        for _, (number, result) in in_parallel(plans, jobs, LIMIT):
            report(result)
            if result.verdict in MADE:
                made[number] = result
            elif result.verdict == EQUAL:
                equal[number] = result
    of_difference, others = ([found[number] for number in sorted(found)] for found in (made, equal))
    return MutationScore(of_difference, len(every), others)


def sample(mutants: Sequence[Mutant], seed: int) -> Iterator[Mutant]:
    """Yields mutants in a random order in which operators take turns, and in each the modules.

    Args:
        mutants: All mutants.
        seed: Decides on the order.
    """
    generator = random.Random(seed)  # noqa: S311
    shuffled = sorted(mutants, key=lambda mutant: mutant.id)
    generator.shuffle(shuffled)
    groups: dict[str, dict[str, list[Mutant]]] = {}
    for mutant in shuffled:
        groups.setdefault(mutant.operator, {}).setdefault(mutant.module.name, []).append(mutant)
    yield from _in_turn([list(_in_turn(list(found.values()))) for found in groups.values()])


def _in_turn(lists: Sequence[Sequence[Mutant]]) -> Iterator[Mutant]:
    for index in range(max(map(len, lists), default=0)):
        yield from (found[index] for found in lists if index < len(found))


_Digests = dict[tuple[Target, tuple["Numerics", ...]], str]
"""Of the outputs without any change."""


def _judged(
    number: int, mutant: Mutant, kinds: Mapping[str, str], seed: int, sound: _Digests
) -> Generator[Task, Reply, tuple[int, MutantResult]]:
    """Asks about a mutant until something is seen."""
    results = []
    for target in _some_of(mutant, kinds, seed):
        result = yield from _asked(mutant, target, sound)
        if result.seen:
            return number, result
        results.append(result)
    # What survived for one activation is not equivalent, if it is for another.
    return number, min(results, key=lambda result: NOT_SEEN.index(result.verdict))


def _some_of(mutant: Mutant, kinds: Mapping[str, str], seed: int) -> list[Target]:
    """Some targets, of as many kinds, activations and backends as possible, in a random order."""
    left = sorted(mutant.targets)
    random.Random(f"{seed} {mutant.id}").shuffle(left)  # noqa: S311
    found: list[Target] = []

    def likeness(target: Target) -> tuple[int, ...]:
        """How many of those that were found have the same kind, activation and backend."""
        kind = kinds.get(target.activation)
        return (
            sum(kinds.get(each.activation) == kind for each in found),
            sum(each.activation == target.activation for each in found),
            sum(each.backend == target.backend for each in found),
        )

    while left and len(found) < TARGETS_EACH:
        found.append(min(left, key=likeness))
        left.remove(found[-1])
    return found


def _asked(mutant: Mutant, target: Target, sound: _Digests) -> Generator[Task, Reply, MutantResult]:
    """Asks about one activation on one backend, in each profile that runs the line."""
    profiles = mutant.targets[target]
    for numerics in profiles:
        reply = yield partial(_with, mutant, partial(asking.ask, *target, numerics))
        if reply.died:
            # Without the suite: does it fail where it is imported?
            imported = yield partial(_with, mutant, partial(asking.importable, *target))
            verdict = _verdict(reply.died, "crashed") if imported.value is True else "unusable"
            return MutantResult(mutant, verdict, target, reply.died)
        if reply.value is not None:
            index, what, said = reply.value
            unchanged = yield partial(asking.ask, *target, numerics, index)
            verdict = _verdict(said)
            if unchanged.died or unchanged.value is not None:
                verdict = "unusable"
            return MutantResult(mutant, verdict, target, f"{what}, {numerics}: {said}")
    verdict = "survived"
    if mutant.operator.startswith("for "):
        # Does it matter at all what the function returns?
        if (yield from _same(mutant, target, profiles, sound, mutant.always)):
            verdict = "unusable"
    elif (yield from _same(mutant, target, profiles, sound)):
        verdict = EQUAL
    return MutantResult(mutant, verdict, target, " and ".join(profiles))


def _same(
    mutant: Mutant,
    target: Target,
    profiles: Sequence[Numerics],
    sound: _Digests,
    text: str = "",
) -> Generator[Task, Reply, bool]:
    """Whether all outputs have the same bits with the mutant, or another text, and without."""
    task, key = partial(asking.digest, *target, profiles), (target, tuple(profiles))
    if key not in sound:
        reply = yield task
        sound[key] = reply.value or ""
    changed = yield partial(_with, replace(mutant, text=text or mutant.text), task)
    return bool(sound[key]) and sound[key] == changed.value


def _with(mutant: Mutant, task: Task) -> Any:
    """Does a task with the mutant in the place of its module."""
    install(mutant.module.name, mutant.module.path, mutant.text)
    return task()


def _verdict(said: str, otherwise: str = "seen") -> str:
    """Whether an error was raised, which is told by its type and what it says."""
    first, colon, _ = said.partition(": ")
    return "raised" if colon and first.isidentifier() and first[0].isupper() else otherwise
