"""The options `--function` and `--oracle`, and what docs/conformance.md shows of them."""

import json
import re
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

import unified_act as ua
from unified_act_conformance import check_function
from unified_act_conformance.commands.main import cli

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
SECTION = (
    PAGE.read_text(encoding="utf-8").partition("## Judge any function")[2].partition("\n## ")[0]
)
PYTHON = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
CONSOLE = re.findall(
    r"^\$ unified-act (.*)\n((?:(?!\$ |```).*\n)*)", SECTION, re.MULTILINE
)  # commands, each with its output

FUNCTIONS = """
import math
import torch

number = 3

def swish(x, beta=1):
    return x * torch.sigmoid(x * beta)

def swish_gradient(x, cotangent):
    s = torch.sigmoid(x)
    return cotangent * (s + x * s * (1 - s))

def exact_swish(xp, x, beta=1.0):
    return x * xp.sigmoid(x * beta)

def by_math(xp, x):
    return math.exp(x)

def misspelt(xp, x):
    return xp.sigmid(x)
"""


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Runs `unified-act conformance` in a folder with the module `functions` in it."""
    monkeypatch.chdir(tmp_path)
    # A script has its own folder on the path, and pytest's may be the current one.
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    before = set(sys.modules)
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    (tmp_path / "broken.py").write_text("import nothing_such")

    def run(*arguments):
        return CliRunner().invoke(cli, ["conformance", *arguments])

    yield run
    for name in {"functions", "broken", "my_module"} - before:
        sys.modules.pop(name, None)


SWISH = ("--function", "functions:swish", "--oracle", "functions:exact_swish")
FEW = ("--backend", "torch", "--dtype", "float32", "--quick", "--domain", "-1e30", "1e30")


def test_a_right_function_passes(invoke):
    result = invoke(*SWISH, *FEW)
    assert result.exit_code == 0, result.output
    assert "functions:swish" in result.output
    assert "is judged by its oracle, with the budgets of the tier composed" in result.output
    assert "3 of 3 cases passed, 0 failed; 5 of 5 checks passed" in result.output


def test_every_report_names_the_function(invoke, tmp_path):
    wrong = ("--function", "functions:swish", "--oracle", "elu(alpha=0.5)")
    paths = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "markdown", "html")}
    options = [str(text) for name, path in paths.items() for text in (f"--{name}", path)]
    result = invoke(*wrong, *FEW, *options)
    assert result.exit_code == 1
    name = "functions:swish as elu(alpha=0.5)"
    assert f"FAILED {name} on torch, float32, value" in result.output
    verdict = json.loads(paths["json"].read_text(encoding="utf-8"))["verdict"]
    assert verdict["cases"][0]["id"] == f"{name}-torch-float32-0"
    cases = ET.parse(paths["junit"]).getroot().iter("testcase")
    assert f"{name}-torch-float32-lengths" in {case.get("name") for case in cases}
    assert name in paths["markdown"].read_text(encoding="utf-8")
    assert name in paths["html"].read_text(encoding="utf-8")


def test_the_printed_command_shows_the_worst_input(invoke):
    given = ("--function", "functions:swish(beta=2)", "--oracle", "functions:exact_swish")
    result = invoke(*given, *FEW, "--kink", "0.5")
    assert result.exit_code == 0, result.output
    result = invoke(*given, *FEW[:-3])
    printed = [line for line in result.output.splitlines() if "conformance repro" in line]
    words = shlex.split(printed[0])
    shown = invoke(*words[2:])
    assert shown.exit_code == 0, shown.output
    assert "functions:swish(beta=2.0) on torch, float32, value, fast" in shown.output
    assert "functions.py:7 swish" in shown.output
    assert "FAILED, nan_for_number" in shown.output


def test_the_printed_command_makes_a_check_again(invoke):
    result = invoke("--function", "functions:swish", "--oracle", "relu", *FEW, "--check", "lengths")
    printed = [line for line in result.output.splitlines() if "conformance run" in line]
    again = invoke(*shlex.split(printed[0])[2:])
    assert again.exit_code == 1
    assert "0 of 1 checks passed, 1 failed" in again.output


def test_a_gradient_of_ones_own(invoke):
    result = invoke(*SWISH, "--gradient", "functions:swish_gradient", *FEW)
    assert result.exit_code == 0, result.output
    assert "2 of 3 cases passed, 0 failed, 1 unsupported" in result.output


def test_on_numpy_it_says_that_gradients_are_not_judged(invoke, tmp_path):
    (tmp_path / "functions.py").write_text("def same(x):\n    return x.copy()")
    result = invoke("--function", "functions:same", "--oracle", "identity", "--backend", "numpy")
    assert result.exit_code == 0, result.output
    assert "numpy cannot differentiate a function, so only the values" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--function", "functons:swish", "--oracle", "silu"), 1, "no module 'functons'"),
        (("--function", "functions:swsh", "--oracle", "silu"), 1, "Did you mean 'swish'?"),
        (("--function", "functions:number", "--oracle", "silu"), 1, "is not callable, but int"),
        (("--function", "broken:swish", "--oracle", "silu"), 1, "'broken' could not be imported"),
        (("--function", "functions", "--oracle", "silu"), 2, "write module:name"),
        (("--function", "functions:swish", "--oracle", "silo"), 1, "Did you mean 'silu'?"),
        (("--function", "functions:swish", "--oracle", "functions:no"), 1, "functions has no 'no'"),
        (
            ("--function", "functions:swish", "--oracle", "functions:by_math"),
            1,
            "the oracle functions:by_math fails on the exact numbers",
        ),
        (
            ("--function", "functions:swish", "--oracle", "functions:misspelt"),
            1,
            "uses xp.sigmid, which xp lacks. Did you mean 'sigmoid'?",
        ),
        (("--function", "functions:swish"), 2, "nothing says what functions:swish should compute"),
        (("--function", "functions:swish", "--activation", "relu"), 2, "in place of activations"),
        (("--function", "functions:swish", "--backend", "numpy"), 2, "give one --backend"),
        (("--oracle", "silu"), 2, "--oracle goes with --function"),
        (("--kink", "0"), 2, "--kink goes with --function"),
        (("repro", "--x", "0"), 2, "name an activation, or a function"),
    ],
)
def test_mistakes_are_told_in_plain_words(invoke, arguments, code, message):
    result = invoke(*arguments, "--backend", "torch")
    assert result.exit_code == code, result.output
    assert message in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_a_function_whose_module_shows_no_framework_needs_a_backend(invoke):
    result = invoke(*SWISH)
    assert result.exit_code == 1
    assert "does not show its framework. Give its backend" in result.output


def test_the_framework_of_a_function_is_found(invoke):
    function = ("--function", "torch.nn.functional:softplus", "--oracle", "softplus")
    result = invoke(
        *function, "--dtype", "float64", "--quick", "--order", "0", "--domain", "-5", "5"
    )
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(("command", "output"), CONSOLE, ids=[command for command, _ in CONSOLE])
def test_the_documented_commands_say_what_the_page_shows(invoke, tmp_path, command, output):
    (tmp_path / "my_module.py").write_text(PYTHON[0] + PYTHON[1])
    program, *arguments = shlex.split(command)
    assert program == "conformance"
    result = invoke(*arguments)
    lines = result.output.splitlines()
    for wanted in output.splitlines():
        pattern = ".*".join(map(re.escape, wanted.split("…")))
        assert any(re.fullmatch(pattern, line) for line in lines), (wanted, result.output)
    assert result.exit_code == (1 if "FAILED" in output else 0)


def test_the_documented_calls_pass(tmp_path, monkeypatch):
    assert len(CONSOLE) == 4
    names = {}
    for block in PYTHON:
        exec(compile(block, PAGE, "exec"), names)
    strict = ua.get_activation("silu", backend="torch", numerics="strict")  # right everywhere
    check_function(strict, oracle=names["exact_swish"], dtypes=["float32", "float16"])
