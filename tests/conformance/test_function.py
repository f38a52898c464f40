"""The suite in one call, on functions that nobody registered."""

from __future__ import annotations

import doctest
from functools import partial

import numpy as np
import pytest
import torch

import unified_act as ua
from unified_act_conformance import api, check_function
from unified_act_conformance.function import judged_function
from unified_act_conformance.subject.cases import Subject

FINITE = (-1e308, 1e308)


def naive_swish(x):
    return x / (1 + torch.exp(-x))


def swish(x, *, beta=1.0):
    wide = x.float() if x.dtype.itemsize == 2 else x
    return (wide * torch.sigmoid(wide * beta)).to(x.dtype)


def exact_swish(xp, x, *, beta=1.0):
    return x / (1.0 + xp.exp(-x * beta))


def softened(x):
    """Swish in NumPy, which works in double precision; and its gradient."""
    wide = x.astype(np.float64)
    return (wide / (1.0 + np.exp(-wide))).astype(x.dtype)


def softened_gradient(x, cotangent):
    wide = x.astype(np.float64)
    share = 1.0 / (1.0 + np.exp(-wide))
    return (cotangent * (share + wide * share * (1.0 - share))).astype(x.dtype)


def bent(xp, x):
    return xp.where(x >= 0.0, x, 0.25 * x)


def statuses(results, order):
    return {r.status for r in results if hasattr(r, "case") and r.case.order == order}


def test_a_right_function_passes_in_every_type() -> None:
    results = check_function(swish, oracle=exact_swish, backend="torch", domain=FINITE)
    cases = [result for result in results if hasattr(result, "case")]
    assert {(case.case.dtype, case.case.order) for case in cases} == {
        (dtype, order)
        for dtype in ("float16", "bfloat16", "float32", "float64")
        for order in range(3)
    }
    assert {result.status for result in results} == {"passed"}


def test_a_naive_function_fails_at_the_infinity_and_far_out() -> None:
    judge = {"oracle": exact_swish, "backend": "torch", "dtypes": ["float32"]}
    with pytest.raises(AssertionError) as raised:
        check_function(naive_swish, **judge)
    text = str(raised.value)
    assert "test_function:naive_swish on torch, float32, value" in text
    assert "at x=-inf (-inf): got nan, want -0.0; 1 of " in text
    assert "the budgets of the tier composed" in text
    with pytest.raises(AssertionError, match=r"gradient: .* at x=-88\.9.* got nan"):
        check_function(naive_swish, domain=FINITE, **judge)
    check_function(naive_swish, domain=(-40, 40), **judge)
    check_function(naive_swish, domain=FINITE, orders=[0], **judge)


def test_the_example_of_the_docstring() -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(check_function, globs=vars(api).copy())
    assert doctest.DocTestRunner().run(example) == doctest.TestResults(failed=0, attempted=6)


def test_parameters_are_passed_to_both() -> None:
    judge = {"backend": "torch", "dtypes": ["float32"], "domain": (-1e30, 1e30)}
    check_function(swish, oracle=exact_swish, beta=2.0, **judge)
    with pytest.raises(AssertionError, match=r"<lambda>\(beta=2.0\) on torch"):
        check_function(lambda x, beta: swish(x), oracle=exact_swish, beta=2.0, **judge)


def test_parameters_are_passed_to_a_gradient_too() -> None:
    judge = {"oracle": "leaky_relu", "backend": "numpy", "dtypes": ["float32"]}
    results = check_function(
        lambda x, negative_slope: np.where(x > 0, x, x * x.dtype.type(negative_slope)),
        gradient=lambda x, cotangent, negative_slope: (
            cotangent * np.where(x > 0, 1, negative_slope).astype(x.dtype)
        ),
        negative_slope=0.25,
        **judge,
    )
    assert statuses(results, 1) == {"passed"}


def test_an_activation_is_an_oracle_with_its_own_budgets() -> None:
    judge = {"backend": "torch", "dtypes": ["float32"]}
    check_function(torch.nn.SiLU(), oracle="silu", dtypes=["float32"], domain=FINITE)
    check_function(torch.nn.functional.elu, oracle="elu", alpha=0.5, **judge)
    check_function(torch.nn.ELU(0.5), oracle=ua.get_activation("elu", alpha=0.5), **judge)
    with pytest.raises(AssertionError, match=r"ELU as elu\(alpha=0.25\) on torch, float32"):
        check_function(torch.nn.ELU(0.5), oracle="elu(alpha=0.25)", **judge)
    with pytest.raises(AssertionError, match="above 0 at"):  # not that of the tier composed
        check_function(lambda x: torch.relu(x) * (1 + 2**-23), oracle="relu", **judge)


