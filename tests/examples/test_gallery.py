"""The gallery: each activation against its paper's formula, in kernels, tables and ONNX models."""

import importlib
import inspect
import math
import sys
import warnings

import numpy as np
import onnx
import pytest

import unified_act as ua
from docs import gallery as page
from tests.conftest import BUILT_IN
from tests.onnx.runtime import run
from unified_act import catalogue, kernels
from unified_act.onnx import model
from unified_act.registry import ACTIVATIONS
from unified_act_conformance import check_activation
from unified_act_conformance.harness import load_harness

NAMES = [entry.name for entry in page.entries()]
BACKENDS = ["jax", "mxnet", "numpy", "tensorflow", "torch"]
QUICK = ("numpy", "torch")
X = np.array([[-7.5, -2.0, -0.875, -0.25], [0.125, 0.75, 1.5, 6.0]])
WEIGHTS = {"alpha": 0.75, "shift": -0.25, "gamma": 1.25, "beta": -0.5}
ERF = np.vectorize(math.erf)
FORMULAS = {
    "golu": lambda x: x * np.exp(-np.exp(-x)),
    "b_silu": lambda x: (x + 1.67) / (1 + np.exp(-x)) - 1.67 / 2,
    "smu": lambda x: (1.25 * x + 0.75 * x * ERF(0.75 * x)) / 2,
    "symlog": lambda x: np.sign(x) * np.log(1 + np.abs(x)),
    "hosc": lambda x: np.tanh(2 * np.sin(x)),
    "asu": lambda x: x * np.sin(x),
    "plu": lambda x: np.maximum(0.1 * (x + 1) - 1, np.minimum(0.1 * (x - 1) + 1, x)),
    "repu": lambda x: np.maximum(0, x) ** 3,
    "dyt": lambda x, alpha, gamma, beta: gamma * np.tanh(alpha * x) + beta,
    "derf": lambda x, alpha, shift, gamma, beta: gamma * ERF(alpha * x + shift) + beta,
    "drelu": lambda x: np.maximum(0, x[..., :2]) * np.maximum(0, x[..., 2:]),
    "ssmax": lambda x: 4 ** (0.43 * x) / (4 ** (0.43 * x)).sum(-1, keepdims=True),
}
"""As the papers write them, with the defaults, and without care for what cancels."""
KINDS = ("golu", "dyt", "drelu", "ssmax")
FLUSHED = "second derivative: error"
KNOWN = {
    # TensorFlow takes subnormal numbers for 0.
    ("tensorflow", "golu"): (FLUSHED, "forward mode: gradient", "double backward: gradient"),
    ("tensorflow", "smu"): (FLUSHED,),
    ("tensorflow", "b_silu"): (FLUSHED,),
    # What cancels in a row of two equal numbers leaves 5e-10 behind.
    ("tensorflow", "ssmax"): ("wrong only in the second derivative and below 3 in a row",),
    ("torch", "ssmax"): ("wrong only in the second derivative and below 3 in a row",),
}
"""What the profile strict misses, by backend and name."""


