"""The suite as pytest tests.

    pytest -p unified_act_conformance.pytest_plugin --pyargs unified_act_conformance \
        --conformance-backend torch

Each case is a separate test, such as ``test_accuracy[gelu-torch-float32-gradient]``. If a named
backend cannot be loaded, this is an error. Without a name all installed backends are tested.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

import unified_act as ua
from unified_act_conformance.checks import list_checks
from unified_act_conformance.subject import (
    case_id,
    check_id,
    dtypes_of,
    list_cases,
    usual_backends,
)
from unified_act_conformance.truth import list_subjects

CASE, CHECK = "conformance_case", "conformance_check"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options.

    Args:
        parser: pytest's.
    """
    group = parser.getgroup("conformance", "conformance of activation functions")
    for option, text in (
        ("backend", "judge only this backend (repeatable)"),
        ("activation", "judge only this activation (repeatable)"),
        ("dtype", "judge only this float type (repeatable)"),
    ):
        group.addoption(f"--conformance-{option}", action="append", default=[], help=text)
    group.addoption(
        "--conformance-numerics",
        choices=("fast", "strict"),
        default="fast",
        help="judge this profile",
    )
    group.addoption(
        "--conformance-full", action="store_true", help="judge all inputs, as the command does"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes a test of every case and every check.

    Args:
        metafunc: A test function that asks for one of them.
    """
    wanted = {CASE, CHECK} & set(metafunc.fixturenames)
    if not wanted:
        return
    option = metafunc.config.getoption
    try:
        backends = option("conformance_backend") or usual_backends()
        available = dtypes_of(backends, option("conformance_dtype"))
        subjects = list_subjects(option("conformance_activation"))
    except ua.UnifiedActError as error:
        raise pytest.UsageError(f"{type(error).__name__}: {error}") from error
    if CASE in wanted:
        cases = list_cases(subjects, available)
        metafunc.parametrize(CASE, cases, ids=map(partial(case_id, spelled=True), cases))
    else:
        plain = [subject for subject in subjects if not subject.parameters]
        checks = list_checks(plain, available)
        metafunc.parametrize(CHECK, checks, ids=map(partial(check_id, spelled=True), checks))


@pytest.fixture(scope="session")
def conformance_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The keywords that every run takes."""
    option = request.config.getoption
    return {
        "numerics": option("conformance_numerics"),
        "quick": not option("conformance_full"),
    }
