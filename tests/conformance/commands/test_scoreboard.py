"""The command `unified-act scoreboard`."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from unified_act_conformance.commands.main import cli
from unified_act_conformance.scoreboard import FRAMEWORKS, Cell, Results, keep

TALL = Cell("F.gelu", "gelu", {}, "float32", 0, inputs=9, ulp=2.1e38, at=(1.5, 2.0, 2.5), many=2)
CELLS = (
    replace(TALL, ends=((1.0, 2.0, 3.0),)),
    Cell("F.tr", "thresholded_relu", {}, "float32", 0, inputs=9, nan=1, fault=(1.0, 2.0, 3.0)),
)


@pytest.fixture
def folder(tmp_path):
    """Results of all frameworks, as wide as there can be any."""
    for framework in FRAMEWORKS:
        keep(Results(framework.name, {"p": "1.2"}, "cpu", "2026-11-30", CELLS), tmp_path)
    return tmp_path


def called(*words, columns=80):
    result = CliRunner().invoke(cli, ["scoreboard", *words], env={"COLUMNS": str(columns)})
    assert result.exit_code == 0, result.output
    return result.output


def test_the_table_fits_80_columns(folder):
    lines = called("--folder", str(folder)).splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines if line.startswith(("gelu", "thresh"))]
    assert [row[1:] for row in rows] == [["NaN"] * 11, ["2e38*"] * 11]
    assert "float32, value" in lines[0]
    wide = called("--folder", str(folder), "--framework", "torch,ours", columns=120)
    assert "2.1e38*" in wide
    assert "…" not in wide


def test_one_activation_is_told_in_full(folder):
    text = called("--folder", str(folder), "--activation", "gelu", "--framework", "torch")
    assert "PyTorch 1.2 F.gelu, judged as gelu" in text
    assert "exact is 2.5" in text.replace("\n", " ")


def test_files(folder, tmp_path):
    called("--folder", str(folder), "--json", str(tmp_path / "a"), "--html", str(tmp_path / "b"))
    document = json.loads((tmp_path / "a").read_text(encoding="utf-8"))
    assert [each["framework"] for each in document] == [f.name for f in FRAMEWORKS]
    assert "<table" in (tmp_path / "b").read_text(encoding="utf-8")


def test_two_versions(tmp_path):
    better = replace(TALL, ulp=0.5, at=None, many=0)
    for version, cell in (("1.2", TALL), ("1.3", better)):
        keep(Results("torch", {"torch": version}, "cpu", "2026-11-30", (cell,)), tmp_path)
    paths = [str(tmp_path / f"torch-{version}.json") for version in ("1.2", "1.3")]
    text = called("--compare", *paths)
    assert "torch-1.2 → torch-1.3: 1 changes" in text
    assert "F.gelu, float32, value: 2.1e38 → 0.5 (better)" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--framework", "theano"], "no framework 'theano'"),
        (["--sort", "wurst"], "no framework 'wurst'"),
        (["--activation", "gleu"], "unknown activation 'gleu'"),
        (["--compare", "torch-0.1", "torch"], "no results 'torch-0.1'"),
    ],
)
def test_mistakes_are_told(words, told):
    result = CliRunner().invoke(cli, ["scoreboard", *words])
    assert result.exit_code == 1
    assert told in result.output


def test_nothing_is_kept_of_a_part():
    result = CliRunner().invoke(cli, ["scoreboard", "--keep", "--activation", "gelu"])
    assert result.exit_code == 2
    assert "without --activation" in result.output


def test_nothing_to_show(tmp_path):
    result = CliRunner().invoke(cli, ["scoreboard", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "add --measure" in result.output
