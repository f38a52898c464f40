"""What several test modules share."""

import os
import subprocess
import sys

import pytest

from unified_act import catalogue
from unified_act.registry import ACTIVATIONS, Registry

TIMEOUT = 120


@pytest.fixture(autouse=True)
def _only_built_in_activations(monkeypatch):
    """Each test starts with the catalogue and may register what it likes; doctests register too."""
    pristine = Registry(lambda: catalogue.ACTIVATIONS)
    monkeypatch.setattr(ACTIVATIONS, "_by_key", pristine._complete())
    monkeypatch.setattr(ACTIVATIONS, "_built_in", None)


@pytest.fixture(autouse=True)
def _no_default_backend(monkeypatch):
    monkeypatch.delenv("UNIFIED_ACT_BACKEND", raising=False)


@pytest.fixture
def run_python():
    """Runs a program in a fresh process and returns what it printed; fails if it did."""

    def run(program, *options, first=(), environment=(), site=True):
        """`first`: folders that come before everything else on the path."""
        path = [
            *map(str, first),
            *(entry for entry in sys.path if site or "-packages" not in entry),
        ]
        finished = subprocess.run(
            [sys.executable, *options, "-c", program],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **dict(environment)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run


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
