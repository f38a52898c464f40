"""The tail of gelu's gradient, where Φ(x) is a subnormal number and x·φ(x) none yet."""

import mpmath
import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import every_backend
from unified_act_conformance.harness import load_harness

TAILS = {"float32": (-13.3, -12.9), "float64": (-37.7, -37.4)}


@mpmath.workprec(120)
def slope(x):
    x = mpmath.mpf(float(x))
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2 + x * mpmath.npdf(x)


def assert_close(got, exact, x):
    """To what half an ulp of x does, which is x² / 2 ulp, and some more."""
    off = [abs(mpmath.mpf(float(y)) / r - 1) for y, r in zip(got, exact, strict=True)]
    assert max(off) < np.finfo(x.dtype).eps * float(np.max(x * x))


@every_backend
@pytest.mark.parametrize("dtype", TAILS)
class TestTail:
    def tail(self, dtype):
        x = np.linspace(*TAILS[dtype], 60).astype(dtype)
        exact = [slope(value) for value in x]
        assert all(abs(r) > np.finfo(dtype).tiny for r in exact)
        return x, exact

    def test_gelu(self, backend, dtype):
        x, exact = self.tail(dtype)
        harness = load_harness(backend)
        gelu = ua.get_activation("gelu", backend=backend, numerics="strict")
        _, gradient = ua.value_and_grad(gelu, harness.to_native(x, dtype))
        assert_close(harness.to_numpy(gradient, dtype), exact, x)

    @pytest.mark.parametrize("value", [-1.0, 1000.0])
    def test_geglu(self, backend, dtype, value):
        gate, exact = self.tail(dtype)
        x = np.stack([np.full_like(gate, value), gate], axis=-1)
        harness = load_harness(backend)
        geglu = ua.get_activation("geglu", backend=backend, numerics="strict")
        _, gradient = ua.value_and_grad(geglu, harness.to_native(x, dtype))
        by_gate = harness.to_numpy(gradient, dtype)[:, 1]
        assert_close(by_gate, [value * r for r in exact], gate)
