"""Implementations with one fault each, in place of ours: the run must reject each, and say why."""

import re

import pytest
import torch

import unified_act as ua
from unified_act_conformance.judge import runner
from unified_act_conformance.subject.cases import Case, Subject

ours = ua.get_activation


def on_torch(name, **parameters):
    return ours(name, backend="torch", numerics="strict", **parameters)


def last_unwritten(x):
    y = on_torch("gelu")(x).clone()
    y.view(-1)[-2] = 0.0  # the last one is NaN
    return y


def far_tail_lost(x):
    return torch.where(x < -5.0, torch.zeros_like(x), on_torch("gelu")(x))


def no_gradient_through_the_gate(x):
    return x * torch.special.ndtr(x.detach())


def abs_at_the_kink(x):
    return (x + x.abs()) / 2


def other_axis(x):
    return on_torch("softmax", axis=0)(x)


def no_weight(x, weight):
    return on_torch("prelu")(x, torch.full_like(weight, 0.25))


MUTANTS = {
    "another variant": ("gelu", {}, 0, on_torch("gelu_tanh"), "error .* above"),
    "a detached gradient": (
        "gelu",
        {},
        1,
        lambda x: on_torch("gelu")(x.detach()),
        "UnsupportedError: .* detached on the way",
    ),
    "a gradient detached in part": ("gelu", {}, 1, no_gradient_through_the_gate, "error .* above"),
    "0 for NaN": ("tanh", {}, 0, lambda x: on_torch("tanh")(x).nan_to_num(0.0), "number_for_nan"),
    "NaN for a number": (
        "tanh",
        {},
        0,
        lambda x: torch.where((x > 3) & (x < 3.5), torch.nan, on_torch("tanh")(x)),
        "nan_for_number",
    ),
    "the last element": ("gelu", {}, 0, last_unwritten, "got 0.0, want inf"),
    "a lost tail": ("gelu", {}, 0, far_tail_lost, "got -?0.0, want -"),
    "an ignored parameter": ("elu", {"alpha": 0.25}, 0, on_torch("elu"), "error .* a"),
    "the corner": ("relu", {}, 1, abs_at_the_kink, r"at x=-?0.0 .*got 0.5, want 0.0"),
    "the wrong axis": ("softmax", {}, 0, other_axis, "error .* above"),
    "an ignored weight": ("prelu", {}, 0, no_weight, "error .* above"),
    "another dtype": (
        "tanh",
        {},
        0,
        lambda x: x.double().tanh(),
        "TypeError: the output is float64, but the input float32",
    ),
    "another shape": ("tanh", {}, 0, lambda x: x.tanh()[1:], "TypeError: the output has shape"),
    "out of range": (
        "sigmoid",
        {},
        0,
        lambda x: torch.where(x > 30.0, 1.0 + 2.0**-23, on_torch("sigmoid")(x)),
        "out_of_range",
    ),
    "an infinity": (
        "mish",
        {},
        0,
        lambda x: torch.where(x > 1e30, torch.inf, on_torch("mish")(x)),
        "finiteness",
    ),
}


def judged(monkeypatch, name, parameters, order, function):
    if function is not None:
        monkeypatch.setattr(ua, "get_activation", lambda *_, **__: function)
    case = Case(Subject(name, tuple(parameters.items())), "torch", "float32", order)
    (result,) = runner.run([case], numerics="strict", quick=True)
    return result


@pytest.mark.parametrize("fault", MUTANTS)
def test_is_rejected(monkeypatch, fault):
    name, parameters, order, function, message = MUTANTS[fault]
    assert judged(monkeypatch, name, parameters, order, None).problem == ""
    result = judged(monkeypatch, name, parameters, order, function)
    assert not result.passed
    assert re.search(message, result.problem), result.problem
