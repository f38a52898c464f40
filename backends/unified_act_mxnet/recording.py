"""Gradients that functions in Python compute, for MXNet's autograd.

`mx.autograd.Function` would do, but it drops a gradient that is to be added to another, and all
those after one that nobody asks for. A call and its gradient also take it 450 µs, and 280 µs here.

MXNet calls from a thread of its own, when the cotangent is there. By then it may have been told to
write to the inputs as soon as the gradient is there, as every optimizer tells it. So whoever waits
for an input then waits for ever, and whoever does not reads what may be overwritten: the function
must have copies.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import itertools
import os
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from unified_act_mxnet._framework import mx
from unified_act_mxnet.guards import address_of

__all__ = ["Target", "record"]

_LIBRARY = mx.base._LIB  # noqa: SLF001
_check = mx.base.check_call

_NOTHING, _ADD = 0, 3
"""What may be asked for in the place of a gradient that is written."""


class Target(NamedTuple):
    """Where a gradient goes.

    Attributes:
        address: The memory.
        add: Whether it is added to what is there.
    """

    address: int
    add: bool


_Pullback = Callable[[int, Sequence[Target | None]], None]

_numbers = itertools.count(1)
_kept: dict[int, tuple[_Pullback, Any]] = {}
"""What MXNet may call, and what it reads then, by number."""
_mortal: deque[tuple[int, ctypes.c_int64]] = deque()
"""The same numbers, each with what is not 0 any more once MXNet has deleted the record."""
_LOOKED_AT = 8
"""So many of them are looked at for each that comes."""


def record(inputs: Sequence[Any], output: Any, pullback: _Pullback) -> None:
    """Tells the autograd of MXNet, which records, that an array was computed from others.

    Args:
        inputs: The inputs that may have a gradient.
        output: A new array.
        pullback: ``pullback(cotangent, targets)`` computes the gradients, from the address of the
            cotangent. A target is None if nobody asks for the gradient. It must not use MXNet's
            operators, nor wait for MXNet.
    """
    _forget()
    number, deleted = next(_numbers), ctypes.c_int64()
    contexts = (ctypes.c_void_p * 2)(number, ctypes.addressof(deleted))
    callbacks = mx.base.MXCallbackList(2, _CALLBACKS, contexts)
    _kept[number] = pullback, (callbacks, contexts)
    _mortal.append((number, deleted))
    _check(
        _LIBRARY.MXCustomFunctionRecord(
            len(inputs),
            mx.base.c_handle_array(inputs),
            1,
            mx.base.c_handle_array([output]),
            ctypes.byref(callbacks),
        )
    )


def _forget() -> None:
    """Forgets what MXNet has deleted."""
    for _ in range(min(_LOOKED_AT, len(_mortal))):
        try:
            number, deleted = _mortal.popleft()
        except IndexError:  # another thread has looked at it
            return
        if deleted.value:
            del _kept[number]
        else:
            _mortal.append((number, deleted))


@ctypes.CFUNCTYPE(  # type: ignore[untyped-decorator]
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(ctypes.c_int),
    ctypes.c_int,
    ctypes.c_void_p,
)
def _backward(
    cotangents: int, gradients: int, handles: Any, requests: Any, _training: int, number: int
) -> int:
    """Called with arrays, which are to be freed here; returns 0 where it fails."""
    arrays = [ctypes.c_void_p(handle) for handle in handles[: cotangents + gradients]]
    try:
        pullback, _ = _kept[number]
        targets = [
            None if request == _NOTHING else Target(address_of(array), request == _ADD)
            for array, request in zip(arrays[cotangents:], requests[:gradients], strict=True)
        ]
        with np.errstate(all="ignore"):
            pullback(address_of(arrays[0]), targets)
        _forget()
    except BaseException:  # which cannot go through MXNet
        traceback.print_exc()
        return 0
    finally:
        for array in arrays:
            _LIBRARY.MXNDArrayFree(array)
    return 1


_AnyCallback = ctypes.CFUNCTYPE(ctypes.c_int)
# MXNet deletes a record from any thread, also where nobody may wait for Python: while a process
# forks or ends. C's `time` writes a number that is not 0 to the address that it gets.
_CALLBACKS = (_AnyCallback * 2)(
    ctypes.cast(_backward, _AnyCallback), ctypes.cast(ctypes.CDLL(None).time, _AnyCallback)
)


def _finish() -> None:
    """Waits for what MXNet may call still.

    It calls Python, and whoever forks holds what Python needs while MXNet waits for its threads.
    """
    if _kept:
        mx.nd.waitall()


atexit.register(_finish)
if hasattr(os, "register_at_fork"):
    # What is registered last is called first: before the locks of threads and kernels are taken.
    importlib.import_module("concurrent.futures.thread")
    importlib.import_module("unified_act.kernels.kernel")
    os.register_at_fork(before=_finish)
