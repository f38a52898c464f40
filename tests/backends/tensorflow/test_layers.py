"""Layers of Keras: what `get_layer` gives for TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import unified_act as ua
from tests.backends.arrays import VALUES, back, bits, every_dtype, native, tolerance
from unified_act.backend import FrameworkBackend
from unified_act.errors import ParameterValueError, UnknownParameterError
from unified_act_keras.layers import _LAYERS, ActivationLayer

LEARNED = ua.list_activations(kind="learned")
X = np.array([[-3.0, -1.5, -0.25, 0.75], [0.125, 1.25, 3.0, 2.0], [1.0, -1.0, -2.0, 0.5]])
every_learned = pytest.mark.parametrize("name", LEARNED)


def layer(name, **arguments):
    return ua.get_layer(name, backend="tensorflow", **arguments)


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras")


@pytest.mark.quick(lambda name: name == "prelu")
@every_learned
def test_a_learned_layer_trains(name):
    keras.utils.set_random_seed(0)
    subject = layer(name, channels=None, axis=-1)
    model = keras.Sequential([keras.layers.Dense(4), subject, keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.03), loss="mse")
    model.build((None, 4))
    before = ua.export_weights(subject)
    x = np.float32(X)
    losses = model.fit(x, np.sin(x.sum(1, keepdims=True)), epochs=20, verbose=0).history["loss"]
    after = ua.export_weights(subject)
    assert losses[-1] < losses[0]
    assert list(before) == list(after) == list(subject.spec.activation.weights)
    for weight, values in after.items():
        assert values.shape == (4,)
        assert np.abs(values - before[weight]).max() > 1e-4


def after_steps(subject):
    """The weight of a prelu after ten steps of gradient descent, each of which adds 0.3."""
    optimizer = keras.optimizers.SGD(0.1)
    for _ in range(10):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(subject(tf.constant([[-1.0, -2.0]]))) + sum(subject.losses)
        optimizer.apply(tape.gradient(loss, subject.trainable_variables), subject.variables)
    return ua.export_weights(subject)["weight"]


class TestOptions:
    def test_a_constraint_holds(self):
        assert after_steps(layer("prelu")) == [pytest.approx(3.25)]
        bound = layer("prelu", options={"constraint": keras.constraints.MaxNorm(0.5)})
        assert after_steps(bound) == [pytest.approx(0.5)]

    def test_a_regularizer_pulls(self):
        pulled = layer("prelu", options={"regularizer": keras.regularizers.L2(1.0)}, initial=1.5)
        assert [float(loss) for loss in pulled.losses] == [2.25]
        assert after_steps(pulled) == [pytest.approx(1.5)]  # where both pull as much
        assert layer("prelu").losses == []

    def test_an_initializer_is_for_all_weights(self):
        subject = layer("star_relu", channels=3, options={"initializer": "ones"})
        for values in ua.export_weights(subject).values():
            assert values.tolist() == [1.0, 1.0, 1.0]

    def test_options_of_keras_layers_are_passed_on(self):
        given = {"name": "mine", "trainable": False, "dtype": "float64"}
        subject = layer("snake", options=given)
        assert (subject.name, subject.trainable_variables) == ("mine", [])
        assert ua.export_weights(subject)["alpha"].dtype == np.float64
        native_one = layer("relu", options=given)
        assert (native_one.name, native_one.compute_dtype) == ("mine", "float64")

    def test_all_options_are_saved(self, tmp_path):
        options = {
            "initializer": keras.initializers.RandomUniform(0.1, 0.2, seed=1),
            "regularizer": "l1",
            "constraint": "non_neg",
            "activity_regularizer": "l2",
        }
        subject = layer("prelu", channels=None, axis=-1, numerics="strict", options=options)
        model = keras.Sequential([keras.Input((4,)), subject])
        model.compile(optimizer="sgd", loss="mse")
        loaded = saved_and_loaded(model, tmp_path)
        twin = loaded.layers[0]
        assert twin.get_config() == subject.get_config()
        assert repr(twin) == repr(subject)
        assert isinstance(twin.initializer, keras.initializers.RandomUniform)
        assert isinstance(twin.learned["weight"].regularizer, keras.regularizers.L1)
        assert isinstance(twin.learned["weight"].constraint, keras.constraints.NonNeg)
        assert isinstance(twin.activity_regularizer, keras.regularizers.L2)
        np.testing.assert_array_equal(loaded(X), model(X))


class TestChannels:
    @pytest.mark.parametrize(("axis", "count"), [(1, 2), (-1, 4), (2, 3)])
    def test_one_weight_each_along_an_axis(self, axis, count):
        x, shape = np.linspace(-3, 3, 120, dtype=np.float32).reshape(5, 2, 3, 4), [1, 1, 1, 1]
        shape[axis] = count
        deferred = layer("prelu", channels=None, axis=axis)
        deferred(x)
        for subject in (deferred, layer("prelu", channels=count, axis=axis)):
            weights = np.linspace(0.1, 0.9, count)
            ua.import_weights(subject, {"weight": weights})
            wanted = np.where(x > 0, x, weights.reshape(shape) * x)
            np.testing.assert_allclose(subject(x), wanted, rtol=1e-6)
            inputs = keras.Input(x.shape[1:])
            np.testing.assert_allclose(keras.Model(inputs, subject(inputs))(x), wanted, rtol=1e-6)

    def test_one_weight_for_all(self):
        subject = layer("prelu", initial=0.5)
        assert ua.export_weights(subject)["weight"].tolist() == [0.5]
        np.testing.assert_array_equal(subject(X), np.where(X > 0, X, 0.5 * X))

    def test_imported_before_the_first_input(self, tmp_path):
        subject = layer("prelu", channels=None, axis=-1)
        with pytest.raises(ParameterValueError, match="has no size yet"):
            ua.export_weights(subject)
        ua.import_weights(subject, {"weight": np.array([0.5, 0.25, 2.0, 1.0])})
        model = keras.Sequential([keras.Input((4,)), subject])
        wanted = np.where(X > 0, X, [0.5, 0.25, 2.0, 1.0] * X)
        np.testing.assert_array_equal(model(X), wanted)
        np.testing.assert_array_equal(saved_and_loaded(model, tmp_path)(X), wanted)

    def test_an_unknown_number_of_channels_is_refused(self):
        with pytest.raises(ParameterValueError, match=r"\(None, 4\) is not known"):
            layer("prelu", channels=None, axis=0)(keras.Input((4,)))
        with pytest.raises(ParameterValueError, match="axis 3"):
            layer("prelu", channels=None, axis=3)(X)

    def test_another_number(self):
        with pytest.raises(ParameterValueError, match="the weight has 3 channels"):
            layer("prelu", channels=3, axis=-1)(keras.Input((4,)))
        with pytest.raises(ParameterValueError, match="has the shape"):
            ua.import_weights(layer("prelu", channels=3), {"weight": np.ones(4)})


class TestCarried:
    @every_learned
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_the_outputs_are_the_same(self, name, dtype):
        origin = ua.get_layer(name, backend="numpy", channels=4, axis=-1)
        rows = [
            [0.3, -0.7, 1.1, 0.9],
            [0.6, 0.2, -0.4, 1.3],
            [1.2, 1.4, 1.6, 1.8],
            [0.5, 2.0, 0, 1],
        ]
        carried = {name: np.array(row) for name, row in zip(origin.weights, rows, strict=False)}
        ua.import_weights(origin, carried)
        wanted = origin(X)
        carried = ua.export_weights(origin)
        for backend in ("tensorflow", "torch", "tensorflow", "numpy"):
            options = {} if backend == "numpy" else {"dtype": _dtype_of(backend, dtype)}
            subject = ua.get_layer(name, backend=backend, channels=None, axis=-1, options=options)
            ua.import_weights(subject, carried)
            result = subject(native(backend, X, dtype))
            result = result.detach() if backend == "torch" else result
            np.testing.assert_allclose(back(backend, result, dtype), wanted, **tolerance(dtype))
            carried = ua.export_weights(subject)

    def test_bfloat16_leaves_as_float32(self):
        subject = layer("prelu", initial=0.1, options={"dtype": "bfloat16"})
        weight = ua.export_weights(subject)["weight"]
        assert weight.dtype == np.float32
        assert weight[0] == np.float32(0.10009765625)


def _dtype_of(backend, dtype):
    import torch

    return getattr(torch, dtype) if backend == "torch" else dtype


class TestErrors:
    def test_unknown_option(self):
        with pytest.raises(UnknownParameterError, match="Did you mean 'initializer'"):
            layer("prelu", options={"initialiser": "ones"})

    @pytest.mark.parametrize("name", ["relu", "mish"])
    def test_options_of_weights_where_there_are_none(self, name):
        with pytest.raises(ParameterValueError, match=f"{name} learns nothing.* regularizer"):
            layer(name, options={"regularizer": "l2"})


class TestNativeLayers:
    @every_dtype
    @pytest.mark.parametrize("name", _LAYERS)
    def test_native_layers_run_our_kernel(self, monkeypatch, name, dtype):
        # Machine code is for functions.
        monkeypatch.setattr(FrameworkBackend, "outrun", lambda *_: ())
        subject = layer(name, options={"dtype": dtype})
        assert type(subject) is _LAYERS[name][0]
        function = ua.get_activation(name, backend="tensorflow")
        x = native("tensorflow", np.append(VALUES, [[np.nan, np.inf, -np.inf, 1e-4]], 0), dtype)
        found, wanted = ([f(x), *gradient(f, x)] for f in (subject, function))
        for one, other in zip(found, wanted, strict=True):
            assert bits("tensorflow", one, dtype) == bits("tensorflow", other, dtype)

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("elu", {"alpha": 0.5}),
            ("leaky_relu", {}),  # whose kernel rounds the slope in float64
            ("relu", {"numerics": "strict"}),
            ("softmax", {"axis": 1}),
            ("log_softmax", {"axis": 0}),
            ("softplus", {}),  # whose kernel is wrong in bfloat16
        ],
    )
    def test_other_parameters_get_an_activation_layer(self, name, arguments):
        assert type(layer(name, **arguments)) is ActivationLayer

    def test_names_are_those_of_the_activations(self):
        keras.backend.clear_session()
        subjects = [layer(name) for name in ("tanh", "tanh", "mish", "mish", "relu6")]
        assert [s.name for s in subjects] == ["tanh", "tanh_1", "mish", "mish_1", "relu6"]

    def test_they_have_no_weights_to_carry(self):
        assert ua.export_weights(layer("tanh")) == {}


def gradient(function, x):
    """With another weight for each element, so that softmax has one."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    weights = tf.reshape(tf.range(tf.size(x)), x.shape)
    return [tape.gradient(value, x, output_gradients=tf.cast(weights, x.dtype))]


