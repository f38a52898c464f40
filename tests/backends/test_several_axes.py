"""Activations along several axes at once, whose elements are then computed together."""

import copy
import json
import pickle

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import back, every_backend, every_dtype, every_numerics, native
from tests.backends.test_axis import MASKED, as_mask
from tests.backends.textbook import weights_of

pytestmark = pytest.mark.usefixtures("known_shapes_on_mxnet")

NAMES = [
    *("softmax", "softmin", "log_softmax", "softmax_one", "sparsemax", "hardmax", "entmax15"),
    *("entmax(alpha=1.25)", *MASKED),
]
AXES = [(1, 2), (-2, -1), (0, 2), (2, 0), (0, 1, 2), (1, -1), (-3, -1)]
SHAPE = (2, 3, 4)
X = np.resize([-3.0, -1.5, 0.8125, 1.25, 0.125, 1.5, 2.0, 1.71875, 1.0, -0.5, 0.25], SHAPE)
MASKS = [np.arange(24).reshape(SHAPE) % 3 != 0, np.array([[True], [False], [True]]),
         np.array([True, True, False, True])]  # fmt: skip


def rows(array, axes):
    """With the axes as one, the last."""
    places = sorted(axis % 3 for axis in axes)
    moved = np.moveaxis(np.broadcast_to(array, SHAPE), places, range(-len(axes), 0))
    return moved.reshape(*moved.shape[: -len(axes)], -1)


@every_backend
@every_numerics
@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.quick(lambda name, axes: name in ("softmax", "masked_softmax") or axes == (0, 2))
def test_it_is_the_function_along_one_axis_made_of_them(backend, numerics, name, axes):
    one = ua.get_activation(name, backend=backend, numerics=numerics, axis=-1)
    several = ua.get_activation(name, backend=backend, numerics=numerics, axis=axes)
    cotangent = weights_of(SHAPE)
    masks = MASKS if name in MASKED else [None]
    for mask in masks:
        found = []
        for function, made in ((one, lambda a: rows(a, axes)), (several, lambda a: a)):
            further = [] if mask is None else [as_mask(backend, np.array(made(mask)))]
            value, slope = ua.value_and_grad(
                function,
                native(backend, made(X), "float64"),
                *further,
                cotangent=native(backend, made(cotangent), "float64"),
            )
            slope = slope if mask is None else slope[0]
            found.append([back(backend, each, "float64") for each in (value, slope)])
        for expected, got in zip(*found, strict=True):
            assert got.shape == SHAPE
            np.testing.assert_allclose(rows(got, axes), expected, rtol=1e-12, atol=1e-14)


@every_backend
@every_dtype
def test_every_dtype(backend, dtype):
    function = ua.get_activation("softmax", backend=backend, axis=(0, -1))
    x = native(backend, np.zeros((2, 3, 4)), dtype)
    value = function(x)
    np.testing.assert_array_equal(back(backend, value, dtype), np.full((2, 3, 4), 0.125))
    assert value.dtype == x.dtype


@every_backend
def test_nothing_in_it(backend):
    if backend == "mxnet":
        pytest.skip("arrays without elements need another mode of MXNet")
    function = ua.get_activation("softmax", backend=backend, axis=(0, -1))
    for shape in ((2, 0, 4), (2, 3, 0)):
        assert function(native(backend, np.zeros(shape), "float32")).shape == shape


@every_backend
class TestWrongAxes:
    @pytest.mark.parametrize("axis", [(), [], (1, 1), (1, 2.0), ("a",), ((1, 2),), (True, 2)])
    def test_no_axes(self, backend, axis):
        with pytest.raises(ua.ParameterValueError, match="an integer, or a tuple of different"):
            ua.get_activation("softmax", backend=backend, axis=axis)

    @pytest.mark.parametrize(
        ("axis", "message"),
        [((0, 3), "axis 3 does not exist"), ((-4, 1), "axis -4"), ((1, -2), "names an axis twice")],
        ids=str,
    )
    def test_of_another_array(self, backend, axis, message):
        function = ua.get_activation("softmax", backend=backend, axis=axis)
        with pytest.raises(ua.ParameterValueError, match=message):
            function(native(backend, X, "float32"))

    def test_whole_numbers(self, backend):
        from tests.backends.test_wrong_inputs import whole_numbers

        function = ua.get_activation("softmax", backend=backend, axis=(0, 1))
        with pytest.raises(ua.InputTypeError, match=r"expected a floating-point .*int32"):
            function(whole_numbers(backend, "int32"))

    def test_a_mask_that_does_not_fit(self, backend):
        function = ua.get_activation("masked_softmax", backend=backend, axis=(0, 1))
        with pytest.raises(ua.InputTypeError, match="mask has the shape"):
            function(native(backend, X, "float32"), as_mask(backend, MASKS[0][:, :2]))


