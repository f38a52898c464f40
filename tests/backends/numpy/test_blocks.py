"""Large arrays go block by block, whatever their layout: results, strides and memory."""

import tracemalloc

import numpy as np
import pytest

import unified_act as ua
from unified_act_conformance.floats import to_type

LAYOUTS = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.T,
    "fortran": np.asfortranarray,
    "columns": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "rows": lambda x: np.repeat(x, 2, axis=0)[::2],
    "reversed": lambda x: x[::-1, ::-1],
    "permuted": lambda x: x.reshape(50, -1, x.shape[1]).transpose(2, 0, 1),
    "broadcast": lambda x: np.broadcast_to(x[0], x.shape),
    "line": lambda x: np.repeat(x.reshape(-1), 3)[::3],
}
every_layout = pytest.mark.parametrize("layout", LAYOUTS)


def array(rows, layout, dtype="float32"):
    values = np.linspace(-6.0, 6.0, rows * 1000).reshape(rows, 1000)
    return LAYOUTS[layout](to_type(values, dtype))


@every_layout
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", ["softsign", "softplus"])
def test_the_same_numbers_in_the_layout_of_numpy(layout, dtype, name):
    function = ua.get_activation(name, backend="numpy", numerics="strict")
    x = array(150, layout, dtype)
    cotangent = np.ones(x.shape, x.dtype)
    value, slope = ua.value_and_grad(function, x, cotangent=cotangent)
    assert value.strides == np.positive(x).strides
    assert slope.strides == np.multiply(x, cotangent).strides
    flat = np.ascontiguousarray(x).reshape(-1)
    parts = [ua.value_and_grad(function, part) for part in np.array_split(flat, 3)]
    for found, of_parts in zip((value, slope), zip(*parts, strict=True), strict=True):
        assert found.dtype == x.dtype
        assert np.ascontiguousarray(found).tobytes() == np.concatenate(of_parts).tobytes()


@every_layout
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_memory_is_that_of_the_results_and_a_few_blocks(layout, dtype):
    gelu = ua.get_activation("gelu", backend="numpy")
    x = array(2000, layout, dtype)
    result = x.size * x.itemsize
    blocks = 20 * 65_536 * 4
    ua.value_and_grad(gelu, x[:1])  # tables and kernels are made once
    tracemalloc.start()
    try:
        gelu(x)
        assert tracemalloc.get_traced_memory()[1] <= result + blocks
        tracemalloc.reset_peak()
        ua.value_and_grad(gelu, x)
        assert tracemalloc.get_traced_memory()[1] <= 3 * result + blocks  # and a cotangent of ones
    finally:
        tracemalloc.stop()
