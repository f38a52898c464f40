"""Kernels that compute in float32 give the bits of those that compute in float64."""

import math

import numpy as np
import pytest

from tests.specifications import SPECS, parameters_of
from unified_act.expression import Graph
from unified_act.kernels import NARROW, emitter, fused, width
from unified_act.kernels.instructions import ARRAY, CONSTANT, Argument
from unified_act.kernels.kernel import _kept as kept_kernels

ORDERS = {
    "affine(alpha=2.0, beta=-0.75)": (1, 2),
    "bilinear": (0, 1),
    "clipped_leaky_relu(max_value=2.5, negative_slope=0.25, threshold=0.5)": (2,),
    "clipped_relu(max_value=2.5)": (0, 1, 2),
    "crelu": (0, 1),
    "hard_mish": (2,),
    "hard_shrink": (0, 1, 2),
    "hard_sigmoid": (2,),
    "hard_sigmoid_02": (2,),
    "hard_tanh": (0, 1, 2),
    "hardmax": (1,),
    "identity": (0, 1, 2),
    "leaky_relu": (2,),
    "maxout(groups=2)": (0, 1),
    "prelu": (0, 1),
    "reglu": (0,),
    "relu": (0, 1, 2),
    "relu6": (0, 1, 2),
    "shrink": (0, 1, 2),
    "soft_shrink": (0, 1, 2),
    "sparse_plus": (2,),
    "sparse_sigmoid": (1, 2),
    "squared_relu": (0, 2),
    "threshold(threshold=1.5, value=-20.0)": (0, 1, 2),
    "thresholded_relu": (0, 1, 2),
    "tlu": (0,),
}
"""What is computed in float32."""
DTYPES = (*NARROW, "float32")


@pytest.fixture
def decided(monkeypatch):
    """What `fits_float32` says of the kernels that are made."""
    found = []

    def fits(*arguments):
        found.append(width.fits_float32(*arguments))
        return found[-1]

    monkeypatch.setattr(emitter, "fits_float32", fits)
    kept_kernels.clear()
    return found


@pytest.mark.quick(lambda name, dtype: dtype == "float32" or name in ("prelu", "reglu", "relu"))
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ORDERS)
def test_same_bits_as_in_float64(name, dtype, decided, monkeypatch):
    extents = (CONSTANT, ARRAY) if SPECS[name].weights else (CONSTANT,)
    for order in ORDERS[name]:
        for extent in extents:
            found = results_of(name, dtype, order, extent)
            assert decided[-1]
            with monkeypatch.context() as patch:
                patch.setattr(emitter, "fits_float32", lambda *_: False)
                wanted = results_of(name, dtype, order, extent)
            for got, one in zip(found, wanted, strict=True):
                same = (got.view(f"u{got.itemsize}") == one.view(f"u{got.itemsize}")) | (
                    np.isnan(numbers(got, dtype)) & np.isnan(numbers(one, dtype))
                )
                assert same.all(), np.flatnonzero(~same)[:5]


def results_of(name, dtype, order, extent):
    """The results of a kernel, as bits of a 16-bit type or as float32."""
    kept_kernels.clear()
    kernel = fused(SPECS[name], parameters_of(name), dtype, order, weights=extent)
    arrays = several(dtype, len(kernel.inputs))
    types = {2: np.uint16, 4: np.float32}
    sizes = kernel.sizes[len(arrays) :]
    results = [np.empty(arrays[0].size, types[size]) for size in sizes]
    kernel(*(array.ctypes.data for array in (*arrays, *results)), count=arrays[0].size)
    return results


def several(dtype, number):
    """Arrays of numbers: each of a few with each, random bits, and numbers that are alike."""
    bits = np.uint32 if dtype == "float32" else np.uint16
    sign = bits(1 << (8 * bits().itemsize - 1))
    infinite, one = {"float32": (255 << 23, 127 << 23), "bfloat16": (255 << 7, 127 << 7)}.get(
        dtype, (31 << 10, 15 << 10)
    )
    ulp = infinite & -infinite  # the distance in bits from one power of two to the next
    positive = [
        one + ulp // 2,
        0,
        1,
        2,
        3,
        ulp - 1,
        ulp,
        ulp + 1,
        3 * ulp // 2,
        one - ulp,
        one - 1,
        one,
        one + 1,
    ]
    positive += [one + ulp, one + 3 * ulp + 5, one * 3 // 2, infinite - 1]
    positive += [infinite - ulp, infinite, infinite + 1, infinite + ulp // 2]
    few = np.array(positive, bits)
    few = np.concatenate([few, few | sign])
    pairs = [each.ravel() for each in np.meshgrid(*[few] * number)]
    generator = np.random.default_rng(number)
    whole = [
        generator.permutation(65_536).astype(bits)
        if bits is np.uint16
        else generator.integers(0, 2**32, 65_536, bits)
        for _ in range(number)
    ]
    around_one = [
        (one + generator.integers(-9 * ulp, 9 * ulp, 65_536)).astype(bits)
        | np.where(generator.random(65_536) < 0.5, sign, bits(0))
        for _ in range(number)
    ]
    return [np.concatenate(parts) for parts in zip(pairs, whole, around_one, strict=True)]


def numbers(found, dtype):
    """The results as numbers: bits of a 16-bit type are there as integers."""
    if found.dtype == np.float32:
        return found
    if dtype == "float16":
        return found.view(np.float16)
    return (found.astype(np.uint32) << 16).view(np.float32)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_what_is_computed_in_float32(order, decided):
    single = set()
    for name, spec in SPECS.items():
        decided.clear()
        fused(spec, parameters_of(name), "float32", order)
        if decided == [True]:
            single.add(name)
    assert single == {name for name, orders in ORDERS.items() if order in orders}


THIRD = 1 / 3
FITTING = {
    "a comparison of numbers": lambda x, y: x.graph.apply("where", x > y, x, -y),
    "a sum of numbers": lambda x, y: x + y,
    "a quotient, chosen": lambda x, y: x.graph.apply("where", x > 0.0, abs(x) / y, 1.5),
    "a root": lambda x, y: -(x**0.5),
    "masks": lambda x, y: x.graph.apply("where", ~((x > 1.0) & (y > 1.0)) | (x != x), x, y),  # noqa: PLR0124
}
OTHERS = {
    "a sum of three": lambda x, y: x + y + 1.0,
    "a comparison of a sum": lambda x, y: x.graph.apply("where", x + y > 0.0, x, y),
    "a product with a sum": lambda x, y: x * (x + y),
    "a constant of float64": lambda x, y: x * THIRD,
    "a constant of float64, chosen": lambda x, y: x.graph.apply("where", x > 0.0, THIRD, y),
    "a constant out of range": lambda x, y: x * 1e39,
    "a fused multiply-add": lambda x, y: x.graph.apply("fma", x, y, x),
    "bits": lambda x, y: x.graph.apply("of_bits", x.graph.apply("bits", x, kind="integer")),
    "a sine": lambda x, y: x.graph.apply("far_sin", x, y),
}


@pytest.mark.parametrize("what", [*FITTING, *OTHERS])
def test_what_fits(what):
    graph = Graph(wide=True)
    output = {**FITTING, **OTHERS}[what](graph.input("x"), graph.input("y"))
    arguments = [Argument("float32"), Argument("bfloat16")]
    assert width.fits_float32([output], arguments) == (what in FITTING)
    assert not width.fits_float32([output], [*arguments, Argument("float64")])
    other = graph.input("x") * math.pi
    assert not width.fits_float32([output, other], arguments)
