"""`replace_activations`: reads the request and hands it to the backend of the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from unified_act.errors import InputTypeError, ParameterValueError, UnsupportedError
from unified_act.layers import layer_spec
from unified_act.literals import shown
from unified_act.loading import find_entry, imported_backends, load_backend, roots_of
from unified_act.replacement.report import ReplacementReport
from unified_act.replacement.request import Request, Rule, Sharing, Sought, pairs_of

if TYPE_CHECKING:
    from unified_act.backend import ModelBackend, Numerics

__all__ = ["replace_activations"]

_INSTEAD = {
    "mxnet": "a gluon block keeps its activations in code and in compiled graphs. Build the "
    "network anew with get_layer(…, backend='mxnet') in their place, and load the parameters",
}

_BUILT_ON = {"keras": "keras", "flax": "jax"}
"""The backends that change the models of libraries which stand on a framework."""


class _Nothing:
    """Stands for an argument that is not given; None is the identity."""

    def __repr__(self) -> str:
        return "…"


_NOTHING = _Nothing()


def replace_activations(
    model: Any,
    old: str | type | Mapping[Any, Any] | Iterable[str | type | Mapping[str, Any]],
    new: str | Mapping[str, Any] | _Nothing | None = _NOTHING,
    *,
    sharing: Sharing | None = None,
    numerics: Numerics = "fast",
    channels: int | None = 1,
    initial: float | Mapping[str, float] | None = None,
    **parameters: Any,
) -> ReplacementReport:
    """Replaces activations inside a model, and reports the changes.

    A PyTorch module and a flax nnx module are changed in place. A Keras model is cloned, since its
    graph is fixed: the report's `model` is the new one, with the weights of the old one.

    Activations are found as modules or layers, those of the framework and those of `get_layer`; and
    as functions that are attributes of a module, such as those of `get_activation`, the
    framework's functions, and a `functools.partial` of one with keywords. A module of an unknown
    class, such as those of transformers and timm, is called as `identify` does, and found by its
    values, if it has no submodules and acts on single elements. So is an unknown function in an
    attribute whose name has "act" or "nonlin" in it. This needs the conformance suite.

    An activation that is only called inside forward(), chosen there by a string, or kept in a plain
    list of a PyTorch module cannot be found. The function nodes of a `torch.fx.GraphModule` are not
    changed. The activation of an `nn.TransformerEncoderLayer` is an attribute; its switch to a
    fused kernel in eval() is corrected too.

    A new module takes the training or evaluation mode of the old one. If neither has learned
    weights, the keys of the state dict do not change. The weights of a replaced learned activation
    leave the model. A new learned activation starts with its initial weights, on the device and in
    the dtype of the old weights, or else of the modules around it. So create the optimizer, and
    wrap the model for several devices, afterwards.

    Args:
        model: A `torch.nn.Module`, a `keras.Model` or a `flax.nnx.Module`.
        old: The activations to replace. ``"leaky_relu"`` matches any slope;
            ``"leaky_relu(negative_slope=0.2)"`` matches this slope only, and ``"nn.LeakyReLU"``,
            as PyTorch writes it, the slope that PyTorch has by default. ``"all"`` is every
            activation that acts on single elements, but for the identity. A class stands for its
            instances, whatever they compute. A list has several of these. A mapping, without
            `new`, says what to put in the place of each: ``{"relu": "gelu", "silu": "mish"}``.
        new: The activation to put in their place, as for `get_layer`.
        sharing: What becomes of one module that stands in several places: ``"keep"`` puts one new
            module into all of them, ``"separate"`` one into each. By default it stays one if it has
            weights, and is separate otherwise. The report says which.
        numerics: As for `get_layer`.
        channels: As for `get_layer`.
        initial: As for `get_layer`.
        **parameters: The parameters of `new`.

    Returns:
        A report to print: which activations were found, what replaced them, and what else
        changed. For example, the old module worked in place, or weights were removed or added.

    Raises:
        UnsupportedError: The model belongs to another framework, or the change is not possible:
            the code of TorchScript is fixed, and the hooks of a module would be lost. The model
            is unchanged then.
        InputTypeError: `model` is not a model.
        ParameterValueError: `old`, `new` and `parameters` do not go together.
        UnifiedActError: Any error of `get_layer` about the names and parameters.

    Examples:
        >>> import unified_act as ua
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Softmax(dim=-1))
        >>> print(ua.replace_activations(model, "relu", "gelu"))
        1 of 2 activations replaced
          1  relu → gelu  (no longer in place)
        left alone
          2  softmax(axis=-1)
        >>> model[1]
        ActivationLayer('gelu')
        >>> act = nn.SiLU()
        >>> model = nn.Sequential(act, nn.Tanh(), act)
        >>> print(ua.replace_activations(model, {"silu": "mish", "tanh": "prelu"}, sharing="keep"))
        3 of 3 activations replaced
          0  silu(beta=1.0) → mish  (one module, also in 2)
          1  tanh → prelu(axis=1)  (adds weight)
          2  silu(beta=1.0) → mish  (one module, also in 0)
    """
    if sharing not in (None, "keep", "separate"):
        raise ParameterValueError(f"sharing is 'keep' or 'separate', got {shown(sharing)}.")
    backend = _backend_of(model)
    if not hasattr(backend, "replace_activations"):
        raise UnsupportedError(
            "replace_activations changes models of PyTorch, Keras and flax nnx only; "
            f"{_INSTEAD[backend.name]}."
            if backend.name in _INSTEAD
            else f"the backend {backend.name!r} cannot change models: build them with get_layer."
        )
    has_new = not isinstance(new, _Nothing)
    pairs = pairs_of(old, new, has_new=has_new)
    if parameters and not has_new:
        raise ParameterValueError(
            f"{', '.join(parameters)} given for several new activations: write parameters with "
            "the names, such as {'relu': 'elu(alpha=0.5)'}."
        )

    def spec_of(new: Any) -> Any:
        return layer_spec(
            new,
            backend=backend.name,
            numerics=numerics,
            dialect=None,
            channels=channels,
            initial=initial,
            parameters=parameters,
        )

    rules = [Rule(Sought.read(one), spec_of(other)) for one, other in pairs]
    report: ReplacementReport = backend.replace_activations(model, Request(rules, sharing))
    return report


def _backend_of(model: Any) -> ModelBackend:
    """Returns the backend of the framework that defines the class of a model."""
    roots = roots_of(type(model))
    for library, name in _BUILT_ON.items():  # first: on PyTorch a layer of Keras is an nn.Module
        if library in roots:
            return cast("ModelBackend", load_backend(name))
    for name in imported_backends():
        if find_entry(name).framework in roots:
            return cast("ModelBackend", load_backend(name))
    kind = type(model)
    raise InputTypeError(
        "expected a torch.nn.Module, a keras.Model or a flax nnx.Module, got "
        f"{kind.__module__}.{kind.__qualname__}: activations are replaced in models only. "
        "Elsewhere build the model with get_layer."
    )
