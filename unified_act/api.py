"""The public functions: get an activation, differentiate it, describe it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from unified_act.activation import Activation, Parameter
from unified_act.callables import ActivationFunction, bind
from unified_act.errors import InputTypeError, ParameterValueError, UnknownActivationError
from unified_act.loading import backend_of, chosen_backend, find_entry, load_backend
from unified_act.parsing import parse
from unified_act.registry import ACTIVATIONS

if TYPE_CHECKING:
    from unified_act.backend import Backend, Numerics

__all__ = ["describe", "from_config", "get_activation", "value_and_grad"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


@overload
def get_activation(
    name: str | Mapping[str, Any] | None,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    dialect: str | None = None,
    **parameters: Any,
) -> ActivationFunction: ...


@overload  # for **parameters of one type, which could be a dialect of a wrong one
def get_activation(
    name: str | Mapping[str, Any] | None,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    **parameters: Any,
) -> ActivationFunction: ...


@overload
def get_activation(
    name: _Function,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    dialect: str | None = None,
    **parameters: Any,
) -> _Function: ...


def get_activation(
    name: str | Mapping[str, Any] | Callable[..., Any] | None,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    dialect: str | None = None,
    **parameters: Any,
) -> Callable[..., Any]:
    """Returns an activation function that means the same on every backend.

    Args:
        name: The activation: a name in any case, with or without ``_``, ``-`` and spaces; with
            parameters as in ``"elu(alpha=0.5)"``; or a mapping ``{"name": "elu", "alpha": 0.5}``.
            None is the identity, and a callable is returned as it is, so that what a user
            configures can be passed on unseen.
        backend: ``"numpy"``, ``"torch"``, ``"tensorflow"`` or ``"mxnet"``. Default: what
            `use_backend` says, else the environment variable ``UNIFIED_ACT_BACKEND``, else the
            framework of each input.
        numerics: ``"fast"``: the framework's own kernel where it is accurate enough, else the
            shared definition. ``"strict"``: always the shared definition.
        dialect: Whose name and parameters these are: one of `list_dialects`, ``"onnx:11"`` for
            an opset. They mean what they mean there, with the defaults there; `describe` says
            what differs. Default: our own.
        **parameters: The activation's parameters; those not given have the default that
            `describe` shows, on every backend.

    Returns:
        A callable. It takes a float16, bfloat16, float32 or float64 array of any shape and
        returns one of the same shape, dtype and device; a learned activation takes its weights
        as further arguments. An `ActivationFunction`, unless `name` is another callable.

    Raises:
        UnknownActivationError: No activation has that name.
        UnknownParameterError: The activation has no such parameter.
        ParameterValueError: A parameter's value is out of range, or a callable is given with
            parameters, or with another backend or numerics than its own.
        UnknownBackendError, BackendNotInstalledError, BackendImportError: About the backend.
        UnknownDialectError: There is no such dialect.
        UnsupportedError: What the name means in the dialect cannot be expressed.

    Examples:
        >>> import numpy as np
        >>> import unified_act as ua
        >>> leaky = ua.get_activation("LeakyReLU", negative_slope=0.2)
        >>> leaky(np.array([-1.0, 2.0]))
        array([-0.2,  2. ])
        >>> ua.get_activation("elu(alpha=0.5)", backend="numpy")
        get_activation('elu', backend='numpy', alpha=0.5)
        >>> ua.get_activation("gelu", dialect="jax")
        get_activation('gelu_tanh')
        >>> ua.get_activation("LeakyReLU", dialect="keras_layers")
        get_activation('leaky_relu', negative_slope=0.3)
    """
    if numerics not in ("fast", "strict"):
        raise ParameterValueError(f"numerics must be 'fast' or 'strict', got {numerics!r}.")
    if callable(name) and not isinstance(name, type):
        return _as_it_is(name, backend, numerics, parameters)
    if name is None:
        name, dialect = "identity", None
    plain_name, configured = parse(name)  # type: ignore[arg-type]  # a type is refused there
    repeated = configured.keys() & parameters.keys()
    if repeated:
        raise ParameterValueError(f"given twice: {', '.join(sorted(repeated))}.")
    plugin = configured.pop("plugin", "")
    given = configured | parameters
    if dialect is None:
        activation = ACTIVATIONS.find(plain_name, plugin)
        bound = activation.bind(given)
    else:
        from unified_act.dialects import resolve  # a fifth of the time of `import unified_act`

        meaning = resolve(plain_name, given, dialect)
        activation = ACTIVATIONS.find(meaning.canonical)
        bound = meaning.bind(activation)
    chosen = chosen_backend() if backend is None else backend
    return bind(activation, chosen, numerics, bound)


def _as_it_is(
    function: Callable[..., Any],
    backend: str | None,
    numerics: Numerics,
    parameters: Mapping[str, Any],
) -> Callable[..., Any]:
    """Returns `function`, unless something else was asked of it that it would not be."""
    if parameters:
        raise ParameterValueError(
            f"{', '.join(parameters)} given with the callable {function!r}, which is returned as "
            "it is: give its name instead, or bind them with functools.partial."
        )
    if isinstance(function, ActivationFunction):
        other = backend is not None and function.backend not in (None, find_entry(backend).name)
        if other or (numerics == "strict" and function.numerics != "strict"):
            raise ParameterValueError(
                f"{function!r} is returned as it is, which is not what backend={backend!r} and "
                f"numerics={numerics!r} ask for: give its name instead."
            )
    return function


def from_config(config: Mapping[str, Any]) -> ActivationFunction:
    """Returns the activation function that `ActivationFunction.to_config` wrote down.

    Args:
        config: A mapping with a ``"name"`` and, each where wanted, ``"backend"``,
            ``"numerics"``, ``"dialect"`` and parameters: what `get_activation` takes, as data; and
            ``"plugin"``, the distribution that brings the activation.

    Raises:
        UnknownActivationError: It is no mapping, or has no name.
        UnifiedActError: Whatever `get_activation` raises.

    Examples:
        >>> import json
        >>> import unified_act as ua
        >>> text = json.dumps(ua.get_activation("elu", alpha=0.5).to_config())
        >>> text
        '{"name": "elu", "alpha": 0.5}'
        >>> ua.from_config(json.loads(text))
        get_activation('elu', alpha=0.5)
    """
    if not isinstance(config, Mapping):
        raise UnknownActivationError(
            f"a configuration is a mapping with a 'name', got {type(config).__name__}."
        )
    own = ("backend", "numerics", "dialect")
    options = {key: value for key, value in config.items() if key in own}
    what = {key: value for key, value in config.items() if key not in own}
    return get_activation(what, **options)


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
        InputTypeError: `x` is no floating-point array of the backend, `cotangent` does not match
            the output, or `function` is none, or returns something else than one array.
        UnsupportedError: The backend cannot differentiate this function.

    Examples:
        >>> import numpy as np
        >>> import unified_act as ua
        >>> y, dx = ua.value_and_grad(ua.get_activation("relu6"), np.array([-1.0, 3.0, 9.0]))
        >>> y, dx
        (array([0., 3., 6.]), array([0., 1., 0.]))
    """
    if not callable(function):
        raise InputTypeError(
            f"value_and_grad takes a function, such as get_activation returns, got {function!r}."
        )
    name = function.backend if isinstance(function, ActivationFunction) else None
    backend = backend_of(x) if name is None else load_backend(name)
    if not isinstance(function, ActivationFunction):
        function = _to_one_array(function, backend)
    elif _draws(function):
        # Drawn beforehand: the gradient is taken with the numbers of the value.
        if backend.accepts(type(x)):
            weights = tuple(
                given if backend.accepts(type(given)) else backend.uniform_like(x, given)
                for given in weights
            )
        value, gradients = backend.value_and_grad(function, (x, *weights), cotangent)
        return value, gradients[0]
    value, gradients = backend.value_and_grad(function, (x, *weights), cotangent)
    return value, gradients if weights else gradients[0]


