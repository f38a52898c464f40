"""The records of all activations, and functions that look them up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from unified_act import catalogue
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.subject import Subject
from unified_act_conformance.truth import definitions, formulas
from unified_act_conformance.truth.record import EVERYTHING, Formula, Parameters, Range, Record

__all__ = [
    "RECORDS",
    "family_members",
    "formula_of",
    "list_subjects",
    "record_of",
    "unrecorded",
    "value_range",
    "without_subject",
]

RECORDS: Mapping[str, Record] = MappingProxyType(
    {record.name: record for record in (*formulas.RECORDS, *definitions.RECORDS)}
)
"""By canonical name, elementwise activations first."""


def record_of(name: str) -> Record:
    """Returns what is written down about an activation; the defaults if nothing is.

    Args:
        name: Its canonical name.
    """
    return RECORDS.get(name) or Record(name)


def formula_of(name: str) -> Callable[..., Formula]:
    """Returns what builds the formula of an elementwise activation.

    Args:
        name: Its canonical name.

    Raises:
        LookupError: There is none; the message says where one belongs.
    """
    formula = record_of(name).formula
    if formula is None:
        raise LookupError(
            f"{name} has no formula: write one, and a Record with it, in the file of its family "
            f"in {formulas.__path__[0]}"
        )
    return formula


def unrecorded(name: str) -> str:
    """Says what an activation without a record is judged by, or nothing of one that has one.

    Args:
        name: Its canonical name.
    """
    if name in RECORDS:
        return ""
    activation = ACTIVATIONS.find(name)
    by = "its oracle" if activation.oracle else "its own definition"
    text = f"{name} is judged by {by}, with the budgets of the tier {Record(name).tier}"
    if activation not in catalogue.ACTIVATIONS:
        return text  # a user's, or a plugin's
    where = f"the file of its family in {formulas.__path__[0]}"
    where = where if activation.kind.elementwise else definitions.__file__
    return f"{text}: it has no Record yet; write one, with its formula, in {where}"


def list_subjects(activations: Sequence[str] = ()) -> list[Subject]:
    """Returns the subjects of the named activations, or of all that can be loaded.

    Args:
        activations: Names, in any spelling that the registry knows.
    """
    specs = [ACTIVATIONS.find(name) for name in activations] or ACTIVATIONS.load_all()[0]
    return [
        Subject(spec.name, tuple(parameters.items()))
        for spec in specs
        for parameters in (*([] if spec.required else [{}]), *record_of(spec.name).variants)
    ]


def without_subject(name: str) -> str:
    """Says why nothing of an activation is judged, or nothing.

    Args:
        name: Its name, in any spelling.
    """
    spec = ACTIVATIONS.find(name)
    if not spec.required or record_of(spec.name).variants:
        return ""
    return (
        f"{spec.name} has no default for {', '.join(spec.required)}: the `variants` of its Record "
        "say with which values it is judged"
    )


def family_members(family: str) -> list[Subject]:
    """Returns the activations of a family, with other frameworks' defaults among them.

    Args:
        family: Its name, as records have it.
    """
    return [
        Subject(record.name, tuple(parameters.items()))
        for record in RECORDS.values()
        if family in record.families
        for parameters in record.family_parameters
    ]


def value_range(name: str, order: int, parameters: Parameters | None = None) -> Range:
    """Gives the smallest closed interval that holds all values.

    Args:
        name: The canonical name.
        order: 0 for the function, 1 for its derivative; a higher one is not bounded here.
        parameters: Parameters that differ from the defaults.

    Returns:
        The bounds, infinite where there are none. A bound that is not a short binary fraction is
        rounded to double.
    """
    if order > 1:
        return EVERYTHING
    return record_of(name).ranges(**(parameters or {}))[order]
