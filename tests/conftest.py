"""What several test modules share."""

import inspect

import pytest

from tests.implementations import forget_implementations
from tests.processes import run_python
from unified_act import catalogue
from unified_act.registry import ACTIVATIONS, Registry


@pytest.fixture(autouse=True)
def _only_built_in_activations(monkeypatch):
    """Each test starts with the catalogue and may register what it likes; doctests register too."""
    pristine = Registry(lambda: catalogue.ACTIVATIONS)
    monkeypatch.setattr(ACTIVATIONS, "_by_key", pristine._complete())
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


# The mutation score of the conformance suite, printed after the tests wherever it was computed.
SCORE = "mutation_score"


def pytest_sessionfinish(session):
    """Sends the score of a worker to the process that reports."""
    score = getattr(session.config, SCORE, None)
    if score is not None and hasattr(session.config, "workeroutput"):
        session.config.workeroutput[SCORE] = score


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    score = getattr(node, "workeroutput", {}).get(SCORE)
    if score is not None:
        setattr(node.config, SCORE, score)


def pytest_terminal_summary(config):
    score = getattr(config, SCORE, None)
    if score is not None:
        print(f"\n{score}")