class TestCalls:
    @pytest.mark.parametrize("generator", [7, "generator"])
    def test_a_generator(self, generator):
        def source():
            return tf.random.Generator.from_seed(1) if generator == "generator" else generator

        function = ua.get_activation("gumbel_softmax", backend="tensorflow")
        x = native("tensorflow", X, "float32")
        found = layer("gumbel_softmax")(x, generator=source())
        np.testing.assert_array_equal(found, function(x, source()))

    def test_equal_functions_are_one_argument_of_a_tf_function(self):
        apply = tf.function(lambda function, x: function(x))
        functions = [ua.get_activation("mish", backend="tensorflow") for _ in range(2)]
        first, second = (apply(function, tf.constant(X)) for function in functions)
        np.testing.assert_array_equal(first, second)
        assert apply.experimental_get_tracing_count() == 1

    def test_a_function_of_a_symbolic_tensor_is_saved(self, tmp_path):
        inputs = keras.Input((4,))
        outputs = ua.get_activation("elu(alpha=0.5)", backend="tensorflow")(inputs)
        model = keras.Model(inputs, outputs)
        loaded = saved_and_loaded(model, tmp_path)
        np.testing.assert_array_equal(loaded(X), model(X))
        assert loaded.layers[-1].spec.function.parameters == {"alpha": 0.5}

    @pytest.mark.parametrize("name", ["softmax", "mish", "crelu", "prelu"])
    def test_a_mask_is_passed_on(self, name):
        tokens = np.array([[1, 2, 0], [3, 0, 0]])
        embedded = keras.layers.Embedding(4, 6, mask_zero=True)(tokens)
        result = layer(name)(embedded)
        plain = layer(name)(tf.constant(embedded.numpy())).numpy()
        np.testing.assert_array_equal(result, plain)
        pool = keras.layers.GlobalAveragePooling1D()
        wanted = [plain[0, :2].mean(0), plain[1, 0]]
        np.testing.assert_allclose(pool(result), wanted, rtol=1e-6)

    def test_no_mask_of_an_axis_that_is_resized(self):
        x, mask = tf.zeros((2, 4, 6)), tf.ones((2, 4), tf.bool)
        assert layer("crelu", axis=1).compute_mask(x, mask) is None
        assert layer("crelu", axis=2).compute_mask(x, mask) is mask