def test_as_an_activation_it_may_act_along_an_axis() -> None:
    judge = {"oracle": "softmax", "backend": "torch", "dtypes": ["float32"], "orders": [0, 1]}
    check_function(lambda x: torch.softmax(x, -1), **judge)
    with pytest.raises(AssertionError, match="as softmax on torch, float32, value"):
        check_function(lambda x: torch.softmax(x, 0), **judge)


def test_a_gradient_at_a_kink_is_that_of_the_oracle_unless_it_is_left_out() -> None:
    def leaky(x):
        return torch.nn.functional.leaky_relu(x, 0.25)  # whose slope at 0 is 0.25

    judge = {"oracle": bent, "backend": "torch", "dtypes": ["float32"]}
    with pytest.raises(AssertionError, match=r"gradient: .* at x=-?0\.0 .* got 0.25, want 1.0"):
        check_function(leaky, **judge)
    check_function(leaky, kinks=[0.0], **judge)
    with pytest.raises(AssertionError, match="gradient"):  # nothing is kept from the call before
        check_function(leaky, **judge)


def test_on_numpy_only_values_are_judged_unless_there_is_a_gradient() -> None:
    judge = {"oracle": exact_swish, "backend": "numpy", "dtypes": ["float32"], "domain": FINITE}
    results = check_function(softened, **judge)
    assert statuses(results, 0) == {"passed"}
    assert statuses(results, 1) == statuses(results, 2) == {"unsupported"}
    with pytest.raises(AssertionError, match=r"only the values of .*:<lambda> are judged"):
        check_function(lambda x: x.copy(), **judge)


def test_a_gradient_of_ones_own_is_judged() -> None:
    judge = {
        "oracle": exact_swish,
        "backend": "numpy",
        "dtypes": ["float32"],
        "domain": (-600, 600),
    }
    results = check_function(softened, gradient=softened_gradient, **judge)
    assert statuses(results, 1) == {"passed"}
    assert statuses(results, 2) == {"unsupported"}
    with pytest.raises(AssertionError, match=r"gradient: .* got 1\.9.*, want 0\.9"):
        check_function(
            softened, gradient=lambda x, cotangent: softened_gradient(x, cotangent) * 2, **judge
        )
    with pytest.raises(AssertionError, match="cotangents"):
        check_function(
            softened,
            gradient=lambda x, cotangent: softened_gradient(x, np.abs(cotangent)),
            **judge,
        )


def test_outside_the_domain_the_oracle_need_not_be_defined() -> None:
    judge = {"oracle": lambda xp, x: xp.log(x), "backend": "torch", "dtypes": ["float32"]}
    check_function(torch.log, domain=(1e-30, 1e30), **judge)
    with pytest.raises(AssertionError, match=r"no exact value at x=-.* Give a domain without"):
        check_function(torch.log, domain=(-1.0, 1e30), **judge)


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return swish(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        share = torch.sigmoid(x)
        return cotangent * (share + x * share * (1.0 - share))


def test_a_function_with_its_own_backward_pass() -> None:
    """PyTorch takes its second derivative for 0; whoever needs none does not ask for it."""
    judge = {"backend": "torch", "dtypes": ["float32"], "domain": (-80, 1e30)}
    check_function(Once.apply, oracle=exact_swish, orders=[0, 1], **judge)
    with pytest.raises(AssertionError, match=r":Once\.apply .* second derivative is zero"):
        check_function(Once.apply, oracle=exact_swish, **judge)


def test_a_layer_is_judged_in_the_type_of_its_weights() -> None:
    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(2.0))

        def forward(self, x):
            return self.scale * x

    results = check_function(Scaled(), oracle=lambda xp, x: 2.0 * x)
    assert {r.case.dtype for r in results if hasattr(r, "case")} == {"float32"}


