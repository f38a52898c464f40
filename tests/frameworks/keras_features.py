"""Keras: layers and functions in models, on whichever framework Keras runs.

Here it runs on TensorFlow. On the others the same features run in a fresh process each, all of them
for many activations at once.
"""

import contextlib
import functools
import json
import tempfile
from pathlib import Path

import keras
import numpy as np

import unified_act as ua
from tests.frameworks.features import (
    CHANNELS,
    KERAS_ON,
    X,
    bisected,
    failures,
    feature,
    fresh,
    joint_feature,
    layer,
    others,
    registered,
    same,
)
from tests.processes import WITHOUT_TENSORFLOW
from tests.specifications import SPECS

FRAMEWORK = keras.config.backend()
HERE = KERAS_ON.get(FRAMEWORK, FRAMEWORK)


def _tensor(array, dtype=None):
    return keras.ops.convert_to_tensor(array, dtype)


def _x():
    return _tensor(X, "float32")


def _others(name):
    return list(map(_tensor, others(name, "numpy")))


def _value_and_slope(call, x):
    return map(keras.ops.convert_to_numpy, ua.value_and_grad(call, x))


def _dtype(tensor):
    return keras.backend.standardize_dtype(tensor.dtype)


def _inputs(given):
    return [keras.Input(array.shape[1:], dtype=_dtype(array)) for array in given]


def _model(subject, given):
    """A functional model of one layer."""
    inputs = _inputs(given)
    return keras.Model(inputs, subject(*inputs))


