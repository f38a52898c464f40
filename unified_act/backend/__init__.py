"""The contract that every backend fulfils, and the code that all backends share."""

from unified_act.backend.calls import (
    compiled_text,
    dtype_test,
    positional_call,
    shortcut,
    with_keywords,
    written_call,
)
from unified_act.backend.contract import (
    DTYPES,
    HOME,
    Backend,
    Devices,
    ModelBackend,
    Native,
    Numerics,
    Reach,
    Tabled,
    beyond_dtype,
    check_cotangent,
    check_further,
    cotangent_error,
    detached_error,
    input_error,
    kernel_for,
)
from unified_act.backend.dispatch import LEAST_NOISE, FrameworkBackend, Request, Words
from unified_act.backend.namespace import Namespace
from unified_act.backend.randomness import seed_or_generator, with_generator

__all__ = [
    "DTYPES",
    "HOME",
    "LEAST_NOISE",
    "Backend",
    "Devices",
    "FrameworkBackend",
    "ModelBackend",
    "Namespace",
    "Native",
    "Numerics",
    "Reach",
    "Request",
    "Tabled",
    "Words",
    "beyond_dtype",
    "check_cotangent",
    "check_further",
    "compiled_text",
    "cotangent_error",
    "detached_error",
    "dtype_test",
    "input_error",
    "kernel_for",
    "positional_call",
    "seed_or_generator",
    "shortcut",
    "with_generator",
    "with_keywords",
    "written_call",
]
