"""Judges all parts, in this process, in several, or on a cluster of Dask's."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import unified_act as ua
from unified_act.loading import find_entry
from unified_act_conformance.exhaustive.finding import Finding, total
from unified_act_conformance.exhaustive.folder import Folder
from unified_act_conformance.exhaustive.judge import ORDERS, Task, judge_part
from unified_act_conformance.exhaustive.parts import LARGEST, Part, parts_of
from unified_act_conformance.report.environment import environment
from unified_act_conformance.truth import RECORDS

__all__ = ["described", "exhaust", "is_as_promised"]

Found = tuple[Part, Sequence[Finding]]


def exhaust(
    task: Task,
    folder: Path,
    *,
    size: int = LARGEST,
    jobs: int = 1,
    dask: str | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """Judges an activation at every number of a type, value and gradient.

    A run that was killed goes on where it was, if it is given the same folder.

    Args:
        task: What is judged.
        folder: Where finished parts are kept.
        size: The bit patterns of a part.
        jobs: The number of processes.
        dask: The address of a Dask scheduler whose workers judge the parts, in place of processes.
            They need this package and the framework.
        progress: Called with the number of finished parts, and of all.

    Returns:
        What was judged, and a `Finding` for value and gradient, as plain data. It is the same
        however the work was divided.

    Raises:
        unified_act.ParameterValueError: The folder holds something else.
        unified_act.UnsupportedError: The activation is none of the catalogue's elementwise ones,
            or Dask is not installed.
    """
    record = RECORDS.get(task.subject.activation)
    if record is None or record.formula is None:
        raise ua.UnsupportedError(
            f"{task.subject} cannot be judged at every number: that is for elementwise activations "
            "of the catalogue, whose formula the suite knows."
        )
    about = described(task)
    kept, parts = Folder(folder, about), parts_of(task.dtype, size)
    found = {part: findings for part in parts if (findings := kept.find(part)) is not None}
    left = [part for part in parts if part not in found]
    progress(len(found), len(parts))
    for part, findings in _judged(task, left, jobs, dask):
        kept.keep(part, findings)
        found[part] = findings
        progress(len(found), len(parts))
    names = ("value", "gradient")
    totals = [total(found[part][order] for part in parts) for order in ORDERS]
    results = {name: each.document() for name, each in zip(names, totals, strict=True)}
    return {**about, **results}


def _judged(task: Task, parts: Sequence[Part], jobs: int, dask: str | None) -> Iterator[Found]:
    """Yields what is found in each part, in any order."""
    if dask is not None:
        yield from _by_dask(task, parts, dask)
    elif jobs == 1:
        for part in parts:
            yield part, judge_part(task, part)
    else:
        # A forked process would have TensorFlow's threads without the threads.
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
            futures = {pool.submit(judge_part, task, part): part for part in parts}
            for done in as_completed(futures):
                yield futures[done], done.result()


def _by_dask(task: Task, parts: Sequence[Part], address: str) -> Iterator[Found]:
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError as error:
        raise ua.UnsupportedError(
            "work is divided by Dask, which is not installed. Install it with: pip install "
            "'dask[distributed]'"
        ) from error
    with distributed.Client(address) as client:
        futures = {client.submit(judge_part, task, part, pure=False): part for part in parts}
        for done in distributed.as_completed(futures):
            yield futures[done], done.result()


def described(task: Task) -> dict[str, Any]:
    """Returns what is judged and by which code, as plain data."""
    return {
        "activation": task.subject.activation,
        "parameters": dict(task.subject.parameters),
        "backend": task.backend,
        "dtype": task.dtype,
        "numerics": task.numerics,
        "packages": environment([task.backend]).packages,
        "code": _digest(task.backend),
    }


def _digest(backend: str) -> str:
    """Of the sources of the library, the backend and the suite."""
    digest = hashlib.sha256()
    for package in ("unified_act", find_entry(backend).package, "unified_act_conformance"):
        spec = find_spec(package)
        locations: Sequence[str] = (spec and spec.submodule_search_locations) or ()
        for path in sorted(file for root in locations for file in Path(root).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def is_as_promised(document: Mapping[str, Any]) -> bool:
    """Whether no output is beyond the suite's budget, of another kind, or unlike its twin."""
    return not any(
        getattr(Finding.of_document(document[name]), count)
        for name in ("value", "gradient")
        for count in ("beyond_budget", "wrong_kind", "unlike")
    )
