"""Values of kernels apart from their accuracy: lengths, ends, several inputs, double results."""

import threading

import mpmath
import numpy as np
import pytest

import unified_act as ua
from tests.kernels.running import awkward, call, kernel_of, random_bits, results_of
from tests.specifications import SPECS, further_inputs, parameters_of
from unified_act import Activation, Parameter, UnknownParameterError
from unified_act.assembly import assemble
from unified_act.expression import record
from unified_act.kernels import (
    ArrayKernels,
    NumpyMemory,
    Threads,
    fused,
    plan_of,
    unavailable,
)
from unified_act.kernels.elementary import lowered
from unified_act.kernels.instructions import LANES
from unified_act.kernels.kernel import _kept as kept_kernels
from unified_act.kernels.sorting import Sorted
from unified_act.loading import numpy_namespace
from unified_act.registry import ACTIVATIONS

ELEMENTWISE = [name for name, spec in SPECS.items() if spec.kind.elementwise]
DTYPES = ("float32", "float64")
CLOSE = {"float32": 2e-5, "float64": 1e-12}
PARTED = {"crelu": "crelu", "maxout": "maxout(groups=2)"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_infinities_zeros_and_nans_are_those_of_the_definition(name, dtype):
    """Up to a rounding; a NaN stays one, and the sign of a zero is the definition's."""
    x = awkward(dtype)
    kernel = kernel_of(name.partition("(")[0], parameters_of(name), dtype)
    wanted = ua.get_activation(name, backend="numpy", numerics="strict")(x)
    got = call(kernel, x)
    np.testing.assert_allclose(got, wanted, rtol=CLOSE[dtype], atol=3 * np.finfo(dtype).tiny)
    zeros = (got == 0.0) & (wanted == 0.0)
    np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(wanted[zeros]))


@pytest.mark.parametrize("length", [0, 1, 2, LANES - 1, LANES, LANES + 1, 3 * LANES + 5])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_lengths(length, order):
    """The elements around stay as they are, and each one is computed as in a longer array."""
    long = random_bits("float32", 200)
    kernel = kernel_of("mish", order=order)
    cotangent = np.full_like(long, 2.0)
    wanted = call(kernel, long, *([cotangent] if order else []))[:length]
    y = np.full(length + 2, 7.0, np.float32)
    places = [long.ctypes.data, *([cotangent.ctypes.data] if order else []), y.ctypes.data + 4]
    kernel(*places, count=length)
    np.testing.assert_array_equal(y[1:-1], wanted)
    assert (y[0], y[-1]) == (7.0, 7.0)


def test_arrays_of_one_element_at_any_address():
    raw = np.zeros(64, np.uint8)
    x = np.float32(0.7)
    wanted = call(kernel_of("silu"), np.array([x]))
    for offset in range(9):  # a slice of bytes is seldom aligned
        place = raw[offset : offset + 4]
        place[:] = np.frombuffer(x.tobytes(), np.uint8)
        kernel_of("silu")(place.ctypes.data, place.ctypes.data, count=1)
        assert place.tobytes() == wanted.tobytes()


def test_the_result_may_be_the_input():
    x = random_bits("float32", 1_003)
    wanted = call(kernel_of("gelu"), x)
    kernel_of("gelu")(x.ctypes.data, x.ctypes.data, count=x.size)
    np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["gelu", "tanh", "softplus", "relu"])
def test_value_and_pullback_at_once(name, dtype):
    x = random_bits(dtype, 5_001)
    cotangent = np.roll(x, 7)
    value, pulled = call(kernel_of(name, (), dtype, 1, with_value=True), x, cotangent)
    np.testing.assert_array_equal(value, call(kernel_of(name, (), dtype), x))
    np.testing.assert_array_equal(pulled, call(kernel_of(name, (), dtype, 1), x, cotangent))


def test_a_cotangent_is_multiplied_before_rounding():
    """So 1e30 times a slope of 1e-40 is 1e-10, though float32 has no such slope with all digits."""
    x = np.array([-92.0], np.float32)
    got = call(kernel_of("sigmoid", order=1), x, np.array([1e30], np.float32))
    np.testing.assert_allclose(got, 1e30 * np.exp(-92.0), rtol=1e-7)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("gate_first", [False, True])
