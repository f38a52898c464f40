"""Cases: an activation with its parameters, a backend, a float type and a derivative order."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import unified_act as ua
from unified_act.backend import DTYPES
from unified_act.loading import (
    BUILTIN_BACKENDS,
    computing_backend,
    list_backends,
    load_backend,
)
from unified_act.registry import ACTIVATIONS
from unified_act.request import settle

__all__ = [
    "DTYPES",
    "ORDERS",
    "ORDER_NAMES",
    "Case",
    "Check",
    "Subject",
    "case_id",
    "check_id",
    "count_cases",
    "describe",
    "dtypes_of",
    "list_cases",
    "number_of",
    "subject_of",
    "two_dtypes",
    "usual_backends",
]

ORDERS = (0, 1, 2)
"""0 is the value, 1 the gradient, 2 the gradient's gradient, wherever the framework has one."""
ORDER_NAMES = ("value", "gradient", "second derivative")


@dataclass(frozen=True)
class Subject:
    """One activation with its parameters: what the exact values are computed for once.

    Attributes:
        activation: The canonical name.
        parameters: Those that differ from the defaults.
        label: What reports call it instead: a function that is judged as this activation.
        options: The options with which the command judges it, if it is a function.
    """

    activation: str
    parameters: tuple[tuple[str, float | int], ...] = ()
    label: str = field(default="", compare=False)  # the exact values are the same
    options: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        """The label, or else the call, as `get_activation` reads it."""
        if self.label:
            return self.label
        if not self.parameters:
            return self.activation
        arguments = ", ".join(f"{key}={value}" for key, value in self.parameters)
        return f"{self.activation}({arguments})"


@dataclass(frozen=True)
class Case:
    """One thing that passes or fails.

    Attributes:
        subject: The activation and its parameters.
        backend: The backend.
        dtype: The name of the float type.
        order: 0 for the value, 1 for the gradient, 2 for the second derivative.
        part: By which input it is differentiated, which a weight of a learned activation may be.
    """

    subject: Subject
    backend: str
    dtype: str
    order: int
    part: str = field(default="x")


@dataclass(frozen=True)
class Check:
    """Something besides accuracy that passes or fails.

    Attributes:
        name: What is checked.
        subject: The activation and its parameters.
        backend: The backend.
        dtype: The name of the float type.
    """

    name: str
    subject: Subject
    backend: str
    dtype: str


def case_id(case: Case, *, spelled: bool = False) -> str:
    """Returns a name that no other case of a run has.

    Args:
        case: The case.
        spelled: As the ids of pytest's tests are: the order in words, and no spaces. In files it is
            a number.
    """
    parts = [str(case.subject), case.backend, case.dtype]
    parts.append(ORDER_NAMES[case.order] if spelled else str(case.order))
    if case.part != "x":
        parts.append(f"of-{case.part}" if spelled else case.part)
    return _id(parts, spelled)


def check_id(check: Check, *, spelled: bool = False) -> str:
    """Returns a name that no other check of a run has.

    Args:
        check: The check.
        spelled: As the ids of pytest's tests are: without spaces.
    """
    return _id([str(check.subject), check.backend, check.dtype, check.name], spelled)


def _id(parts: Sequence[str], spelled: bool) -> str:
    text = "-".join(parts)
    return text.replace(", ", ",").replace(" ", "-") if spelled else text


def number_of(subject: Subject) -> int:
    """Returns a number that differs from subject to subject, by which a sample is chosen.

    Args:
        subject: The subject.
    """
    return zlib.crc32(str(subject).encode())


def two_dtypes(dtypes: Sequence[str], subject: Subject) -> Sequence[str]:
    """Returns float32, if it is there, and another type, which is not the same for all subjects.

    Args:
        dtypes: Those to choose from.
        subject: The subject.
    """
    first = [dtype for dtype in dtypes if dtype == "float32"]
    others = [dtype for dtype in dtypes if dtype != "float32"]
    return [*first, *([others[number_of(subject) % len(others)]] if others else [])]


def describe(what: Case | Check) -> str:
    """Says in words what a case or a check is about.

    Args:
        what: The case or the check.
    """
    if isinstance(what, Check):
        told = what.name
    else:
        told = ORDER_NAMES[what.order] + ("" if what.part == "x" else f" of the {what.part}")
    return f"{what.subject} on {what.backend}, {what.dtype}, {told}"


def subject_of(activation: str, parameters: Mapping[str, Any] | None = None) -> Subject:
    """Reads an activation; parameters that are the defaults are left out.

    Args:
        activation: Its name, or with parameters as in `"elu(alpha=0.5)"`.
        parameters: More parameters.

    Raises:
        unified_act.UnifiedActError: A name is unknown.
    """
    described, options = settle(activation)  # a backend in it is not what is judged
    dialect = options.get("dialect")
    given = ua.get_activation(described, backend="numpy", dialect=dialect, **(parameters or {}))
    defaults = ua.get_activation(given.name, backend="numpy").parameters
    chosen = {key: value for key, value in given.parameters.items() if value != defaults[key]}
    return Subject(given.name, tuple(chosen.items()))


def usual_backends() -> list[str]:
    """Returns the backends that are run unless some are named: the built-in ones, if installed.

    That of a plugin is for its own tests, and run where it is named.
    """
    return [name for name in list_backends(installed=True) if name in BUILTIN_BACKENDS]


def dtypes_of(backends: Sequence[str], dtypes: Sequence[str] = ()) -> dict[str, list[str]]:
    """Returns the dtypes that each backend has, by its name, loading them all.

    Args:
        backends: Names, in any spelling.
        dtypes: Only these.
    """
    return {
        backend.name: [dtype for dtype in backend.dtypes if not dtypes or dtype in dtypes]
        for backend in map(load_backend, map(computing_backend, backends))
    }


def list_cases(
    subjects: Sequence[Subject],
    backends: Mapping[str, Sequence[str]],
    orders: Sequence[int] = ORDERS,
) -> list[Case]:
    """Returns every case, in the order in which they run.

    Args:
        subjects: The subjects.
        backends: The dtypes of each backend to run.
        orders: Which derivatives.
    """
    return list(_cases(subjects, backends, orders))


def count_cases(
    subjects: Sequence[Subject],
    backends: Mapping[str, Sequence[str]],
    orders: Sequence[int] = ORDERS,
) -> int:
    """Returns how many cases there have to be, reckoned without listing them.

    A run that comes to fewer has lost some on the way.

    Args:
        subjects: The subjects.
        backends: The dtypes of each backend to run.
        orders: Which derivatives.
    """
    weights = sum(len(_parts(subject)) - 1 for subject in subjects)
    by_order = [len(subjects) + (weights if order else 0) for order in set(orders)]
    return sum(map(len, backends.values())) * sum(by_order)


def _cases(
    subjects: Sequence[Subject], backends: Mapping[str, Sequence[str]], orders: Sequence[int]
) -> Iterator[Case]:
    # Backends innermost: the exact values, which cost most, are then computed once for all.
    for subject in subjects:
        parts = _parts(subject)
        for dtype in DTYPES:
            for order in orders:
                for part in parts if order else ("x",):
                    for backend, dtypes in backends.items():
                        if dtype in dtypes:
                            yield Case(subject, backend, dtype, order, part)


def _parts(subject: Subject) -> Sequence[str]:
    """The inputs by which an activation is differentiated."""
    return ACTIVATIONS.find(subject.activation).differentiated
