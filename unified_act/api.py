"""The public functions that get an activation, differentiate it and describe it."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from unified_act.activation import Activation, Parameter
from unified_act.callables import ActivationFunction, from_config, get_activation
from unified_act.errors import InputTypeError, ParameterValueError, UnsupportedError
from unified_act.literals import shown
from unified_act.loading import backend_of, computing_backend, load_backend
from unified_act.registry import ACTIVATIONS
from unified_act.request import settle, understand

if TYPE_CHECKING:
    from unified_act.backend import Backend

__all__ = [
    "Identification",
    "audit",
    "describe",
    "from_config",
    "get_activation",
    "identify",
    "value_and_grad",
]


def value_and_grad(
    function: Callable[..., Any], x: Any, *weights: Any, cotangent: Any = None
) -> tuple[Any, Any]:
    """Returns the value and the gradient of a function. The call is the same on every backend.

    Args:
        function: An activation function from `get_activation`. On a framework with automatic
            differentiation it may be any function of its arrays that returns one array.
        x: The input, a floating-point array of any shape.
        *weights: The further inputs of the function: the weights of a learned activation, a mask,
            or for a stochastic activation a seed, a generator or an array of noise.
        cotangent: The upstream gradient, an array with the shape and dtype of the output. The
            default is ones, so that the gradient of an elementwise activation is f′(x).

    Returns:
        ``(y, dx)``, or with weights ``(y, (dx, dweight, …))``, where the entry of a mask is None.
        All arrays are detached: they carry no graph for automatic differentiation.

    Raises:
        InputTypeError: `x` is not a floating-point array of the backend, `cotangent` does not
            match the output, or `function` is not callable or does not return exactly one array.
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
            "value_and_grad takes a function, such as one from get_activation, got "
            f"{shown(function)}."
        )
    name = function.backend if isinstance(function, ActivationFunction) else None
    backend = backend_of(x) if name is None else load_backend(name)
    if not isinstance(function, ActivationFunction):
        function = _to_one_array(function, backend)
    elif _draws(function):
        # Draw the random numbers first: value and gradient must use the same ones.
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
    """Returns `function` with a check that its result is one array."""

    def checked(*inputs: Any) -> Any:
        value = function(*inputs)
        if not backend.accepts(type(value)):
            raise InputTypeError(
                "value_and_grad takes a function that returns one array of "
                f"{backend.name}, this one returned {type(value).__name__}. "
                "Wrap it in a function that returns the array to differentiate."
            )
        return value

    return checked


def _draws(function: ActivationFunction) -> bool:
    return bool(ACTIVATIONS.find(function.name).noise)


def describe(
    name: str | Mapping[str, Any] | ActivationFunction,
    *,
    dialect: str | None = None,
    backend: str | None = None,
    device: str = "cpu",
) -> str:
    r"""Returns a text about an activation: formula, parameters, kinks, limits and source.

    Kinks and limits are computed from the given parameters, and from the defaults of the others.

    Args:
        name: The activation: a name with or without parameters, as for `get_activation`, or an
            activation function that `get_activation` returned.
        dialect: The framework whose name this is, one of `list_dialects`. The text then begins
            with the meaning of the name in that framework, and with the differences.
        backend: A backend, one of `list_backends`. The text then says which implementation serves
            each dtype there, in both profiles, and why.
        device: The kind of device that the arrays of the backend are on, as the framework names it,
            such as ``"cuda"``. The device need not be there.

    Raises:
        UnknownActivationError: No activation has this name.
        UnknownParameterError: The activation has no such parameter.
        ParameterValueError: A value is out of range, or a device is no text or without a backend.
        UnknownDialectError: There is no such dialect.
        UnsupportedError: No activation of `unified_act` has the meaning of the name there, or the
            backend computes on a CPU alone.
        UnknownBackendError, BackendNotInstalledError, BackendImportError: The backend does not
            exist, is not installed, or fails on import.

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
        >>> print(ua.describe("tanh", backend="numpy").splitlines()[-4].strip())
        on numpy     fast: float16, bfloat16 by a table; float32, float64 by tanh
    """
    if isinstance(name, ActivationFunction):
        name = {"name": name.name, **name.parameters}
    described, own = settle(name, dialect=dialect, backend=backend)
    backend, asked = own["backend"], understand(described, own["dialect"])
    if not isinstance(device, str):
        raise ParameterValueError(f"device must be a text such as 'cuda', got {shown(device)}.")
    if backend is None and device != "cpu":
        raise ParameterValueError(
            f"device={shown(device)} is given without a backend: pass backend= too."
        )
    activation, given = asked.activation, asked.check()
    lines: list[str] = []
    if asked.meaning is not None:
        from unified_act.dialects import find_dialect
        from unified_act.dialects.translation import explain

        lines = explain(asked.name, asked.meaning, find_dialect(str(asked.dialect)))
    lines.append(f"{activation.name} ({activation.kind}): {activation.summary}")
    facts = _facts(activation, given)
    if backend is not None:
        facts += _implementations(activation, given, backend, device)
    lines += [f"  {label:<12} {text}" for label, text in facts if text]
    return "\n".join(lines)


