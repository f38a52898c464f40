"""Every cell of the table against the function of the framework that it is about."""

import math

import numpy as np
import pytest

import unified_act as ua
from tests.dialects.witnesses import WITNESSES, Recorded, locate, quiet
from unified_act.dialects import find_dialect, resolve
from unified_act.dialects.translation import stated_kinks
from unified_act.registry import ACTIVATIONS

ELEMENTS = np.linspace(-8.13, 8.17, 62)  # no kink among them
BLOCK = 3 * np.sin(np.arange(1, 145.0) ** 2).reshape(2, 4, 3, 6)  # every axis but one is even
CUBE = 3 * np.sin(np.arange(1, 28.0) ** 2).reshape(3, 3, 3)  # a weight fits every axis
WEIGHT = np.array([0.1, 0.25, 0.6])

# A value for each of our parameters that is nobody's default.
EXAMPLES = {
    "alpha": 0.7,
    "axis": 1,
    "b": 2.5,
    "beta": 1.3,
    "bias": 0.4,
    "hard": True,
    "lower": 0.2,
    "max_value": 4.0,
    "min_value": -1.5,
    "negative_slope": 0.37,
    "scale": 1.2,
    "tau": 0.5,
    "threshold": 0.85,
    "upper": 0.6,
    "value": -0.3,
}
UNASKED = {
    ("onnx", "Affine"),  # a name, but no operator
    ("onnx", "ScaledTanh"),
    ("coreml", "mb.silu"),  # coremltools folds no constants here
}
"""See test_formulas.py."""
RANDOM = {"gumbel_softmax"}


def cases(*, every_spelling=True):
    for dialect in map(find_dialect, WITNESSES):
        for cell in dialect.cells:
            if cell.canonical is None or (dialect.name, cell.spellings[0]) in UNASKED:
                continue
            for spelling in cell.spellings if every_spelling else cell.spellings[:1]:
                chosen = "".join(f"-{value}" for value in cell.when.values())
                yield pytest.param(
                    dialect,
                    cell,
                    spelling,
                    id=f"{dialect.name}-{spelling}-{cell.canonical}{chosen}",
                )


ARGUMENTS = ("dialect", "cell", "spelling")
every_spelling = pytest.mark.parametrize(ARGUMENTS, list(cases()))
every_cell = pytest.mark.parametrize(ARGUMENTS, list(cases(every_spelling=False)))


def arguments(cell, *, all_of_them=False):
    """An example for each parameter that must be given, or for every one."""
    given = dict(cell.when)
    for key, (target, *default) in cell.takes.items():
        if all_of_them or not default:
            given[key] = EXAMPLES[target]
    return given


def named(spelling):
    return spelling.rpartition(".")[2]


def ours(dialect, spelling, given):
    name = named(spelling)
    function = ua.get_activation(
        name, dialect=str(dialect), backend="numpy", numerics="strict", **given
    )
    kind = ACTIVATIONS.find(function.name).kind
    return function, {"elementwise": ELEMENTS, "learned": CUBE}.get(kind, BLOCK)


def compare(dialect, cell, spelling, given, *, explicit=None):
    """Value and gradient of both; `explicit`: what is said to the framework, if it differs."""
    if cell.canonical not in ua.list_activations():
        pytest.skip(f"{cell.canonical} is not registered")
    if cell.canonical in RANDOM:
        pytest.skip("random: nothing to compare")
    function, x = ours(dialect, spelling, given)
    weight = (WEIGHT,) if x is CUBE else ()
    witness = WITNESSES[dialect.name]
    with quiet():
        theirs = witness.function(
            dialect, spelling, given if explicit is None else explicit, *weight
        )
        value, gradient = witness.value_and_grad(theirs, x, cotangent, weight)
    expected, slope = ua.value_and_grad(function, x, *weight, cotangent=cotangent(value))
    slope = slope[0] if weight else slope
    if cell.wrong == "value":
        assert not np.allclose(value, expected, **witness.tolerance), "no longer wrong: take it out"
        return
    said = f"{spelling} is not {function}, as its cell in dialects.toml says"
    np.testing.assert_allclose(value, expected, **witness.tolerance, err_msg=said)
    if cell.wrong == "gradient":
        assert not np.allclose(gradient, slope, **witness.tolerance), "no longer wrong: take it out"
    elif witness.differentiates:
        np.testing.assert_allclose(
            gradient, slope, **witness.tolerance, err_msg=f"{said}: gradient"
        )


