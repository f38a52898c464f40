"""Replaces the activations of an existing model: the request, what is found, and the report."""

from unified_act.replacement.meaning import (
    Meaning,
    Unknowns,
    change_of,
    function_in,
    meaning_of,
    sharing_notes,
    translated,
)
from unified_act.replacement.replace import replace_activations
from unified_act.replacement.report import FoundActivation, ReplacementReport
from unified_act.replacement.request import Request, Rule, Sharing, Sought

__all__ = [
    "FoundActivation",
    "Meaning",
    "ReplacementReport",
    "Request",
    "Rule",
    "Sharing",
    "Sought",
    "Unknowns",
    "change_of",
    "function_in",
    "meaning_of",
    "replace_activations",
    "sharing_notes",
    "translated",
]
