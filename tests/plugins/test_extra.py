"""The plugin of `examples`, installed with pip: judged, and saved and loaded across processes."""

import json
from itertools import product

import pytest

from tests.plugins.conftest import ROOT
from unified_act_conformance import check_activation

NAMES = ["expanded_silu", "shifted_relu", "smelu"]
SAVE = """
import json, pickle, sys
import unified_act as ua
function = ua.get_activation("smelu", backend="numpy", beta=0.5)
print(json.dumps([function.to_config(), pickle.dumps(function).hex()]))
"""
LOAD = """
import json, pickle, sys
import numpy as np
import unified_act as ua
config, pickled = json.loads({saved!r})
for load in (lambda: ua.from_config(config), lambda: pickle.loads(bytes.fromhex(pickled))):
    try:
        function = load()
        print(function, function(np.array([-1.0, 0.0, 0.5, 2.0])).tolist())
    except ua.UnifiedActError as error:
        print(type(error).__name__, error)
"""
SAVE_KERAS = """
import keras, numpy as np
import unified_act as ua
smelu = ua.get_activation("smelu", backend="tensorflow", beta=0.5)
model = keras.Sequential([
    keras.Input((3,)),
    keras.layers.Dense(2, activation=smelu, kernel_initializer="ones"),
    keras.layers.Activation(ua.get_activation("mish", backend="tensorflow")),
])
model.save({path!r})
print(model.predict(np.array([[0.1, 0.2, -0.25]]), verbose=0).tolist())
"""
LOAD_KERAS = """
import keras, numpy as np
import unified_act_tensorflow
try:
    model = keras.models.load_model({path!r})
    print(model.predict(np.array([[0.1, 0.2, -0.25]]), verbose=0).tolist())
    print(model.layers[0].activation)
except Exception as error:
    print(type(error).__name__, error)
"""
SAVE_TORCH = """
import torch
import unified_act as ua

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.smelu = ua.get_activation("smelu", backend="torch", numerics={numerics!r}, beta=0.5)
        self.silu = ua.get_activation("expanded_silu", backend="torch", numerics={numerics!r})

    def forward(self, x, alpha):
        return self.silu(self.smelu(x), alpha)

arguments = (torch.linspace(-2, 2, 9), torch.tensor([0.25]))
torch.export.save(torch.export.export(Model(), arguments), {path!r})
print(Model()(*arguments).tolist())
"""
LOAD_TORCH = """
import sys, torch
program = torch.export.load({path!r})
print(program.module()(torch.linspace(-2, 2, 9), torch.tensor([0.25])).tolist())
print("unified_act" in sys.modules)
"""


def last(output, lines=1):
    return output.strip().split("\n")[-lines:]


@pytest.mark.quick(lambda backend, numerics: (backend, numerics) == ("numpy", "fast"))
@pytest.mark.parametrize(
    ("backend", "numerics"),
    [
        ("jax", "fast"),  # in strict it is the same: slow, and nothing of it is overridden
        *product(["mxnet", "numpy", "tensorflow", "torch"], ["fast", "strict"]),
    ],
)
def test_it_conforms(backend, numerics, extra, here):
    here(extra)
    # JAX compiles each for each type and hundreds of shapes.
    dtypes, names = (["float32"], NAMES[:1]) if backend == "jax" else ([], NAMES)
    for name in names:
        results = check_activation(name, backends=[backend], dtypes=dtypes, numerics=numerics)
        assert {result.status for result in results} <= {"passed", "unsupported"}


def test_pickle_and_config(extra, run_python):
    (saved,) = last(run_python(SAVE, first=[extra]))
    config = json.loads(saved)[0]
    assert config == {
        "name": "smelu",
        "backend": "numpy",
        "plugin": "unified-act-extra",
        "beta": 0.5,
    }
    loaded = last(run_python(LOAD.format(saved=saved), first=[extra]), 2)
    what = "get_activation('smelu', backend='numpy', beta=0.5) [0.0, 0.125, 0.5, 2.0]"
    assert loaded == [what, what]
    for line in last(run_python(LOAD.format(saved=saved)), 2):
        assert line.startswith("UnknownActivationError unknown activation 'smelu': it comes with")
        assert line.endswith("pip install unified-act-extra")


@pytest.mark.exhaustive
def test_a_keras_model(extra, run_python, tmp_path):
    path = str(tmp_path / "model.keras")
    saved = last(run_python(SAVE_KERAS.format(path=path), first=[extra]))
    values, activation = last(run_python(LOAD_KERAS.format(path=path), first=[extra]), 2)
    assert [values] == saved
    assert activation == "get_activation('smelu', backend='tensorflow', beta=0.5)"
    assert "pip install unified-act-extra" in run_python(LOAD_KERAS.format(path=path))


@pytest.mark.exhaustive
@pytest.mark.parametrize("numerics", ["fast", "strict"])
def test_an_exported_program_needs_none_of_us(numerics, extra, run_python, tmp_path):
    path = str(tmp_path / "program.pt2")
    (saved,) = last(run_python(SAVE_TORCH.format(path=path, numerics=numerics), first=[extra]))
    values, imported = last(run_python(LOAD_TORCH.format(path=path)), 2)
    # A program has PyTorch's operations in place of a kernel.
    assert json.loads(values) == pytest.approx(json.loads(saved), rel=1e-6)
    assert imported == "False"


def test_its_own_tests_are_these():
    """What an author runs is what is run here."""
    text = (ROOT / "examples/plugins/unified-act-extra/tests/test_conformance.py").read_text()
    assert f"NAMES = {tuple(NAMES)!r}".replace("'", '"') in text
