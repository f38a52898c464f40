"""Lists the activations of a model, and compares those of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from unified_act_conformance.audit.against import Apart, against
from unified_act_conformance.audit.elsewhere import Elsewhere, elsewhere
from unified_act_conformance.audit.examine import Examiner
from unified_act_conformance.audit.place import ActivationInModel, told
from unified_act_conformance.audit.readers import read

__all__ = ["Audit", "audit", "headline"]


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

    def against(self, other: Audit) -> tuple[Apart, ...]:
        """Returns where another model has another function, the largest effect first.

        The activations are aligned in the order in which the models compute them.

        Args:
            other: The audit of the other model, such as an export of this one.
        """
        return against(self.activations, other.activations)

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
    found = [told(one) for one in Examiner(graph, progress).find()]
    return Audit(
        graph.title, graph.framework, tuple(graph.dtypes), tuple(found), tuple(graph.notes)
    )
