"""Results that are written into an array of the caller's, as NumPy's own functions do it."""

import ml_dtypes
import numpy as np
import pytest

import unified_act as ua
from tests.specifications import REQUIRED, SPECS, further_inputs
from unified_act_numpy import calls

DTYPES = [np.dtype(name) for name in ("float16", "float32", "float64")]
DTYPES.append(np.dtype(ml_dtypes.bfloat16))
X = np.linspace(-7.0, 7.0, 24).reshape(4, 6)


def of(name, numerics="fast"):
    return ua.get_activation(REQUIRED.get(name, name), backend="numpy", numerics=numerics)


def further_of(name, x):
    given = further_inputs(name, x.shape)
    return [array if array.dtype == bool else array.astype(x.dtype) for array in given]


def same(left, right):
    return left.dtype == right.dtype and left.tobytes() == right.tobytes()


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("numerics", ["fast", "strict"])
def test_every_activation_writes_what_it_returns(name, numerics):
    function, x = of(name, numerics), X.astype(np.float32)
    further = further_of(name, x)
    wanted = function(x, *further)
    out = np.full_like(wanted, 77.0)
    assert function(x, *further, out=out) is out
    assert same(out, wanted)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ["gelu", "tanh", "relu", "clipped_relu", "softmax"])
class TestLayouts:
    def test_in_place(self, name, dtype):
        x = X.astype(dtype)
        wanted = of(name)(x)
        assert of(name)(x, out=x) is x
        assert same(x, wanted)

    @pytest.mark.parametrize("read", [slice(0, -1), slice(1, None), slice(None, None, -1)])
    def test_memory_that_is_shared_in_part(self, name, dtype, read):
        numbers = np.linspace(-7.0, 7.0, 33).astype(dtype)
        x = numbers[read][:32]
        wanted, out = of(name)(x.copy()), numbers[:32]
        assert of(name)(x, out=out) is out
        assert same(out.copy(), wanted)

    @pytest.mark.parametrize(
        "place",
        [
            lambda room: room[:, ::2],
            lambda room: room[:, :6].T.reshape(6, 4).T,
            lambda room: np.asfortranarray(room[:, :6]),
        ],
    )
    def test_any_layout(self, name, dtype, place):
        x, out = X.astype(dtype), place(np.zeros((4, 12), dtype))
        of(name)(x, out=out)
        assert same(out.copy(), of(name)(x))
        of(name)(np.asfortranarray(x), out=out)
        assert same(out.copy(), of(name)(x))

    def test_a_tuple_of_one_and_no_dimensions(self, name, dtype):
        x, out = X.astype(dtype), np.zeros(X.shape, dtype)
        assert of(name)(x, out=(out,)) is out
        assert same(out, of(name)(x))
        single = np.zeros((), dtype)
        assert of(name)(x[0, 5], out=single) is single
        assert of(name)(x[0, 5, ...], out=single) is single
        assert same(single, np.asarray(of(name)(x[0, 5])))


def test_large_arrays_and_empty_ones():
    x = np.linspace(-9.0, 9.0, 200_000, dtype=np.float32)
    wanted, out = of("gelu")(x), np.empty_like(x)
    assert same(of("gelu")(x, out=out), wanted)
    assert same(of("gelu")(x, out=x), wanted)
    assert of("gelu")(x[:0], out=out[:0]).shape == (0,)


def test_a_subclass_keeps_its_type():
    class Own(np.ndarray):
        pass

    x = X.view(Own)
    out = np.zeros_like(x)
    assert type(of("gelu")(x, out=out)) is Own
    assert same(out, of("gelu")(x))


@pytest.mark.parametrize("name", ["gelu", "tanh", "relu", "softmax", "glu", "prelu", "rrelu"])
class TestMistakes:
    @pytest.mark.parametrize(
        ("out", "says"),
        [
            (np.zeros(X.shape, np.float64), "out must have the dtype of the input, float32, got"),
            (np.zeros((3, 5), np.float32), r"out must have the shape of the result, \(4, "),
            ([0.0], "out must be a NumPy array, got list"),
            (np.broadcast_to(np.float32(0), X.shape), "out cannot be written to"),
        ],
        ids=["dtype", "shape", "type", "read-only"],
    )
    def test_what_is_no_place_for_the_result(self, name, out, says):
        x = X.astype(np.float32)
        before = np.array(out, copy=True)
        with pytest.raises(ua.InputTypeError, match=f"{name}: {says}"):
            of(name)(x, *further_of(name, x), out=out)
        assert np.array_equal(before, out)

    def test_the_input_is_checked_as_ever(self, name):
        with pytest.raises(ua.InputTypeError):
            of(name)([1.0, 2.0], out=np.zeros(2))

    def test_by_keyword_only(self, name):
        x = X.astype(np.float32)
        with pytest.raises((TypeError, ua.InputTypeError)):
            of(name)(x, *further_of(name, x), np.zeros_like(x))


def test_without_the_address_of_an_array_numpy_is_asked(monkeypatch):
    for array in (X, X[1:], X[::-1], np.zeros(0), X.astype(ml_dtypes.bfloat16)):
        assert calls._by_layout(array) == calls._by_question(array) == array.ctypes.data
    assert calls.address_of is calls._by_layout
    monkeypatch.setattr(calls, "_DATA", calls._DATA + 8)
    assert not calls._is_kept_there()
