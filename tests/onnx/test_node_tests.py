"""ONNX's own tests of nodes, as the installed package has them, with our activations in place.

Each has the node, its inputs and what has to come out. Nothing of them is written here: only which
attributes and inputs become what, and which cases ask for something else than an activation.
"""

import functools
import importlib

import numpy as np
import onnx
import pytest
from ml_dtypes import bfloat16

import unified_act as ua
from unified_act.dialects import find_dialect
from unified_act_conformance.harness import load_harness

BACKENDS = ["jax", "mxnet", "numpy", "tensorflow", "torch"]
QUICK = ("numpy", "torch")
NO_TEST = {"Affine", "ScaledTanh"}
"""They are functions of ONNX's recurrent nodes and no nodes."""
OPS = sorted({name for cell in find_dialect("onnx").cells for name in cell.spellings} - NO_TEST)
BOUND = "unified_act has no activation with a bound on one side only"
REFUSED = {
    "test_clip_default_min": BOUND,
    "test_clip_default_max": BOUND,
    "test_clip_default_inbounds": BOUND,
    "test_clip_min_greater_than_max": "min_value must be less than max_value",
}
"""Those for which there is no activation, and what the error says."""


@functools.cache
def cases():
    """By name, the cases of one node, whose type is in `OPS`, for floats."""
    state = np.random.get_state()  # they draw their inputs from it
    np.random.seed(0)
    try:
        with np.errstate(all="ignore"):
            for op in OPS:
                importlib.import_module(f"onnx.backend.test.case.node.{op.lower()}")
            found = importlib.import_module("onnx.backend.test.case.node")._NodeTestCases
    finally:
        np.random.set_state(state)
    return {case.name: case for case in found if is_ours(case)}


def is_ours(case):
    (x, *_), _ = case.data_sets[0]
    nodes = case.model.graph.node
    return (
        len(nodes) == 1
        and nodes[0].op_type in OPS
        and not case.name.endswith("_expanded")  # the same, made of other nodes
        and getattr(x, "dtype", None) in (np.float16, bfloat16, np.float32, np.float64)
    )


def attributes(case):
    """Those of the node, and the inputs that are single numbers, which are attributes of ours."""
    node = case.model.graph.node[0]
    found = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    found = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()
    }
    inputs = case.data_sets[0][0]
    if node.op_type == "Clip":
        names = [name for name in node.input[1:] if name]
        found |= {name: float(value) for name, value in zip(names, inputs[1:], strict=True)}
    return found


def function_of(case, backend):
    node, (opset,) = case.model.graph.node[0], case.model.opset_import
    if node.op_type == "SwiGLU":  # it has two inputs, which ours takes in one
        steepness = attributes(case).get("alpha", 1.0)
        if steepness == 1.0:
            return ua.get_activation("swiglu", backend=backend, gate_first=True)
        never = {"limit": 1e30, "offset": 0.0}
        return ua.get_activation("clamped_swiglu", backend=backend, alpha=steepness, **never)
    dialect = f"onnx:{opset.version}"
    return ua.get_activation(node.op_type, backend=backend, dialect=dialect, **attributes(case))


def test_they_are_all_there():
    """Every type of node that the dialect knows has a case, and every exception is one."""
    assert {case.model.graph.node[0].op_type for case in cases().values()} == set(OPS)
    assert set(REFUSED) <= set(cases())


@pytest.mark.quick(lambda backend: backend in QUICK)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", sorted(cases()))
def test_a_node(name, backend):
    case = cases()[name]
    if name in REFUSED:
        with pytest.raises(ua.UnifiedActError, match=REFUSED[name]):
            function_of(case, backend)
        return
    function, harness = function_of(case, backend), load_harness(backend)
    op = case.model.graph.node[0].op_type
    for given, (wanted,) in case.data_sets:
        inputs = given[:1] if op == "Clip" else given
        if op == "SwiGLU":
            inputs = [np.concatenate(inputs, axis=-1)]
        dtype = inputs[0].dtype.name
        if dtype not in ua.loading.load_backend(backend).dtypes:
            pytest.skip(f"{backend} has no {dtype}")
        found = harness.to_numpy(function(*(harness.to_native(x, dtype) for x in inputs)), dtype)
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_allclose(
            found.astype(np.float64), wanted.astype(np.float64), rtol=case.rtol, atol=case.atol
        )