def _to_one_array(function: Callable[..., Any], backend: Backend) -> Callable[..., Any]:
    """Returns `function` with a check of what it returns."""

    def checked(*inputs: Any) -> Any:
        value = function(*inputs)
        if not backend.accepts(type(value)):
            raise InputTypeError(
                "value_and_grad takes a function that returns one array of "
                f"{backend.name}, this one returned {type(value).__name__}."
            )
        return value

    return checked


def _draws(function: ActivationFunction) -> bool:
    return ACTIVATIONS.find(function.name).kind == "stochastic"


def describe(
    name: str | Mapping[str, Any] | ActivationFunction, *, dialect: str | None = None
) -> str:
    r"""Returns what an activation is, as text: formula, parameters, kinks, limits, source.

    Kinks and limits are those for the parameters that are given, the others at their defaults.

    Args:
        name: The activation, with or without parameters, as for `get_activation`; or what that has
            returned.
        dialect: Whose name this is. What it means there, and where that differs, comes first.

    Raises:
        UnknownActivationError: No activation has that name.
        UnknownParameterError: The activation has no such parameter.
        ParameterValueError: A value is out of range.
        UnknownDialectError: There is no such dialect.
        UnsupportedError: What the name means in the dialect cannot be expressed.

    Examples:
        >>> import unified_act as ua
        >>> print(ua.describe("ELU"))
        elu (elementwise): Exponential linear unit.
          formula      \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}
          parameters   alpha = 1.0: saturation value for x → −∞ is −alpha
          at kinks     f′(0) = 1
          at −∞, +∞    f: -1, inf; f′: 0, 1
          source       Clevert, Unterthiner & Hochreiter 2016, arXiv:1511.07289
        >>> print(ua.describe("elu(alpha=0.5)").partition("parameters")[2].partition("at −∞")[0])
           alpha = 0.5, by default 1.0: saturation value for x → −∞ is −alpha
          at kinks     f′(0) = 0.5
        <BLANKLINE>
        >>> print(ua.describe("LeakyReLU", dialect="mxnet").partition("leaky_relu (")[0])
        LeakyReLU in mxnet 1.9.1 is leaky_relu(negative_slope=0.25)
          written      mx.nd.LeakyReLU, mx.npx.leaky_relu
          chosen by    act_type = 'leaky'
          parameters   slope = 0.25: our negative_slope, by default 0.01
        <BLANKLINE>
    """
    if isinstance(name, ActivationFunction):
        name = {"name": name.name, **name.parameters}
    plain, given = parse(name)
    lines: list[str] = []
    if dialect is not None:
        from unified_act.dialects import find_dialect, resolve
        from unified_act.dialects.translation import explain

        meaning = resolve(plain, given, dialect)
        lines = explain(plain, meaning, find_dialect(dialect))
        plain, given = meaning.canonical, dict(meaning.parameters)
    activation = ACTIVATIONS.find(plain)
    lines.append(f"{activation.name} ({activation.kind}): {activation.summary}")
    facts = _facts(activation, activation.check(given))
    lines += [f"  {label:<12} {text}" for label, text in facts if text]
    return "\n".join(lines)


