"""What frameworks export says the numbers of an activation, and leaves none to the reader."""

import onnx
import pytest

from tests.frameworks.onnx_features import MODELS, OPSETS
from unified_act.dialects import find_dialect

OPERATORS = {name for cell in find_dialect("onnx").cells for name in cell.names}
"""All that are activations."""

WITH_NUMBERS = ("celu", "elu", "gelu", "gelu_tanh", "hard_sigmoid", "leaky_relu", "log_softmax")
WITH_NUMBERS += ("hardmax", "selu", "shrink", "soft_shrink", "softmax")

SELU = {("Selu", "alpha"), ("Selu", "gamma")}
LEFT_OUT = {
    ("torch", 13): {*SELU, ("HardSigmoid", "beta")},
    ("torch", 17): {*SELU, ("HardSigmoid", "beta")},
    ("torch", 25): SELU,
}
"""What PyTorch's exporters never write. The defaults are the right numbers."""


@pytest.mark.quick(lambda framework, opset: opset == max(OPSETS[framework]))
@pytest.mark.parametrize(
    ("framework", "opset"), [(framework, n) for framework, opsets in OPSETS.items() for n in opsets]
)
@pytest.mark.filterwarnings("default")  # frameworks warn of themselves: of exports, of tracing
def test_attributes_are_explicit(framework, opset):
    export, _ = MODELS[framework]
    model = onnx.load_model_from_string(export([(name, "fast") for name in WITH_NUMBERS], opset))
    assert [entry.version for entry in model.opset_import if not entry.domain] == [opset]
    nodes = [node for node in model.graph.node if node.op_type in OPERATORS]
    missing = {
        (node.op_type, name)
        for node in nodes
        for name, attribute in onnx.defs.get_schema(node.op_type, opset).attributes.items()
        if attribute.default_value.name and name not in {given.name for given in node.attribute}
    }
    given = {(node.op_type, attribute.name) for node in nodes for attribute in node.attribute}
    assert ("LeakyRelu", "alpha") in given
    assert missing == LEFT_OUT.get((framework, opset), set())