@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("name", [n for n, spec in SPECS.items() if spec.kind == "gated"])
def test_gated_along_any_axis(name, gate_first, interleaved, axis):
    x = np.random.default_rng(4).normal(0.0, 3.0, (4, 6, 38))
    parameters = {"axis": axis, "gate_first": gate_first, "interleaved": interleaved}
    function = ua.get_activation(name, backend="numpy", numerics="strict", **parameters)
    value = function(x)
    cotangent = np.random.default_rng(5).normal(0.0, 1.0, value.shape)
    wanted = ua.value_and_grad(function, x, cotangent=cotangent)[1]
    np.testing.assert_allclose(results_of(name, parameters, [x]), value, rtol=1e-12, atol=1e-30)
    (got,) = results_of(name, parameters, [x], cotangent)
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-30)


@pytest.mark.parametrize("gate_first", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["swiglu", "clamped_swiglu"])
def test_interleaved_halves_of_every_length(name, dtype, gate_first):
    """The bits of the kernel of halves that lie apart, and nothing is written beyond the end."""
    for length in (1, 2, 31, 32, 33, 63, 64, 65, 1_003):
        x, cotangent = random_bits(dtype, 2 * length), random_bits(dtype, length, 1)
        parts = [x[1::2], x[::2]] if gate_first else [x[::2], x[1::2]]
        parameters = {"gate_first": gate_first, "interleaved": True}
        for order in (0, 1):
            given = [cotangent][:order]
            wanted = call(kernel_of(name, {}, dtype, order), *parts, *given)
            wanted = np.stack(wanted[::-1] if gate_first else wanted, axis=1) if order else wanted
            kernel = kernel_of(name, parameters, dtype, order, in_turn=True)
            found = np.full(wanted.size + 3, 7.0, dtype)
            pointers = [array.ctypes.data for array in (x, *given, found)]
            kernel(*pointers, count=length)
            np.testing.assert_array_equal(found[:-3], wanted.reshape(-1))
            assert found[-3:].tolist() == [7.0, 7.0, 7.0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_interleaved_halves_value_and_pullback_at_once(dtype):
    x, cotangent = random_bits(dtype, 2_006), random_bits(dtype, 1_003)
    kernel = kernel_of("swiglu", {}, dtype, 1, with_value=True, in_turn=True)
    value, pulled = np.empty_like(cotangent), np.empty_like(x)
    kernel(*(array.ctypes.data for array in (x, cotangent, value, pulled)), count=1_003)
    options = {"interleaved": True}
    np.testing.assert_array_equal(value, results_of("swiglu", options, [x]))
    np.testing.assert_array_equal(pulled, results_of("swiglu", options, [x], cotangent)[0])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("name", [n for n, spec in SPECS.items() if spec.kind == "learned"])
def test_learned_along_any_axis(name, axis, channels):
    shape = [5, 4, 41]
    shape[axis] = 3
    x = np.random.default_rng(6).normal(0.0, 3.0, shape)
    weights = [np.asarray(w, x.dtype) for w in further_inputs(name, x.shape, channels)]
    function = ua.get_activation(name, backend="numpy", numerics="strict", axis=axis)
    wanted = function(x, *weights)
    np.testing.assert_allclose(
        results_of(name, {"axis": axis}, [x, *weights]), wanted, rtol=1e-12, atol=1e-14
    )
    cotangent = np.random.default_rng(7).normal(0.0, 1.0, shape)
    gradients = ua.value_and_grad(function, x, *weights, cotangent=cotangent)[1]
    got = results_of(name, {"axis": axis}, [x, *weights], cotangent)
    for one, other in zip(got, gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_weights_of_one_and_of_several_numbers():
    x = np.random.default_rng(6).normal(0.0, 3.0, (2, 3, 41))
    weights = [np.array([0.5]), np.array([0.1, 0.2, 0.3])]
    wanted = ua.get_activation("star_relu", backend="numpy", numerics="strict")(x, *weights)
    got = results_of("star_relu", {}, [x, *weights])
    np.testing.assert_allclose(got, wanted, rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        *((name, {}) for name in ("softmax", "log_softmax", "masked_softmax", "swiglu", "prelu")),
        ("swiglu", {"interleaved": True}),
    ],
)
def test_the_number_of_threads_changes_no_bit(name, parameters):
    x = random_bits("float32", 400 * 602).reshape(400, 602)
    others = [np.asarray(other) for other in further_inputs(name, x.shape)]
    others = [other if other.dtype == bool else other.astype("float32") for other in others]
    wanted = results_of(name, parameters, [x, *others])
    got = results_of(name, parameters, [x, *others], threads=Threads(4))
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_long_row_of_numbers_beside_a_large_one(dtype):
    """Each alone is lost beside the large one, all together are not."""
    x = np.full((1, 200_000), -36.0, dtype)
    x[0, 77] = 0.0
    total = 1.0 + 199_999 * np.exp(np.longdouble(-36.0))
    wanted = np.exp(np.longdouble(x)) / total
    got = results_of("softmax", {}, [x])
    np.testing.assert_allclose(got, wanted.astype(np.float64), rtol=3 * np.finfo(dtype).eps)


def test_infinities_in_a_sum():
    x = np.array([[1.0, np.inf, 2.0], [1.0, -np.inf, 2.0], [np.inf, -np.inf, 1.0]])
    summed = Activation(
        name="summed",
        kind="axis",
        parameters=[Parameter("axis", -1, "axis")],
        forward=lambda xp, x, *, axis: xp.sum(x, axis=axis) + xp.where(x == x, 0.0, x),  # noqa: PLR0124
    )
    for dtype in DTYPES:
        given, got = x.astype(dtype), np.empty((3, 3), dtype)
        plan_of(summed, {"axis": -1}, dtype, (3, 3)).run([given.ctypes.data, got.ctypes.data])
        np.testing.assert_array_equal(got[:, 0], [np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0), ()])