def cotangent(value):
    return np.cos(np.arange(value.size, dtype=float)).reshape(value.shape)


@every_spelling
def test_without_optional_arguments(dialect, cell, spelling):
    given = arguments(cell)
    first = dialect.called(named(spelling))[named(spelling)][0] is cell
    if first and not cell.needs:
        given = {key: value for key, value in given.items() if key not in cell.when}
    compare(dialect, cell, spelling, given)


@every_spelling
def test_with_every_argument(dialect, cell, spelling):
    compare(dialect, cell, spelling, arguments(cell, all_of_them=True))


@pytest.mark.parametrize(ARGUMENTS, [c for c in cases() if c.values[1].alone is not None])
def test_a_name_without_arguments_means_what_the_cell_says(dialect, cell, spelling):
    if cell.canonical not in ua.list_activations():
        pytest.skip(f"{cell.canonical} is not registered")
    given = arguments(cell)
    bare = {key: value for key, value in given.items() if key not in cell.when}
    by_name = ua.get_activation(cell.alone, dialect=dialect.name, **bare)
    assert by_name == ua.get_activation(named(spelling), dialect=dialect.name, **given)


@pytest.mark.parametrize(
    ARGUMENTS,
    [
        case
        for case in cases(every_spelling=False)
        if WITNESSES[case.values[0].name].differentiates and case.values[1].wrong is None
    ],
)
def test_kinks(dialect, cell, spelling):
    """Where the framework's derivative at a kink is not ours, the table says so, and only there."""
    if cell.canonical not in ua.list_activations():
        pytest.skip(f"{cell.canonical} is not registered")
    given = arguments(cell)
    if dialect.name == "keras2" and "threshold" in given:
        given["threshold"] = 0.875  # a layer rounds it to float32
    function, x = ours(dialect, spelling, given)
    kinks = ACTIVATIONS.find(cell.canonical).kinks(**function.parameters)
    meaning = resolve(named(spelling), given, str(dialect))
    declared = stated_kinks(meaning)
    if not kinks or x is CUBE:
        assert not declared
        return
    witness = WITNESSES[dialect.name]
    at = np.array([kink.at for kink in kinks])
    with quiet():
        theirs = witness.function(dialect, spelling, given)
        _, gradient = witness.value_and_grad(theirs, at, np.ones_like)
    expected = [declared.pop(kink.at, kink.derivative) for kink in kinks]
    said = f"{spelling}: the field `kinks` of its cell, or what the cell means, is wrong at {at}"
    np.testing.assert_allclose(gradient, expected, **witness.tolerance, err_msg=said)
    assert not declared, f"`kinks` of the cell of {spelling}: {declared} is no kink of ours"


@every_cell
def test_the_tolerance_tells_defaults_apart(dialect, cell, spelling):
    if cell.canonical not in ua.list_activations():
        pytest.skip(f"{cell.canonical} is not registered")
    own = {p.name: p.default for p in ACTIVATIONS.find(cell.canonical).parameters}
    for key, (target, *default) in cell.takes.items():
        if default in ([], [None]) or own[target] is None:
            continue
        if not math.isclose(default[0], own[target], rel_tol=1e-6):
            given = arguments(cell)
            function, x = ours(dialect, spelling, given)
            other, _ = ours(dialect, spelling, given | {key: own[target]})
            weight = (WEIGHT,) if x is CUBE else ()
            tolerance = WITNESSES[dialect.name].tolerance
            same = np.allclose(function(x, *weight), other(x, *weight), **tolerance)
            assert not same, f"the inputs of this file do not tell {function} from {other}"


@pytest.mark.parametrize("dialect", [*map(find_dialect, WITNESSES)], ids=str)
def test_the_version_is_the_installed_one(dialect):
    if isinstance(WITNESSES[dialect.name], Recorded):
        assert WITNESSES[dialect.name].version() == dialect.version
        return
    modules = {"keras2": "tf_keras", "gluon": "mxnet", "tflite": "tensorflow"}
    module = modules.get(dialect.name, dialect.name.partition("_")[0].rstrip("3"))
    if module == "mxnet":
        module = "unified_act_mxnet._framework.mx"
    assert locate(f"{module}.__version__").partition("+")[0] == dialect.version
