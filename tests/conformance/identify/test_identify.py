"""Which activation an unknown callable is."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import torch
from torch.nn import functional

import unified_act as ua
from unified_act.activation import Activation
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.identify import identify as identify_in_stages
from unified_act_conformance.identify.probe import backend_of_callable
from unified_act_mxnet._framework import mx

BACKENDS = ua.list_backends()
NATIVE = {
    "celu": functional.celu,
    "elu": functional.elu,
    "gelu": functional.gelu,
    "gelu_tanh": torch.nn.GELU("tanh"),
    "exponential": torch.exp,
    "glu": torch.nn.GLU(),
    "hard_shrink": functional.hardshrink,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_silu": functional.hardswish,
    "hard_tanh": functional.hardtanh,
    "identity": torch.nn.Identity(),
    "leaky_relu": functional.leaky_relu,
    "log_sigmoid": functional.logsigmoid,
    "log_softmax": torch.nn.LogSoftmax(-1),
    "mish": functional.mish,
    "relu": torch.relu,
    "relu6": functional.relu6,
    "rrelu": torch.nn.RReLU().eval(),
    "selu": functional.selu,
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "soft_shrink": functional.softshrink,
    "softmax": torch.nn.Softmax(-1),
    "softmin": torch.nn.Softmin(-1),
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "tanh": torch.tanh,
    "tanh_shrink": functional.tanhshrink,
}
"""PyTorch's own functions, in float64 too."""


@functools.cache
def of_torch(name):
    return ua.identify(NATIVE[name])


@pytest.mark.quick(lambda name: name in ("celu", "gelu", "glu", "relu", "softmax"))
@pytest.mark.parametrize("name", NATIVE)
def test_recognises_the_framework_s_own(name):
    found = of_torch(name)
    assert found.backend == "torch"
    assert found.verdict == "same"
    # celu is elu with the default parameter, and is said to be equal.
    assert str(found.match) == {"celu": "elu"}.get(name, name)
    assert name in {match.activation for match in (found.match, *found.equal)}
    assert found.match.difference.value <= 2e-8  # exp(20) is large, and softplus has a threshold


# What takes noise or a mask is no function of x alone.
WITH_FURTHER = {
    "gumbel_softmax": "noise",
    "masked_log_softmax": "mask",
    "masked_softmax": "mask",
    "masked_sparsemax": "mask",
}
"""What they take besides x."""
OURS = [name for name in ua.list_activations() if name not in (*NATIVE, *WITH_FURTHER)]


@pytest.mark.quick(lambda name: name in OURS[::9])
@pytest.mark.parametrize(
    ("name", "backend"), [(name, BACKENDS[i % len(BACKENDS)]) for i, name in enumerate(OURS)]
)
def test_recognises_ours(name, backend):
    activation = ACTIVATIONS.find(name)
    needed = {p.name: 2 if p.integer else 2.0 for p in activation.parameters if p.default is None}
    found = ua.identify(ua.get_activation(name, backend=backend, **needed))
    assert found.verdict == "same"
    matches = {match.activation: match for match in (found.match, *found.equal)}
    assert name in matches
    assert matches[name].parameters == needed | dict.fromkeys(activation.weights, 0.25)


@pytest.mark.parametrize(("name", "other"), WITH_FURTHER.items())
def test_takes_a_function_of_x_alone(name, other):
    with pytest.raises(ua.UnsupportedError, match=f"{name} takes {other} besides x"):
        ua.identify(ua.get_activation(name, backend="torch"))


def test_tells_what_is_nearly_alike():
    others = {match.activation: match.difference.value for match in of_torch("gelu").nearest}
    assert list(others)[:2] == ["gelu_tanh", "quick_gelu"]
    assert others["gelu_tanh"] == pytest.approx(4.7e-4, rel=0.02)
    assert others["quick_gelu"] == pytest.approx(0.0203, rel=0.02)
    assert of_torch("gelu").equal == ()


