"""Weights of several dimensions are broadcast to the input, and have gradients of their shape.

A vector keeps its meaning, one number for each channel; `test_learned` has its tests.
"""

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import back, every_backend, every_dtype, every_numerics, native
from tests.backends.test_learned import TEXTBOOK
from tests.backends.textbook import along, check
from unified_act.activation.shapes import channels_of, folded
from unified_act.kernels import ArrayKernels, NumpyMemory, unavailable
from unified_act.registry import ACTIVATIONS

pytestmark = pytest.mark.usefixtures("known_shapes_on_mxnet")

ELEMENTS = np.array([-3.0, -1.5, -0.25, 0.75, 0.125, 1.25, 3.0, 2.0, 1.0, -1.0, -2.0])
# None of the elements: tlu bends where a weight and an element are equal.
NUMBERS = np.array([0.625, 0.375, 0.0625, -0.375, -0.875, 1.125, 0.5])
SHAPES = [
    # the input, the axis of vectors, the first weight, the second
    ((2, 3, 4, 5), 1, (3, 1, 1), (1, 4, 1)),  # as PyTorch exports it
    ((2, 3, 4, 5), 1, (1, 1, 5), (1, 4, 5)),  # as Keras stores it, with and without shared axes
    ((2, 3, 4, 5), 1, (3, 4, 5), (3,)),
    ((2, 3, 4), 1, (2, 3, 4), (1,)),
    ((2, 3, 4), -1, (2, 1, 4), (4,)),
    ((2, 3, 4), 0, (1, 1), (2, 1, 1)),
    ((3, 4), 1, (3, 1), (1, 4)),
    ((3, 4), 0, (3,), (1, 4)),
    ((2, 1, 3, 2, 1, 2, 2), 1, (1, 2, 1, 2, 1), (3, 1, 1, 1, 1)),
]

every_name = pytest.mark.parametrize("name", TEXTBOOK)
every_shape = pytest.mark.parametrize(("x", "axis", "first", "second"), SHAPES, ids=str)


def posed(name, x, *shapes):
    """An input and weights of these shapes, as many as the activation has."""
    shapes = [shapes[i % len(shapes)] for i, _ in enumerate(ACTIVATIONS.find(name).weights)]
    return [
        np.resize(ELEMENTS, x),
        *(np.resize(np.roll(NUMBERS, i), s) for i, s in enumerate(shapes)),
    ]


def textbook(name, axis):
    def meeting(weight, x):
        return along(weight, x, axis) if weight.ndim < 2 else np.broadcast_to(weight, x.shape)

    return lambda x, *weights: TEXTBOOK[name](x, *(meeting(w, x) for w in weights))


@every_backend
@every_name
class TestAgainstTheTextbook:
    @pytest.mark.quick(lambda name, x: name == "star_relu" or (name, len(x)) == ("prelu", 3))
    @every_shape
    def test_every_shape(self, backend, name, x, axis, first, second):
        function = ua.get_activation(name, backend=backend, axis=axis)
        check(backend, function, textbook(name, axis), posed(name, x, first, second), "float64")

    @pytest.mark.quick(
        lambda name, numerics, x: name == "xielu" and numerics == "fast" and len(x) == 4
    )
    @every_dtype
    @every_numerics
    @pytest.mark.parametrize(("x", "axis", "first", "second"), [SHAPES[0], SHAPES[4]], ids=str)
    def test_every_dtype(self, backend, name, dtype, numerics, x, axis, first, second):
        if (name, dtype) == ("snake_beta", "float32"):
            pytest.skip("the angles are as far off as float32 rounds them")
        function = ua.get_activation(name, backend=backend, numerics=numerics, axis=axis)
        check(backend, function, textbook(name, axis), posed(name, x, first, second), dtype)


@every_backend
@pytest.mark.parametrize(
    ("x", "weight"),
    [((3, 4), (4, 1)), ((3, 4), (3, 3)), ((4,), (1, 4)), ((4,), (1, 1)), ((2, 3, 4), (1, 2, 3, 4))],
    ids=str,
)
def test_a_shape_that_does_not_fit(backend, x, weight):
    function = ua.get_activation("prelu", backend=backend)
    arrays = [native(backend, np.ones(shape), "float32") for shape in (x, weight)]
    shape = (
        r"weight has the shape \(.*\), which cannot be broadcast to that of the input, \(.*\); pass"
    )
    with pytest.raises(ua.InputTypeError, match=rf"^prelu: {shape}"):
        function(*arrays)


