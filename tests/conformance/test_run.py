"""The conformance run itself: every activation on every backend, value and gradient, in fast."""

import itertools

import pytest

import unified_act as ua
from unified_act.loading import load_backend
from unified_act_conformance import runner
from unified_act_conformance.cases import list_cases, list_subjects

# Written out here: what is lost from the catalogue or the lists of cases must not go unnoticed.
BACKENDS = ["mxnet", "numpy", "tensorflow", "torch"]
DTYPES = ["float16", "bfloat16", "float32", "float64"]
NAMES = [
    *("celu", "elu", "gelu", "gelu_tanh", "hard_sigmoid", "hard_silu", "hard_tanh", "identity"),
    *("leaky_relu", "log_sigmoid", "log_softmax", "mish", "prelu", "quick_gelu", "relu", "relu6"),
    *("selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh"),
]
OTHER_PARAMETERS = [
    *("celu(alpha=0.5)", "elu(alpha=0.25)", "hard_sigmoid(alpha=0.2)"),
    *("hard_tanh(min_value=-2.0, max_value=0.5)", "leaky_relu(negative_slope=0.3)"),
    *("leaky_relu(negative_slope=-0.5)", "log_softmax(axis=0)", "prelu(axis=-1)"),
    *("silu(beta=1.702)", "softmax(axis=0)", "softplus(beta=5.0)"),
]
EVERY_16_BIT_INPUT = 65_536


def first_orders(subjects, backends):
    return [case for case in list_cases(subjects, backends) if case.order in (0, 1)]


def test_no_activation_is_left_out():
    assert ua.list_activations() == NAMES
    assert ua.list_backends() == BACKENDS
    assert {str(subject) for subject in list_subjects()} >= {*NAMES, *OTHER_PARAMETERS}


@pytest.mark.parametrize("subject", list_subjects(), ids=str)
def test_accuracy(subject):
    """In the order of the backends, so that exact values are computed once for all of them."""
    backends = {name: load_backend(name).dtypes for name in BACKENDS}
    assert all(sorted(dtypes) == sorted(DTYPES) for dtypes in backends.values())
    results = list(runner.run(first_orders([subject], backends)))
    problems = [f"{result.case}: {result.problem}" for result in results if not result.passed]
    assert not problems, "\n".join(problems)

    parts = [(0, "x"), (1, "x")] + [(1, "weight")] * (subject.activation == "prelu")
    expected = {
        (backend, dtype, order, part)
        for backend, dtype, (order, part) in itertools.product(BACKENDS, DTYPES, parts)
    }
    cases = [result.case for result in results]
    assert len(cases) == len(expected)
    assert {(c.backend, c.dtype, c.order, c.part) for c in cases} == expected
    elementwise = subject.activation in ua.list_activations(kind="elementwise")
    for result in results:
        assert result.judgement is not None
        declared = sum(judgement.count for _, judgement in result.deviations)
        judged = result.judgement.count + declared
        # Every 16-bit input is judged; at order 1 all but the NaN, where f′ is not specified.
        if elementwise and result.case.dtype in ("float16", "bfloat16"):
            assert judged > 0.95 * EVERY_16_BIT_INPUT
        elif elementwise:
            assert judged > 10_000
        else:
            assert judged > 0


def test_a_case_that_raises_is_a_failure(monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(ua, "get_activation", broken)
    subjects = list_subjects()[:1]
    results = list(runner.run(first_orders(subjects, {"numpy": ["float32"]}), quick=True))
    assert [result.passed for result in results] == [False, False]
    assert all(result.problem == "ZeroDivisionError: of all things" for result in results)


def test_no_backend_is_silently_left_out():
    cases = first_orders(list_subjects()[:1], {"nonsense": ["float32"]})
    with pytest.raises(ModuleNotFoundError, match="nonsense"):
        list(runner.run(cases))
