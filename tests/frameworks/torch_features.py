"""PyTorch: modules, compilers, transforms, saved and exported models."""

import copy
import pickle
import tempfile

import numpy as np
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from tests.backends.arrays import native
from tests.frameworks.features import (
    CHANNELS,
    X,
    bisected,
    expected,
    feature,
    fresh,
    joint_feature,
    layer,
    others,
    same,
)
from unified_act_conformance.floats import FORMATS


def arrays(name, dtype=torch.float32):
    """The input, which needs a gradient, and a mask or noise."""
    further = [a if a.dtype == torch.bool else a.to(dtype) for a in others(name, "torch")]
    return [native("torch", X, "float64").to(dtype).requires_grad_(), *further]


def gradient(value, x):
    return torch.autograd.grad(value.sum(), x)[0]


def checked(name, function, dtype=torch.float32):
    """Value and gradient of a function of the layer's inputs are right."""
    x, *further = arrays(name, dtype)
    value = function(x, *further)
    same(name, value.detach(), gradient(value, x))


class Together(nn.Module):
    """Many layers on one input, so that what is slow is done once."""

    def __init__(self, names):
        super().__init__()
        self.layers = nn.ModuleList(layer(name, "torch") for name in names)
        self.further = [others(name, "torch") for name in names]

    def forward(self, x):
        pairs = zip(self.layers, self.further, strict=True)
        return tuple(each(x, *further) for each, further in pairs)


@feature("torch", "module")
def modules(name):
    subject = layer(name, "torch")
    checked(name, subject)
    checked(name, subject.double(), torch.float64)
    assert not subject.eval().training


PROGRAM = """
import sys, torch
folder, *names = sys.argv[1:]
{model}
ys = model(torch.load(f"{{folder}}/x.pt"))
torch.save([y.detach() for y in ys], f"{{folder}}/y.pt")
"""
"""What runs a model in a fresh process."""


def in_a_fresh_process(names, save, model):
    """What fails where a fresh process runs a model that was saved.

    Args:
        names: The activations.
        save: Called with a model of many layers, its input and a folder.
        model: The lines that make of the folder a `model` in the fresh process.
    """

    def run(names):
        with tempfile.TemporaryDirectory() as folder:
            x = arrays("relu")[0].detach()
            torch.save(x, f"{folder}/x.pt")
            save(Together(names), x, folder)
            fresh(PROGRAM.format(model=model), folder, *names)
            return dict(zip(names, torch.load(f"{folder}/y.pt"), strict=True))

    return bisected(names, run)


@joint_feature("torch", "state dict, fresh process")
def state_dicts(names):
    return in_a_fresh_process(
        names,
        lambda model, x, folder: torch.save(model.state_dict(), f"{folder}/state.pt"),
        "from tests.frameworks.torch_features import Together\n"
        "model = Together(names)\n"
        "for weight in model.parameters():\n"
        "    weight.data.fill_(9.0)\n"
        "model.load_state_dict(torch.load(f'{folder}/state.pt', weights_only=True))\n",
    )


@joint_feature("torch", "saved whole, fresh process")
def pickled(names):
    return in_a_fresh_process(
        names,
        lambda model, x, folder: torch.save(model, f"{folder}/model.pt"),
        "model = torch.load(f'{folder}/model.pt', weights_only=False)",
    )


@feature("torch", "copy and pickle")
def copies(name):
    subject = layer(name, "torch")
    for twin in (copy.deepcopy(subject), pickle.loads(pickle.dumps(subject))):
        checked(name, twin)
        assert repr(twin) == repr(subject)


@feature("torch", "torch.compile, eager")
def compiled_eagerly(name):
    torch._dynamo.reset()
    checked(name, torch.compile(layer(name, "torch"), fullgraph=True, backend="eager"))


