"""Every activation against the best that a user would write: run with `make bench`.

Each backend is measured in a process of its own, so that the threads of one framework do not
disturb another. A run of whole backends leaves the results in `benchmarks/measured`, from which
`make docs` writes docs/benchmarks.md. Options choose a part, which is only printed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.calls import MODES, Case, check, loops
from benchmarks.measured import FOLDER, Measured, Row, read_all
from benchmarks.page import console_text
from benchmarks.rivals import BACKENDS
from benchmarks.timing import medians
from benchmarks.training import training_step
from unified_act.backend import HOME
from unified_act.errors import UnsupportedError
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.harness import use_device

DTYPES = ("float32", "bfloat16")
ON_DEVICES = ("torch", "tensorflow", "jax")
"""The backends that are compared on other devices than a CPU."""
SIZES = ("one", "million", "rows")
KEEPING_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**25),  # as much as it takes
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
}
"""Settings of Linux's C library. By itself it may hand back to the system what a call frees. The
next call, whoever's it is, then pays for new pages: up to 400 µs for a million elements."""
_DISTRIBUTIONS = {
    "numpy": ("numpy", "scipy", "ml_dtypes"),
    "torch": ("torch",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "keras"),
    "mxnet": ("mxnet",),
    "jax": ("jax", "jaxlib"),
}


def main() -> None:
    """Measures, prints what was found, and keeps it if nothing was left out."""
    options = _options()
    whole = not options.activation and options.dtype == list(DTYPES)
    with tempfile.TemporaryDirectory() as name:
        folder = FOLDER if whole else Path(name)
        if options.here:
            _measure(options, options.here)
            return
        for backend in options.backend:
            start = time.perf_counter()
            arguments = [*sys.argv[1:], "--backend", backend, "--here", str(folder)]
            command = [sys.executable, "-m", "benchmarks.compare", *arguments]
            done = subprocess.run(command, check=False, env={**KEEPING_MEMORY, **os.environ})
            if done.returncode:  # it has said why
                sys.exit(done.returncode)
            print(f"{backend}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
        shown = [
            each
            for each in read_all(folder)
            if each.backend in options.backend and each.device == options.device
        ]
        print(console_text(shown, every_row=not whole))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    names = [activation.name for activation in ACTIVATIONS]
    parser.add_argument("--backend", nargs="*", choices=BACKENDS, default=[])
    parser.add_argument("--activation", nargs="*", choices=names, default=[])
    parser.add_argument("--dtype", nargs="*", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--device", default=HOME, help="cpu, cuda, mps: as PyTorch names it")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.backend = options.backend or [
        name for name in BACKENDS if options.device == HOME or name in ON_DEVICES
    ]
    return options


def _measure(options: argparse.Namespace, folder: Path) -> None:
    """Measures one backend in this process, and writes a file."""
    (backend,) = options.backend
    if options.device != HOME:
        try:
            use_device(backend, options.device)
        except UnsupportedError as error:
            sys.exit(str(error))
    names = options.activation or [activation.name for activation in ACTIVATIONS]
    found = Measured(
        backend,
        options.device,
        dt.datetime.now(tz=dt.UTC).date().isoformat(),
        _machine(options.device),
        {"python": platform.python_version(), **_versions(_DISTRIBUTIONS[backend])},
        list(_rows(backend, names, options.dtype, options.device)),
    )
    if backend == "torch" and "gelu" in names:
        found.training = {dtype: training_step(dtype, options.device) for dtype in options.dtype}
    found.write(folder)


def _rows(backend: str, names: Sequence[str], dtypes: Sequence[str], device: str) -> Iterable[Row]:
    for name in names:
        for dtype in dtypes:
            for mode in MODES:
                few = Case(backend, name, dtype, "few", mode, device)
                if not few.exists:
                    continue
                check(few)
                for size in SIZES:
                    case = Case(backend, name, dtype, size, mode, device)
                    if case.exists:
                        yield _row(case)


def _row(case: Case) -> Row:
    found = medians(loops(case))
    fast, strict = (_digits(found.pop(profile)) for profile in ("fast", "strict"))
    rival = min(found, key=found.__getitem__)
    native = _digits(found[rival])
    return Row(case.name, case.dtype, case.size, case.mode, rival, native, fast, strict)


def _digits(microseconds: float) -> float:
    """Rounds to what a median is good for."""
    return float(f"{microseconds:.4g}")


def _versions(distributions: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in (*distributions, "llvmlite"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _machine(device: str) -> str:
    """Returns the names of the processors that take part."""
    name, info = platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = names[0] if names else name
    found = f"{name}, {len(os.sched_getaffinity(0))} cores"
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads is not None:
        found += f", OMP_NUM_THREADS={threads}"
    if device.startswith("cuda"):
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        listed = subprocess.run(query, capture_output=True, check=True, text=True).stdout
        found = f"{listed.splitlines()[0]}; {found}"
    return found


if __name__ == "__main__":
    main()
