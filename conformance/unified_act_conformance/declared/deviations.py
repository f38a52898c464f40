"""Reads the declared deviations of each backend, and matches outputs with them."""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from packaging.specifiers import SpecifierSet

from unified_act.backend import HOME
from unified_act.loading import backend_entries
from unified_act_conformance.floats import float_format
from unified_act_conformance.subject import Case

__all__ = ["Deviation", "backend_tables", "flushed", "list_deviations"]

SHORTEST_REASON = 15


@dataclass(frozen=True)
class Deviation:
    """One declared deviation.

    Attributes:
        id: A stable name.
        backend: The backend.
        versions: Versions of the framework that show it, a PEP 440 specifier.
        subjects: Which activations, with parameters: `"silu"` is the one with the defaults.
        numerics: The profile in which it shows.
        orders: Where it shows: 0 in the value, 1 in the gradient.
        dtypes: The float types.
        intervals: The inputs where it shows, closed; from NaN to NaN means NaN. An element of a
            row that holds a NaN, or whose maximum is infinite, counts as that.
        bound: The largest error there, in the unit of the judge; infinite for a wrong NaN and
            the like.
        reason: Why.
        flush: Whether it is about subnormal numbers, which the framework counts as 0. Then it is
            known by its outputs and needs no subjects and no intervals.
        some_processors: Whether it shows on some processors only, whose vector instructions the
            framework uses. Not to see it elsewhere is no failure.
        link: Where it is reported or fixed, if anywhere.
        devices: The kinds of devices on which it shows: where it was judged.
    """

    id: str
    backend: str
    versions: str
    subjects: tuple[str, ...]
    numerics: str
    orders: tuple[int, ...]
    dtypes: tuple[str, ...]
    # A NaN among them would make a deviation another one where it comes from another process.
    intervals: tuple[tuple[float, float], ...] = field(compare=False)
    bound: float
    reason: str
    link: str = ""
    flush: bool = False
    some_processors: bool = False
    devices: tuple[str, ...] = (HOME,)

    def applies(self, case: Case, numerics: str, version: str, device: str = HOME) -> bool:
        """Whether it is about `case`, run with this version of the framework, on such a device."""
        return (
            self.backend == case.backend
            and (self.flush or str(case.subject) in self.subjects)
            and self.numerics == numerics
            and case.order in self.orders
            and (self.flush or case.part == "x")
            and case.dtype in self.dtypes
            and device in self.devices
            and SpecifierSet(self.versions).contains(version, prereleases=True)
        )

    def covers(
        self,
        x: NDArray[np.float64],
        exact: NDArray[np.float64],
        got: NDArray[np.float64],
        dtype: str,
        summed: bool = False,
    ) -> NDArray[np.bool_]:
        """Which inputs it is about: those in the intervals, or those where something was flushed.

        Args:
            x: The inputs.
            exact: The exact outputs.
            got: The outputs.
            dtype: The float type.
            summed: Whether the outputs are sums, of which a subnormal summand may be flushed.
        """
        if self.flush:
            return flushed(x, exact, got, float_format(dtype).smallest_normal, summed)
        covered = np.zeros(x.shape, dtype=np.bool_)
        for low, high in self.intervals:
            covered |= np.isnan(x) if np.isnan(low) else (x >= low) & (x <= high)
        return covered


# A subnormal number that is flushed on the way to a result makes one 0 that is itself this many
# times larger than the smallest normal number.
INTERMEDIATE = 2.0**10


def flushed(
    x: NDArray[np.float64],
    exact: NDArray[np.float64],
    got: NDArray[np.float64],
    smallest_normal: float,
    summed: bool = False,
) -> NDArray[np.bool_]:
    """Says where a tiny result came as 0 or lacks a subnormal summand, or an input was taken for 0.

    An input that is taken for 0 may come as the result where that is 0, as of relu: to the
    processor the larger of the two is either.

    Args:
        x: The inputs; a zero among them tells what is returned for an input that is taken for 0.
        exact: The exact outputs.
        got: The outputs.
        smallest_normal: The smallest normal number of the type.
        summed: Whether the outputs are sums, of which a subnormal summand may be flushed.
    """
    found: NDArray[np.bool_] = (
        (got == 0) & (exact != 0) & (np.abs(exact) < INTERMEDIATE * smallest_normal)
    )
    if summed:
        with np.errstate(invalid="ignore"):  # infinities
            found |= (got != exact) & (np.abs(got - exact) < smallest_normal)
    # More than one value where there are several weights.
    at_zero = np.unique(got[x == 0])
    taken = (x != 0) & (np.abs(x) < smallest_normal)
    found |= taken & (np.isin(got, at_zero) | ((exact == 0) & (got == x)))
    return found


@cache
def list_deviations() -> tuple[Deviation, ...]:
    """Returns all declared deviations.

    Raises:
        ValueError: An entry is incomplete, or two have one id.
    """
    found = tuple(
        _read(entry) for table in backend_tables() for entry in table.get("deviation", ())
    )
    ids = [deviation.id for deviation in found]
    if len(set(ids)) != len(ids):
        raise ValueError("two deviations have one id")
    return found


def backend_tables() -> Iterator[Mapping[str, Any]]:
    """Yields what backends declare: the file `deviations.toml` in the package of each.

    It has tables `deviation`, see `Deviation`, and `check`, see `DeclaredCheck`; the backend need
    not be named. Nothing is imported.

    Raises:
        ValueError: A backend declares something about another one.
    """
    for entry in backend_entries():
        package = importlib.util.find_spec(entry.package)
        for folder in (package and package.submodule_search_locations) or ():
            file = Path(folder) / "deviations.toml"
            if file.is_file():
                yield _about(entry.name, tomllib.loads(file.read_text(encoding="utf-8")))


def _about(backend: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    entries = [entry for name in ("deviation", "check") for entry in table.get(name, ())]
    for entry in entries:
        if entry.setdefault("backend", backend) != backend:
            raise ValueError(f"{entry['id']} is declared by {backend}, but about another backend")
    return table


def _read(entry: Mapping[str, Any]) -> Deviation:
    if len(entry["reason"]) < SHORTEST_REASON:
        raise ValueError(f"deviation {entry['id']}: the reason is too short to explain anything")
    intervals = tuple(
        (float.fromhex(low), float.fromhex(high)) for low, high in entry.get("intervals", ())
    )
    lists = {key: tuple(entry.get(key, ())) for key in ("subjects", "orders", "dtypes")}
    lists["devices"] = tuple(entry.get("devices", (HOME,)))
    return Deviation(**{**entry, **lists, "intervals": intervals})