def _facts(activation: Activation, given: Mapping[str, float]) -> list[tuple[str, str]]:
    facts = [("formula", activation.formula), ("aliases", ", ".join(activation.aliases))]
    facts.append(("weights", ", ".join(map(activation.weight_text, activation.weights))))
    facts += [
        ("" if i else "parameters", f"{p.name}{_value(p, given)}: {p.doc}")
        for i, p in enumerate(activation.parameters)
    ]
    if not given.keys() >= set(activation.required):  # kinks and limits need every parameter
        return [*facts, ("source", activation.source)]
    parameters = activation.bind(given)
    kinks = activation.kinks(**parameters)
    facts.append(("at kinks", "; ".join(f"f′({k.at:g}) = {k.derivative:g}" for k in kinks)))
    if activation.limits is not None:
        limits = activation.limits(**parameters)
        value, derivative = (
            ", ".join("none" if math.isnan(v) else f"{v:g}" for v in pair)
            for pair in (limits.value, limits.derivative)
        )
        facts.append(("at −∞, +∞", f"f: {value}; f′: {derivative}"))
    facts.append(("source", activation.source))
    return facts


def _implementations(
    activation: Activation, given: Mapping[str, float], backend: str, device: str
) -> list[tuple[str, str]]:
    """Returns which implementation serves each dtype on a backend and a device, and why."""
    from unified_act.backend import HOME, Devices
    from unified_act.serving import offer_of, serving

    loaded, device = load_backend(computing_backend(backend)), device.partition(":")[0].lower()
    offer = offer_of(loaded)
    if offer.devices is None and device != HOME:
        raise UnsupportedError(f"{loaded.name} computes on a CPU alone, not on {shown(device)}.")
    devices = offer.devices or Devices()
    parameters = activation.bind(given) if given.keys() >= set(activation.required) else None
    facts, reasons = [], dict[str, None]()
    for numerics in ("fast", "strict"):
        served: dict[str, list[str]] = {}
        for one in serving(offer, activation, parameters, numerics, device):
            served.setdefault(one.label, []).append(one.dtype)
            reasons |= dict.fromkeys(filter(None, [one.why]))
        text = "; ".join(f"{', '.join(dtypes)} by {what}" for what, dtypes in served.items())
        facts.append((f"on {loaded.name}" if numerics == "fast" else "", f"{numerics}: {text}"))
    row = loaded.native.get(activation.name)
    if row is not None:
        outruns = row.outruns(offer.few) if device == HOME else ""
        whys = [devices.why(device), row.why, row.reaches, outruns]
        about = ["", *[f"{row.label}: "] * 3]
        reasons |= {start + why: None for start, why in zip(about, whys, strict=True) if why}
    return [*facts, *(("" if i else "why", reason) for i, reason in enumerate(reasons))]


def _value(parameter: Parameter, given: Mapping[str, float]) -> str:
    """Returns the text after the name of a parameter: its value, and the default if it differs."""
    default = parameter.default
    value = given.get(parameter.name, default)
    if value is None:
        return ""
    return f" = {value}" if default in (None, value) else f" = {value}, by default {default}"


class Identification(Protocol):
    """What a callable was found to be. `print` shows it in a few lines.

    The conformance suite makes it: `unified_act_conformance.identify.Identification` has the
    fields in full.
    """

    @property
    def backend(self) -> str:
        """The framework in which the callable was called."""

    @property
    def verdict(self) -> str:
        """How far its values and gradients are those of `match`."""

    @property
    def match(self) -> Any:
        """The activation that it is, with parameters; None if no activation has its values."""

    @property
    def known(self) -> bool:
        """Whether its values are those of a known activation."""

    @property
    def equal(self) -> tuple[Any, ...]:
        """Other activations that cannot be told from it."""

    @property
    def nearest(self) -> tuple[Any, ...]:
        """The nearest activations that it is not, the nearest first."""

    @property
    def differences(self) -> Mapping[str, Any]:
        """How far it is from `match`, by the name of the dtype."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What else was seen."""


