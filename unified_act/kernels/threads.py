"""Slices of an array on several threads. A kernel runs without the GIL, so they run at once."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["LEAST", "available", "in_slices"]

LEAST = 65_536
"""A thread gets no fewer elements than this: handing them over would take longer than they do."""
_STEP = 64
"""Slices begin at multiples of this, so that no two threads write to the same line of a cache."""

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def available() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_slices(
    function: Callable[..., None],
    pointers: Sequence[int],
    sizes: Sequence[int],
    count: int,
    threads: int,
    weight: int = 1,
) -> None:
    """Calls ``function(*pointers, n)`` for slices that cover all elements, on several threads.

    Args:
        function: The function.
        pointers: The arrays.
        sizes: The number of bytes from one element of each array to the next, 0 for an array that
            is the same for all elements.
        count: The number of elements.
        threads: The largest number of threads.
        weight: What an element counts for, if it is a row of elements.
    """
    if not count:  # an empty array may have no address
        return
    threads = min(threads, count * weight // LEAST, count)
    if threads < 2:
        function(*pointers, count)
        return
    from concurrent.futures import wait  # which costs 10 ms to import

    length = -(-count // threads)
    if weight == 1:
        length = -(-length // _STEP) * _STEP
    waiting: list[Future[None]] = []
    try:
        for start in range(length, count, length):
            moved = [pointer + size * start for pointer, size in zip(pointers, sizes, strict=True)]
            waiting.append(_submitted(function, *moved, min(length, count - start)))
        function(*pointers, length)
    finally:  # also if the user interrupts: the threads work on memory of the caller
        wait(waiting)
    for each in waiting:
        each.result()


def _submitted(function: Callable[..., None], *arguments: int) -> Future[None]:
    global _pool  # noqa: PLW0603
    from concurrent.futures import Future, ThreadPoolExecutor

    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(available() - 1, 1), "unified_act")
        with contextlib.suppress(RuntimeError):  # raised when the interpreter is shutting down
            return _pool.submit(function, *arguments)
    done: Future[None] = Future()
    function(*arguments)
    done.set_result(None)
    return done


def _forget() -> None:
    """A forked child has no threads but one: it makes a pool of its own."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
