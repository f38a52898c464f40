"""Activations of several inputs in 16-bit types: the kernel's float32 result, rounded once."""

import ml_dtypes
import numpy as np
import pytest

import unified_act as ua
from tests.specifications import SPECS, further_inputs, result_shape
from unified_act.kernels import unavailable
from unified_act_conformance.harness import load_harness

NAMES = [name for name, spec in SPECS.items() if not spec.kind.elementwise]
DTYPES = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there are kernels")


def computed(name, backend, dtype, inputs, cotangent):
    """The value, and the gradient by `x`."""
    harness = load_harness(backend)
    function = ua.get_activation(name, backend=backend, numerics="strict")
    given = [harness.native_input(array, dtype) for array in inputs]
    value, gradients = ua.value_and_grad(
        function, *given, cotangent=harness.to_native(cotangent, dtype)
    )
    first = gradients[0] if isinstance(gradients, tuple) else gradients
    return [harness.to_numpy(found, dtype) for found in (value, first)]


@pytest.mark.quick(lambda dtype: dtype == "bfloat16")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", ["numpy", "torch", "tensorflow"])
@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_of_float32_rounded(name, backend, dtype):
    kind, shape = DTYPES[dtype], (6, 10, 12)
    rng = np.random.default_rng(2)
    x = rng.normal(0.0, 4.0, shape).astype(kind)
    further = [np.asarray(array) for array in further_inputs(name, shape, 1)]
    further = [array if array.dtype == bool else array.astype(kind) for array in further]
    cotangent = rng.normal(0.0, 1.0, result_shape(name, shape)).astype(kind)
    found = computed(name, backend, dtype, [x, *further], cotangent)
    wide = [a if a.dtype == bool else a.astype(np.float32) for a in (x, *further, cotangent)]
    for got, exact in zip(
        found, computed(name, backend, "float32", wide[:-1], wide[-1]), strict=True
    ):
        np.testing.assert_array_equal(got.view(np.uint16), exact.astype(kind).view(np.uint16))
