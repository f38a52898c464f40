"""The commands: what they write, what they exit with, and how they fail."""

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from unified_act_conformance.checks.run import run_checks
from unified_act_conformance.commands import conformance as module
from unified_act_conformance.commands.main import cli
from unified_act_conformance.judge.runner import Result
from unified_act_conformance.subject.cases import Case, Subject

FEW = ("--backend", "numpy", "--activation", "relu", "--dtype", "float32", "--quick")


@pytest.fixture
def invoke():
    """Runs `unified-act conformance`."""

    def run(*arguments):
        return CliRunner().invoke(cli, ["conformance", *map(str, arguments)])

    return run


@pytest.mark.parametrize("command", [(), ("run",)])
def test_run_is_what_happens_without_a_command(invoke, command):
    result = invoke(*command, *FEW)
    assert result.exit_code == 0, result.output
    assert "relu" in result.output
    assert "2 of 3 cases passed, 0 failed, 1 unsupported" in result.output
    assert "layouts" in result.output


def test_run_writes_every_report(invoke, tmp_path):
    paths = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "markdown", "html")}
    options = [text for name, path in paths.items() for text in (f"--{name}", path)]
    assert invoke("run", *FEW, *options).exit_code == 0
    assert json.loads(paths["json"].read_text(encoding="utf-8"))["verdict"]["passed"] is True
    assert ET.parse(paths["junit"]).getroot().get("failures") == "0"
    assert paths["markdown"].read_text(encoding="utf-8").startswith("# Conformance: passed")
    assert paths["html"].read_text(encoding="utf-8").startswith("<!doctype html>")


def pretend(monkeypatch, results):
    """The cases come to these results; the checks are made."""
    monkeypatch.setattr(
        module,
        "run_everything",
        lambda cases, checks, **options: [*results(cases), *run_checks(checks)],
    )


def test_a_failure_is_told_with_the_command_that_shows_it(invoke, monkeypatch, tmp_path):
    case = Case(Subject("relu"), "numpy", "float32", 0)
    failed = Result(case, 0.0, None, problem="ValueError: [bold]no[/bold]")
    pretend(monkeypatch, lambda cases: [replace(failed, case=case) for case in cases])
    result = invoke("run", *FEW, "--json", tmp_path / "report.json")
    assert result.exit_code == 1
    assert "FAILED relu on numpy, float32, value: ValueError: [bold]no[/bold]" in result.output
    assert "unified-act conformance repro relu --backend numpy" in result.output
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["verdict"]["cases"]


def test_a_lost_case_is_an_error(invoke, monkeypatch):
    pretend(monkeypatch, lambda cases: [])
    result = invoke("run", *FEW)
    assert result.exit_code == 1
    assert "0 cases were run of 3" in str(result.exception)


def test_one_order_or_one_check_alone(invoke):
    cases = invoke("run", *FEW, "--order", 1).output
    assert "1 of 1 cases passed, 0 failed; " in cases
    assert "checks" not in cases
    checks = invoke("run", *FEW, "--check", "layouts").output
    assert "1 of 1 checks passed, 0 failed; 0 outputs judged" in checks
    assert "cases" not in checks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--check", "nonsense", *FEW), "Nothing was run"),
        (("--backend", "nonsense"), "nonsense"),
        (("--activation", "nonsense", "--backend", "numpy"), "unknown activation 'nonsense'"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(invoke, arguments, message):
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


def test_options_come_after_the_command(invoke):
    result = invoke("--quick", "compare")
    assert result.exit_code == 2
    assert "options come after the command" in result.output


def test_repro_shows_what_was_got_and_what_is_right(invoke):
    result = invoke("repro", "elu(alpha=0.5)", "--backend", "numpy", "--x", "-0x1.4p+1")
    assert result.exit_code == 0
    assert "elu(alpha=0.5) on numpy, float32, value" in result.output
    assert "-0x1.d5f8f4p-2" in result.output
    assert "passed" in result.output


def test_repro_of_no_number(invoke):
    result = invoke("repro", "relu", "--backend", "numpy", "--x", "one")
    assert result.exit_code == 2
    assert "--x" in result.output


def test_record_and_compare(invoke, tmp_path):
    recording, verdicts = tmp_path / "numpy.npz", tmp_path / "verdicts.json"
    few = ("--backend", "numpy", "--activation", "tanh", "--dtype", "float32")
    result = invoke("record", recording, *few)
    assert result.exit_code == 0, result.output
    assert "1 calls recorded" in result.output
    result = invoke("compare", recording, "--json", verdicts)
    assert result.exit_code == 0, result.output
    assert "numpy.npz" in result.output
    assert "tanh" in result.output
    assert json.loads(verdicts.read_text(encoding="utf-8"))["verdicts"]


def test_a_plan_to_carry_elsewhere(invoke, tmp_path):
    plan = tmp_path / "plan.npz"
    result = invoke("record", plan, "--backend", "mxnet", "--activation", "tanh", "--plan-only")
    assert result.exit_code == 0, result.output
    assert "python recorder.py plan.npz recording.npz --adapter mxnet" in result.output
    assert plan.exists()
    result = invoke("compare", plan)
    assert result.exit_code == 1
    assert "RecordingError" in result.output


def test_native_kernels_are_judged_as_they_are(invoke):
    options = ("--dtype", "float32", "--quick", "--implementation", "native", "--order", 1)
    result = invoke("run", "--backend", "mxnet", "--activation", "selu", *options)
    assert result.exit_code == 1
    assert "0 of 1 cases passed, 1 failed" in result.output
    assert "wrong_sign" in result.output
    # Without a kernel of its own there is nothing to judge.
    result = invoke("run", "--backend", "mxnet", "--activation", "mish", *options)
    assert result.exit_code == 1
    assert "Nothing was run" in result.output