@pytest.mark.quick(lambda activation: activation in ("elu", "softplus", "hard_tanh"))
@pytest.mark.parametrize(
    ("function", "activation", "parameters"),
    [
        (lambda x: functional.leaky_relu(x, 0.2371), "leaky_relu", {"negative_slope": 0.2371}),
        (lambda x: functional.leaky_relu(x, 1.5), "leaky_relu", {"negative_slope": 1.5}),
        (torch.nn.PReLU(), "leaky_relu", {"negative_slope": 0.25}),
        (lambda x: functional.elu(x, 0.7134), "elu", {"alpha": 0.7134}),
        (lambda x: functional.celu(x, 3.21), "celu", {"alpha": 3.21}),
        (lambda x: x * torch.sigmoid(0.613 * x), "silu", {"beta": 0.613}),
        (lambda x: functional.softplus(x, beta=2.5), "softplus", {"beta": 2.5}),
        (
            lambda x: torch.clamp(0.23 * x + 0.4, 0, 1),
            "hard_sigmoid",
            {"alpha": 0.23, "beta": 0.4},
        ),
        (
            lambda x: functional.hardtanh(x, -0.31, 77.7),
            "hard_tanh",
            {"min_value": -0.31, "max_value": 77.7},
        ),
    ],
)
def test_recovers_parameters(function, activation, parameters):
    found = ua.identify(function, backend="torch")
    assert found.match.activation == activation
    assert found.match.parameters == pytest.approx(parameters, rel=1e-6)


def test_the_plainest_explanation_comes_first():
    found = of_torch("relu")
    assert str(found.match) == "relu"
    assert "leaky_relu(negative_slope=0.0)" in map(str, found.equal)
    assert str(ua.identify(lambda x: x * torch.sigmoid(1.702 * x), backend="torch").match) == (
        "quick_gelu"
    )


def test_says_that_nothing_is_known():
    found = ua.identify(torch.lgamma)
    assert found.verdict == "nothing known"
    assert not found.known
    assert found.match is None
    assert found.nearest[0].difference.value > 0.1
    assert "nothing known" in str(found)


def test_a_function_cut_off_far_out_is_another():
    found = ua.identify(lambda x: torch.clamp(functional.gelu(x), max=50.0), backend="torch")
    assert "gelu" not in {match.activation for match in (found.match, *found.equal) if match}


@pytest.mark.parametrize(
    ("function", "note"),
    [
        (lambda x: x * 0.0, "constant"),
        (torch.nn.Dropout(), "two calls with the same input differ"),
    ],
)
def test_nothing_is_claimed_of_what_says_nothing(function, note):
    found = ua.identify(function, backend="torch")
    assert found.verdict == "nothing known"
    assert note in str(found)


def test_a_detached_gradient():
    found = ua.identify(lambda x: functional.gelu(x.detach()), backend="torch")
    assert found.verdict == "wrong gradient"
    assert str(found.match) == "gelu"
    assert "detached" in str(found)


def test_another_gradient():
    found = ua.identify(lambda x: functional.gelu(x.detach()) + (x - x.detach()), backend="torch")
    assert found.verdict == "wrong gradient"
    assert str(found.match) == "gelu"
    assert found.match.difference.gradient == pytest.approx(1.129, abs=1e-3)
    assert "ANOTHER GRADIENT" in str(found)


def test_selu_of_mxnet():
    found = ua.identify(mx.gluon.nn.SELU())
    assert (found.backend, str(found.match), found.verdict) == ("mxnet", "selu", "wrong gradient")
    assert found.match.difference.value < 1e-6
    assert found.match.difference.gradient > 0.05


def test_another_derivative_at_a_kink_is_noted():
    found = ua.identify(tf.nn.selu)
    assert (str(found.match), found.verdict) == ("selu", "same")
    assert found.notes == ("at the kink x = 0 its gradient is 1.0507, ours 1.7581",)


def test_without_a_gradient():
    found = ua.identify(np.tanh)
    assert (str(found.match), found.verdict) == ("tanh", "same value, gradient unknown")
    assert np.isnan(found.match.difference.gradient)


