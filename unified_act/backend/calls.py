"""Calls of a framework's own functions that cost as little as a call can.

What is called and with which numbers is known when an activation is bound. So the call is written
out as Python text and compiled, which spares every later call a dict of keywords and a frame.
"""

from __future__ import annotations

import functools
import itertools
import linecache
import math
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any

__all__ = ["dtype_test", "positional_call", "shortcut", "with_keywords", "written_call"]

_KEPT = 4096
"""A traceback shows the line of a call for the last so many that were written."""
_numbers = itertools.count()

_NUMBERS = {"inf": math.inf, "nan": math.nan}
"""What `repr` writes of a number and Python does not read."""


def with_keywords(
    function: Callable[..., Any], keywords: Mapping[str, Any], inputs: Sequence[str] = ("x",)
) -> Callable[..., Any]:
    """Returns ``lambda x: function(x, **keywords)``, a tenth of a microsecond faster per call.

    Args:
        function: The function.
        keywords: Numbers, strings and the like.
        inputs: What the lambda takes and passes on; ``"*inputs"`` for any number.
    """
    if not keywords:
        return function
    scope = {"function": function, **_NUMBERS}
    fixed: Callable[..., Any] = eval(
        _code(f"lambda {', '.join(inputs)}: {written_call(keywords, inputs)}"), scope
    )
    return fixed


@functools.lru_cache(maxsize=1024)
def _code(text: str) -> CodeType:
    """Returns a compiled expression: a function and its derivatives share parameters and text."""
    return _compiled(text, "eval")


def _compiled(text: str, mode: str) -> CodeType:
    """Compiles a text under a name by which a traceback finds its lines."""
    number = next(_numbers)
    name = f"<unified_act call {number}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    linecache.cache.pop(f"<unified_act call {number - _KEPT}>", None)
    return compile(text, name, mode)


def written_call(keywords: Mapping[str, Any], inputs: Sequence[str] = ("x",)) -> str:
    """Returns the text of a call of ``function`` with the inputs and the keywords.

    Their values, which are numbers, strings and the like, are written out: constants are passed
    fastest, and a dict of keywords slowest.
    """
    passed = [f"{keyword}={value!r}" for keyword, value in keywords.items()]
    return f"function({', '.join([*inputs, *passed])})"


def positional_call(values: Sequence[Any], inputs: Sequence[str] = ("x",)) -> str:
    """Returns the text of a call of ``function`` with the inputs and arguments, by position."""
    return f"function({', '.join([*inputs, *map(repr, values)])})"


def dtype_test(names: Sequence[str], dtype: str = "x.dtype") -> str:
    """Returns the text of a test whether the dtype of x is one of those that a scope has by name.

    It compares objects, since to hash a dtype takes longer, and begins with the usual one.

    Args:
        names: The names.
        dtype: The text that asks for it.
    """
    usual_first = sorted(names, key=lambda name: name != "float32")
    return f"(dtype := {dtype}) is {' or dtype is '.join(usual_first)}"


def shortcut(
    condition: str,
    call: str,
    otherwise: Callable[..., Any],
    scope: Mapping[str, Any],
    inputs: Sequence[str] = ("x",),
) -> Callable[..., Any]:
    """Returns a function that evaluates `call` where `condition` holds, and calls `otherwise` else.

    Both are Python text about the inputs. Compiled into one function, an activation's check of the
    type and the framework's own call cost a single frame. What the condition cannot be asked of (a
    list has no dtype), and what the call refuses, goes to `otherwise`, which knows what to say
    about it. So does more or less than the inputs, where there are several.

    Args:
        condition: Whether the inputs may take the short way.
        call: The short way.
        otherwise: The long way, which takes everything.
        scope: The names that both texts use; ``refusals`` are the errors that lead the long way.
        inputs: What the texts call the inputs.
    """
    first, *further = inputs
    signature = passed_on = first
    if further:  # each by its name: to pack them into a tuple costs 0.1 µs
        signature = ", ".join([first, *(f"{name}=missing" for name in further), "/", "*more"])
        condition = f"({condition}) and not more"
        passed_on = f"*[given for given in ({', '.join(inputs)}, *more) if given is not missing]"
    source = (
        f"def call({signature}):\n"
        "    try:\n"
        f"        if {condition}:\n"
        f"            return {call}\n"
        "    except refusals:\n"
        "        pass\n"
        f"    return otherwise({passed_on})\n"
    )
    names: dict[str, Any] = {
        "refusals": (AttributeError, TypeError),
        "otherwise": otherwise,
        "missing": object(),
        **_NUMBERS,
        **scope,
    }
    exec(_compiled(source, "exec"), names)
    written: Callable[..., Any] = names["call"]
    written.__qualname__ = "shortcut.<locals>.call"  # as that of a closure, which it is
    return written
