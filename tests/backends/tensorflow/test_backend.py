"""TensorFlow: graphs, XLA, variables, Keras, and the defects of its own kernels."""

import logging

import ml_dtypes
import mpmath
import numpy as np
import pytest
import tensorflow as tf

import unified_act as ua
from tests.specifications import (
    KINDS,
    SPECS,
    differentiated,
    further_inputs,
    further_names,
    parameters_of,
)
from unified_act.loading import load_backend
from unified_act_conformance.truth import elementwise
from unified_act_tensorflow import namespace

SMOOTH = [
    name
    for name, spec in SPECS.items()
    if spec.kind == "elementwise" and not spec.required and not spec.kinks(**spec.bind({}))
]
X = tf.constant([[-3.2, -0.7, 0.4, 2.1], [1.3, 0.0, 2.9, -0.4], [5.5, 0.1, -0.2, 0.8]])
WEIGHT = tf.constant([0.25, -0.5, 1.5, 0.75])

FEW = ("gelu", "softmax", "swiglu", "xielu")

every_name = pytest.mark.parametrize("name", SPECS)
every_numerics = pytest.mark.parametrize("numerics", ["fast", "strict"])


def inputs_for(name, dtype=tf.float32, x=X):
    further = map(tf.constant, further_inputs(name, x.shape, channels=X.shape[-1]))
    return [a if a.dtype == tf.bool else tf.cast(a, dtype) for a in (x, *further)]


def with_gradients(function, count=1):
    """The value, and the gradients by so many of the inputs."""

    def call(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs[:count])
            value = function(*inputs)
            loss = tf.reduce_sum(value * value)
        return value, *tape.gradient(loss, inputs[:count])

    return call


def same(one, other):
    for a, b in zip(one, other, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=4e-6, atol=2e-6)


@pytest.mark.quick(lambda name, backend: name in FEW and backend == "tensorflow")
@pytest.mark.parametrize(
    ("name", "backend"),
    [*((name, "tensorflow") for name in SPECS), *((name, None) for name in KINDS)],
)
@every_numerics
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_in_a_function(name, numerics, jit_compile, backend):
    activation = ua.get_activation(name, backend=backend, numerics=numerics)
    function, inputs = with_gradients(activation, differentiated(name)), inputs_for(name)
    same(tf.function(function, jit_compile=jit_compile)(*inputs), function(*inputs))


