"""Modules that stand for a framework in `sys.modules`, as builders of documentation put them."""

import pytest

FRAMEWORKS = ["torch", "tensorflow", "jax", "mxnet"]
OTHERS = ["keras", "transformers", "ml_dtypes", "onnx", "scipy", "pandas"]
STUBS = {
    "none": "None",
    "module": "types.ModuleType({name!r})",
    "mock": "unittest.mock.MagicMock()",
    "bare mock": "unittest.mock.MagicMock(spec=[])",
    "object": "object()",
    "package": "package({name!r})",
}
PROGRAM = """
import sys, types, unittest.mock, importlib.machinery

def package(name):
    '''With a spec, a path and whatever attribute is asked for, as Sphinx has it.'''
    class Module(types.ModuleType):
        def __getattr__(self, attribute):
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            return unittest.mock.MagicMock()
    module = Module(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    module.__path__ = []
    return module

for name in {names!r}:
    sys.modules[name] = {stub}

import numpy as np
import unified_act as ua

x = np.array([-1.0, 2.0], np.float32)
assert ua.get_activation("relu")(x).tolist() == [0.0, 2.0]
assert ua.get_activation("relu", backend="numpy")(x).tolist() == [0.0, 2.0]
assert ua.value_and_grad(ua.get_activation("gelu"), x)[0].shape == (2,)
assert ua.get_activation("relu", dialect="transformers") == ua.get_activation("relu")
assert ua.export_weights(ua.get_layer("prelu", backend="numpy"))["weight"].shape == (1,)
assert "numpy" in ua.list_backends(installed=True)
for call in (lambda: ua.get_activation("relu")([1.0]), lambda: ua.export_weights(1),
             lambda: ua.replace_activations(object(), "relu", "gelu")):
    try:
        call()
    except ua.UnifiedActError:
        continue
    raise AssertionError("no error")
for name in ua.list_backends():
    if name in {names!r}:
        try:
            ua.get_activation("relu", backend=name)
        except (ua.BackendImportError, ua.BackendNotInstalledError):
            continue
        raise AssertionError("no error")
"""


@pytest.mark.parametrize("stub", STUBS)
@pytest.mark.parametrize("names", [FRAMEWORKS, OTHERS], ids=["frameworks", "others"])
def test_numpy_needs_no_other_package(run_python, names, stub):
    run_python(
        PROGRAM.replace("{stub}", STUBS[stub].replace("{name!r}", "name")).replace(
            "{names!r}", repr(names)
        )
    )


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_one_framework(run_python, name):
    run_python(PROGRAM.replace("{stub}", "None").replace("{names!r}", repr([name])))
