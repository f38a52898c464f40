"""What is right: exact values and derivatives, from formulas in ball arithmetic."""

from __future__ import annotations

from unified_act_conformance.truth.definitions import Definition
from unified_act_conformance.truth.elementwise import (
    FIRST_PRECISION,
    OracleError,
    Reference,
    kinks,
    reference_of,
    split,
)
from unified_act_conformance.truth.joint import Block, along, evaluate_block
from unified_act_conformance.truth.ranges import EVERYTHING, value_range
from unified_act_conformance.truth.registered import Oracle, Truth, truth_of
from unified_act_conformance.truth.registered_joint import definition_of
from unified_act_conformance.truth.rows import ROW_FUNCTIONS, rows

__all__ = [
    "EVERYTHING",
    "FIRST_PRECISION",
    "ROW_FUNCTIONS",
    "Block",
    "Definition",
    "Oracle",
    "OracleError",
    "Reference",
    "Truth",
    "along",
    "definition_of",
    "evaluate_block",
    "kinks",
    "reference_of",
    "rows",
    "split",
    "truth_of",
    "value_range",
]
