"""Every activation has a rival on every backend, and each rival computes the same function."""

import pytest

from benchmarks import calls, page, rivals
from benchmarks.calls import MODES, Case, check
from benchmarks.measured import Measured, Row, read_all
from tests.specifications import KINDS
from unified_act import catalogue

NAMES = [activation.name for activation in catalogue.ACTIVATIONS]
CAST = "narrow((lambda x, weight: f(x, weight))(wide(x), wide(weight)))"
MEASURED = Measured(
    "torch",
    "cpu",
    "2030-01-02",
    "a processor",
    {"torch": "3.0"},
    [
        Row("gelu", "float32", "million", "forward", "F.gelu(x)", 100.0, 90.0, 250.0),
        Row("relu", "float32", "million", "forward", "torch.relu(x)", 50.0, 60.0, 50.0),
        Row("softmax", "float32", "rows", "forward", "softmax(x)", 40.0, 30.0, 80.0),
        Row("prelu", "bfloat16", "one", "forward", CAST, 2.0, 1.0, 2.0),
    ],
    {"float32": {"F.gelu": 80.0, "fast": 80.0, "strict": 88.8}},
)


@pytest.mark.quick(
    lambda backend, name, dtype: dtype == "float32" and (backend != "jax" or name in KINDS)
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backend", rivals.BACKENDS)
def test_rivals_compute_the_same(backend, name, dtype):
    for mode in MODES:
        case = Case(backend, name, dtype, "few", mode)
        if case.exists:
            assert case.statements()
            check(case)


@pytest.mark.parametrize(
    ("statement", "says"),
    [("tanh(x)", "and ours"), ("x.astype('float64')", "another type"), ("no(x)", "fails")],
)
def test_what_is_no_rival_is_an_error(monkeypatch, statement, says):
    monkeypatch.setattr(calls, "rivals", lambda *_: [statement])
    with pytest.raises(AssertionError, match=says):
        check(Case("numpy", "gelu", "float32", "few", "forward"))


def test_a_wrong_gradient_is_an_error(monkeypatch):
    monkeypatch.setattr(calls, "rivals", lambda *_: ["tanh(x) + (x - x.detach())"])
    check(Case("torch", "tanh", "float32", "few", "forward"))
    with pytest.raises(AssertionError, match="and ours"):
        check(Case("torch", "tanh", "float32", "few", "gradient"))


def test_files_are_read_as_they_were_written(tmp_path):
    MEASURED.write(tmp_path)
    assert read_all(tmp_path) == [MEASURED]


def test_the_page_has_means_and_what_is_slow(monkeypatch, tmp_path):
    MEASURED.write(tmp_path)
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    text = page.pages()["benchmarks.md"]
    assert (
        "| PyTorch float32 | 10⁶ elements | 1.05 · 1.20 (relu) | – | 1.75 · 2.50 (gelu) | – |"
        in text
    )
    assert "| PyTorch float32 | 80.0 ms | 1.00 | **1.11** |" in text
    assert "| gelu | 0.90 |" in text
    assert "| gelu | **2.50** |" in text
    assert "| relu | `torch.relu(x)` |" in text
    assert "| prelu | `f(x, weight)` in float32 |" in text
    short = text.partition("10⁵ rows of 10\n")[2]
    assert "fast:\n\n|  | f32, 10⁵ rows of 10, forward |" in short
    assert "| softmax | 0.75 |" in short
    assert "| softmax | **2.00** |" in short
