"""Layers and functions of the backend "keras", on whichever framework Keras runs.

Keras runs on TensorFlow here; `test_elsewhere.py` runs this file on the others.
"""

import copy
import json

import keras
import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import VALUES, bits, every_dtype, native
from tests.backends.keras.saved_on_tensorflow import DENSE, PRELU, RRELU
from unified_act.backend import FrameworkBackend
from unified_act_keras.layers import _LAYERS, ActivationLayer

FRAMEWORK = keras.config.backend()
OTHER = "torch" if FRAMEWORK == "jax" else "jax"
X = np.linspace(-2.0, 2.0, 24, dtype=np.float32).reshape(4, 6)
MEAN = np.where(X > 0, X, np.float32((1 / 8 + 1 / 3) / 2) * X)


def layer(name, **arguments):
    return ua.get_layer(name, backend="keras", **arguments)


def numbers(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def tensor(array, dtype="float32"):
    return keras.ops.convert_to_tensor(array, dtype)


class TestFunctions:
    @pytest.mark.parametrize("name", ["gelu", "mish", "softmax", "relu", "swiglu"])
    def test_they_have_the_bits_of_the_framework(self, name):
        own = ua.get_activation(name, backend=FRAMEWORK)
        function = ua.get_activation(name, backend="keras")
        x = native(FRAMEWORK, X, "float32")
        found, wanted = (ua.value_and_grad(f, x) for f in (function, own))
        for one, other in zip(found, wanted, strict=True):
            assert bits(FRAMEWORK, one, "float32") == bits(FRAMEWORK, other, "float32")

    def test_a_name_as_everywhere(self, monkeypatch):
        for name in ("keras", "Keras"):
            assert ua.get_activation("relu", backend=name).backend == "keras"
        with ua.use_backend("keras"):
            assert ua.get_activation("relu").backend == "keras"
            assert isinstance(ua.get_layer("mish"), ActivationLayer)
        monkeypatch.setenv("UNIFIED_ACT_BACKEND", "keras")
        relu = ua.get_activation("elu(alpha=0.5)")
        assert relu == ua.from_config(relu.to_config())
        assert relu.to_config() == {"name": "elu", "backend": "keras", "alpha": 0.5}

    def test_it_is_described_as_that_of_the_framework(self):
        assert ua.describe("gelu", backend="keras") == ua.describe("gelu", backend=FRAMEWORK)

    def test_it_is_not_in_the_list_of_what_computes(self):
        assert "keras" not in ua.list_backends()

    @pytest.mark.parametrize("backend", ["keras", FRAMEWORK, None])
    def test_a_symbolic_tensor(self, backend):
        inputs = keras.Input((6,))
        outputs = ua.get_activation("elu(alpha=0.5)", backend=backend)(inputs)
        assert outputs.shape == (None, 6)
        model = keras.Model(inputs, outputs)
        np.testing.assert_allclose(
            numbers(model(X)), np.where(X > 0, X, 0.5 * np.expm1(X)), rtol=1e-5
        )

    def test_a_function_of_another_framework_says_what_to_do(self):
        with pytest.raises(ua.UnsupportedError, match=f"runs on {FRAMEWORK!r}.*backend='keras'"):
            ua.get_activation("gelu", backend="numpy")(keras.Input((4,)))

    def test_a_variable(self):
        function = ua.get_activation("prelu", backend="keras")
        x, weight = keras.Variable(X), keras.Variable([0.5], dtype="float32")
        np.testing.assert_array_equal(numbers(function(x, weight)), np.where(X > 0, X, 0.5 * X))

    def test_integers_and_lists_get_the_error_of_the_framework(self):
        function = ua.get_activation("gelu", backend="keras")
        with pytest.raises(ua.InputTypeError, match="floating-point"):
            function(tensor([1, 2], "int32"))
        with pytest.raises(ua.InputTypeError, match="got list"):
            function([1.0, 2.0])

    def test_noise_of_a_seed(self):
        function = ua.get_activation("gumbel_softmax", backend="keras")
        own = ua.get_activation("gumbel_softmax", backend=FRAMEWORK)
        np.testing.assert_array_equal(numbers(function(tensor(X), 7)), numbers(own(tensor(X), 7)))
        (value, slope), wanted = ua.value_and_grad(function, tensor(X), 7), function(tensor(X), 7)
        np.testing.assert_allclose(numbers(value), numbers(wanted), rtol=1e-6)
        assert np.isfinite(numbers(slope)).all()

    def test_a_seed_of_a_symbolic_tensor(self, tmp_path):
        inputs, function = keras.Input((6,)), ua.get_activation("gumbel_softmax", backend="keras")
        wanted = numbers(function(tensor(X), 3))
        for outputs in (function(inputs, 3), function(inputs, generator=3)):
            model = keras.Model(inputs, outputs)
            model.save(tmp_path / "model.keras")
            loaded = keras.models.load_model(tmp_path / "model.keras")
            np.testing.assert_allclose(numbers(loaded(X)), wanted, rtol=1e-6)

    def test_it_is_identified(self):
        found = ua.identify(ua.get_activation("mish", backend="keras"))
        assert (found.backend, str(found.match)) == (FRAMEWORK, "mish")


class TestOptions:
    def trained(self, subject, steps=10):
        """After steps of gradient descent, each of which adds 0.3 to the slope."""
        model = keras.Sequential([keras.Input((2,)), subject])
        model.compile(keras.optimizers.SGD(0.1), loss=lambda _, y: keras.ops.sum(y, -1))
        x = np.float32([[-1.0, -2.0]])
        for _ in range(steps):
            model.train_on_batch(x, x)
        return ua.export_weights(subject)["weight"]

    def test_a_constraint_holds(self):
        assert self.trained(layer("prelu")) == [pytest.approx(3.25)]
        bound = layer("prelu", options={"constraint": keras.constraints.MaxNorm(0.5)})
        assert self.trained(bound) == [pytest.approx(0.5)]

    def test_a_regularizer_pulls(self):
        pulled = layer("prelu", options={"regularizer": keras.regularizers.L2(1.0)}, initial=1.5)
        assert [float(numbers(loss)) for loss in pulled.losses] == [2.25]
        assert self.trained(pulled) == [pytest.approx(1.5)]  # where both pull as much

    def test_options_of_keras_layers_are_passed_on(self):
        given = {"name": "mine", "trainable": False, "dtype": "bfloat16"}
        subject = layer("snake", options=given)
        assert (subject.name, subject.trainable_variables) == ("mine", [])
        native_one = layer("relu", options=given)
        assert (native_one.name, native_one.compute_dtype) == ("mine", "bfloat16")

    def test_an_unknown_one(self):
        with pytest.raises(ua.UnknownParameterError, match="layers on keras have no option"):
            layer("prelu", options={"device": "cpu"})


class TestWeights:
    def test_carried(self):
        subject = layer("prelu", channels=None, axis=-1)
        with pytest.raises(ua.ParameterValueError, match="has no size yet"):
            ua.export_weights(subject)
        origin = ua.get_layer("prelu", backend="numpy", channels=6, axis=-1)
        ua.import_weights(origin, {"weight": np.linspace(0.1, 0.6, 6)})
        ua.import_weights(subject, origin)
        np.testing.assert_allclose(numbers(subject(X)), origin(X), rtol=1e-6)
        ua.import_weights(origin, subject)
        np.testing.assert_allclose(origin.weights["weight"], np.linspace(0.1, 0.6, 6), rtol=1e-6)

    def test_those_of_keras_prelu(self):
        subject = keras.layers.PReLU()
        subject.build((None, 6))
        ua.import_weights(subject, {"weight": np.full(6, 0.5)})
        assert ua.export_weights(subject)["weight"].tolist() == [0.5] * 6

    def test_bfloat16_leaves_as_float32(self):
        subject = layer("prelu", initial=0.1, options={"dtype": "bfloat16"})
        weight = ua.export_weights(subject)["weight"]
        assert (weight.dtype, weight[0]) == (np.float32, np.float32(0.10009765625))

    def test_shared_axes(self):
        subject = layer("prelu", shared_axes=(1, 2))
        assert subject(np.ones((2, 3, 4, 5), np.float32)).shape == (2, 3, 4, 5)
        assert ua.export_weights(subject)["weight"].shape == (1, 1, 5)

    def test_an_unknown_length(self):
        """What Keras builds with does not have a number for each length."""
        outputs = layer("softmax", axis=1)(keras.Input((None, 4)))
        assert outputs.shape == (None, None, 4)
        with pytest.raises(ua.ParameterValueError, match="is not known"):
            layer("prelu", channels=None, axis=1)(keras.Input((None, 4)))

    @pytest.mark.parametrize(
        ("name", "length"), [("glu", 3), ("maxout(groups=3)", 2), ("crelu", 12)]
    )
    def test_an_unknown_length_that_changes(self, name, length):
        inputs = keras.Input((None, 4))
        model = keras.Model(inputs, layer(name, axis=1)(inputs))
        assert model.output_shape == (None, None, 4)
        assert model(np.ones((2, 6, 4), np.float32)).shape == (2, length, 4)
        with pytest.raises(ua.ParameterValueError, match="axis 4"):
            layer(name, axis=4)(inputs)


class TestModes:
    def test_evaluation_has_the_mean_slope_and_training_draws(self):
        model = keras.Sequential([layer("rrelu")])
        np.testing.assert_allclose(numbers(model(X, training=False)), MEAN, rtol=1e-6)
        first, second = (numbers(model(X, training=True)) for _ in range(2))
        assert (first != second).any()
        slopes = (first / X)[X < 0]
        assert ((slopes > 0.124) & (slopes < 0.334)).all()
        assert slopes.std() > 0.02

    def test_a_seed_for_everything(self):
        found = []
        for _ in range(2):
            keras.utils.set_random_seed(1)
            found.append(numbers(keras.Sequential([layer("rrelu")])(X, training=True)))
        np.testing.assert_array_equal(*found)

    @pytest.mark.parametrize("name", ["rrelu", "gumbel_softmax"])
    def test_fit_draws_anew_for_each_batch(self, name):
        """Also where a step is compiled once, which then must not keep its random numbers."""
        seen = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        model = keras.Sequential([keras.Input((6,)), layer(name), seen])
        model.compile(keras.optimizers.SGD(1.0), loss=lambda _, y: keras.ops.sum(y, -1))
        steps = []
        for _ in range(3):
            seen.kernel.assign(np.zeros((6, 1)))
            model.fit(X, X[:, :1], batch_size=len(X), verbose=0)  # the step is the layer's output
            steps.append(numbers(seen.kernel))
        assert (steps[0] != steps[1]).any()
        assert (steps[1] != steps[2]).any()
        predicted = model.predict(X, verbose=0)
        assert np.isfinite(predicted).all()

    def test_a_dtype_policy(self):
        subject = layer("rrelu", options={"dtype": "mixed_float16"})
        drawn = subject(X, training=True)
        assert keras.backend.standardize_dtype(drawn.dtype) == "float16"
        assert np.isfinite(numbers(drawn)).all()


class TestNativeLayers:
    @every_dtype
    @pytest.mark.parametrize("name", _LAYERS)
    def test_they_compute_what_the_function_does(self, monkeypatch, name, dtype):
        # Machine code is for functions.
        monkeypatch.setattr(FrameworkBackend, "outrun", lambda *_: ())
        subject = layer(name, options={"dtype": dtype})
        function = ua.get_activation(name, backend="keras")
        x = native(FRAMEWORK, np.append(VALUES, [[np.nan, np.inf, -np.inf, 1e-4]], 0), dtype)
        found, wanted = (ua.value_and_grad(f, x) for f in (subject, function))
        for one, other in zip(found, wanted, strict=True):
            assert bits(FRAMEWORK, one, dtype) == bits(FRAMEWORK, other, dtype)

    def test_where_they_do(self):
        generic = [name for name in _LAYERS if type(layer(name)) is ActivationLayer]
        assert generic == (["elu", "tanh"] if FRAMEWORK == "jax" else [])
        assert type(layer("relu", numerics="strict")) is ActivationLayer


class TestFiles:
    def loaded(self, layers, folder):
        model = keras.Sequential([keras.Input((6,)), *layers])
        model.compile(optimizer="sgd", loss="mse")
        model.save(folder / "model.keras")
        loaded = keras.models.load_model(folder / "model.keras")
        np.testing.assert_array_equal(numbers(loaded(X)), numbers(model(X)))
        return loaded.layers

    def test_what_is_saved(self, tmp_path):
        options = {"regularizer": "l1", "constraint": "non_neg", "activity_regularizer": "l2"}
        given = [
            layer("prelu", channels=None, axis=-1, numerics="strict", options=options),
            layer("rrelu"),
            keras.layers.Dense(4, activation=ua.get_activation("squareplus", backend="keras")),
            keras.layers.Dense(4, activation=ua.get_activation("mish", backend=FRAMEWORK)),
            keras.layers.Dense(4, activation=ua.get_activation("elu(alpha=0.5)")),
        ]
        found = self.loaded(given, tmp_path)
        assert [one.get_config() for one in found] == [one.get_config() for one in given]
        assert [repr(one) for one in found[:2]] == [repr(one) for one in given[:2]]
        assert [one.activation for one in found[2:]] == [one.activation for one in given[2:]]

    @pytest.mark.parametrize(
        ("written", "wanted"),
        [
            (PRELU, np.where(X > 0, X, 0.5 * X)),
            (RRELU, MEAN),
            (DENSE, X * np.tanh(np.log1p(np.exp(X)))),
        ],
        ids=["prelu", "rrelu", "dense"],
    )
    def test_what_was_saved_by_the_layers_of_tensorflow(self, written, wanted):
        subject = keras.saving.deserialize_keras_object(copy.deepcopy(written))
        np.testing.assert_allclose(numbers(subject(X)), wanted, rtol=1e-5, atol=1e-6)
        inputs = keras.Input((6,))
        model = keras.Model(inputs, subject(inputs))
        np.testing.assert_allclose(numbers(model(X)), wanted, rtol=1e-5, atol=1e-6)

    def test_what_was_saved_on_another_framework_follows_keras(self):
        data = json.dumps(keras.saving.serialize_keras_object(layer("mish")))
        moved = data.replace('"backend": "keras"', f'"backend": "{OTHER}"')
        assert moved != data
        subject = keras.saving.deserialize_keras_object(json.loads(moved))
        assert subject.spec.function.backend == "keras"
        dense = keras.layers.Dense(3, activation=ua.get_activation("mish", backend="keras"))
        data = json.dumps(keras.saving.serialize_keras_object(dense))
        moved = json.loads(data.replace('"backend": "keras"', f'"backend": "{OTHER}"'))
        assert keras.saving.deserialize_keras_object(moved).activation == dense.activation
