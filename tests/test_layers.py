"""Layers: what they are made of, the weights that they carry, and what is refused."""

import re

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import SPECS, further_inputs
from unified_act.layers import Layers, LayerSpec
from unified_act.loading import load_backend

BACKENDS = ["mxnet", "numpy", "tensorflow", "torch"]
LEARNED = [name for name, spec in SPECS.items() if spec.weights]
X = np.linspace(-2.0, 3.0, 24).reshape(4, 6)

every_backend = pytest.mark.parametrize("backend", BACKENDS)
every_learned = pytest.mark.parametrize("name", LEARNED)


class TestWhatIsAskedFor:
    def test_no_backend(self):
        with pytest.raises(ua.ParameterValueError, match=r"pass backend=…, one of .*numpy"):
            ua.get_layer("relu")

    def test_the_default_backend(self):
        with ua.use_backend("numpy"):
            assert repr(ua.get_layer("relu")) == "ActivationLayer('relu')"

    def test_a_backend_without_layers(self, monkeypatch):
        monkeypatch.delattr(type(load_backend("numpy")), "layers")
        with pytest.raises(ua.UnsupportedError, match="'numpy' has no layers"):
            ua.get_layer("relu", backend="numpy")

    def test_a_callable(self):
        with pytest.raises(ua.UnknownActivationError, match="made from a name"):
            ua.get_layer(np.tanh, backend="numpy")

    def test_none_is_the_identity(self):
        np.testing.assert_array_equal(ua.get_layer(None, backend="numpy")(X), X)

    def test_names_with_parameters_and_dialects(self):
        assert "alpha=0.5" in repr(ua.get_layer("elu(alpha=0.5)", backend="numpy"))
        layer = ua.get_layer("LeakyReLU", backend="numpy", dialect="keras_layers")
        assert layer.spec.function.parameters == {"negative_slope": 0.3}

    def test_strict_is_strict(self):
        layer = ua.get_layer("relu", backend="numpy", numerics="strict")
        assert repr(layer) == "ActivationLayer('relu', numerics='strict')"

    @pytest.mark.parametrize("channels", [0, -1, True, 2.5, "3"], ids=repr)
    def test_impossible_channels(self, channels):
        wanted = "finite and at least 1" if type(channels) is int else "an integer"
        message = re.escape(f"channels must be {wanted}, got {channels!r}.")
        with pytest.raises(ua.ParameterValueError, match=f"^{message}$"):
            ua.get_layer("prelu", backend="numpy", channels=channels)

    @pytest.mark.parametrize("channels", [3, None])
    def test_channels_of_what_learns_nothing(self, channels):
        with pytest.raises(ua.ParameterValueError, match="relu learns nothing"):
            ua.get_layer("relu", backend="numpy", channels=channels)

    @pytest.mark.parametrize(
        ("name", "initial", "hint"),
        [
            ("star_relu", {"scal": 1.0}, "scale"),
            ("relu", {"weight": 1.0}, "It has none: leave out initial="),
            ("relu", 1.0, "It has none: leave out initial="),
        ],
    )
    def test_initial_values_of_unknown_weights(self, name, initial, hint):
        with pytest.raises(ua.UnknownParameterError, match=hint):
            ua.get_layer(name, backend="numpy", initial=initial)

    @pytest.mark.parametrize("initial", ["0.25", None, [0.25, 0.5], float("inf")], ids=repr)
    def test_initial_values_that_are_no_numbers(self, initial):
        with pytest.raises(ua.ParameterValueError, match=r"^initial weight must be .*, got"):
            ua.get_layer("prelu", backend="numpy", initial={"weight": initial})

    @every_backend
    def test_unknown_options(self, backend):
        with pytest.raises(ua.UnknownParameterError, match="prefixx"):
            ua.get_layer("relu", backend=backend, options={"prefixx": 1})

    def test_an_axis_that_the_input_has_not(self):
        layer = ua.get_layer("prelu", backend="numpy", channels=None, axis=3)
        with pytest.raises(
            ua.ParameterValueError, match=r"axis 3, which an input of shape \(4, 6\)"
        ):
            layer(X)


class TestInitialValues:
    @every_learned
    def test_every_learned_one_says_what_its_weights_begin_with(self, name):
        assert set(SPECS[name].initial) == set(SPECS[name].weights)

    def test_initial_values_are_one_for_all_weights_or_by_name(self):
        weights = ua.export_weights(ua.get_layer("xielu", backend="numpy", initial=0.5))
        assert weights == {"alpha_p": [0.5], "alpha_n": [0.5]}
        weights = ua.export_weights(ua.get_layer("xielu", backend="numpy", initial={"alpha_n": 2}))
        assert weights == {"alpha_p": [0.8], "alpha_n": [2.0]}

    def test_a_registered_one_may_say_nothing(self):
        @ua.register_activation(
            "shifted", kind="learned", inputs=("x", "by"), parameters={"axis": 1}
        )
        def shifted(xp, x, by):
            return x + by

        with pytest.raises(ua.ParameterValueError, match=r"pass initial=\{'by': …\}"):
            ua.get_layer("shifted", backend="numpy")
        assert ua.get_layer("shifted", backend="numpy", initial=2.0)(X)[0, 0] == 0.0

    def test_initial_values_without_learned_inputs_are_refused(self):
        with pytest.raises(
            ua.InvalidActivationError, match=r"initial: .*not among the learned inputs"
        ):

            @ua.register_activation("doubled", initial={"x": 1.0})
            def doubled(xp, x):
                return x + x


