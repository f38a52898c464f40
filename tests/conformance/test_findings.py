"""Pointed at the frameworks' own kernels, the suite finds by itself what is wrong with them."""

import pytest

from unified_act_conformance.judge.runner import run
from unified_act_conformance.subject.cases import Case, Subject
from unified_act_conformance.subject.implementation import native_kernel

# Activation, backend, dtype, order, profile, and what the finding says.
FINDINGS = [
    ("gelu", "torch", "float32", 0, "strict", "error"),  # the tail that 1 + erf loses
    ("gelu", "torch", "bfloat16", 0, "fast", "nan_for_number"),  # at both infinities
    ("gelu_tanh", "torch", "bfloat16", 1, "fast", "nan_for_number"),
    ("gelu_tanh", "tensorflow", "float16", 1, "fast", "nan_for_number"),
    ("elu", "tensorflow", "float32", 2, "fast", "got 0.0, want 1.0"),
    ("selu", "mxnet", "float32", 1, "fast", "wrong_sign"),
    ("softplus", "mxnet", "float32", 0, "fast", "wrong_sign"),
    ("gelu", "tensorflow", "float64", 0, "fast", "accurate to float32 only"),
    ("gelu", "mxnet", "float64", 0, "fast", "nan_for_number"),
    ("leaky_relu", "mxnet", "float64", 0, "fast", "accurate to float32 only"),
    ("hard_sigmoid", "torch", "float64", 1, "fast", "accurate to float32 only"),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "backend", "dtype", "order", "numerics", "says"), FINDINGS)
def test_is_found(name, backend, dtype, order, numerics, says):
    case = Case(Subject(name), backend, dtype, order)
    (result,) = run([case], numerics=numerics, quick=True, implement=native_kernel)
    assert result.status == "failed"
    assert says in result.problem


def test_the_tail_of_gelu_is_lost_by_millions_of_ulp():
    case = Case(Subject("gelu"), "torch", "float32", 0)
    (result,) = run(
        [case], numerics="strict", quick=True, implement=native_kernel, domain=(-13.0, -5.7)
    )
    assert result.judgement is not None
    assert result.judgement.max_distance > 1e6
