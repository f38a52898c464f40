"""What is simplified, and what is not, since bits would change."""

import math

import numpy as np
import pytest

from unified_act.expression import Graph, Recorder, record_function

AWKWARD = [0.0, -0.0, 1.0, -2.5, math.inf, -math.inf, math.nan, 5e-324, 1.7e308]


def operations(function, **keywords):
    return [node.operation for node in record_function(function, {}, **keywords).operations]


@pytest.mark.parametrize(
    ("function", "left"),
    [
        (lambda xp, x: x * 1, []),
        (lambda xp, x: 1.0 * x, []),
        (lambda xp, x: x / 1.0, []),
        (lambda xp, x: x - 0.0, []),
        (lambda xp, x: x + -0.0, []),
        (lambda xp, x: -(x * -1.0), []),
        (lambda xp, x: x * -1.0, ["neg"]),
        (lambda xp, x: -0.0 - x, ["neg"]),
        (lambda xp, x: xp.abs(xp.abs(-x)), ["abs"]),
        (lambda xp, x: x / 4.0, ["mul"]),
        (lambda xp, x: -x * -x, ["mul"]),
        (lambda xp, x: -x * 3.0, ["mul"]),
        (lambda xp, x: xp.where(x > 0.0, x, x), []),
        (lambda xp, x: xp.where(xp.full_like(x, 1.0) > 0.0, x, -x), []),
        (lambda xp, x: (x + 1.0) * (1.0 + x), ["add", "mul"]),
    ],
)
def test_what_is_left(function, left):
    assert operations(function) == left
    x = np.array(AWKWARD)
    expression = record_function(function, {})
    with np.errstate(all="ignore"):
        wanted = function(np, x)
        got = evaluated(expression.outputs[0], x)
    np.testing.assert_array_equal(got, wanted)
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(got[numbers]), np.signbit(wanted[numbers]))


def evaluated(node, x):
    if node.operation == "input":
        return x
    if node.operation == "number":
        return np.full_like(x, node.value)
    a = [evaluated(operand, x) for operand in node.operands]
    return {"mul": np.multiply, "add": np.add, "neg": np.negative, "abs": np.abs}[node.operation](
        *a
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda xp, x: x + 0.0,
        lambda xp, x: 0.0 - x,
        lambda xp, x: x * 0.0,
        lambda xp, x: x - x,
        lambda xp, x: x / x,
        lambda xp, x: x / 3.0,
        lambda xp, x: x / 2.0**1023,
        lambda xp, x: 0.0 / x,
        lambda xp, x: xp.where(x == x, x, 0.0),  # noqa: PLR0124
    ],
)
def test_what_stays(function):
    assert operations(function)


def test_a_power_of_two_whose_inverse_is_subnormal_divides():
    assert operations(lambda xp, x: x / 2.0**127, dtype="float32") == ["div"]
    assert operations(lambda xp, x: x / 2.0**127) == ["mul"]


def test_zeros_differ_and_a_nan_is_one_number():
    graph = Graph()
    assert graph.number(0.0) is not graph.number(-0.0)
    assert graph.number(math.nan) is graph.number(math.nan)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("operation", ["add", "sub", "mul", "div", "abs", "neg", "sqrt", "floor"])
def test_constants_are_folded_as_the_type_rounds(dtype, operation):
    by_numpy = {
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "div": np.divide,
        "abs": np.abs,
        "neg": np.negative,
        "sqrt": np.sqrt,
        "floor": np.floor,
    }[operation]
    numbers = [*AWKWARD, 0.1, -3.7, 1e-40, 3e38]
    pairs = (
        [(a,) for a in numbers] if by_numpy.nin == 1 else [(a, b) for a in numbers for b in numbers]
    )
    graph = Graph(dtype)
    for operands in pairs:
        got = graph.apply(operation, *operands).value
        with np.errstate(all="ignore"):
            wanted = by_numpy(*np.array(operands, dtype=dtype))
        np.testing.assert_array_equal(got, wanted)
        if not np.isnan(wanted):
            assert np.signbit(got) == np.signbit(wanted)


def test_comparisons_of_constants_are_folded():
    graph = Graph()
    xp, nan = Recorder(graph), graph.number(math.nan)
    for comparison, wanted in [
        (nan == 2.0, False),
        (nan != 2.0, True),
        (graph.number(1.0) < 2, True),
    ]:
        assert xp.where(comparison, 1.0, 0.0).value == float(wanted)
