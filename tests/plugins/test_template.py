"""`unified-act new-plugin`: what it writes is a package that installs and passes its own test."""

import importlib
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.plugins.conftest import pip_install
from unified_act_conformance import check_activation
from unified_act_conformance.commands.main import cli


def new_plugin(*arguments):
    return CliRunner().invoke(cli, ["new-plugin", *map(str, arguments)])


@pytest.mark.exhaustive
def test_from_nothing_to_green(tmp_path):
    made = new_plugin("own_bump", "--folder", tmp_path)
    assert made.exit_code == 0, made.output
    package = tmp_path / "unified-act-own-bump"
    assert f"cd {package}" in made.output
    installed = pip_install(tmp_path / "installed", package)
    # As the author's own environment with PyTorch alone, which is what the workflow has.
    (package / "tests" / "conftest.py").write_text(
        "import sys\nsys.modules.update(dict.fromkeys(['jax', 'mxnet', 'tensorflow']))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=package,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    assert "5 passed" in finished.stdout  # announced; numpy and torch, fast and strict


def test_its_activation_conforms_on_numpy(tmp_path, monkeypatch):
    """As it is written, before it is installed."""
    new_plugin("own_bump", "--folder", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "unified-act-own-bump" / "src"))
    importlib.import_module("unified_act_own_bump")
    monkeypatch.delitem(sys.modules, "unified_act_own_bump")
    results = check_activation("own_bump", backends=["numpy"])
    assert {"passed"} < {result.status for result in results} <= {"passed", "unsupported"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Relu", "is not a valid name: write lower-case"),
        ("my-act", "is not a valid name: write lower-case"),
        ("class", "is not a valid name: write lower-case"),
        ("hardswish", "there is an activation"),
    ],
)
def test_unsuitable_names_are_refused(tmp_path, name, says):
    made = new_plugin(name, "--folder", tmp_path)
    assert made.exit_code == 2
    assert says in made.output
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "unified-act-own-bump").mkdir()
    made = new_plugin("own_bump", "--folder", tmp_path)
    assert made.exit_code == 2
    assert "exists already" in made.output


def test_the_workflow_is_yaml(tmp_path):
    import yaml

    new_plugin("own_bump", "--folder", tmp_path)
    file = tmp_path / "unified-act-own-bump" / ".github" / "workflows" / "conformance.yml"
    steps = yaml.safe_load(file.read_text())["jobs"]["conformance"]["steps"]
    assert {"run": "pytest"} in steps
    assert any("--activation own_bump" in step.get("run", "") for step in steps)
