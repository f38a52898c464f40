"""TensorFlow and Keras: functions in graphs, under tapes and in layers; layers in models."""

import contextlib
import functools
import json
import tempfile

import keras
import numpy as np
import tensorflow as tf

import unified_act as ua
from tests.backends.arrays import native
from tests.frameworks.features import (
    CHANNELS,
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


def _model(subject, given):
    """A functional model of one layer."""
    inputs = [keras.Input(array.shape[1:], dtype=array.dtype.name) for array in given]
    return keras.Model(inputs, subject(*inputs))


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


@feature("tensorflow", "layer")
def layers_of_models(name):
    subject, given = layer(name, "tensorflow"), others(name, "tensorflow")
    same(name, *_value_and_slope(lambda x: subject(x, *given), _x()))
    model = _model(subject, [_x(), *given])
    value = model([_x(), *given])
    same(name, value)
    assert model.output_shape == subject.compute_output_shape((None, *X.shape[1:]))
    assert model.output_shape[1:] == value.shape[1:]


@feature("tensorflow", "`Dense(activation=…)`")
def activation_of_dense(name):
    """Value, gradient, and one step of training: that which NumPy takes."""
    function = ua.get_activation(name, backend="tensorflow")
    dense = keras.layers.Dense(
        CHANNELS, activation=function, kernel_initializer=keras.initializers.Identity()
    )
    same(name, *_value_and_slope(dense, _x()))
    model = keras.Sequential([dense])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", run_eagerly=True)
    model.train_on_batch(_x(), tf.zeros_like(dense(_x())))
    subject = layer(name, "numpy")
    value = subject(X)
    wanted = np.eye(CHANNELS) - 0.1 * X.T @ subject.backward(2 * value / value.size)
    np.testing.assert_allclose(dense.kernel.numpy(), wanted, rtol=1e-5, atol=1e-5)


@feature("tensorflow", "function in a functional model")
def functions_of_symbolic_tensors(name):
    function = ua.get_activation(SPECS[name].name, backend="tensorflow", **_parameters(name))
    weights = [
        tf.fill(X.shape[1:], np.float32(SPECS[name].initial[weight]))
        for weight in SPECS[name].weights
    ]
    given = [_x(), *weights, *others(name, "tensorflow")]
    inputs = [keras.Input(batch_shape=array.shape, dtype=array.dtype.name) for array in given]
    same(name, keras.Model(inputs, function(*inputs))(given))


def _parameters(name):
    return dict(layer(name, "numpy").spec.function.parameters)


@contextlib.contextmanager
def _policy(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@feature("tensorflow", "`mixed_float16`")
def mixed_float16(name):
    _mixed(name, "float16", 2.0**-8)


@feature("tensorflow", "`mixed_bfloat16`")
def mixed_bfloat16(name):
    _mixed(name, "bfloat16", 2.0**-5)


def _mixed(name, dtype, room):
    given = others(name, "tensorflow")
    with _policy(f"mixed_{dtype}"):
        subject = layer(name, "tensorflow")
        model = _model(subject, [_x(), *given])
    x, variables = _x(), model.trainable_variables
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = model([x, *given])
    slope, *slopes = tape.gradient(value, [x, *variables])
    assert value.dtype == dtype
    same(name, tf.cast(value, tf.float32), slope, room=room)
    assert [v.dtype for v in variables] == [s.dtype.name for s in slopes]
    assert len(variables) == len(SPECS[name].weights)


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


@feature("tensorflow", "names in a summary")
def names_of_summaries(name):
    given, lines = others(name, "tensorflow"), []
    subjects = [layer(name, "tensorflow") for _ in range(2)]
    for subject in subjects:
        model = _model(subject, [_x(), *given])
        model.summary(line_length=120, print_fn=lambda text, **_: lines.append(text))
        paths = [variable.path for variable in subject.weights]
        assert paths == [f"{subject.name}/{weight}" for weight in SPECS[name].weights]
        assert subject.name.startswith(SPECS[name].name)
        assert f" {subject.name} " in lines[-1]
    assert len({subject.name for subject in subjects}) == 2


@feature("tensorflow", "names in a plot")
def names_of_plots(name):
    given = others(name, "tensorflow")
    subject = layer(name, "tensorflow")
    graph = keras.utils.model_to_dot(_model(subject, [_x(), *given]), show_layer_names=True)
    assert f"<b>{subject.name}</b>" in graph.to_string()


@feature("tensorflow", "config")
def configurations(name):
    subject, given = layer(name, "tensorflow"), others(name, "tensorflow")
    data = json.loads(json.dumps(keras.saving.serialize_keras_object(subject)))
    model = _model(subject, [_x(), *given])
    for twin in (
        type(subject).from_config(subject.get_config()),
        keras.saving.deserialize_keras_object(data),
        keras.models.clone_model(model).layers[-1],
    ):
        assert twin.get_config() == subject.get_config()
        same(name, *_value_and_slope(lambda x, twin=twin: twin(x, *given), _x()))


_LOAD_AND_RUN = """
import sys
import numpy as np
import tensorflow as tf
folder, how = sys.argv[1:]
if how == "keras":
    import unified_act_tensorflow  # makes the layers known to Keras
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
