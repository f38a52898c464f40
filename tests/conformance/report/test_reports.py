"""The reports: all that happened is in them, the same each time, and nothing in it breaks them."""

import json
import math
import re
from dataclasses import replace
from io import StringIO
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from rich.console import Console

from tests.conformance.report.reported import DEVIATION, HERE, NASTY, case, every_result, judgement
from unified_act_conformance import harness
from unified_act_conformance.judge.runner import Result
from unified_act_conformance.problems.regions import REGIONS
from unified_act_conformance.report import terminal
from unified_act_conformance.report.environment import environment
from unified_act_conformance.report.json import json_report, schema, verdict
from unified_act_conformance.report.junit import junit_report
from unified_act_conformance.report.markdown import markdown_report
from unified_act_conformance.report.run import (
    Run,
    check_line,
    hexadecimal,
    repro_line,
    share,
    worst_x,
)
from unified_act_conformance.subject.cases import case_id


@pytest.fixture
def run():
    return every_result()


# --- what reports share ---


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.5, "0x1.8p+0"),
        (-1.0, "-0x1p+0"),
        (0.0, "0x0p+0"),
        (-0.0, "-0x0p+0"),
        (5e-324, "0x0.0000000000001p-1022"),
        (math.inf, "inf"),
    ],
)
def test_hexadecimal_is_exact_and_short(value, text):
    assert hexadecimal(value) == text
    assert float.fromhex(text) == value


def test_the_repro_line_says_all_that_it_takes():
    line = repro_line(case("prelu", order=1, part="weight", axis=-1), "strict", -1.5)
    assert line == (
        "unified-act conformance repro 'prelu(axis=-1)' --backend torch --dtype float32 --order 1 "
        "--part weight --numerics strict --x -0x1.8p+0"
    )


def test_the_line_of_a_check(run):
    assert check_line(run.checks[1]) == (
        "unified-act conformance run --activation elu --backend torch --dtype float32 "
        "--check layouts"
    )


def test_a_deviation_that_got_worse_is_what_to_look_at():
    bounded = replace(DEVIATION, bound=8.0)
    result = Result(case(), 4.0, judgement(), ((bounded, judgement(20.0, 3.5)),), problem="worse")
    assert worst_x(result) == 3.5


def test_an_error_without_a_budget_is_infinitely_too_large():
    assert share(Result(case(), 0.0, judgement(1e-9))) == math.inf
    assert share(Result(case(), 0.0, judgement(0.0))) == 0


def test_case_ids_are_unique(run):
    ids = [case_id(result.case) for result in run.results]
    assert len(set(ids)) == len(ids)


def test_the_environment_names_what_was_used():
    found = environment(["numpy"])
    assert found.packages["numpy"] == np.__version__
    assert found.packages["unified-act"]
    assert found.cpu
    assert found.devices == {"numpy": "cpu"}


def test_another_device_is_named(monkeypatch, run):
    monkeypatch.setitem(harness._in_use, "torch", "cuda:1")
    assert " --order 0 --device cuda:1 --x " in repro_line(case("relu"), "fast", 1.0)
    assert " --dtype float32 --device cuda:1 --check layouts" in check_line(run.checks[1])
    here = replace(HERE, devices={"torch": "cuda:1 (a GPU)", "numpy": "cpu"})
    assert "torch on cuda:1 (a GPU)" in here.lines()
    document = json.loads(json_report(replace(run, environment=here)))
    assert document["environment"]["devices"]["torch"] == "cuda:1 (a GPU)"


@pytest.mark.parametrize("changes", [{"results": ()}, {"checks": ()}, {}])
def test_nothing_run_is_not_passed(run, changes):
    assert not replace(run, **changes).passed
    assert not Run((), "fast", quick=False, environment=HERE).passed


# --- JSON ---


def test_json_follows_its_schema(run):
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    validator.check_schema(schema())
    document = json.loads(json_report(run))
    validator(schema()).validate(document)
    del document["verdict"]["cases"][1]["repro"]
    assert not validator(schema()).is_valid(document)