@pytest.mark.parametrize("name", ["gelu", "softmax", "log_softmax", "glu", "prelu"])
def test_empty_arrays_and_single_numbers(name, shape):
    if name == "glu" and not shape:
        return  # there is no axis to split
    x = np.full(shape, 0.5, np.float32)
    others = [np.array([0.25], np.float32)] if name == "prelu" else []
    wanted = ua.get_activation(name, backend="numpy", numerics="strict")(x, *others)
    got = results_of(name, {"axis": -1} if name == "prelu" else {}, [x, *others])
    assert got.shape == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_noise_is_an_input():
    x, noise = random_bits("float32", 99), np.linspace(0.0, 1.0, 99, dtype=np.float32)
    kernel = kernel_of("rrelu", {"training": True})
    assert kernel.inputs == ("x", "noise")
    slope = 1 / 8 + np.float64(noise) * (1 / 3 - 1 / 8)
    with np.errstate(over="ignore"):
        wanted = np.where(x <= 0.0, x * slope, x).astype(np.float32)
    np.testing.assert_array_equal(call(kernel, x, noise), wanted)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("name", ["silu_beta", "softplus_beta", "snake"])
def test_a_weight_meets_an_input_where_things_go_wrong(name, order):
    """In float32 they have simpler forms than in float64, with the same infinities and NaNs."""
    numbers = [np.inf, -np.inf, np.nan, 0.0, -0.0, 3e38, -3e38, 1.0, -1.0, 1e-45, -1e-45, 80.0]
    x, weight = (each.ravel() for each in np.meshgrid(np.float32(numbers), np.float32(numbers)))
    inputs = [x, weight, *[np.full_like(x, -1.0)][:order]]
    got = call(kernel_of(name, (), "float32", order, weights="array"), *inputs)
    inputs = [each.astype(np.float64) for each in inputs]
    wanted = call(kernel_of(name, (), "float64", order, weights="array"), *inputs)
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_allclose(got, np.float32(wanted), rtol=1e-6)


