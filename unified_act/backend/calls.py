"""Calls a framework's own functions with as little overhead as possible.

The function and its parameters are known when an activation is requested. The call is written as
Python text and compiled then, which saves every later call a dict of keywords and a frame.
"""

from __future__ import annotations

import functools
import itertools
import linecache
import math
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any

from unified_act.literals import literal

__all__ = [
    "compiled_text",
    "dtype_test",
    "positional_call",
    "shortcut",
    "with_keywords",
    "written_call",
]

_KEPT = 4096
"""Tracebacks can show the source of this many of the compiled calls, the latest ones."""
_numbers = itertools.count()

_NUMBERS = {"inf": math.inf, "nan": math.nan}
"""The numbers whose text, as `literal` writes it, is not a Python literal."""


def with_keywords(
    function: Callable[..., Any], keywords: Mapping[str, Any], inputs: Sequence[str] = ("x",)
) -> Callable[..., Any]:
    """Returns ``lambda x: function(x, **keywords)``, a tenth of a microsecond faster per call.

    Args:
        function: The function.
        keywords: Numbers, strings and the like.
        inputs: The arguments of the lambda, which it passes on; ``"*inputs"`` for any number.
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
    """Returns a compiled expression. A function and its derivatives often share the text."""
    return compiled_text(text, "eval")


def compiled_text(text: str, mode: str) -> CodeType:
    """Compiles a text under a file name by which a traceback finds its lines."""
    number = next(_numbers)
    name = f"<unified_act call {number}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    linecache.cache.pop(f"<unified_act call {number - _KEPT}>", None)
    return compile(text, name, mode)


def written_call(keywords: Mapping[str, Any], inputs: Sequence[str] = ("x",)) -> str:
    """Returns the text of a call of ``function`` with the inputs and the keywords.

    The values of the keywords, such as numbers and strings, are written into the text, since
    Python passes constants faster than a dict of keywords.
    """
    passed = [f"{keyword}={literal(value)}" for keyword, value in keywords.items()]
    return f"function({', '.join([*inputs, *passed])})"


def positional_call(values: Sequence[Any], inputs: Sequence[str] = ("x",)) -> str:
    """Returns the text of a call of ``function`` with the inputs and arguments, by position."""
    return f"function({', '.join([*inputs, *map(literal, values)])})"


def dtype_test(names: Sequence[str], dtype: str = "x.dtype") -> str:
    """Returns the text of a test whether the dtype of x is one of several.

    The test uses ``is``, because hashing a dtype takes longer, and begins with float32.

    Args:
        names: The names of the dtypes in the scope of the text.
        dtype: The expression that gives the dtype of x.
    """
    usual_first = sorted(names, key=lambda name: name != "float32")
    return f"(dtype := {dtype}) is {' or dtype is '.join(usual_first)}"


def shortcut(
    condition: str,
    call: str,
    otherwise: Callable[..., Any],
    scope: Mapping[str, Any],
    inputs: Sequence[str] = ("x",),
    into: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """Returns a function that evaluates `call` if `condition` is true, and else `otherwise`.

    Both texts are Python expressions of the inputs. They are compiled into one function, so that
    the check of the type and the framework's own call cost a single frame. The function also calls
    `otherwise`, which raises the right error, if the condition or the call fails (a list has no
    dtype), or if there are several inputs and the number of arguments is wrong.

    Args:
        condition: The test whether `call` may be used.
        call: The fast call.
        otherwise: The function that handles and checks all other inputs.
        scope: The names that both texts use. ``refusals`` are the errors that lead to `otherwise`.
        inputs: The names of the inputs in the texts.
        into: ``into(x, out=out)``, which is called if the function of one input is given an array
            ``out``; by default it takes none.
    """
    first, *further = inputs
    signature = passed_on = first
    if further:  # one name for each: packing them into a tuple costs 0.1 µs
        signature = ", ".join([first, *(f"{name}=missing" for name in further), "/", "*more"])
        condition = f"({condition}) and not more"
        passed_on = f"*[given for given in ({', '.join(inputs)}, *more) if given is not missing]"
    asked = ""
    if into is not None:
        signature += ", *, out=None"
        asked = f"    if out is not None:\n        return into({first}, out=out)\n"
    source = (
        f"def call({signature}):\n"
        f"{asked}"
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
        "into": into,
        "missing": object(),
        **_NUMBERS,
        **scope,
    }
    exec(compiled_text(source, "exec"), names)
    written: Callable[..., Any] = names["call"]
    written.__qualname__ = "shortcut.<locals>.call"  # a qualified name as that of a closure
    return written
