"""The operations that are run in place of PyTorch's functions around them."""

import pytest
import torch

import unified_act as ua
from tests.backends.arrays import VALUES, native
from tests.specifications import REQUIRED, parameters_of
from unified_act_torch import eager
from unified_act_torch.native import NATIVE

DIRECT = [
    name for name, kernel in NATIVE.items() if kernel.label.rpartition(".")[2] in eager._ORDER
]


def arguments_of(name):
    return NATIVE[name].arguments(parameters_of(REQUIRED.get(name, name)))


def test_every_operation_is_used():
    used = {NATIVE[name].label.rpartition(".")[2] for name in DIRECT}
    assert used == set(eager._ORDER)


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name in DIRECT for dtype in NATIVE[name].dtypes]
)
def test_it_is_the_public_function(name, dtype):
    x = native("torch", VALUES, dtype).requires_grad_()
    public, arguments = NATIVE[name].find(torch), arguments_of(name)
    results = [ua.get_activation(REQUIRED.get(name, name), backend="torch")(x)]
    results.append(public(x, **arguments))
    assert torch.equal(*results)
    assert torch.equal(*(torch.autograd.grad(y.sum(), x)[0] for y in results))


@pytest.mark.parametrize("name", DIRECT)
def test_no_function_is_around_it(name):
    function, call = eager.fastest_call(NATIVE[name], arguments_of(name))
    assert type(function).__name__ == "builtin_function_or_method"
    assert "=" not in call


@pytest.mark.parametrize("name", eager._DEFAULTS)
def test_arguments_that_are_spared_are_the_defaults(name):
    (schema,) = torch._C._jit_get_schemas_for_operator(f"aten::{name}")[:1]
    defaults = {argument.name: argument.default_value for argument in schema.arguments}
    assert eager._DEFAULTS[name].items() <= defaults.items()
    _, call = eager.fastest_call(NATIVE[name], arguments_of(name))
    assert call == "function(x)"
    assert ua.get_activation("gelu_tanh", backend="torch")(torch.ones(1)) < 0.8412  # not spared


def test_a_version_without_the_operation(monkeypatch):
    monkeypatch.delattr(torch._C._nn, "leaky_relu")
    function, call = eager.fastest_call(NATIVE["leaky_relu"], {"negative_slope": 0.5})
    assert function is torch.nn.functional.leaky_relu
    assert call == "function(x, negative_slope=0.5)"


def test_what_overrides_functions_of_tensors_still_does():
    seen = []

    class Watched(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            seen.append(getattr(function, "__name__", str(function)))
            return super().__torch_function__(function, types, args, kwargs or {})

    y = ua.get_activation("leaky_relu", backend="torch")(torch.ones(3).as_subclass(Watched))
    assert "leaky_relu" in seen
    assert type(y) is Watched
