"""The meanings of the names of activations in each framework."""

from unified_act.dialects.meaning import (
    Cell,
    Dialect,
    Meaning,
    find_dialect,
    list_dialects,
    resolve,
    same,
    speaking,
)

__all__ = [
    "Cell",
    "Dialect",
    "Meaning",
    "find_dialect",
    "list_dialects",
    "resolve",
    "same",
    "speaking",
]
