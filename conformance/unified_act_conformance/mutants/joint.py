"""Mutants of activations of several numbers: axes, halves, weights, masks and noise mishandled."""

from __future__ import annotations

from typing import Any

import numpy as np

from unified_act_conformance.mutants.base import Mutant, activation, on_numpy
from unified_act_conformance.subject import Implementation, Subject

__all__ = ["JOINT_MUTANTS"]

Array = Any

HARD = Subject("gumbel_softmax", (("tau", 0.5), ("hard", True)))
MAXOUT = Subject("maxout", (("groups", 2),))
SWIGLU = Subject("swiglu", (("gate_first", False),))
MASKED, SPARSEMAX, GLU = Subject("masked_softmax"), Subject("sparsemax"), Subject("glu")


def _shares(x: Array) -> Array:
    return activation("softmax")(x)


def _mask_ignored(x: Array, mask: Array) -> Array:
    del mask
    return _shares(x)


def _masked_not_zero(x: Array, mask: Array) -> Array:
    """What is left out gets the smallest score, and so a share of a row that has no other."""
    return _shares(np.where(mask, x, np.finfo(x.dtype).min).astype(x.dtype))


def _masked_after(x: Array, mask: Array) -> Array:
    return np.where(mask, _shares(x), x.dtype.type(0))


def _sums_of_sums(x: Array) -> Array:
    """Sparsemax with sums of cumulative sums, as in Keras 3.15.1."""
    ordered = -np.sort(-x, axis=-1)
    rank = np.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    inside = rank * ordered + 1 > np.cumsum(ordered, axis=-1)
    number = inside.sum(axis=-1, keepdims=True)
    sums = np.where(inside, np.cumsum(ordered, axis=-1), 0).sum(axis=-1, keepdims=True)
    return np.maximum(x - (sums - 1) / number, 0).astype(x.dtype)


def _all_in_support(sound: Implementation, cotangent: Array, x: Array) -> Array:
    """The gradient as if everything had a share."""
    del sound
    return cotangent - cotangent.mean(axis=-1, keepdims=True, dtype=x.dtype)


def _nothing_summed(sound: Implementation, cotangent: Array, x: Array) -> Array:
    """The diagonal of the Jacobian only."""
    del sound
    share = _shares(x)
    return cotangent * share * (1 - share)


def _ties_to_all(sound: Implementation, cotangent: Array, x: Array) -> Array:
    """Every one of the equal largest gets the whole gradient."""
    del sound
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([cotangent * (first >= second), cotangent * (second >= first)], axis=-1)


def _ties_to_last(x: Array) -> Array:
    """A choice of the last of the largest."""
    last = x.shape[-1] - 1 - np.argmax(x[..., ::-1], axis=-1)
    found = (np.arange(x.shape[-1]) == last[..., np.newaxis]).astype(x.dtype)
    return np.where(np.isnan(x).any(axis=-1, keepdims=True), np.nan, found).astype(x.dtype)


def _first_of_sums(
    sound: Implementation, cotangent: Array, x: Array, *weights: Array
) -> tuple[Array, ...]:
    """The gradient of each weight is that of one element."""
    by_x, *_ = sound.gradients([x, *weights], cotangent)
    one = x.reshape(-1)[:1]
    alone = sound.gradients([one, *(w.reshape(-1)[:1] for w in weights)], None)[1:]
    return (by_x, *(np.resize(g, w.shape) for g, w in zip(alone, weights, strict=True)))


def _weight_gradient_of_channels(
    sound: Implementation, cotangent: Array, x: Array, *weights: Array
) -> tuple[Array, ...]:
    """The gradients of weights come as vectors, whatever shape the weights have."""
    by_x, *others = sound.gradients([x, *weights], cotangent)
    return (by_x, *(other.reshape(-1) for other in others))


def _weights_swapped(x: Array, first: Array, second: Array) -> Array:
    return activation("star_relu")(x, second, first)


def _writes_weight(x: Array, alpha: Array) -> Array:
    result = activation("snake")(x, alpha)
    alpha[...] = 0
    return result


def _writes_mask(x: Array, mask: Array) -> Array:
    result = activation("masked_softmax")(x, mask)
    mask[...] = True
    return result


def _halves_interleaved(x: Array) -> Array:
    return activation("glu")(np.concatenate([x[..., ::2], x[..., 1::2]], axis=-1))