@pytest.mark.parametrize(
    "name", ["crelu", "maxout(groups=2)", "softmax2d", "glu", "gumbel_softmax"]
)
def test_who_takes_one_axis(name):
    with pytest.raises(ua.ParameterValueError, match="axis must be an integer, got"):
        ua.get_activation(name, axis=(1, 2))


def test_however_it_is_written():
    function = ua.get_activation("softmax", axis=(1, 2))
    assert repr(function) == "get_activation('softmax', axis=(1, 2))"
    for written in (
        "softmax(axis=(1, 2))",
        "softmax(axis=[1,2])",
        {"name": "softmax", "axis": [1, 2]},
        {"name": "softmax", "axis": (np.int64(1), 2)},
    ):
        assert ua.get_activation(written) == function
    assert ua.from_config(json.loads(json.dumps(function.to_config()))) == function
    assert pickle.loads(pickle.dumps(function)) == function == copy.deepcopy(function)
    assert hash(ua.get_activation("softmax(axis=[1, 2])")) == hash(function)
    assert ua.get_activation("softmax", axis=(1,)) == ua.get_activation("softmax", axis=1)
    assert ua.get_activation("softmax", axis=(2, 1)) != function


def test_to_config_is_plain_data():
    config = ua.get_activation("softmax", axis=(1, -1)).to_config()
    assert config == json.loads(json.dumps(config)) == {"name": "softmax", "axis": [1, -1]}


def test_what_dialects_take():
    for dialect in ("keras2", "keras3", "keras_ops", "keras_layers", "jax"):
        found = ua.get_activation("softmax", dialect=dialect, axis=(1, 2))
        assert found == ua.get_activation("softmax", axis=(1, 2))
    for dialect in ("torch", "tensorflow", "mxnet", "onnx"):
        given = {"dim" if dialect == "torch" else "axis": (1, 2)}
        with pytest.raises(ua.UnsupportedError, match=r"takes one axis.*leave out dialect="):
            ua.get_activation("softmax", dialect=dialect, **given)


def test_the_first_of_equals_is_the_first_in_memory():
    for axes in ((0, 2), (2, 0), (-1, 0)):
        found = ua.get_activation("hardmax", backend="numpy", axis=axes)(np.zeros((2, 1, 2)))
        np.testing.assert_array_equal(found, [[[1.0, 0.0]], [[0.0, 0.0]]])


@pytest.mark.parametrize("backend", ["torch", "tensorflow", "numpy"])
def test_layers(backend):
    layer = ua.get_layer("softmax", backend=backend, axis=(1, -1))
    found = back(backend, layer(native(backend, X, "float32")), "float32")
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 1.0, rtol=1e-6)


class TestTorch:
    def test_derivatives(self):
        import torch

        x = torch.tensor(X[:1, :2, :3], requires_grad=True)
        for name in ("softmax", "log_softmax", "entmax(alpha=1.25)"):
            function = ua.get_activation(name, backend="torch", axis=(1, -1))
            assert torch.autograd.gradcheck(function, x)
            assert torch.autograd.gradgradcheck(function, x)

    @pytest.mark.parametrize("dynamic", [False, True])
    @pytest.mark.parametrize("name", ["softmax", "masked_softmax"])
    def test_compiled(self, dynamic, name):
        import torch

        function = ua.get_activation(name, backend="torch", axis=(1, -1))
        further = [torch.tensor(MASKS[0])] if name in MASKED else []
        for x in (torch.tensor(X), torch.tensor(X[:, :, :3])):
            masks = [mask[:, :, : x.shape[2]] for mask in further]
            compiled = torch.compile(function, fullgraph=True, dynamic=dynamic)
            torch.testing.assert_close(compiled(x, *masks), function(x, *masks))

    @pytest.mark.filterwarnings("ignore:.*torch.jit.trace:DeprecationWarning")
    def test_transformed_and_exported(self):
        import torch

        x = torch.tensor(X)
        function = ua.get_activation("softmax", backend="torch", axis=(1, -1))
        inner = ua.get_activation("softmax", backend="torch", axis=(0, 1))
        torch.testing.assert_close(torch.func.vmap(inner)(x), function(x))
        longer = torch.randn(3, 5, 6, dtype=torch.float64)
        traced = torch.jit.trace(function, x)
        torch.testing.assert_close(traced(longer), function(longer))

        class Model(torch.nn.Module):
            def forward(self, x):
                return function(x)

        torch.testing.assert_close(torch.fx.symbolic_trace(Model())(x), function(x))
        lengths = {0: torch.export.Dim("first"), 1: torch.export.Dim("second")}
        exported = torch.export.export(Model(), (x,), dynamic_shapes=(lengths,)).module()
        longer = torch.tensor(np.resize(X, (5, 6, 4)))
        torch.testing.assert_close(exported(longer), function(longer))


