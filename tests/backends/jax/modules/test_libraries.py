"""Which library: by name, or because it is the only one that can be meant. And what is refused."""

import copy
import functools
import pickle
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import unified_act as ua
from tests.backends.jax.modules.calling import LIBRARIES, every_library, in_haiku, layer_of
from unified_act_jax import modules
from unified_act_jax.modules import of_library

IMPORTS = {name: library.module for name, library in modules.LIBRARIES.items()}


@pytest.fixture(name="only")
def _only(monkeypatch):
    """Makes it as if the program had installed, and imported, these modules alone."""
    for library in LIBRARIES:
        of_library(library)  # is imported, and stays so

    def only(installed, imported=()):
        for module in IMPORTS.values():
            if module not in imported:  # then it is looked for on disk
                monkeypatch.delitem(sys.modules, module, raising=False)
        for name in {"flax", "equinox", "haiku"}.difference(installed):
            monkeypatch.setitem(sys.modules, name, None)

    return only


def chosen():
    return of_library(None).__name__.rpartition(".")[2]


class TestTheDefault:
    @pytest.mark.parametrize("name", ["equinox", "haiku"])
    def test_the_only_one_installed(self, only, name):
        only([name])
        assert chosen() == name

    def test_flax_has_two(self, only):
        only(["flax"], ["flax.linen"])
        assert chosen() == "linen"

    @pytest.mark.parametrize(
        ("imported", "wanted"),
        [
            (["flax.linen", "flax.nnx"], "nnx"),
            (["flax.linen"], "linen"),
            (["equinox"], "equinox"),
            (["haiku", "flax.linen"], "haiku"),
        ],
        ids=str,
    )
    def test_the_only_one_imported(self, only, imported, wanted):
        only(["flax", "equinox", "haiku"], imported)
        assert chosen() == wanted

    @pytest.mark.parametrize("imported", [(), ("equinox", "flax.linen"), ("haiku", "flax.nnx")])
    def test_several(self, only, imported):
        only(["flax", "equinox", "haiku"], imported)
        wanted = "pass library='nnx' or library='linen' or library='equinox' or library='haiku'"
        with pytest.raises(ua.ParameterValueError, match=wanted):
            ua.get_layer("relu", backend="jax")

    def test_none(self, only):
        only([])
        with pytest.raises(ua.BackendNotInstalledError, match=r"pip install dm-haiku$"):
            ua.get_layer("relu", backend="jax")


class TestByName:
    @pytest.mark.parametrize(
        ("name", "wanted"),
        [
            ("NNX", "nnx"),
            ("flax.nnx", "nnx"),
            ("flax.linen", "linen"),
            ("eqx", "equinox"),
            ("hk", "haiku"),
            ("dm-haiku", "haiku"),
        ],
    )
    def test_usual_names(self, name, wanted):
        assert of_library(name) is of_library(wanted)

    @pytest.mark.parametrize("name", ["flax", "Flax"])
    def test_flax_alone(self, name):
        with pytest.raises(ua.ParameterValueError, match="pass library='nnx' or library='linen'"):
            layer_of("relu", name)

    @pytest.mark.parametrize("name", ["trax", "", 3, "x" * 10**6], ids=lambda x: str(x)[:9])
    def test_no_such_library(self, name):
        with pytest.raises(ua.ParameterValueError, match="unknown library") as caught:
            layer_of("relu", name)
        assert len(str(caught.value)) < 300

    def test_not_installed(self, only):
        only(["equinox"])
        for name, package in (("nnx", "flax"), ("haiku", "dm-haiku")):
            with pytest.raises(ua.BackendNotInstalledError, match=f"pip install {package}$"):
                layer_of("relu", name)

    def test_broken(self, monkeypatch):
        of_library("haiku")
        monkeypatch.setitem(sys.modules, "unified_act_jax.modules.haiku", None)
        with pytest.raises(ua.BackendImportError, match="haiku is installed, but importing it"):
            layer_of("relu", "haiku")

    def test_other_backends_have_layers_of_their_own(self):
        with pytest.raises(ua.ParameterValueError, match="'numpy' has layers of its own"):
            ua.get_layer("relu", backend="numpy", library="nnx")


@every_library
class TestOptions:
    def test_unknown(self, library):
        with pytest.raises(ua.UnknownParameterError, match=f"library='{library}' have no option"):
            layer_of("relu", library, options={"prefix": 1})

    def test_an_initializer_of_what_has_no_weights(self, library):
        if library == "equinox":  # which has no such option
            return
        with pytest.raises(ua.ParameterValueError, match="leave out initializer"):
            layer_of("relu", library, options={"initializer": lambda *_: 0})

    @pytest.mark.parametrize("given", [{"channels": None}, {"shared_axes": (1,)}], ids=str)
    def test_a_first_input(self, library, given):
        if library in ("nnx", "equinox"):
            with pytest.raises(ua.ParameterValueError, match=f"{next(iter(given))}=.* before it"):
                layer_of("prelu", library, **given)
        else:
            layer_of("prelu", library, **given)


class TestKinds:
    def test_each_is_a_module_of_its_library(self):
        import equinox as eqx
        import haiku as hk
        from flax import linen, nnx

        kinds = {
            "nnx": nnx.Module,
            "linen": linen.Module,
            "equinox": eqx.Module,
            "haiku": hk.Module,
        }
        for library, kind in kinds.items():
            assert isinstance(layer_of("gelu", library), kind)

    @pytest.mark.parametrize("library", ["nnx", "linen", "equinox"])
    def test_copies_and_pickles(self, library):
        layer = layer_of("prelu", library, channels=6)
        x = -jnp.ones((2, 6))
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert "LayerSpec" in repr(twin)
            assert twin.spec == layer.spec
            assert hash(twin.spec) == hash(layer.spec)
            if library != "linen":
                np.testing.assert_array_equal(twin(x), layer(x))

    @every_library
    def test_an_input_that_is_no_array(self, library):
        given = {"channels": 6}
        if library in ("nnx", "equinox"):
            call = layer_of("prelu", library, **given)
        elif library == "linen":
            call = functools.partial(layer_of("prelu", library, **given).init, jax.random.key(0))
        else:
            call = functools.partial(in_haiku("prelu", **given).init, None)
        with pytest.raises(ua.InputTypeError, match=r"a jax\.Array"):
            call([1.0, 2.0])