def identify(function: Callable[..., Any], *, backend: str | None = None) -> Identification:
    """Finds out which activation an unknown callable is, from its values and gradients.

    The function is called at some hundred inputs: around kinks, in both tails, and at tiny and
    huge numbers. The parameters of every registered activation are fitted to the results. Then
    values and gradients are compared. Functions along an axis are called with whole arrays.

    Args:
        function: A function, module, layer or block that takes an array of its framework and
            returns an array. A module is called in its present mode, training or evaluation.
        backend: The framework of `function`. By default it is the framework whose module defines
            the function.

    Returns:
        A report to print: which activation the function is, the remaining differences, and how
        much the nearest other activations differ.

    Raises:
        InputTypeError: `function` is not callable.
        UnknownBackendError: The module that defines the function does not show its framework.
        UnsupportedError: The function fails on every array that was tried, or the conformance
            suite is not installed.

    Examples:
        >>> import numpy as np
        >>> import unified_act as ua
        >>> found = ua.identify(lambda x: np.where(x > 0, x, 0.2 * x), backend="numpy")
        >>> str(found.match), found.verdict
        ('leaky_relu(negative_slope=0.2)', 'same value, gradient unknown')
    """
    found: Identification = _suite("identify").identify(function, backend)
    return found


def _suite(room: str) -> Any:
    """Imports a package of the conformance suite, which is called as what it is for."""
    try:
        return importlib.import_module(f"unified_act_conformance.{room}")
    except ModuleNotFoundError as error:
        raise UnsupportedError(
            f"{room} needs {error.name}, which is not installed. "
            "Install it with: pip install 'unified-act[conformance]'"
        ) from error


class Audit(Protocol):
    """The activations of a model. `print` shows them by place.

    The conformance suite makes it: `unified_act_conformance.audit.Audit` has the fields in full.
    """

    @property
    def model(self) -> str:
        """The class or file of the model."""

    @property
    def framework(self) -> str:
        """The framework of the model, with its version."""

    @property
    def activations(self) -> tuple[Any, ...]:
        """Each with `place`, `activation`, `parameters`, `text`, `errors`, `notes` and more."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be examined."""

    def elsewhere(self, dialects: Sequence[str] = ()) -> Mapping[str, tuple[Any, ...]]:
        """Returns how each kind of activation is written in each dialect, in code to copy."""

    def against(self, other: Any) -> tuple[Any, ...]:
        """Returns the places where `other` has another function, the largest effect first."""


def audit(model: Any, inputs: Any = None) -> Audit:
    """Lists the activations of a model: where they are, and which.

    The operations of the model are traced. Each part that acts on single elements, and each
    softmax, is then called by itself and identified by its values, as `identify` does it. So an
    activation is found whether it is a module, a function, or written out, as gelu is in an ONNX
    file.

    Args:
        model: A PyTorch module or a program of `torch.export`; a Keras model; a module of flax,
            equinox or haiku, or a function of JAX; an ONNX model; or the path of a file whose name
            ends in ``.onnx``, ``.pt2`` or ``.keras``. It is looked at in evaluation mode, and not
            changed.
        inputs: An example of what the model is called with: an array, a tuple of the arguments, or
            a dict of them. PyTorch modules need it, unless they are of transformers or timm, and so
            do models of JAX.

    Returns:
        A report to print. `elsewhere` tells how each activation is written in other frameworks, and
        `against` compares two models, such as an export and its source.

    Raises:
        InputTypeError: `model` is none of these, or `inputs` is missing.
        UnsupportedError: The framework cannot trace the model with these inputs, or the conformance
            suite is not installed.

    Examples:
        >>> import torch
        >>> import unified_act as ua
        >>> class Feed(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.up, self.act = torch.nn.Linear(4, 8), torch.nn.GELU(approximate="tanh")
        ...     def forward(self, x):
        ...         hidden = self.act(self.up(x))
        ...         return hidden * torch.sigmoid(1.702 * hidden)
        >>> found = ua.audit(Feed(), torch.zeros(2, 4))
        >>> [one.text for one in found.activations], found.activations[0].place
        (['gelu_tanh', 'quick_gelu'], 'act')
        >>> found.elsewhere(["jax"])["gelu_tanh"][1].code
        'jax.nn.gelu(x, approximate=True)'
    """
    found: Audit = _suite("audit").audit(model, inputs)
    return found
