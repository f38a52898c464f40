"""Lists the activations of a model, and compares those of two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unified_act as ua
from unified_act_conformance.audit.elsewhere import Elsewhere, elsewhere
from unified_act_conformance.audit.examine import Examiner, Found, rows
from unified_act_conformance.audit.readers import read
from unified_act_conformance.identify import Identification

__all__ = ["ActivationInModel", "Audit", "audit"]

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


@dataclass(frozen=True)
class Audit:
    """The activations of a model. `print` shows them.

    Attributes:
        model: What the model is called.
        framework: What it was made with.
        dtypes: The float types of its values, the most frequent first.
        activations: All activations, in the order in which the model computes them.
        notes: What could not be examined.
    """

    model: str
    framework: str
    dtypes: tuple[str, ...]
    activations: tuple[ActivationInModel, ...]
    notes: tuple[str, ...] = ()

    @property
    def kinds(self) -> dict[str, list[ActivationInModel]]:
        """The activations by what they are, in the order of the first of each."""
        found: dict[str, list[ActivationInModel]] = {}
        for one in self.activations:
            found.setdefault(one.text, []).append(one)
        return found

    def elsewhere(self, dialects: Sequence[str] = ()) -> dict[str, tuple[Elsewhere, ...]]:
        """Returns how each kind of activation is written in other frameworks.

        Args:
            dialects: Only in these; all if there are none.
        """
        return {
            text: elsewhere(places[0].activation, places[0].parameters, dialects)
            for text, places in self.kinds.items()
            if places[0].activation is not None
        }

    def document(self, dialects: Sequence[str] = ()) -> dict[str, Any]:
        """Returns everything as nested dicts, sequences, texts and numbers.

        Args:
            dialects: As in `elsewhere`.
        """
        return {
            "model": self.model,
            "framework": self.framework,
            "dtypes": self.dtypes,
            "activations": [
                {
                    "place": one.place,
                    "line": one.line,
                    "operations": one.operations,
                    "activation": one.activation,
                    "parameters": dict(one.parameters),
                    "text": one.text,
                    "errors": dict(one.errors),
                    "notes": one.notes,
                    "identification": asdict(one.identification) if one.identification else None,
                }
                for one in self.activations
            ],
            "elsewhere": {
                text: [asdict(one) for one in found]
                for text, found in self.elsewhere(dialects).items()
            },
            "notes": self.notes,
        }

    def __str__(self) -> str:
        """The activations by place, and how many there are of each kind."""
        lines = [f"{headline(self)}"]
        width = max((len(one.place) for one in self.activations), default=0)
        for one in self.activations:
            notes = f"  ({'; '.join(one.notes)})" if one.notes else ""
            lines.append(f"  {one.place:<{width}}  {one.text}{notes}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def headline(found: Audit) -> str:
    """Returns one line about how many activations there are.

    Args:
        found: The audit.
    """
    count, kinds = len(found.activations), len(found.kinds)
    what = "no activations" if not count else f"{count} activation{'s' * (count > 1)}"
    of = f" of {kinds} kinds" if kinds > 1 else ""
    return f"{found.model} ({found.framework}): {what}{of}"


def audit(
    model: Any, inputs: Any = None, *, progress: Callable[[str], None] | None = None
) -> Audit:
    """Lists the activations of a model, for `unified_act.audit`.

    Args:
        model: A model of any framework, or the path of a file with one.
        inputs: What it is called with, if that has to be known.
        progress: Is called with what is being examined.
    """
    graph = read(model, inputs)
    found = [_told(one) for one in Examiner(graph, progress).find()]
    return Audit(
        graph.title, graph.framework, tuple(graph.dtypes), tuple(found), tuple(graph.notes)
    )


def _told(found: Found) -> ActivationInModel:
    examined, node = found.examined, found.node
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


def _weight(match: Any, name: str) -> bool:
    return name in ua.registry.ACTIVATIONS.find(match.activation).weights
