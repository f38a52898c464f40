"""What infinite inputs come to: the check holds of ours, and can fail."""

from __future__ import annotations

import numpy as np
import pytest

from unified_act_conformance.checks.run import list_checks, run_checks
from unified_act_conformance.subject.cases import Subject
from unified_act_conformance.subject.implementation import function_of_users, registered

INTERLEAVED = Subject("swiglu", (("interleaved", True),))


def problem(subject: Subject, function=None, dtype: str = "float32") -> str:
    plan = list_checks([subject], {"numpy": [dtype]}, names=["infinities"])
    implement = registered if function is None else function_of_users(function)
    (result,) = run_checks(plan, implement=implement)
    return result.problem


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
@pytest.mark.parametrize(
    "subject", [INTERLEAVED, Subject("glu", (("axis", 0),)), Subject("silu_beta")], ids=str
)
def test_ours_has_the_limits(subject: Subject, dtype: str) -> None:
    assert problem(subject, dtype=dtype) == ""


def silu_beta(x, beta):
    """NaN at an infinity that the sigmoid takes to 0."""
    with np.errstate(all="ignore"):
        return (x / (1 + np.exp(-beta * x)) * np.exp(-beta * x * 0)).astype(x.dtype)


def swiglu(x):
    """Infinite where the gate is shut."""
    gate, value = np.split(x, 2, axis=-1)
    with np.errstate(all="ignore"):
        return (value * np.where(gate == -np.inf, -1, gate / (1 + np.exp(-gate)))).astype(x.dtype)


def test_a_product_with_infinity_is_told() -> None:
    assert "the value is nan at (inf, " in problem(Subject("silu_beta"), silu_beta)


def test_a_gate_that_does_not_shut_is_told() -> None:
    said = problem(Subject("swiglu"), swiglu)
    assert said == "the value is -1 at (-inf, 1), where its limit is 0"


def test_what_is_not_gated_or_learned_is_not_asked() -> None:
    assert not list_checks([Subject("relu")], {"numpy": ["float32"]}, names=["infinities"])