@pytest.fixture(scope="module")
def registered():
    """The names with those of the gallery: another test takes them away again."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error", ua.AccuracyWarning)
        patch.setattr(ACTIVATIONS, "_by_key", BUILT_IN)
        patch.delitem(sys.modules, "examples.gallery", raising=False)
        importlib.import_module("examples.gallery")
        return ACTIVATIONS._by_key


@pytest.fixture(autouse=True)
def _gallery(registered, monkeypatch):
    monkeypatch.setattr(ACTIVATIONS, "_by_key", registered)


def weights(name):
    return [np.float64(WEIGHTS[each]) for each in ACTIVATIONS.find(name).weights]


def arrays(backend, values):
    harness = load_harness(backend)
    return [harness.to_native(np.asarray(each, np.float32), "float32") for each in values]


def slopes(name, step=1e-5):
    """The gradient of the sum of the formula, weighted so that no sum is constant."""
    formula, further = FORMULAS[name], weights(name)
    cotangent = np.cos(np.arange(formula(X, *further).size)).reshape(formula(X, *further).shape)
    found = np.zeros_like(X)
    for place in np.ndindex(X.shape):
        moved = np.zeros_like(X)
        moved[place] = step
        change = formula(X + moved, *further) - formula(X - moved, *further)
        found[place] = (change * cotangent).sum() / (2 * step)
    return cotangent, found


def test_they_are_twelve_that_the_catalogue_does_not_have():
    assert len(NAMES) == len(FORMULAS) == 12
    assert set(NAMES) == set(FORMULAS)
    assert not set(NAMES) & {activation.name for activation in catalogue.ACTIVATIONS}
    assert {ACTIVATIONS.find(name).kind for name in NAMES} == {
        *("elementwise", "learned", "gated", "axis")
    }


@pytest.mark.parametrize("entry", page.entries(), ids=lambda entry: entry.name)
def test_each_is_short_and_has_no_derivative(entry):
    assert len(entry.body) <= 5
    assert "derivative" not in entry.code
    assert ACTIVATIONS.find(entry.name).source == entry.source
    assert "arXiv:" in entry.source


@pytest.mark.quick(lambda backend: backend in QUICK)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradient_are_the_papers(name, backend):
    function = ua.get_activation(name, backend=backend)
    x, *further = arrays(backend, [X, *(np.full(1, each) for each in weights(name))])
    cotangent, wanted = slopes(name)
    value, gradients = ua.value_and_grad(
        function, x, *further, cotangent=arrays(backend, [cotangent])[0]
    )
    gradient = gradients[0] if further else gradients
    to_numpy = load_harness(backend).to_numpy
    np.testing.assert_allclose(
        to_numpy(value, "float32"), FORMULAS[name](X, *weights(name)), rtol=2e-5, atol=1e-7
    )
    np.testing.assert_allclose(to_numpy(gradient, "float32"), wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives(name):
    import torch

    function = ua.get_activation(name, backend="torch")
    further = [torch.full((1,), float(each), dtype=torch.float64) for each in weights(name)]
    x = torch.tensor(X, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: function(x, *further), (x,))


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_kernel(name, order):
    activation = ACTIVATIONS.find(name)
    assert kernels.unavailable(activation, {}, "float32", order) == ""
    if activation.kind.elementwise:
        assert kernels.fused(activation, {}, "float32", order) is not None
    described = ua.describe(name, backend="numpy")
    assert "float32, float64 by a fused kernel" in described
    assert ("float16, bfloat16 by a table" in described) == bool(activation.kind.elementwise)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_an_onnx_model(name):
    proto = model(name)
    onnx.checker.check_model(proto, full_check=True)
    given = [X.astype(np.float32), *(np.full(1, w, np.float32) for w in weights(name))]
    wanted = FORMULAS[name](X, *weights(name))
    np.testing.assert_allclose(run(proto, given), wanted, rtol=2e-5, atol=1e-7)


JUDGED = [
    *((name, "numpy") for name in NAMES),
    *((name, backend) for name in KINDS for backend in ("mxnet", "tensorflow", "torch")),
]
"""One of each kind but for NumPy: each takes up to a minute. JAX compiles for several."""


@pytest.mark.quick(lambda name, backend: name in KINDS and backend == "numpy")
@pytest.mark.parametrize("numerics", ["fast", "strict"])
@pytest.mark.parametrize(("name", "backend"), JUDGED)
def test_the_suite_finds_no_fault(name, backend, numerics):
    known = KNOWN.get((backend, name), ()) if numerics == "strict" else ()
    if not known:
        check_activation(name, backends=[backend], numerics=numerics)
        return
    faults = []
    for quick in (True, False):  # which try different inputs
        try:
            check_activation(name, backends=[backend], numerics=numerics, quick=quick)
        except AssertionError as error:
            lines = str(error).splitlines()
            faults += [line for line in lines if f"{name} on {backend}, " in line]
    assert faults
    for line in faults:
        assert any(part in line for part in known), line


def test_the_page_shows_the_code_of_the_module():
    text = page.text()
    for name in NAMES:
        source = inspect.getsource(ACTIVATIONS.find(name).forward.__wrapped__)
        assert source.strip() in text
