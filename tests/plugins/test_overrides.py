"""Functions of one framework in place of the shared definition, and what the suite says of them."""

import numpy as np
import pytest
import torch

import unified_act as ua
from unified_act_conformance import check_activation


def forward(xp, x, *, scale):
    return xp.where(x <= 0.0, 0.0, x * scale)


def derivative(xp, x, *, scale):
    return xp.where(x > 0.0, xp.full_like(x, scale), xp.where(x <= 0.0, 0.0, x))


def register(**overrides):
    ua.register_activation(
        "own_ramp", parameters={"scale": 2.0}, derivative=derivative, overrides=overrides
    )(forward)


def right(x, *, scale):
    return torch.where(x <= 0.0, 0.0, x * scale)


def wide(x, *, scale):
    return right(x, scale=scale).double()


def mutating(x, *, scale):
    result = right(x, scale=scale)
    with torch.no_grad():
        x.zero_()
    return result


def through_numpy(x, *, scale):
    return torch.from_numpy(forward(np, x.detach().numpy(), scale=np.float32(scale)))


def detached(x, *, scale):
    return right(x.detach(), scale=scale) + torch.where(x <= 0.0, 0.0, x * 0.0)


HOSTILE = [
    (wide, r"output is float64, but the input float32"),
    (mutating, r"the input is changed"),
    (through_numpy, r"the gradient was detached on the way"),
    (detached, r"the gradient is zero: detached"),
]


@pytest.mark.parametrize(
    "override", [right, "tests.plugins.test_overrides:right"], ids=["function", "path"]
)
def test_it_is_used_in_fast_on_its_framework_only(override, monkeypatch):
    register(torch=override)
    x = torch.tensor([-1.0, 3.0])
    fast = ua.get_activation("own_ramp", backend="torch", scale=0.5)
    assert fast(x).tolist() == [0.0, 1.5]
    strict = ua.get_activation("own_ramp", backend="torch", numerics="strict", scale=0.5)
    assert strict(x).tolist() == [0.0, 1.5]
    x.requires_grad_()
    assert "Where" in type(fast(x).grad_fn).__name__
    assert "Where" not in type(strict(x).grad_fn).__name__
    assert ua.get_activation("own_ramp", backend="numpy")(np.array([1.0])).tolist() == [2.0]
    with pytest.raises(ua.InputTypeError):
        fast(torch.tensor([1]))


def test_a_right_one_conforms():
    register(torch=right)
    results = check_activation("own_ramp", backends=["torch"], dtypes=["float32", "bfloat16"])
    assert {result.status for result in results} <= {"passed", "unsupported"}


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(
    ("override", "says"), HOSTILE, ids=lambda each: getattr(each, "__name__", "")
)
def test_a_wrong_one_fails_with_its_cause(override, says):
    register(torch=override)
    with pytest.raises(AssertionError, match=says):
        check_activation("own_ramp", backends=["torch"], dtypes=["float32"])


@pytest.mark.parametrize("backend", ["numpy", "tensorflow", "mxnet"])
def test_on_every_framework(backend):
    import tensorflow as tf

    from tests.backends.arrays import back, native
    from unified_act_mxnet._framework import mx

    overrides = {
        "numpy": lambda x, *, scale: np.where(x <= 0, x.dtype.type(0), x * x.dtype.type(scale)),
        "tensorflow": lambda x, *, scale: tf.where(x <= 0, tf.zeros_like(x), x * scale),
        "mxnet": lambda x, *, scale: mx.sym.relu(x) * scale,
    }
    register(**{backend: overrides[backend]})
    function = ua.get_activation("own_ramp", backend=backend)
    x = native(backend, np.array([-1.0, 3.0]), "float32")
    assert back(backend, function(x), "float32").tolist() == [0.0, 6.0]
    assert back(backend, ua.value_and_grad(function, x)[1], "float32").tolist() == [0.0, 2.0]


def test_an_override_that_cannot_be_found():
    register(torch="tests.plugins.test_overrides:nothing")
    with pytest.raises(AttributeError, match="nothing"):
        ua.get_activation("own_ramp", backend="torch")
