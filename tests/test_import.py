"""What an import costs and brings."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import unified_act as ua
from tests.specifications import SPECS

ELEMENTWISE = [call for call, spec in SPECS.items() if spec.kind == "elementwise"]

FRAMEWORKS = "{'jax', 'keras', 'mxnet', 'numpy', 'tensorflow', 'torch'}"
MODULES = [
    info.name
    for info in pkgutil.walk_packages(ua.__path__, "unified_act.")
    if not info.name.rpartition(".")[2].startswith("_")
]


def test_imports_no_framework(run_python):
    program = (
        "import sys, unified_act as ua\n"
        "ua.list_activations(), ua.describe('gelu'), ua.list_backends(installed=True)\n"
        f"print(sorted(n for n in sys.modules if n.partition('.')[0] in {FRAMEWORKS} "
        "or n.startswith('unified_act_')))"
    )
    assert run_python(program) == "[]\n"


def test_needs_nothing_but_the_standard_library(run_python):
    program = (
        "import sys, unified_act as ua\n"
        "relu = ua.get_activation('relu')\n"
        "own = {'unified_act', '__main__'}\n"
        "print(sorted({n.partition('.')[0] for n in sys.modules} - sys.stdlib_module_names - own))"
    )
    found = run_python(program, "-S", site=False, first=[Path(ua.__file__).parents[1]])
    assert found == "[]\n"


def test_numpy_imports_no_other_framework(run_python):
    program = (
        "import sys, numpy as np, unified_act as ua\n"
        f"for name in {ELEMENTWISE}:\n"
        "    ua.value_and_grad(ua.get_activation(name, backend='numpy'), np.ones(2))\n"
        f"print(sorted(n for n in sys.modules if n in {FRAMEWORKS}))"
    )
    assert run_python(program) == "['numpy']\n"


def test_an_import_warns_of_nothing(run_python):
    assert run_python("import unified_act", "-W", "error") == ""


def test_all_is_what_is_public():
    assert set(ua.__all__) == set(ua._HOME)
    assert list(ua.__all__) == sorted(ua.__all__)
    assert set(ua.__all__) <= set(dir(ua))


@pytest.mark.parametrize("name", ua.__all__)
def test_every_name_is_public_where_it_comes_from(name):
    module = importlib.import_module(ua._HOME[name])
    assert name in module.__all__
    assert getattr(ua, name) is getattr(module, name)


def test_what_reads_code_finds_each_name_where_it_comes_from():
    block = next(node for node in ast.parse(inspect.getsource(ua)).body if isinstance(node, ast.If))
    found = {alias.name: node.module for node in block.body for alias in node.names}
    assert found == ua._HOME


def test_an_import_alone_imports_next_to_nothing(run_python):
    program = "import sys, unified_act; print([n for n in sys.modules if 'unified_act' in n])"
    assert run_python(program) == "['unified_act']\n"


def test_an_attribute_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'get_activaton'"):
        ua.get_activaton  # noqa: B018


def test_star_import():
    namespace = {}
    exec("from unified_act import *", namespace)
    assert set(ua.__all__) <= namespace.keys()


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_is_public(module):
    loaded = importlib.import_module(module)
    assert all(hasattr(loaded, name) for name in loaded.__all__)


@pytest.mark.parametrize("name", ua.__all__)
def test_everything_public_has_a_docstring(name):
    assert getattr(ua, name).__doc__


def test_the_version_is_one():
    from packaging.version import Version

    assert str(Version(ua.__version__)) == ua.__version__