@pytest.mark.parametrize("length", [1, 2, LANES - 1, LANES, LANES + 1, 5 * LANES + 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_cumulative_sums(dtype, length):
    """Before a sum over the row and after it, so in two passes."""

    def forward(xp, x, *, axis):
        so_far = xp.cumulative_sum(x, axis=axis)
        return so_far / xp.max(xp.abs(so_far), axis=axis) + xp.cumulative_sum(so_far, axis=axis)

    shares = Activation(
        name="running_shares", kind="axis", forward=forward, parameters=(Parameter("axis", -1),)
    )
    x = np.random.default_rng(8).integers(-9, 9, (3, length)).astype(dtype)  # all sums are exact
    x[:, 0] = 100.0
    so_far = np.cumsum(x.astype(np.float64), axis=-1)
    wanted = so_far / np.abs(so_far).max(axis=-1, keepdims=True) + np.cumsum(so_far, axis=-1)
    got = np.empty_like(x)
    plan_of(shares, {"axis": -1}, dtype, x.shape).run([x.ctypes.data, got.ctypes.data])
    np.testing.assert_allclose(got, wanted, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("length", [1, LANES, 3 * LANES + 7])
def test_hardmax_takes_the_first_of_the_largest(length):
    x = np.random.default_rng(9).integers(0, 3, (200, length)).astype("float32")
    wanted = np.zeros_like(x)
    wanted[np.arange(200), x.argmax(axis=1)] = 1.0
    np.testing.assert_array_equal(results_of("hardmax", {}, [x]), wanted)
    x[:, length // 2] = np.nan
    assert np.isnan(results_of("hardmax", {}, [x])).all()


def sorting(name, forward):
    return Activation(name=name, kind="axis", forward=forward, parameters=(Parameter("axis", -1),))


WHOLE = sorting("in_order", lambda xp, x, *, axis: xp.sort(x, axis=axis) * 1.0)
TWICE = sorting(
    "twice_in_order",
    lambda xp, x, *, axis: xp.sort(x * xp.max(x, axis=axis), axis=axis) - xp.sort(-x, axis=axis),
)


@pytest.mark.parametrize("length", [1, 2, LANES - 1, LANES, LANES + 1, 5 * LANES + 3, 3000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_is_sorted(dtype, length):
    generator = np.random.default_rng(10)
    x = generator.integers(-9, 9, (3, length)).astype(dtype)
    x[1] = generator.standard_normal(length)
    x[2, : length // 2] = np.inf
    np.testing.assert_array_equal(made_of(WHOLE, x), np.sort(x, axis=-1))
    of_numbers = x[:2]
    product = of_numbers.astype(np.float64) * of_numbers.max(axis=-1, keepdims=True)
    wanted = np.sort(product, axis=-1) - np.sort(-of_numbers.astype(np.float64), axis=-1)
    np.testing.assert_array_equal(made_of(TWICE, of_numbers), wanted.astype(dtype))
    x[0, length // 3] = np.nan  # as NumPy sorts it
    np.testing.assert_array_equal(made_of(WHOLE, x), np.sort(x, axis=-1))


def made_of(activation, x):
    got, whole = np.empty_like(x), np.ascontiguousarray(x)
    plan = plan_of(activation, {"axis": -1}, x.dtype.name, x.shape)
    plan.run([whole.ctypes.data, got.ctypes.data])
    return got


@pytest.mark.parametrize("name", ["sparsemax", "entmax15"])
@pytest.mark.parametrize("spread", [0.0, 1e-3, 0.3, 2.0, 40.0])
def test_only_the_largest_elements_are_sorted(name, spread):
    nodes = lowered(record(ACTIVATIONS.find(name), {"axis": -1}, wide=True))[0].graph.nodes
    bounds = [Sorted(node, nodes)._bound for node in nodes if node.operation == "sort"]
    assert bounds == [1.0]  # of what is sorted: how far an element is below the largest
    x = (np.random.default_rng(11).standard_normal((40, 333)) * spread).astype("float32")
    shares = results_of(name, {"axis": -1}, [x])
    np.testing.assert_allclose(shares.sum(axis=-1), 1.0, rtol=1e-5)
    exact = assemble(ACTIVATIONS.find(name), numpy_namespace(), {"axis": -1})(x.astype("float64"))
    np.testing.assert_allclose(shares, exact, rtol=1e-6, atol=1e-7)


def test_an_activation_of_a_plugin_without_derivatives():
    bent = Activation(name="bent", forward=lambda xp, x: (xp.sqrt(x * x + 1.0) - 1.0) * 0.5 + x)
    x = np.linspace(-3.0, 3.0, 61)
    root = np.sqrt(x * x + 1.0)
    wanted = [(root - 1) / 2 + x, x / root / 2 + 1, 1 / root**3 / 2]
    for order, exact in enumerate(wanted):
        kernel = fused(bent, {}, "float64", order)
        got = call(kernel, x, *([np.ones_like(x)] if order else []))
        np.testing.assert_allclose(got, exact, rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "dtype", "order", "reason"),
    [
        ("softmax", "float32", 2, "elementwise"),
        ("gelu", "int8", 0, "float32 and float64 only"),
        ("geglu", "float32", 2, "elementwise"),
    ],
)
def test_where_there_is_no_kernel(name, dtype, order, reason):
    activation = ACTIVATIONS.find(name)
    assert fused(activation, {}, dtype, order) is None
    assert reason in unavailable(activation, {}, dtype, order)
    assert not unavailable(ACTIVATIONS.find("gelu"))


def test_an_operation_that_no_machine_code_is_written_for():
    product = Activation(
        name="product",
        kind="axis",
        forward=lambda xp, x, axis: x / xp.prod(x, axis=axis),
        parameters=(Parameter("axis", -1),),
    )
    assert unavailable(product) == "there is no machine code for prod"


def changing(forward, derivative=None, resized=lambda length, **_: length // 2):
    return Activation(
        name="changing",
        kind="axis",
        resizes=True,
        resized=resized,
        forward=forward,
        derivative=derivative,
        parameters=(Parameter("axis", -1),),
    )


def halves(xp, x, axis):
    return xp.split(x, 2, axis=axis)


NOT_PART_BY_PART = {
    "uses the whole too": (lambda xp, x, *, axis: halves(xp, x, axis)[0] * xp.exp(x), None),
    "sums": (lambda xp, x, *, axis: xp.sum(halves(xp, x, axis)[0], axis=axis), None),
    "splits a part": (lambda xp, x, *, axis: halves(xp, halves(xp, x, axis)[0], axis)[0], None),
    "puts together inside": (
        lambda xp, x, *, axis: xp.abs(xp.concat([x, x], axis=axis)),
        None,
    ),
    "a gradient of half the length": (
        lambda xp, x, *, axis: halves(xp, x, axis)[0],
        lambda xp, cotangent, x, *, axis: (halves(xp, x, axis)[0] * cotangent,),
    ),
}


@pytest.mark.parametrize(("forward", "derivative"), NOT_PART_BY_PART.values(), ids=NOT_PART_BY_PART)
def test_what_changes_length_otherwise_has_none(forward, derivative):
    order = int(derivative is not None)
    assert unavailable(changing(forward, derivative), order=order)


@pytest.mark.parametrize("length", [8, 7])
def test_a_length_that_is_not_that_of_the_parts_gets_no_kernel(length):
    """Nothing is written beyond an array."""
    spec = changing(lambda xp, x, *, axis: halves(xp, x, axis)[0], resized=lambda n, **_: n // 4)
    x = np.zeros((3, length), np.float32)
    assert not unavailable(spec)
    assert ArrayKernels(spec, {"axis": -1}).value(NumpyMemory(), "float32", [x]) is None


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(("name", "groups"), [("crelu", 1), ("maxout", 3), ("maxout", 1)])
def test_parts_of_any_axis(name, groups, axis):
    x = np.random.default_rng(10).normal(0.0, 3.0, (6, 9, 39)).astype("float32")
    parameters = {"axis": axis, **({"groups": groups} if name == "maxout" else {})}
    function = ua.get_activation(name, backend="numpy", numerics="strict", **parameters)
    pieces = np.split(x, groups, axis=axis)
    if name == "crelu":
        wanted = np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=axis)
    else:
        wanted = np.maximum.reduce(pieces)
    np.testing.assert_array_equal(function(x), wanted)
    cotangent = np.random.default_rng(11).normal(0.0, 1.0, wanted.shape).astype("float32")
    if name == "crelu":
        first, second = np.split(cotangent, 2, axis=axis)
        by_x = np.where(x > 0, first, 0) - np.where(x < 0, second, 0)
    else:
        by_x = np.concatenate([np.where(p == wanted, cotangent, 0) for p in pieces], axis=axis)
    arrays = ArrayKernels(SPECS[PARTED[name]], dict(function.parameters))
    (found,) = arrays.derivatives(NumpyMemory(), "float32", [x], cotangent)
    np.testing.assert_array_equal(found, by_x)


@pytest.mark.parametrize("order", [0, 1])
def test_every_built_in_activation_has_one(order):
    missing = {
        spec.name
        for name, spec in SPECS.items()
        if unavailable(spec, parameters_of(name), order=order)
    }
    assert not missing


def test_what_cannot_be_recorded_has_no_kernel():
    loop = Activation(name="loop", forward=lambda xp, x: x if x > 0 else -x)
    assert fused(loop) is None
    assert "truth value" in unavailable(loop)


def test_parameters_are_checked_and_told_apart():
    elu = ACTIVATIONS.find("elu")
    with pytest.raises(UnknownParameterError):
        fused(elu, {"beta": 1.0})
    kernel = fused(elu, {"alpha": 1.0})
    assert fused(elu) is kernel
    assert fused(elu, {"alpha": 1.0}) is kernel
    celu = fused(ACTIVATIONS.find("celu"))
    assert fused(ACTIVATIONS.find("celu"), {"alpha": 1.0}) is celu
    assert fused(elu, {"alpha": 0.5}) is not fused(elu)
    threshold = ACTIVATIONS.find("threshold")
    zeros = [
        call(fused(threshold, {"threshold": 1.0, "value": value}), np.zeros(1, np.float32))
        for value in (0.0, -0.0)
    ]
    assert [bool(np.signbit(zero)) for zero in zeros] == [False, True]


@pytest.mark.parametrize("alpha", [1e300, 1e-300, 2.0])
def test_a_parameter_that_float32_does_not_have(alpha):
    """exp(-720) is no normal number of float64 either, and times 1e300 it is one of float32."""
    x = np.array([-720.0, -600.0, -1.0, 0.5, 700.0], np.float32)
    got = call(kernel_of("elu", {"alpha": alpha}, order=1), x, np.ones_like(x))
    with mpmath.workdps(30), np.errstate(over="ignore", under="ignore"):
        wanted = [1.0 if v > 0 else float(alpha * mpmath.exp(mpmath.mpf(float(v)))) for v in x]
        np.testing.assert_array_equal(got, np.float32(wanted))


def test_a_constant_of_a_plugin_that_float32_does_not_have():
    huge = Activation(name="huge", forward=lambda xp, x: xp.exp(x) * 1e300)
    x = np.array([-720.0], np.float32)
    np.testing.assert_allclose(call(fused(huge), x), 1e300 * np.exp(-720.0), rtol=1e-6)


def test_kernels_are_kept_up_to_a_number(monkeypatch):
    kept_kernels.clear()
    monkeypatch.setattr("unified_act.kernels.kernel._LARGEST_NUMBER", 3)
    elu = ACTIVATIONS.find("elu")
    first = fused(elu, {"alpha": 1.0})
    for alpha in (2.0, 3.0, 1.0, 4.0):
        fused(elu, {"alpha": alpha})
    assert len(kept_kernels) == 3
    assert fused(elu, {"alpha": 1.0}) is first


def test_eight_threads_ask_and_compute_at_once():
    kept_kernels.clear()
    x = random_bits("float32", 20_000)
    names = ["gelu", "silu", "mish", "tanh"]
    wanted = {name: call(kernel_of(name), x) for name in names}
    kept_kernels.clear()
    wrong, barrier = [], threading.Barrier(8)

    def work(number):
        barrier.wait()
        for turn in range(20):
            name = names[(number + turn) % len(names)]
            got = call(kernel_of(name), x)
            if not np.array_equal(got, wanted[name], equal_nan=True):
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
