"""The commands `unified-act list` and `unified-act show`."""

import json
import math
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

import unified_act as ua
from unified_act.activation import Activation, Parameter
from unified_act.kernels import unavailable
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.commands import catalogue
from unified_act_conformance.commands.main import cli
from unified_act_conformance.judge.runner import Result
from unified_act_conformance.subject.cases import DTYPES, Case, Subject
from unified_act_conformance.subject.places import place_of


def invoke(*arguments):
    return CliRunner(env={"COLUMNS": "160"}).invoke(cli, list(map(str, arguments)))


def listed(*arguments):
    result = invoke("list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return {entry["name"]: entry for entry in json.loads(result.output)}


def test_list_is_a_table_of_everything():
    result = invoke("list")
    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in ua.list_activations())
    assert all(name in result.output for name in ua.list_backends())
    assert f"{len(ua.list_activations())} activations" in result.output


def test_list_as_json():
    found = listed()
    assert list(found) == ua.list_activations()
    silu = found["silu"]
    assert (silu["kind"], silu["aliases"]) == ("elementwise", ["swish"])
    assert silu["parameters"] == {"beta": 1.0}
    assert silu["kernels"]["torch"]["function"] == "nn.functional.silu"
    assert "beta=1" in silu["kernels"]["torch"]["why"]
    assert found["selu"]["kernels"]["mxnet"]["used"] == []


def test_list_filters():
    assert list(listed("--kind", "axis")) == ua.list_activations(kind="axis")
    assert "tanh" in listed("--native", "--backend", "numpy")
    assert "gelu" not in listed("--native", "--backend", "numpy")
    only = listed("--backend", "torch", "--native")
    assert all(list(entry["kernels"]) == ["torch"] for entry in only.values())
    table = invoke("list", "--backend", "numpy", "--kind", "axis").output
    assert "softmax" in table
    assert "gelu" not in table
    assert "mxnet" not in table


def test_list_of_a_parameter_without_a_default():
    ACTIVATIONS.add(Activation("cut", lambda xp, x, *, at: x, parameters=[Parameter("at", None)]))
    assert listed()["cut"]["parameters"] == {"at": None}
    assert "cut" in invoke("list").output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("list", "--kind", "elementwize"), 2, "elementwise, gated"),
        (("list", "--backend", "tourch"), 1, "Did you mean 'torch'"),
        (("show", "geluu"), 1, "Did you mean 'gelu'"),
        (("show", "elu(beta=1)"), 1, "elu has no parameter 'beta'"),
    ],
)
def test_mistakes(arguments, code, message):
    result = invoke(*arguments)
    assert result.exit_code == code
    assert message in result.output
    assert isinstance(result.exception, SystemExit)


def test_show():
    result = invoke("show", "Softplus")
    assert result.exit_code == 0, result.output
    first, formula, *about = ua.describe("softplus").splitlines()
    assert formula == r"  formula      \frac{1}{\beta} \log(1 + e^{\beta x})"
    shown = "\n".join([first, "  formula      1/β · log(1 + eᵝˣ)", *about])
    assert result.output.startswith(shown)
    torch, spelling = (line for line in result.output.splitlines() if line.startswith("│ torch"))
    cells = [cell.strip() for cell in torch.strip("│").split("│")]
    here = (
        ["own", "own", "own", "shared"] if unavailable() else ["table", "table", "fused", "fused"]
    )
    assert cells == ["torch", "nn.functional.softplus", *here]
    why = "not everywhere on torch: float64: returns x beyond a threshold, which is off by 2e-9"
    assert why in result.output
    assert (
        spelling.strip("│").split("│")[1].strip() == "F.softplus(beta=1.0), nn.Softplus(beta=1.0)"
    )


def test_show_reads_what_a_framework_writes():
    shown = invoke("show", "torch.nn.LeakyReLU(0.1)", "--backend", "np").output
    assert shown.startswith("torch.nn.LeakyReLU in torch 2.13.0 is leaky_relu(negative_slope=0.1)")
    assert "a call on numpy runs" in shown
    assert "dialect='darknet'" in invoke("show", "leaky").output


