"""The weights of layers: out of one framework, into another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import dropwhile
from typing import Any

from unified_act.errors import ParameterValueError, UnknownParameterError, UnsupportedError
from unified_act.layers.contract import Layers, owner_of
from unified_act.layers.spec import LayerSpec
from unified_act.literals import shown

__all__ = ["export_weights", "import_weights"]

_NAMES_OF_PRELU = frozenset({"weight", "alpha", "negative_slope", "slope"})
"""What PyTorch, Keras and MXNet, Flax and Equinox, and ONNX call its weight."""


def export_weights(layer: Any, params: Any = None) -> dict[str, Any]:
    """Returns the weights of a layer, for `import_weights` on the same or another framework.

    Args:
        layer: A layer from `get_layer`, of any framework; or the framework's own PReLU:
            `torch.nn.PReLU`, `keras.layers.PReLU`, `mxnet.gluon.nn.PReLU`, `flax.linen.PReLU`,
            `flax.nnx.PReLU` or `equinox.nn.PReLU`.
        params: The parameters of the layer, where the library keeps them outside of it: in Linen
            and Haiku. They are what ``init`` returned for this layer, or the part of a model's
            parameters that belongs to it.

    Returns:
        NumPy arrays by the activation's names for its weights, of shape (1,) or (channels,), or of
        the shape that the layer was made with. They have the dtype of the layer; bfloat16 becomes
        float32.

    Raises:
        UnsupportedError: `layer` is no such layer.
        ParameterValueError: The first input decides the shape of the weights, and the layer has
            not been called yet; or `params` is missing, or not needed.

    Examples:
        >>> import unified_act as ua
        >>> ua.export_weights(ua.get_layer("relu", backend="numpy"))
        {}
    """
    owner = owner_of(layer)
    weights = dict(owner.weights_of(layer if params is None else _held(owner, layer, params)))
    waiting = [name for name, value in weights.items() if value is None]
    if waiting:
        raise ParameterValueError(
            f"{', '.join(waiting)} of {_shown(layer)} has no size yet: call the layer first, or "
            "make it with channels=… or weight_shape=…"
        )
    return weights


def import_weights(layer: Any, weights: Mapping[str, Any] | Any, params: Any = None) -> Any:
    """Sets the weights of a layer to those that `export_weights` returned, on any framework.

    Args:
        layer: A layer from `get_layer`, or a PReLU of a framework, as for `export_weights`. If the
            shape of its weights is not known yet, these weights determine it.
        weights: NumPy arrays by name, or another such layer. The arrays are cast to the dtype of
            the layer. The weight of PReLU may have the name that Keras and MXNet have for it,
            ``"alpha"``, that of Flax and Equinox, ``"negative_slope"``, or that of ONNX,
            ``"slope"``; and if it varies along one axis only, it has one number for each channel,
            whatever its shape.
        params: The parameters of the layer, in Linen and Haiku, as for `export_weights`.

    Returns:
        What has the weights now. A layer of Equinox never changes, so it is a new layer. In Linen
        and Haiku it is the parameters: a copy of `params`, or without them what ``init`` would
        return for this layer. In all other frameworks it is `layer` itself, which has changed.

    Raises:
        UnsupportedError: `layer` is no such layer.
        UnknownParameterError: The names are not those of the layer's weights.
        ParameterValueError: The shape of a weight is not that of the layer; or `params` are not
            those of the layer, or not needed.

    Examples:
        >>> import unified_act as ua
        >>> one = ua.get_layer("prelu", backend="numpy", channels=3, initial=0.1)
        >>> other = ua.get_layer("prelu", backend="numpy", channels=None)
        >>> other = ua.import_weights(other, ua.export_weights(one))
        >>> ua.export_weights(other)
        {'weight': array([0.1, 0.1, 0.1])}
        >>> images = ua.get_layer("prelu", backend="numpy", weight_shape=(3, 1, 1))
        >>> images = ua.import_weights(images, {"alpha": [0.5, 0.25, 0.125]})
        >>> ua.export_weights(images)["weight"].shape
        (3, 1, 1)
    """
    owner = owner_of(layer)
    held = _held(owner, layer, params)
    own = owner.weights_of(held)
    given = _by_name(weights)
    is_prelu = own.keys() == {"weight"}
    if is_prelu and len(given) == 1 and given.keys() <= _NAMES_OF_PRELU:
        given = dict.fromkeys(own, *given.values())
    if given.keys() != own.keys():
        raise UnknownParameterError(
            f"{_shown(layer)} has the weights {sorted(own)}, got {shown(list(given))}."
        )
    arrays = {name: _as_weight(name, given[name]) for name in own}
    for name, old in own.items():
        if is_prelu:
            arrays[name] = _as_held(layer, arrays[name], old)
        _check_shape(layer, name, arrays[name], old)
    if len({array.shape for array in arrays.values()}) > 1:
        raise ParameterValueError(
            f"the weights of {_shown(layer)} must all have one number of channels, got "
            f"{', '.join(f'{name} with {array.shape}' for name, array in arrays.items())}."
        )
    changed = owner.set_weights(held, arrays) if arrays or held is not layer else None
    return layer if changed is None else changed


def _held(owner: Layers, layer: Any, params: Any) -> Any:
    """Returns the layer, with its parameters if they are outside of it."""
    held = owner.held(layer, params) if hasattr(owner, "held") else None
    if held is None and params is not None:
        raise ParameterValueError(f"{_shown(layer)} holds its weights itself: leave out params.")
    return layer if held is None else held


def _shown(layer: Any) -> str:
    """A layer in one line; some libraries of JAX print theirs in several."""
    text = shown(layer)
    if "\n" not in text:
        return text
    spec: LayerSpec | None = getattr(layer, "spec", None)
    name = type(layer).__name__
    return name if spec is None else f"{name}({spec.describe()})"


def _by_name(weights: Any) -> Mapping[str, Any]:
    """Returns the arrays by name, those of a layer too."""
    if isinstance(weights, Mapping):
        return weights
    try:
        return export_weights(weights)
    except UnsupportedError:
        raise ParameterValueError(
            f"weights are a mapping of arrays by name, or a layer with them, got {shown(weights)}."
        ) from None


def _as_held(layer: Any, array: Any, held: Any) -> Any:
    """Returns the weight of a PReLU in the shape that the layer has for it, if it is the same.

    Args:
        layer: The layer.
        array: What the weight is to be.
        held: What it is; None if its shape is not known yet.
    """
    several = [length for length in array.shape if length != 1]
    if held is None:
        by_channel = len(several) <= 1 and _shared_axes(layer) is None
        return array.reshape(-1) if by_channel else array
    along_one = len(several) <= 1 and [length for length in held.shape if length != 1] == several
    same = _without_ones(array.shape) == _without_ones(held.shape)
    return array.reshape(held.shape) if along_one or same else array


def _check_shape(layer: Any, name: str, array: Any, held: Any) -> None:
    shared = _shared_axes(layer)
    if held is not None:
        wanted, fits = held.shape, array.shape == held.shape
    elif shared is None:
        wanted, fits = "(channels,)", array.ndim == 1
    else:
        wanted = f"of the input without the batch, with 1 for the axes {shared}"
        fits = all(axis <= array.ndim and array.shape[axis - 1] == 1 for axis in shared)
    if not fits:
        raise ParameterValueError(
            f"{name} of {_shown(layer)} has the shape {wanted}, got {array.shape}; make the layer "
            f"with weight_shape={array.shape}, or pass a weight of its shape."
        )


def _shared_axes(layer: Any) -> tuple[int, ...] | None:
    """Returns the axes along which a layer shares weights; Keras has a list of them, or None."""
    if hasattr(layer, "spec"):
        found: tuple[int, ...] | None = layer.spec.shared_axes
        return found
    return tuple(getattr(layer, "shared_axes", None) or ())


def _without_ones(shape: Sequence[int]) -> list[int]:
    """The shape without the lengths 1 before all others, which broadcast in the same way."""
    return list(dropwhile(lambda length: length == 1, shape))


def _as_weight(name: str, given: Any) -> Any:
    """Returns a weight as a NumPy array with at least one dimension."""
    import numpy as np

    try:
        array = np.atleast_1d(given)
        if np.issubdtype(array.dtype, np.integer):  # of Python also those that no integer type has
            array = array.astype(np.float64)
        array.astype(np.float64, casting="same_kind")
    except (TypeError, ValueError, OverflowError):
        raise ParameterValueError(
            f"{name} must be an array of real numbers, got {shown(given)}."
        ) from None
    return array
