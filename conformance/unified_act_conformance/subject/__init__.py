"""What is judged: the cases, and the implementation that each one calls."""

from __future__ import annotations

from unified_act_conformance.subject.cases import (
    DTYPES,
    ORDERS,
    Case,
    Subject,
    count_cases,
    dtypes_of,
    list_cases,
    list_subjects,
    usual_backends,
)
from unified_act_conformance.subject.implementation import (
    Differentiated,
    Implement,
    Implementation,
    function_of_users,
    has_native_kernel,
    native_kernel,
    registered,
)

__all__ = [
    "DTYPES",
    "ORDERS",
    "Case",
    "Differentiated",
    "Implement",
    "Implementation",
    "Subject",
    "count_cases",
    "dtypes_of",
    "function_of_users",
    "has_native_kernel",
    "list_cases",
    "list_subjects",
    "native_kernel",
    "registered",
    "usual_backends",
]