@pytest.mark.quick(lambda dtype, shape: dtype == "float32" or shape == (2, 1))
@every_backend
@every_dtype
@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 2)], ids=str)
def test_a_sum_over_half_a_million_elements(backend, dtype, shape):
    """Of numbers whose sum, term by term, is far off in every type."""
    count = 300_000
    tenth = 0.1 if dtype in ("float32", "float64") else 0.0999755859375 / 1024
    x = native(backend, np.full((count, 2) if shape[0] == 1 else (2, count), -tenth), dtype)
    weight = native(backend, np.ones(shape), dtype)
    (_, by_weight) = ua.value_and_grad(ua.get_activation("prelu", backend=backend), x, weight)[1]
    exact = back(backend, x, dtype)[0, 0] * (2 * count // np.prod(shape))
    found = back(backend, by_weight, dtype)
    assert found.shape == shape
    room = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 8 * 2**-23, "float64": 8 * 2**-52}
    np.testing.assert_allclose(found, np.full(shape, exact), rtol=room[dtype])


class TestKernels:
    """Machine code serves weights of all shapes, with the bits of weights spelled out."""

    @pytest.mark.parametrize(
        ("x", "weights", "channels"),
        [
            ((2, 3, 4, 5), [(3, 1, 1)], (2, 3, 20)),
            ((2, 3, 4, 5), [(1, 1, 5)], (24, 5, 1)),
            ((2, 3, 4, 5), [(3, 4, 5), (1, 1)], (2, 60, 1)),
            ((2, 3, 4, 5), [(2, 3, 1, 1)], (1, 6, 20)),
            ((2, 3, 1, 5), [(3, 1, 5)], (2, 15, 1)),
            ((2, 3, 4, 5), [(3, 1, 5)], None),
            ((2, 3, 4, 5), [(3, 1, 1), (1, 4, 1)], None),
            ((2, 3), [(1, 1)], (1, 1, 6)),
            ((2, 3), [(3,), (1,)], (2, 3, 1)),
            ((2, 3), [(1,), (2, 1)], (1, 2, 3)),
            ((3,), [(1,), (3,)], (1, 3, 1)),
        ],
        ids=str,
    )
    @pytest.mark.skipif(bool(unavailable()), reason="there is no machine code")
    def test_all_are_served(self, x, weights, channels):
        padded = [(1,) * (len(x) - len(weight)) + weight for weight in weights]
        assert channels_of(x, padded) == channels
        activation = ACTIVATIONS.find("silu_beta" if len(weights) == 1 else "snake_beta")
        kernels = ArrayKernels(activation, {"axis": -1})
        given = posed(activation.name, x, *weights)
        given[0] = given[0] * 1.7
        whole = [np.broadcast_to(array, x).copy() for array in given]
        cotangent = np.resize(NUMBERS, x)
        np.testing.assert_array_equal(
            kernels.value(NumpyMemory(), "float64", given),
            kernels.value(NumpyMemory(), "float64", whole),
        )
        found, wanted = (
            kernels.derivatives(NumpyMemory(), "float64", arrays, cotangent)
            for arrays in (given, whole)
        )
        np.testing.assert_array_equal(found, wanted)

    def test_shapes_are_folded_where_arrays_agree(self):
        shapes = [(2, 3, 4, 5, 6), (1, 3, 4, 1, 1), (1, 3, 4, 5, 1)]
        assert folded(shapes) == [[2, 12, 5, 6], [1, 12, 1, 1], [1, 12, 5, 1]]
        assert folded([(2, 1, 3), (1, 1, 1)]) == [[6], [1]]


def test_mxnet_cannot_broadcast_along_more_than_five_dimensions(monkeypatch):
    monkeypatch.setattr(ArrayKernels, "value", lambda *_, **__: None)
    x = native("mxnet", np.ones((2,) * 7), "bfloat16")
    weight = native("mxnet", np.ones((2, 1, 2, 1, 2, 1, 2)), "bfloat16")
    with pytest.raises(ua.UnsupportedError, match="7 dimensions, and MXNet broadcasts along 5"):
        ua.get_activation("prelu", backend="mxnet")(x, weight)


class TestSymbols:
    """A symbol says its shape, or is taken for a vector."""

    @pytest.mark.parametrize("name", TEXTBOOK)
    @pytest.mark.parametrize("shapes", [((3, 1), (1, 4)), ((1, 3, 1), (3,)), ((1,), (2, 3, 4))])
    def test_a_graph(self, name, shapes):
        mx = pytest.importorskip("unified_act_mxnet._framework").mx
        function = ua.get_activation(name, backend="mxnet")
        x, *weights = posed(name, (2, 3, 4), *shapes)
        arrays = {key: mx.nd.array(a) for key, a in zip("xabcd", (x, *weights), strict=False)}
        symbols = [mx.sym.var(key, shape=array.shape) for key, array in arrays.items()]
        graph = mx.sym.load_json(function(*symbols).tojson())
        gradients = {key: mx.nd.zeros(array.shape) for key, array in arrays.items()}
        bound = graph.bind(mx.cpu(), arrays, args_grad=gradients)
        (value,) = bound.forward(is_train=True)
        bound.backward(mx.nd.ones_like(value))
        wanted, slopes = ua.value_and_grad(function, *arrays.values())
        near = {"rtol": 1e-5, "atol": 1e-5}
        np.testing.assert_allclose(value.asnumpy(), wanted.asnumpy(), **near)
        for gradient, slope in zip(gradients.values(), slopes, strict=True):
            np.testing.assert_allclose(gradient.asnumpy(), slope.asnumpy(), **near)


