"""Replaces the activations of an existing model: the request, the report and the function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from unified_act.errors import InputTypeError, UnsupportedError
from unified_act.layers import layer_spec
from unified_act.loading import find_entry, imported_backends, load_backend, roots_of
from unified_act.request import understand

if TYPE_CHECKING:
    from unified_act.backend import ModelBackend, Numerics

__all__ = ["FoundActivation", "ReplacementReport", "Sought", "replace_activations"]

_INSTEAD = {
    "mxnet": "a gluon block keeps its activations in code and in compiled graphs. Build the "
    "network anew with get_layer(…, backend='mxnet') in their place, and load the parameters",
    "keras": "Keras fixes the graph of a model when it is built. Rebuild it with "
    "keras.models.clone_model(model, clone_function=…), a function that returns for each layer "
    "the one to have in its place, and carry the weights with set_weights",
}


@dataclass(frozen=True)
class Sought:
    """Which activations to replace.

    Attributes:
        name: The canonical name.
        parameters: The parameters that must have these values. All others may have any value.
    """

    name: str
    parameters: Mapping[str, float | int]

    @classmethod
    def read(cls, old: str | Mapping[str, Any]) -> Sought:
        """Returns the request that a name, with or without parameters, stands for.

        Raises:
            UnifiedActError: There is no such activation, or it has no such parameters.

        Examples:
            >>> Sought.read("LeakyReLU(negative_slope=0.2)")
            Sought(name='leaky_relu', parameters={'negative_slope': 0.2})
        """
        asked = understand(old)
        return cls(asked.activation.name, asked.check())

    def matches(self, name: str | None, parameters: Mapping[str, Any]) -> bool:
        """Whether an activation with this name and these parameters is to be replaced."""
        return name == self.name and self.parameters.items() <= parameters.items()


@dataclass(frozen=True)
class FoundActivation:
    """An activation in a model, after the replacement.

    Attributes:
        path: The dotted path of submodules and attribute that leads to it; empty for the model.
        was: The activation before the replacement: its name and parameters in `unified_act`, or
            the name in the framework if `unified_act` has no such activation.
        now: The activation in its place now; None if it was left alone.
        notes: Other changes that this replacement brings, or why it was not possible.
    """

    path: str
    was: str
    now: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplacementReport:
    """The report of `replace_activations`. Print it to read it.

    Attributes:
        model: The model, changed in place. If the model itself is an activation, the new one.
        found: All activations that were found, in the order of the model's modules.
        notes: Changes elsewhere in the model.
    """

    model: Any = field(repr=False, compare=False)
    found: tuple[FoundActivation, ...]
    notes: tuple[str, ...] = ()

    @property
    def replaced(self) -> tuple[FoundActivation, ...]:
        """The activations that were replaced."""
        return tuple(one for one in self.found if one.now is not None)

    @property
    def left(self) -> tuple[FoundActivation, ...]:
        """The activations that were left alone."""
        return tuple(one for one in self.found if one.now is None)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if not self.found:
            yield "no activations found: those called inside forward() cannot be seen"
            return
        plural = "" if len(self.found) == 1 else "s"
        yield f"{len(self.replaced)} of {len(self.found)} activation{plural} replaced"
        paths = {one.path: one.path or "(the model)" for one in self.found}
        width = max(map(len, paths.values()))
        for title, group in (("", self.replaced), ("left alone", self.left)):
            if title and group:
                yield title
            for one in group:
                change = one.was if one.now is None else f"{one.was} → {one.now}"
                notes = f"  ({'; '.join(one.notes)})" if one.notes else ""
                yield f"  {paths[one.path]:<{width}}  {change}{notes}"
        yield from self.notes


def replace_activations(
    model: Any,
    old: str | Mapping[str, Any],
    new: str | Mapping[str, Any] | None,
    *,
    numerics: Numerics = "fast",
    channels: int | None = 1,
    initial: float | Mapping[str, float] | None = None,
    **parameters: Any,
) -> ReplacementReport:
    """Replaces activations inside a PyTorch model, in place, and reports the changes.

    Two kinds of activations are found. The first are registered submodules: PyTorch's activation
    modules and the layers of `get_layer`. The second are functions that are attributes of a module:
    those of `get_activation`, PyTorch's functions, and a `functools.partial` of one with keywords.
    The activation of an `nn.TransformerEncoderLayer` is such an attribute; its switch to a fused
    kernel in eval() is corrected too.

    An activation that is only called inside forward(), chosen there by a string, or kept in a plain
    list cannot be found. The function nodes of a `torch.fx.GraphModule` are not changed.

    A module with weights that is used in several places remains one shared module. A module without
    weights becomes a separate module in each place. A new module takes the training or evaluation
    mode of the old one. If neither has learned weights, the keys of the state dict do not change.

    The weights of a replaced learned activation leave the model. A new learned activation starts
    with its initial weights, on the device and in the dtype of the old weights, or else of the
    modules around it. So create the optimizer, and wrap the model for several devices, afterwards.

    Args:
        model: A `torch.nn.Module`.
        old: The activations to replace. ``"leaky_relu"`` matches any slope;
            ``"leaky_relu(negative_slope=0.2)"`` matches this slope only, and ``"nn.LeakyReLU"``,
            as PyTorch writes it, the slope that PyTorch has by default.
        new: The activation to put in their place, as for `get_layer`.
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
    """
    backend = _backend_of(model)
    if not hasattr(backend, "replace_activations"):
        raise UnsupportedError(
            f"replace_activations changes models of PyTorch only; {_INSTEAD[backend.name]}."
            if backend.name in _INSTEAD
            else f"the backend {backend.name!r} cannot change models: build them with get_layer."
        )
    sought = Sought.read(old)
    spec = layer_spec(
        new,
        backend=backend.name,
        numerics=numerics,
        dialect=None,
        channels=channels,
        initial=initial,
        parameters=parameters,
    )
    report: ReplacementReport = backend.replace_activations(model, sought, spec)
    return report


def _backend_of(model: Any) -> ModelBackend:
    """Returns the backend of the framework that defines the class of a model."""
    roots = roots_of(type(model))
    for name in imported_backends():
        if find_entry(name).framework in roots:
            return cast("ModelBackend", load_backend(name))
    kind = type(model)
    raise InputTypeError(
        f"expected a torch.nn.Module, got {kind.__module__}.{kind.__qualname__}: activations are "
        "replaced in models of PyTorch only. Elsewhere build the model with get_layer."
    )
