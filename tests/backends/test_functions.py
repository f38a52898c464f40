"""What a definition may call, on every framework: values, derivatives, ties and special numbers."""

import functools
import math

import numpy as np
import pytest
from flint import arb

import unified_act as ua
from tests.backends.arrays import back, every_backend, gradient_of, native
from unified_act import Activation
from unified_act.backend import Namespace
from unified_act.expression import completed
from unified_act.registry import ACTIVATIONS
from unified_act.special import DERIVED
from unified_act_conformance.truth.jets import jets, namespace

NAME = "function_under_test"
POINTS = [
    *(-20.3, -3.7, -1.25, -0.83, -0.414, -0.31, -1e-5),
    *(1e-5, 0.2, 0.6, 0.97, 1.4, 2.6, 5.5, 17.9, 310.0),
]
EPS = {"float32": 2.0**-23, "float64": 2.0**-52}
SMALLEST = {"float32": 2.0**-126, "float64": 2.0**-1022}
ULPS = 8
FUNCTIONS = {
    **{
        name: (lambda xp, x, name=name: getattr(xp, name)(x))
        for name in (
            *("abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh"),
            *("erf", "erfc", "erfinv", "exp", "exp2", "expm1", "floor", "log", "log10", "log1p"),
            *("log2", "negative", "positive", "reciprocal", "round", "sigmoid", "sign", "sin"),
            *("sinh", "softplus", "sqrt", "square", "tan", "tanh", "trunc"),
        )
    },
    "minimum": lambda xp, x: xp.minimum(x, 2.0),
    "maximum": lambda xp, x: xp.maximum(0.5, x),
    "of two": lambda xp, x: xp.maximum(x * x, 1.0 - x),
    "clip": lambda xp, x: xp.clip(x, -1.0, 2),
    "clip below": lambda xp, x: xp.clip(x, min=-1.0),
    "copysign": lambda xp, x: xp.copysign(x, 3.0 - x),
    "logaddexp": lambda xp, x: xp.logaddexp(x, 1.0 - x),
    "hypot": lambda xp, x: xp.hypot(x, x + 1.0),
    "hypot of a number": lambda xp, x: xp.hypot(2.0, x),
    "angle": lambda xp, x: xp.atan2(x, 2.0),
    "sum of exponentials": lambda xp, x: xp.logaddexp(x, 1.5),
    "atan2": lambda xp, x: xp.atan2(x, x + 0.5),
    "floor_divide": lambda xp, x: xp.floor_divide(x, x + 0.3),
    "remainder": lambda xp, x: xp.remainder(x, xp.full_like(x, 2.0)),
    "square of it": lambda xp, x: x**2,
    "cube": lambda xp, x: x**3.0,
    "inverse": lambda xp, x: x**-2,
    "root": lambda xp, x: abs(x) ** 0.5,
    "power": lambda xp, x: abs(x) ** 1.7,
    "exponential": lambda xp, x: 1.3**x,
    "masks": lambda xp, x: xp.where((x > -1.0) & ~(x > 2.0) | (x > 7.0), x * x, -x),
    "one of two": lambda xp, x: xp.where(xp.logical_xor(x > -1.0, x > 2.0), x * x, -x),
    "finite": lambda xp, x: xp.where(xp.isfinite(x), x, 0.0),
    "a number": lambda xp, x: xp.where(xp.isnan(x) | xp.isinf(x), 0.0, x),
    "signbit": lambda xp, x: xp.where(xp.signbit(x), -x, x * 2.0),
}


def lent(function):
    return ACTIVATIONS.lending(completed(Activation(name=NAME, forward=function)))


def close(got, wanted, dtype, scale=0.0):
    known = np.isfinite(wanted) & (np.abs(wanted) < 1e30)
    bound = ULPS * EPS[dtype] * (np.abs(wanted) + scale) + SMALLEST[dtype]
    off = np.abs(got - wanted)
    assert (off <= bound)[known].all(), (np.array(POINTS)[known & ~(off <= bound)], got, wanted)


