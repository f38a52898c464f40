"""Second derivatives: which frameworks have them, and that each case is judged or counted."""

from __future__ import annotations

import numpy as np
import pytest

import unified_act as ua
from unified_act.loading import load_backend
from unified_act_conformance import harness as harnesses
from unified_act_conformance.floats import widen
from unified_act_conformance.harness import NotOfferedError, load_harness
from unified_act_conformance.judge.runner import run
from unified_act_conformance.problems.pose import problems_for
from unified_act_conformance.subject.cases import Case, Subject, count_cases, list_cases
from unified_act_conformance.truth.records import list_subjects

BACKENDS = ("numpy", "torch", "tensorflow", "mxnet")
SMOOTH = ("tanh", "gelu", "mish", "softplus")


def test_order_2_of_every_activation_is_planned() -> None:
    cases = list_cases(list_subjects(), {"torch": ["float32"]})
    second = {case.subject.activation for case in cases if case.order == 2}
    assert second == set(ua.list_activations())


@pytest.mark.parametrize("orders", [(0,), (0, 1), (0, 1, 2), (2,)])
@pytest.mark.parametrize("names", [(), ("prelu",), ("softmax", "gelu")])
def test_the_number_of_cases_is_known_in_advance(names, orders) -> None:
    backends = {"numpy": ["float32", "float64"], "torch": ["float16"]}
    subjects = list_subjects(names)
    assert len(list_cases(subjects, backends, orders)) == count_cases(subjects, backends, orders)


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
@pytest.mark.parametrize("name", SMOOTH)
def test_strict_second_derivatives_are_right(backend: str, name: str) -> None:
    # Away from subnormal results, which TensorFlow flushes.
    (result,) = run(
        [Case(Subject(name), backend, "float32", 2)],
        numerics="strict",
        quick=True,
        domain=(-10.0, -0.01),
    )
    assert result.status == "passed", result.problem
    assert result.judgement is not None
    assert result.judgement.count > 300


@pytest.mark.parametrize("backend", BACKENDS)
def test_harnesses_agree_with_finite_differences(backend: str) -> None:
    harness = load_harness(backend)
    if 2 not in harness.orders("tanh", "float64", "fast"):
        with pytest.raises(NotOfferedError):
            harness.second_derivative(abs, np.zeros(1), np.ones(1))
        return
    x, step = np.linspace(-2.0, 2.0, 9), 2.0**-20
    tanh = ua.get_activation("tanh", backend=backend)
    native = harness.to_native(x, "float64")
    cotangent = harness.to_native(np.full(9, 2.0), "float64")
    found = harness.to_numpy(harness.second_derivative(tanh, native, cotangent), "float64")
    ahead, behind = (1.0 - np.tanh(x + s) ** 2 for s in (step, -step))
    np.testing.assert_allclose(found, 2.0 * (ahead - behind) / (2.0 * step), atol=1e-8)


def test_what_a_framework_cannot_do_is_counted_and_not_dropped() -> None:
    cases = list_cases([Subject("gelu")], {"numpy": ["float32"], "mxnet": ["float32"]})
    results = list(run(cases, quick=True))
    assert [result.case for result in results] == cases
    unsupported = [result for result in results if result.status == "unsupported"]
    assert [result.case.backend for result in unsupported] == ["numpy", "mxnet"]
    for result in unsupported:
        assert result.case.order == 2
        assert result.unsupported
        assert result.judgement is None


def test_a_kernel_without_a_second_derivative_is_counted_so() -> None:
    cases = [Case(Subject("hard_sigmoid"), "torch", dtype, 2) for dtype in ("float32", "float64")]
    native, shared = run(cases, quick=True)
    assert native.status == "unsupported"
    assert "not implemented" in native.unsupported
    assert shared.status == "passed"
    assert next(run(cases, numerics="strict", quick=True)).status == "passed"


def test_another_error_of_double_backward_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr("torch.autograd.grad", out_of_memory)
    (result,) = run([Case(Subject("tanh"), "torch", "float32", 2)], quick=True)
    assert result.problem == "RuntimeError: out of memory"


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh"])
def test_mxnet_differentiates_its_own_operators_twice(name: str) -> None:
    assert 2 in load_harness("mxnet").orders(name, "float32", "fast")
    assert 2 not in load_harness("mxnet").orders(name, "float32", "strict")
    (result,) = run([Case(Subject(name), "mxnet", "float32", 2)], quick=True)
    assert result.status == "passed", result.problem


def test_kinks_and_nan_are_not_judged() -> None:
    (problem,) = problems_for(Case(Subject("hard_silu"), "torch", "float32", 2), quick=True)
    x = widen(problem.inputs[0])
    left_out = x[~problem.judged]
    assert set(left_out[~np.isnan(left_out)]) == {-3.0, 3.0}
    assert np.isnan(left_out).sum() == 1
    next_to = np.nextafter(np.float32(3.0), np.float32(0.0))
    assert problem.judged[x == next_to].all()


def test_a_constant_gradient_has_the_derivative_zero() -> None:
    for backend in ("torch", "tensorflow"):
        harness = load_harness(backend)
        x = harness.to_native(np.array([-1.0, 2.0]), "float64")
        for name in ("identity", "relu", "hard_tanh"):
            function = ua.get_activation(name, backend=backend)
            found = harness.second_derivative(function, x, x)
            assert not harness.to_numpy(found, "float64").any(), (backend, name)


def test_a_harness_offers_nothing_by_itself() -> None:
    bare = harnesses.Harness()
    assert tuple(bare.orders("gelu", "float32", "fast")) == (0, 1)
    assert not bare.modes
    for call in (
        lambda: bare.second_derivative(abs, 1.0, 1.0),
        lambda: bare.jvp(abs, [1.0], [1.0]),
        lambda: bare.saved_elements(abs, 1.0),
    ):
        with pytest.raises(NotOfferedError):
            call()


def test_all_backends_have_a_harness_with_their_types() -> None:
    for backend in BACKENDS:
        harness = load_harness(backend)
        assert harness.version()
        for dtype in load_backend(backend).dtypes:
            values = problems_for(Case(Subject("relu"), backend, dtype, 0), quick=True)[0].inputs[0]
            there_and_back = harness.to_numpy(harness.to_native(values, dtype), dtype)
            assert there_and_back.tobytes() == values.tobytes()
