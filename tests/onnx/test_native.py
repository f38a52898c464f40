"""Which of ONNX's operators are used: exactly those that are right, but at infinity."""

import math

import numpy as np
import pytest
from onnx import defs
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidGraph
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NotImplementedInRuntime

from tests.onnx.runtime import COUNT, NEWEST, SUBJECTS, judged, model_of
from unified_act.backend import DTYPES
from unified_act.onnx.native import ADMITTED, Admission, operator_for
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.inputs import FULL_COUNT
from unified_act_conformance.subject.cases import Subject

OPSETS = (13, 17, 18, 20, 22, 24, NEWEST)
BY_ITS_ROUNDING = {("gelu_tanh", "float32"), ("softsign", "float32"), ("tanh", "float32")}
"""Wrong by the last bit of some step, which depends on the processor's vector instructions: what is
seen with AVX-512 need not be seen elsewhere."""


def operator(subject, dtype, opset):
    spec = ACTIVATIONS.find(subject.activation)
    return operator_for(spec, spec.bind(dict(subject.parameters)), dtype, opset)


WITH_OPERATOR = [
    subject for subject in SUBJECTS if any(operator(subject, dtype, NEWEST) for dtype in DTYPES)
]


def problem_of(subject, opset, dtype, off_at):
    """What is wrong with the operator; empty if nothing is."""

    def choose(x):
        return ~np.isin(x, off_at)

    count = FULL_COUNT if dtype in ("float32", "float64") else COUNT
    try:
        found = judged(subject, dtype, "fast", choose, count=count, opset=opset)
    except (InvalidGraph, NotImplementedInRuntime) as error:
        return str(error)
    return "" if found.passed else f"error {found.max_error} at {found.worst_x}"


def test_every_activation_with_an_operator_is_decided_about():
    assert set(ADMITTED) == {subject.activation for subject in WITH_OPERATOR}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ADMITTED)
def test_admitted_is_what_passes(monkeypatch, name, dtype):
    admitted = ADMITTED[name]
    monkeypatch.setitem(ADMITTED, name, Admission((dtype,)))
    cases = [
        (subject, opset)
        for subject in WITH_OPERATOR
        if subject.activation == name
        for opset in OPSETS
        if operator(subject, dtype, opset)
    ]
    excluded = [case for case in cases if admitted.unless.items() & set(case[0].parameters)]
    if dtype in admitted.dtypes:
        assert all(problem_of(*case, dtype, ()) for case in excluded)
    cases = [case for case in cases if case not in excluded]
    problems = [problem_of(*case, dtype, admitted.off_at) for case in cases]
    if dtype in admitted.dtypes:
        assert problems, "it is never used"
        assert not any(problems), problems
    elif cases:
        assert any(problems) or (name, dtype) in BY_ITS_ROUNDING
        assert admitted.why


@pytest.mark.parametrize("name", ADMITTED)
def test_what_is_off_is_said_and_infinite(name):
    admitted = ADMITTED[name]
    assert all(map(math.isinf, admitted.off_at))
    assert ("NaN" in admitted.why) >= bool(admitted.off_at)


@pytest.mark.parametrize("numerics", ["fast", "strict"])
@pytest.mark.parametrize("opset", OPSETS)
def test_every_attribute_is_there(opset, numerics):
    """No reader has to know a default, which may be another in another opset."""
    for subject in SUBJECTS:
        for dtype in ("bfloat16", "float32"):
            for node in model_of(subject, dtype=dtype, opset=opset, numerics=numerics).graph.node:
                declared = defs.get_schema(node.op_type, opset).attributes
                wanted = {n for n, a in declared.items() if a.required or a.default_value.name}
                assert wanted <= {attribute.name for attribute in node.attribute}


@pytest.mark.parametrize("subject", WITH_OPERATOR, ids=str)
def test_the_dialect_and_not_the_standard_says_what_they_are(subject):
    for opset in OPSETS:
        found = operator(subject, "float32", opset)
        if found is not None:
            declared = defs.get_schema(found.name, opset).attributes
            assert set(found.attributes) == set(declared)


@pytest.mark.parametrize(
    ("name", "opset", "operators"),
    [
        ("mish", 18, ["Mish"]),
        ("gelu", 20, ["Gelu"]),
        ("hard_silu", 14, ["HardSwish"]),
        ("relu6", 13, ["Clip"]),
        ("selu", 13, ["Selu"]),
        ("softmax", 13, ["Softmax"]),
        ("prelu", 13, ["Reshape", "PRelu"]),
        ("identity", 13, ["Identity"]),
    ],
)
def test_an_operator_is_used_from_its_opset_on(name, opset, operators):
    def nodes(**options):
        return [node.op_type for node in model_of(Subject(name), **options).graph.node]

    assert nodes(opset=opset) == operators
    assert nodes(opset=NEWEST) == operators
    if opset > 13:
        assert len(nodes(opset=opset - 1)) > len(operators)
    assert operators[-1] not in nodes(opset=opset, numerics="strict") or name == "identity"
