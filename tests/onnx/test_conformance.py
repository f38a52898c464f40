"""Every activation as a model, run by ONNX Runtime and judged by the oracle."""

import numpy as np
import pytest

from tests.onnx.runtime import OPSETS, SUBJECTS, judged, run_reference
from unified_act.backend import DTYPES
from unified_act.onnx import build
from unified_act.onnx.native import ADMITTED
from unified_act.registry import ACTIVATIONS

LOSES_A_SIGN = {
    *("celu", "celu(alpha=0.3)", "clipped_gelu", "elu", "elu(alpha=0.3)", "gelu", "gelu_tanh"),
    *("elu(alpha=0.25)", "hard_mish", "quick_gelu", "selu", "silu", "silu(beta=1.702)"),
    *("clipped_leaky_relu(max_value=0.75)", "selu(alpha=0.3, scale=0.7)"),
    *("selu(alpha=2.0, scale=3.0)", "shifted_softplus", "silut", "silut(threshold=5.0)"),
    "silut(threshold=30.0)",
    "tanh_shrink",
}
"""In strict a `where` takes a -0 from its first branch there; ONNX Runtime's Where makes it 0."""


FEWEST = 50


def everything(about):
    return np.ones(about.shape, dtype=np.bool_)


def off_at(subject, dtype, opset):
    """Where the operator that is used in `fast` is known not to be right."""
    spec, admitted = ACTIVATIONS.find(subject.activation), ADMITTED.get(subject.activation)
    if admitted is None:
        return ()
    parameters = spec.bind(dict(subject.parameters))
    _, operator = build._choose(spec, parameters, dtype, "fast", opset)
    return () if operator is None else admitted.off_at


@pytest.mark.quick(lambda dtype: dtype == "float32")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_the_runtime_agrees_with_the_oracle(subject, dtype):
    for opset in OPSETS:
        off = off_at(subject, dtype, opset)
        found = judged(subject, dtype, "fast", lambda x, off=off: ~np.isin(x, off), opset=opset)
        assert found.passed, found
        assert found.count > FEWEST
        for place in off:  # and there it still does not
            assert np.isinf(place)
            there = judged(subject, dtype, "fast", lambda x, at=place: x == at, opset=opset)
            assert there.count == there.failures == 1
        found = judged(subject, dtype, "strict", everything, opset=opset)
        signs = found.classes["signed_zero"]
        assert found.failures == signs, found
        assert (signs > 0) == (str(subject) in LOSES_A_SIGN)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    "subject", [subject for subject in SUBJECTS if str(subject) in LOSES_A_SIGN], ids=str
)
def test_the_sign_of_a_zero_is_lost_by_the_runtime_and_not_by_the_model(subject, dtype):
    for opset in OPSETS:
        found = judged(subject, dtype, "strict", everything, evaluate=run_reference, opset=opset)
        assert found.passed, found
