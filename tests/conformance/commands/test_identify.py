"""The commands `unified-act identify` and `unified-act diff`."""

import json

import pytest
from click.testing import CliRunner

from unified_act_conformance.commands.main import cli


def invoke(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


def regions(*arguments):
    result = invoke("diff", "--json", *arguments)
    assert result.exit_code == 0, result.stdout
    return {region["name"]: region for region in json.loads(result.stdout)["regions"]}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module in the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)

    return write


def test_a_function():
    result = invoke("identify", "torch.nn.functional:gelu")
    assert result.exit_code == 0, result.output
    assert "torch.nn.functional:gelu is gelu on torch: same value and gradient" in result.output
    assert "not        gelu_tanh: off by up to 0.00047" in result.output


def test_a_class_is_made_and_the_finding_is_json():
    result = invoke("identify", "torch.nn:Hardtanh", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["callable"] == "torch.nn:Hardtanh"
    assert (found["known"], found["verdict"]) == (True, "same")
    assert found["match"]["activation"] == "hard_tanh"


def test_nothing_known():
    result = invoke("identify", "torch:lgamma")
    assert result.exit_code == 1
    assert "nothing known" in result.output
    found = json.loads(invoke("identify", "torch:lgamma", "--json").output)
    assert (found["known"], found["match"]) == (False, None)


def test_a_callable_in_the_current_folder(module):
    module("mine_a", "def act(x):\n    return 2.5 * x * (x < 0) + x * (x >= 0)\n")
    result = invoke("identify", "mine_a:act", "--backend", "torch")
    assert result.exit_code == 0, result.output
    assert "leaky_relu(negative_slope=2.5)" in result.output
    result = invoke("identify", "mine_a:act")
    assert result.exit_code == 1
    assert "Name it with --backend" in result.output


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("torch.nn.functional:gelo", "torch.nn.functional has no 'gelo'. Did you mean 'gelu'"),
        ("torch.missing:gelu", "there is no module 'torch.missing'"),
        ("torch.nn:Threshold", "cannot be instantiated without arguments"),
        ("torch:pi", "is not callable, but float"),
        ("nosuchmodule:f", "there is no module 'nosuchmodule'"),
        ("torch:zeros_like", "it is constant"),
    ],
)
def test_mistakes(path, message):
    result = invoke("identify", path)
    assert result.exit_code == 1
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


def test_diff_of_two_activations():
    found = regions("gelu", "gelu_tanh", "--dtype", "float64")
    assert next(iter(found)) == "below -20"
    assert list(found)[-1] == "infinities and NaN"
    worst = max(found.values(), key=lambda region: region["value"]["absolute"])
    assert worst["value"]["absolute"] == pytest.approx(4.73e-4, rel=0.01)
    assert abs(worst["value"]["absolute_at"]) == pytest.approx(2.3, abs=0.5)
    assert found["below -20"]["value"]["absolute"] < 1e-80


def test_diff_of_one_with_itself():
    found = regions("sigmoid@torch", "torch:sigmoid")
    assert all(region["value"]["ulps"] == 0 for region in found.values())
    assert all(region["gradient"]["ulps"] == 0 for region in found.values())


def test_diff_between_frameworks():
    found = regions("gelu@torch", "gelu@tensorflow")
    # PyTorch's is 0 in the tail, TensorFlow's is not.
    assert found["-20 to -4"]["value"]["ulps"] > 1e8
    assert found["1 to 4"]["value"]["ulps"] < 10


def test_diff_in_a_range():
    found = regions("silu", "relu", "--range", "-2", "0.5")
    assert list(found) == ["-4 to -1", "-1 to -0.01", "-0.01 to 0.01", "0.01 to 1"]
    assert found["-4 to -1"]["value"]["absolute"] == pytest.approx(0.27846, abs=1e-4)


def test_diff_as_a_table():
    result = invoke("diff", "torch.nn.functional:hardtanh", "hard_tanh")
    assert result.exit_code == 0, result.output
    assert "torch.nn.functional:hardtanh and hard_tanh in float32" in result.output
    assert "infinities and NaN" in result.output
    assert "equal" in result.output


def test_diff_of_row_functions():
    found = regions("softmax@torch", "softmax@tensorflow")
    assert list(found) == ["an array (4, 6, 8)"]
    assert found["an array (4, 6, 8)"]["value"]["absolute"] < 1e-6


def test_diff_without_a_gradient():
    result = invoke("diff", "numpy:tanh", "tanh")
    assert result.exit_code == 0, result.output
    assert "numpy:tanh has no gradient: numpy cannot differentiate it" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gelu", "softmax"), "only one of the two is elementwise"),
        (("gelu", "silu", "--range", "1", "-1"), "the range from 1 to -1 is empty"),
        (("gelu", "gelou"), "unknown activation 'gelou'"),
    ],
)
def test_diff_of_incomparable_functions_says_why(arguments, message):
    result = invoke("diff", *arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


def test_diff_with_what_a_framework_means():
    found = regions("gelu@jax", "gelu_tanh")
    assert all(region["value"]["ulps"] == 0 for region in found.values())
    result = invoke("diff", "gelu", "gelu@torhc")
    assert result.exit_code == 1
    assert "unknown dialect 'torhc'" in result.output