def _gate_detached(sound: Implementation, cotangent: Array, x: Array) -> Array:
    (found,) = sound.gradients([x], cotangent)
    found = found.copy()
    found[..., x.shape[-1] // 2 :] = 0
    return found


def _gate_opens_late(x: Array) -> Array:
    """Value and gate are multiplied first, which overflows where the gate then is shut."""
    value, gate = np.split(x, 2, axis=-1)
    with np.errstate(all="ignore"):
        return value * gate * activation("sigmoid")(gate)


def _gate_shuts_early(x: Array) -> Array:
    """What is left of the gate is subnormal, or 0, before a large value is let through."""
    value, gate = np.split(x, 2, axis=-1)
    with np.errstate(all="ignore"):
        return value * activation("silu")(gate)


def _noise_ignored(x: Array, noise: Array) -> Array:
    return _shares(x) if isinstance(noise, np.ndarray) else activation("gumbel_softmax")(x, noise)


def _temperature_ignored(x: Array, noise: Array) -> Array:
    return activation("gumbel_softmax", axis=-1)(x, noise)


def _not_straight_through(
    sound: Implementation, cotangent: Array, x: Array, noise: Array
) -> tuple[Array, ...]:
    """The gradient of a choice is 0, unless that of its shares is taken in its place."""
    del sound, cotangent
    return np.zeros_like(x), noise


def _mean_slope(x: Array, noise: Array) -> Array:
    del noise
    return activation("rrelu")(x)


def _slope_of_reciprocals(x: Array, noise: Array) -> Array:
    """The slope is one over a number between the reciprocals, as the paper has it."""
    lower, upper = 1 / 8, 1 / 3
    slope = 1 / (1 / upper + noise * (1 / lower - 1 / upper))
    return np.where(x > 0, x, x * slope).astype(x.dtype)


JOINT_MUTANTS: tuple[Mutant, ...] = (
    on_numpy("along the last axis", Subject("softmax2d"), activation("softmax")),
    on_numpy("softmax of the input itself", Subject("softmin"), activation("softmax")),
    on_numpy("the gradient's sum is missing", Subject("softmin"), gradient=_nothing_summed),
    on_numpy("the mask is ignored", MASKED, _mask_ignored),
    on_numpy("what the mask leaves out is not zero", MASKED, _masked_not_zero),
    on_numpy("the mask comes after the shares", MASKED, _masked_after, seen_by="shares"),
    on_numpy("the mask is overwritten", MASKED, _writes_mask, seen_by="not mutated"),
    on_numpy("sums of cumulative sums", SPARSEMAX, _sums_of_sums),
    on_numpy("the support is everything", SPARSEMAX, gradient=_all_in_support),
    on_numpy("ties go to the last", Subject("hardmax"), _ties_to_last),
    on_numpy("ties go to all", MAXOUT, gradient=_ties_to_all),
    on_numpy("the halves are swapped", GLU, activation("glu", gate_first=True)),
    on_numpy(
        "the gate is the first half", Subject("swiglu"), activation("swiglu", gate_first=False)
    ),
    on_numpy("value and gate take turns", GLU, _halves_interleaved),
    on_numpy("the gate is detached", GLU, gradient=_gate_detached),
    on_numpy(
        "geglu with the gate of swiglu", Subject("geglu"), activation("swiglu", gate_first=False)
    ),
    on_numpy("value times gate overflows", SWIGLU, _gate_opens_late),
    on_numpy("a gate almost shut is shut", SWIGLU, _gate_shuts_early, numerics="strict"),
    on_numpy("scale and bias are swapped", Subject("star_relu"), _weights_swapped),
    on_numpy("weight gradients are not summed", Subject("snake"), gradient=_first_of_sums),
    on_numpy(
        "weight gradients are vectors",
        Subject("tlu"),
        gradient=_weight_gradient_of_channels,
        seen_by="weights",
    ),
    on_numpy("the weight is overwritten", Subject("snake"), _writes_weight, seen_by="not mutated"),
    on_numpy("the noise is ignored", Subject("gumbel_softmax"), _noise_ignored),
    on_numpy("the temperature is ignored", HARD, _temperature_ignored),
    on_numpy("no gradient through the choice", HARD, gradient=_not_straight_through),
    on_numpy("the noise is ignored", Subject("rrelu", (("training", True),)), _mean_slope),
    on_numpy(
        "one over a uniform number", Subject("rrelu", (("training", True),)), _slope_of_reciprocals
    ),
)
