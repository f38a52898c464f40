"""For each check an implementation that only this check is there to reject."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import unified_act as ua
from tests.faulty import faulty
from unified_act_conformance.checks.run import run_checks
from unified_act_conformance.subject import Check, Subject

silu = ua.get_activation("silu", backend="numpy")
masked_softmax = ua.get_activation("masked_softmax", backend="numpy")
calls = itertools.count()


def ignores_strides(x):
    return silu(x.ravel(order="K")).reshape(x.shape)


def leaves_out_one(x):
    y = silu(x).reshape(-1).copy()
    if 5 <= y.size <= 7:
        y[3] = 12345.0
    return y.reshape(x.shape)


def peeks(x):
    x.reshape(-1)[0]
    return silu(x)


def is_random(x):
    y = silu(x)
    return np.where(np.isfinite(y), y + (next(calls) % 2) * np.spacing(y), y).astype(x.dtype)


def writes_input(x):
    y = silu(x)
    if x.flags.writeable:
        x[...] = y
    return y


def writes_cotangent(sound, cotangent, x):
    (found,) = sound.gradients([x], cotangent)
    if cotangent is not None and cotangent.flags.writeable:
        cotangent[...] = found
    return found


def one_cotangent_for_all(sound, cotangent, x):
    (found,) = sound.gradients([x], None)
    return found if cotangent is None else found * cotangent.reshape(-1)[0]


def nan_cotangent_spreads(sound, cotangent, x):
    (found,) = sound.gradients([x], cotangent)
    poisoned = cotangent is not None and np.isnan(cotangent).any()
    return np.full_like(found, np.nan) if poisoned else found


def masks_the_shares(x, mask):
    return np.where(mask, masked_softmax(x, np.ones_like(mask)), 0.0).astype(x.dtype)


def weight_gradients_are_vectors(sound, cotangent, *inputs):
    return tuple(np.atleast_1d(found) for found in sound.gradients(inputs, cotangent))


ON_NUMPY = {
    "strides are ignored": ("silu", "layouts", faulty(ignores_strides)),
    "axes of length 1 are lost": ("silu", "layouts", faulty(lambda x: np.squeeze(silu(x)))),
    "a scalar becomes a vector": ("silu", "layouts", faulty(lambda x: np.atleast_1d(silu(x)))),
    "empty arrays fail": ("silu", "layouts", faulty(peeks)),
    "an element of short arrays": ("silu", "lengths", faulty(leaves_out_one)),
    "another result each time": ("silu", "deterministic", faulty(is_random)),
    "the input is overwritten": ("silu", "not mutated", faulty(writes_input)),
    "the cotangent is overwritten": ("silu", "not mutated", faulty(None, writes_cotangent)),
    "one cotangent for all": ("silu", "cotangents", faulty(None, one_cotangent_for_all)),
    "a NaN cotangent spreads": ("silu", "cotangents", faulty(None, nan_cotangent_spreads)),
    "the mask comes after the shares": ("masked_softmax", "shares", faulty(masks_the_shares)),
    "weight gradients are vectors": ("tlu", "weights", faulty(None, weight_gradients_are_vectors)),
}


class DoubledForward(torch.autograd.Function):
    """tanh, with twice the derivative in forward mode."""

    @staticmethod
    def forward(x):
        return torch.tanh(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        return cotangent * (1.0 - torch.tanh(x) ** 2)

    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return tangent * 2.0 * (1.0 - torch.tanh(x) ** 2)


class DetachedCotangent(torch.autograd.Function):
    """tanh, whose gradient does not know that the cotangent varies."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        return cotangent.detach() * (1.0 - torch.tanh(x) ** 2)


def on_torch(name):
    return ua.get_activation(name, backend="torch", numerics="strict")


gelu, gelu_tanh, torch_silu = map(on_torch, ("gelu", "gelu_tanh", "silu"))


def compiled_otherwise(x):
    return gelu_tanh(x) if torch.compiler.is_compiling() else gelu(x)


def batched_otherwise(x):
    in_vmap = torch._C._functorch.peek_interpreter_stack() is not None
    return gelu_tanh(x) if in_vmap else gelu(x)


def breaks_the_graph(x):
    return x if float(x.detach().reshape(-1)[:1].sum()) == 1234.5 else gelu(x)


ON_TORCH = {
    "forward mode is doubled": ("tanh", "forward mode", faulty(DoubledForward.apply)),
    "cotangents are constants": ("tanh", "double backward", faulty(DetachedCotangent.apply)),
    "compiled, it is another": ("gelu", "mode compile", faulty(compiled_otherwise)),
    "in vmap, it is another": ("gelu", "mode vmap", faulty(batched_otherwise)),
    "not one graph": ("gelu", "mode compile", faulty(breaks_the_graph)),
    "keeps another array": (
        "silu",
        "saved tensors",
        faulty(lambda x: torch_silu(x) * torch.ones_like(x)),
    ),
}


def problem(backend, activation, check, implement):
    planned = Check(check, Subject(activation), backend, "float32")
    (result,) = run_checks([planned], numerics="strict", implement=implement)
    return result.problem


@pytest.mark.parametrize("fault", ON_NUMPY)
def test_the_check_sees_it_on_numpy(fault: str) -> None:
    activation, check, implement = ON_NUMPY[fault]
    assert problem("numpy", activation, check, implement)
    assert problem("numpy", activation, check, faulty()) == ""


@pytest.mark.parametrize("fault", ON_TORCH)
def test_the_check_sees_it_on_torch(fault: str) -> None:
    activation, check, implement = ON_TORCH[fault]
    assert problem("torch", activation, check, implement)
    assert problem("torch", activation, check, faulty()) == ""
