"""Exact values and derivatives of activations, from formulas in ball arithmetic."""

from __future__ import annotations

from unified_act_conformance.truth.cache import caches_of_user, keep, use_folder_of_user
from unified_act_conformance.truth.elementwise import (
    FIRST_PRECISION,
    OracleError,
    Reference,
    enclose,
    evaluate_once,
    kinks,
    reference_of,
    split,
)
from unified_act_conformance.truth.exact import Oracle, Truth, truth_of, try_oracle
from unified_act_conformance.truth.joint import (
    Block,
    along,
    definition_of,
    evaluate_block,
    result_length,
)
from unified_act_conformance.truth.long_rows import LONG_ROWS, LongRow, evaluate_long_row
from unified_act_conformance.truth.record import EVERYTHING, Definition, Record
from unified_act_conformance.truth.records import (
    RECORDS,
    family_members,
    list_subjects,
    record_of,
    unrecorded,
    value_range,
    without_subject,
)
from unified_act_conformance.truth.rows import ROW_FUNCTIONS, rows

__all__ = [
    "EVERYTHING",
    "FIRST_PRECISION",
    "LONG_ROWS",
    "RECORDS",
    "ROW_FUNCTIONS",
    "Block",
    "Definition",
    "LongRow",
    "Oracle",
    "OracleError",
    "Record",
    "Reference",
    "Truth",
    "along",
    "caches_of_user",
    "definition_of",
    "enclose",
    "evaluate_block",
    "evaluate_long_row",
    "evaluate_once",
    "family_members",
    "keep",
    "kinks",
    "list_subjects",
    "record_of",
    "reference_of",
    "result_length",
    "rows",
    "split",
    "truth_of",
    "try_oracle",
    "unrecorded",
    "use_folder_of_user",
    "value_range",
    "without_subject",
]
