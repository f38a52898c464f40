"""What frameworks do with layers and functions: the columns of docs/frameworks.md.

Each feature exercises every activation for real and says which it failed with. What is known to
fail stands in impossible.toml, with the reason; test_matrix.py compares the two, both ways, and the
page is made of what they agree about.
"""

from __future__ import annotations

import fnmatch
import functools
import importlib
import tomllib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import unified_act as ua
from tests.backends.arrays import native
from tests.processes import run_python
from tests.specifications import SPECS, further_inputs, parameters_of

KERAS_ON = {"torch": "keras_torch", "jax": "keras_jax"}
FRAMEWORKS = (
    *("numpy", "torch", "tensorflow", *KERAS_ON.values()),
    *("mxnet", "nnx", "linen", "equinox", "haiku"),
)
MODULES = ("numpy", "torch", "keras", "tensorflow", "mxnet", "jax", "onnx")
"""For each there is a module ``<module>_features`` here; that of Keras is about three frameworks,
that of JAX about its libraries, and that of ONNX about two frameworks."""

_X = np.array([[-3.0, -1.5, 0.75, 1.25], [0.125, 1.5, -2.0, 1.75], [1.0, -0.5, 0.25, 0.625]])
X = _X + 2.0**-5
"""Away from kinks, so that differences and transforms say the same, and exact in every float type.
The last axis is that of the channels, and can be halved."""
CHANNELS = X.shape[-1]

Failures = Mapping[str, str]
"""By the name of an activation, what went wrong with it."""


@dataclass(frozen=True)
class Feature:
    """A column of the matrix.

    Attributes:
        framework: The framework.
        title: What a reader finds above the column.
        exercise: Called with names as in `SPECS`; returns what failed.
        module: Where it is written: features are in the order of `MODULES`.
        together: What it is tried together with, in one fresh process; empty if by itself.
    """

    framework: str
    title: str
    exercise: Callable[[Iterable[str]], Failures]
    module: str
    together: str = ""

    def __str__(self) -> str:
        return f"{self.framework}: {self.title}"


_features: list[Feature] = []


def feature(framework: str, title: str) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    """Makes a column of a function that exercises one activation and raises where it fails."""

    def register(exercise: Callable[[str], None]) -> Callable[[str], None]:
        every = functools.partial(failures, exercise)
        _features.append(Feature(framework, title, every, exercise.__module__))
        return exercise

    return register


def joint_feature(
    framework: str, title: str, together: str = ""
) -> Callable[..., Callable[..., Failures]]:
    """Makes a column of a function that exercises many at once, as where a process is started."""

    def register(exercise: Callable[[Iterable[str]], Failures]) -> Callable[..., Failures]:
        _features.append(Feature(framework, title, exercise, exercise.__module__, together))
        return exercise

    return register


def bisected(
    names: Iterable[str],
    run: Callable[[list[str]], Mapping[str, object]],
    *,
    room: float = 4e-6,
) -> Failures:
    """Runs many activations at once, and halves of them where that fails, down to the guilty ones.

    Args:
        names: The activations.
        run: Returns the value of each by name, or a tuple of value and gradient.
        room: How far off they may be.
    """
    names = list(names)
    try:
        values = run(names)
    except Exception as error:  # as in `_problem`
        if len(names) == 1:
            return {names[0]: problem_of(error)}
        half = len(names) // 2
        first, second = (bisected(part, run, room=room) for part in (names[:half], names[half:]))
        return {**first, **second}
    return differences(values, room=room)


def differences(found: Mapping[str, object], *, room: float = 4e-6) -> Failures:
    """Returns what is not as it should be.

    Args:
        found: By the name of an activation its value, or a tuple of value and gradient.
        room: How far off it may be.
    """

    def compare(name: str) -> None:
        result = found[name]
        same(name, *(result if isinstance(result, tuple) else (result,)), room=room)

    return failures(compare, found)


def failures(exercise: Callable[[str], None], names: Iterable[str]) -> Failures:
    """Returns what a function raises that exercises one activation."""
    return {name: problem for name in names if (problem := _problem(exercise, name))}


