"""TensorFlow: layers of Keras in graphs, compiled and under tapes, and in files."""

import functools
import tempfile

import keras
import numpy as np
import tensorflow as tf

from tests.backends.arrays import native
from tests.frameworks.features import (
    X,
    differences,
    feature,
    fresh,
    joint_feature,
    layer,
    others,
    same,
)
from tests.specifications import SPECS

STEP = 2.0**-20


def _x():
    return native("tensorflow", X, "float32")


def _value_and_slope(call, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = call(x)
    return value, tape.gradient(value, x)


@functools.cache
def _along_ones(name):
    """How value and gradient change where all of `X` grows: by differences, in float64."""
    subject, given = layer(name, "numpy"), others(name, "numpy")

    def at(x):
        value = subject(x, *given)
        return value, subject.backward(np.ones_like(value))

    def slope(high, low):
        with np.errstate(invalid="ignore"):  # what a mask leaves out of a log_softmax stays at -inf
            return np.where(high == low, 0.0, (high - low) / (2 * STEP))

    return [slope(*both) for both in zip(at(X + STEP), at(X - STEP), strict=True)]


@feature("tensorflow", "`tf.function`, traced once")
def functions_traced_once(name):
    subject, given = layer(name, "tensorflow"), others(name, "tensorflow")

    @tf.function
    def compiled(x):
        return subject(x, *given)

    for x in (_x() + 1, _x() * 2):
        compiled(x)
    same(name, *_value_and_slope(compiled, _x()))
    assert compiled.experimental_get_tracing_count() == 1


@joint_feature("tensorflow", "XLA")
def compiled_by_xla(names):
    subjects = {name: (layer(name, "tensorflow"), others(name, "tensorflow")) for name in names}

    @tf.function(jit_compile=True)
    def compiled(x):
        return {
            name: _value_and_slope(lambda x, by=subject, more=given: by(x, *more), x)
            for name, (subject, given) in subjects.items()
        }

    return differences(compiled(_x()))


@feature("tensorflow", "`GradientTape`, persistent")
def persistent_tapes(name):
    subject, given, x = layer(name, "tensorflow"), others(name, "tensorflow"), _x()
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        value = subject(x, *given)
        doubled = 2 * value
    same(name, value, tape.gradient(value, x))
    same(name, value, tape.gradient(doubled, x) / 2)
    assert len(tape.gradient(value, subject.trainable_variables)) == len(SPECS[name].weights)


@feature("tensorflow", "`GradientTape`, nested")
def nested_tapes(name):
    subject = layer(name, "tensorflow", options={"dtype": "float64"})
    given, x = others(name, "tensorflow"), native("tensorflow", X, "float64")
    with tf.GradientTape() as outer:
        outer.watch(x)
        _, slope = _value_and_slope(lambda x: subject(x, *given), x)
    second = outer.gradient(slope, x, unconnected_gradients="zero")
    np.testing.assert_allclose(second, _along_ones(name)[1], rtol=1e-6, atol=1e-6)


@feature("tensorflow", "`ForwardAccumulator`")
def forward_mode(name):
    subject = layer(name, "tensorflow", options={"dtype": "float64"})
    given, x = others(name, "tensorflow"), native("tensorflow", X, "float64")
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
        value = subject(x, *given)
    tangent = accumulator.jvp(value, unconnected_gradients="zero")
    np.testing.assert_allclose(tangent, _along_ones(name)[0], rtol=1e-6, atol=1e-6)


_LOAD_AND_RUN = """
import sys
import numpy as np
import tensorflow as tf
folder, how = sys.argv[1:]
if how == "keras":
    import unified_act  # makes the layers known to Keras, which TensorFlow has imported
    call = tf.keras.models.load_model(f"{folder}/model.keras")
else:
    call = tf.keras.layers.TFSMLayer(f"{folder}/saved", call_endpoint="serve")
given = {key: tf.constant(array) for key, array in np.load(f"{folder}/inputs.npz").items()}
inputs = {key: array for key, array in given.items() if key.endswith(".0")}
with tf.GradientTape() as tape:
    tape.watch(inputs)
    values = call(list(given.values()))
slopes = tape.gradient(list(values.values()), inputs)
assert how == "keras" or not any(name.startswith("unified_act") for name in sys.modules)
np.savez(f"{folder}/values.npz", **values)
np.savez(f"{folder}/slopes.npz", **slopes)
"""


def _in_a_fresh_process(names, how):
    """One model with a branch for each activation, saved, loaded elsewhere and run."""
    names = list(names)
    given, inputs, outputs = {}, {}, {}
    for place, name in enumerate(names):
        arrays = {f"{place}.{i}": a for i, a in enumerate([_x(), *others(name, "tensorflow")])}
        own = {key: keras.Input(a.shape[1:], dtype=a.dtype.name) for key, a in arrays.items()}
        outputs[f"{place}.0"] = layer(name, "tensorflow")(*own.values())
        given |= arrays
        inputs |= own
    model = keras.Model(list(inputs.values()), outputs)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/inputs.npz", **given)
        if how == "keras":
            model.save(f"{folder}/model.keras")
        else:
            model.export(f"{folder}/saved", verbose=False)
        fresh(_LOAD_AND_RUN, folder, how)
        values, slopes = (dict(np.load(f"{folder}/{what}.npz")) for what in ("values", "slopes"))
    found = {name: f"{place}.0" for place, name in enumerate(names)}
    return differences({name: (values[key], slopes[key]) for name, key in found.items()})


@joint_feature("tensorflow", "`.keras`, loaded in a fresh process")
def saved_by_keras(names):
    return _in_a_fresh_process(names, "keras")


@joint_feature("tensorflow", "SavedModel, loaded in a fresh process without this library")
def saved_models(names):
    return _in_a_fresh_process(names, "saved")
