"""The same bits on every processor: LLVM is told of narrower ones than this."""

import platform

import numpy as np
import pytest

from tests.kernels.running import awkward, call, kernel_of, random_bits, results_of
from tests.specifications import SPECS, further_inputs, parameters_of
from unified_act.kernels import compiler
from unified_act.kernels.kernel import _kept as kept_kernels

X86 = platform.machine().lower() in ("x86_64", "amd64")
WITHOUT_AVX512 = ",-avx512f,-avx512vl,-avx512dq,-avx512bw,-avx512cd,-evex512"
PROCESSORS = {
    "avx512": compiler.host,
    "avx2": lambda: compiler.Processor(("x86-64-v3", "+avx2,+fma" + WITHOUT_AVX512)),
    "sse2": lambda: compiler.Processor(("x86-64", "+sse2")),
}
COUNT = 40_000
OTHERS = ["softmax", "log_softmax", "masked_softmax", "swiglu", "geglu", "snake", "xielu", "prelu"]
ELEMENTWISE = [name for name, spec in SPECS.items() if spec.kind.elementwise]


def inputs(dtype, count):
    dense = np.random.default_rng(3).normal(0.0, 5.0, count).astype(dtype)
    return np.concatenate([awkward(dtype), dense, random_bits(dtype, count)])


def agree(compute, monkeypatch):
    """Whether all processors give the same bits; what differs is shown with its place."""
    found = {}
    for processor, make in PROCESSORS.items():
        wanted = make()
        monkeypatch.setattr(compiler, "host", lambda wanted=wanted: wanted)
        kept_kernels.clear()
        found[processor] = compute()
    kept_kernels.clear()
    first = found.pop("avx512")
    for processor, other in found.items():
        numbers = ~(np.isnan(first) & np.isnan(other))  # a NaN's other bits say nothing
        integer = {4: np.uint32, 8: np.uint64}[first.dtype.itemsize]
        differ = np.flatnonzero(numbers & (first.view(integer) != other.view(integer)))
        assert not differ.size, (processor, differ[:5])


@pytest.mark.skipif(not X86, reason="the processor has other names for its features")
@pytest.mark.quick(
    lambda name, dtype, order: name in ("gelu", "tanh") or (dtype, order) == ("float32", 0)
)
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_processors_agree(name, dtype, order, monkeypatch):
    x = inputs(dtype, COUNT)

    def compute():
        kernel = kernel_of(name.partition("(")[0], parameters_of(name), dtype, order)
        return call(kernel, x, *([np.roll(x, 1)] if order else []))

    agree(compute, monkeypatch)


@pytest.mark.skipif(not X86, reason="the processor has other names for its features")
@pytest.mark.quick(lambda name, dtype, order: (dtype, order) == ("float32", 0))
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OTHERS)
def test_processors_agree_on_several_inputs(name, dtype, order, monkeypatch):
    x = inputs(dtype, 3_000)[:6_000].reshape(-1, 60)
    others = [np.asarray(other) for other in further_inputs(name, x.shape, 60)]
    others = [other if other.dtype == bool else other.astype(dtype) for other in others]
    parameters = parameters_of(name)
    if "axis" in parameters:
        parameters["axis"] = -1
    half = SPECS[name].kind == "gated"
    cotangent = inputs(dtype, x.size)[-x.size :].reshape(x.shape)[:, :: 2 if half else 1]

    def compute():
        with np.errstate(all="ignore"):
            found = results_of(name, parameters, [x, *others], cotangent if order else None)
        return (found[0] if order else found).ravel()

    agree(compute, monkeypatch)


def test_processors_are_compiled_for():
    """Else the test above would compare a kernel with itself."""
    if not X86:
        pytest.skip("the processor has other names for its features")
    vector = "<8 x double>"
    text = f"define {vector} @f({vector} %x) {{ %y = fadd {vector} %x, %x ret {vector} %y }}"
    codes = {compiler.compiled(text, make()) for make in PROCESSORS.values()}
    avx512 = "+avx512f" in compiler.host().features
    assert len(codes) == (3 if avx512 else 2)
