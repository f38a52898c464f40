"""The check `dimensions`: an activation is right in every way in which it can be called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from unified_act.loading import load_backend
from unified_act_conformance.dimensions.cause import narrowed
from unified_act_conformance.dimensions.setting import (
    BATCHES,
    BEYOND_A_BLOCK,
    CALLS,
    THREADS,
    Dimension,
    Setting,
    dimensions_of,
    distinct,
    settings_of,
)
from unified_act_conformance.dimensions.trial import Trial
from unified_act_conformance.dimensions.words import mode
from unified_act_conformance.harness import NotOfferedError
from unified_act_conformance.subject import DTYPES, ORDERS, two_dtypes

__all__ = ["dimensions", "outputs"]

LARGEST = 40
"""Elements of a row that are tried in a mode."""
IN_VECTOR = 5
"""Weights, one for each channel, where a mode is tried with a vector of them."""


def dimensions(trial: Trial, dtype: str, *, pairs: bool) -> str:
    """Says in which dimension an activation is wrong, or nothing.

    Args:
        trial: What tries it.
        dtype: The float type to try it in.
        pairs: Whether to try all pairs of values of two dimensions, or every value once. Where each
            shape is compiled it is every value once, or a few values.

    Raises:
        NotOfferedError: Nothing could be tried.
    """
    tried = 0
    for setting in _settings(trial, dtype, pairs):
        try:
            fault = trial.fault(setting)
        except NotOfferedError:
            continue
        tried += 1
        if fault:
            where, fault = narrowed(setting, fault, trial.fails, _dimensions(trial))
            return f"{where}: {fault}"
    if not tried:
        raise NotOfferedError(f"no setting can be tried in {dtype}")
    return ""


def outputs(trial: Trial, dtype: str) -> Iterator[bytes]:
    """Yields the bits of what an activation gives in each setting of a whole run.

    Args:
        trial: What tries it.
        dtype: The float type to try it in.
    """
    for setting in _settings(trial, dtype, pairs=True):
        try:
            found = [array.tobytes() for array in trial.outputs(setting)]
        except Exception as error:
            found = [repr(error).encode()]
        yield from found


def _dimensions(trial: Trial) -> tuple[Dimension, ...]:
    found = dimensions_of(trial.activation, trial.subject.parameters, trial.fixed)
    return (*found, Dimension("mode", ("eager",), mode))


def _settings(trial: Trial, dtype: str, pairs: bool) -> Iterator[Setting]:
    costly = trial.harness.compiles_each_shape
    repeated = tuple(trial.harness.repeated) if pairs and (dtype == "float32" or not costly) else ()
    planned = settings_of(
        trial.activation,
        trial.subject.parameters,
        pairs and not costly,
        trial.fixed,
        repeated,
        _named_by_a_kernel(trial) if pairs and not trial.fixed else (),
    )
    own = [setting for setting in planned if setting["dtype"] == dtype]
    twice = max(ORDERS) in trial.harness.orders(trial.activation.name, dtype, trial.numerics)
    # Second derivatives take longest. They are tried in two types, of a quick run in float32 only.
    if not twice or dtype not in (two_dtypes(DTYPES, trial.subject) if pairs else ("float32",)):
        own = [*distinct({**setting, "order": setting["order"] % max(ORDERS)} for setting in own)]
    yield from (
        {**setting, "mode": "eager"} for setting in own[: None if pairs or not costly else 1]
    )
    if dtype != "float32" or not pairs:
        return
    # Of the gradient, whose call gives the value too.
    order = max((order for order in trial.orders if order < 2), default=0)
    small = [s for s in own if s["order"] == order and s.get("row", 1) < LARGEST]
    small = [s for s in small if s.get("elements", 1) < LARGEST**2 and s["before"] != CALLS]
    for name in trial.harness.tried_modes(trial.numerics):
        light, strict = name in trial.harness.light_modes, trial.numerics == "strict"
        # float32 operations miss the limits of strict with some parameters.
        suited = [s for s in small if _is_ordinary(trial, s)] if light and strict else small
        tried = [*_most_telling(suited)]
        if light:
            tried += [{**setting, "threads": THREADS} for setting in tried]
            tried += [] if strict else small
        yield from ({**setting, "mode": name} for setting in tried)


def _is_ordinary(trial: Trial, setting: Setting) -> bool:
    """Whether a setting has the parameters of an ordinary call."""
    names = {parameter.name for parameter in trial.activation.parameters}
    own = [each for each in _dimensions(trial) if each.name in names]
    return all(setting[each.name] == each.values[0] for each in own)


def _named_by_a_kernel(trial: Trial) -> tuple[tuple[str, float], ...]:
    """The parameters for which alone a kernel of the framework serves, or does not."""
    kernel = getattr(load_backend(trial.backend), "native", {}).get(trial.subject.activation)
    if kernel is None:
        return ()
    values = {**kernel.unless, **kernel.only_at_16_bits, **kernel.only}
    values.pop("axis", None)
    return tuple(values.items())


def _most_telling(settings: Sequence[Setting]) -> Iterator[Setting]:
    """One setting, since compiling takes a while: along an axis that is neither first nor last.

    It has many rows, and many elements, if they are not summed. A weight is a vector: a symbol of
    MXNet has no shape, and is taken for one.
    """

    def told(setting: Setting) -> tuple[bool, bool, int]:
        rank, axis = setting["place"]
        between = isinstance(axis, int) and 0 < axis % max(rank, 1) < rank - 1
        return not isinstance(setting.get("channels"), str), between, setting["batch"]

    for setting in sorted((s for s in settings if s["threads"] == 1), key=told)[-1:]:
        changes: dict[str, Any] = {}
        if setting["place"][0] > 1:
            changes["batch"] = BATCHES[-1]
        if isinstance(setting.get("channels"), str):
            changes["channels"] = IN_VECTOR
        elif "elements" in setting and "channels" not in setting:
            changes["elements"] = BEYOND_A_BLOCK
        yield {**setting, **changes}
