"""Arrays through kernels: what is found for some shapes and types is for those alone."""

import numpy as np
import pytest

from unified_act.kernels import ArrayKernels, NumpyMemory, arrays, sum_to_weight, unavailable
from unified_act.registry import ACTIVATIONS

pytestmark = pytest.mark.skipif(bool(unavailable()), reason="no machine code can be made here")


def prelu(x, weight):
    place = weight.reshape(-1, *[1] * (x.ndim - 2)) if weight.ndim == 1 else weight
    return np.where(x > 0, x, place * x)


def test_shapes_and_types_in_turn():
    kernels = ArrayKernels(ACTIVATIONS.find("prelu"), {"axis": 1})
    generator = np.random.default_rng(0)
    for shape in [(2, 3), (3, 3), (2, 3, 4), (2, 3), (4, 3, 2)] * 2:
        for dtype in ("float32", "float64"):
            x = generator.standard_normal(shape).astype(dtype)
            for of_weight in [(1,), (3,), (3, *[1] * (len(shape) - 2))]:
                weight = generator.standard_normal(of_weight).astype(dtype)
                found = kernels.value(NumpyMemory(), dtype, [x, weight])
                np.testing.assert_array_equal(found, prelu(x, weight))
                cotangent = generator.standard_normal(shape).astype(dtype)
                by_x, by_weight = kernels.derivatives(NumpyMemory(), dtype, [x, weight], cotangent)
                slope = np.where(x > 0, 1, -prelu(-np.ones_like(x), weight))
                np.testing.assert_array_equal(by_x, slope * cotangent)
                np.testing.assert_array_equal(by_weight, np.where(x > 0, 0, x) * cotangent)


def test_a_mask_of_another_shape():
    kernels = ArrayKernels(ACTIVATIONS.find("masked_softmax"), {"axis": 0})
    x = np.random.default_rng(1).standard_normal((3, 2)).astype("float32")
    for mask in [np.array([[True], [False], [True]]), np.ones((3, 2), bool), np.ones(2, bool)] * 2:
        found = kernels.value(NumpyMemory(), "float32", [x, mask])
        e = np.where(mask, np.exp(x), 0)
        np.testing.assert_allclose(found, e / e.sum(axis=0), rtol=1e-6)


def test_shapes_that_are_kept_are_few(monkeypatch):
    monkeypatch.setattr(arrays, "_LARGEST_NUMBER", 4)
    kernels = ArrayKernels(ACTIVATIONS.find("softmax"), {"axis": -1})
    for length in [*range(1, 12), *range(1, 12)]:
        found = kernels.value(NumpyMemory(), "float32", [np.zeros((2, length), np.float32)])
        np.testing.assert_allclose(found, np.full((2, length), 1 / length), rtol=1e-6)
        assert len(kernels._ways) <= 4


@pytest.mark.parametrize(
    ("shape", "weight", "axis"),
    [((40, 3), (3,), -1), ((4, 3, 5, 2), (3,), 1), ((6, 2), (), 0), ((2, 3, 4), (2, 1, 4), 0)],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_for_a_weight(shape, weight, axis, dtype):
    by = np.random.default_rng(2).standard_normal(shape).astype(dtype)
    found = sum_to_weight(by, np.zeros(weight), axis=axis)
    over = tuple(d for d in range(by.ndim) if d != axis % by.ndim) if weight == (3,) else None
    over = 1 if len(weight) == 3 else over
    wanted = by.astype(np.float64).sum(axis=over).reshape(weight)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-12 if dtype == "float64" else 6e-8)


def test_sums_for_a_weight_are_rounded_once():
    by = np.full((2**24, 1), 0.1, np.float32)
    (found,) = sum_to_weight(by, np.zeros(1), axis=-1)
    assert found == np.float32(np.float64(np.float32(0.1)) * 2**24)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_for_a_weight_warn_of_nothing(dtype):
    largest = np.finfo(dtype).max
    by = np.array([[np.inf, largest], [-np.inf, largest]], dtype)
    np.testing.assert_array_equal(sum_to_weight(by, np.zeros(2), axis=1), [np.nan, np.inf])