@pytest.mark.parametrize(
    ("function", "call"),
    [
        (torch.nn.Softmax(0), "softmax(axis=0)"),
        (torch.nn.Softmax(1), "softmax(axis=1)"),
        (torch.nn.Softmax2d(), "softmax2d"),
        (torch.nn.GLU(1), "glu(axis=1)"),
        (tf.nn.crelu, "crelu"),
        (torch.nn.LogSoftmax(-2), "log_softmax(axis=-2)"),
        (tf.nn.softmax, "softmax"),
    ],
)
def test_the_axis(function, call):
    found = ua.identify(function)
    assert (str(found.match), found.verdict) == (call, "same")


def test_a_module_in_float32_only():
    found = ua.identify(torch.nn.PReLU())
    assert list(found.differences) == ["float32"]


def test_differences_in_both_types():
    found = of_torch("gelu")
    assert list(found.differences) == ["float64", "float32"]
    assert found.differences["float64"].value < 1e-14 < found.differences["float32"].value < 1e-5


def test_a_registered_activation_is_known_too():
    @ua.register_activation("bent_identity", parameters={"a": 1.0})
    def bent_identity(xp, x, *, a):
        return (xp.hypot(x, a) - a) / 2 + x

    found = ua.identify(lambda x: (torch.sqrt(x * x + 6.25) - 2.5) / 2 + x, backend="torch")
    assert str(found.match) == "bent_identity(a=2.5)"
    assert found.verdict == "same"  # in the gradient too, though its author wrote none down


def test_a_kind_that_is_not_understood_is_skipped():
    def forward(xp, x, key):
        raise RuntimeError("it wants a key")

    ACTIVATIONS.add(Activation("noisy", forward, kind="stochastic", inputs=("x", "key")))
    assert str(ua.identify(torch.tanh).match) == "tanh"


@pytest.mark.parametrize(
    ("function", "backend"),
    [
        (functional.gelu, "torch"),
        (torch.tanh, "torch"),
        (torch.nn.GELU(), "torch"),
        (functools.partial(functional.gelu, approximate="tanh"), "torch"),
        (tf.nn.gelu, "tensorflow"),
        (tf.keras.layers.ReLU(), "tensorflow"),
        (mx.nd.relu, "mxnet"),
        (mx.gluon.nn.Swish(), "mxnet"),
        (np.tanh, "numpy"),
        (ua.get_activation("relu", backend="mxnet"), "mxnet"),
        (ua.get_activation("relu"), None),
        (lambda x: x, None),
    ],
)
def test_the_framework_is_told_by_the_module(function, backend):
    assert backend_of_callable(function) == backend


def test_a_callable_of_no_framework():
    with pytest.raises(ua.UnknownBackendError, match="pass backend=…, one of jax, mxnet"):
        ua.identify(lambda x: x)


def test_no_callable():
    with pytest.raises(ua.InputTypeError, match="takes a callable, got str"):
        ua.identify("gelu")
    with pytest.raises(ua.InputTypeError, match="int is a class: pass an instance"):
        ua.identify(int)


def test_a_callable_that_fails():
    def broken(x):
        raise ValueError("no such luck")

    with pytest.raises(ua.UnsupportedError, match="ValueError: no such luck"):
        ua.identify(broken, backend="numpy")


def test_says_how_to_install_what_it_needs(run_python):
    program = """
import sys, unified_act as ua
sys.modules["ml_dtypes"] = None
try:
    ua.identify(abs, backend="numpy")
except ua.UnsupportedError as error:
    print(error)
"""
    assert "pip install 'unified-act[conformance]'" in run_python(program)


@pytest.mark.parametrize(
    ("first", "function", "found"),
    [
        ("usual", lambda x: np.tanh(np.log1p(np.exp(x))) * x, "mish"),
        ("usual", lambda x: np.where(x > 0, x, 0.3 * x), "leaky_relu(negative_slope=0.3)"),
        ("weight", lambda x: np.where(x > 0, x, 0.3 * x), "leaky_relu(negative_slope=0.3)"),
    ],
)
def test_what_is_tried_first(first, function, found):
    it = identify_in_stages(function, "numpy", first=first)
    assert str(it.match) == found
    if first == "weight":
        assert "prelu" in [other.activation for other in it.equal]