@pytest.mark.parametrize("backend", ["tensorflow", "mxnet"])
def test_other_frameworks(backend) -> None:
    ua.get_activation("relu", backend=backend)  # imports the framework as it needs to be
    if backend == "tensorflow":
        import keras

        function = keras.layers.Activation("tanh")
    else:
        import mxnet

        function = mxnet.gluon.nn.Activation("tanh")
    name = type(function).__qualname__
    judge = {"dtypes": ["float32"], "orders": [0]}
    check_function(function, oracle=lambda xp, x: xp.tanh(x), **judge)
    with pytest.raises(AssertionError, match=f":{name} on {backend}, float32, value"):
        check_function(function, oracle=lambda xp, x: xp.sigmoid(x), **judge)


@pytest.mark.exhaustive
def test_on_jax() -> None:
    import jax

    judge = {"dtypes": ["float32"], "orders": [0]}
    check_function(jax.nn.silu, oracle=exact_swish, domain=FINITE, **judge)
    with pytest.raises(AssertionError, match="on jax, float32, value"):
        check_function(jax.nn.relu, oracle=exact_swish, domain=FINITE, **judge)


def test_a_second_derivative_without_memory_of_its_own_is_read() -> None:
    """PyTorch gives that of abs as a tensor of zeros that is stored nowhere."""
    for dtype in ("float32", "bfloat16"):
        check_function(torch.abs, oracle=lambda xp, x: xp.abs(x), backend="torch", dtypes=[dtype])


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (np.tanh, "numpy:tanh"),
        (torch.nn.SiLU(), "torch.nn.modules.activation:SiLU"),
        (partial(swish, beta=2.0), f"{__name__}:swish"),
        (Once.apply, f"{__name__}:Once.apply"),
        (ua.get_activation("relu", backend="numpy"), "unified_act:relu"),
    ],
)
def test_a_function_is_called_by_its_module_and_name(function, name) -> None:
    with judged_function(function, "silu", backend="torch", parameters={}) as judged:
        assert str(judged.subject) == f"{name} as silu"


def test_nothing_stays_registered() -> None:
    before = ua.list_activations()
    judge = {"backend": "torch", "dtypes": ["float32"], "orders": [0]}
    check_function(torch.abs, oracle=lambda xp, x: xp.abs(x), **judge)
    with pytest.raises(AssertionError):
        check_function(torch.abs, oracle=bent, **judge)
    assert ua.list_activations() == before


def test_what_it_is_judged_as_is_the_same_whatever_it_is_called() -> None:
    assert Subject("silu", label="mine as silu") == Subject("silu")
    assert str(Subject("silu", label="mine as silu")) == "mine as silu"


def relu_by_if(xp, x):
    return x if x > 0 else 0.0 * x


def forgets_x(xp, x):
    return 1.0


@pytest.mark.parametrize(
    ("oracle", "message"),
    [
        (None, "nothing says what .*:swish should compute. Give an oracle: the name"),
        ("silo", "unknown activation 'silo'. Did you mean 'silu'?"),
        (lambda x: x, r"is called as oracle\(xp, x\), which it does not take: too many"),
        (lambda xp, x: xp.sigmid(x), "uses xp.sigmid, which xp lacks. Did you mean 'sigmoid'?"),
        (lambda xp, x: np.exp(x), "fails on the exact numbers .* the functions of xp: abs, "),
        (relu_by_if, r"write xp.where\(x > 0.0, a, b\)"),
        (forgets_x, "the oracle .*:forgets_x returns float, not a number"),
    ],
)
def test_an_oracle_that_is_none_is_refused(oracle, message) -> None:
    with pytest.raises((ValueError, ua.UnifiedActError), match=message):
        check_function(swish, oracle=oracle, backend="torch")


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ua.UnknownBackendError, match="does not show its framework"):
        check_function(swish, oracle="silu")
    with pytest.raises(ValueError, match="pass a function, or an instance"):
        check_function(torch.nn.SiLU, oracle="silu")
    with pytest.raises(ValueError, match="silu has its own kinks"):
        check_function(swish, oracle="silu", backend="torch", kinks=[0.0])
    with pytest.raises(ValueError, match="softmax is not elementwise"):
        check_function(swish, oracle="softmax", backend="torch", gradient=swish)
    with pytest.raises(ua.UnknownParameterError):
        check_function(swish, oracle="silu", backend="torch", gamma=1.0)
    with pytest.raises(ua.ParameterValueError, match="beta must be a number"):
        check_function(swish, oracle=exact_swish, backend="torch", beta="1")
