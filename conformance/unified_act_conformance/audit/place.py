"""One activation of a model, as it is told to users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.audit.examine import Found, rows
from unified_act_conformance.identify import Identification, Match

__all__ = ["ActivationInModel", "told"]

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class ActivationInModel:
    """One activation in a model.

    Attributes:
        place: Where: the path of the module, layer or operation.
        line: The line of the source, where the framework tells it.
        operations: What the model calls, such as ``("div", "erf", "add", "mul")``.
        activation: The canonical name; None if no activation of ours is this function.
        parameters: Those that are not the defaults.
        errors: How far values are from the definition, by float type.
        notes: What else there is to say.
        identification: What `identify` found; None if the function could not be run.
    """

    place: str
    line: str
    operations: tuple[str, ...]
    activation: str | None
    parameters: Mapping[str, Any]
    errors: Mapping[str, float]
    notes: tuple[str, ...]
    identification: Identification | None
    found: Found

    @property
    def text(self) -> str:
        """The call, as `get_activation` reads it; or the nearest that it is not."""
        if self.activation is None:
            nearest = self.identification.nearest if self.identification else ()
            return f"not known; nearest: {nearest[0]}" if nearest else "not known"
        given = ", ".join(f"{key}={value!r}" for key, value in self.parameters.items())
        return f"{self.activation}({given})" if given else self.activation

    @property
    def curve(self) -> Doubles | None:
        """Its values at `points`, or at `rows` for a function along an axis."""
        if not self.found.ndim or self.activation is None:
            return self.found.examined.curve
        function = ua.get_activation(self.activation, backend="numpy", **self.parameters)
        try:
            return np.asarray(function(rows(self.found.ndim)))
        except ua.UnifiedActError:
            return None


def told(found: Found) -> ActivationInModel:
    """Returns what was found as it is told to users.

    Args:
        found: An activation in a model.
    """
    examined, node = found.examined, found.at
    known = examined.identification
    match = known.match if known else None
    parameters = dict(match.parameters) if match else {}
    notes = found.notes
    if match is not None:
        weights = {name: parameters.pop(name) for name in list(parameters) if _weight(match, name)}
        notes += tuple(f"{name} = {value:.6g}" for name, value in weights.items())
        if known and known.verdict == "wrong gradient":
            notes += ("ANOTHER GRADIENT",)
    if examined.problem:
        notes += (examined.problem,)
    errors = {d: difference.value for d, difference in known.differences.items()} if known else {}
    return ActivationInModel(
        node.place or node.line or node.output,
        node.line,
        found.operations,
        match.activation if match else None,
        parameters,
        {**errors, **examined.narrow},
        notes,
        known,
        found,
    )


def _weight(match: Match, name: str) -> bool:
    return name in ACTIVATIONS.find(match.activation).weights