def test_a_transformer_block_trains_and_is_saved(tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5, 8))
    attended = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)(inputs, inputs)
    first = keras.layers.LayerNormalization()(inputs + attended)
    activation = ua.get_activation("gelu", backend="tensorflow")
    hidden = keras.layers.Dense(16, activation=activation)(first)
    hidden = layer("swiglu")(keras.layers.Dense(16)(hidden))
    second = keras.layers.LayerNormalization()(first + hidden)
    pooled = keras.layers.GlobalAveragePooling1D()(layer("snake", channels=8, axis=-1)(second))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(pooled))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).normal(size=(6, 5, 8)), np.array([0, 1, 2, 0, 1, 2])
    before = model.get_weights()
    loss = model.train_on_batch(x, y)
    assert np.isfinite(loss)
    assert model.evaluate(x, y, verbose=0) < loss
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert all(moved)
    np.testing.assert_array_equal(saved_and_loaded(model, tmp_path)(x), model(x))


@pytest.mark.exhaustive
def test_keras_on_another_backend(run_python):
    program = """
import unified_act as ua
try:
    ua.get_layer("relu", backend="tensorflow")
except ua.UnsupportedError as error:
    print(error)
"""
    said = run_python(program, environment={"KERAS_BACKEND": "numpy"})
    assert "Keras runs on 'numpy'" in said


def test_without_tensorflow_and_keras_the_error_names_tensorflow(run_python):
    program = """
import sys
sys.modules |= {"tensorflow": None, "keras": None}
import unified_act as ua
try:
    ua.get_layer("relu", backend="tensorflow")
except ua.BackendNotInstalledError as error:
    print(error)
"""
    assert "unified-act[tensorflow]" in run_python(program)
