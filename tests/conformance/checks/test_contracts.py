"""Shares of 1 and honest randomness: the checks hold of ours, and can fail."""

from __future__ import annotations

import numpy as np
import pytest

import unified_act as ua
from tests.implementations import forget_implementations
from unified_act_conformance.checks.bench import bench_for
from unified_act_conformance.checks.run import list_checks, run_checks
from unified_act_conformance.floats import widen
from unified_act_conformance.harness import load_harness
from unified_act_conformance.problems.joint_inputs import spread
from unified_act_conformance.subject.cases import Case, Subject
from unified_act_conformance.subject.implementation import function_of_users, registered
from unified_act_conformance.truth.records import RECORDS, list_subjects
from unified_act_numpy.backend import NumpyBackend

BACKENDS = ("numpy", "torch", "tensorflow", "mxnet")
ALL = ("float16", "bfloat16", "float32", "float64")
TRAINING = Subject("rrelu", (("training", True),))
HARD = Subject("gumbel_softmax", (("hard", True),))


def problem(subject: Subject, name: str, function=None, dtype: str = "float64") -> str:
    plan = list_checks([subject], {"numpy": [dtype]}, names=[name])
    implement = registered if function is None else function_of_users(function)
    (result,) = run_checks(plan, implement=implement)
    return result.problem


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_are_shares_and_seeds_are_kept(backend: str) -> None:
    subjects = list_subjects([*(r.name for r in RECORDS.values() if r.shares), "rrelu"])
    plan = list_checks(subjects, {backend: ALL}, names=["shares", "seeds"])
    results = list(run_checks(plan))
    assert {result.check for result in results} == {"shares", "seeds"}
    assert {result.status for result in results} == {"passed"}, results


@pytest.mark.parametrize("subject", [TRAINING, HARD, Subject("gumbel_softmax")], ids=str)
def test_the_same_noise_gives_the_same_everywhere(subject: Subject) -> None:
    x, noise = (
        3.0 * spread("float64", (5, 4), seed=0),
        (1.0 + spread("float64", (5, 4), seed=1)) / 2,
    )
    found = {}
    for backend in BACKENDS:
        harness = load_harness(backend)
        function = ua.get_activation(
            subject.activation, backend=backend, **dict(subject.parameters)
        )
        natives = [harness.to_native(array, "float64") for array in (x, noise)]
        found[backend] = harness.to_numpy(function(*natives), "float64")
    for backend in BACKENDS[1:]:
        np.testing.assert_allclose(found[backend], found["numpy"], rtol=1e-14)


SOFTMAX = ua.get_activation("softmax", backend="numpy")
SPARSEMAX = ua.get_activation("sparsemax", backend="numpy")
WRONG = {
    "negative": (Subject("softmax"), lambda x: -SOFTMAX(x), "a share is -"),
    "too much": (
        Subject("softmax"),
        lambda x: 1.001 * SOFTMAX(x),
        "the sum of shares is off by 0.00",
    ),
    "masked": (Subject("masked_softmax"), lambda x, mask: SOFTMAX(x), "the mask leaves out"),
    "soft": (Subject("hardmax"), SOFTMAX, "a choice has the shares"),
    "dense": (Subject("sparsemax"), SOFTMAX, "have a share and should not"),
    "NaN": (Subject("softmax"), lambda x: np.nan * x, "a share is nan"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_no_share_is_noticed(fault: str) -> None:
    subject, function, said = WRONG[fault]
    assert problem(subject, "shares") == ""
    assert said in problem(subject, "shares", function)


def by_seed(x, generator, low: float = 0.0) -> np.ndarray:
    return low + (1.0 - low) * np.random.default_rng(generator).random(x.shape)


UNFAIR = {
    "no seed": (lambda x, seed: by_seed(x, None), "with one seed the value differs"),
    "one seed": (lambda x, seed: by_seed(x, 1), "with two seeds the value is the same"),
    "rising": (lambda x, seed: np.sort(by_seed(x, seed), axis=-1), "win at"),
    "high": (lambda x, seed: by_seed(x, seed, 0.1), "the mean slope is"),
    "outside": (lambda x, seed: 1.1 * by_seed(x, seed), "slopes from"),
}


@pytest.mark.parametrize("fault", UNFAIR)
def test_unfair_noise_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, said = UNFAIR[fault]
    subject = Subject("gumbel_softmax") if said == "win at" else TRAINING
    assert problem(subject, "seeds") == ""
    monkeypatch.setattr(NumpyBackend, "uniform_like", lambda self, x, generator: draw(x, generator))
    forget_implementations()
    assert said in problem(subject, "seeds")


def test_rows_are_short_and_axes_are_there() -> None:
    def fits(subject: Subject, *shape: int) -> bool:
        return bench_for(Case(subject, "numpy", "float32", 0), "fast", registered).fits(shape)

    assert fits(Subject("relu"), 0)
    assert fits(Subject("softmax"), 100, 8)
    assert not fits(Subject("softmax"), 100)
    assert not fits(Subject("softmax"), 3, 0)
    assert not fits(Subject("softmax2d"), 4, 8)
    assert fits(Subject("glu"), 100)
    assert not fits(Subject("glu"), 5, 3)
    assert not fits(Subject("gumbel_softmax"), 4, 8)  # with as many numbers of noise


def test_a_gradient_of_rows_is_asked_for_with_cotangents_that_tell() -> None:
    bench = bench_for(Case(Subject("softmax"), "numpy", "float64", 0), "fast", registered)
    values = bench.shaped(bench.values())
    assert np.count_nonzero(widen(bench.numbers(1, values))) == values.size
