"""Activations along an axis that is not the last: the bits of rows, and arrays lie as they did."""

import itertools

import ml_dtypes
import numpy as np
import pytest

from tests.kernels.running import kernel_of
from unified_act.kernels import ArrayKernels, NumpyMemory, unavailable
from unified_act.kernels.columns import COLUMNS
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
INNER = (1, 3, 8, 15, 16, 17, 40)


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
def test_the_bits_of_rows(name, dtype):
    for length, inner, outer in itertools.product(LENGTHS, INNER, (1, 3)):
        inputs, cotangent = arrays_of(name, dtype, (outer, length, inner))
        found = both(name, dtype, inputs, cotangent, 1)
        turned = [np.swapaxes(array, 1, 2).copy() for array in (*inputs, cotangent)]
        wanted = both(name, dtype, turned[:-1], turned[-1], -1)
        for one, other in zip(found, wanted, strict=True):
            assert one.flags.c_contiguous
            assert one.tobytes() == np.swapaxes(other, 1, 2).tobytes(), (length, inner, outer)


@pytest.mark.parametrize("shape", [(4, 5, 0), (4, 0, 5), (0, 4, 5)])
def test_no_elements(shape):
    inputs, cotangent = arrays_of("softmax", "float32", shape)
    assert [array.shape for array in both("softmax", "float32", inputs, cotangent, 1)] == [
        shape
    ] * 2


@pytest.mark.parametrize("inner", [COLUMNS - 1, COLUMNS, 3 * COLUMNS + 5])
@pytest.mark.parametrize("outer", [1, 2, 5])
def test_every_number_of_threads(outer, inner):
    inputs, cotangent = arrays_of("softmax", "float32", (outer, 50, inner))
    wanted = both("softmax", "float32", inputs, cotangent, 1)
    for number in (2, 3, 8):
        found = both("softmax", "float32", inputs, cotangent, 1, threads=Threads(number, least=50))
        for one, other in zip(found, wanted, strict=True):
            assert one.tobytes() == other.tobytes()


def test_groups_of_columns_are_shared_by_their_elements():
    kernel, asked = kernel_of("softmax"), []

    def team(function, argument, number):
        asked.append(number)
        function(argument)

    x, y = np.zeros((2, 2, 30, 40), np.float32)
    places = [x.ctypes.data, y.ctypes.data]
    for least in (30 * COLUMNS, 90 * COLUMNS, 180 * COLUMNS):
        threads = Threads(4, team, least)
        kernel.columns(*places, length=30, outer=2, inner=40, threads=threads)
    assert asked == [4, 2]


def test_nothing_beside_the_arrays_is_touched():
    room = np.full((3, 9, 21), 7.0, np.float32)
    x = np.zeros((9, 21), np.float32)
    kernel_of("softmax").columns(x.ctypes.data, room[1].ctypes.data, length=9, outer=1, inner=21)
    assert (room[[0, 2]] == 7.0).all()
    np.testing.assert_array_equal(room[1], np.full((9, 21), np.float32(1 / 9)))
