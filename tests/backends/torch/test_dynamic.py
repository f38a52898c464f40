"""torch.compile with dynamic=True: an activation may occur several times in one graph."""

import numpy as np
import pytest
import torch

import unified_act as ua
from tests.backends.arrays import every_name, every_numerics, inputs_for
from tests.specifications import REQUIRED

QUICK = (
    "geglu",
    "glu",
    "laplace",
    "masked_softmax",
    "selu",
    "snake_beta",
    "sqrt_softplus",
    "swiglu",
)
X = np.linspace(-2.0, 2.0, 48).reshape(6, 8)


@every_name
@every_numerics
@pytest.mark.quick(lambda name, numerics: numerics == "strict" and name in QUICK)
def test_twice_in_one_graph(name, numerics):
    function = ua.get_activation(REQUIRED.get(name, name), backend="torch", numerics=numerics)
    x, *further = inputs_for("torch", name, X, "float32", channels=8)

    def twice(x):
        return function(x, *further) + function(x * 2.0, *further)

    torch.compiler.reset()
    compiled = torch.compile(twice, backend="eager", dynamic=True, fullgraph=True)
    results = []
    for call in (compiled, twice):
        leaf = x.clone().requires_grad_()
        value = call(leaf)
        slope = torch.autograd.grad(value.sum(), leaf)[0] if value.requires_grad else value
        results.append((value.detach(), slope.detach()))
    for found, wanted in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_what_dynamo_meets_first_is_not_computed():
    graphs = []

    def backend(graph, inputs):
        from functorch.compile import make_boxed_func

        graphs.append(graph)
        return make_boxed_func(graph.forward)

    from torch._dynamo.backends.common import aot_autograd

    gelu = ua.get_activation("gelu", backend="torch", numerics="strict")
    sizes = []
    for dynamic in (False, True):
        torch.compiler.reset()
        graphs.clear()
        compiled = torch.compile(gelu, backend=aot_autograd(fw_compiler=backend), dynamic=dynamic)
        compiled(torch.ones(4, 6))
        calls = [node for node in graphs[0].graph.nodes if "exp" in str(node.target)]
        sizes.append(len(calls))
    assert sizes == [1, 1]