def _numbers(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


@feature(HERE, "layer")
def layers_of_models(name):
    subject, given = layer(name, "keras"), _others(name)
    same(name, *_value_and_slope(lambda x: subject(x, *given), _x()))
    model = _model(subject, [_x(), *given])
    value = model([_x(), *given])
    same(name, _numbers(value))
    assert model.output_shape == subject.compute_output_shape((None, *X.shape[1:]))
    assert model.output_shape[1:] == tuple(value.shape)[1:]


@feature(HERE, "`Dense(activation=…)`")
def activation_of_dense(name):
    """Value, gradient, and one step of training: that which NumPy takes."""
    function = ua.get_activation(name, backend="keras")
    dense = keras.layers.Dense(CHANNELS, activation=function, kernel_initializer="identity")
    same(name, *_value_and_slope(dense, _x()))
    model = keras.Sequential([dense])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", run_eagerly=True)
    model.train_on_batch(np.float32(X), np.zeros(dense(_x()).shape, np.float32))
    _check_step(name, dense)


def _check_step(name, dense):
    subject, given = layer(name, "numpy"), others(name, "numpy")
    value = subject(X, *given)
    wanted = np.eye(CHANNELS) - 0.1 * X.T @ subject.backward(2 * value / value.size)
    np.testing.assert_allclose(_numbers(dense.kernel), wanted, rtol=1e-5, atol=1e-5)


@feature(HERE, "function in a functional model")
def functions_of_symbolic_tensors(name):
    parameters = layer(name, "numpy").spec.function.parameters
    function = ua.get_activation(SPECS[name].name, backend="keras", **parameters)
    weights = [
        keras.ops.full(X.shape[1:], SPECS[name].initial[weight], "float32")
        for weight in SPECS[name].weights
    ]
    given = [_x(), *weights, *_others(name)]
    inputs = [keras.Input(batch_shape=tuple(a.shape), dtype=_dtype(a)) for a in given]
    same(name, _numbers(keras.Model(inputs, function(*inputs))(given)))


@contextlib.contextmanager
def _policy(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@feature(HERE, "`mixed_float16`")
def mixed_float16(name):
    _mixed(name, "float16", 2.0**-8)


@feature(HERE, "`mixed_bfloat16`")
def mixed_bfloat16(name):
    _mixed(name, "bfloat16", 2.0**-5)


def _mixed(name, dtype, room):
    given = _others(name)
    with _policy(f"mixed_{dtype}"):
        subject = layer(name, "keras")
        model = _model(subject, [_x(), *given])
    assert _dtype(model([_x(), *given])) == dtype
    assert {_dtype(variable) for variable in subject.trainable_variables} <= {"float32"}
    assert len(subject.trainable_variables) == len(SPECS[name].weights)

    def call(x):
        return keras.ops.cast(model([x, *given]), "float32")

    same(name, *_value_and_slope(call, _x()), room=room)


@joint_feature(HERE, "`fit`")
def compiled_training(names):
    """One step, that which NumPy takes: compiled by XLA on TensorFlow and JAX."""
    names = list(names)
    model, given, kernels = _branches(names, kernels=True)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=FRAMEWORK != "torch")
    zeros = {key: np.zeros(one.shape, np.float32) for key, one in model(given).items()}
    model.fit(given, zeros, epochs=1, batch_size=len(X), verbose=0)
    return failures(lambda name: _check_step(name, model.get_layer(kernels[name])), names)


@feature(HERE, "names in a summary")
def names_of_summaries(name):
    given, lines = _others(name), []
    subjects = [layer(name, "keras") for _ in range(2)]
    for subject in subjects:
        model = _model(subject, [_x(), *given])
        model.summary(line_length=200, print_fn=lambda text, **_: lines.append(text))
        paths = [variable.path for variable in subject.weights]
        assert paths == [f"{subject.name}/{weight}" for weight in SPECS[name].weights]
        assert subject.name.startswith(SPECS[name].name)
        assert f" {subject.name} " in lines[-1]
    assert len({subject.name for subject in subjects}) == 2


@feature(HERE, "names in a plot")
def names_of_plots(name):
    subject = layer(name, "keras")
    model = _model(subject, [_x(), *_others(name)])
    graph = keras.utils.model_to_dot(model, show_layer_names=True)
    assert f"<b>{subject.name}</b>" in graph.to_string()


@feature(HERE, "config")
def configurations(name):
    subject, given = layer(name, "keras"), _others(name)
    data = json.loads(json.dumps(keras.saving.serialize_keras_object(subject)))
    model = _model(subject, [_x(), *given])
    for twin in (
        type(subject).from_config(subject.get_config()),
        keras.saving.deserialize_keras_object(data),
        keras.models.clone_model(model).layers[-1],
    ):
        assert twin.get_config() == subject.get_config()
        same(name, *_value_and_slope(lambda x, twin=twin: twin(x, *given), _x()))


def _branches(names, *, kernels=False):
    """One model with a branch for each activation, and what it is called with, by input."""
    given, inputs, outputs, dense = {}, {}, {}, {}
    for place, name in enumerate(names):
        arrays = {f"{place}_{i}": a for i, a in enumerate([_x(), *_others(name)])}
        own = {
            key: keras.Input(a.shape[1:], dtype=_dtype(a), name=f"input_{key}")
            for key, a in arrays.items()
        }
        first, *further = own.values()
        if kernels:
            dense[name] = f"kernel_{place}"
            first = keras.layers.Dense(
                CHANNELS, kernel_initializer="identity", use_bias=False, name=dense[name]
            )(first)
        outputs[f"{place}_0"] = layer(name, "keras")(first, *further)
        given |= {f"input_{key}": array for key, array in arrays.items()}
        inputs |= {f"input_{key}": one for key, one in own.items()}
    return keras.Model(inputs, outputs), given, dense


_SAVED = "`.keras`, saved on TensorFlow"


@functools.cache
def _saved(names):
    """The folder with a model, saved here, and with what to call it with."""
    folder = tempfile.TemporaryDirectory()
    model, given, _ = _branches(names)
    model.save(f"{folder.name}/model.keras")
    np.savez(f"{folder.name}/inputs.npz", **given)
    Path(folder.name, "names.json").write_text(json.dumps(names))
    return folder


@functools.cache
def _elsewhere(framework, names):
    """What fails where Keras runs on another framework, by the title of the feature."""
    folder = _saved(names).name
    program = "import sys; from tests.frameworks.keras_features import answer; answer(sys.argv[1])"
    fresh(WITHOUT_TENSORFLOW + program, folder, environment={"KERAS_BACKEND": framework})
    return json.loads(Path(folder, f"{framework}.json").read_text())


def answer(folder):
    """Exercises all features, in a fresh process that `_elsewhere` has started."""
    names = json.loads(Path(folder, "names.json").read_text())
    found = {one.title: one.exercise(names) for one in registered(HERE)}
    found[_SAVED] = _loaded(folder, names)
    Path(folder, f"{FRAMEWORK}.json").write_text(json.dumps(found))


def _loaded(folder, names):
    """Value and gradient of the model that was saved elsewhere."""
    model = keras.models.load_model(f"{folder}/model.keras")
    given = {key: _tensor(array) for key, array in np.load(f"{folder}/inputs.npz").items()}
    places = {name: f"{place}_0" for place, name in enumerate(names)}

    def run(some):
        found = {}
        for name in some:
            key = places[name]

            def call(x, key=key):
                return model({**given, f"input_{key}": x})[key]

            found[name] = tuple(_value_and_slope(call, given[f"input_{key}"]))
        return found

    return bisected(names, run)


def _column(framework, title):
    def exercise(names):
        return _elsewhere(framework, tuple(names))[title]

    return exercise


if FRAMEWORK == "tensorflow":
    for _framework, _key in KERAS_ON.items():
        for _title in [*(one.title for one in registered(HERE)), _SAVED]:
            joint_feature(_key, _title, _key)(_column(_framework, _title))
