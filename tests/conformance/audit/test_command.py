"""The command `unified-act audit`."""

import json

import pytest
from click.testing import CliRunner

from unified_act_conformance.commands.main import cli

pytest.importorskip("torch")

MODELS = """
import torch
from torch import nn

def source():
    return nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 4), nn.LeakyReLU(0.2))

def port():
    return nn.Sequential(nn.Linear(4, 4), nn.GELU("tanh"), nn.Linear(4, 4), nn.LeakyReLU())

def pair():
    return source(), torch.zeros(2, 4)

def broken():
    raise ValueError("no weights")
"""


@pytest.fixture(autouse=True)
def _models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audited.py").write_text(MODELS)


def invoke(*arguments, **environment):
    return CliRunner().invoke(cli, ["audit", *arguments], env={"COLUMNS": "80", **environment})


def test_a_table_of_80_columns():
    result = invoke("audited:pair", "--to", "jax,keras3")
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "Sequential (PyTorch" in result.stdout
    assert "2 activations of 2 kinds" in result.stdout
    assert "leaky_relu(negative_slope=0.2)" in result.stdout
    assert "jax.nn.gelu(x, approximate=False)" in result.stdout
    assert "f′(0) = 1 there; ours is 0.2" in result.stdout
    assert "mindspore" not in result.stdout


def test_json_and_html(tmp_path):
    result = invoke("audited:source", "--input", "2x4", "--json", "--html", "it.html")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [one["place"] for one in found["activations"]] == ["1", "3"]
    assert found["activations"][1]["parameters"] == {"negative_slope": 0.2}
    assert found["activations"][0]["identification"]["verdict"] == "same"
    codes = {one["dialect"]: one["code"] for one in found["elsewhere"]["gelu"]}
    assert codes["torch"] == "F.gelu(x, approximate='none')"
    assert codes["darknet"] is None
    page = (tmp_path / "it.html").read_text(encoding="utf-8")
    assert "F.gelu(x, approximate=&#39;none&#39;)" in page


def test_against():
    result = invoke("audited:source", "--against", "audited:port", "--input", "2x4")
    assert result.exit_code == 1, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    leaky, gelu = result.stdout.splitlines()[-2:]
    assert "leaky_relu" in leaky
    assert "3.8 at x = -20" in result.stdout
    assert "gelu_tanh" in gelu
    result = invoke("audited:source", "--against", "audited:source", "--input", "2x4")
    assert result.exit_code == 0, result.output
    assert "all are the same functions" in result.stdout


def test_mistakes():
    result = invoke("audited:broken")
    assert result.exit_code == 1
    assert "audited:broken() fails" in result.stdout
    assert "caused by ValueError: no weights" in result.stdout
    assert "inputs=…" in invoke("audited:source").stdout
    assert "no shape" in invoke("audited:source", "--input", "2,4").output
    assert "unknown dialect" in invoke("audited:pair", "--to", "jacks").stdout
    assert "there is no file" in invoke("missing.onnx").stdout
