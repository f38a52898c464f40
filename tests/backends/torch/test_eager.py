"""The operations that are run in place of PyTorch's functions around them."""

import pytest
import torch

import unified_act as ua
from tests.backends.arrays import VALUES, native
from tests.specifications import REQUIRED, parameters_of
from unified_act.backend import FrameworkBackend
from unified_act_torch import calls
from unified_act_torch.native import NATIVE

DIRECT = [
    name for name, kernel in NATIVE.items() if kernel.label.rpartition(".")[2] in calls._ORDER
]


def arguments_of(name):
    return NATIVE[name].arguments(parameters_of(REQUIRED.get(name, name)))


def test_every_operation_is_used():
    used = {NATIVE[name].label.rpartition(".")[2] for name in DIRECT}
    assert used == set(calls._ORDER)


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name in DIRECT for dtype in NATIVE[name].dtypes]
)
def test_it_is_the_public_function(monkeypatch, name, dtype):
    monkeypatch.setattr(FrameworkBackend, "outrun", lambda *_: ())  # see test_outrun
    x = native("torch", VALUES, dtype).requires_grad_()
    public, arguments = NATIVE[name].find(torch), arguments_of(name)
    results = [ua.get_activation(REQUIRED.get(name, name), backend="torch")(x)]
    results.append(public(x, **arguments))
    assert torch.equal(*results)
    assert torch.equal(*(torch.autograd.grad(y.sum(), x)[0] for y in results))


@pytest.mark.parametrize("name", DIRECT)
def test_no_function_is_around_it(name):
    function, call = calls.fastest_call(NATIVE[name], arguments_of(name))
    assert type(function).__name__ == "builtin_function_or_method"
    assert "=" not in call


@pytest.mark.parametrize(
    ("name", "own", "call"),
    [
        ("gelu", {"approximate": "tanh"}, "function(x, approximate='none')"),
        ("hard_tanh", {"min_val": -1.0, "max_val": 6.0}, "function(x, -1.0, 1.0)"),
        ("leaky_relu", {"negative_slope": 0.2}, "function(x, 0.01)"),
        ("softplus", {}, "function(x, 1.0, 20)"),
    ],
)
def test_a_version_with_other_defaults(monkeypatch, name, own, call):
    monkeypatch.setattr(calls, "_defaults", lambda name: own)
    assert calls.fastest_call(NATIVE[name], arguments_of(name))[1] == call


def test_a_version_that_does_not_tell_its_defaults(monkeypatch):
    monkeypatch.delattr(torch._C, "_jit_get_schemas_for_operator")
    assert calls._defaults("gelu") == {}


@pytest.mark.parametrize(
    ("name", "parameters", "call"),
    [
        ("gelu", {}, "function(x)"),
        ("gelu_tanh", {}, "function(x, approximate='tanh')"),
        ("softplus", {}, "function(x)"),
        ("softplus", {"beta": 2.0}, "function(x, 2.0)"),
        ("hard_tanh", {}, "function(x)"),
        ("hard_tanh", {"min_value": -2.0}, "function(x, -2.0)"),
        ("hard_tanh", {"max_value": 2.0}, "function(x, -1.0, 2.0)"),
        ("softmax", {}, "function(x, -1)"),
    ],
)
def test_only_defaults_at_the_end_are_spared(name, parameters, call):
    bound = ua.get_activation(name, backend="torch", **parameters).parameters
    assert calls.fastest_call(NATIVE[name], NATIVE[name].arguments(bound))[1] == call


def test_what_is_no_default_is_passed():
    assert ua.get_activation("gelu_tanh", backend="torch")(torch.ones(1)) < 0.8412


def test_prelu_goes_straight_to_the_kernel(monkeypatch):
    function = ua.get_activation("prelu", backend="torch").func
    monkeypatch.setitem(function.__globals__, "otherwise", None)
    x, weight = native("torch", VALUES, "float32"), torch.tensor([0.5])
    assert torch.equal(function(x, weight), torch.prelu(x, weight))


def test_a_function_of_a_users_is_not_given_what_was_not_checked():
    @ua.register_activation(
        "scaled",
        kind="learned",
        inputs=("x", "by"),
        parameters={"axis": 1},
        overrides={"torch": lambda x, by, axis: by * x},
    )
    def scaled(xp, x, by):
        return by * x

    function = ua.get_activation("scaled", backend="torch")
    with pytest.raises(ua.InputTypeError, match=r"the weight .*float64"):
        function(torch.ones(2), torch.ones(1, dtype=torch.float64))


def test_a_version_without_the_operation(monkeypatch):
    monkeypatch.delattr(torch._C._nn, "leaky_relu")
    function, call = calls.fastest_call(NATIVE["leaky_relu"], {"negative_slope": 0.5})
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
