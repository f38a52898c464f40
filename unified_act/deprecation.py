"""Deprecated public names, and their warnings.

`DEPRECATIONS` is the list. An entry is all that an old name of `unified_act` itself needs. An old
module stays as a file of two lines::

    from unified_act.deprecation import moved_module
    moved_module(__name__)

and a module that a name has left keeps::

    def __getattr__(name: str) -> object:
        return moved_name(f"{__name__}.{name}")

`docs/deprecation.md` is the policy. `tests/test_deprecation.py` fails when a name is still there
in the version that should no longer have it.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import NamedTuple

__all__ = ["DEPRECATIONS", "Deprecation", "moved_module", "moved_name", "warn_deprecated"]


class Deprecation(NamedTuple):
    """A public name that is deprecated.

    Attributes:
        old: The name with its module, or the module.
        new: What to use in its place: another name or module.
        since: The first version that warns.
        removed_in: The version that no longer has it.
    """

    old: str
    new: str
    since: str
    removed_in: str

    def __str__(self) -> str:
        return (
            f"{self.old} is deprecated since unified_act {self.since} and will be removed in "
            f"{self.removed_in}: use {self.new}."
        )


DEPRECATIONS = (
    Deprecation(
        "unified_act_conformance.plugin", "unified_act_conformance.pytest_plugin", "0.1.0", "0.3.0"
    ),
    Deprecation("unified_act_tensorflow.layers", "unified_act_keras.layers", "0.1.0", "0.3.0"),
)
"""Every public name that is deprecated now."""


def _find(old: str) -> Deprecation | None:
    return next((entry for entry in DEPRECATIONS if entry.old == old), None)


def moved_module(old: str) -> None:
    """Puts the new module in the place of the old one, which is being imported, and warns.

    Args:
        old: The old module's ``__name__``.
    """
    entry = warn_deprecated(old, stacklevel=4)
    sys.modules[old] = importlib.import_module(entry.new)


def moved_name(old: str) -> object:
    """Returns what a name of a module stands for now, and warns.

    Args:
        old: The name with its module, ``f"{__name__}.{name}"``.

    Raises:
        AttributeError: No such name is deprecated.
    """
    if _find(old) is None:
        module, _, name = old.rpartition(".")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    module, _, name = warn_deprecated(old, stacklevel=4).new.rpartition(".")
    moved: object = getattr(importlib.import_module(module), name)
    return moved


def warn_deprecated(old: str, *, stacklevel: int = 3) -> Deprecation:
    """Warns that something is deprecated, and names the line that uses it.

    Args:
        old: The name in `DEPRECATIONS`.
        stacklevel: The number of calls from the line that uses the name to the warning; 3 if a
            public function calls this one.

    Returns:
        The entry of the name.

    Raises:
        LookupError: The name has no entry.
    """
    entry = _find(old)
    if entry is None:
        raise LookupError(f"{old} has no entry in unified_act.deprecation.DEPRECATIONS")
    warnings.warn(str(entry), DeprecationWarning, stacklevel=stacklevel)
    return entry
