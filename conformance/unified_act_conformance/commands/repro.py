"""Runs one input of one case, as the reproduction line of a failure report does."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from unified_act.backend import Numerics
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.floats import FloatArray, to_type, widen
from unified_act_conformance.function import JudgedFunction
from unified_act_conformance.harness import load_harness
from unified_act_conformance.judge import (
    Judgement,
    budget_of,
    deviations_of,
    inside,
    judge_problem,
    output_of,
    worse,
)
from unified_act_conformance.problems import Problem, problem_at, problems_for
from unified_act_conformance.report.run import decimal, hexadecimal, repro_line
from unified_act_conformance.subject import (
    Case,
    code_of_call,
    describe,
    place_of,
    registered,
    subject_of,
)
from unified_act_conformance.truth import Oracle

__all__ = ["number_of", "repro", "repro_command", "repro_text"]


def repro(
    activation: str,
    backend: str,
    dtype: str = "float32",
    order: int = 0,
    x_hex: str = "0x0p+0",
    parameters: Mapping[str, float | int] | None = None,
) -> str:
    """Runs one input on one backend, and returns a short report of the result.

    Args:
        activation: The activation: its name, or with parameters as in `"elu(alpha=0.5)"`.
        backend: The backend.
        dtype: The name of the float type.
        order: 0 for the value, 1 for the gradient, 2 for the second derivative.
        x_hex: The input, as `float.hex` writes it or as a decimal number; rounded to the type.
        parameters: Those that differ from the defaults.

    Raises:
        unified_act.UnifiedActError: A name is unknown, or the backend cannot be loaded.
    """
    case = Case(subject_of(activation, parameters), backend, dtype, order)
    return repro_text(case, "fast", number_of(x_hex))


def repro_command(
    activation: str,
    backend: str,
    dtype: str = "float32",
    order: int = 0,
    x_hex: str = "0x0p+0",
    parameters: Mapping[str, float | int] | None = None,
) -> str:
    """Returns the command that does the same as `repro`.

    Args:
        activation: As for `repro`.
        backend: As for `repro`.
        dtype: As for `repro`.
        order: As for `repro`.
        x_hex: As for `repro`.
        parameters: As for `repro`.
    """
    case = Case(subject_of(activation, parameters), backend, dtype, order)
    return repro_line(case, "fast", number_of(x_hex))


def repro_text(
    case: Case, numerics: Numerics, x: float, function: JudgedFunction | None = None
) -> str:
    """Runs a case at one input, and returns a short report of the result.

    An elementwise activation is called with this input alone. Any other activation is called with
    the rows or weights of the suite, and the report shows the worst output for this input.

    Args:
        case: The case.
        numerics: The profile.
        x: The input.
        function: The function that is called in place of the activation, if there is one.
    """
    implement = registered if function is None else function.implement
    harness, implementation = load_harness(case.backend), implement(case, numerics)
    typed = to_type(np.array([x]), case.dtype)
    judged: Judgement | None = None
    limit = budget_of(case)
    known: set[str] = set()
    for problem in _problems(case, typed, None if function is None else function.oracle):
        chosen = _is(problem.about, typed)
        if function is not None:
            chosen &= inside(problem, function.domain)
        if chosen.any():
            output = output_of(case, harness, implementation, problem)
            found = judge_problem(case, numerics, problem, output, chosen)
            if function is None:
                known |= _declared(case, numerics, problem, output, chosen)
            if judged is None or found.max_error > judged.max_error:
                limit = budget_of(case, problem.length)
            judged = worse(judged, found)
    head = f"{describe(case)}, {numerics}"
    if judged is None or not judged.count:
        return f"{head}\nnothing is specified at x = {_both(x, case.dtype)}"
    verdict = "passed" if judged.passed else "FAILED"
    faults = [name for name, count in judged.classes.items() if count]
    activation = ACTIVATIONS.find(case.subject.activation)
    bound = activation.bind(dict(case.subject.parameters))
    if function is not None:
        code = place_of(implementation.function)
    else:
        code = code_of_call(activation, case.backend, case.dtype, bound, numerics)
    lines = [
        head,
        f"code  {code}",
        f"x     {_both(judged.worst_x, case.dtype)}",
        f"got   {_both(judged.got, case.dtype)}",
        f"want  {_both(judged.want, case.dtype)}, correctly rounded",
        f"{judged.worst_distance:.0f} ulp apart",
        f"error {judged.max_error:.4g}, budget {limit:g}: {', '.join([verdict, *faults])}",
        *(f"declared as {name}" for name in sorted(known)),
    ]
    return "\n".join(lines)


def _problems(case: Case, typed: FloatArray, oracle: Oracle | None) -> list[Problem]:
    if ACTIVATIONS.find(case.subject.activation).kind.elementwise:
        return [problem_at(case, [typed], oracle=oracle)]
    return list(problems_for(case, quick=True))


def _declared(
    case: Case, numerics: Numerics, problem: Problem, output: FloatArray, chosen: NDArray[np.bool_]
) -> set[str]:
    """The ids of the deviations that one of the chosen outputs falls under."""
    inputs, exact = widen(problem.about), problem.reference.high
    return {
        deviation.id
        for deviation in deviations_of(case, load_harness(case.backend), numerics)
        if deviation.covers(inputs, exact, widen(output), case.dtype)[chosen].any()
    }


def _is(about: FloatArray, typed: FloatArray) -> NDArray[np.bool_]:
    """Where the same number is, by its bits; every NaN is the same."""
    left, right = widen(about), widen(typed)
    same = (left == right) & (np.signbit(left) == np.signbit(right))
    return np.asarray(same | (np.isnan(left) & np.isnan(right)))


def number_of(text: str) -> float:
    """Reads an input.

    Args:
        text: In decimal, or as `float.hex` writes it.

    Raises:
        ValueError: It is neither.
    """
    return float.fromhex(text) if "0x" in text.lower() else float(text)


def _both(value: float, dtype: str) -> str:
    return f"{hexadecimal(value)} ({decimal(value, dtype)})"
