"""16-bit arrays that a table serves, and what a table must not serve."""

import ml_dtypes
import numpy as np
import pytest

import unified_act as ua
from unified_act.kernels import Table, table_of
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.harness import load_harness
from unified_act_mxnet import tables
from unified_act_mxnet._framework import mx


@pytest.fixture(params=["gelu", "hard_silu"], name="f")
def _f(request):
    return ua.get_activation(request.param, backend="mxnet", numerics="strict")


@pytest.fixture(name="x")
def _x():
    return np.linspace(-4, 4, 35).reshape(5, 7).astype(np.float16)


def of_numpy(f, x, **keywords):
    return ua.value_and_grad(ua.get_activation(f.name, numerics="strict"), x, **keywords)


@pytest.mark.parametrize("array", [mx.nd.array, mx.np.array])
def test_value_and_gradient(f, x, array):
    cotangent = np.linspace(1, 2, 35).reshape(5, 7).astype(np.float16)
    given = array(x, dtype="float16")
    found = ua.value_and_grad(f, given, cotangent=array(cotangent, dtype="float16"))
    for got, want in zip(found, of_numpy(f, x, cotangent=cotangent), strict=True):
        assert type(got) is type(given)
        np.testing.assert_array_equal(got.asnumpy(), want)
    np.testing.assert_array_equal(f(given).asnumpy(), found[0].asnumpy())


def test_the_sign_of_zeros_and_nan_while_recording():
    f = ua.get_activation("silu", backend="mxnet", numerics="strict")
    x = np.array([-0.0, 0.0, -60.0, np.nan, np.inf, -np.inf], np.float16)
    value, _ = ua.value_and_grad(f, mx.nd.array(x, dtype="float16"))
    want = ua.get_activation("silu", numerics="strict")(x)
    np.testing.assert_array_equal(value.asnumpy(), want)
    np.testing.assert_array_equal(np.signbit(value.asnumpy()[:3]), np.signbit(want[:3]))


@pytest.mark.parametrize("by", ["machine code", "NumPy"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_gradients_are_added_up_and_rounded(dtype, by, monkeypatch):
    if by == "NumPy":
        monkeypatch.setattr(tables, "gather", lambda *_: None)
    f = ua.get_activation("gelu", backend="mxnet", numerics="strict")
    bits = np.arange(2**16, dtype=np.uint16)
    harness = load_harness("mxnet")
    numbers = bits.view(np.float16) if dtype == "float16" else bits.view(ml_dtypes.bfloat16)
    x, cotangent = (harness.to_native(a, dtype) for a in (numbers, numbers[::-1].copy()))
    x.attach_grad(grad_req="add")
    with np.errstate(all="ignore"):
        slopes = table_of(ACTIVATIONS.find("gelu"), {}, dtype).slopes()
        once = (slopes * numbers[::-1].astype(np.float32)).astype(numbers.dtype)
        twice = (once.astype(np.float32) + once.astype(np.float32)).astype(numbers.dtype)
    for wanted in (once, twice):
        with mx.autograd.record():
            y = f(x)
        y.backward(cotangent)
        np.testing.assert_array_equal(
            harness.to_numpy(x.grad, dtype).astype(np.float32), wanted.astype(np.float32)
        )


def test_the_result_is_an_array_like_any_other(f, x):
    y = f(mx.nd.array(x, dtype="float16"))
    want = y.asnumpy() + 1
    y += 1
    np.testing.assert_array_equal(y.asnumpy(), want)


def test_symbols_and_blocks_hold_no_table(f, x, monkeypatch):
    def refuse(*_):
        raise AssertionError("a table was read")

    monkeypatch.setattr(Table, "values", refuse)
    array = mx.nd.array(x, dtype="float16")
    with pytest.raises(AssertionError):
        f(array)
    operator = mx.nd.CachedOp(f(mx.sym.var("x")), ())
    assert operator(array).shape == x.shape
    assert f(mx.nd.array(x, dtype="float16").reshape(-1)[:1].astype("float32")).shape == (1,)
