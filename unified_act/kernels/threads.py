"""Several threads for one array. Machine code runs without the GIL, so they work at once."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["ALONE", "Threads", "available", "in_slices", "openmp_team"]

_STEP = 64
"""Slices begin at multiples of this, so that no two threads write to the same line of a cache."""
_SLICES = 4
"""So many slices for each thread. Others help one that is slow with its slices."""

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_forked = False
"""Whether this is a forked process, which would wait for a framework's threads that it lacks."""


class Threads(NamedTuple):
    """Threads that may work on one array.

    Attributes:
        number: How many, at most.
        team: ``team(function, argument, number)`` calls ``function(argument)`` on so many threads
            of a framework and returns when all are done; None has threads of our own.
        least: A thread gets no fewer elements than this: to hand them over would take longer than
            to compute them.
    """

    number: int = 1
    team: Callable[[Any, int, int], Any] | None = None
    least: int = 65_536


ALONE = Threads()
"""The thread that calls."""


def available() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_slices(
    function: Callable[[int], Any],
    pointers: Sequence[int],
    strides: Sequence[int],
    count: int,
    threads: Threads,
    row: int = 1,
    *,
    columns: int = 1,
) -> bool:
    """Has a function of `slices` compute all elements, if they are worth several threads.

    Args:
        function: The function, of machine code.
        pointers: The arrays.
        strides: The number of bytes from one element of each array to the next, 0 for an array that
            is the same for all elements; after them, what else the function is told.
        count: The number of elements, of rows, or of groups of columns.
        threads: The threads.
        row: The number of elements of a row or a column.
        columns: The number of columns in a group.

    Returns:
        Whether it has. If not, nothing has been computed.
    """
    number = min(threads.number, count * row * columns // threads.least, count)
    if number < 2:
        return False
    import ctypes  # which nobody needs before there is machine code

    step = _STEP if row * columns == 1 else 1
    length = -(-count // (number * _SLICES * step)) * step
    part = -(-count // (number * length)) * length
    starts = [part * index for index in range(number)]
    words = (0, number, part, count, length, row, *pointers, *strides, *starts)
    shared = (ctypes.c_int64 * len(words))(*words)
    team = threads.team if threads.team and not _forked else _own_team
    team(function, ctypes.addressof(shared), number)
    return True


@cache
def openmp_team(library: str) -> Callable[[Any, int, int], Any] | None:
    """Returns the threads of the OpenMP that a library is linked with, as a team; or None.

    Threads of ours would have to share the processors with these, which wait for work in a loop.

    Args:
        library: The path of the library. A program may have loaded others, with another OpenMP.
    """
    import ctypes

    try:
        parallel = ctypes.CDLL(library).GOMP_parallel
    except (AttributeError, OSError):
        return None
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    parallel.argtypes = [function, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    return lambda task, argument, number: parallel(task, argument, number, 0)


def _own_team(function: Callable[[int], Any], argument: int, number: int) -> None:
    waiting = [_submitted(function, argument) for _ in range(number - 1)]
    try:
        function(argument)
    finally:  # also if the user interrupts: the threads work on memory of the caller
        # One that has not begun finds nothing left to do.
        begun = [each for each in waiting if each is not None and not each.cancel()]
        for each in begun:
            each.exception()
    for each in begun:
        each.result()


def _submitted(function: Callable[[int], Any], argument: int) -> Future[Any] | None:
    global _pool  # noqa: PLW0603
    from concurrent.futures import ThreadPoolExecutor  # which costs 10 ms to import

    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(available() - 1, 1), "unified_act")
        with contextlib.suppress(RuntimeError):  # raised when the interpreter is shutting down
            return _pool.submit(function, argument)
    return None


def _forget() -> None:
    """Lets the next array make a pool."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


def _in_child() -> None:
    """A forked child has no threads but one."""
    global _forked  # noqa: PLW0603
    _forked = True
    _forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