@pytest.mark.quick(lambda name, numerics: name == "gelu" and numerics == "fast")
@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float64], ids=lambda d: d.name)
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "softmax"])
@every_numerics
def test_other_dtypes_in_xla(name, dtype, numerics):
    function = with_gradients(ua.get_activation(name, backend="tensorflow", numerics=numerics))
    inputs = inputs_for(name, dtype)
    epsilon = float(ml_dtypes.finfo(dtype.as_numpy_dtype).eps)
    compiled = tf.function(function, jit_compile=True)(*inputs)
    for got, eager in zip(compiled, function(*inputs), strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(
            *(a.numpy().astype(float) for a in (got, eager)), rtol=16 * epsilon, atol=16 * epsilon
        )


class TestTracing:
    @every_numerics
    @pytest.mark.parametrize("backend", ["tensorflow", None])
    def test_once_for_equal_shapes(self, numerics, backend):
        traced = []
        activation = ua.get_activation("mish", backend=backend, numerics=numerics)

        @tf.function
        def function(x):
            traced.append(1)
            return activation(x)

        for factor in (1.0, 2.0, 3.0):
            function(X * factor)
        assert len(traced) == 1
        function(X[:1])
        assert len(traced) == 2

    def test_equal_callables_as_arguments(self):
        traced = []

        @tf.function
        def function(activation, x):
            traced.append(1)
            return activation(x)

        equal = [ua.get_activation("mish", backend="tensorflow") for _ in range(3)]
        for activation in equal:
            function(activation, X)
        assert len(traced) == 1

    @pytest.mark.quick(lambda name: name in KINDS)
    @every_name
    @every_numerics
    def test_unknown_shape(self, name, numerics):
        activation = ua.get_activation(name, backend="tensorflow", numerics=numerics)
        call, inputs = with_gradients(activation, differentiated(name)), inputs_for(name)
        signature = [tf.TensorSpec([None] * array.shape.rank, array.dtype) for array in inputs]
        same(tf.function(call, input_signature=signature)(*inputs), call(*inputs))

    @pytest.mark.quick(lambda name: name in KINDS)
    @pytest.mark.parametrize("name", [n for n in SPECS if SPECS[n].kind == "elementwise"])
    @every_numerics
    def test_unknown_rank(self, name, numerics):
        activation = ua.get_activation(name, backend="tensorflow", numerics=numerics)
        function = tf.function(with_gradients(activation), input_signature=[tf.TensorSpec(None)])
        same(function(X), with_gradients(activation)(X))

    @pytest.mark.parametrize("axis", [-1, -2, 0, 1])
    @pytest.mark.parametrize("shape", [None, [None] * 3, [2, None, 6]], ids=str)
    @every_numerics
    def test_halves_of_unknown_length(self, shape, axis, numerics):
        x = tf.constant(np.linspace(-3.0, 3.0, 48).reshape(2, 4, 6), tf.float32)
        for interleaved in (False, True):
            activation = ua.get_activation(
                "swiglu",
                backend="tensorflow",
                axis=axis,
                numerics=numerics,
                interleaved=interleaved,
            )
            call = with_gradients(activation)
            function = tf.function(call, input_signature=[tf.TensorSpec(shape)])
            same(function(x), call(x))
            if shape != [2, None, 6]:
                with pytest.raises(tf.errors.InvalidArgumentError):
                    function(x[:1, :3, :5])

    @every_numerics
    def test_prelu_by_channel_needs_a_known_rank(self, numerics):
        prelu = ua.get_activation("prelu", backend="tensorflow", numerics=numerics)
        signature = [tf.TensorSpec(None), tf.TensorSpec([4])]
        function = tf.function(prelu, input_signature=signature, autograph=False)
        with pytest.raises(ua.UnsupportedError, match="an input of known rank: give the tf"):
            function(X, WEIGHT)

    @pytest.mark.parametrize("autograph", [False, True])
    @pytest.mark.parametrize("backend", ["tensorflow", None])
    def test_errors_keep_their_type(self, autograph, backend):
        function = tf.function(ua.get_activation("relu", backend=backend), autograph=autograph)
        with pytest.raises(ua.InputTypeError, match="expected a floating-point tensor, got int32"):
            function(tf.constant([1, 2]))

    def test_prelu_with_one_weight_does_not(self):
        prelu = ua.get_activation("prelu", backend="tensorflow")
        function = tf.function(prelu, input_signature=[tf.TensorSpec(None), tf.TensorSpec([1])])
        same([function(X, WEIGHT[:1])], [prelu(X, WEIGHT[:1])])


class TestVariables:
    @every_name
    @every_numerics
    @pytest.mark.parametrize("backend", ["tensorflow", None])
    def test_as_inputs(self, name, numerics, backend):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        count = differentiated(name)
        variables = [tf.Variable(array) for array in inputs_for(name)]
        with tf.GradientTape() as tape:
            value = function(*variables)
            loss = tf.reduce_sum(value * value)
        got = (tf.convert_to_tensor(value), *tape.gradient(loss, variables[:count]))
        same(got, with_gradients(function, count)(*inputs_for(name)))

    @every_numerics
    def test_inside_a_function(self, numerics):
        function = ua.get_activation("mish", backend="tensorflow", numerics=numerics)
        variable = tf.Variable(X)

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(function(variable))
            return tape.gradient(loss, variable)

        same([step()], [ua.value_and_grad(function, X)[1]])

    @every_numerics
    def test_value_and_grad(self, numerics):
        function = ua.get_activation("mish", backend="tensorflow", numerics=numerics)
        same(ua.value_and_grad(function, tf.Variable(X)), ua.value_and_grad(function, X))


class TestKeras:
    @pytest.mark.parametrize("backend", ["tensorflow", None])
    @pytest.mark.parametrize("name", [n for n in SPECS if not further_names(n)])
    def test_activation_of_a_layer(self, name, backend):
        activation = ua.get_activation(name, backend=backend)
        layer = tf.keras.layers.Dense(4, activation=activation)
        result = layer(X)
        same([result], [activation(X @ layer.kernel + layer.bias)])

    def test_a_model_learns(self):
        tf.keras.utils.set_random_seed(0)
        mish = ua.get_activation("mish", backend="tensorflow", numerics="strict")
        model = tf.keras.Sequential(
            [
                tf.keras.layers.Dense(8, activation=mish),
                tf.keras.layers.Activation(ua.get_activation("gelu")),
                tf.keras.layers.Dense(1),
            ]
        )
        model.compile(optimizer="adam", loss="mse")
        target = tf.reduce_sum(X, axis=1, keepdims=True)
        history = model.fit(X, target, epochs=20, verbose=0)
        assert history.history["loss"][-1] < history.history["loss"][0]

    def test_functional_model(self):
        gelu = ua.get_activation("gelu", backend="tensorflow")
        inputs = tf.keras.Input((4,))
        model = tf.keras.Model(inputs, tf.keras.layers.Activation(gelu)(inputs))
        same([model(X)], [gelu(X)])


class TestSecondDerivatives:
    @pytest.mark.quick(lambda name, jit_compile: name in KINDS or not jit_compile)
    @pytest.mark.parametrize("name", SMOOTH)
    @pytest.mark.parametrize("jit_compile", [None, False, True], ids=["eager", "graph", "xla"])
    def test_strict(self, name, jit_compile):
        function = ua.get_activation(name, backend="tensorflow", numerics="strict")

        def second(x):
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    value = function(x)
                slope = inner.gradient(value, x)
            return outer.gradient(slope, x, unconnected_gradients="zero")

        if jit_compile is not None:
            second = tf.function(second, jit_compile=jit_compile)
        # 0 apart: |x| has no second derivative there, and is inside some of the definitions.
        x = tf.constant([-3.25, -0.75, 0.5, 1.25, 5.5], tf.float64)
        exact = elementwise.evaluate(name, 2, x.numpy()).high
        np.testing.assert_allclose(second(x).numpy(), exact, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("name", SMOOTH)
    def test_strict_at_zero(self, name):
        function = ua.get_activation(name, backend="tensorflow", numerics="strict")
        x = tf.constant([0.0], tf.float64)
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                value = function(x)
            slope = inner.gradient(value, x)
        got = outer.gradient(slope, x, unconnected_gradients="zero").numpy()
        if name == "softsign":  # whose second derivative jumps from 2 to -2
            assert abs(got[0]) <= 2
        else:
            exact = elementwise.evaluate(name, 2, x.numpy()).high
            np.testing.assert_allclose(got, exact, rtol=1e-12, atol=1e-12)


class TestKernelsThatAreWrong:
    """What TensorFlow's own kernels do, and that users of this library do not get it."""

    @every_numerics
    def test_gradient_of_selu_at_zero(self, numerics):
        zero = tf.constant([0.0], tf.float64)
        specified = SPECS["selu"].kinks(**parameters_of("selu"))[0].derivative
        theirs = ua.value_and_grad(tf.nn.selu, zero)[1].numpy()[0]
        assert theirs == pytest.approx(1.0507009873554805)
        assert abs(theirs - specified) > 0.5
        function = ua.get_activation("selu", backend="tensorflow", numerics=numerics)
        assert ua.value_and_grad(function, zero)[1].numpy()[0] == pytest.approx(specified)

    @pytest.mark.parametrize("kind", [np.float16, ml_dtypes.bfloat16], ids=["float16", "bfloat16"])
    @every_numerics
    def test_gradient_of_gelu_tanh(self, kind, numerics):
        finite = np.arange(2**16, dtype=np.uint16).view(kind)
        x = tf.constant(finite[np.isfinite(finite.astype(np.float32))])
        theirs = ua.value_and_grad(lambda x: tf.nn.gelu(x, approximate=True), x)[1].numpy()
        assert np.count_nonzero(np.isnan(theirs.astype(np.float32))) > 1_000
        function = ua.get_activation("gelu_tanh", backend="tensorflow", numerics=numerics)
        ours = ua.value_and_grad(function, x)[1].numpy().astype(np.float32)
        assert np.isfinite(ours).all()

    @every_numerics
    def test_float64_gelu(self, numerics):
        x = tf.constant(np.linspace(-6.0, 6.0, 1_001))
        exact = elementwise.evaluate("gelu", 0, x.numpy()).high
        theirs = np.abs(tf.nn.gelu(x, approximate=False).numpy() - exact)
        assert theirs.max() > 1e-9
        function = ua.get_activation("gelu", backend="tensorflow", numerics=numerics)
        np.testing.assert_allclose(function(x).numpy(), exact, rtol=8e-15)

    @every_numerics
    def test_bfloat16_softplus(self, numerics):
        x = tf.constant([3.0], tf.bfloat16)
        exact = elementwise.evaluate("softplus", 0, np.array([3.0])).high[0]
        theirs = float(tf.math.softplus(x)[0])
        assert abs(theirs - exact) > 0.01 * exact
        ours = ua.get_activation("softplus", backend="tensorflow", numerics=numerics)(x)
        assert float(ours[0]) == pytest.approx(exact, rel=2.0**-8)


@pytest.mark.parametrize("name", ["gelu", "leaky_relu", "silu", "softmax"])
def test_autograph_does_not_warn_of_a_kernel(name):
    """Kernels that are called with keywords, by functions that are compiled from text."""
    told = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())
    tf.get_logger().addHandler(handler)
    try:
        tf.function(ua.get_activation(name, backend="tensorflow"))(X)
    finally:
        tf.get_logger().removeHandler(handler)
    assert not [text for text in told if "AutoGraph" in text]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("gelu", {}),
        ("softmax", {}),
        ("softmax", {"axis": (0, 1)}),
        ("entmax", {}),
        ("prelu", {}),
        ("swiglu", {}),
        ("gumbel_softmax", {}),
    ],
)
@every_numerics
def test_autograph_converts_nothing(name, parameters, numerics, monkeypatch):
    """To convert our functions takes half a second, and changes nothing."""
    from tensorflow.python.autograph.impl import api

    converted = []
    monkeypatch.setattr(api, "_convert_actual", lambda entity, context: converted.append(entity))
    function = ua.get_activation(name, backend="tensorflow", numerics=numerics, **parameters)
    x = tf.reshape(tf.range(12.0), (3, 4))
    others = {"prelu": [tf.constant(0.25)], "gumbel_softmax": [tf.fill((3, 4), 0.5)]}.get(name, [])
    traced, eager = tf.function(function)(x, *others), function(x, *others)
    assert not converted
    assert traced.shape == eager.shape


def test_a_graph_finds_its_backend_at_once():
    """Else AutoGraph would convert the search for the backend."""
    types = []
    tf.function(lambda x: types.append(type(x)) or x)(X)
    (found,) = types
    assert found in load_backend("tensorflow").types


def test_log1p_of_float64_compiled_by_xla():
    """XLA's own is up to 128 ULP off."""
    x = np.linspace(-0.99, -0.01, 2_000)
    got = tf.function(namespace.log1p, jit_compile=True)(tf.constant(x)).numpy()
    exact = np.array([float(mpmath.log1p(value)) for value in x])
    assert (np.abs(got - exact) <= 4 * np.spacing(np.abs(exact))).all()