def test_json_tells_the_distribution_and_the_regions(run):
    accuracy = verdict(run)["cases"][0]["accuracy"]
    assert accuracy["error_percentiles"] == {"p50": 0.0, "p99": 0.1, "p99.9": 0.5}
    assert accuracy["ulp_percentiles"] == {"p50": 0.0, "p99": 1.0, "p99.9": 12.0}
    assert accuracy["signed_zeros"] == 2
    assert accuracy["worst"]["region"] == "normal"
    assert list(accuracy["regions"]) == list(REGIONS)
    assert accuracy["regions"]["normal"] == {"count": 100, "failures": 0}
    deviating = verdict(run)["cases"][0]["deviations"][0]["accuracy"]
    assert deviating["regions"]["normal"]["failures"] == 1
    assert deviating["error_percentiles"]["p99.9"] == "inf"


def test_json_says_what_failed(run):
    document = json.loads(json_report(run))["verdict"]
    assert document["passed"] is False
    assert document["counts"] == {
        "cases": {"passed": 4, "failed": 3, "unsupported": 1},
        "checks": {"passed": 1, "failed": 1, "unsupported": 1},
    }
    failed = document["cases"][1]
    assert failed["accuracy"]["worst"]["x"] == {"value": -1.5, "hex": "-0x1.8p+0"}
    assert failed["repro"].endswith("--x -0x1.8p+0")
    assert document["cases"][2]["accuracy"]["worst"]["x"] == {"value": "nan", "hex": "nan"}
    assert document["cases"][3]["problem"] == NASTY


def test_the_verdict_depends_on_nothing_but_the_results(run):
    elsewhere = replace(run, environment=replace(HERE, platform="elsewhere"))
    assert json.dumps(verdict(elsewhere)) == json.dumps(verdict(run))
    assert json_report(elsewhere) != json_report(run)
    assert json_report(run) == json_report(run)


# --- JUnit ---


def test_junit_has_one_testcase_for_each_case_and_check(run):
    root = ET.fromstring(junit_report(run))
    names = [testcase.get("name") for testcase in root.iter("testcase")]
    assert len(set(names)) == len(names) == len(run.results) + len(run.checks)
    found = {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert found == {"tests": "11", "failures": "3", "errors": "1", "skipped": "2"}


def test_junit_properties_and_repro(run):
    root = ET.fromstring(junit_report(run))
    by_name = {testcase.get("name"): testcase for testcase in root.iter("testcase")}
    failed = by_name["gelu-torch-float32-1"]
    properties = {p.get("name"): p.get("value") for p in failed.iter("property")}
    assert properties["max_error"] == "9"
    assert properties["max_ulp"] == "12"
    assert properties["worst_x_hex"] == "-0x1.8p+0"
    assert "unified-act conformance repro gelu" in failed.find("failure").text
    passed = by_name["gelu-torch-float32-0"]
    assert any(p.get("name") == "deviation.torch-nan" for p in passed.iter("property"))
    assert passed.find("failure") is None


# --- Markdown ---


def test_markdown_has_a_matrix_for_each_order(run):
    text = markdown_report(run)
    assert text.index("## Value") < text.index("## Gradient") < text.index("## Second derivative")
    row = next(line for line in text.splitlines() if line.startswith("| `gelu` |"))
    assert row == "| `gelu` | **✗** 0.5 (0.12 f32) <sup>1</sup> | – |"
    assert "1. `torch-nan` (gelu; f32): the kernel multiplies" in text
    assert "| layouts | 1 of 2 | – |" in text
    assert "| normal | 700 | 2 | 1 |" in text
    assert "one: 14." in text


def test_markdown_of_the_strict_profile_counts_ulps(run):
    assert "| `prelu` | 12 (0.50 f32) | – |" in markdown_report(replace(run, numerics="strict"))


def test_markdown_lists_each_failure_on_one_line(run):
    lines = markdown_report(run).partition("## Failures")[2].partition("##")[0].strip().splitlines()
    assert len(lines) == 4
    assert all("unified-act conformance r" in line for line in lines)
    assert "<script" not in "".join(lines)


# --- the terminal ---


def test_terminal_tables(run):
    console = Console(width=160, record=True, file=StringIO())
    console.print(terminal.error_table(run.results), terminal.check_table(run.checks))
    text = console.export_text()
    assert re.search(r"gelu +│ inf", text)
    assert re.search(r"elu\(alpha=0.5\) +│ – +│ 0", text)
    assert re.search(r"layouts +│ 1 of 2 +│ –", text)


def test_terminal_lines(run):
    lines = terminal.failures(run)
    assert len(lines) == 4
    assert all("\n" in line and "unified-act conformance" in line for line in lines)
    assert "4 of 8 cases passed, 3 failed, 1 unsupported; 1 of 3 checks passed" in terminal.summary(
        run, 2.0
    )
