"""The public functions: get an activation, differentiate it, describe it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from unified_act.activation import Activation
from unified_act.callables import ActivationFunction, bind
from unified_act.errors import ParameterValueError, UnknownActivationError
from unified_act.loading import backend_of, chosen_backend, load_backend
from unified_act.registry import ACTIVATIONS

if TYPE_CHECKING:
    from unified_act.backend import Numerics

__all__ = ["describe", "get_activation", "value_and_grad"]


def get_activation(
    name: str | Mapping[str, Any],
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    **parameters: Any,
) -> ActivationFunction:
    """Returns an activation function that means the same on every backend.

    Args:
        name: The activation: a name in any case, with or without ``_``, ``-`` and spaces; with
            parameters as in ``"elu(alpha=0.5)"``; or a mapping ``{"name": "elu", "alpha": 0.5}``.
        backend: ``"numpy"``, ``"torch"``, ``"tensorflow"`` or ``"mxnet"``. Default: what
            `use_backend` says, else the environment variable ``UNIFIED_ACT_BACKEND``, else the
            framework of each input.
        numerics: ``"fast"``: the framework's own kernel where it is accurate enough, else the
            shared definition. ``"strict"``: always the shared definition.
        **parameters: The activation's parameters; those not given have the default that
            `describe` shows, on every backend.

    Returns:
        A callable. It takes a float16, bfloat16, float32 or float64 array of any shape and
        returns one of the same shape, dtype and device; a learned activation takes its weights
        as further arguments.

    Raises:
        UnknownActivationError: No activation has that name.
        UnknownParameterError: The activation has no such parameter.
        ParameterValueError: A parameter's value is out of range.
        UnknownBackendError, BackendNotInstalledError, BackendImportError: About the backend.

    Examples:
        >>> import numpy as np
        >>> import unified_act as ua
        >>> leaky = ua.get_activation("LeakyReLU", negative_slope=0.2)
        >>> leaky(np.array([-1.0, 2.0]))
        array([-0.2,  2. ])
        >>> ua.get_activation("elu(alpha=0.5)", backend="numpy")
        get_activation('elu', backend='numpy', alpha=0.5)
    """
    if numerics not in ("fast", "strict"):
        raise ParameterValueError(f"numerics must be 'fast' or 'strict', got {numerics!r}.")
    plain_name, configured = _parse(name)
    repeated = configured.keys() & parameters.keys()
    if repeated:
        raise ParameterValueError(f"given twice: {', '.join(sorted(repeated))}.")
    activation = ACTIVATIONS.find(plain_name)
    bound = activation.bind(configured | parameters)
    chosen = chosen_backend() if backend is None else backend
    return bind(activation, chosen, numerics, bound)


def _parse(name: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Splits what names an activation into the name and its parameters."""
    if isinstance(name, Mapping):
        configured = dict(name)
        plain = configured.pop("name", None)
        if not isinstance(plain, str):
            raise UnknownActivationError(f"a mapping needs a 'name', got {dict(name)!r}.")
        return plain, configured
    if not isinstance(name, str):
        raise UnknownActivationError(
            f"an activation is named by a string or a mapping, got {type(name).__name__}."
        )
    plain, bracket, arguments = name.partition("(")
    if not bracket:
        return plain, {}
    import ast

    try:
        call = ast.parse(f"f({arguments}", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            raise ValueError
        keywords = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg is not None}
        if len(keywords) != len(call.keywords):
            raise ValueError
    except (SyntaxError, TypeError, ValueError):
        raise UnknownActivationError(
            f"cannot read {name!r}: write it like 'elu(alpha=0.5)'."
        ) from None
    return plain, keywords


def value_and_grad(
    function: Callable[..., Any], x: Any, *weights: Any, cotangent: Any = None
) -> tuple[Any, Any]:
    """Returns a function's value and its gradient, by the same call on every backend.

    Args:
        function: What `get_activation` returns, or on a framework with automatic differentiation
            any function of its arrays. One output.
        x: The input, a floating-point array of any shape.
        *weights: Further inputs: the weights of a learned activation, a mask, or what a stochastic
            one draws its numbers from.
        cotangent: Weights of the output's elements, with its shape and dtype; default ones, so
            that an elementwise activation gives f′(x).

    Returns:
        ``(y, dx)``; with weights ``(y, (dx, dweight, …))``, None for a mask. Plain arrays without
        a graph.

    Raises:
        InputTypeError: `x` is no floating-point array of the backend, or `cotangent` does not
            match the output.
        UnsupportedError: The backend cannot differentiate this function.

    Examples:
        >>> import numpy as np
        >>> import unified_act as ua
        >>> y, dx = ua.value_and_grad(ua.get_activation("relu6"), np.array([-1.0, 3.0, 9.0]))
        >>> y, dx
        (array([0., 3., 6.]), array([0., 1., 0.]))
    """
    name = function.backend if isinstance(function, ActivationFunction) else None
    backend = backend_of(x) if name is None else load_backend(name)
    if isinstance(function, ActivationFunction) and _draws(function):
        # Drawn beforehand: the gradient is taken with the numbers of the value.
        weights = tuple(
            given if backend.accepts(type(given)) else backend.uniform_like(x, given)
            for given in weights
        )
        value, gradients = backend.value_and_grad(function, (x, *weights), cotangent)
        return value, gradients[0]
    value, gradients = backend.value_and_grad(function, (x, *weights), cotangent)
    return value, gradients if weights else gradients[0]


def _draws(function: ActivationFunction) -> bool:
    return ACTIVATIONS.find(function.name).kind == "stochastic"


def describe(name: str) -> str:
    r"""Returns what an activation is, as text: formula, parameters, kinks, limits, source.

    Raises:
        UnknownActivationError: No activation has that name.

    Examples:
        >>> import unified_act as ua
        >>> print(ua.describe("ELU"))
        elu (elementwise): Exponential linear unit.
          formula      \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}
          parameters   alpha = 1.0: saturation value for x → −∞ is −alpha
          at kinks     f′(0) = 1
          at −∞, +∞    f: -1, inf; f′: 0, 1
          source       Clevert, Unterthiner & Hochreiter 2016, arXiv:1511.07289
    """
    activation = ACTIVATIONS.find(name)
    lines = [f"{activation.name} ({activation.kind}): {activation.summary}"]
    lines += [f"  {label:<12} {text}" for label, text in _facts(activation) if text]
    return "\n".join(lines)


def _facts(activation: Activation) -> list[tuple[str, str]]:
    facts = [("formula", activation.formula), ("aliases", ", ".join(activation.aliases))]
    facts += [
        (
            "parameters" if i == 0 else "",
            f"{p.name}{'' if p.default is None else f' = {p.default}'}: {p.doc}",
        )
        for i, p in enumerate(activation.parameters)
    ]
    if activation.required:  # on which all the rest depends
        return [*facts, ("source", activation.source)]
    defaults = activation.bind({})
    kinks = activation.kinks(**defaults)
    facts.append(("at kinks", "; ".join(f"f′({k.at:g}) = {k.derivative:g}" for k in kinks)))
    if activation.limits is not None:
        limits = activation.limits(**defaults)
        value, derivative = (
            ", ".join("unbounded" if math.isnan(v) else f"{v:g}" for v in pair)
            for pair in (limits.value, limits.derivative)
        )
        facts.append(("at −∞, +∞", f"f: {value}; f′: {derivative}"))
    facts.append(("source", activation.source))
    return facts
