"""Over all 65,536 inputs of float16 and bfloat16: no overflow on the way to a number that exists.

A finite input must not give a NaN, nor an infinity where the exact result is representable, in the
value or the gradient, in either profile. What is elementwise is correctly rounded in strict, where
a table serves it: but for subnormal gradients in bfloat16 on MXNet, which it is declared to flush.
"""

import numpy as np
import pytest

import unified_act as ua
from unified_act_conformance import inputs
from unified_act_conformance.floats import round_to, to_type, ulp, widen
from unified_act_conformance.harness import load_harness
from unified_act_conformance.judge.runner import deviations_of
from unified_act_conformance.subject.cases import Case
from unified_act_conformance.truth import elementwise
from unified_act_conformance.truth.records import list_subjects

BACKENDS = ["mxnet", "numpy", "tensorflow", "torch"]
ROW = 256


def outputs(name, backend, numerics, dtype, arrays):
    """The value and the gradient by x, as float64."""
    harness = load_harness(backend)
    function = ua.get_activation(name, backend=backend, numerics=numerics)
    native = [harness.to_native(array, dtype) for array in arrays]
    value, gradient = ua.value_and_grad(function, *native)
    if len(arrays) > 1:
        gradient = gradient[0]
    return [widen(harness.to_numpy(array, dtype)) for array in (value, gradient)]


def assert_finite(got, wanted, x, what):
    wrong = np.flatnonzero(wanted & ~np.isfinite(got))
    assert not wrong.size, (
        f"{what}: {wrong.size} inputs, such as {x.flat[wrong[0]]!r}, give {got.flat[wrong[0]]}"
    )


def assert_correctly_rounded(got, exact, wanted, x, case):
    want = round_to(exact.high, exact.low, case.dtype)
    wrong = np.flatnonzero(wanted & (got != want))
    assert not wrong.size, f"{case}: {wrong.size} inputs, such as {x[wrong[0]]!r}"


def assert_one_ulp(got, exact, wanted, x, case):
    for deviation in deviations_of(case, load_harness(case.backend), "strict"):
        if deviation.flush:
            wanted = wanted & ~deviation.covers(x, exact.high, got, case.dtype)
    high, low = exact.high[wanted], exact.low[wanted]
    off = np.abs((got[wanted] - high) - low) / ulp(high, low, case.dtype)
    worst = np.argmax(off)
    assert off[worst] <= 1.0, f"{case}: {off[worst]:.3g} ULP off at {x[wanted][worst]!r}"


def first_subjects():
    """Each elementwise activation with its defaults, or where it has none with what is given."""
    elementwise = ua.list_activations(kind="elementwise")
    return [list_subjects([name])[0] for name in elementwise]


@pytest.mark.quick(lambda dtype: dtype == "float16")
@pytest.mark.parametrize("subject", first_subjects(), ids=str)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_elementwise(subject, dtype):
    typed = inputs.sweep(dtype)
    x = widen(typed)
    assert x.size == 65_536
    exact, wanted = [], []
    for order in (0, 1):
        found = elementwise.evaluate(subject.activation, order, x, dict(subject.parameters), dtype)
        exact.append(found)
        wanted.append(np.isfinite(x) & np.isfinite(round_to(found.high, found.low, dtype)))
        assert np.count_nonzero(wanted[-1]) > 30_000
    for backend in BACKENDS:
        for numerics in ("fast", "strict"):
            both = outputs(str(subject), backend, numerics, dtype, [typed])
            for order, (got, finite) in enumerate(zip(both, wanted, strict=True)):
                assert_finite(got, finite, x, f"{backend}, {numerics}, order {order}")
                if numerics == "strict":
                    case = Case(subject, backend, dtype, order)
                    flushed = (backend, dtype, order) == ("mxnet", "bfloat16", 1)
                    judge = assert_one_ulp if flushed else assert_correctly_rounded
                    judge(got, exact[order], finite, x, case)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("numerics", ["fast", "strict"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
class TestOthers:
    def rows(self, dtype):
        """All finite inputs, in rows: in order, so neighbours meet, and mixed."""
        typed = inputs.sweep(dtype)
        typed = typed[np.isfinite(widen(typed))]
        mixed = np.random.default_rng(0).permutation(typed)
        both = np.concatenate([typed, mixed])
        return both[: both.size - both.size % ROW].reshape(-1, ROW)

    def test_prelu(self, backend, numerics, dtype):
        typed = self.rows(dtype)
        weight = to_type(np.array([0.25]), dtype)
        for got in outputs("prelu", backend, numerics, dtype, [typed, weight]):
            assert_finite(got, np.ones(got.shape, bool), widen(typed), "prelu")

    def test_softmax(self, backend, numerics, dtype):
        typed = self.rows(dtype)
        for got in outputs("softmax", backend, numerics, dtype, [typed]):
            assert_finite(got, np.ones(got.shape, bool), widen(typed), "softmax")

    def test_log_softmax(self, backend, numerics, dtype):
        typed = self.rows(dtype)
        x = widen(typed)
        shifted = x - np.max(x, axis=-1, keepdims=True)
        with np.errstate(over="ignore"):
            exact = shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
        representable = np.isfinite(widen(to_type(exact, dtype)))
        value, gradient = outputs("log_softmax", backend, numerics, dtype, [typed])
        assert_finite(value, representable, x, "log_softmax")
        assert_finite(gradient, np.ones(x.shape, bool), x, "log_softmax′")
