"""replace_activations on Keras models, which it clones."""

import numpy as np
import pytest

import unified_act as ua

keras = pytest.importorskip("keras")

X = np.linspace(-2.0, 2.0, 12, dtype=np.float32).reshape(3, 4)


@keras.saving.register_keras_serializable("tests")
class Own(keras.layers.Layer):
    def call(self, x):
        return x * keras.ops.sigmoid(1.702 * x)


def shared_model():
    """A layer that is called twice, a function that a layer holds, and a model in the model."""
    keras.utils.set_random_seed(0)
    x = keras.Input((4,))
    act = keras.layers.ReLU(name="act")
    h = act(keras.layers.Dense(4, name="first")(x))
    h = act(keras.layers.Dense(4, activation="relu", name="second")(h))
    inner = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.LeakyReLU(0.2, name="leaky"), Own(name="own")],
        name="inner",
    )
    return keras.Model(x, keras.layers.Softmax(name="last")(inner(h)))


def numbers(model, x=X):
    return keras.ops.convert_to_numpy(model(x))


def test_a_clone_is_changed():
    model = shared_model()
    before = numbers(model)
    report = ua.replace_activations(model, {"relu": "gelu", "quick_gelu": "mish"})
    assert str(report) == (
        "3 of 5 activations replaced\n"
        "  act                relu → gelu  (2 layers for one that is called 2 times)\n"
        "  second.activation  relu → gelu\n"
        "  inner.own          quick_gelu → mish  (found by its values, as Own)\n"
        "left alone\n"
        "  inner.leaky        leaky_relu(negative_slope=0.2)\n"
        "  last               softmax(axis=-1)\n"
        "a new model, with the weights of the old one: the report's model"
    )
    np.testing.assert_array_equal(numbers(model), before)
    gelu, mish = map(ua.get_activation, ("gelu", "mish"))
    first, second = (model.get_layer(name).weights for name in ("first", "second"))
    h = gelu(gelu(gelu(keras.ops.matmul(X, first[0]) + first[1]) @ second[0] + second[1]))
    wanted = keras.ops.softmax(mish(keras.ops.leaky_relu(h, 0.2)))
    np.testing.assert_allclose(numbers(report.model), wanted, atol=1e-6)


@pytest.mark.quick(lambda sharing: sharing == "keep")
@pytest.mark.parametrize(
    ("sharing", "weights", "note"),
    [
        ("keep", 1, "one layer for one that is called 2 times"),
        ("separate", 2, "2 layers for one that is called 2 times"),
        (None, 2, "2 layers for one that is called 2 times"),
    ],
)
def test_a_layer_that_is_called_twice(sharing, weights, note):
    report = ua.replace_activations(shared_model(), "relu", "prelu", sharing=sharing, axis=-1)
    found = {one.path: one for one in report.found}
    assert found["act"].notes == ("adds weight", note)
    assert found["second.activation"].now is None
    assert "prelu has weights" in found["second.activation"].notes[0]
    assert len(report.model.weights) == 4 + weights


@pytest.mark.exhaustive
def test_all_and_classes():
    report = ua.replace_activations(shared_model(), "all", "tanh")
    assert [one.path for one in report.left] == ["last"]
    report = ua.replace_activations(shared_model(), [keras.layers.LeakyReLU, "softmax"], "tanh")
    assert [one.path for one in report.replaced] == ["inner.leaky", "last"]


def test_a_model_with_a_call_of_its_own():
    class Model(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ua.UnsupportedError, match=r"a call\(\) of its own"):
        ua.replace_activations(Model(), "relu", "gelu")
    with pytest.raises(ua.InputTypeError, match=r"expected a keras\.Model, got ReLU"):
        ua.replace_activations(keras.layers.ReLU(), "relu", "gelu")


@pytest.mark.exhaustive
def test_a_residual_network(tmp_path):
    keras.utils.set_random_seed(0)
    x = np.linspace(-1.0, 1.0, 32 * 32 * 3, dtype=np.float32).reshape(1, 32, 32, 3)
    model = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=3)
    report = ua.replace_activations(model, "relu", "mish")
    assert len(report.replaced) == 49
    assert {one.now for one in report.replaced} == {"mish"}
    assert [(one.path, one.was) for one in report.left] == [
        ("predictions.activation", "softmax(axis=-1)")
    ]
    found = numbers(report.model, x)
    assert np.abs(found - numbers(model, x)).max() > 1e-4
    model.save_weights(tmp_path / "old.weights.h5")
    for weight in report.model.weights:
        weight.assign(weight * 0)
    report.model.load_weights(tmp_path / "old.weights.h5")
    np.testing.assert_allclose(numbers(report.model, x), found, atol=1e-6)
