"""The reports: all that happened is in them, the same each time, and nothing in it breaks them."""

import json
import math
import re
import struct
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from rich.console import Console

from unified_act_conformance import curves, report
from unified_act_conformance.cases import Case, Subject
from unified_act_conformance.checks import CheckResult
from unified_act_conformance.deviations import Deviation
from unified_act_conformance.environment import Environment, environment
from unified_act_conformance.judge import Judgement
from unified_act_conformance.regions import REGIONS, Tally
from unified_act_conformance.report_common import (
    Run,
    case_id,
    check_line,
    hexadecimal,
    repro_line,
    share,
    worst_x,
)
from unified_act_conformance.report_html import html_report
from unified_act_conformance.report_json import json_report, schema, verdict
from unified_act_conformance.report_junit import junit_report
from unified_act_conformance.report_markdown import markdown_report
from unified_act_conformance.runner import Result

NASTY = "ValueError: </script><script>alert(1)</script> | *a* & \x1b[31mred\x00\nnext line"
HERE = Environment(
    packages={"unified-act": "1.0", "torch": "2.13.0"},
    python="CPython 3.11.7",
    platform="Linux",
    cpu="a processor",
    cpu_flags=["avx2"],
    variables={"OMP_NUM_THREADS": "2"},
)
DEVIATION = Deviation(
    id="torch-nan",
    backend="torch",
    versions=">=2",
    subjects=("gelu",),
    numerics="fast",
    orders=(0,),
    dtypes=("float32",),
    intervals=((-math.inf, -math.inf), (3.0, 4.0)),
    bound=math.inf,
    reason="the kernel multiplies an infinity by 0",
    link="https://example.org/1",
)


def judgement(error=0.5, x=-1.5, budget=4.0, **changes):
    found = Judgement(
        passed=error <= budget,
        count=100,
        failures=int(error > budget),
        max_error=error,
        worst_index=3,
        worst_x=x,
        got=0.25,
        want=-0.0,
        worst_distance=error,
        max_distance=12.0,
        classes={"nan_for_number": int(math.isinf(error)), "wrong_sign": 0},
        signed_zeros=2,
        worst_region="normal",
        regions=dict.fromkeys(REGIONS, Tally(0, 0)) | {"normal": Tally(100, int(error > budget))},
        errors={"p50": 0.0, "p99": 0.1, "p99.9": error},
        distances={"p50": 0.0, "p99": 1.0, "p99.9": 12.0},
        curve=curves.curve_of(np.array([x, 0.0, 1.0]), np.array([error, 0.0, 0.1]), "float32"),
    )
    return replace(found, **changes)


def case(name="gelu", backend="torch", dtype="float32", order=0, part="x", **parameters):
    return Case(Subject(name, tuple(parameters.items())), backend, dtype, order, part)


@pytest.fixture
def run():
    """Every kind of result once."""
    results = [
        Result(
            case(),
            4.0,
            judgement(),
            ((DEVIATION, judgement(math.inf, -math.inf, got=math.nan)),),
        ),
        Result(case(order=1), 4.0, judgement(9.0), problem="error 9 above 4"),
        Result(case(order=2), 4.0, judgement(math.inf, math.nan), problem="a NaN for a number"),
        Result(case(dtype="bfloat16"), 1.0, None, problem=NASTY),
        Result(case(backend="numpy", order=2), 4.0, None, unsupported="numpy has none"),
        Result(case("prelu", order=1), 0.0, judgement(0.0)),
        Result(case("prelu", order=1, part="weight"), 4.0, judgement(2.0)),
        Result(case("elu", backend="numpy", alpha=0.5), 4.0, judgement(0.0)),
    ]
    checks = [
        CheckResult("layouts", Subject("gelu"), "torch", "float32", "fast"),
        CheckResult(
            "layouts", Subject("elu", (("alpha", 0.5),)), "torch", "float32", "fast", NASTY
        ),
        CheckResult("mode jit", Subject("gelu"), "numpy", "float32", "fast", unsupported="no jit"),
    ]
    return Run(results, "fast", quick=True, environment=HERE, checks=checks)


