"""Plugins that do what they should not: a clear error, and nothing else is disturbed."""

import numpy as np
import pytest

import unified_act as ua

REGISTERED = """
    import unified_act as ua

    @ua.register_activation({name!r})
    def own({arguments}):
        {body}
"""


def registering(name, body="return x", arguments="xp, x"):
    return REGISTERED.format(name=name, body=body, arguments=arguments)


MODULES = {
    "plugged_raises": "1 / 0",
    "plugged_exits": "import sys; sys.exit(3)",
    "plugged_signature": registering("plugged_signature", arguments="x"),
    "plugged_relu": registering("relu"),
    "plugged_mutates": registering("plugged_mutates", "x += 1.0; return x"),
    "plugged_numpy": registering("plugged_numpy", "import numpy as np; return np.tanh(x)"),
    "plugged_wide": registering("plugged_wide", "import numpy as np; return x * np.float64(2.0)"),
    "plugged_if": registering("plugged_if", "return x if x > 0 else -x"),
    "plugged_silent": "pass",
    "plugged_itself": "import unified_act as ua; ua.get_activation('plugged_itself')",
    "plugged_lost": "import plugged_nowhere",
    "plugged_half": registering("plugged_first") + "\n    raise ValueError('later')",
}
SAYS = {
    "plugged_raises": r"ZeroDivisionError: division by zero",
    "plugged_exits": r"SystemExit: 3",
    "plugged_signature": r"plugged_signature\.py:4: .*Write it as `def own\(xp, x\)`",
    "plugged_relu": r"the name 'relu' already belongs to the activation 'relu'",
    "plugged_mutates": r"plugged_mutates\.py:6, `x \+= 1\.0; return x`: .*changed in place",
    "plugged_numpy": r"plugged_numpy\.py:6, .*leaves the framework",
    "plugged_wide": r"plugged_wide\.py:6, .*numpy\.float64.*write float",
    "plugged_if": r"plugged_if\.py:6, .*no compiler can trace: decide with xp\.where",
    "plugged_silent": r"registers no activation of that name",
    "plugged_itself": r"asks for its own activation while it is being imported",
    "plugged_lost": r"No module named 'plugged_nowhere'",
    "plugged_half": r"ValueError: later",
}


@pytest.fixture
def hostile(install, here):
    folders = [
        install(f"{name.replace('_', '-')}-dist", {name: source}, activations={name: name})
        for name, source in MODULES.items()
    ]
    here(*folders)
    return folders


@pytest.mark.parametrize("name", MODULES)
def test_each_names_its_plugin_and_the_line(hostile, name):
    for _ in range(2):  # the second time from memory
        with pytest.raises(ua.PluginError, match=SAYS[name]) as caught:
            ua.get_activation(name)
        assert str(caught.value).startswith(
            f"the activation '{name}' of {name.replace('_', '-')}-dist 1.0 could not be loaded"
        )
    assert ua.get_activation("relu", backend="numpy")(np.array([-1.0, 2.0])).tolist() == [0.0, 2.0]
    assert set(MODULES) <= set(ua.list_activations())
    assert "relu" in ua.list_activations("elementwise")


def test_half_of_a_module_counts_as_nothing(hostile):
    with pytest.raises(ua.PluginError):
        ua.get_activation("plugged_half")
    with pytest.raises(ua.UnknownActivationError):
        ua.get_activation("plugged_first")


def test_a_name_of_ours_stays_ours(install, here):
    here(install("plugged", {"plugged_gelu": "1 / 0"}, activations={"GELU": "plugged_gelu"}))
    assert ua.get_activation("gelu").plugin == ""
    assert ua.list_activations().count("gelu") == 1


def test_one_name_from_two(install, here):
    module = registering("plugged_same")
    here(
        *(
            install(f"plugged-{which}", {f"plugged_{which}": module}, activations=entries)
            for which, entries in (
                ("a", {"plugged_same": "plugged_a"}),
                ("b", {"Plugged-Same": "plugged_b", "plugged_other": "plugged_b"}),
            )
        )
    )
    with pytest.raises(ua.NameConflictError, match=r"plugged-a 1\.0 and plugged-b 1\.0: uninstall"):
        ua.get_activation("plugged_same")
    # What is not asked for by that name must not bring it in either.
    with pytest.raises(ua.PluginError, match=r"plugged-b 1\.0 and plugged-a 1\.0"):
        ua.get_activation("plugged_other")
    assert ua.get_activation("relu").name == "relu"


def test_the_command_shows_them_all(install, run_python):
    folders = [
        install(
            "plugged-fine",
            {"plugged_fine": registering("fine")},
            activations={"fine": "plugged_fine"},
        ),
        install("plugged-bad", {"plugged_bad": "1 / 0"}, activations={"bad": "plugged_bad"}),
        install("plugged-relu", {"plugged_relu": ""}, activations={"relu": "plugged_relu"}),
        install("plugged-back", {"plugged_back": "1 / 0"}, backends={"plugged": "plugged_back"}),
        install("plugged-numpy", {"plugged_numpy": ""}, backends={"numpy": "plugged_numpy"}),
    ]
    program = """
import json
from click.testing import CliRunner
from unified_act_conformance.commands.main import cli
found = CliRunner().invoke(cli, ["list", "--plugins", "--json"])
states = {(p["name"], p["what"]): p["problem"] for p in json.loads(found.stdout)}
print(json.dumps([found.exit_code, [[*key, value] for key, value in states.items()]]))
listed = CliRunner().invoke(cli, ["list", "--json", "--backend", "numpy"])
print([one["name"] for one in json.loads(listed.stdout) if one["name"] in ("fine", "bad", "relu")])
"""
    import json

    first, second = run_python(program, first=folders).splitlines()
    code, rows = json.loads(first)
    problems = {(name, what): problem for name, what, problem in rows}
    assert code == 1
    assert problems["fine", "activation"] == ""
    assert "ZeroDivisionError" in problems["bad", "activation"]
    assert "built-in activation" in problems["relu", "activation"]
    assert "importing plugged_back failed" in problems["plugged", "backend"]
    assert "built-in backend" in problems["numpy", "backend"]
    assert second == "['fine', 'relu']"