class TestOnNumpy:
    @pytest.mark.parametrize("name", SPECS)
    def test_forward_and_backward_are_those_of_the_function(self, name):
        layer = ua.get_layer(name, backend="numpy")
        weights = [np.array([value]) for value in SPECS[name].initial.values()]
        others = [] if weights else further_inputs(name, X.shape)
        value = layer(X, *others)
        cotangent = np.linspace(1.0, 2.0, value.size).reshape(value.shape)
        wanted, slopes = ua.value_and_grad(
            layer.spec.function, X, *weights, *others, cotangent=cotangent
        )
        np.testing.assert_array_equal(value, wanted)
        slopes = slopes if isinstance(slopes, tuple) else (slopes,)
        np.testing.assert_array_equal(layer.backward(cotangent), slopes[0])
        assert list(layer.gradients) == list(SPECS[name].weights)
        for found, slope in zip(layer.gradients.values(), slopes[1:], strict=False):
            np.testing.assert_array_equal(found, slope)

    def test_backward_first(self):
        with pytest.raises(ua.ParameterValueError, match="call forward first"):
            ua.get_layer("relu", backend="numpy").backward(X)

    def test_a_seed(self):
        layer = ua.get_layer("rrelu", backend="numpy", training=True)
        value = layer(X, generator=7)
        np.testing.assert_array_equal(value, layer(X, 7))
        slope = layer.backward(np.ones_like(value))
        np.testing.assert_allclose(slope * X, value)  # with the numbers of the value

    def test_it_learns(self):
        layer = ua.get_layer("prelu", backend="numpy", channels=6)
        wanted = np.where(X > 0, X, X * np.linspace(-1, 1, 6))
        losses = []
        for _ in range(200):
            difference = layer(X) - wanted
            losses.append(float(np.square(difference).mean()))
            layer.backward(difference)
            layer.weights["weight"] -= 0.1 * layer.gradients["weight"]
        assert losses[-1] < 1e-3 * losses[0]


class TestCarryingWeights:
    @every_backend
    @every_learned
    @pytest.mark.parametrize("channels", [1, 6])
    def test_there_and_back(self, backend, name, channels):
        first = ua.get_layer(name, backend="numpy", channels=channels)
        values = np.linspace(0.5, 1.5, channels).astype(np.float32)
        weights = {weight: values + index for index, weight in enumerate(SPECS[name].weights)}
        ua.import_weights(first, weights)
        second = ua.get_layer(name, backend=backend, channels=channels)
        ua.import_weights(second, ua.export_weights(first))
        for weight, wanted in weights.items():
            np.testing.assert_array_equal(ua.export_weights(second)[weight], wanted)

    @every_backend
    def test_into_a_layer_that_waits(self, backend):
        layer = ua.get_layer("prelu", backend=backend, channels=None)
        with pytest.raises(ua.ParameterValueError, match="no size yet: call the layer first"):
            ua.export_weights(layer)
        ua.import_weights(layer, {"weight": np.arange(3.0)})
        np.testing.assert_array_equal(ua.export_weights(layer)["weight"], np.arange(3.0))

    @every_backend
    @pytest.mark.parametrize(
        ("weights", "error", "hint"),
        [
            (
                {"alpha": np.ones(2)},
                ua.UnknownParameterError,
                r"\['bias', 'scale'\], got \['alpha'\]",
            ),
            (
                {"scale": np.ones(3), "bias": np.ones(2)},
                ua.ParameterValueError,
                r"\(2,\), got \(3,\)",
            ),
            ({"scale": np.ones((2, 1)), "bias": np.ones(2)}, ua.ParameterValueError, r"\(2, 1\)"),
        ],
    )
    def test_weights_of_another_layer(self, backend, weights, error, hint):
        layer = ua.get_layer("star_relu", backend=backend, channels=2)
        with pytest.raises(error, match=hint):
            ua.import_weights(layer, weights)

    @every_backend
    def test_different_sizes_into_a_layer_that_waits(self, backend):
        layer = ua.get_layer("star_relu", backend=backend, channels=None)
        with pytest.raises(ua.ParameterValueError, match="one number of channels"):
            ua.import_weights(layer, {"scale": np.ones(2), "bias": np.ones(3)})

    @pytest.mark.parametrize("thing", [np.tanh, X, "prelu", None])
    def test_export_weights_of_no_layer_is_refused(self, thing):
        with pytest.raises(ua.UnsupportedError, match="no layer that get_layer returned"):
            ua.export_weights(thing)

    def test_what_is_exported_is_a_copy(self):
        layer = ua.get_layer("prelu", backend="numpy")
        ua.export_weights(layer)["weight"][0] = 9.0
        assert layer.weights["weight"] == [0.25]


@pytest.mark.parametrize("backend", [*BACKENDS, "jax"])
def test_what_a_backend_with_layers_offers(backend):
    wanted = {name for name in vars(Layers) if not name.startswith("_")}
    assert all(callable(getattr(load_backend(backend).layers, name)) for name in wanted)


@every_learned
def test_a_specification_as_data(name):
    spec = ua.get_layer(name, backend="numpy", channels=3).spec
    assert LayerSpec.from_config(spec.to_config()) == spec
