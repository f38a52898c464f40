"""Several processes find what one finds, and no case is lost between them."""

from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool

import pytest

import unified_act as ua
from unified_act_conformance.checks.run import list_checks
from unified_act_conformance.commands.parallel import (
    SMALL,
    Helpers,
    _small_ones_in_the_middle,
    helpers,
    processes_for,
    run_everything,
)
from unified_act_conformance.subject.cases import Check, Subject, list_cases
from unified_act_conformance.truth.records import list_subjects


def test_a_small_run_stays_in_one_process(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert processes_for(0, SMALL) == 1
    assert processes_for(0, SMALL + 1) == 8
    assert processes_for(3, 1) == 3


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # a bare np.tanh of NaN
@pytest.mark.parametrize("native", [False, True])
def test_two_processes_find_what_one_finds(native):
    backends = {"numpy": ["float32", "float16"]}
    subjects = list_subjects(["tanh"] if native else ["tanh", "relu"])
    cases = list_cases(subjects, backends, (0, 1))
    checks = [] if native else list_checks(subjects, backends, names=["lengths"])
    found = []
    for processes in (1, 2):
        with helpers(processes, ["numpy"]) as beside:
            results = run_everything(
                cases, checks, beside=beside, numerics="fast", quick=True, native=native
            )
            found.append(list(results))
    assert len(found[0]) == len(cases) + len(checks)
    assert sorted(map(repr, found[0])) == sorted(map(repr, found[1]))


def test_what_takes_long_is_begun_first_from_both_ends():
    checks = ["lengths", "dimensions", "layouts", "dimensions", "dimensions", "weights"]
    parts = [([], [Check(name, Subject("relu"), "numpy", "float32")]) for name in checks]
    found = [check.name for _, (check,) in _small_ones_in_the_middle(parts)]
    assert found == ["dimensions", "lengths", "layouts", "weights", "dimensions", "dimensions"]


def test_what_a_process_raises_is_raised():
    cases = list_cases(list_subjects(["relu"]), {"nonsense": ["float32"]}, (0,))
    with (
        helpers(2, ["nonsense"]) as beside,
        pytest.raises(ua.UnknownBackendError, match="nonsense"),
    ):
        list(run_everything(cases, [], beside=beside, numerics="fast", quick=True, native=False))


class _Refusing(Executor):
    """A pool whose only process dies of the first thing that it is given."""

    def __init__(self):
        self.given = 0

    def submit(self, function, /, *arguments):
        self.given += 1
        if self.given > 1:
            raise BrokenProcessPool("a process died")
        died = Future()
        died.set_exception(BrokenProcessPool("a process died"))
        return died


def test_a_process_that_dies_is_told_of():
    cases = list_cases(list_subjects(["relu", "tanh", "relu6"]), {"numpy": ["float32"]}, (0,))
    beside = Helpers(_Refusing(), 1)
    with pytest.raises(BrokenProcessPool):
        list(run_everything(cases, [], beside=beside, numerics="fast", quick=True, native=False))