def _problem(exercise: Callable[[str], None], name: str) -> str:
    try:
        exercise(name)
    except Exception as error:  # whatever a framework raises, the cell has it
        return problem_of(error)
    return ""


def problem_of(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def registered(framework: str) -> list[Feature]:
    """The columns of a framework, of the modules that are imported."""
    return [feature for feature in _features if feature.framework == framework]


@functools.cache
def features() -> tuple[Feature, ...]:
    """All of them, of all frameworks."""
    modules = [f"tests.frameworks.{module}_features" for module in MODULES]
    for module in modules:
        importlib.import_module(module)
    return tuple(
        sorted(_features, key=lambda f: (FRAMEWORKS.index(f.framework), modules.index(f.module)))
    )


@dataclass(frozen=True)
class Impossible:
    """A cell that cannot be.

    Attributes:
        feature: As `Feature` prints itself; ``*`` stands for anything.
        activations: Names as in the catalogue, or with ``*``.
        error: What the failure's line has in it.
        reason: Why, for the reader of the page.
    """

    feature: str
    activations: tuple[str, ...]
    error: str
    reason: str

    def covers(self, which: Feature, name: str) -> bool:
        plain = SPECS[name].name
        return fnmatch.fnmatchcase(str(which), self.feature) and any(
            fnmatch.fnmatchcase(plain, pattern) for pattern in self.activations
        )


@functools.cache
def impossible() -> tuple[Impossible, ...]:
    """The declared ones."""
    text = Path(__file__).with_name("impossible.toml").read_text(encoding="utf-8")
    return tuple(
        Impossible(**(entry | {"activations": tuple(entry["activations"])}))
        for entry in tomllib.loads(text).get("impossible", [])
    )


def layer(name: str, backend: str, **options: object) -> object:
    """The layer of one of `SPECS`, whose channels are those of `X`."""
    if SPECS[name].weights:
        options = {"channels": CHANNELS, "axis": -1, **options}
    if SPECS[name].name == "rrelu":  # which draws slopes where a framework trains
        options = {"training": False, **options}
    return ua.get_layer(name, backend=backend, **options)


def others(name: str, backend: str) -> list[object]:
    """What the layer is called with after `X`, as arrays of the framework: a mask or noise."""
    found = [] if SPECS[name].weights else further_inputs(name, X.shape)
    return [native(backend, array, "float32") for array in found]


@functools.cache
def expected(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Value and gradient of the layer by `X`, of strict NumPy in float64."""
    spec = SPECS[name]
    weights = [np.full(CHANNELS, spec.initial[weight]) for weight in spec.weights]
    given = weights or further_inputs(name, X.shape)
    parameters = parameters_of(name) | ({"axis": -1} if weights else {})
    function = ua.get_activation(spec.name, backend="numpy", numerics="strict", **parameters)
    value, slopes = ua.value_and_grad(function, X, *given)
    return value, slopes[0] if isinstance(slopes, tuple) else slopes


def same(name: str, value: object, slope: object = None, *, room: float = 4e-6) -> None:
    """Raises unless a value, and a gradient of the output's sum by `X`, are what they should be."""
    wanted = expected(name)
    np.testing.assert_allclose(np.asarray(value, np.float64), wanted[0], rtol=room, atol=room)
    if slope is not None:
        np.testing.assert_allclose(np.asarray(slope, np.float64), wanted[1], rtol=room, atol=room)


def fresh(program: str, *arguments: str, **options: object) -> str:
    """Runs a program in a fresh process, which has many activations to load."""
    return run_python(program, arguments=arguments, timeout=600, **options)


def assert_as_declared(feature: Feature, names: Sequence[str]) -> None:
    """The feature works with each of these activations, but where it is declared impossible."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # frameworks warn of themselves: of exports, of tracing
        failures = feature.exercise(names)
    declared = {
        name: entry for name in names for entry in impossible() if entry.covers(feature, name)
    }
    surprises = {name: what for name, what in failures.items() if name not in declared}
    assert surprises == {}, "mend it, or list it in impossible.toml with the reason"
    assert sorted(set(declared) - set(failures)) == [], "declared as impossible, but it works"
    other = {n: what for n, what in failures.items() if declared[n].error not in what}
    assert other == {}, "fails for another reason than declared"
