"""What `describe` and `unified-act show` tell of PyTorch is what its profiler sees."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import unified_act as ua
from unified_act.kernels import unavailable
from unified_act.loading import load_backend
from unified_act.registry import ACTIVATIONS
from unified_act.serving import offer_of, serving

MEMORY = ("aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty")
"""What a table or a fused kernel asks of PyTorch."""
NAMES = [activation.name for activation in ACTIVATIONS if not activation.required]


def operations(function, *inputs):
    function(*inputs)  # what is made once
    with profile(activities=[ProfilerActivity.CPU]) as found:
        function(*inputs)
    return {event.name for event in found.events() if event.name.startswith("aten::")}


needs_kernels = pytest.mark.skipif(bool(unavailable()), reason="there are no fused kernels")


@needs_kernels
@pytest.mark.quick(lambda name, numerics: name in ("gelu", "softmax", "swiglu", "prelu", "relu"))
@pytest.mark.parametrize("numerics", ["fast", "strict"])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_told_runs(name, numerics):
    activation = ACTIVATIONS.find(name)
    parameters = activation.bind({})
    function = ua.get_activation(name, backend="torch", numerics=numerics)
    offer = offer_of(load_backend("torch"))
    generator = torch.Generator().manual_seed(1)
    for told in serving(offer, activation, parameters, numerics):
        dtype = getattr(torch, told.dtype)
        inputs = [
            torch.rand(40, 40, 40, generator=generator) > 0.5
            if role in activation.masks
            else torch.rand(40 if role in activation.weights else (40, 40, 40), generator=generator)
            for role in activation.inputs_for(parameters)
        ]
        inputs = [x if x.dtype == torch.bool else x.to(dtype) for x in inputs]
        found = operations(function, *inputs)
        ours = told.by in ("table", "kernel")
        assert ours == found.issubset(MEMORY), (told, found)


@needs_kernels
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
@pytest.mark.parametrize("axis", [-1, 0])
def test_long_rows_have_kernels(name, axis):
    function = ua.get_activation(name, backend="torch", axis=axis)
    assert operations(function, torch.rand(2_000, 2_000)).issubset(MEMORY)