# --- curves ---


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_curve_has_the_worst_input_of_each_stretch(dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=2000) * 10.0 ** rng.integers(-4, 4, 2000), [0, -0.0]])
    x = np.concatenate([x, [np.inf, -np.inf, np.nan]])
    errors = rng.random(x.size)
    curve = curves.curve_of(x, errors, dtype)
    found = {point.x: point.error for point in curve}
    assert max(found.values()) == errors.max()
    assert [point.bucket for point in curve] == sorted({point.bucket for point in curve})
    assert all(0 <= point.bucket < curves.BUCKETS for point in curve)
    assert found[np.inf] == errors[-3]
    assert found[-np.inf] == errors[-2]
    positions = [point.x for point in curve if math.isfinite(point.x)]
    assert positions == sorted(positions)
    shuffled = rng.permutation(x.size)
    again = curves.curve_of(x[shuffled], errors[shuffled], dtype)
    assert [point.error for point in again] == [point.error for point in curve]


def test_curves_join_to_the_curve_of_all():
    rng = np.random.default_rng(1)
    x, errors = rng.normal(size=500), rng.random(500)
    whole = curves.curve_of(x, errors, "float32")
    halves = [
        curves.curve_of(x[part], errors[part], "float32") for part in (slice(250), slice(250, None))
    ]
    assert curves.join_curves(*halves) == whole
    assert curves.join_curves((), whole) == whole


def test_the_curve_of_nothing_is_empty():
    assert curves.curve_of(np.array([]), np.array([]), "float32") == ()


def test_faults_stay_infinite():
    (point,) = curves.curve_of(np.array([1.0, 1.0]), np.array([np.inf, 2.0]), "float32")
    assert point == (point.bucket, 1.0, math.inf)


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


# --- HTML ---


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.buttons, self.scripts, self.links = [], {}, [], []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.inside = tag
        if "data-cell" in attributes:
            self.buttons[attributes["data-cell"]] = attributes
        if tag == "script":
            self.scripts.append("")
        self.links += [value for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data


@pytest.fixture
def page(run):
    return Page(html_report(run))


def test_html_is_one_file(page):
    assert all(link.startswith(("#", "https://example.org/1")) for link in page.links)
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    assert len(page.scripts) == 2


def test_html_has_a_cell_for_each_activation_backend_dtype_and_order(run, page):
    assert len(page.buttons) == len(run.results) - 1  # both gradients of prelu share one
    states = {key: button["class"].split() for key, button in page.buttons.items()}
    assert "failed" in states["gelu-torch-float32-1"]
    assert "deviates" in states["gelu-torch-float32-0"]
    assert "unsupported" in states["gelu-numpy-float32-2"]


def test_html_data_holds_the_curves_exactly(page):
    data = json.loads(page.scripts[0])
    assert set(data["cells"]) == set(page.buttons)
    (found,) = data["cells"]["gelu-torch-float32-0"]
    x, errors = (struct.unpack("<3f", b64decode(text)) for text in found["curve"])
    assert x == (-1.5, 0.0, 1.0)
    assert errors == pytest.approx((0.5, 0.0, 0.1))
    assert found["worst"][0] == ["-1.5", "-0x1.8p+0"]
    assert found["repro"].endswith(" --x")
    assert data["deviations"]["torch-nan"]["intervals"][0] == ["-Infinity", "-Infinity"]
    assert [part["part"] for part in data["cells"]["prelu-torch-float32-1"]] == ["x", "weight"]


def test_html_links_failures_to_their_cells(run, page):
    assert "#gelu-torch-float32-1" in page.links
    assert NASTY not in html_report(run)


def test_html_of_a_full_run_stays_small(run):
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [-(2.0 ** rng.uniform(-120, 120, 5000)), 2.0 ** rng.uniform(-120, 120, 5000)]
    )
    curve = curves.curve_of(x, rng.random(x.size), "float32")
    assert len(curve) > 120
    results = [
        Result(case(f"a{number}", dtype=dtype), 4.0, judgement(curve=curve))
        for number in range(280)
        for dtype in ("float16", "bfloat16", "float32", "float64")
    ]
    assert len(html_report(replace(run, results=results)).encode()) < 5_000_000


# --- the terminal ---


def test_terminal_tables(run):
    console = Console(width=160, record=True, file=StringIO())
    console.print(report.error_table(run.results), report.check_table(run.checks))
    text = console.export_text()
    assert re.search(r"gelu +│ inf", text)
    assert re.search(r"elu\(alpha=0.5\) +│ – +│ 0", text)
    assert re.search(r"layouts +│ 1 of 2 +│ –", text)


def test_terminal_lines(run):
    lines = report.failures(run)
    assert len(lines) == 4
    assert all("\n" in line and "unified-act conformance" in line for line in lines)
    assert "4 of 8 cases passed, 3 failed, 1 unsupported; 1 of 3 checks passed" in report.summary(
        run, 2.0
    )