@joint_feature("torch", "torch.compile, inductor")
def compiled(names):
    def run(names):
        torch._dynamo.reset()
        x = arrays("relu")[0]
        values = torch.compile(Together(names), fullgraph=True)(x)
        slopes = (torch.autograd.grad(y.sum(), x, retain_graph=True)[0] for y in values)
        return {
            name: (value.detach(), slope)
            for name, value, slope in zip(names, values, slopes, strict=True)
        }

    return bisected(names, run)


WITHOUT_US = "\nassert 'unified_act' not in sys.modules"


@joint_feature("torch", "torch.export, fresh process")
def exported(names):
    return in_a_fresh_process(
        names,
        lambda model, x, folder: torch.export.save(
            torch.export.export(model, (x,)), f"{folder}/model.pt2"
        ),
        "model = torch.export.load(f'{folder}/model.pt2').module()" + WITHOUT_US,
    )


@joint_feature("torch", "torch.jit.trace, fresh process")
def traced(names):
    return in_a_fresh_process(
        names,
        lambda model, x, folder: torch.jit.save(torch.jit.trace(model, x), f"{folder}/model.pt"),
        "model = torch.jit.load(f'{folder}/model.pt')" + WITHOUT_US,
    )


@feature("torch", "torch.fx")
def symbolic(name):
    subject = layer(name, "torch")
    graph = torch.fx.symbolic_trace(
        nn.Sequential(subject) if not others(name, "torch") else Two(subject)
    )
    checked(name, graph)
    checked(name, pickle.loads(pickle.dumps(graph)))


class Two(nn.Module):
    """A layer with a second input."""

    def __init__(self, subject):
        super().__init__()
        self.subject = subject

    def forward(self, x, further):
        return self.subject(x, further)


@feature("torch", "torch.func")
def transforms(name):
    subject = layer(name, "torch").double()
    x, *further = (a.detach() for a in arrays(name, torch.float64))

    def total(x):
        return subject(x, *further).sum()

    same(name, subject(x, *further).detach(), torch.func.grad(total)(x).detach())
    by_rows = torch.func.vmap(subject)(x, *further)
    same(name, by_rows.detach())
    along = torch.func.jvp(total, (x,), (torch.ones_like(x),))[1]
    np.testing.assert_allclose(along.detach(), expected(name)[1].sum(), rtol=1e-6, atol=1e-6)
    curved = torch.func.hessian(total)(x).detach()
    twice = torch.autograd.functional.hessian(total, x)
    torch.testing.assert_close(curved, twice, rtol=1e-9, atol=1e-9)


@feature("torch", "autocast")
def mixed_precision(name):
    unit = nn.Linear(CHANNELS, CHANNELS, bias=False)
    nn.init.eye_(unit.weight)
    subject = layer(name, "torch")
    for dtype, short in ((torch.float16, "float16"), (torch.bfloat16, "bfloat16")):
        x, *further = arrays(name)
        further = [a if a.dtype == torch.bool else a.to(dtype) for a in further]
        with torch.autocast("cpu", dtype):
            y = subject(unit(x), *further)
        assert y.dtype in (dtype, torch.float32)
        room = 8 * FORMATS[short].epsilon
        same(name, y.detach().double(), gradient(y, x), room=room)


@feature("torch", "checkpoint")
def recomputed(name):
    subject = layer(name, "torch")
    checked(name, lambda *inputs: checkpoint(subject, *inputs, use_reentrant=False))


@feature("torch", "DataParallel replica")
def replicated(name):
    subject = layer(name, "torch")
    replica = subject._replicate_for_data_parallel()
    for key, weight in subject.named_parameters(recurse=False):
        setattr(replica, key, weight * 1.0)  # a copy on another device is no leaf either
    checked(name, replica)


@feature("torch", "one saved tensor")
def saved(name):
    large = []

    def keep(tensor):
        if tensor.numel() >= X.size:
            large.append(tensor)
        return tensor

    subject, inputs = layer(name, "torch"), arrays(name)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        subject(*inputs)
    assert len(large) <= len(inputs), f"saves {len(large)} tensors of the input's size"
