"""Puts a mutant in the place of a module, without changing any file."""

from __future__ import annotations

import functools
import linecache
import math
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

__all__ = ["ALWAYS", "CONDITIONS", "OF_SIZE", "Call", "install", "wrong_for"]

_Function = Callable[..., Any]


def install(module: str, path: Path, text: str) -> None:
    """Lets the next import of a module load another text.

    Args:
        module: The dotted name of the module, which is not imported yet.
        path: Its file.
        text: The text in place of the file's.
    """
    lines = text.splitlines(keepends=True)
    # TensorFlow's AutoGraph compiles functions again, from what it takes for their source. Without
    # a time, the file is not looked at.
    linecache.cache[str(path)] = (len(text), None, lines, str(path))
    sys.meta_path.insert(0, _Finder(module, path, text))


class _Finder(MetaPathFinder):
    def __init__(self, module: str, path: Path, text: str) -> None:
        self._module, self._path, self._text = module, path, text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname != self._module:
            return None
        loader = _Loader(fullname, str(self._path), self._text)
        package = [str(self._path.parent)] if self._path.name == "__init__.py" else None
        return spec_from_file_location(
            fullname, self._path, loader=loader, submodule_search_locations=package
        )


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        """Compiles the other text."""
        del fullname
        return compile(self._text, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        """Runs it; it may use `wrong_for`."""
        module.__dict__["wrong_for"] = wrong_for
        super().exec_module(module)


class Call(NamedTuple):
    """A call of a function that is wrong for some calls.

    Attributes:
        shape: The shape of its first array.
        value: The value of the parameter that the condition is about.
        number: How many calls there have been, with this one.
    """

    shape: tuple[int, ...]
    value: Any
    number: int


OF_SIZE: Mapping[str, Callable[[Call], bool]] = {
    "65,536 elements or more": lambda call: math.prod(call.shape) >= 65_536,
    "more than 3 dimensions": lambda call: len(call.shape) > 3,
    "more than 64 in a row": lambda call: call.shape[-1:] > (64,),
    "more than 64 rows": lambda call: len(call.shape) > 1 and call.shape[0] > 64,
}
"""The conditions on the shape of an array. They never hold for a function that takes none."""
CONDITIONS: Mapping[str, Callable[[Call], bool]] = {
    **OF_SIZE,
    "an axis other than the last": lambda call: (
        isinstance(call.value, int) and call.value not in (-1, len(call.shape) - 1)
    ),
    "a parameter above 1": lambda call: isinstance(call.value, (int, float)) and call.value > 1,
    "a thread other than the main one": lambda call: (
        threading.current_thread() is not threading.main_thread()
    ),
    "the 300th call and later": lambda call: call.number >= 300,
}
"""What a function can be made wrong for, by name."""
_calls: Counter[CodeType] = Counter()
"""How often the functions have been called. Those inside another one are made anew in each of its
calls, of the same code."""
ALWAYS = "every call"
"""The condition that shows whether it matters at all what a function returns."""


def wrong_for(condition: str, parameter: str = "") -> Callable[[_Function], _Function]:
    """Returns a decorator that makes a function wrong under a condition: 1 % too large.

    Args:
        condition: One of `CONDITIONS`, or `ALWAYS`.
        parameter: The parameter that it is about.
    """
    # What torch.compile traces, it would otherwise refuse, whatever the numbers are.
    torch = sys.modules.get("torch")
    compiling = torch.compiler.is_compiling if torch else lambda: False
    holds = CONDITIONS.get(condition)

    def decorate(function: _Function) -> _Function:
        code = function.__code__

        @functools.wraps(function)
        def faulty(*arguments: Any, **keywords: Any) -> Any:
            result = function(*arguments, **keywords)
            if compiling():
                return result
            _calls[code] += 1
            shape = next(filter(None, map(_shape_of, arguments)), ())
            call = Call(shape, keywords.get(parameter), _calls[code])
            return _too_large(result) if holds is None or holds(call) else result

        return faulty

    return decorate


def _shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array with known lengths; else ()."""
    try:
        return tuple(map(int, x.shape))
    except (AttributeError, TypeError, ValueError):
        return ()


def _too_large(result: Any) -> Any:
    if isinstance(result, (tuple, list)):
        return type(result)([_too_large(result[0]), *result[1:]])
    larger = result * 1.01
    if hasattr(larger, "astype") and larger.dtype != result.dtype:  # NumPy widens small types
        larger = larger.astype(result.dtype)
    return larger
