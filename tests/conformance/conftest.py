"""Prints the mutation score after the tests, wherever it was computed."""

import pytest

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
