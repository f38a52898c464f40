"""Backends that other distributions announce."""

import sys

import numpy as np
import pytest

import unified_act as ua
from unified_act.loading import backend_of, find_entry, imported_backends, load_backend
from unified_act_conformance.harness import load_harness

# NumPy's backend under another name, for arrays of a class of its own.
MODULE = """
    import numpy as np
    import plugframe
    from unified_act_numpy.backend import NumpyBackend

    class Backend(NumpyBackend):
        name = "plugframe"
        types = (plugframe.Array,)

        def accepts(self, array_type):
            return issubclass(array_type, plugframe.Array)

    {name} = Backend()
"""
FRAMEWORK = """
    import numpy as np

    class Array(np.ndarray):
        pass
"""


def modules(**more):
    return {"plugged_frame": MODULE.format(name="backend"), "plugframe": FRAMEWORK, **more}


@pytest.fixture
def plugframe(install, here):
    here(install("plugged", modules(), backends={"plugframe": "plugged_frame"}))


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    from unified_act import loading

    monkeypatch.setattr(loading, "_loaded", dict(loading._loaded))
    yield
    sys.modules.pop("plugframe", None)


def test_listing_imports_nothing(plugframe):
    assert "plugframe" in ua.list_backends()
    assert "plugframe" in ua.list_backends(installed=True)
    assert not {"plugframe", "plugged_frame"} & set(sys.modules)
    with pytest.raises(ua.UnknownBackendError, match="Did you mean 'plugframe'"):
        load_backend("plugfrane")


def test_it_is_as_good_as_a_built_in(plugframe):
    function = ua.get_activation("leaky_relu", backend="PlugFrame", negative_slope=0.5)
    import plugframe

    x = np.array([-2.0, 1.0]).view(plugframe.Array)
    assert np.asarray(function(x)).tolist() == [-1.0, 1.0]
    assert function.backend == "plugframe"
    assert "plugframe" in imported_backends()
    assert load_backend("plugframe") is load_backend("PLUGFRAME")


def test_a_subclass_of_numpys_is_numpys(plugframe):
    relu = ua.get_activation("relu")  # handed out before anybody knew of the framework
    import plugframe

    x = np.array([-2.0, 1.0]).view(plugframe.Array)
    # NumPy's own subclasses are NumPy's, unless somebody is asked for by name.
    assert backend_of(x).name == "numpy"
    assert np.asarray(relu(x)).tolist() == [0.0, 1.0]


def test_without_its_framework(install, here):
    module = {"plugged_frame": MODULE.format(name="backend")}
    here(install("plugged", module, backends={"plugframe": "plugged_frame"}))
    assert "plugframe" in ua.list_backends()
    assert "plugframe" not in ua.list_backends(installed=True)
    with pytest.raises(ua.BackendNotInstalledError, match="Install it with: pip install plugframe"):
        load_backend("plugframe")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("1 / 0", "importing plugged_frame failed"),
        ("import sys; sys.exit(1)", "importing plugged_frame failed"),
        ("import plugged_nowhere", "importing plugged_frame failed"),
        ("backend = object()", "is not a backend: it lacks accepts, dtypes, implement, name"),
        ("from unified_act_numpy import backend", "is not a backend: its name is 'numpy'"),
        ("", "importing plugged_frame failed"),
    ],
)
def test_a_broken_one(install, here, source, says):
    here(install("plugged", {"plugged_frame": source}, backends={"plugframe": "plugged_frame"}))
    with pytest.raises(ua.BackendImportError, match=says):
        load_backend("plugframe")
    assert ua.get_activation("relu", backend="numpy").backend == "numpy"
    with pytest.raises(ua.InputTypeError, match="no backend handles"):
        ua.get_activation("relu")([1.0])


def test_a_backend_announced_by_two_distributions_is_a_conflict(install, here):
    here(
        *(
            install(f"plugged-{which}", modules(), backends={"plugframe": "plugged_frame"})
            for which in "ab"
        )
    )
    with pytest.raises(ua.NameConflictError, match=r"plugged-a 1\.0 and plugged-b 1\.0: uninstall"):
        load_backend("plugframe")
    assert "plugframe" not in ua.list_backends()


def test_a_built_in_stays_ours(install, here):
    here(install("plugged", {"plugged_numpy": "1 / 0"}, backends={"NumPy": "plugged_numpy"}))
    assert find_entry("numpy").package == "unified_act_numpy"
    assert ua.list_backends().count("numpy") == 1
    assert "NumPy" not in ua.list_backends()


def test_the_suite_says_what_it_needs(plugframe):
    with pytest.raises(ua.UnsupportedError, match=r"it needs a module plugged_frame\.conformance"):
        load_harness("plugframe")


def test_what_it_declares_is_about_itself(install, here):
    from unified_act_conformance.declared.deviations import backend_tables

    folder = install(
        "plugged",
        {"plugged_frame.__init__": MODULE.format(name="backend"), "plugframe": FRAMEWORK},
        backends={"plugframe": "plugged_frame"},
    )
    file = folder / "plugged_frame" / "deviations.toml"
    file.write_text('[[deviation]]\nid = "one"\n[[check]]\nid = "two"\n')
    here(folder)
    tables = [
        table for table in backend_tables() if table.get("deviation", [{}])[0].get("id") == "one"
    ]
    assert tables == [
        {
            "deviation": [{"id": "one", "backend": "plugframe"}],
            "check": [{"id": "two", "backend": "plugframe"}],
        }
    ]
    file.write_text('[[deviation]]\nid = "one"\nbackend = "torch"\n')
    with pytest.raises(ValueError, match="about another backend"):
        list(backend_tables())
