"""Quick calls on NumPy, and results that are written into an array of the caller's (``out=``).

Of few elements it takes longer to ask NumPy where they are than to compute them. So the address is
read where NumPy keeps it, which the macro ``PyArray_DATA`` of its C headers has made a promise.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unified_act.backend import Request, dtype_test, shortcut, written_call
from unified_act.errors import InputTypeError
from unified_act.inputs import kind_of

__all__ = ["Code", "Coded", "address_of", "short_way", "with_out"]

Array = NDArray[Any]
_Function = Callable[..., Any]
Code = Callable[[int, int, int], Any]
"""``code(x, result, n)`` computes n elements between two addresses, which may be the same."""

_DATA = object.__basicsize__
"""Where an array has the address of its elements: behind what every object of Python has."""
_word = ctypes.c_size_t.from_address


def _by_layout(array: Array) -> int:
    return _word(id(array) + _DATA).value


def _by_question(array: Array) -> int:
    return array.ctypes.data


def _is_kept_there() -> bool:
    """Whether this Python and this NumPy have the address where it is read."""
    if sys.implementation.name != "cpython":
        return False
    arrays: list[Array] = [np.zeros(3), np.zeros((2, 2), np.float16)[1:], np.arange(7)[::-2]]
    return all(_by_layout(array) == array.ctypes.data for array in arrays)


address_of: Callable[[Array], int] = _by_layout if _is_kept_there() else _by_question
"""Returns the address of the first element of an array, which has to live as long as that is used.
"""


class Coded(Protocol):
    """A function of one array that machine code computes, for arrays without gaps."""

    def __call__(self, x: Array, /) -> Any:
        """Returns the result for any array."""

    def code(self, dtype: np.dtype[Any]) -> Code | None:
        """Returns the machine code for a type; None if there is none."""


def short_way(
    request: Request, otherwise: _Function, by_name: Mapping[str, np.dtype[Any]]
) -> _Function:
    """Returns a function of one array that runs a kernel or machine code at once, with ``out=``.

    Args:
        request: What is asked for.
        otherwise: The long way, which takes everything and checks it.
        by_name: The dtypes by name.
    """
    coded = {
        by_name[name]: function
        for name, function in request.functions.items()
        if hasattr(function, "code")
    }
    ready: dict[Any, Code | None] = {}

    def code_of(dtype: Any) -> Code | None:
        if dtype not in ready and dtype in coded:
            ready[dtype] = coded[dtype].code(dtype)
        return ready.get(dtype)

    kernel, ufunc = request.kernel, None
    if kernel is not None and kernel.dtypes and isinstance(kernel.find(np), np.ufunc):
        admitted = [by_name[name] for name in kernel.dtypes]
        ufunc = partial(kernel.find(np), **request.arguments), admitted
    into = with_out(request.activation.name, otherwise, code_of, ufunc)
    quick = _by_code(ready, code_of, into, otherwise) if coded else into
    if kernel is None or not kernel.dtypes:
        return quick
    types = {name: by_name[name] for name in kernel.dtypes}
    scope = {"ndarray": np.ndarray, "function": kernel.find(np), **types}
    test = f"type(x) is ndarray and ({dtype_test(kernel.dtypes)})"
    return shortcut(test, written_call(request.arguments), quick, scope, into=into)


def _by_code(
    ready: Mapping[Any, Code | None],
    code_of: Callable[[Any], Code | None],
    into: _Function,
    otherwise: _Function,
) -> _Function:
    """Returns a function that runs machine code at once on a plain array."""
    ndarray, empty, address, unknown = np.ndarray, np.empty, address_of, _unknown

    def call(x: Any, *, out: Any = None) -> Any:
        if out is not None:
            return into(x, out=out)
        if type(x) is ndarray:
            dtype = x.dtype
            code = ready.get(dtype, unknown)
            if code is unknown:
                code = code_of(dtype)
            if code is not None and x.flags.carray and x.ndim:
                result = empty(x.shape, dtype)
                code(address(x), address(result), x.size)
                return result
        return otherwise(x)

    return call


def _unknown(x: int, result: int, number: int) -> None:
    """Stands for machine code that nobody has asked for."""


def with_out(
    name: str,
    function: _Function,
    code_of: Callable[[Any], Code | None] | None = None,
    ufunc: tuple[_Function, Sequence[np.dtype[Any]]] | None = None,
    *,
    several: bool = False,
) -> _Function:
    """Returns a function that takes an array for the result as ``out=`` too.

    Args:
        name: The name of the activation.
        function: The function, which returns a new array.
        code_of: Returns the machine code of a function of one array for a dtype.
        ufunc: The function of NumPy that serves some dtypes, with these.
        several: Whether the function takes several inputs.
    """
    if "<locals>" in getattr(function, "__qualname__", ""):
        function.__qualname__ = name  # for Python's errors about wrong arguments

    def written(x: Any, further: Sequence[Any], out: Any, **named: Any) -> Array:
        target = _target(name, x, out)
        if _are_alike(x, target):
            if ufunc is not None and x.dtype in ufunc[1]:
                ufunc[0](x, out=target)
                return target
            code = None if code_of is None else code_of(x.dtype)
            if code is not None and _can_be_written(x, target):
                code(address_of(x), address_of(target), target.size)
                return target
        result = function(x, *further, **named)
        if target.shape != result.shape:
            raise _mismatch(name, target, f"the shape of the result, {result.shape}")
        np.copyto(target, result)
        return target

    def of_one(x: Any, *, out: Any = None) -> Any:
        return function(x) if out is None else written(x, (), out)

    def of_several(x: Any, *further: Any, out: Any = None, **named: Any) -> Any:
        if out is None:
            return function(x, *further, **named)
        return written(x, further, out, **named)

    return of_several if several else of_one


def _target(name: str, x: Any, out: Any) -> Array:
    """Returns the array to write into; NumPy's own functions take a tuple of one too."""
    if isinstance(out, tuple) and len(out) == 1:
        (out,) = out
    if not isinstance(out, np.ndarray):
        raise InputTypeError(f"{name}: out must be a NumPy array, got {kind_of(out)}.")
    if not out.flags.writeable:
        raise InputTypeError(f"{name}: out cannot be written to. Pass an array of your own.")
    if isinstance(x, (np.ndarray, np.generic)) and out.dtype != x.dtype:
        raise _mismatch(name, out, f"the dtype of the input, {x.dtype}")
    return out


def _mismatch(name: str, target: Array, wanted: str) -> InputTypeError:
    return InputTypeError(
        f"{name}: out must have {wanted}, got shape {target.shape} and {target.dtype}."
    )


def _are_alike(x: Any, target: Array) -> bool:
    """Whether both are plain arrays of one shape."""
    return type(x) is np.ndarray and type(target) is np.ndarray and x.shape == target.shape


def _can_be_written(x: Array, target: Array) -> bool:
    """Whether machine code can write what it makes of an array into another, or into itself."""
    return bool(
        x.flags.c_contiguous
        and x.flags.aligned
        and target.flags.carray
        and (address_of(x) == address_of(target) or not np.may_share_memory(x, target))
    )
