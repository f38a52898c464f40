"""A training step of one layer of a transformer, with PyTorch's gelu and with ours."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from benchmarks.calls import Loop
from benchmarks.frameworks import load
from benchmarks.measured import PROFILES
from benchmarks.timing import in_turn

__all__ = ["BATCH", "INSIDE", "LENGTH", "NATIVE", "WIDTH", "training_step"]

WIDTH, INSIDE, HEADS = 256, 1024, 4
BATCH, LENGTH = 32, 64
NATIVE = "F.gelu"
_ROUNDS = 21


def training_step(dtype: str, device: str) -> dict[str, float]:
    """Returns the median milliseconds of forward and backward, by what computes gelu.

    Args:
        dtype: The name of the float type.
        device: Its name.
    """
    import torch
    from torch.nn import functional

    import unified_act as ua

    activations = {NATIVE: functional.gelu} | {
        profile: ua.get_activation("gelu", backend="torch", numerics=profile)
        for profile in PROFILES
    }
    x = torch.randn(BATCH, LENGTH, WIDTH).to(device, getattr(torch, dtype))
    loops = {name: _loop(activation, x) for name, activation in activations.items()}
    for loop in loops.values():
        loop(2)
    found = in_turn(loops, dict.fromkeys(loops, 1), _ROUNDS)
    return {name: round(microseconds / 1000, 2) for name, microseconds in found.items()}


def _loop(activation: Callable[..., Any], x: Any) -> Loop:
    from torch.nn import TransformerEncoderLayer

    finish = load("torch").finish
    layer = TransformerEncoderLayer(
        WIDTH, HEADS, INSIDE, dropout=0.0, activation=activation, batch_first=True
    ).to(x.device, x.dtype)

    def loop(number: int) -> tuple[float, Any]:
        start = perf_counter()
        for _ in range(number):
            layer.zero_grad()
            layer(x).sum().backward()
        finish(None)
        return perf_counter() - start, None

    return loop
