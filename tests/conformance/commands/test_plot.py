"""The command `unified-act plot`."""

import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

from unified_act_conformance.commands.curves import curves_of, default_range, height_of, text_plot
from unified_act_conformance.commands.main import cli
from unified_act_conformance.identify.sources import source_of


def invoke(*arguments):
    return CliRunner().invoke(cli, ["plot", *map(str, arguments)])


def curves(name, between=(-5.0, 5.0), orders=(0, 1)):
    return curves_of(source_of(name), between, orders)


def test_a_picture_is_written(tmp_path):
    path = tmp_path / "gelu.png"
    result = invoke("gelu", "elu(alpha=0.5)", "--order", 2, "-o", path)
    assert result.exit_code == 0, result.output
    assert path.read_bytes().startswith(b"\x89PNG")


def test_an_svg_has_a_legend_and_axes(tmp_path):
    path = tmp_path / "two.svg"
    assert invoke("hard_silu", "torch.nn.functional:hardshrink", "-o", path).exit_code == 0
    assert ET.parse(path).getroot().tag.endswith("svg")
    text = path.read_text(encoding="utf-8")
    assert all(f"<!-- {label} -->" in text for label in ("hard_silu", "f(x)", "f′(x)", "x"))


def test_curves_are_drawn_in_the_terminal():
    result = invoke("relu", "gelu")
    assert result.exit_code == 0, result.output
    assert "f(x)   ━━ relu   ━━ gelu   ● kink" in result.output
    assert "f′(x)" in result.output
    assert "f″(x)" not in result.output
    assert any("⠀" < character <= "⣿" for character in result.output)


def test_the_kink_is_where_it_belongs():
    (curve,) = curves("relu", orders=[0])
    lines = text_plot([curve], 49, 11).plain.splitlines()
    (row,) = (line for line in lines[1:] if "●" in line)
    assert row.index("●") == 9 + 40 // 2
    assert lines.index(row) == 11  # the bottom row but for the margin


def test_a_straight_line_is_straight():
    (curve,) = curves("identity", orders=[0])
    rows = [line[9:] for line in text_plot([curve], 49, 20).plain.splitlines()[1:21]]
    firsts = [min(i for i, c in enumerate(row) if c > "⠀") for row in rows if max(row) > "⠀"]
    assert firsts == sorted(firsts, reverse=True)


def test_curves_and_their_kinks():
    value, slope = curves("hard_tanh")
    assert value.kinks == ((-1.0, -1.0), (1.0, 1.0))
    assert slope.kinks == ((-1.0, 0.0), (1.0, 0.0))
    assert np.isnan(slope.y[np.searchsorted(slope.x, 1.0)])  # no line across the jump
    assert not np.isnan(value.y).any()


def test_the_jump_of_a_foreign_function_is_found():
    value, _ = curves("torch.nn.functional:hardshrink")
    assert [at for at, _ in value.kinks] == [-0.5, 0.5]
    assert np.isnan(value.y[np.searchsorted(value.x, 0.5)])


def test_second_derivatives():
    (ours,) = curves("tanh", orders=[2])
    (theirs,) = curves("torch:tanh", orders=[2])
    np.testing.assert_allclose(ours.y, theirs.y, atol=1e-12)


def test_the_range_shows_every_kink():
    assert default_range([source_of("gelu")]) == (-5.0, 5.0)
    assert default_range([source_of("relu6"), source_of("gelu")]) == (-5.0, 8.0)
    (curve,) = curves("softplus", between=(-5.0, 500.0), orders=[0])
    assert height_of([curve])[1] < 12.0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("softmax",), 1, "is not a function of one number"),
        (("numpy:tanh",), 1, "numpy cannot differentiate it"),
        (("gelu", "--range", "1", "0"), 2, "the smaller one"),
        (("gelu", "-o", "gelu.xyz"), 1, "xyz"),
        ((), 2, "Missing argument"),
    ],
)
def test_mistakes(arguments, code, message):
    result = invoke(*arguments)
    assert result.exit_code == code
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


def test_says_how_to_install_matplotlib(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = invoke("gelu", "-o", tmp_path / "gelu.png")
    assert result.exit_code == 1
    assert "pip install 'unified-act[plot]'" in result.output
