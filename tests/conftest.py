"""What several test modules share."""

import inspect
from collections import Counter

import pytest

from tests.implementations import forget_implementations
from tests.processes import run_python
from unified_act import catalogue
from unified_act.registry import ACTIVATIONS, Registry

BUILT_IN = Registry(lambda: catalogue.ACTIVATIONS)._complete()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks the cases that `make test` leaves to `make test-all`: see `quick` in pyproject.toml."""
    for item in items:
        for mark in item.iter_markers("quick"):
            (is_quick,) = mark.args
            wanted = inspect.signature(is_quick).parameters
            if not is_quick(**{name: item.callspec.params[name] for name in wanted}):
                item.add_marker("exhaustive")


@pytest.fixture(autouse=True)
def _only_built_in_activations(monkeypatch):
    """Each test starts with the catalogue and may register what it likes; doctests register too."""
    monkeypatch.setattr(ACTIVATIONS, "_by_key", BUILT_IN)
    monkeypatch.setattr(ACTIVATIONS, "_built_in", None)


@pytest.fixture(autouse=True)
def _implementations_of_its_own(request):
    """A test that patches something uses no implementation made before, and leaves none behind."""
    function = request.function  # None for a doctest
    patches = function is not None and "monkeypatch" in inspect.signature(function).parameters
    if patches:
        forget_implementations()
    yield
    if patches:
        forget_implementations()


@pytest.fixture(autouse=True)
def _no_default_backend(monkeypatch):
    monkeypatch.delenv("UNIFIED_ACT_BACKEND", raising=False)


@pytest.fixture(name="run_python")
def _run_python():
    """Runs a program in a fresh process and returns what it printed; fails if it did."""
    return run_python


SCORE = "score"
"""A property of the tests whose results are counted at the end: the mutation score."""


def pytest_terminal_summary(terminalreporter):
    """Prints how many of them passed, whichever worker ran them."""
    passed, judged = Counter(), Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            score = dict(report.user_properties).get(SCORE)
            passed[score] += outcome == "passed"
            judged[score] += 1
    scores = [f"{score} {passed[score]}/{count}" for score, count in judged.items() if score]
    if scores:
        terminalreporter.write_line(", ".join(scores))
