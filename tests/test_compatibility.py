"""What docs/compatibility.md says about tools that refuse something."""

import pytest

from tests.specifications import SPECS, parameters_of

DISTRIBUTED = """
import os, warnings
warnings.simplefilter("ignore")
import torch
import torch.distributed as dist
import unified_act as ua
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

store = dist.HashStore()
dist.init_process_group("gloo", store=store, rank=0, world_size=1)
mesh = init_device_mesh("cpu", (1,))
lacking = "clipped_relu hard_shrink hard_sigmoid hard_silu hard_tanh relu6 soft_shrink".split()
for name in [*lacking, "gelu", "mish"]:
    for numerics in ("fast", "strict"):
        given = {"max_value": 2.0} if name == "clipped_relu" else {}
        function = ua.get_activation(name, backend="torch", numerics=numerics, **given)
        x = distribute_tensor(torch.randn(4, 6), mesh, [Shard(0)]).requires_grad_()
        total = function(x).sum()
        try:
            total.backward()
        except NotImplementedError:
            print(name, numerics)
"""


@pytest.mark.exhaustive
def test_gradients_of_a_dtensor(run_python):
    lacking = "clipped_relu hard_shrink hard_sigmoid hard_silu hard_tanh relu6 soft_shrink"
    assert run_python(DISTRIBUTED).splitlines() == [f"{name} fast" for name in lacking.split()]


LITE = """
import numpy as np
import tensorflow as tf
import unified_act as ua
from unified_act.registry import ACTIVATIONS

NEEDED = {
    "affine": {"alpha": 2.0, "beta": 1.0},
    "clipped_leaky_relu": {"max_value": 2.0},
    "clipped_relu": {"max_value": 2.0},
    "maxout": {"groups": 2},
    "threshold": {"threshold": 0.5, "value": 0.25},
}
X = np.linspace(-4, 4, 48, dtype=np.float32).reshape(2, 4, 6)

def with_others(function):
    activation = ACTIVATIONS.find(function.name)
    others = activation.inputs_for(function.parameters)[1:]
    if activation.weights:
        return lambda x: function(x, *[tf.constant([0.25])] * len(others))
    if activation.noise and others:
        return lambda x: function(x, tf.fill([2, 4, 6], 0.25))
    return (lambda x: function(x, x > 0)) if others else function

def converted(function):
    traced = tf.function(function).get_concrete_function(tf.TensorSpec(X.shape, tf.float32))
    return tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()

def run(model):
    runtime = tf.lite.Interpreter(model_content=model)
    runtime.allocate_tensors()
    runtime.set_tensor(runtime.get_input_details()[0]["index"], X)
    runtime.invoke()
    return runtime.get_tensor(runtime.get_output_details()[0]["index"])

for name in ua.list_activations():
    own = ua.get_activation(name, backend="tensorflow", **NEEDED.get(name, {}))
    function = with_others(own)
    try:
        found = run(converted(function))
    except Exception as error:
        print("fast", name, str(error)[:200])
        continue
    wanted = function(tf.constant(X)).numpy()
    finite = np.isfinite(wanted)  # TensorFlow Lite has no sign of -inf
    if not np.allclose(found[finite], wanted[finite], rtol=1e-5, atol=1e-5):
        print("fast", name, np.abs(found - wanted)[finite].max())
for name in "gelu gelu_tanh clipped_gelu geglu laplace serf mish softplus".split():
    try:
        converted(ua.get_activation(name, backend="tensorflow", numerics="strict"))
    except Exception as error:
        assert "Erfc" in str(error)
        print("strict", name)
"""


@pytest.mark.exhaustive
def test_conversions_to_tensorflow_lite(run_python):
    lacking = "gelu clipped_gelu geglu laplace serf"
    found = run_python(LITE).splitlines()
    told = [line for line in found if line.startswith(("fast", "strict"))]
    assert told == [f"strict {name}" for name in lacking.split()]


def test_fast_has_no_operation_that_converters_lack():
    import tensorflow as tf

    import unified_act as ua

    function = ua.get_activation("laplace", backend="tensorflow")
    traced = tf.function(function).get_concrete_function(tf.TensorSpec([4, 6], tf.float32))
    graph = traced.graph.as_graph_def()
    nodes = [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]
    kinds = {node.op for node in nodes}
    assert "Exp" in kinds
    assert "Erfc" not in kinds


def test_a_function_is_made_outside_of_a_compiled_one():
    import torch

    import unified_act as ua

    def outside(x):
        return gelu(x) * 2

    def inside(x):
        return ua.get_activation("gelu", backend="torch")(x) * 2

    gelu, x = ua.get_activation("gelu", backend="torch"), torch.ones(3)
    whole = {"fullgraph": True, "backend": "eager"}
    assert torch.equal(torch.compile(outside, **whole)(x), outside(x))
    with pytest.raises(torch._dynamo.exc.TorchDynamoException):
        torch.compile(inside, **whole)(x)
    assert torch.equal(torch.compile(inside, backend="eager")(x), outside(x))


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_torchscript_takes_the_trace_of_a_function():
    import torch

    import unified_act as ua

    class Model(torch.nn.Module):
        def __init__(self, act):
            super().__init__()
            self.act = act

        def forward(self, x):
            return self.act(x) + 1

    gelu, x = ua.get_activation("gelu", backend="torch"), torch.linspace(-2.0, 2.0, 5)
    with pytest.raises(ua.UnsupportedError, match=r"Trace it with torch\.jit\.trace"):
        torch.jit.script(gelu)
    scripted = torch.jit.script(Model(torch.jit.trace(gelu, x)))
    assert torch.equal(scripted(x), gelu(x) + 1)
    with pytest.raises(RuntimeError, match="ActivationFunction"):
        torch.jit.script(Model(gelu))


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning", "ignore:Trace:UserWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_torchscript_takes_every_layer_or_its_trace():
    import torch

    import unified_act as ua

    scripted = []
    for name, spec in SPECS.items():
        layer = ua.get_layer(spec.name, backend="torch", **parameters_of(name)).eval()
        x = torch.linspace(-2.0, 2.0, 48).reshape(2, 4, 6)
        if not hasattr(layer, "spec"):
            assert torch.equal(torch.jit.script(layer)(x), layer(x))
            scripted.append(name)
            continue
        with pytest.raises(ua.UnsupportedError, match=r"Trace it with torch\.jit\.trace"):
            torch.jit.script(layer)
        others = spec.inputs_for(layer.spec.function.parameters)[1:]
        if layer.spec.draws or (others and not spec.weights):
            continue  # it is no function of one tensor
        model = torch.jit.script(torch.nn.Sequential(torch.jit.trace(layer, x)))
        torch.testing.assert_close(model(x), layer(x))
    assert {"relu", "prelu", "mish"} <= set(scripted)
