"""The environments in which the built wheel is tried: as users have them, not as developers do.

`make build` makes the wheel and tries it by itself. `make test-environments` tries it in every
environment below and writes docs/environments.md; a Python that is not there is skipped. With
``-- small``, as in `.ci/run`, a session judges one activation of each kind in place of all.
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import shutil
import subprocess
import tarfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nox

ROOT = Path(__file__).parent
PAGE = ROOT / "docs" / "environments.md"
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: Mapping[str, Sequence[str]] = PROJECT["optional-dependencies"]

nox.options.default_venv_backend = "venv"
nox.options.stop_on_first_error = False

FEW = ("gelu", "glu", "prelu", "softmax")
"""Activations of different kinds, for a small run."""
NUMPY_TESTS = (
    "tests/activation/test_specification.py",
    "tests/backend/test_calls.py",
    "tests/test_import.py",
)
"""Unit tests that need NumPy alone."""
ALL_TESTS = (
    *NUMPY_TESTS,
    "tests/conformance/checks/test_contracts.py",
    "tests/dialects/test_translation.py",
)
"""Unit tests for an environment that has every framework."""


class Environment(NamedTuple):
    """An environment in which the wheel is tried.

    Attributes:
        name: The name of the nox session.
        what: What it stands for.
        python: The version of Python.
        installs: The arguments of `pip install`, call by call; WHEEL stands for the wheel.
        backends: The backends that are judged.
        tests: The unit tests that run.
        torch: A build of PyTorch that is tried too if a package of it is found.
    """

    name: str
    what: str
    python: str
    installs: Sequence[Sequence[str]]
    backends: Sequence[str]
    tests: Sequence[str] = NUMPY_TESTS
    torch: str = ""


def oldest(*extras: str) -> list[str]:
    """The oldest versions that pyproject.toml promises."""
    promised = [*PROJECT["dependencies"], *(name for extra in extras for name in EXTRAS[extra])]
    exactly = [
        requirement.replace(">=", "==")
        for requirement in promised
        if not requirement.startswith("unified-act")  # another extra
    ]
    return [requirement.replace("tensorflow=", "tensorflow-cpu=") for requirement in exactly]


WHEEL = "WHEEL"
WITH_TOOLS = f"{WHEEL}[kernels,conformance,plot,onnx,examples]"
MXNET = ("--no-deps", "mxnet==1.9.1")  # its metadata asks for NumPy below 2
MXNET_IMPORTS = ("graphviz==0.8.4", "requests")
NEWEST = (WITH_TOOLS, "tensorflow-cpu", "jax", "hypothesis", *MXNET_IMPORTS)

ENVIRONMENTS = (
    Environment(
        "pinned",
        "the versions in constraints.txt, which the project's own tests use",
        "3.11",
        [
            ("-c", str(ROOT / "constraints.txt"), *NEWEST, "torch", "mxnet"),
        ],
        ["numpy", "torch", "tensorflow", "mxnet", "jax"],
        ALL_TESTS,
    ),
    Environment(
        "newest-numpy",
        "the newest versions for Python 3.11, all frameworks together",
        "3.11",
        [(*NEWEST, "torch==2.13.0"), MXNET],
        ["numpy", "torch", "tensorflow", "mxnet", "jax"],
        ALL_TESTS,
    ),
    *(
        Environment(
            f"newest-python{python}",
            f"the newest versions for Python {python}",
            python,
            [NEWEST, MXNET],
            ["numpy", "tensorflow", "mxnet", "jax"],
            torch="torch==2.13.0+cpu",
        )
        for python in ("3.12", "3.13")
    ),
    Environment(
        "oldest",
        "the oldest NumPy and other packages that pyproject.toml promises",
        "3.11",
        [
            (
                WHEEL,
                *oldest("mxnet", "kernels", "conformance", "plot", "onnx", "examples"),
                "hypothesis",
            )
        ],
        ["numpy", "mxnet"],
    ),
    Environment(
        "oldest-frameworks",
        "the oldest frameworks that pyproject.toml promises, which need a newer NumPy than it does",
        "3.11",
        [(WITH_TOOLS, "numpy<2", *oldest("torch", "tensorflow", "jax", "keras")[1:], "hypothesis")],
        ["numpy", "torch", "tensorflow", "jax"],
    ),
)
FRAMEWORKS = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "tensorflow-cpu": "TensorFlow",
    "jax": "JAX",
    "mxnet": "MXNet",
}
TOOLS = (
    *("allpairspy", "click", "jinja2", "llvmlite", "matplotlib", "ml_dtypes", "onnx", "packaging"),
    *("pytest", "python-flint", "rich", "scikit-learn"),
)


def python_of(version: str) -> str | None:
    """The command of a Python of that version which runs."""
    command = shutil.which(f"python{version}")
    if (
        command
        and subprocess.run([command, "--version"], check=False, capture_output=True).returncode == 0
    ):
        return command
    return None


def built(pattern: str) -> Path:
    """The newest file of that name which `make build` made."""
    found = sorted((ROOT / "dist").glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        raise FileNotFoundError(f"no {pattern} in dist/: run `make build` first")
    return found[-1]


def tests_alone(session: nox.Session) -> Path:
    """A folder with everything of the source distribution but the sources: the wheel has those."""
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder)
    with tarfile.open(built("*.tar.gz")) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    for sources in ("unified_act", "backends", "conformance"):
        shutil.rmtree(unpacked / sources)
    return unpacked


def conformance(session: nox.Session, backend: str, activations: Sequence[str] = ()) -> None:
    """Judges a backend, in float32 and at fewer inputs than a full run."""
    chosen = [f"--activation={name}" for name in activations]
    session.run(
        "unified-act", "conformance", "--quick", "--dtype=float32", f"--backend={backend}", *chosen
    )


def versions(session: nox.Session) -> dict[str, str]:
    """The versions of what is installed, of Python too."""
    program = (
        "import json, platform; from importlib.metadata import distributions; "
        "print(json.dumps({'python': platform.python_version()} | "
        "{d.name.lower().replace('-', '_'): d.version for d in distributions()}))"
    )
    found: dict[str, str] = json.loads(str(session.run("python", "-c", program, silent=True)))
    return found


def try_wheel(session: nox.Session, environment: Environment) -> None:
    """Installs an environment, imports, judges every backend, and runs some unit tests."""
    if python_of(environment.python) is None:
        session.skip(f"there is no Python {environment.python} here")
    small = "small" in session.posargs
    backends = list(environment.backends)
    wheel = str(built("*.whl"))
    session.install("--upgrade", "pip")
    for arguments in environment.installs:
        session.install(*(argument.replace(WHEEL, wheel) for argument in arguments))
    if environment.torch and _install_if_found(session, environment.torch):
        backends.insert(1, "torch")
    note = Path(session.cache_dir).resolve() / f"{environment.name}.json"
    session.env.update(PYTHONPATH="", TF_CPP_MIN_LOG_LEVEL="3")
    session.chdir(tests_alone(session))
    result = {
        "date": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        "machine": f"{platform.system()} {platform.machine()}",
        "backends": backends,
        "versions": versions(session),
        "passed": False,
    }
    if not small:
        note.write_text(json.dumps(result))
    for backend in backends:
        few = FEW[:1] if backend == "jax" else FEW  # JAX compiles each check
        conformance(session, backend, few if small else ())
    session.run("python", "-c", ONNX)
    session.run("unified-act", "plot", "gelu", "--backend=numpy", "--output=gelu.png")
    session.run("python", "-m", "examples.digits", "--backends", "numpy")
    session.run("pytest", "-q", "-p", "no:cacheprovider", *environment.tests)
    if not small:
        note.write_text(json.dumps(result | {"passed": True}))


ONNX = """
import onnx, unified_act.onnx
onnx.checker.check_model(unified_act.onnx.model("mish", opset=18), full_check=True)
"""


def _install_if_found(session: nox.Session, requirement: str) -> bool:
    """Installs a package unless there is none for this Python."""
    try:
        session.install(requirement)
    except nox.command.CommandFailed:
        session.warn(f"{requirement} is left out: no package of it was found")
        return False
    return True


def _register(environment: Environment) -> None:
    def run(session: nox.Session) -> None:
        try_wheel(session, environment)

    run.__doc__ = f"Try the wheel with {environment.what}."
    python = python_of(environment.python) or False
    nox.session(name=environment.name, python=python)(run)


for _environment in ENVIRONMENTS:
    _register(_environment)


@nox.session(default=False)
def wheel(session: nox.Session) -> None:
    """Try the wheel by itself, then with the command line."""
    path = str(built("*.whl"))
    session.env.update(PYTHONPATH="")
    session.chdir(session.create_tmp())
    session.install(path)
    session.run("python", "-c", CALL)
    session.run("unified-act", "list", success_codes=[1])  # says what to install
    session.install(f"{path}[conformance]")
    session.run("unified-act", "list")
    conformance(session, "numpy")


CALL = """
import numpy as np
import unified_act as ua
relu = ua.get_activation("relu", backend="numpy")
value, gradient = ua.value_and_grad(relu, np.array([-1.0, 2.0]))
assert value.tolist() == [0.0, 2.0], value
assert gradient.tolist() == [0.0, 1.0], gradient
"""


@nox.session(python=False)
def page(session: nox.Session) -> None:
    """Write docs/environments.md from the results of the other sessions."""
    PAGE.write_text(written(Path(session.cache_dir)), encoding="utf-8")


def written(results: Path) -> str:
    """The text of the page.

    Args:
        results: The folder with the results of the sessions.
    """
    known = {e.name: results / f"{e.name}.json" for e in ENVIRONMENTS}
    found = {name: json.loads(path.read_text()) for name, path in known.items() if path.exists()}
    what = [f"- `{e.name}`: {e.what}." for e in ENVIRONMENTS]
    passed = {True: "passed", False: "**failed**"}
    headings = ["environment", "Python", *FRAMEWORKS.values(), "date", "result"]
    frameworks = [
        [f"`{name}`", *_cells(r, ["python", *FRAMEWORKS]), r["date"], passed[r["passed"]]]
        for name, r in found.items()
    ]
    tools = [[f"`{name}`", *_cells(r, TOOLS)] for name, r in found.items()]
    missing = [f"- `{name}`" for name in known if name not in found]
    machines = " and ".join(sorted({r["machine"] for r in found.values()}))
    lines = [
        "# Environments",
        "",
        "The wheel is tried in these environments before a release. For every framework in its",
        "row, each runs `unified-act conformance --quick --dtype float32`. It also makes an ONNX",
        "model and a plot, runs the example of the digits, and some of the unit tests.",
        "",
        f"This page was written by `make test-environments` on {machines}.",
        "",
        *what,
        "",
        *_table(headings, frameworks),
        "",
        "A dash means that the package is not installed there. On Python 3.12 and newer, PyTorch",
        "is tried where pip finds a build of it for the CPU. Other versions may work; nobody has",
        "tried.",
        "",
        "The packages that the other extras bring:",
        "",
        *_table(["environment", *TOOLS], tools),
        "",
    ]
    if missing:
        lines += ["Not tried in this run:", "", *missing, ""]
    return "\n".join(lines)


def _cells(result: Mapping[str, Any], names: Sequence[str] | Mapping[str, str]) -> list[str]:
    return [result["versions"].get(name.replace("-", "_"), "–") for name in names]


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (headings, ["---"] * len(headings), *rows)]
