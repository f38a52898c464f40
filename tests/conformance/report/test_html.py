"""The HTML report: one file that holds all that was measured."""

import json
import struct
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.conformance.report.reported import NASTY, case, every_result, judgement
from unified_act_conformance.judge import statistics
from unified_act_conformance.judge.runner import Result
from unified_act_conformance.report.html import html_report


@pytest.fixture
def run():
    return every_result()


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
    curve = statistics.curve_of(x, rng.random(x.size), "float32")
    assert len(curve) > 120
    results = [
        Result(case(f"a{number}", dtype=dtype), 4.0, judgement(curve=curve))
        for number in range(280)
        for dtype in ("float16", "bfloat16", "float32", "float64")
    ]
    assert len(html_report(replace(run, results=results)).encode()) < 5_000_000
