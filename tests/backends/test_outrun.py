"""Where machine code is quicker than a framework's kernel, it serves arrays in memory; else not."""

import functools

import numpy as np
import pytest
import torch

import unified_act as ua
from tests.backends.arrays import bits, native
from tests.implementations import forget_implementations
from tests.specifications import REQUIRED, further_inputs, parameters_of
from unified_act.backend import FrameworkBackend, Native
from unified_act.kernels import unavailable
from unified_act.loading import load_backend

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there is one")
CASES = [
    pytest.param(backend, name, dtype, id=f"{backend}-{name}-{dtype}")
    for backend in ("numpy", "tensorflow", "torch")  # MXNet chooses by size
    for name, row in load_backend(backend).native.items()
    for dtype in row.outrun
]
VALUES = [-11.0, -3.0, -1.0, -0.25, 0.0, 0.3, 1.0, 2.5, 20.0, float("inf"), float("nan")]


def two(backend, name):
    """The activation in both profiles. In strict no kernel of the framework serves."""
    for numerics in ("fast", "strict"):
        yield ua.get_activation(REQUIRED.get(name, name), backend=backend, numerics=numerics)


def weights(backend, name, shape, dtype):
    """What it takes after `x`."""
    return [
        native(backend, weight, dtype) for weight in further_inputs(REQUIRED.get(name, name), shape)
    ]


@pytest.mark.parametrize(("backend", "name", "dtype"), CASES)
def test_the_bits_are_those_of_strict(monkeypatch, backend, name, dtype):
    monkeypatch.setattr(Native, "find", lambda self, module: lambda *x, **keywords: 1 / 0)
    x = native(backend, np.tile(VALUES, 2000), dtype)  # of few elements NumPy's kernels are quicker
    inputs = [x, *weights(backend, name, (len(x),), dtype)]
    fast, strict = (ua.value_and_grad(function, *inputs) for function in two(backend, name))
    for found, wanted in zip(each(fast), each(strict), strict=True):
        assert bits(backend, found, dtype) == bits(backend, wanted, dtype)


def each(value_and_grad):
    """The value and each gradient."""
    value, gradient = value_and_grad
    return [value, *(gradient if isinstance(gradient, tuple) else [gradient])]


@pytest.mark.parametrize(
    ("name", "dtype"), [case.values[1:] for case in CASES if case.values[0] == "torch"]
)
class TestOnPyTorch:
    """What has no memory, and what compilers and transformations see, is the kernel."""

    @pytest.fixture(name="calls")
    def _calls(self, monkeypatch, name):
        row = load_backend("torch").native[name]
        own, calls = row.find(torch), []

        def counted(*x, **keywords):
            calls.append(name)
            return own(*x, **keywords)

        monkeypatch.setattr(Native, "find", lambda self, module: counted)
        forget_implementations()
        yield calls
        forget_implementations()

    def test_meta(self, calls, name, dtype):
        fast, _ = two("torch", name)
        inputs = [torch.ones(3), *weights("torch", name, (3,), dtype)]
        inputs = [each.to("meta", getattr(torch, dtype)) for each in inputs]
        assert fast(*inputs).device.type == "meta"
        assert calls

    def test_vmap(self, calls, name, dtype):
        fast, _ = two("torch", name)
        inputs = [torch.ones(3), *weights("torch", name, (3,), dtype)]
        torch.vmap(fast)(*(each.to(getattr(torch, dtype)).expand(2, -1) for each in inputs))
        assert calls


def exported(function, inputs):
    class Model(torch.nn.Module):
        def forward(self, *inputs):
            return function(*inputs)

    return str(torch.export.export(Model(), tuple(inputs)).graph)


@pytest.mark.parametrize(
    ("name", "dtype"), [case.values[1:] for case in CASES if case.values[0] == "torch"]
)
def test_what_is_exported_is_pytorch_s_function(name, dtype):
    row = load_backend("torch").native[name]
    own = functools.partial(row.find(torch), **row.arguments(parameters_of(name)))
    x = torch.ones(3, dtype=getattr(torch, dtype))
    inputs = [x, *weights("torch", name, (3,), dtype)]
    assert exported(ua.get_activation(name, backend="torch"), inputs) == exported(own, inputs)


@pytest.mark.parametrize("backend", ["torch"])
def test_without_machine_code_the_kernel_serves(monkeypatch, backend):
    monkeypatch.setattr(FrameworkBackend, "outrun", lambda *_: ())
    x = torch.linspace(-9, 9, 10_000)
    assert torch.equal(ua.get_activation("selu", backend=backend)(x), torch.selu(x))
