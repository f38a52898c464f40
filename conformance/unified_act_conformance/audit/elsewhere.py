"""How an activation is written in each framework and dialect, in code to copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unified_act.dialects import Dialect, find_dialect, list_dialects
from unified_act.dialects.translation import Written, call, differences, write
from unified_act.literals import shown

__all__ = ["Elsewhere", "elsewhere"]


@dataclass(frozen=True)
class Elsewhere:
    """How an activation is written in one framework or dialect.

    Attributes:
        dialect: Its name; ``"unified_act"`` for what is the same on every backend of ours.
        code: What to write, with `x` for the input; None if no single call there means it.
        differs: What is not the same there.
    """

    dialect: str
    code: str | None
    differs: tuple[str, ...] = ()


def elsewhere(
    name: str, parameters: Mapping[str, Any], dialects: Sequence[str] = ()
) -> tuple[Elsewhere, ...]:
    """Returns how an activation is written, first by `get_activation` and then in each dialect.

    Args:
        name: Its canonical name.
        parameters: Those that are not the defaults.
        dialects: Only these; all if there are none.

    Raises:
        unified_act.UnknownDialectError: There is no such dialect.

    Examples:
        >>> for one in elsewhere("leaky_relu", {"negative_slope": 0.2}, ["tensorflow"]):
        ...     print(one.code)
        ua.get_activation('leaky_relu', negative_slope=0.2, backend=…)
        tf.nn.leaky_relu(x, alpha=0.2)
    """
    given = "".join(f", {key}={shown(value)}" for key, value in parameters.items())
    ours = Elsewhere("unified_act", f"ua.get_activation({name!r}{given}, backend=…)")
    found = [ours]
    for dialect in map(find_dialect, dialects or list_dialects()):
        written = write(name, parameters, dialect)
        if written is None:
            found.append(Elsewhere(dialect.name, None))
        else:
            stated = tuple(t for t in differences(written.meaning) if "our " not in t)
            found.append(Elsewhere(dialect.name, _code(written, dialect), stated))
    return tuple(found)


def _code(written: Written, dialect: Dialect) -> str:
    """The call with its input, if it is a function, and no layer or name in a configuration."""
    function = "." in written.spelling and not dialect.is_class(written.spelling)
    if function:
        listed = ", ".join(f"{key}={shown(value)}" for key, value in written.arguments.items())
        return f"{written.spelling}(x, {listed})" if listed else f"{written.spelling}(x)"
    if written.arguments or "." in written.spelling:
        text = call(written.spelling, written.arguments)
        return text if written.arguments else f"{text}()"
    return repr(written.spelling)
