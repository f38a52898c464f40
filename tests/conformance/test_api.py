"""The suite in one call, on activations that somebody registered."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from flint import arb

import unified_act as ua
from unified_act.expression import completed
from unified_act.registry import ACTIVATIONS
from unified_act_conformance import check_activation, check_backend
from unified_act_conformance.subject.cases import Subject
from unified_act_conformance.truth.exact import Defined, truth_of
from unified_act_conformance.truth.jets import Condition, jets, namespace
from unified_act_conformance.truth.records import list_subjects

ELEMENTWISE = [
    subject for subject in list_subjects() if ACTIVATIONS.find(subject.activation).kind.elementwise
]


def log_cosh(xp, x, *, scale):
    """log cosh(scale x), without overflow: a third party's activation."""
    size = xp.abs(x * scale)
    return size + xp.log1p(xp.exp(size * -2.0)) - math.log(2.0)


def register(name="log_cosh", forward=log_cosh, **facts):
    """As `register_activation` does, but for its own checks: the suite has to find the faults."""
    parameters = [ua.Parameter("scale", 1.0)]
    spec = ua.Activation(name=name, forward=forward, parameters=parameters, **facts)
    ACTIVATIONS.add(completed(spec))


def test_what_the_catalogue_has_conforms() -> None:
    results = check_activation(
        "softsign", backends=["numpy", "torch"], dtypes=["float32"], numerics="strict"
    )
    assert len(results) == 2 * (3 + 10) + 2  # derivatives and checks, and two modes of PyTorch's
    assert {result.status for result in results} == {"passed", "unsupported"}


def test_an_activation_function_brings_its_own_choices() -> None:
    elu = ua.get_activation("elu", alpha=0.25, backend="numpy", numerics="strict")
    results = check_activation(elu, dtypes=["float16"])
    subjects = {str(getattr(result, "case", result).subject) for result in results}
    assert subjects == {"elu(alpha=0.25)"}


@pytest.mark.parametrize("along_axis", [False, True])
def test_what_is_registered_anew_is_judged_anew(monkeypatch, along_axis) -> None:
    """By its own definition, and not by what is kept of the one before."""

    def squared(xp, x, *, scale):
        return x * x * scale

    def shifted(xp, x, *, scale):
        return x * scale + 3.0

    def of_rows(xp, x, *, scale, axis):
        return x * scale - xp.max(x, axis=axis)

    def of_other_rows(xp, x, *, scale, axis):
        return xp.max(x, axis=axis) - x * scale

    forwards = (of_rows, of_other_rows) if along_axis else (squared, shifted)
    kind = "axis" if along_axis else "elementwise"
    for forward in forwards:
        with monkeypatch.context() as patch:
            patch.setattr(ACTIVATIONS, "_by_key", dict(ACTIVATIONS._complete()))
            parameters = [ua.Parameter("scale", 1.0), *([ua.Parameter("axis", -1)] * along_axis)]
            ACTIVATIONS.add(
                completed(
                    ua.Activation(name="own", forward=forward, parameters=parameters, kind=kind)
                )
            )
            check_activation("own", backends=["numpy"], dtypes=["float32"])


def test_a_function_of_ones_own_is_told_what_it_is() -> None:
    def gelu(x):
        return torch.nn.functional.gelu(x, approximate="tanh")

    with pytest.raises(AssertionError, match="matches gelu_tanh"):
        check_activation("gelu", function=gelu, backends=["torch"], dtypes=["float32"])


def test_a_good_function_of_ones_own_passes() -> None:
    check_activation(
        "hard_tanh", function=torch.nn.functional.hardtanh, backends=["torch"], dtypes=["float32"]
    )


def test_a_function_of_numpy_has_no_gradient_to_judge() -> None:
    results = check_activation(
        "identity", function=lambda x: x.copy(), backends=["numpy"], dtypes=["float32"]
    )
    by_order = {r.case.order: r.status for r in results if hasattr(r, "case")}
    assert by_order == {0: "passed", 1: "unsupported", 2: "unsupported"}


