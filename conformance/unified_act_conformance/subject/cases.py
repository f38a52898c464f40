"""What is run: every activation, with its default parameters and others, on every backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from unified_act.backend import DTYPES
from unified_act.loading import BUILTIN_BACKENDS, list_backends, load_backend
from unified_act.registry import ACTIVATIONS

__all__ = [
    "DTYPES",
    "ORDERS",
    "VARIANTS",
    "Case",
    "Subject",
    "count_cases",
    "dtypes_of",
    "list_cases",
    "list_subjects",
    "usual_backends",
]

ORDERS = (0, 1, 2)
"""0 is the value, 1 the gradient, 2 the gradient's gradient, wherever the framework has one."""

Parameters = Mapping[str, float | int]

# Besides the defaults, where there are any: other frameworks' defaults, and values that make a
# shortcut show. Factors are no float32 numbers, so that it shows where one becomes that.
VARIANTS: Mapping[str, Sequence[Parameters]] = MappingProxyType(
    {
        "affine": [{"alpha": 2.0, "beta": -0.75}, {"alpha": -0.3, "beta": 0.1}],
        "celu": [{"alpha": 0.3}],
        "clipped_gelu": [{"min_value": 9.0, "max_value": 12.0}],
        "clipped_relu": [{"max_value": 20.0}, {"max_value": 0.75}],
        "elu": [{"alpha": 0.25}, {"alpha": 0.3}],
        "geglu": [{"axis": 0}],
        "glu": [{"gate_first": True}, {"axis": 0}],
        "gumbel_softmax": [{"tau": 0.7, "hard": True}, {"axis": 0}],
        "hard_shrink": [{"threshold": 1.25}],
        "hard_sigmoid": [{"alpha": 0.2}],
        "hard_sigmoid_02": [{"alpha": 0.25, "beta": 0.25}],
        "hard_tanh": [{"min_value": -2.0, "max_value": 0.5}],
        "laplace": [{"mu": 0.707107, "sigma": 0.282095}, {"mu": -1.5, "sigma": 2.0}],
        "leaky_relu": [{"negative_slope": s} for s in (0.3, -0.5, 0.0)],
        "log_softmax": [{"axis": 0}],
        "maxout": [{"groups": 2}, {"groups": 3, "axis": 0}],
        "prelu": [{"axis": -1}],
        "rrelu": [{"training": True}],
        "scaled_tanh": [{"alpha": 0.7, "beta": 1.3}],
        "shrink": [{"threshold": 1.25, "bias": 0.75}],
        "silu": [{"beta": 1.702}],
        "silu_beta": [{"axis": -1}],
        "snake": [{"axis": -1}],
        "soft_shrink": [{"threshold": 1.25}],
        "softmax": [{"axis": 0}],
        "softplus": [{"beta": 4.7}],
        "softplus_beta": [{"axis": -1}],
        "sparsemax": [{"axis": 0}],
        "squareplus": [{"b": 0.0}, {"b": 0.3}],
        "swiglu": [{"gate_first": False}],
        "threshold": [{"threshold": 0.0, "value": 0.0}, {"threshold": 1.5, "value": -20.0}],
        "thresholded_relu": [{"threshold": 0.25}],
        "xielu": [{"beta": 1.0}],
    }
)


@dataclass(frozen=True)
class Subject:
    """One activation with its parameters: what the exact values are computed for once.

    Attributes:
        activation: The canonical name.
        parameters: Those that differ from the defaults.
    """

    activation: str
    parameters: tuple[tuple[str, float | int], ...] = ()

    def __str__(self) -> str:
        """The call, as `get_activation` reads it."""
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
        for backend in map(load_backend, backends)
    }


def list_subjects(activations: Sequence[str] = ()) -> list[Subject]:
    """Returns the subjects of the named activations, or of all that can be loaded.

    Args:
        activations: Names, in any spelling that the registry knows.
    """
    specs = [ACTIVATIONS.find(name) for name in activations] or ACTIVATIONS.load_all()[0]
    return [
        Subject(spec.name, tuple(parameters.items()))
        for spec in specs
        for parameters in (*([] if spec.required else [{}]), *VARIANTS.get(spec.name, ()))
    ]


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
