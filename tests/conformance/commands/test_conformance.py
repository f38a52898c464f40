"""The command `unified-act conformance`."""

import json

import pytest
from click.testing import CliRunner

import unified_act as ua
from unified_act.backend import DTYPES
from unified_act_conformance.commands.main import cli
from unified_act_conformance.subject import cases
from unified_act_numpy import NumpyBackend

SMALL = ["--activation", "relu", "--dtype", "float16", "--quick"]
ours = ua.get_activation


def invoke(*arguments):
    return CliRunner().invoke(cli, ["conformance", *arguments])


def test_success():
    result = invoke("--backend", "numpy", *SMALL)
    assert result.exit_code == 0, result.output
    assert "relu" in result.output
    assert "numpy" in result.output
    assert "0 failed" in result.output
    assert "FAILED" not in result.output


def test_strict():
    assert invoke("--backend", "numpy", "--numerics", "strict", *SMALL).exit_code == 0


def judged_quickly(activation, backend, report):
    """The types in which each order is judged, for each parameters of an activation."""
    options = ("--activation", activation, "--backend", backend, "--quick", "--jobs", "1")
    result = invoke(*options, "--json", str(report))
    assert result.exit_code == 0, result.output
    judged = {}
    for case in json.loads(report.read_text(encoding="utf-8"))["verdict"]["cases"]:
        parameters = tuple(case["parameters"].items())
        judged.setdefault(parameters, {}).setdefault(case["order"], set()).add(case["dtype"])
    return judged.values()


def test_a_quick_run_judges_further_parameters_in_two_types(tmp_path):
    first, *further = judged_quickly("elu", "numpy", tmp_path / "report.json")
    assert first == {0: set(DTYPES), 1: set(DTYPES), 2: {"float32"}}
    assert len(further) > 1
    for orders in further:
        assert "float32" in orders[0] == orders[1]
        assert len(orders[0]) == 2
        assert orders[2] == {"float32"}


def test_a_quick_run_of_jax_judges_further_parameters_in_one_type(tmp_path):
    first, *further = judged_quickly("elu", "jax", tmp_path / "report.json")
    assert first == {0: set(DTYPES), 1: set(DTYPES), 2: {"float32"}}
    assert len(further) > 1
    types = [min(orders[0]) for orders in further]
    for orders in further:
        assert len(orders[0]) == 1
        assert orders[1] == orders[0]
        assert orders.get(2, {"float32"}) == {"float32"}
        assert (2 in orders) == ("float32" in orders[0])
    assert "float32" in types
    assert len(set(types)) > 1


def test_several_backends():
    result = invoke("--backend", "numpy", "--backend", "mxnet", *SMALL)
    assert result.exit_code == 0, result.output
    assert "mxnet" in result.output


def test_without_a_backend_the_built_in_ones_installed(monkeypatch):
    asked = []
    installed = ["jax", "numpy"]  # of which one is a plugin
    monkeypatch.setattr(cases, "list_backends", lambda **kw: asked.append(kw) or installed)
    result = invoke(*SMALL)
    assert result.exit_code == 0, result.output
    assert asked == [{"installed": True}]
    assert not {"jax", "torch"} & set(result.output.split())


def test_failure(monkeypatch):
    relu6 = ours("relu6", backend="numpy")

    def wrong(name, **options):
        return relu6.func if "numerics" in options else ours(name, **options)

    monkeypatch.setattr(ua, "get_activation", wrong)
    result = invoke("--backend", "numpy", *SMALL)
    assert result.exit_code == 1
    assert "FAILED" in result.output
    assert "relu" in result.output
    assert "got 6.0, want" in result.output


def test_nothing_to_run(monkeypatch):
    monkeypatch.setattr(NumpyBackend, "dtypes", ("float32",))
    result = invoke("--backend", "numpy", *SMALL)
    assert result.exit_code == 1
    assert "was run:" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "tourch"], "UnknownBackendError: unknown backend 'tourch'. Did you mean"),
        (["--activation", "reluu"], "UnknownActivationError: unknown activation 'reluu'. Did you"),
    ],
)
def test_mistakes(arguments, message):
    result = invoke("--backend", "numpy", *arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def test_an_unknown_dtype_is_a_wrong_usage():
    assert invoke("--dtype", "float8").exit_code == 2


RUN = """
import sys
sys.argv = ["unified-act", "conformance", "--backend", "torch", "--activation", "relu"]
from unified_act.__main__ import main
try:
    main()
except SystemExit as stopped:
    print("exit code", stopped.code)
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise AttributeError('is broken')", "caused by AttributeError: is broken"),
        ("import torch.missing", "BackendImportError"),
    ],
)
def test_a_requested_backend_that_cannot_be_loaded(run_python, tmp_path, source, message):
    (tmp_path / "torch.py").write_text(source)
    output = run_python(RUN, first=[tmp_path])
    assert "exit code 1" in output
    assert "BackendImportError: the backend 'torch' could not be loaded" in output
    assert message in output


def test_a_requested_backend_that_is_not_installed(run_python):
    output = run_python("import sys; sys.modules['torch'] = None\n" + RUN)
    assert "exit code 1" in output
    assert "pip install 'unified-act[torch]'" in output


def test_version():
    result = CliRunner().invoke(cli, ["--version"])
    assert result.output.strip() == f"unified-act, version {ua.__version__}"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["conformance", "--help"]])
def test_help(arguments):
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_a_device():
    result = invoke("--backend", "numpy", "--device", "cuda", *SMALL)
    assert result.exit_code == 1
    assert "numpy cannot be judged on 'cuda': it computes on a CPU alone" in result.output
    result = CliRunner().invoke(cli, ["show", "gelu", "--device", "cuda"])
    assert "What is used on cuda, by float type" in result.output
    assert "nobody has judged the kernels on cuda" in result.output
    assert "numpy" not in result.output