def test_a_plugin_is_judged_by_its_own_definition() -> None:
    register()
    results = check_activation(
        "log_cosh", backends=["numpy", "torch"], dtypes=["float32"], domain=(0.25, 60.0)
    )
    assert any(result.status == "passed" for result in results)
    gradients = [r for r in results if hasattr(r, "case") and r.case.order == 1]
    assert {r.case.backend: r.status for r in gradients} == {"numpy": "passed", "torch": "passed"}


def test_a_plugin_with_a_wrong_derivative_fails() -> None:
    register(derivative=lambda xp, x, *, scale: xp.tanh(x * scale))  # forgets the factor
    with pytest.raises(AssertionError, match="wrong only in the gradient and with scale"):
        check_activation("log_cosh", backends=["numpy"], dtypes=["float64"], domain=(0.25, 60.0))
    with pytest.raises(AssertionError, match="float64, gradient"):
        check_activation(
            "log_cosh", backends=["numpy"], dtypes=["float64"], domain=(0.25, 60.0), scale=0.5
        )


def test_a_definition_that_cancels_fails() -> None:
    register(forward=lambda xp, x, *, scale: xp.log((xp.exp(x * scale) + xp.exp(x * -scale)) / 2.0))
    with pytest.raises(AssertionError, match="value"):
        check_activation("log_cosh", backends=["numpy"], dtypes=["float32"])


def test_an_explicit_oracle_overrules_the_definition() -> None:
    register()
    with pytest.raises(AssertionError, match="value"):
        check_activation(
            "log_cosh",
            oracle=lambda xp, x, *, scale: xp.log(xp.exp(x * scale) + xp.exp(x * -scale)),
            backends=["numpy"],
            dtypes=["float32"],
            domain=(0.25, 60.0),
        )


def test_an_oracle_that_leaves_the_namespace_is_told_so() -> None:
    register(oracle=lambda xp, x, *, scale: 1.0)
    with pytest.raises(AssertionError, match="left the namespace"):
        check_activation("log_cosh", backends=["numpy"], dtypes=["float32"])


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one framework"):
        check_activation("relu", function=abs)
    with pytest.raises(ValueError, match="name of an activation"):
        check_activation(abs)
    with pytest.raises(ua.UnknownActivationError):
        check_activation("geluu")
    with pytest.raises(ua.UnknownBackendError):
        check_backend("jaxx")
    with pytest.raises(ValueError, match="nothing to judge"):
        check_activation("relu", backends=["numpy"], dtypes=["float8"])


def test_a_backend_in_one_call() -> None:
    results = check_backend(
        "numpy", activations=["relu", "tanh"], dtypes=["float32"], numerics="strict"
    )
    assert {result.status for result in results} == {"passed", "unsupported"}


def taylor(formula, point: float) -> list[float]:
    with jets(200) as jet_at:
        result = formula(jet_at(arb(point)))
        return [float(result.derivative(order)) for order in range(4)]


@pytest.mark.parametrize("point", [-2.5, -0.3, 0.7, 3.0])
def test_jets_are_taylor_series(point: float) -> None:
    t = math.tanh(point)
    slope = 1 - t * t
    expected = [t, slope, -2 * t * slope, (6 * t * t - 2) * slope]
    assert taylor(namespace.tanh, point) == pytest.approx(expected)
    quotient = taylor(lambda x: namespace.expm1(x * 2.0) / (namespace.exp(x * 2.0) + 1.0), point)
    assert quotient == pytest.approx(expected)
    by_sigmoid = taylor(lambda x: 2.0 * namespace.sigmoid(x * 2.0) - 1.0, point)
    assert by_sigmoid == pytest.approx(expected)


