"""Activations that other distributions announce: found without an import, loaded once."""

import importlib.metadata
import sys
import threading

import numpy as np
import pytest

import unified_act as ua
from unified_act.registry import plugins

DOUBLE = """
    import pathlib
    import unified_act as ua

    with open(pathlib.Path(__file__).with_name("log"), "a") as log:
        log.write("loaded\\n")

    @ua.register_activation("plugged_double", aliases=["plugged_twice"])
    def double(xp, x):
        return x * 2.0
"""
ENTRY = {"plugged_double": "plugged_module"}


def loads(folder):
    log = folder / "log"
    return log.read_text().count("loaded") if log.exists() else 0


@pytest.fixture
def double(install, here):
    folder = install("plugged", {"plugged_module": DOUBLE}, activations=ENTRY)
    here(folder)
    return folder


def test_listing_imports_nothing(double):
    assert "plugged_double" in ua.list_activations()
    assert "plugged_module" not in sys.modules
    with pytest.raises(ua.UnknownActivationError, match="Did you mean 'plugged_double'"):
        ua.get_activation("plugged_doubel")
    assert loads(double) == 0


def test_it_is_as_good_as_a_built_in(double):
    function = ua.get_activation("Plugged-Double", backend="numpy")
    assert function(np.array([1.5])).tolist() == [3.0]
    assert function.plugin == "plugged"
    assert "plugged_double (elementwise)" in ua.describe("plugged_double")
    assert ua.list_activations().count("plugged_double") == 1
    assert ua.get_activation("plugged_twice", backend="numpy") == function


def test_a_kind_is_what_only_the_plugin_knows(double):
    assert "plugged_double" in ua.list_activations("elementwise")
    assert "plugged_double" not in ua.list_activations("axis")


def test_loading_happens_once(double):
    for _ in range(3):
        ua.get_activation("plugged_double", backend="numpy")
    assert loads(double) == 1


def test_many_threads_load_it_once(double):
    barrier, found = threading.Barrier(8), []

    def work():
        barrier.wait()
        found.append(ua.get_activation("plugged_double", backend="numpy"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(found) == {found[0]}
    assert loads(double) == 1


def test_metadata_is_read_once(double, monkeypatch):
    read = []
    original = importlib.metadata.entry_points
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda **group: read.append(group) or original(**group)
    )
    for _ in range(3):
        ua.list_activations()
        ua.get_activation("plugged_double", backend="numpy")
        with pytest.raises(ua.UnknownActivationError):
            ua.get_activation("nothing_like_it")
    assert read == [{"group": plugins.ACTIVATIONS}]


def test_its_own_module_may_be_imported_first(double):
    import plugged_module

    assert plugged_module.double(None, 2.0) == 4.0
    assert ua.get_activation("plugged_double", backend="numpy").name == "plugged_double"
    assert loads(double) == 1


def test_a_program_cannot_take_the_name(double):
    with pytest.raises(ua.NameConflictError, match=r"plugged 1\.0 announces 'plugged_double'"):
        ua.register_activation("plugged_double")(lambda xp, x: x)


def test_a_callable_stays_what_it_was(double):
    """What is registered later shows in what is asked for later."""
    by_input = ua.get_activation("relu")
    ua.register_activation("own_later")(lambda xp, x: x * 3.0)
    assert ua.get_activation("own_later")(np.ones(1)).tolist() == [3.0]
    assert by_input(np.ones(1)).tolist() == [1.0]


def test_fifty_of_them_cost_an_import_nothing(install, run_python):
    folders = [
        install(
            f"plugged-{i}",
            {f"plugged_{i}": "raise SystemExit"},
            activations={f"own{i}": f"plugged_{i}"},
        )
        for i in range(50)
    ]
    program = (
        "import sys, unified_act as ua\n"
        "print('importlib.metadata' in sys.modules, [m for m in sys.modules if 'plugged' in m])\n"
        "print(len([n for n in ua.list_activations() if n.startswith('own')]))"
    )
    assert run_python(program, first=folders).split("\n")[:2] == ["False []", "50"]
