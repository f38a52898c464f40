"""Checks of further promises: shares that add up to 1, randomness, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import unified_act as ua
from unified_act_conformance.checks.bench import Bench
from unified_act_conformance.floats import FloatArray, float_format, to_type, widen
from unified_act_conformance.harness import NotOfferedError

__all__ = ["noise", "refused", "seeds", "shares"]

SAMPLES = 2048
SIGMAS = 5.0
OUTSIDE = (1.0078125, 2.0, -0.0078125, -1.0)
"""Noise that no generator draws: the first is the next to 1 that every type has."""
LOGITS = np.log([0.1, 0.2, 0.3, 0.4])
"""With Gumbel noise each is the largest with the probability of which it is the logarithm."""


def shares(bench: Bench) -> str:
    """Results are not negative, and add up to 1 along the axis.

    Where a mask leaves an element out, its share is 0, and so are all in a row that is left out.
    Sparsemax gives a share to exactly those that should have one; a choice is a 1 among zeros.
    """
    values = bench.shaped(bench.values())
    further = bench.further(values.shape)
    counted = np.ones(values.shape, dtype=np.bool_)
    if bench.activation.masks:
        (counted,) = further
        np.moveaxis(counted, bench.axis, -1)[0] = False
    inputs = [bench.native(array) for array in (values, *further)]
    found = widen(bench.harness.to_numpy(bench.implementation.value(inputs), bench.case.dtype))
    if not (found >= 0.0).all():
        return f"a share is {found.min()}"
    if found[~counted].any():
        return f"what the mask leaves out has the share {found[~counted].max()}"
    excess = found.sum(axis=bench.axis) - counted.any(axis=bench.axis)
    worst = excess.flat[np.abs(excess).argmax()]
    if abs(worst) > float_format(bench.case.dtype).epsilon * values.shape[bench.axis]:
        return f"the sum of shares is off by {worst}"
    return _choice(bench, found) or _support(bench, values, further, found)


def _choice(bench: Bench, found: FloatArray) -> str:
    chooses = bench.record.shares == "one" or bench.parameters.get("hard", False)
    if not chooses or np.isin(found, (0.0, 1.0)).all():
        return ""
    return f"a choice has the shares {np.unique(found).tolist()}"


def _support(
    bench: Bench, values: FloatArray, further: Sequence[FloatArray], found: FloatArray
) -> str:
    if bench.record.shares != "some":
        return ""
    exact = bench.pose(0, values, further).reference.high
    told = (exact == 0) | (exact >= float_format(bench.case.dtype).smallest_normal)  # or too small
    wrong = np.count_nonzero(((found > 0) != (exact > 0)) & told)
    return f"{wrong} of {found.size} elements have a share and should not, or none" if wrong else ""


def noise(bench: Bench) -> str:
    """Noise outside 0 to 1 gives NaN: it cannot have been drawn."""
    values = bench.shaped(-np.abs(bench.finite_values()) - bench.finite_values().dtype.type(1))
    for given in OUTSIDE:
        array = to_type(np.full(values.shape, given), bench.case.dtype)
        result = bench.call(0, bench.native(values), values, [bench.native(array)])
        found = widen(bench.harness.to_numpy(result, bench.case.dtype))
        if not np.isnan(found).all():
            return f"noise of {given} gives {found[~np.isnan(found)][0]}, not NaN"
    return ""


def refused(bench: Bench) -> str:
    """Arrays that do not fit are refused with an error of ours."""
    function = bench.implementation.function
    if not isinstance(function, ua.ActivationFunction):
        raise NotOfferedError("only what get_activation returns says what it refuses")
    for what, inputs in _wrong_inputs(bench):
        try:
            function(*inputs)
        except ua.UnifiedActError:
            continue
        except Exception as error:
            return f"{what}: {type(error).__name__} in place of an error of unified_act: {error}"
        return f"{what}: it is not refused"
    return ""


def _wrong_inputs(bench: Bench) -> Iterator[tuple[str, list[Any]]]:
    """Yields what is wrong with the arguments of a call, and the arguments."""
    activation = bench.activation
    values = bench.shaped(bench.finite_values())
    arrays = [values, *bench.further(values.shape)]
    inputs = [bench.native(array) for array in arrays]
    truths = bench.native(np.ones(values.shape, dtype=np.bool_))
    if "float" not in str(truths.dtype):  # MXNet has none
        yield "an array of truth values", [truths, *inputs[1:]]
    if len(inputs) > 1:
        yield "no array but the input", inputs[:1]
    for index, name in enumerate(activation.inputs_for(bench.parameters)[1:], 1):
        if name in activation.weights or not values.ndim:
            continue
        longer = np.concatenate([arrays[index]] * 2)
        wrong = [*inputs[:index], bench.native(longer), *inputs[index + 1 :]]
        yield f"{name} of the shape {longer.shape} for {values.shape}", wrong
    if bench.sections > 1:
        odd = values.take(range(values.shape[bench.axis] - 1), axis=bench.axis)
        yield f"a length that is no multiple of {bench.sections}", [bench.native(odd)]


def seeds(bench: Bench) -> str:
    """A seed gives the same numbers every time, another seed others, and all as they should fall.

    How those of a plugin should fall is not known. The seeds are always the same, and the limits
    five standard deviations.
    """
    if not isinstance(bench.implementation.function, ua.ActivationFunction):
        raise NotOfferedError("only what get_activation returns takes a seed")
    rows = np.tile(LOGITS, (SAMPLES, 1)) if bench.activation.along_axis else -np.ones((1, SAMPLES))
    values = to_type(bench.along_axis(rows), bench.case.dtype)
    for order in bench.orders:
        first, again, other = (_drawn(bench, order, values, seed) for seed in (1, 1, 2))
        what = "value" if order == 0 else "gradient"
        if first.tobytes() != again.tobytes():
            return f"with one seed the {what} differs"
        if first.tobytes() == other.tobytes():
            return f"with two seeds the {what} is the same"
    found = widen(_drawn(bench, 0, values, 1))
    distribution = _DISTRIBUTIONS.get(bench.record.noise)
    return distribution(bench, found) if distribution else ""


def _drawn(bench: Bench, order: int, values: FloatArray, seed: int) -> FloatArray:
    result = bench.call(order, bench.native(values), values, [seed])
    return bench.harness.to_numpy(result, bench.case.dtype)


def _chances(bench: Bench, found: FloatArray) -> str:
    winners = found.argmax(axis=bench.axis)
    chances = np.exp(LOGITS)
    shares = np.bincount(winners.reshape(-1), minlength=chances.size) / SAMPLES
    deviations = np.abs(shares - chances) / np.sqrt(chances * (1.0 - chances) / SAMPLES)
    if deviations.max() <= SIGMAS:
        return ""
    return f"elements of the chances {chances.round(3).tolist()} win at {shares.round(3).tolist()}"


def _slopes(bench: Bench, found: FloatArray) -> str:
    slopes = -found
    lower, upper = bench.parameters["lower"], bench.parameters["upper"]
    room = 2.0 * float_format(bench.case.dtype).epsilon
    if not ((slopes >= lower * (1.0 - room)) & (slopes <= upper * (1.0 + room))).all():
        return f"slopes from {slopes.min()} to {slopes.max()}"
    deviation = abs(slopes.mean() - (lower + upper) / 2.0)
    if deviation <= SIGMAS * (upper - lower) / np.sqrt(12.0 * slopes.size):
        return ""
    return f"the mean slope is {slopes.mean()}"


_DISTRIBUTIONS = {"chances": _chances, "slopes": _slopes}