def _facts(activation: Activation, given: Mapping[str, float]) -> list[tuple[str, str]]:
    facts = [("formula", activation.formula), ("aliases", ", ".join(activation.aliases))]
    facts.append(("weights", ", ".join(map(activation.weight_text, activation.weights))))
    facts += [
        ("" if i else "parameters", f"{p.name}{_value(p, given)}: {p.doc}")
        for i, p in enumerate(activation.parameters)
    ]
    if not given.keys() >= set(activation.required):  # on which all the rest depends
        return [*facts, ("source", activation.source)]
    parameters = activation.bind(given)
    kinks = activation.kinks(**parameters)
    facts.append(("at kinks", "; ".join(f"f′({k.at:g}) = {k.derivative:g}" for k in kinks)))
    if activation.limits is not None:
        limits = activation.limits(**parameters)
        value, derivative = (
            ", ".join("unbounded" if math.isnan(v) else f"{v:g}" for v in pair)
            for pair in (limits.value, limits.derivative)
        )
        facts.append(("at −∞, +∞", f"f: {value}; f′: {derivative}"))
    facts.append(("source", activation.source))
    return facts


def _value(parameter: Parameter, given: Mapping[str, float]) -> str:
    """What is written after a parameter's name."""
    default = parameter.default
    value = given.get(parameter.name, default)
    if value is None:
        return ""
    return f" = {value}" if default in (None, value) else f" = {value}, by default {default}"