class TestOnPytorch:
    @pytest.mark.quick(lambda name, shapes: name in ("prelu", "xielu") and shapes[0] == (3, 1))
    @pytest.mark.parametrize("numerics", ["fast", "strict"])
    @every_name
    @pytest.mark.parametrize("shapes", [((3, 1), (1, 2)), ((1, 3, 1), (3,)), ((1, 1), (1, 3, 2))])
    def test_second_derivatives_forward_mode_and_vmap(self, name, shapes, numerics):
        torch = pytest.importorskip("torch")
        function = ua.get_activation(name, backend="torch", numerics=numerics)
        arrays = [torch.from_numpy(a).requires_grad_() for a in posed(name, (2, 3, 2), *shapes)]
        torch.autograd.gradcheck(function, arrays, check_forward_ad=True)
        torch.autograd.gradgradcheck(function, arrays)
        batched = torch.func.vmap(function)(*(torch.stack([a, 2 * a]) for a in arrays))
        torch.testing.assert_close(batched[1], function(*(2 * a for a in arrays)))

    @pytest.mark.parametrize("dynamic", [False, True])
    @pytest.mark.parametrize("name", ["prelu", "snake_beta"])
    def test_compiled(self, name, dynamic):
        torch = pytest.importorskip("torch")
        function = ua.get_activation(name, backend="torch")
        compiled = torch.compile(function, dynamic=dynamic, backend="aot_eager")
        for batch in (2, 6):
            given = posed(name, (batch, 3, 4), (3, 1), (1, 4))
            arrays = [torch.from_numpy(a).requires_grad_() for a in given]
            wanted, value = function(*arrays), compiled(*arrays)
            torch.testing.assert_close(value, wanted)
            slopes = [torch.autograd.grad(v.square().sum(), arrays) for v in (value, wanted)]
            for one, other in zip(*slopes, strict=True):
                torch.testing.assert_close(one, other)


class TestOnTensorflow:
    @pytest.mark.quick(lambda name: name in ("prelu", "snake_beta"))
    @every_name
    @pytest.mark.parametrize("shapes", [((3, 1), (1, 2)), ((1, 3, 1), (3,)), ((1,), (2, 3, 2))])
    @pytest.mark.parametrize("known", ["shapes", "ranks", "nothing of weights"])
    def test_graphs_that_know_little(self, name, shapes, known):
        tf = pytest.importorskip("tensorflow")
        function = ua.get_activation(name, backend="tensorflow")
        arrays = [tf.constant(a) for a in posed(name, (2, 3, 2), *shapes)]

        def twice(*given):
            with tf.GradientTape() as outer:
                outer.watch(given)
                with tf.GradientTape() as tape:
                    tape.watch(given)
                    value = tf.reduce_sum(function(*given) ** 2)
                slopes = tape.gradient(value, given)
                size = tf.add_n([tf.reduce_sum(slope**2) for slope in slopes])
            return [*slopes, *outer.gradient(size, given)]

        def spec(array, index):
            if known == "shapes":
                return tf.TensorSpec(array.shape, array.dtype)
            rank = None if known != "ranks" and index else [None] * array.shape.rank
            return tf.TensorSpec(rank, array.dtype)

        signature = [spec(array, index) for index, array in enumerate(arrays)]
        graph = tf.function(twice, input_signature=signature, autograph=False)
        for found, wanted in zip(graph(*arrays), twice(*arrays), strict=True):
            assert found.shape == wanted.shape
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


class TestOnJax:
    @pytest.mark.quick(lambda name: name == "snake_beta")
    @every_name
    @pytest.mark.parametrize("shapes", [((3, 1), (1, 2)), ((1, 3, 1), (3,))])
    def test_jit_vmap_and_both_modes(self, name, shapes):
        jax = pytest.importorskip("jax")
        test_util = pytest.importorskip("jax.test_util")
        bound = ua.get_activation(name, backend="jax")

        def function(*given):
            return bound(*map(jax.numpy.asarray, given))

        arrays = [native("jax", a, "float64") for a in posed(name, (2, 3, 2), *shapes)]
        test_util.check_grads(function, arrays, order=2, modes=("fwd", "rev"))
        value = jax.jit(function)(*arrays)
        np.testing.assert_allclose(value, function(*arrays), rtol=1e-12)
        batched = jax.vmap(function)(*(jax.numpy.stack([a, 2 * a]) for a in arrays))
        np.testing.assert_allclose(batched[1], function(*(2 * a for a in arrays)), rtol=1e-12)
