"""The cases to judge, and the implementation that each case calls."""

from __future__ import annotations

from unified_act_conformance.subject.cases import (
    DTYPES,
    ORDER_NAMES,
    ORDERS,
    Case,
    Check,
    Subject,
    case_id,
    check_id,
    count_cases,
    describe,
    dtypes_of,
    list_cases,
    subject_of,
    usual_backends,
)
from unified_act_conformance.subject.implementation import (
    Differentiated,
    Implement,
    Implementation,
    function_of_users,
    has_native_kernel,
    is_outrun,
    native_kernel,
    registered,
    shared_code,
)
from unified_act_conformance.subject.kept import kept_while_registered
from unified_act_conformance.subject.places import (
    code_of_call,
    definitions,
    devices_in,
    native_table,
    place_of,
    tabled_in,
)

__all__ = [
    "DTYPES",
    "ORDERS",
    "ORDER_NAMES",
    "Case",
    "Check",
    "Differentiated",
    "Implement",
    "Implementation",
    "Subject",
    "case_id",
    "check_id",
    "code_of_call",
    "count_cases",
    "definitions",
    "describe",
    "devices_in",
    "dtypes_of",
    "function_of_users",
    "has_native_kernel",
    "is_outrun",
    "kept_while_registered",
    "list_cases",
    "native_kernel",
    "native_table",
    "place_of",
    "registered",
    "shared_code",
    "subject_of",
    "tabled_in",
    "usual_backends",
]