class TestTensorflow:
    @pytest.mark.parametrize("shape", [None, [None] * 3, [2, None, 4]], ids=str)
    @pytest.mark.parametrize("numerics", ["fast", "strict"])
    def test_graphs_of_unknown_shapes(self, shape, numerics):
        import tensorflow as tf

        function = ua.get_activation(
            "softmax", backend="tensorflow", numerics=numerics, axis=(2, 0)
        )
        graph = tf.function(function, input_signature=[tf.TensorSpec(shape, tf.float64)])
        np.testing.assert_allclose(graph(X), function(tf.constant(X)), rtol=1e-14)

    def test_a_model_is_saved_and_loaded(self, tmp_path):
        import keras

        softmax = ua.get_activation("softmax", backend="tensorflow", axis=(1, -1))
        layer = ua.get_layer("softmax", backend="tensorflow", axis=(1, -1))
        model = keras.Sequential([keras.Input((3, 4)), layer, keras.layers.Activation(softmax)])
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(loaded(X), model(X))


class TestMxnet:
    @pytest.mark.parametrize("axes", [(0, 2), (-3, -1)], ids=str)
    @pytest.mark.parametrize("name", ["softmax", "sparsemax", "masked_softmax"])
    def test_symbols(self, axes, name):
        from unified_act_mxnet._framework import mx

        function = ua.get_activation(name, backend="mxnet", axis=axes)
        symbols = [mx.sym.var("x"), *([mx.sym.var("mask")] if name in MASKED else [])]
        arrays = {"x": mx.nd.array(X), "mask": mx.nd.array(MASKS[1], dtype="float32")}
        given = {symbol.name: arrays[symbol.name] for symbol in symbols}
        slope = mx.nd.zeros(SHAPE)
        bound = function(*symbols).bind(mx.cpu(), given, args_grad={"x": slope})
        (value,) = bound.forward(is_train=True)
        cotangent = mx.nd.array(weights_of(SHAPE))
        bound.backward(cotangent)
        further = [as_mask("mxnet", MASKS[1])] if name in MASKED else []
        wanted, by = ua.value_and_grad(function, arrays["x"], *further, cotangent=cotangent)
        by_x = by[0] if further else by
        np.testing.assert_allclose(value.asnumpy(), wanted.asnumpy(), rtol=1e-6)
        np.testing.assert_allclose(slope.asnumpy(), by_x.asnumpy(), rtol=1e-5, atol=1e-6)

    def test_a_symbol_has_no_end_to_count_from(self):
        from unified_act_mxnet._framework import mx

        function = ua.get_activation("softmax", backend="mxnet", axis=(1, -1))
        with pytest.raises(ua.UnsupportedError, match="from the same end"):
            function(mx.sym.var("x"))

    def test_bfloat16_memory(self):
        """MXNet's transpose writes beyond it."""
        function = ua.get_activation("softmax", backend="mxnet", axis=(0, 2))
        for _ in range(50):
            found = function(native("mxnet", X, "bfloat16"))
        assert np.isfinite(back("mxnet", found, "bfloat16")).all()


def test_jax():
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(X, dtype="float32")
    function = ua.get_activation("softmax", backend="jax", axis=(1, -1))
    inner = ua.get_activation("softmax", backend="jax", axis=(0, 1))
    np.testing.assert_allclose(jax.vmap(inner)(x), function(x), rtol=1e-6)
    np.testing.assert_allclose(jax.jit(function)(x).sum((1, 2)), 1.0, rtol=1e-6)
    found = jax.jvp(jax.grad(lambda x: (function(x) ** 2).sum()), (x,), (x,))[1]
    one = ua.get_activation("softmax", backend="jax", axis=-1)
    along = x.reshape(2, -1)
    wanted = jax.jvp(jax.grad(lambda x: (one(x) ** 2).sum()), (along,), (along,))[1]
    np.testing.assert_allclose(found.reshape(2, -1), wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("numerics", ["fast", "strict"])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "masked_softmax", "hardmax", "entmax"])
def test_onnx(name, numerics):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    import unified_act.onnx

    model = unified_act.onnx.model(name, axis=(2, 0), shape=("n", 3, "m"), numerics=numerics)
    onnx.checker.check_model(model, full_check=True)
    given = {"x": X.astype("float32"), **({"mask": MASKS[0]} if name in MASKED else {})}
    (found,) = runtime.InferenceSession(model.SerializeToString()).run(None, given)
    wanted = ua.get_activation(name, backend="numpy", axis=(2, 0))(*given.values())
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
