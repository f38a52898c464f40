"""NumPy: scalars, subclasses, warnings, and one dtype in and out on NumPy 1 and 2."""

import warnings

import ml_dtypes
import numpy as np
import pytest

import unified_act as ua
from tests.specifications import SPECS, further_inputs
from unified_act_numpy import blocks

ELEMENTWISE = [name for name, spec in SPECS.items() if spec.kind == "elementwise"]
DTYPES = [np.float16, ml_dtypes.bfloat16, np.float32, np.float64]
EXTREMES = [0.0, -0.0, 1e-45, -1e-45, 1e30, -1e30, np.inf, -np.inf, np.nan, 100.0, -100.0, 1e-300]

every_name = pytest.mark.parametrize("name", ELEMENTWISE)
every_numerics = pytest.mark.parametrize("numerics", ["fast", "strict"])
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)


def inputs_for(name, dtype):
    """The extremes, and what else it takes."""
    with np.errstate(all="ignore"):
        x = np.array([EXTREMES, EXTREMES[::-1]]).astype(dtype)
    further = further_inputs(name, x.shape)
    return [x, *(array if array.dtype == bool else array.astype(dtype) for array in further)]


@every_name
@every_numerics
@every_dtype
class TestPromotion:
    """NumPy 1 makes float64 of an array without dimensions that meets a Python number."""

    def test_without_dimensions(self, name, numerics, dtype):
        function = ua.get_activation(name, backend="numpy", numerics=numerics)
        x = np.array(-0.5, dtype)
        for result in (function(x), *ua.value_and_grad(function, x)):
            assert type(result) is np.dtype(dtype).type  # a scalar, as of NumPy's own functions

    def test_scalars(self, name, numerics, dtype):
        for backend in ("numpy", None):
            function = ua.get_activation(name, backend=backend, numerics=numerics)
            x = np.dtype(dtype).type(-0.5)
            assert isinstance(x, np.generic)
            value, slope = ua.value_and_grad(function, x)
            for result in (function(x), value, slope):
                assert result.dtype == dtype
                assert result.shape == ()
            array = np.array([-0.5], dtype)
            assert float(value) == float(function(array)[0])
            assert float(slope) == float(ua.value_and_grad(function, array)[1][0])


@pytest.mark.parametrize("name", SPECS)
@every_numerics
@every_dtype
def test_no_warning_leaks(name, numerics, dtype):
    function = ua.get_activation(name, backend="numpy", numerics=numerics)
    inputs = inputs_for(name, dtype)
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        function(*inputs)
        ua.value_and_grad(function, *inputs)


@pytest.mark.parametrize("name", SPECS)
@every_numerics
def test_does_not_touch_the_callers_error_handling(name, numerics):
    function = ua.get_activation(name, backend="numpy", numerics=numerics)
    inputs = inputs_for(name, np.float64)
    with np.errstate(all="raise"):
        before = np.geterr()
        function(*inputs)
        ua.value_and_grad(function, *inputs)
        assert np.geterr() == before


