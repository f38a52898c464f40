"""Programs in fresh processes."""

import os
import subprocess
import sys

TIMEOUT = 120
WITHOUT_TENSORFLOW = """
from functools import partial
from importlib.machinery import PathFinder

def find_spec(found, name, path=None, target=None):
    return None if name.partition(".")[0] == "tensorflow" else found(name, path, target)

PathFinder.find_spec = partial(find_spec, PathFinder.find_spec)
"""
"""Of a program: after this it is as if TensorFlow were not installed."""


def run_python(
    program, *options, arguments=(), first=(), environment=(), site=True, timeout=TIMEOUT
):
    """Runs a program in a fresh process and returns what it printed; fails if it did.

    `first`: folders that come before everything else on the path.
    """
    path = [
        *map(str, first),
        *(entry for entry in sys.path if site or "-packages" not in entry),
    ]
    finished = subprocess.run(
        [sys.executable, *options, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **dict(environment)},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
