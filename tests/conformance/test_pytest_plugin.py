"""The pytest plugin, run as its users run it."""

from __future__ import annotations

import pytest

from unified_act_conformance.subject.cases import Case, Check, Subject, case_id, check_id

PROGRAM = """
import sys, pytest
arguments = ["-q", "-p", "no:cacheprovider", "-p", "unified_act_conformance.pytest_plugin",
             "-c", sys.argv[1] if len(sys.argv) > 1 else "/dev/null", "--rootdir", "/tmp",
             "--pyargs", "unified_act_conformance", {options}]
print("exit", int(pytest.main(arguments)))
"""


@pytest.fixture
def suite(run_python):
    def run(*options: str) -> str:
        return run_python(PROGRAM.format(options=", ".join(map(repr, options))))

    return run


def test_one_activation_on_one_backend(suite) -> None:
    found = suite(
        *("--conformance-backend", "numpy", "--conformance-activation", "elu"),
        *("--conformance-dtype", "float32", "--conformance-dtype", "float16"),
        *("--conformance-numerics", "strict"),
    )
    assert "exit 0" in found
    assert "passed" in found
    assert "skipped" in found  # what NumPy has not got, and says so
    assert "failed" not in found


def test_names_of_the_tests(suite) -> None:
    found = suite("--collect-only", "--conformance-backend", "torch")
    assert "test_accuracy[gelu-torch-float32-gradient]" in found
    assert "test_accuracy[prelu-torch-float16-gradient-of-weight]" in found
    assert "test_check[silu-torch-bfloat16-lengths]" in found
    assert "test_check[silu-torch-float32-mode-compile]" in found
    assert "test_accuracy[gelu-torch-float64-second-derivative]" in found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--conformance-backend", "jaxx"], "UnknownBackendError"),
        (["--conformance-backend", "numpy", "--conformance-activation", "geluu"], "geluu"),
    ],
)
def test_what_cannot_be_loaded_fails(suite, options, message) -> None:
    found = suite(*options)
    assert message in found
    assert "exit 0" not in found


def test_a_backend_that_is_not_installed_fails(run_python) -> None:
    blocked = "import sys; sys.modules['torch'] = None\n"
    options = "'--conformance-backend', 'torch'"
    found = run_python(blocked + PROGRAM.format(options=options))
    assert "BackendNotInstalledError" in found or "BackendImportError" in found
    assert "exit 0" not in found


def test_identifiers() -> None:
    subject = Subject("hard_tanh", (("min_value", -2.0), ("max_value", 0.5)))
    case = Case(subject, "torch", "float32", 2)
    name = "hard_tanh(min_value=-2.0,max_value=0.5)-torch-float32-second-derivative"
    assert case_id(case, spelled=True) == name
    check = Check("mode jit", Subject("relu"), "tensorflow", "float32")
    assert check_id(check, spelled=True) == "relu-tensorflow-float32-mode-jit"
