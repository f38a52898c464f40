"""Functions that run the suite in one call, for the tests of other projects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import unified_act as ua
from unified_act.backend import Numerics
from unified_act_conformance.checks import CheckResult, list_checks, run_checks
from unified_act_conformance.function import judged_function
from unified_act_conformance.harness import Function
from unified_act_conformance.judge import Domain, Result, run
from unified_act_conformance.subject import (
    ORDERS,
    count_cases,
    describe,
    dtypes_of,
    function_of_users,
    list_cases,
    registered,
    subject_of,
)
from unified_act_conformance.truth import Oracle, list_subjects, unrecorded

__all__ = ["check_activation", "check_backend", "check_function", "describe_result"]

LONGEST_MESSAGE = 20


def check_activation(
    activation: str | ua.ActivationFunction,
    *,
    backends: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    numerics: Numerics | None = None,
    function: Function | None = None,
    oracle: Oracle | None = None,
    domain: Domain | None = None,
    quick: bool = True,
    **parameters: float,
) -> list[Result | CheckResult]:
    """Judges one activation and raises an error unless it conforms.

    Args:
        activation: A name, or a function from `get_activation`. An activation that somebody else
            has registered is compared with its own definition, evaluated exactly.
        backends: Judge it on these backends. The default is the backend of an
            `ActivationFunction`, else all that are installed.
        dtypes: Judge it in these float types only.
        numerics: The profile. The default is that of an `ActivationFunction`, else ``"fast"``.
        function: Judge this function of the framework's arrays instead, as an implementation of
            `activation`. Give exactly one backend with it.
        oracle: ``oracle(xp, x, **parameters)``: the exact function, which replaces the formula of
            the suite.
        domain: Judge only inputs in this interval, such as ``(-100, 100)`` for a formula that
            overflows further out.
        quick: Whether to use fewer inputs.
        **parameters: The parameters of the activation.

    Returns:
        All results, including those of cases that the framework does not support.

    Raises:
        AssertionError: The activation does not conform. The message lists the problems.
        ParameterValueError: The arguments contradict each other.
        unified_act.UnifiedActError: There is no such activation, parameter or backend.

    Examples:
        >>> import numpy as np
        >>> def my_relu(x):
        ...     return np.fmax(x, 0)
        >>> check_activation(
        ...     "relu", function=my_relu, backends=["numpy"], dtypes=["float32"]
        ... )  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        AssertionError: relu: ... want nan...
    """
    name = activation
    if isinstance(activation, ua.ActivationFunction):
        name = activation.name
        parameters = {**activation.parameters, **parameters}
        numerics = numerics or activation.numerics
        if activation.backend is not None and not backends:
            backends = [activation.backend]
    elif not isinstance(activation, str):
        raise ua.ParameterValueError(
            "give the name of an activation, and pass your own function as "
            "check_activation(name, function=...) or check_function(function, oracle=...)"
        )
    subject = subject_of(str(name), parameters)
    if function is not None and len(backends) != 1:
        raise ua.ParameterValueError(
            "a function belongs to one framework: say which with backends=[...]"
        )
    available = _available(backends, dtypes)
    implement = registered if function is None else function_of_users(function)
    numerics = numerics or "fast"
    cases = list_cases([subject], available)
    results: list[Result | CheckResult] = [
        *run(
            cases, numerics=numerics, quick=quick, implement=implement, oracle=oracle, domain=domain
        ),
        *run_checks(
            list_checks([subject], available),
            numerics=numerics,
            quick=quick,
            implement=implement,
            oracle=oracle,
            domain=domain,
        ),
    ]
    expected = count_cases([subject], available) + len(list_checks([subject], available))
    _raise_unless_good(str(subject), results, expected, unrecorded(subject.activation))
    return results


def check_backend(
    backend: str,
    *,
    activations: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    numerics: Numerics = "fast",
    quick: bool = True,
) -> list[Result | CheckResult]:
    """Judges all activations on one backend and raises an error unless they conform.

    Args:
        backend: The name of the backend.
        activations: Judge these activations only.
        dtypes: Judge them in these float types only.
        numerics: The profile.
        quick: Whether to use fewer inputs.

    Returns:
        All results, including those of cases that the framework does not support.

    Raises:
        AssertionError: Something does not conform. The message lists the problems.
        ParameterValueError: The arguments leave nothing to judge.
        unified_act.UnifiedActError: There is no such activation or backend.
    """
    available = _available([backend], dtypes)
    subjects = list_subjects(activations)
    plain = [subject for subject in subjects if not subject.parameters]
    checks = list_checks(plain, available)
    results: list[Result | CheckResult] = [
        *run(list_cases(subjects, available), numerics=numerics, quick=quick),
        *run_checks(checks, numerics=numerics, quick=quick),
    ]
    _raise_unless_good(backend, results, count_cases(subjects, available) + len(checks))
    return results


def check_function(
    function: Function,
    *,
    oracle: str | Oracle | None = None,
    backend: str | None = None,
    gradient: Function | None = None,
    kinks: Sequence[float] = (),
    dtypes: Sequence[str] = (),
    orders: Sequence[int] = ORDERS,
    numerics: Numerics = "fast",
    domain: Domain | None = None,
    quick: bool = True,
    **parameters: Any,
) -> list[Result | CheckResult]:
    """Judges a function that is not registered and raises an error unless it computes its oracle.

    It is called with arrays of its framework, and may be any callable, such as a layer. With an
    oracle of your own it has to be elementwise, and must stay within the budgets of the tier
    "composed", the most lenient one of elementwise functions: they allow a few roundings. As a
    named activation it has to meet that activation's budgets, and may be of any kind; the weights
    of a learned activation, a mask or noise are further arguments.

    Args:
        function: ``function(x, **parameters)``.
        oracle: What the function should compute: ``oracle(xp, x, **parameters)``, where `xp` has
            the usual functions, on numbers of as many digits as it takes. In these the plain
            formula is exact, even one that overflows in a float type. Or the name of an activation,
            such as ``"silu"`` or ``"elu(alpha=0.5)"``.
        backend: The framework of the function. It may be left out if the module of the function
            shows it, as that of ``torch.nn.functional.silu`` does.
        gradient: ``gradient(x, cotangent, **parameters)``, the cotangent times f′(x), which is
            judged in place of the framework's derivative. NumPy cannot differentiate a function, so
            there only values are judged without it, and gradients are ``"unsupported"``.
        kinks: Inputs where the derivative jumps, so that gradients there are not judged. Without
            them the oracle decides: of a branch of ``xp.where`` the gradient is that of the branch
            that it takes.
        dtypes: Judge the function in these float types only. The default is all, but for a Keras
            layer the type that it casts to, and for a PyTorch module that of its weights.
        orders: Judge only these derivatives; 0 is the value.
        numerics: The profile: ``"strict"`` does not forgive errors of the machine epsilon.
        domain: Judge only inputs in this interval, such as ``(-100, 100)``.
        quick: Whether to use fewer inputs, and no compilers.
        **parameters: Numbers that the function, its gradient and the oracle are called with.

    Returns:
        All results, including those of cases that the framework does not support.

    Raises:
        AssertionError: The function does not compute its oracle. The message lists the problems.
        ValueError: The arguments contradict each other, or there is no oracle.
        unified_act.UnifiedActError: There is no such activation, parameter or backend, or the
            oracle cannot be evaluated.

    Examples:
        >>> import torch
        >>> def swish(x):
        ...     return x / (1 + torch.exp(-x))
        >>> def exact_swish(xp, x):
        ...     return x / (1.0 + xp.exp(-x))
        >>> judge = dict(oracle=exact_swish, backend="torch", dtypes=["float32"])
        >>> results = check_function(swish, domain=(-40, 40), **judge)
        >>> check_function(swish, **judge)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        AssertionError: ...swish on torch, float32, value: ... got nan, want -0.0...
    """
    with judged_function(
        function,
        oracle,
        backend=backend,
        gradient=gradient,
        kinks=kinks,
        domain=domain,
        parameters=parameters,
    ) as judged:
        subjects, available = (
            [judged.subject],
            _available([judged.backend], dtypes or judged.dtypes),
        )
        cases = list_cases(subjects, available, orders)
        checks = judged.suited(list_checks(subjects, available, compilers=not quick))
        found = list(judged.run(cases, checks, numerics=numerics, quick=quick, orders=orders))
        expected = count_cases(subjects, available, orders) + len(checks)
        _raise_unless_good(str(judged.subject), found, expected, judged.note)
    return found


def describe_result(result: Result | CheckResult) -> str:
    """Returns one line about a result: the case or check, and the problem if there is one.

    Args:
        result: The result of a case or a check.
    """
    where = describe(result.planned if isinstance(result, CheckResult) else result.case)
    return f"{where}: {result.problem or result.unsupported or 'passed'}"


def _available(backends: Sequence[str], dtypes: Sequence[str]) -> dict[str, list[str]]:
    available = dtypes_of(backends or ua.list_backends(installed=True), dtypes)
    if not any(available.values()):
        raise ua.ParameterValueError(
            "nothing to judge: no backend has any of these types. Install a backend, or choose "
            "other dtypes"
        )
    return available


def _raise_unless_good(
    what: str, results: Sequence[Result | CheckResult], expected: int, note: str = ""
) -> None:
    problems = [describe_result(result) for result in results if result.problem]
    if len(results) != expected:
        problems.insert(0, f"{expected} cases were planned, {len(results)} ran")
    if not problems:
        return
    shown = "\n  ".join(problems[:LONGEST_MESSAGE])
    more = len(problems) - LONGEST_MESSAGE
    raise AssertionError(
        f"{what}: {len(problems)} of {len(results)} results are wrong\n  {shown}"
        + (f"\n  … and {more} more" if more > 0 else "")
        + (f"\n{note}" if note else "")
    )
