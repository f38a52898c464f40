"""Activations along any axis: the bits of a row, and arrays that lie as they did."""

import itertools

import ml_dtypes
import numpy as np
import pytest

from tests.kernels.running import kernel_of
from unified_act.kernels import ArrayKernels, NumpyMemory, unavailable
from unified_act.kernels.columns import COLUMNS
from unified_act.kernels.instructions import LANES, SHORT
from unified_act.kernels.threads import Threads
from unified_act.registry import ACTIVATIONS

pytestmark = pytest.mark.skipif(bool(unavailable()), reason="no machine code can be made here")

TYPES = {
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float32": np.float32,
    "float64": np.float64,
}
NAMES = ("softmax", "log_softmax", "masked_softmax", "sparsemax", "entmax15", "hardmax")
LENGTHS = (1, 2, 7, 8, 9, 33)
INNER = (1, 2, 3, 8, 15, 16, 17, 31, 32, 33, 75)
SORTED = ("sparsemax", "entmax15")
EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


def arrays_of(name, dtype, shape):
    generator = np.random.default_rng(3)
    x, cotangent = (generator.normal(size=shape, scale=2.0).astype(TYPES[dtype]) for _ in range(2))
    return [x, *([generator.random(shape) < 0.7] if "masked" in name else [])], cotangent


def both(name, dtype, inputs, cotangent, axis, **options):
    """The value and the gradient by x, as bytes in the order of memory."""
    activation = ACTIVATIONS.find(name)
    kernels = ArrayKernels(activation, activation.bind({"axis": axis}))
    value = kernels.value(NumpyMemory(), dtype, inputs, **options)
    gradient = kernels.derivatives(NumpyMemory(), dtype, inputs, cotangent, **options)[0]
    return value, gradient


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", NAMES)
def test_the_axis_does_not_matter(name, dtype):
    for length, inner, outer in itertools.product(LENGTHS, INNER, (1, 3, 40)):
        inputs, cotangent = arrays_of(name, dtype, (outer, length, inner))
        found = both(name, dtype, inputs, cotangent, 1)
        turned = [np.swapaxes(array, 1, 2).copy() for array in (*inputs, cotangent)]
        wanted = both(name, dtype, turned[:-1], turned[-1], -1)
        for one, rows in zip(found, wanted, strict=True):
            assert one.flags.c_contiguous
            other = np.swapaxes(rows, 1, 2)
            if length <= SHORT or inner < LANES or name in SORTED:
                assert one.tobytes() == other.tobytes(), (length, inner, outer)
            else:  # where sums of long rows are of one element after the other
                wide, beside = one.astype(float), other.astype(float)
                # Sums of the gradient cancel each other.
                eps = EPS[dtype] * (64 if dtype == "float64" else 1)
                np.testing.assert_allclose(wide, beside, rtol=eps, atol=eps)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", ["softmax", "masked_softmax", "hardmax"])
@pytest.mark.parametrize("length", [1, 3, SHORT - 1, SHORT, SHORT + 1])
def test_the_bits_of_a_row_do_not_depend_on_the_number_of_rows(name, dtype, length):
    inputs, cotangent = arrays_of(name, dtype, (2 * LANES + 3, length))
    wanted = both(name, dtype, inputs, cotangent, -1)
    for number in (1, 2, LANES - 1, LANES, LANES + 1):
        few = both(name, dtype, [array[:number] for array in inputs], cotangent[:number], -1)
        for one, other in zip(few, wanted, strict=True):
            assert one.tobytes() == other[:number].tobytes()


def test_long_rows_side_by_side():
    for length in (2_047, 2_048, 2_049):
        inputs, cotangent = arrays_of("softmax", "float64", (length, LANES + 1))
        for found in both("softmax", "float64", inputs, cotangent, 0):
            assert found.flags.c_contiguous
        x = inputs[0]
        e = np.exp(x - x.max(axis=0))
        value = both("softmax", "float64", inputs, cotangent, 0)[0]
        np.testing.assert_allclose(value, e / e.sum(axis=0), rtol=1e-13)


@pytest.mark.parametrize("shape", [(4, 5, 0), (4, 0, 5), (0, 4, 5)])
def test_no_elements(shape):
    inputs, cotangent = arrays_of("softmax", "float32", shape)
    assert [array.shape for array in both("softmax", "float32", inputs, cotangent, 1)] == [
        shape
    ] * 2


@pytest.mark.parametrize("inner", [1, COLUMNS - 1, COLUMNS, LANES + 1, 3 * LANES + 5])
@pytest.mark.parametrize("outer", [1, 5, 200])
@pytest.mark.parametrize("length", [10, 50])
def test_every_number_of_threads(outer, inner, length):
    inputs, cotangent = arrays_of("softmax", "float32", (outer, length, inner))
    wanted = both("softmax", "float32", inputs, cotangent, 1)
    for number in (2, 3, 8):
        found = both("softmax", "float32", inputs, cotangent, 1, threads=Threads(number, least=50))
        for one, other in zip(found, wanted, strict=True):
            assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("length", "outer", "inner", "group"),
    [(50, 2, 20, COLUMNS), (50, 2, 40, LANES), (9, 100, 1, LANES), (9, 2, 3, LANES)],
)
def test_groups_are_shared_by_their_elements(length, outer, inner, group):
    kernel, asked = kernel_of("softmax"), []

    def team(function, argument, number):
        asked.append(number)
        function(argument)

    x, y = np.zeros((2, outer, length, inner), np.float32)
    places = [x.ctypes.data, y.ctypes.data]
    for least in (length, 2 * length * group, 1_000 * length * group):
        threads = Threads(2, team, least)
        kernel.columns(length=length, outer=outer, inner=inner).run(places, threads)
        np.testing.assert_allclose(y, 1 / length, rtol=1e-6)
        y[:] = 0
    groups = 1 if group == LANES and outer * inner < LANES else 4
    assert asked == ([] if groups == 1 else [2, 2])


@pytest.mark.parametrize(
    ("length", "outer", "inner"),
    [(9, 1, 21), (9, 1, 1), (9, 40, 1), (9, 3, 5), (9, 2, 40), (40, 2, 40), (40, 2, 5)],
)
def test_nothing_beside_the_arrays_is_touched(length, outer, inner):
    room = np.full((3, outer, length, inner), 7.0, np.float32)
    x = np.zeros_like(room[0])
    job = kernel_of("softmax").columns(length=length, outer=outer, inner=inner)
    job.run([x.ctypes.data, room[1].ctypes.data])
    assert (room[[0, 2]] == 7.0).all()
    np.testing.assert_array_equal(room[1], np.full_like(x, np.float32(1 / length)))