@pytest.mark.quick(lambda dtype, numerics: dtype == "float32" and numerics == "strict")
@every_backend
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", EPS)
@pytest.mark.parametrize("numerics", ["strict", "fast"])
def test_values_and_derivatives_are_right(backend, name, dtype, numerics):
    check_values_and_derivatives(backend, name, dtype, numerics)


def check_values_and_derivatives(backend, name, dtype, numerics):
    points = np.array(POINTS)
    if dtype == "float32":  # the truth is that of the rounded points
        points = points.astype(np.float32).astype(np.float64)
    with lent(FUNCTIONS[name]):
        function = ua.get_activation(NAME, backend=backend, numerics=numerics)
        value, gradient = ua.value_and_grad(function, native(backend, points, dtype))
    moved = exact(name, tuple(points.tolist()))
    # A rounding of the input moves a result by so much.
    scale = np.abs(moved[1] * points)
    close(back(backend, value, dtype), moved[0], dtype, np.nan_to_num(scale))
    got = back(backend, gradient_of((value, gradient)), dtype)
    close(got, moved[1], dtype, np.nan_to_num(np.abs(moved[2] * points) + np.abs(moved[0])))


@functools.cache
def exact(name, points):
    """Of orders 0 to 2, as rounded to float64; NaN where there is none."""
    rows = []
    for point in points:
        with jets(300) as jet_at:
            found = FUNCTIONS[name](namespace, jet_at(arb(point)))
            balls = [found.derivative(order) for order in range(3)]
        rows.append([float(ball.mid()) if ball.is_finite() else math.nan for ball in balls])
    return np.array(rows).T


TIES = {
    "minimum": (lambda xp, x: xp.minimum(x, 6), 6.0),
    "maximum": (lambda xp, x: xp.maximum(x, 0.0), 0.0),
    "maximum of a number": (lambda xp, x: xp.maximum(0, x), 0.0),
    "clip below": (lambda xp, x: xp.clip(x, -1.0, 1.0), -1.0),
    "clip above": (lambda xp, x: xp.clip(x, -1.0, 1.0), 1.0),
    "abs": (lambda xp, x: abs(x), 0.0),
    "sign": (lambda xp, x: x * xp.sign(x), 0.0),
}


@every_backend
@pytest.mark.parametrize("name", TIES)
def test_at_a_tie_the_constant_branch_counts(backend, name):
    function, at = TIES[name]
    with lent(function):
        called = ua.get_activation(NAME, backend=backend)
        result = ua.value_and_grad(called, native(backend, [at, at], "float32"))
    assert (back(backend, gradient_of(result), "float32") == 0.0).all()


def test_of_two_arrays_the_second_counts_at_a_tie():
    function = lambda xp, x: xp.maximum(x * 3.0, x * 5.0)
    with lent(function):
        called = ua.get_activation(NAME, backend="numpy")
        _, gradient = ua.value_and_grad(called, np.zeros(2))
    assert (gradient == 5.0).all()


SPECIAL = {
    "atan": [-math.pi / 2, math.pi / 2],
    "atan2": None,
    "ceil": [-math.inf, math.inf],
    "cosh": [math.inf, math.inf],
    "erf": [-1.0, 1.0],
    "erfc": [2.0, 0.0],
    "exp2": [0.0, math.inf],
    "round": [-math.inf, math.inf],
    "sigmoid": [0.0, 1.0],
    "sign": [-1.0, 1.0],
    "sinh": [-math.inf, math.inf],
    "asinh": [-math.inf, math.inf],
    "softplus": [0.0, math.inf],
    "trunc": [-math.inf, math.inf],
    "square": [math.inf, math.inf],
    "minimum": [-math.inf, 2.0],
    "maximum": [0.5, math.inf],
    "clip": [-1.0, 2.0],
}


@every_backend
@pytest.mark.parametrize("name", [name for name in SPECIAL if SPECIAL[name]])
def test_infinities_and_nan(backend, name):
    with lent(FUNCTIONS[name]):
        function = ua.get_activation(NAME, backend=backend, numerics="strict")
        got = back(
            backend,
            function(native(backend, [-math.inf, math.inf, math.nan], "float32")),
            "float32",
        )
    np.testing.assert_allclose(got[:2], SPECIAL[name], rtol=1e-6)
    assert np.isnan(got[2])


