"""The environment of a run: versions and hardware that its numbers may depend on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

import unified_act as ua
from unified_act.backend import HOME
from unified_act_conformance.harness import load_harness
from unified_act_conformance.recordings.recorder import VARIABLES, cpu

__all__ = ["Environment", "environment"]

PACKAGES = ("numpy", "ml_dtypes", "python-flint")
"""What every run uses, whatever the backend."""


@dataclass(frozen=True)
class Environment:
    """What was run, and where.

    Attributes:
        packages: The versions of `unified-act`, of the frameworks, and of what judges them.
        python: The version of Python, and which implementation.
        platform: The operating system.
        cpu: The model of the processor.
        cpu_flags: Those of its instruction sets that compute.
        variables: Environment variables that can change a result.
        devices: The device that each backend was judged on.
    """

    packages: dict[str, str]
    python: str
    platform: str
    cpu: str
    cpu_flags: list[str]
    variables: dict[str, str]
    devices: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Says it in a few lines, without the instruction sets."""
        lines = [
            ", ".join(f"{name} {version}" for name, version in self.packages.items()),
            f"{self.python}, {self.platform}, {self.cpu}",
        ]
        elsewhere = {name: where for name, where in self.devices.items() if where != HOME}
        if elsewhere:
            lines.append(", ".join(f"{name} on {where}" for name, where in elsewhere.items()))
        if self.variables:
            lines.append(", ".join(f"{key}={value}" for key, value in self.variables.items()))
        return lines

    def document(self) -> dict[str, object]:
        """Returns it for JSON."""
        return asdict(self)


def environment(backends: Iterable[str]) -> Environment:
    """Returns the environment of this process.

    Args:
        backends: The backends that were run.
    """
    packages = {"unified-act": ua.__version__}
    harnesses = {backend: load_harness(backend) for backend in backends}
    frameworks = [name for harness in harnesses.values() for name in harness.packages()]
    for package in dict.fromkeys((*frameworks, *PACKAGES)):
        try:
            packages[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # a framework goes by several names, such as tensorflow-cpu
    processor = cpu()
    return Environment(
        packages=packages,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=platform.platform(),
        cpu=processor["model"],
        cpu_flags=processor["flags"],
        devices={name: harness.device_name() for name, harness in harnesses.items()},
        variables={k: v for k, v in sorted(os.environ.items()) if k.startswith(VARIABLES)},
    )
