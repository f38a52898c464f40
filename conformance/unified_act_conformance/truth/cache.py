"""Exact values kept in a folder, so that another process need not compute them again.

The environment variable `UNIFIED_ACT_ORACLE_CACHE` names the folder. Nothing is kept without it,
but the command has a folder of its own, see `use_folder_of_user`. You can delete the folder at any
time.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, ParamSpec

import numpy as np
from numpy.typing import NDArray

import unified_act

__all__ = ["FOLDER", "caches_of_user", "keep", "use_folder_of_user"]

FOLDER = "UNIFIED_ACT_ORACLE_CACHE"
"""The environment variable that names the folder."""

Arrays = tuple[NDArray[Any], ...]
P = ParamSpec("P")

_CHECKSUM = hashlib.sha256().digest_size
_VERSION, _PREFIX = 8, 10
"""Where in a file of NumPy's the length of its header is."""
_SUITE = Path(__file__).parents[1]
_SOURCES = (
    _SUITE / "truth",
    _SUITE / "problems",
    _SUITE / "floats.py",
    Path(unified_act.__file__).parent / "catalogue",
)
"""The code that decides what the exact values are."""


def use_folder_of_user() -> None:
    """Keeps exact values among the user's other caches, unless the environment says where."""
    os.environ.setdefault(FOLDER, str(caches_of_user() / "oracle"))


def caches_of_user() -> Path:
    """Returns the folder of all that is kept among the user's other caches."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "unified_act"


def keep(function: Callable[P, Arrays]) -> Callable[P, Arrays]:
    """Lets a function look into the folder before it computes, and put there what it computed.

    Args:
        function: Returns arrays of numbers. They depend on its arguments alone, which are arrays,
            bytes, and what `repr` tells apart.
    """

    @functools.wraps(function)
    def kept(*args: P.args, **kwargs: P.kwargs) -> Arrays:
        folder = os.environ.get(FOLDER)
        if not folder:
            return function(*args, **kwargs)
        key = _digest(function.__module__, function.__qualname__, args, sorted(kwargs.items()))
        path = Path(folder) / key[:2] / key
        found = _read(path)
        if found is None:
            found = function(*args, **kwargs)
            _write(path, found)
        return found

    return kept


def _read(path: Path) -> Arrays | None:
    """The arrays; None where there is no file, or a damaged one."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    checksum, content = data[:_CHECKSUM], data[_CHECKSUM:]
    if hashlib.sha256(content).digest() != checksum:
        return None
    start = 0
    arrays: list[NDArray[Any]] = []
    while start < len(content):
        length = int.from_bytes(content[start + _VERSION : start + _PREFIX], "little")
        end = start + _PREFIX + length
        shape, in_columns, dtype = _described(content[start + _VERSION : end])
        order: Literal["C", "F"] = "F" if in_columns else "C"
        arrays.append(np.ndarray(shape, dtype, content, end, order=order).copy(order))
        start = end + arrays[-1].nbytes
    return tuple(arrays)


@functools.lru_cache(maxsize=4096)  # parsing takes longer than reading most arrays
def _described(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an array, from the header that NumPy's files have."""
    found: tuple[tuple[int, ...], bool, np.dtype[Any]]
    found = np.lib.format.read_array_header_1_0(io.BytesIO(header))  # type: ignore[no-untyped-call]
    return found


def _write(path: Path, arrays: Arrays) -> None:
    """Under another name first: whoever reads meanwhile finds a whole file or none."""
    content = io.BytesIO()
    for array in arrays:
        np.lib.format.write_array(  # type: ignore[no-untyped-call]
            content, array, (1, 0), allow_pickle=False
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        file.write(hashlib.sha256(content.getvalue()).digest() + content.getvalue())
    Path(file.name).replace(path)


def _digest(*parts: object) -> str:
    digest = hashlib.sha256(_source())
    _add(digest, parts)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, part: object) -> None:
    if isinstance(part, tuple | list):
        digest.update(f"{type(part).__name__} of {len(part)}:".encode())
        for each in part:
            _add(digest, each)
    elif isinstance(part, np.ndarray):
        digest.update(f"{part.dtype.name} {part.shape}:".encode())
        digest.update(np.ascontiguousarray(part).tobytes())
    else:
        text = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(f"{type(part).__name__} {len(text)}:".encode())
        digest.update(text)


@functools.cache
def _source() -> bytes:
    """Of the code, and of what it computes with."""
    digest = hashlib.sha256(f"{version('numpy')} {version('python-flint')}".encode())
    for source in _SOURCES:
        for path in [source] if source.is_file() else sorted(source.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.digest()
