"""Plans and runs the checks besides accuracy, and collects their results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from unified_act import Activation
from unified_act.backend import DTYPES, Numerics
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.checks import autodiff, basic, contracts, infinities, varied
from unified_act_conformance.checks.bench import Bench, bench_for
from unified_act_conformance.declared import declared_for
from unified_act_conformance.harness import NotOfferedError, load_harness
from unified_act_conformance.judge import Domain, Outcome
from unified_act_conformance.subject import (
    ORDERS,
    Case,
    Check,
    Implement,
    Subject,
    number_of,
    registered,
    two_dtypes,
)
from unified_act_conformance.truth import RECORDS, Oracle, record_of

__all__ = ["CHECKS", "DIMENSIONS", "SLOW_MODES", "CheckResult", "list_checks", "run_checks"]


def _specified(subject: Subject) -> Activation:
    return ACTIVATIONS.find(subject.activation)


def _draws(subject: Subject) -> bool:
    """Whether it takes noise with these parameters."""
    activation = _specified(subject)
    inputs = activation.inputs_for(activation.bind(dict(subject.parameters)))
    return not set(activation.noise).isdisjoint(inputs)


def _has_limits(subject: Subject) -> bool:
    """Whether somebody has said that infinities are right: of plugins nobody has."""
    return subject.activation in RECORDS and _specified(subject).kind in ("gated", "learned")


DIMENSIONS = "dimensions"
FORWARD_MODE = "forward mode"
DOUBLE_BACKWARD = "double backward"

CHECKS: Mapping[str, Callable[[Bench], str]] = MappingProxyType(
    {
        "cotangents": basic.cotangents,
        "not mutated": basic.not_mutated,
        "deterministic": basic.deterministic,
        "lengths": basic.lengths,
        "layouts": basic.layouts,
        "weights": basic.weights,
        FORWARD_MODE: autodiff.forward_mode,
        DOUBLE_BACKWARD: autodiff.double_backward,
        "saved tensors": autodiff.saved_tensors,
        "shares": contracts.shares,
        "seeds": contracts.seeds,
        "noise": contracts.noise,
        "refused": contracts.refused,
        "infinities": infinities.infinities,
        DIMENSIONS: varied.dimensions,
    }
)
"""By name. The compilers of a backend are checks too: "mode compile", "mode jit" …"""

SLOW_MODES = ("inductor",)
"""Compilers that are tried only on demand."""
COMPILED_DTYPES = ("float32",)
ONE_TYPE = (FORWARD_MODE, DOUBLE_BACKWARD, "refused")
"""Checks that a quick run makes in one type: a framework traces operations anew in each, as
TensorFlow does, or all types have the same code."""
TURNS = (("lengths", "cotangents"), ("layouts", "weights"))
"""Where each shape is compiled, a quick run makes the first ones in one type, and the second ones
in the other."""
FEWER = 4
"""Of how many activations a quick run tries one in forward mode, where each operation is traced."""
ONLY: Mapping[str, Callable[[Subject], bool]] = MappingProxyType(
    {
        "weights": lambda subject: bool(_specified(subject).weights),
        "saved tensors": lambda subject: _specified(subject).kind.elementwise,
        "shares": lambda subject: bool(record_of(subject.activation).shares),
        "seeds": _draws,
        "noise": _draws,
        "infinities": _has_limits,
    }
)
"""The subjects that a check is about, if not about all."""


@dataclass(frozen=True)
class CheckResult(Outcome):
    """What a check came to.

    Attributes:
        check: What was checked.
        subject: The activation and its parameters.
        backend: The backend.
        dtype: The name of the float type.
        numerics: The profile.
        problem: What is wrong, in words; empty if nothing.
        unsupported: Why the framework cannot be asked; empty if it can.
        deviation: The declared deviation that it showed, by its id; empty if none.
    """

    check: str
    subject: Subject
    backend: str
    dtype: str
    numerics: Numerics
    problem: str = ""
    unsupported: str = ""
    deviation: str = ""

    @property
    def planned(self) -> Check:
        """The check, as `list_checks` gave it."""
        return Check(self.check, self.subject, self.backend, self.dtype)


def list_checks(
    subjects: Sequence[Subject],
    backends: Mapping[str, Sequence[str]],
    *,
    names: Sequence[str] = (),
    slow: bool = False,
    compilers: bool = True,
    quick: bool = False,
) -> list[Check]:
    """Returns every check, in the order in which they run.

    Args:
        subjects: The activations.
        backends: The dtypes of each backend.
        names: Only these checks.
        slow: The slow compilers too, and all compilers in all types.
        compilers: Whether compilers are tried at all, unless they are named.
        quick: Unless checks are named, only those of the first subject of each activation, in two
            types, and some in one. `dimensions`, which varies the parameters too, has all types.
            Where forward mode is traced, one activation in four is tried in it. Where each shape is
            compiled, other subjects have no checks in a whole run either.
    """
    planned = []
    modes = {
        backend: [mode for mode in load_harness(backend).modes if slow or mode not in SLOW_MODES]
        for backend in backends
    }
    costly = {backend: load_harness(backend).compiles_each_shape for backend in backends}
    traced = {backend: load_harness(backend).traces_forward_mode for backend in backends}
    # Backends innermost: the exact values are then computed once for all.
    known: set[str] = set()
    for subject in subjects:
        further = subject.activation in known
        known.add(subject.activation)
        # It varies the parameters by itself.
        left_out = [DIMENSIONS] if further else []
        for dtype in DTYPES:
            for backend in (backend for backend in backends if dtype in backends[backend]):
                if further and not names and (quick or costly[backend]):
                    continue
                here = two_dtypes(backends[backend], subject)
                found = [name for name in CHECKS if name not in ONLY or ONLY[name](subject)]
                found = [name for name in found if name not in left_out]
                if quick and not names and dtype not in here:
                    found = [name for name in found if name == DIMENSIONS]
                if quick and not names and dtype not in COMPILED_DTYPES:
                    found = [name for name in found if name not in ONE_TYPE]
                if quick and not names and costly[backend]:
                    others = _of_other_type(subject, dtype, here)
                    found = [name for name in found if name not in others]
                if quick and not names and traced[backend] and number_of(subject) % FEWER:
                    found = [name for name in found if name != FORWARD_MODE]
                if (compilers or names) and (slow or dtype in COMPILED_DTYPES):
                    found += [f"mode {mode}" for mode in modes[backend]]
                planned += [
                    Check(name, subject, backend, dtype)
                    for name in found
                    if not names or name in names
                ]
    return planned


def _of_other_type(subject: Subject, dtype: str, dtypes: Sequence[str]) -> Sequence[str]:
    """The checks whose turn comes in the other one of two types."""
    if dtype not in dtypes or len(dtypes) < len(TURNS):
        return ()  # there is one type
    return TURNS[(dtypes.index(dtype) + number_of(subject)) % len(TURNS)]


def run_checks(
    checks: Sequence[Check],
    *,
    numerics: Numerics = "fast",
    quick: bool = False,
    orders: Sequence[int] = ORDERS,
    implement: Implement = registered,
    oracle: Oracle | None = None,
    domain: Domain | None = None,
) -> Iterator[CheckResult]:
    """Yields the result of each check, in order: one for each, whatever happens.

    Args:
        checks: What to run, as `list_checks` gives it.
        numerics: The profile.
        quick: Fewer settings.
        orders: Only these derivatives are asked about.
        implement: What is checked, in place of what `get_activation` hands out.
        oracle: What it is judged by, in place of the suite's own formulas.
        domain: The interval of inputs that are judged; default: all.
    """
    for check in checks:
        problem = unsupported = ""
        try:
            case = Case(check.subject, check.backend, check.dtype, 0)
            bench = bench_for(case, numerics, implement, oracle, domain, quick, orders)
            problem = _function(check.name)(bench)
        except NotOfferedError as error:
            unsupported = str(error)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        declared = declared_for(check, numerics) if implement is registered else None
        if declared is not None:
            problem = "" if declared.explains(problem) else declared.unlike(problem)
        yield CheckResult(
            check=check.name,
            subject=check.subject,
            backend=check.backend,
            dtype=check.dtype,
            numerics=numerics,
            problem=problem,
            unsupported=unsupported,
            deviation=declared.id if declared and not problem else "",
        )


def _function(name: str) -> Callable[[Bench], str]:
    if name.startswith("mode "):
        return partial(autodiff.compiled, mode=name.removeprefix("mode "))
    return CHECKS[name]
