"""The same bits on every processor: LLVM is told of narrower ones than this."""

import platform

import numpy as np
import pytest

from tests.kernels.running import awkward, call, kernel_of, random_bits
from tests.specifications import SPECS, parameters_of
from unified_act.kernels import compiler, fused

X86 = platform.machine().lower() in ("x86_64", "amd64")
WITHOUT_AVX512 = ",-avx512f,-avx512vl,-avx512dq,-avx512bw,-avx512cd,-evex512"
PROCESSORS = {
    "avx512": compiler.host,
    "avx2": lambda: compiler.Processor(("x86-64-v3", "+avx2,+fma" + WITHOUT_AVX512)),
    "sse2": lambda: compiler.Processor(("x86-64", "+sse2")),
}
COUNT = 40_000
ELEMENTWISE = [name for name, spec in SPECS.items() if spec.kind.elementwise]


def inputs(dtype, count):
    dense = np.random.default_rng(3).normal(0.0, 5.0, count).astype(dtype)
    return np.concatenate([awkward(dtype), dense, random_bits(dtype, count)])


def results(name, dtype, order, x):
    kernel = kernel_of(name.partition("(")[0], parameters_of(name), dtype, order)
    return call(kernel, x, *([np.roll(x, 1)] if order else []))


@pytest.mark.skipif(not X86, reason="the processor has other names for its features")
@pytest.mark.quick(
    lambda name, dtype, order: (
        name in ("gelu", "softplus", "tanh") or (dtype, order) == ("float32", 0)
    )
)
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_processors_agree(name, dtype, order, monkeypatch):
    x = inputs(dtype, COUNT)
    found = {}
    for processor, make in PROCESSORS.items():
        wanted = make()
        monkeypatch.setattr(compiler, "host", lambda wanted=wanted: wanted)
        fused.__globals__["_kept"].clear()
        found[processor] = results(name, dtype, order, x)
    fused.__globals__["_kept"].clear()
    first = found.pop("avx512")
    for processor, other in found.items():
        numbers = ~(np.isnan(first) & np.isnan(other))  # a NaN's other bits say nothing
        same = first.view(np.uint8).reshape(x.size, -1) == other.view(np.uint8).reshape(x.size, -1)
        differ = x[numbers & ~same.all(axis=1)]
        assert not differ.size, (processor, differ[:5])


def test_processors_are_compiled_for():
    """Else the test above would compare a kernel with itself."""
    if not X86:
        pytest.skip("the processor has other names for its features")
    vector = "<8 x double>"
    text = f"define {vector} @f({vector} %x) {{ %y = fadd {vector} %x, %x ret {vector} %y }}"
    codes = {compiler.compiled(text, make()) for make in PROCESSORS.values()}
    avx512 = "+avx512f" in compiler.host().features
    assert len(codes) == (3 if avx512 else 2)
