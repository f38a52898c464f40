"""PyTorch's own threads, for machine code that is not PyTorch's."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from unified_act.kernels import Threads

__all__ = ["FEW", "threads"]

_LEAST = 2**14
"""A thread gets no fewer elements: of a function as quick as relu that takes it some 5 µs."""
FEW = 2 * _LEAST
"""Fewer elements than these stay on one thread."""
_forked = False


def threads() -> Threads:
    """Returns the threads that PyTorch may use now.

    They are those of its OpenMP. Other threads would have to share the processors with them, which
    wait for work for some time in a loop.
    """
    number = torch.get_num_threads()
    team = None if _forked else _team()
    return Threads(number, team, _LEAST) if team else Threads(number)


@cache
def _team() -> Callable[[Any, int, int], Any] | None:
    try:
        # Of the library that PyTorch is linked with: a program may have loaded others.
        parallel = ctypes.CDLL(torch._C.__file__).GOMP_parallel  # noqa: SLF001
    except (AttributeError, OSError, TypeError):
        return None
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    parallel.argtypes = [function, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    return lambda task, argument, number: parallel(task, argument, number, 0)


def _note_fork() -> None:
    """A forked child has none of the threads that OpenMP believes it has, and would wait."""
    global _forked  # noqa: PLW0603
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
