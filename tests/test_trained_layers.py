"""A learned layer trains on each framework, and gives the same on every other one afterwards."""

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import BACKENDS, back, native, tolerance
from tests.specifications import SPECS

LEARNED = [name for name, spec in SPECS.items() if spec.weights]
CHANNELS, STEPS, RATE = 6, 120, 0.02
X = np.linspace(-2.0, 3.0, 8 * CHANNELS).reshape(8, CHANNELS)


def layer_of(name, backend):
    layer = ua.get_layer(name, backend=backend, channels=CHANNELS, axis=-1)
    if backend == "mxnet":
        layer.initialize()
    return layer


def output(layer, backend):
    value = layer(native(backend, X, "float32"))
    return back(backend, value.detach() if backend == "torch" else value, "float32")


def on_numpy(layer, x, wanted):
    losses = []
    for step in range(STEPS):
        difference = layer(x) - wanted
        losses.append(np.square(difference).mean())
        layer.backward(difference)
        for name, gradient in layer.gradients.items():
            layer.weights[name] -= 2.5 * RATE * 0.97**step * np.sign(gradient)
    return losses


def on_torch(layer, x, wanted):
    import torch

    optimizer, losses = torch.optim.Adam(layer.parameters(), lr=RATE), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(layer(x), wanted)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def on_tensorflow(layer, x, wanted):
    import keras
    import tensorflow as tf

    model = keras.Sequential([layer])
    model.compile(optimizer=keras.optimizers.Adam(RATE), loss="mse")
    first = model.evaluate(x, wanted, verbose=0)
    batches = tf.data.Dataset.from_tensors((x, wanted)).repeat(STEPS)
    model.fit(batches, shuffle=False, verbose=0)
    return [first, model.evaluate(x, wanted, verbose=0)]


def on_mxnet(layer, x, wanted):
    from unified_act_mxnet._framework import mx

    trainer = mx.gluon.Trainer(layer.collect_params(), "adam", {"learning_rate": RATE})
    losses = []
    for _ in range(STEPS):
        with mx.autograd.record():
            loss = mx.nd.square(layer(x) - wanted).mean()
        loss.backward()
        trainer.step(1)
        losses.append(loss.asscalar())
    return losses


TRAINERS = {
    "mxnet": on_mxnet,
    "numpy": on_numpy,
    "tensorflow": on_tensorflow,
    "torch": on_torch,
}


@pytest.mark.quick(lambda name: name in ("prelu", "xielu"))
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", LEARNED)
def test_trained_here_and_carried_everywhere(backend, name):
    teacher = layer_of(name, "numpy")
    for index, weight in enumerate(teacher.weights):
        teacher.weights[weight] += np.linspace(0.1, 0.4, CHANNELS) * (-1) ** index
    layer = layer_of(name, backend)
    before = ua.export_weights(layer)
    data = (native(backend, array, "float32") for array in (X, teacher(X)))
    losses = TRAINERS[backend](layer, *data)
    assert losses[-1] < 0.3 * losses[0]
    after = ua.export_weights(layer)
    assert all((before[weight] != after[weight]).any() for weight in SPECS[name].weights)
    wanted = output(layer, backend)
    for other in BACKENDS:
        carried = layer_of(name, other)
        ua.import_weights(carried, after)
        np.testing.assert_allclose(output(carried, other), wanted, **tolerance("float32", name))