class TestOtherArrays:
    @pytest.mark.parametrize("backend", ["numpy", None])
    @pytest.mark.parametrize(
        "kind", [np.matrix, np.ma.masked_array], ids=lambda kind: kind.__name__
    )
    @pytest.mark.parametrize("name", ["tanh", "gelu"])
    def test_subclasses_with_rules_of_their_own(self, backend, kind, name):
        """A mask would be lost, a matrix multiplies otherwise."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            x = kind(np.ones((2, 2)))
        function = ua.get_activation(name, backend=backend)
        with pytest.raises(ua.InputTypeError, match=r"matrix|[Mm]asked"):
            function(x)
        with pytest.raises(ua.InputTypeError):
            ua.value_and_grad(function, x)

    @pytest.mark.parametrize("backend", ["numpy", None])
    def test_a_memory_map(self, backend, tmp_path):
        x = np.memmap(tmp_path / "x", np.float32, "w+", shape=(3,))
        x[:] = [-1.0, 0.0, 2.0]
        relu = ua.get_activation("relu", backend=backend)
        assert relu(x).tolist() == [0.0, 0.0, 2.0]

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    @pytest.mark.parametrize("name", ["relu", "gelu", "tanh", "softmax", "glu", "prelu"])
    @pytest.mark.parametrize("numerics", ["fast", "strict"])
    def test_a_subclass_without_rules_gets_what_ufuncs_return(
        self, tmp_path, numerics, name, dtype
    ):
        class Named(np.ndarray):
            pass

        function = ua.get_activation(name, backend="numpy", numerics=numerics)
        x = np.array([[-1.5, 0.25], [0.75, 2.0]], dtype)
        weights = [np.full(1, 0.25, dtype)] if name == "prelu" else []
        value, gradient = ua.value_and_grad(function, x, *weights)
        gradient = gradient[0] if weights else gradient
        np.save(tmp_path / "x.npy", x)
        for same in (x.view(Named), np.load(tmp_path / "x.npy", mmap_mode="r")):
            kind = type(np.exp(same))
            found, slope = ua.value_and_grad(function, same, *weights)
            slope = slope[0] if weights else slope
            for one, wanted in (
                (function(same, *weights), value),
                (found, value),
                (slope, gradient),
            ):
                assert type(one) is kind
                np.testing.assert_array_equal(np.asarray(one), wanted)

    @pytest.mark.parametrize(
        "kind", [np.longdouble, np.complex128, np.int16, object, "U3", "M8[s]"]
    )
    def test_other_element_types(self, kind):
        x = np.zeros(3, dtype=kind)
        with pytest.raises(ua.InputTypeError, match=r"gelu: expected (a floating-point|float16)"):
            ua.get_activation("gelu", backend="numpy")(x)

    def test_the_other_byte_order(self):
        with pytest.raises(ua.InputTypeError, match="got ndarray of >f8"):
            ua.get_activation("relu", backend="numpy")(np.array([-1.0, 2.0]).astype(">f8"))

    def test_a_read_only_array(self):
        x = np.array([-1.0, 2.0])
        x.setflags(write=False)
        for name in ELEMENTWISE:
            ua.value_and_grad(ua.get_activation(name, backend="numpy"), x)

    def test_order_of_memory_stays_a_detail(self):
        x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
        assert ua.get_activation("relu", backend="numpy")(x).tolist() == x.tolist()


WITHOUT_ML_DTYPES = """
import sys
sys.modules["ml_dtypes"] = None
import numpy as np, unified_act as ua
from unified_act.loading import load_backend
print(load_backend("numpy").dtypes)
gelu = ua.get_activation("gelu", backend="numpy")
print([gelu(np.ones(2, dtype)).dtype.name for dtype in load_backend("numpy").dtypes])
"""


LARGE = 2 * blocks._BLOCK + 7


def in_many_layouts(x):
    """The same numbers as large arrays of every layout, and how to make them flat again."""
    yield x, np.ravel
    yield np.repeat(x, 2)[::2], np.ravel
    yield x.reshape(-1, 3).T, lambda y: y.T.ravel()
    yield x[::-1], lambda y: y[::-1].ravel()


@pytest.mark.parametrize("name", ["gelu", "relu", "softplus", "hard_silu"])
@every_numerics
@every_dtype
def test_large_arrays(name, numerics, dtype):
    """They go block by block, which shows nowhere."""
    function = ua.get_activation(name, backend="numpy", numerics=numerics)
    count = LARGE - LARGE % 3
    x = np.random.default_rng(0).normal(0.0, 3.0, count).astype(dtype)
    pieces = [ua.value_and_grad(function, piece) for piece in np.array_split(x, 100)]
    expected = [np.concatenate(parts) for parts in zip(*pieces, strict=True)]
    for array, flattened in in_many_layouts(x):
        assert (flattened(array) == x).all()
        value, slope = ua.value_and_grad(function, array)
        assert value.shape == slope.shape == array.shape
        assert value.dtype == slope.dtype == dtype
        for found, true in zip(
            (function(array), value, slope), (*expected[:1], *expected), strict=True
        ):
            np.testing.assert_array_equal(flattened(found), true)


def test_a_cotangent_of_another_layout():
    function = ua.get_activation("gelu", backend="numpy")
    x = np.linspace(-3.0, 3.0, LARGE * 3).reshape(3, LARGE)
    cotangent = np.arange(LARGE * 3.0).reshape(3, LARGE)
    expected = ua.value_and_grad(function, x, cotangent=cotangent)[1]
    found = ua.value_and_grad(function, x, cotangent=np.asfortranarray(cotangent))[1]
    np.testing.assert_array_equal(found, expected)


def test_bfloat16_is_there_only_with_ml_dtypes(run_python):
    names = ["float16", "float32", "float64"]
    assert run_python(WITHOUT_ML_DTYPES).splitlines() == [str(tuple(names)), str(names)]


def test_bfloat16_is_not_imported_where_nobody_uses_it(run_python):
    program = (
        "import sys, unified_act as ua\n"
        "import numpy as np\n"
        "ua.get_activation('gelu', backend='numpy')(np.ones(2))\n"
        "print([n for n in ('torch', 'tensorflow', 'mxnet', 'jax') if n in sys.modules])"
    )
    assert run_python(program) == "[]\n"
