"""What docs/compatibility.md says about tools that refuse something."""

import pytest

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
import tensorflow as tf
import unified_act as ua

def converts(function):
    traced = tf.function(function).get_concrete_function(tf.TensorSpec([4, 6], tf.float32))
    try:
        tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()
    except Exception as error:
        assert "Erfc" in str(error)
        return False
    return True

names = "gelu gelu_tanh clipped_gelu geglu laplace mish softplus".split()
for numerics in ("fast", "strict"):
    fail = [name for name in names if not converts(
        ua.get_activation(name, backend="tensorflow", numerics=numerics))]
    print(numerics, *fail)
gelu = ua.get_activation("gelu", backend="tensorflow")
print(converts(lambda x: tf.clip_by_value(gelu(x), -10, 10)))
"""


@pytest.mark.exhaustive
def test_conversions_to_tensorflow_lite(run_python):
    assert run_python(LITE).splitlines()[-3:] == [
        "fast clipped_gelu geglu laplace",
        "strict gelu clipped_gelu geglu laplace",
        "True",
    ]


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
