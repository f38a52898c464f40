"""The functions of a namespace that are made of its others: each is written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from unified_act.special import (
    choosing,
    error_function,
    exponential,
    reductions,
    rounding,
    trigonometric,
)

__all__ = ["DERIVED", "complete", "variant_of"]

DERIVED: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "acos": trigonometric.acos,
        "acosh": exponential.acosh,
        "asin": trigonometric.asin,
        "asinh": exponential.asinh,
        "atan": trigonometric.atan,
        "atan2": trigonometric.atan2,
        "atanh": exponential.atanh,
        "ceil": rounding.ceil,
        "clip": choosing.clip,
        "copysign": choosing.copysign,
        "cosh": exponential.cosh,
        "erf": error_function.erf,
        "erfinv": error_function.erfinv,
        "exp2": exponential.exp2,
        "floor_divide": rounding.floor_divide,
        "hypot": trigonometric.hypot,
        "isfinite": choosing.isfinite,
        "isinf": choosing.isinf,
        "isnan": choosing.isnan,
        "log10": exponential.log10,
        "log2": exponential.log2,
        "logaddexp": exponential.logaddexp,
        "logical_xor": choosing.logical_xor,
        "maximum": choosing.maximum,
        "mean": reductions.mean,
        "min": reductions.smallest,
        "minimum": choosing.minimum,
        "negative": lambda xp, x: -x,
        "positive": lambda xp, x: x,
        "reciprocal": lambda xp, x: 1.0 / x,
        "remainder": rounding.remainder,
        "round": rounding.nearest,
        "sigmoid": exponential.sigmoid,
        "sign": choosing.sign,
        "signbit": choosing.signbit,
        "sinh": exponential.sinh,
        "softplus": exponential.softplus,
        "square": lambda xp, x: x * x,
        "tan": trigonometric.tan,
        "trunc": rounding.trunc,
        "var": reductions.var,
    }
)
"""By name, the function that takes a namespace and then what the namespace's own takes."""


def complete(xp: Any) -> None:
    """Gives a namespace the functions that are made of its others, where it has no own.

    Args:
        xp: A module or an object.
    """
    for name, function in DERIVED.items():
        if not hasattr(type(xp), name) and name not in vars(xp):
            setattr(xp, name, _bound(function, xp))


def _bound(function: Callable[..., Any], xp: Any) -> Callable[..., Any]:
    return lambda *arrays, **keywords: function(xp, *arrays, **keywords)


def variant_of(namespace: Any) -> Any:
    """Returns a copy of a namespace whose functions can be replaced.

    It is a module, since PyTorch's compiler traces no other object here. What is made of other
    functions, `erfc` and `times_erfc` among them, calls those of the copy.
    """
    from unified_act.backend import Namespace  # here, since the catalogue does not need it

    names = [name for name in vars(Namespace) if name[0] != "_" and name not in DERIVED]
    xp: Any = ModuleType("variant")
    vars(xp).update({name: getattr(namespace, name) for name in names})
    xp.times_erfc = lambda factor, x: error_function.times_erfc(xp, factor, x)
    xp.erfc = lambda x: error_function.times_erfc(xp, xp.full_like(x, 1.0), x)
    complete(xp)
    return xp
