"""Object files on disk, so that a kernel is compiled once for all programs of a user.

A file is written under another name and then renamed: a reader sees all of it or nothing. It begins
with its checksum, and one that is damaged counts as missing. Where the folder cannot be read or
written, nothing is kept.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

__all__ = ["VARIABLE", "key_of", "load", "store"]

VARIABLE = "UNIFIED_ACT_KERNEL_CACHE"
"""The environment variable that names the folder; ``0`` turns the cache off."""
_HEAD = b"unified_act kernel 1\n"
_DIGEST = hashlib.sha256().digest_size


def folder() -> Path | None:
    """Returns the folder, which need not exist; None if nothing is to be kept."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen == "0":
        return None
    if chosen:
        return Path(chosen)
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # nobody's home is known
        return None
    return Path(base) / "unified_act" / "kernels"


def key_of(*parts: str) -> str:
    """Returns the name for what depends on all these texts, and on nothing else."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def load(key: str) -> bytes | None:
    """Returns what was stored under a key; None if there is nothing, or nothing whole.

    Args:
        key: What `key_of` returned.
    """
    place = folder()
    if place is None:
        return None
    try:
        with (place / f"{key}.o").open("rb") as file:
            # Code is run only if it is the user's own.
            if hasattr(os, "getuid") and os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            found = file.read()
    except OSError:
        return None
    start = len(_HEAD) + _DIGEST
    content = found[start:]
    return content if found[:start] == _head(key, content) else None


def store(key: str, content: bytes) -> None:
    """Stores content under a key, if that is possible.

    Args:
        key: What `key_of` returned.
        content: What to store.
    """
    import tempfile  # which many programs never need

    place = folder()
    if place is None:
        return
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=place, prefix=f"{key}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_head(key, content) + content)
            Path(temporary).replace(place / f"{key}.o")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError:
        return


def _head(key: str, content: bytes) -> bytes:
    return _HEAD + hashlib.sha256(key.encode() + content).digest()
