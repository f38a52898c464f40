"""PyTorch's own threads, for machine code that is not PyTorch's."""

from __future__ import annotations

import functools

import torch

from unified_act.kernels import Threads, openmp_team

__all__ = ["FEW", "threads"]

_LEAST = 2**14
"""A thread gets no fewer elements: of a function as quick as relu that takes it some 5 µs."""
FEW = 2 * _LEAST
"""Fewer elements than these stay on one thread."""
_TEAM = openmp_team(torch._C.__file__) if torch._C.__file__ else None  # noqa: SLF001


def threads() -> Threads:
    """Returns the threads that PyTorch may use now."""
    return _of_number(torch.get_num_threads())


@functools.cache
def _of_number(number: int) -> Threads:
    return Threads(number, _TEAM, _LEAST) if _TEAM else Threads(number)
