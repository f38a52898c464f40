"""Says what serves an activation in each dtype, for a reader. It runs nothing of a framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from unified_act.activation import Activation
from unified_act.backend import HOME, Backend, Devices, Native, Numerics, Tabled, kernel_for
from unified_act.kernels import unavailable

__all__ = ["Offer", "Served", "offer_of", "serving"]


class Offer(NamedTuple):
    """What a backend may serve an activation with. All of it is data.

    Attributes:
        backend: The name of the backend.
        dtypes: The names of its dtypes.
        native: The framework's own kernels, by the name of the activation.
        tabled: Where tables serve.
        devices: On which devices the kernels hold; None if the backend computes on a CPU alone.
        fused: The dtypes in which fused kernels serve.
        few: Arrays of fewer elements are left to the framework's kernel where it is outrun.
    """

    backend: str
    dtypes: Sequence[str]
    native: Mapping[str, Native]
    tabled: Tabled = Tabled()
    devices: Devices | None = None
    fused: Sequence[str] = ()
    few: int = 0


class Served(NamedTuple):
    """What serves one dtype.

    Attributes:
        dtype: The name of the dtype.
        by: The framework's own function, a table, a fused kernel, or the shared definition.
        label: The same in words, with the name of the framework's function.
        why: The reason, if it is not what a reader expects.
    """

    dtype: str
    by: Literal["framework", "table", "kernel", "definition"]
    label: str
    why: str = ""


def offer_of(backend: Backend) -> Offer:
    """Returns what a backend offers.

    Args:
        backend: A backend; one of a plugin may have only what the contract asks for.
    """
    return Offer(
        backend.name,
        tuple(backend.dtypes),
        backend.native,
        getattr(backend, "tabled", Tabled()),
        getattr(backend, "devices", None),
        getattr(backend, "fused", ()),
        getattr(backend, "few", 0),
    )


def serving(
    offer: Offer,
    activation: Activation,
    parameters: Mapping[str, Any] | None,
    numerics: Numerics = "fast",
    device: str = HOME,
) -> Iterator[Served]:
    """Yields what serves each dtype of a backend.

    Args:
        offer: What the backend offers.
        activation: The activation.
        parameters: Every parameter with its value. None if they are not known: then the shared
            definition stands for fused kernels, which are made for parameters.
        numerics: The profile.
        device: The kind of device.
    """
    kernel = kernel_for(offer.backend, offer.native, activation, numerics, parameters)
    own: Sequence[str] = ()
    at_home = device == HOME
    if kernel is not None:
        own = (offer.devices or Devices()).admitted(kernel, device)
        if at_home and kernel.outrun and offer.fused and not unavailable():
            own = [dtype for dtype in own if dtype not in kernel.outrun]
    by_table = offer.tabled.serving(activation, numerics, device)
    fused = offer.fused if parameters is not None and at_home else ()
    for dtype in offer.dtypes:
        if kernel is not None and dtype in own:
            yield Served(dtype, "framework", kernel.label)
        elif dtype in by_table:
            why = "a table has the rounded result for each number of a 16-bit type"
            yield Served(dtype, "table", offer.tabled.label(activation), why)
        elif dtype not in fused:
            yield Served(dtype, "definition", "the shared definition")
        elif missing := unavailable(activation, parameters, dtype):
            why = f"there is no fused kernel: {missing}"
            yield Served(dtype, "definition", "the shared definition", why)
        else:
            yield Served(dtype, "kernel", "a fused kernel")