@every_backend
@pytest.mark.parametrize(
    "name", ["asin", "asinh", "atan", "atanh", "ceil", "erf", "erfinv", "round"]
)
def test_zeros_keep_their_sign(backend, name):
    with lent(FUNCTIONS[name]):
        function = ua.get_activation(NAME, backend=backend, numerics="strict")
        got = back(backend, function(native(backend, [-0.0, 0.0], "float32")), "float32")
    assert (got == 0.0).all()
    assert np.signbit(got).tolist() == [True, False]


ROWS = {
    "mean": (lambda xp, x, *, axis: x - xp.mean(x, axis=axis), lambda x: x - x.mean()),
    "var": (lambda xp, x, *, axis: x * xp.var(x, axis=axis), lambda x: x * x.var()),
    "sample variance": (
        lambda xp, x, *, axis: x * xp.var(x, axis=axis, correction=1.0),
        lambda x: x * x.var(ddof=1),
    ),
    "min": (lambda xp, x, *, axis: x - xp.min(x, axis=axis), lambda x: x - x.min()),
    "prod": (lambda xp, x, *, axis: x + xp.prod(x, axis=axis), lambda x: x + x.prod()),
    "cumulative_sum": (
        lambda xp, x, *, axis: x * xp.cumulative_sum(x, axis=axis),
        lambda x: x * x.cumsum(),
    ),
    "softmax": (
        lambda xp, x, *, axis: xp.exp(x) / xp.sum(xp.exp(x), axis=axis),
        lambda x: np.exp(x) / np.exp(x).sum(),
    ),
}
ROW = np.array([0.3, -1.2, 0.8, 2.1, -0.4])


@every_backend
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("axis", [0, -1])
def test_along_an_axis(backend, name, axis):
    function, plain = ROWS[name]
    spec = Activation(
        name=NAME, forward=function, kind="axis", parameters=[ua.Parameter("axis", -1)]
    )
    cotangent = np.cos(np.arange(5.0))
    step = 1e-6
    wanted = [
        (plain(ROW + step * unit) - plain(ROW - step * unit)) @ cotangent / (2 * step)
        for unit in np.eye(5)
    ]
    shape = (5, 1) if axis == 0 else (1, 5)
    with ACTIVATIONS.lending(completed(spec)):
        called = ua.get_activation(NAME, backend=backend, axis=axis)
        result = ua.value_and_grad(
            called,
            native(backend, ROW.reshape(shape), "float64"),
            cotangent=native(backend, cotangent.reshape(shape), "float64"),
        )
    np.testing.assert_allclose(back(backend, result[0], "float64").ravel(), plain(ROW), rtol=1e-12)
    got = back(backend, gradient_of(result), "float64").ravel()
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "row", [[2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [2.0, 5.0, 3.0]], ids=["one 0", "two", "none"]
)
def test_a_product_has_a_gradient_at_zeros(row):
    spec = Activation(
        name=NAME,
        forward=lambda xp, x, *, axis: x * 0.0 + xp.prod(x, axis=axis),
        kind="axis",
        parameters=[ua.Parameter("axis", -1)],
    )
    with ACTIVATIONS.lending(completed(spec)):
        called = ua.get_activation(NAME, backend="numpy")
        _, gradient = ua.value_and_grad(called, np.array([row]), cotangent=np.array([[1.0, 0, 0]]))
    others = [math.prod(row[:i] + row[i + 1 :]) for i in range(3)]
    assert gradient[0].tolist() == others


def test_all_functions_are_tried():
    tried = {*FUNCTIONS, *ROWS, "pow", "isfinite", "isinf", "isnan", "full_like", "where"}
    masks = {"logical_and", "logical_not", "logical_or", "logical_xor"}
    older = {"times_erfc", "sum", "max", "sort", "split", "concat", "stop_gradient"}
    older |= {"deinterleave", "interleave"}
    weights = {"channel_weight", "sum_to_weight", "whole_weight"}
    assert {name for name in vars(Namespace) if name[0] != "_"} == (
        {name for name in tried if name in vars(Namespace)} | masks | older | weights
    )
    assert set(DERIVED) <= set(vars(Namespace))
