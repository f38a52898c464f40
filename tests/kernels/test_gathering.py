"""Looking up in a table by machine code: the bits are those of NumPy's steps."""

import ml_dtypes
import numpy as np
import pytest

from unified_act.kernels import ALONE, NARROW, Threads, gather

TYPES = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
SIZES = (0, 1, 7, 31, 32, 33, 100_003)


@pytest.fixture(name="dtype", params=NARROW)
def _dtype(request):
    return request.param


def looked_up(dtype, table, x, *factors, threads=ALONE):
    result = np.full_like(x, 77)
    places = [array.ctypes.data for array in (table, x, *factors, result)]
    gather(dtype, len(factors))(*places, count=x.size, threads=threads)
    return result


def numbers(dtype, count, seed):
    """Numbers of every kind: any bits."""
    bits = np.random.default_rng(seed).integers(0, 2**16, count, dtype=np.uint16)
    return bits.view(TYPES[dtype])


def same(found, wanted):
    nan = np.isnan(wanted)
    np.testing.assert_array_equal(np.isnan(found), nan)
    np.testing.assert_array_equal(found.view(np.uint16)[~nan], wanted.view(np.uint16)[~nan])


@pytest.mark.parametrize("size", SIZES)
def test_values(dtype, size):
    table, x = numbers(dtype, 2**16, 1), numbers(dtype, size, 2)
    found = looked_up(dtype, table, x)
    np.testing.assert_array_equal(found.view(np.uint16), table.view(np.uint16)[x.view(np.uint16)])


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_products(dtype, count, size):
    bits = np.random.default_rng(3).integers(0, 2**32, 2**16, dtype=np.uint32)
    x, factors = numbers(dtype, size, 4), [numbers(dtype, size, 5 + k) for k in range(count)]
    with np.errstate(all="ignore"):
        wanted = bits.view(np.float32)[x.view(np.uint16)]
        for factor in factors:
            wanted = wanted * factor.astype(np.float32)
        wanted = wanted.astype(TYPES[dtype])
    same(looked_up(dtype, bits.view(np.float32), x, *factors), wanted)


def test_products_are_rounded_to_nearest_even_whatever_their_size(dtype):
    """Slopes around what every number of the type is halfway to its neighbour, times 1."""
    info = ml_dtypes.finfo(TYPES[dtype])
    x = np.arange(2**16, dtype=np.uint16).view(TYPES[dtype])
    one = np.ones_like(x)
    for part in (0.25, 0.5, 0.75):
        with np.errstate(all="ignore"):
            wide = x.astype(np.float64)
            step = np.maximum(np.abs(wide) * float(info.eps), float(info.smallest_subnormal))
            slopes = (wide + part * step).astype(np.float32)
            wanted = slopes.astype(TYPES[dtype])
        same(looked_up(dtype, slopes, x, one), wanted)


def test_every_element_is_looked_up_once_by_several_threads(dtype):
    table, x = numbers(dtype, 2**16, 1), numbers(dtype, 500_007, 2)
    found = looked_up(dtype, table, x, threads=Threads(4, least=1000))
    np.testing.assert_array_equal(found.view(np.uint16), looked_up(dtype, table, x).view(np.uint16))


def test_a_result_may_be_written_over_what_is_read(dtype):
    table, x = numbers(dtype, 2**16, 1), numbers(dtype, 1000, 2)
    wanted = looked_up(dtype, table, x)
    place = x.ctypes.data
    gather(dtype)(table.ctypes.data, place, place, count=x.size)
    np.testing.assert_array_equal(x.view(np.uint16), wanted.view(np.uint16))
