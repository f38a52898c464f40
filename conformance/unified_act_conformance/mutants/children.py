"""Runs functions in forked copies of this process, several at a time, without our modules."""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from unified_act_conformance.mutants.frameworks import forget_ours

__all__ = ["Reply", "Task", "in_parallel", "one"]

Task = Callable[[], Any]
"""What a child does. What it returns has to be JSON."""
_Result = TypeVar("_Result")
_SET_DEATH_SIGNAL = 1
_PATIENCE = 4
"""A child may wait so many times as long as it may compute."""
_MEMORY = 10 * 2**30
"""So many bytes a child may ask for. All frameworks together take less than 4 GB."""


@dataclass(frozen=True)
class Reply:
    """How a child ended.

    Attributes:
        value: What it returned.
        died: What it died of, if it did not return.
    """

    value: Any = None
    died: str = ""


@dataclass
class _Child:
    plan: Generator[Task, Reply, Any]
    pid: int
    file: Path
    deadline: float


def in_parallel(
    plans: Iterable[Generator[Task, Reply, _Result]], jobs: int, limit: float
) -> Iterator[tuple[Generator[Task, Reply, _Result], _Result]]:
    """Runs plans, and yields each with its result as it ends.

    Args:
        plans: Each yields a task, is sent the reply of the child that did it, and so on.
        jobs: How many children run at a time.
        limit: How many seconds of the processor's time a child may take. How busy the machine is
            makes no difference then.
    """
    waiting, running = iter(plans), list[_Child]()
    with tempfile.TemporaryDirectory() as folder:
        try:
            while True:
                while len(running) < jobs and (plan := next(waiting, None)) is not None:
                    running.append(_started(plan, next(plan), Path(folder), limit))
                if not running:
                    return
                for child in list(running):
                    if (reply := _ended(child)) is None:
                        continue
                    running.remove(child)
                    try:
                        task = child.plan.send(reply)
                    except StopIteration as end:
                        yield child.plan, end.value
                    else:
                        running.append(_started(child.plan, task, Path(folder), limit))
                time.sleep(0.02)
        finally:
            for child in running:
                _kill(child)


def one(task: Task) -> Generator[Task, Reply, Any]:
    """A plan of one task, which has to succeed.

    Args:
        task: The task.

    Raises:
        RuntimeError: The child died.
    """
    reply = yield task
    if reply.died:
        raise RuntimeError(f"a child died: {reply.died}")
    return reply.value


def _started(plan: Generator[Task, Reply, Any], task: Task, folder: Path, limit: float) -> _Child:
    handle, name = tempfile.mkstemp(dir=folder)
    os.close(handle)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setpgid(0, 0)  # with its own children it can be ended
            _end_with_parent()
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 1))
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            forget_ours()
            Path(name).write_text(json.dumps(task()), encoding="utf-8")
            status = 0
        except BaseException as error:
            Path(name).write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        finally:
            os._exit(status)
    return _Child(plan, pid, Path(name), time.monotonic() + _PATIENCE * limit)


def _end_with_parent() -> None:
    """Lets the system end this process when the one that forked it ends; on Linux."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def _ended(child: _Child) -> Reply | None:
    pid, status = os.waitpid(child.pid, os.WNOHANG)
    if pid == 0:
        if time.monotonic() < child.deadline:
            return None
        _kill(child)
        return Reply(died="no answer in time")
    text = child.file.read_text(encoding="utf-8")
    child.file.unlink()
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return Reply(json.loads(text))
    return Reply(died=text or (signal.Signals(-code).name if code < 0 else f"exit status {code}"))


def _kill(child: _Child) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child.pid, 0)
