"""A model that was trained and saved on one framework is the same on the others."""

import pytest

from tests.processes import WITHOUT_TENSORFLOW, run_python

TRAIN = """
import sys
import unified_act as ua  # before Keras, which it knows nothing of
import keras
import numpy as np

folder = sys.argv[1]
framework = keras.config.backend()
dense = keras.layers.Dense(2, activation=ua.get_activation("gelu", backend=framework))
written = keras.saving.serialize_keras_object(dense)
assert keras.saving.deserialize_keras_object(written).activation == dense.activation
keras.utils.set_random_seed(1)
inputs = keras.Input((8, 8, 3))
x = keras.layers.Conv2D(6, 3)(inputs)
x = ua.get_layer("prelu", backend="keras", shared_axes=(1, 2))(x)
x = keras.layers.GlobalAveragePooling2D()(x)
x = keras.layers.Dense(12, activation=ua.get_activation("squareplus", backend="keras"))(x)
x = ua.get_layer("swiglu", backend="keras")(x)
x = ua.get_activation("gelu", backend="keras")(x)
x = ua.get_layer("rrelu", backend="keras")(keras.layers.Dense(8)(x))
model = keras.Model(inputs, keras.layers.Dense(3)(x))
images = np.random.default_rng(0).normal(size=(64, 8, 8, 3)).astype(np.float32)
labels = np.arange(64) % 3
before = ua.export_weights(model.layers[2])["weight"]
model.compile(
    "adam",
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    jit_compile=framework != "torch",
)
history = model.fit(images, labels, batch_size=16, epochs=1, verbose=0)
assert np.isfinite(history.history["loss"]).all()
assert (ua.export_weights(model.layers[2])["weight"] != before).all()
model.save(f"{folder}/{framework}.keras")
with open(f"{folder}/{framework}.json", "w") as file:
    file.write(model.to_json())
np.savez(f"{folder}/{framework}.npz", images=images, logits=model.predict(images, verbose=0))
"""

LOAD = """
import sys
import numpy as np

folder, *trained = sys.argv[1:]
for one in trained:
    wanted = np.load(f"{folder}/{one}.npz")
    model = keras.models.load_model(f"{folder}/{one}.keras")
    logits = model.predict(wanted["images"], verbose=0)
    np.testing.assert_allclose(logits, wanted["logits"], rtol=0, atol=1e-5)
    with open(f"{folder}/{one}.json") as file:
        twin = keras.models.model_from_json(file.read())
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin.predict(wanted["images"], verbose=0), logits)
    # Keras's own optimizer of one framework does not work on another.
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert model.fit(wanted["images"], np.arange(64) % 3, verbose=0)
assert ("tensorflow" in sys.modules) == (keras.config.backend() == "tensorflow")
"""


IMPORTS = {
    "jax": "import unified_act, keras, unified_act.keras",
    "tensorflow": "import unified_act.keras, keras",
    "torch": "import keras, unified_act, sys; assert 'unified_act_torch' not in sys.modules",
}
"""What makes our layers known to Keras, in each order."""


def on(framework, program, *arguments):
    hidden = "" if framework == "tensorflow" else WITHOUT_TENSORFLOW
    environment = {"KERAS_BACKEND": framework}
    return run_python(hidden + program, arguments=arguments, environment=environment)


@pytest.mark.exhaustive
def test_trained_here_and_loaded_there(tmp_path):
    for framework in IMPORTS:
        on(framework, TRAIN, str(tmp_path))
    for framework, imports in IMPORTS.items():
        others = [other for other in IMPORTS if other != framework]
        on(framework, imports + LOAD, str(tmp_path), *others)