def test_show_says_where_a_table_serves():
    row = next(line for line in invoke("show", "gelu").output.splitlines() if "│ torch" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    float16 = "own" if unavailable() else "table"  # which is quicker than the framework's
    assert cells[:6] == ["torch", "nn.functional.gelu", float16, "table", "own", "own"]
    tables = json.loads(invoke("show", "gelu", "--json").output)["tables"]
    assert tables["torch"] == [*(["float16"] if float16 == "table" else []), "bfloat16"]
    assert tables["numpy"] == ["float16", "bfloat16"]
    assert not json.loads(invoke("show", "softmax", "--json").output)["tables"]


@pytest.mark.skipif(bool(unavailable()), reason="there are no fused kernels")
def test_show_says_where_fused_kernels_serve():
    found = json.loads(invoke("show", "gelu", "--json").output)["fused"]
    assert found["numpy"] == ["float32", "float64"]
    assert found["mxnet"] == ["float64"]
    assert not {"torch", "jax"} & found.keys()
    row = next(
        line for line in invoke("show", "sparsemax").output.splitlines() if "│ numpy" in line
    )
    assert [cell.strip() for cell in row.strip("│").split("│")][2:6] == ["fused"] * 4


def test_show_says_the_same_as_describe():
    """Both say what serves, by the same rules; show reads it without the frameworks."""
    words = {"own": "", "table": "a table", "fused": "a fused kernel", "shared": "the shared"}
    for name in ("softplus", "gelu", "softmax", "elu(alpha=0.5)", "swiglu", "prelu"):
        rows = [line for line in invoke("show", name).output.splitlines() if line.startswith("│ ")]
        for backend in ("numpy", "torch"):
            row = next(line for line in rows if line.startswith(f"│ {backend} "))
            cells = [cell.strip() for cell in row.strip("│").split("│")]
            text = next(
                line
                for line in ua.describe(name, backend=backend).splitlines()
                if line.startswith(f"  on {backend}")
            )
            for dtype, cell in zip(DTYPES, cells[2:6], strict=True):
                part = next(part for part in text.split("; ") if dtype in part.split(" by ")[0])
                said = part.split(" by ")[1]
                assert said.startswith(words[cell]), (name, backend, dtype, cell, said)
                assert cell != "own" or cells[1] in said


def test_show_goes_by_the_parameters():
    assert "f: -0.5, inf" in invoke("show", "elu(alpha=0.5)").output
    usual = invoke("show", "silu").output
    other = invoke("show", "silu(beta=1.702)").output
    assert "own" in next(line for line in usual.splitlines() if "nn.functional.silu" in line)
    assert "own " not in next(line for line in other.splitlines() if "nn.functional.silu" in line)


def test_show_says_where_the_code_is():
    result = invoke("show", "gelu", "--backend", "torch")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    found = {line[0]: line[1] for line in lines if len(line) > 1}
    assert found["float32"] == "torch.nn.functional.gelu"
    assert "a table, through unified_act_torch/tables.py:" in result.output
    other = invoke("show", "softsign", "--backend", "torch").output
    ours = "a fused kernel, through unified_act_torch/fused.py:"
    if unavailable():
        ours = "the shared definition, through unified_act_torch/gradient.py:"
    assert ours in other
    assert "│ numpy" not in result.output
    for name, function in (("definition", "gelu"), ("derivative", "gelu_derivative")):
        path, line = found[name].split(":")
        text = (Path(ua.__file__).parents[1] / path).read_text(encoding="utf-8")
        assert text.splitlines()[int(line) - 1].startswith(f"def {function}(")


def test_a_place_is_that_of_the_function_itself():
    def gain(x, factor):
        return x * factor

    assert place_of(partial(partial(gain, factor=2.0), 1.0)).endswith(".<locals>.gain")
    assert place_of(math.exp) == "math.exp"
    assert place_of(eval("lambda x: x", {})).startswith("<string>:1 ")


def test_show_as_json():
    found = json.loads(invoke("show", "prelu", "--backend", "torch", "--json").output)
    assert found["name"] == "prelu"
    assert found["definition"].startswith("unified_act/catalogue/learned.py:")
    assert found["second_derivative"] == "none: the framework differentiates the derivative"
    ours = not unavailable()  # quicker than torch.prelu
    for code in found["runs"]["torch"].values():
        assert code.startswith(
            "a fused kernel, through unified_act_torch/" if ours else "torch.prelu"
        )
    relu = json.loads(invoke("show", "relu", "--backend", "torch", "--json").output)["runs"]
    assert relu["torch"] == dict.fromkeys(DTYPES, "torch.relu")
    (other,) = json.loads(invoke("show", "prelu(axis=-1)", "--backend", "numpy", "--json").output)[
        "runs"
    ].values()
    assert set(other) == set(DTYPES)
    module = "gradient" if unavailable() else "fused"
    assert all(f"unified_act_numpy/{module}.py:" in text for text in other.values())


def test_show_tells_what_is_declared():
    assert "declared deviations: " in invoke("show", "silu").output
    assert "declared: torch, fast, " in invoke("show", "silu", "--backend", "torch").output
    assert "declared" not in invoke("show", "relu6").output


def test_show_measures_on_demand(monkeypatch):
    monkeypatch.setattr(ua, "list_backends", lambda installed: ["numpy"])
    result = invoke("show", "relu", "--measure")
    assert result.exit_code == 0, result.output
    assert "as a multiple of the budget" in " ".join(result.output.split())
    failed = Result(Case(Subject("relu"), "numpy", "float32", 0), 0.0, None, problem="wrong")
    monkeypatch.setattr(catalogue, "run", lambda cases, **options: iter([failed]))
    result = invoke("show", "relu", "--measure")
    assert result.exit_code == 1
    assert "raised" in result.output
