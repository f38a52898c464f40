"""Mutants from end to end: who runs a line, what the suite says, and how a sample is drawn."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unified_act_conformance.mutants.score import (
    TARGETS_EACH,
    MutantResult,
    MutationScore,
    _some_of,
    sample,
)
from unified_act_conformance.mutants.sites import Target

# Forked is a process of its own: the one of these tests may have threads, which a copy has not.
PROGRAM = """
import json
import sys
from dataclasses import replace
from pathlib import Path
from unified_act_conformance.mutants import sites
from unified_act_conformance.mutants.frameworks import import_frameworks
from unified_act_conformance.mutants.score import mutation_score

sites.list_names = lambda: ["squared_relu"]
import_frameworks(["numpy"])
every = sites.list_mutants(["numpy"], 2, Path(sys.argv[1]), 300.0)
wrong, late = (
    next(mutant for mutant in every if mutant.note == note) for note in (
        "positive * positive → -(positive * positive)",
        "_squared_relu is wrong for the 300th call and later",
    )
)
text = wrong.module.path.read_text(encoding="utf-8")
line = "return positive * positive"
assert line in text
equivalent = replace(wrong, text=text.replace(line, "return positive * relu(xp, x)"))
broken = replace(wrong, text="import nothing_of_this_name")
greedy = replace(wrong, text=text.replace(line, "return positive * len(bytearray(20 * 2**30))"))
mutants = [wrong, broken, greedy, equivalent]
found = mutation_score(mutants, backends=["numpy"], cache=Path(sys.argv[1]))
every_result = [*found.results, *found.equal]
print(json.dumps([(result.verdict, result.target, result.said) for result in every_result]))
print(json.dumps([list(late.targets), len({mutant.id for mutant in every}), len(every)]))
"""


def test_the_suite_is_asked_about_mutants(tmp_path: Path, run_python) -> None:
    results, made = map(json.loads, run_python(PROGRAM, arguments=[str(tmp_path)]).splitlines())
    target = ["squared_relu", "numpy"]
    assert len(results) == 3  # what cannot be imported is no mutant
    assert results[0][:2] == ["seen", target]
    assert results[0][2].startswith("squared_relu on numpy, float32, value, fast: error")
    assert results[1][:2] == ["raised", target]
    assert "MemoryError" in results[1][2]  # it must not take the memory of everything else
    assert results[2] == ["no difference", target, "fast and strict"]
    targets, different, every = made
    assert targets == [target]
    assert different == every


def test_several_kinds_and_backends_are_asked() -> None:
    kinds = {"gelu": "elementwise", "relu": "elementwise", "softmax": "along axis"}
    backends = ("numpy", "torch")
    targets = {Target(name, backend): ["fast"] for name in kinds for backend in backends}
    asked = _some_of(SimpleNamespace(id="x", targets=targets), kinds, 1)  # type: ignore[arg-type]
    assert len(asked) == TARGETS_EACH
    assert len(set(asked)) == len(asked)
    assert {kinds[target.activation] for target in asked[:2]} == {"elementwise", "along axis"}
    assert {target.backend for target in asked[:2]} == set(backends)
    assert {target.activation for target in asked[:3]} == set(kinds)


def made(operator: str, module: str, number: int) -> Any:
    module_of = SimpleNamespace(name=module)
    return SimpleNamespace(operator=operator, module=module_of, id=f"{operator} {module} {number}")


EVERY = [
    made(operator, module, number)
    for operator in ("sign", "axis")
    for module, count in (("large", 500), ("small", 5))
    for number in range(count)
]


def test_a_sample_gives_every_operator_and_module_the_same_share() -> None:
    found = [mutant for mutant, _ in zip(sample(EVERY, 1), range(20), strict=False)]
    assert Counter(mutant.operator for mutant in found) == {"sign": 10, "axis": 10}
    assert Counter(mutant.module.name for mutant in found) == {"large": 10, "small": 10}


def test_a_seed_decides_on_the_sample() -> None:
    first = [mutant.id for mutant in sample(EVERY, 1)]
    assert first == [mutant.id for mutant in sample(list(reversed(EVERY)), 1)]
    assert first != [mutant.id for mutant in sample(EVERY, 2)]
    assert sorted(first) == sorted(mutant.id for mutant in EVERY)


@pytest.mark.parametrize(("survivors", "passed"), [(1, True), (2, False)])
def test_a_score_needs_19_of_20(survivors: int, passed: bool) -> None:
    verdicts = ["survived"] * survivors + ["seen", "raised", "crashed"] * 10
    results = [
        MutantResult(made("sign", "m", number), verdict, Target("relu", "numpy"), "why")
        for number, verdict in enumerate(verdicts[:20])
    ]
    equal = [MutantResult(made("sign", "m", 20), "no difference", Target("relu", "numpy"))]
    found = MutationScore(results, 1000, equal)
    assert found.passed is passed
    assert len(found.survivors) == survivors
    assert str(found).splitlines()[-1].startswith(f"mutation score {20 - survivors}/20 = 9")
    assert "survived: sign m 0 [relu, numpy] why" in str(found)
    assert "no difference: sign m 20 [relu, numpy]" in str(found)
