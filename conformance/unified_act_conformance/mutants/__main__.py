"""The command `python -m unified_act_conformance.mutants`, which `make mutants` runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from unified_act_conformance.mutants.score import CACHE, COUNT, SEED, mutation_score


def main() -> int:
    """Prints the mutation score; returns 0 if enough mutants were seen."""
    parser = argparse.ArgumentParser(description="Asks the suite about mutants of the sources.")
    parser.add_argument("--seed", type=int, default=SEED, help="which sample to draw")
    parser.add_argument("--count", type=int, default=COUNT, help="how many mutants it has")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes to use")
    parser.add_argument("--backend", action="append", default=[], help="for this backend only")
    parser.add_argument(
        "--survivors",
        type=Path,
        default=CACHE / "mutants-survivors.txt",
        help="the file that the survivors are written to",
    )
    parser.add_argument("--again", type=Path, help="ask about the survivors in this file again")
    given = parser.parse_args()
    found = mutation_score(
        again=given.again.read_text(encoding="utf-8") if given.again else "",
        seed=given.seed,
        count=given.count,
        jobs=given.jobs,
        backends=given.backend,
        report=lambda result: print(result, file=sys.stderr, flush=True),
    )
    print(found)
    given.survivors.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{result}\n" for result in [*found.survivors, *found.equal]]
    given.survivors.write_text("".join(lines), encoding="utf-8")
    return 0 if found.passed else 1


if __name__ == "__main__":
    sys.exit(main())
