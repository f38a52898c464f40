"""The audit of Keras models, in one process: what it imports takes long."""

import pytest

import unified_act as ua

keras = pytest.importorskip("keras")
layers = keras.layers


def listed(found):
    return [(one.place, one.text) for one in found.activations]


@keras.saving.register_keras_serializable("audit")
class Own(keras.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(4, activation="elu")
        self.act = keras.activations.get("mish")

    def build(self, shape):
        self.dense.build(shape)
        self.built = True

    def call(self, x):
        return self.act(self.dense(x))


def functional():
    x = inputs = keras.Input((6, 8))
    x = layers.Dense(8, activation="gelu", name="dense")(x)
    x = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = layers.LSTM(4, return_sequences=True, name="lstm")(layers.Dropout(0.1)(x))
    x = layers.PReLU(shared_axes=[1], name="prelu")(layers.LayerNormalization()(x))
    inner = keras.Sequential([keras.Input((6, 4)), layers.LeakyReLU(name="leaky")], name="inner")
    x = layers.ReLU(6.0, name="relu6")(inner(x) + 3.0) * (1.0 / 6.0)
    x = layers.Dense(4, name="between")(x)
    x = keras.ops.tanh(x) + layers.Softmax(axis=1, name="softmax")(x)
    return keras.Model(
        inputs, layers.Dense(3, activation="softmax", name="out")(Own(name="own")(x))
    )


def test_a_functional_model_and_its_file(tmp_path):
    keras.utils.clear_session()  # which counts the layers of other tests
    model = functional()
    found = ua.audit(model)
    places = dict(listed(found))
    ours = ("tanh", "own.act", "own.dense.activation")
    assert {k: v for k, v in places.items() if not k.startswith(ours)} == {
        "dense.activation": "gelu",
        "attention.softmax": "softmax",
        "lstm.activation": "tanh",
        "lstm.recurrent_activation": "sigmoid",
        "prelu": "prelu",
        "inner.leaky": "leaky_relu(negative_slope=0.3)",
        "relu6": "hard_sigmoid",
        "softmax": "softmax(axis=-2)",
        "out.activation": "softmax",
    }
    assert places["own.act"] == "mish"
    assert places["own.dense.activation"] == "elu"
    assert len(found.activations) == 12
    assert "what the code of Own calls" in " ".join(found.notes)
    model.save(tmp_path / "it.keras")
    again = ua.audit(tmp_path / "it.keras")
    assert [one.text for one in again.activations] == [one.text for one in found.activations]
    assert found.against(again) == ()


@pytest.mark.exhaustive  # the same layers as above, many times
def test_a_network_of_keras():
    model = keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3), classes=4)
    found = ua.audit(model)
    count = {text: len(places) for text, places in found.kinds.items()}
    assert count == {"hard_silu": 19, "relu": 14, "hard_sigmoid": 9, "softmax": 1}