def test_jets_take_the_branch_and_its_derivatives() -> None:
    assert taylor(namespace.abs, -2.0) == [2.0, -1.0, 0.0, 0.0]
    assert taylor(namespace.abs, 0.0) == [0.0, 0.0, 0.0, 0.0]
    assert taylor(lambda x: namespace.where(x > 1.0, x * x, 0.0), 3.0) == [9.0, 6.0, 2.0, 0.0]
    assert taylor(lambda x: namespace.stop_gradient(x) * x, 3.0) == [9.0, 3.0, 0.0, 0.0]
    assert taylor(lambda x: namespace.where((x > 0.0) & ~(x > 5.0), x, -x), 6.0)[0] == -6.0


def test_the_branch_not_taken_may_be_undefined() -> None:
    assert taylor(lambda x: namespace.where(x > 0.0, namespace.log(x), x), -1.0)[0] == -1.0
    assert taylor(lambda x: namespace.where(x == 0.0, x + 1.0, 1.0 / x), 0.0)[0] == 1.0


def test_undecided_conditions_stay_undecided() -> None:
    assert Condition(None).__and__(Condition(False)).value is False
    assert (Condition(None) | Condition(True)).value is True
    assert (Condition(None) & Condition(True)).value is None
    assert (~Condition(None)).value is None


@pytest.mark.parametrize("subject", ELEMENTWISE, ids=str)
def test_definitions_and_formulas_agree(subject: Subject) -> None:
    """The catalogue's own definitions, evaluated exactly, are the independent formulas.

    Also where a definition compares a number with itself, as `abs` does at 0.
    """
    x = np.array([-30.0, -3.7, -1.0, -1e-3, -0.0, 0.0, 1e-300, 0.5, 1.0, 2.0, 3.0, 25.0])
    known = truth_of(subject)
    activation = ACTIVATIONS.find(subject.activation)
    parameters = activation.bind(dict(subject.parameters))
    defined = Defined(activation, tuple(parameters.items()), activation.forward)
    for order in range(3):
        at = x[~np.isin(x, known.kinks)] if order == 2 else x
        # What is nothing in every dtype beside the rest, a definition may leave out.
        np.testing.assert_allclose(
            defined.evaluate(order, at).high,
            known.evaluate(order, at).high,
            rtol=1e-12,
            atol=1e-240,
        )


@pytest.mark.parametrize(
    ("forward", "wanted"),
    [
        (lambda xp, x, *, scale: xp.abs(x) * xp.abs(x), [0.0, 2.0]),
        (lambda xp, x, *, scale: xp.exp(-xp.abs(x)), [0.0, 0.0]),  # the slope jumps: as abs has it
        (lambda xp, x, *, scale: x * xp.exp(-xp.abs(x)), [1.0, 0.0]),
    ],
)
def test_beside_a_comparison_of_equals_both_sides_are_asked(forward, wanted) -> None:
    register(forward=forward)
    truth = truth_of(Subject("log_cosh"))
    found = [truth.evaluate(order, np.array([0.0])).high.item() for order in (1, 2)]
    assert found == wanted


def test_declared_limits_and_kinks_are_used() -> None:
    register(
        forward=lambda xp, x, *, scale: xp.where(x > 0.0, x * scale, 0.0 * x),
        kinks=lambda scale: (ua.Kink(0.0, 0.5),),
        limits=lambda scale: ua.Limits((0.0, math.inf), (0.0, scale)),
    )
    truth = truth_of(Subject("log_cosh"))
    assert truth.kinks == (0.0,)
    assert truth.evaluate(1, np.array([0.0, 1.0])).high.tolist() == [0.5, 1.0]
    assert truth.evaluate(0, np.array([-np.inf, np.inf, np.nan])).high[:2].tolist() == [0.0, np.inf]
    assert truth.condition(0, np.array([0.0, 2.0, np.inf])).tolist() == [0.0, 1.0, 0.0]
