"""Swapping the activations of an existing model: what is asked for, and what is reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from unified_act.errors import InputTypeError, UnsupportedError
from unified_act.layers import layer_spec
from unified_act.loading import find_entry, imported_backends, load_backend, roots_of
from unified_act.parsing import parse
from unified_act.registry import ACTIVATIONS

if TYPE_CHECKING:
    from unified_act.backend import ModelBackend, Numerics

__all__ = ["FoundActivation", "ReplacementReport", "Sought", "replace_activations"]

_INSTEAD = {
    "mxnet": "a gluon block keeps its activations in code and in compiled graphs. Build the "
    "network anew with get_layer(…, backend='mxnet') in their place, and load the parameters",
    "tensorflow": "Keras fixes the graph of a model when it is built. Rebuild it with "
    "keras.models.clone_model(model, clone_function=…), a function that returns for each layer "
    "the one to have in its place, and carry the weights with set_weights",
}


@dataclass(frozen=True)
class Sought:
    """Which activations are asked for.

    Attributes:
        name: The canonical name.
        parameters: Those that are asked for, with their values; the others may have any.
    """

    name: str
    parameters: Mapping[str, float | int]

    @classmethod
    def read(cls, old: str | Mapping[str, Any]) -> Sought:
        """Returns what a name, with or without parameters, asks for.

        Raises:
            UnifiedActError: There is no such activation, or it has no such parameters.

        Examples:
            >>> Sought.read("LeakyReLU(negative_slope=0.2)")
            Sought(name='leaky_relu', parameters={'negative_slope': 0.2})
        """
        plain, given = parse(old)
        activation = ACTIVATIONS.find(plain, given.pop("plugin", ""))
        return cls(activation.name, activation.check(given))

    def matches(self, name: str | None, parameters: Mapping[str, Any]) -> bool:
        """Whether an activation with these parameters is asked for."""
        return name == self.name and self.parameters.items() <= parameters.items()


@dataclass(frozen=True)
class FoundActivation:
    """An activation in a model, after the replacement.

    Attributes:
        path: Where it is: the names of submodules and attribute, with dots; empty for the model.
        was: What it was: our name and parameters, or the framework's where we have none.
        now: What is there now; None where it was left alone.
        notes: What else has changed with it, or why it could not be replaced.
    """

    path: str
    was: str
    now: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplacementReport:
    """What `replace_activations` found and did; `print` shows it.

    Attributes:
        model: The model, changed in place; if it is an activation itself, the new one.
        found: All activations that were found, in the order of the model's modules.
        notes: What has changed elsewhere in the model.
    """

    model: Any = field(repr=False, compare=False)
    found: tuple[FoundActivation, ...]
    notes: tuple[str, ...] = ()

    @property
    def replaced(self) -> tuple[FoundActivation, ...]:
        """Those that were replaced."""
        return tuple(one for one in self.found if one.now is not None)

    @property
    def left(self) -> tuple[FoundActivation, ...]:
        """Those that were left alone."""
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
    """Replaces activations inside a PyTorch model, in place, and says what it has changed.

    It finds submodules that are activations, PyTorch's own and those of `get_layer`, wherever they
    are registered; and attributes of modules that are functions, those of `get_activation`,
    PyTorch's, and a `functools.partial` of PyTorch's with keywords. Of the latter kind is the
    activation of an `nn.TransformerEncoderLayer`, whose switch to a fused kernel in eval() is set
    right too. A module with weights that stands in several places stays one; one without
    weights becomes a module of its own in each place. What is merely called inside
    forward(), chosen by a string there, or kept in a plain list, cannot be seen; nor are the
    function nodes of a `torch.fx.GraphModule` touched.

    A new module has the mode of the old one. Without learned weights on either side the keys of
    the state dict stay as they are. A learned activation takes its weights with it, and a new one
    begins with its initial ones, on the device and in the dtype of the old weights, or else of the
    modules around: make the optimizer, and wrap for several devices, after the replacement.

    Args:
        model: A `torch.nn.Module`.
        old: Which activations: ``"leaky_relu"``, with any slope, or
            ``"leaky_relu(negative_slope=0.2)"``, with that one.
        new: What shall be there, as for `get_layer`.
        numerics: As for `get_layer`.
        channels: As for `get_layer`.
        initial: As for `get_layer`.
        **parameters: The parameters of `new`.

    Returns:
        What was found, what it is now, and what else has changed with it, such as that a module
        was in place, or that weights are gone or new. To be printed.

    Raises:
        UnsupportedError: The model belongs to another framework, or the change cannot be made: in
            TorchScript, whose code is fixed, or of a module with hooks, which would be lost.
            Nothing has been changed then.
        InputTypeError: It is no model.
        UnifiedActError: Whatever `get_layer` raises about the names and parameters.

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
    """The backend of the framework that the class of a model comes from."""
    roots = roots_of(type(model))
    for name in imported_backends():
        if find_entry(name).framework in roots:
            return cast("ModelBackend", load_backend(name))
    kind = type(model)
    raise InputTypeError(
        f"expected a torch.nn.Module, got {kind.__module__}.{kind.__qualname__}: activations are "
        "replaced in models of PyTorch only. Elsewhere build the model with get_layer."
    )
