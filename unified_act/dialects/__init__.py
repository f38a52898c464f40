"""What each framework means by the name of an activation."""

from unified_act.dialects.meaning import (
    Cell,
    Dialect,
    Meaning,
    find_dialect,
    list_dialects,
    resolve,
    same,
)

__all__ = ["Cell", "Dialect", "Meaning", "find_dialect", "list_dialects", "resolve", "same"]
