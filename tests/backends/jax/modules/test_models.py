"""One small model of each library trains, is saved and loaded, and gives its PReLU to others."""

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import linen as nn
from flax import nnx

import unified_act as ua
from tests.backends.arrays import back, native
from tests.backends.jax.modules.calling import every_library, layer_of

CHANNELS, STEPS, RATE = 8, 100, 0.02
X = np.linspace(-2.0, 2.0, 16 * 4, dtype=np.float32).reshape(16, 4)
WANTED = np.abs(X).sum(-1, keepdims=True)


def loss(predict, *model):
    return jnp.square(predict(*model, X) - WANTED).mean()


def descend(params, slopes):
    return jax.tree.map(lambda param, slope: param - RATE * slope, params, slopes)


def prelu(library):
    return layer_of("prelu", library, channels=CHANNELS, axis=-1)


def noisy(library, **options):
    return layer_of("rrelu", library, lower=0.99, upper=1.01, options=options)


class Nnx:
    def __init__(self, seed):
        rngs = nnx.Rngs(seed)
        self.model = nnx.Sequential(
            nnx.Linear(4, CHANNELS, rngs=rngs),
            prelu("nnx"),
            noisy("nnx", rngs=rngs),
            nnx.Linear(CHANNELS, 1, rngs=rngs),
        )

    def train(self):
        @nnx.jit
        def step(model):
            value, slopes = nnx.value_and_grad(lambda model: loss(nnx.Sequential.__call__, model))(
                model
            )
            nnx.update(model, descend(nnx.state(model, nnx.Param), slopes))
            return value

        self.model.train()
        return [step(self.model) for _ in range(STEPS)]

    def predict(self):
        self.model.eval()
        return self.model(X)

    def save(self, folder):
        with ocp.StandardCheckpointer() as saver:
            saver.save(folder / "model", nnx.state(self.model, nnx.Param))

    def load(self, folder):
        with ocp.StandardCheckpointer() as saver:
            params = saver.restore(folder / "model", nnx.state(self.model, nnx.Param))
        nnx.update(self.model, params)

    def slopes(self):
        return ua.export_weights(self.model.layers[1])

    def set_slopes(self, weights):
        ua.import_weights(self.model.layers[1], weights)


class Linen:
    def __init__(self, seed):
        self.model = nn.Sequential([nn.Dense(CHANNELS), prelu("linen"), self.noisy(), nn.Dense(1)])
        self.params = self.model.init(jax.random.key(seed), X)

    @staticmethod
    def noisy():
        return noisy("linen", deterministic=False)

    def train(self):
        @jax.jit
        def step(params, key):
            run = lambda params, x: self.model.apply(params, x, rngs={"dropout": key})
            value, slopes = jax.value_and_grad(lambda params: loss(run, params))(params)
            return value, descend(params, slopes)

        losses = []
        for number in range(STEPS):
            value, self.params = step(self.params, jax.random.key(number))
            losses.append(value)
        return losses

    def predict(self):
        layers = [*self.model.layers[:2], noisy("linen", deterministic=True), self.model.layers[3]]
        return nn.Sequential(layers).apply(self.params, X)

    def save(self, folder):
        with ocp.StandardCheckpointer() as saver:
            saver.save(folder / "model", self.params)

    def load(self, folder):
        with ocp.StandardCheckpointer() as saver:
            self.params = saver.restore(folder / "model", self.params)

    def slopes(self):
        return ua.export_weights(prelu("linen"), self.params["params"]["layers_1"])

    def set_slopes(self, weights):
        own = self.params["params"]
        own["layers_1"] = ua.import_weights(prelu("linen"), weights, own["layers_1"])


class Equinox:
    def __init__(self, seed):
        one, two = jax.random.split(jax.random.key(seed))
        self.model = eqx.nn.Sequential(
            [
                eqx.nn.Linear(4, CHANNELS, key=one),
                prelu("equinox"),
                noisy("equinox"),
                eqx.nn.Linear(CHANNELS, 1, key=two),
            ]
        )

    def train(self):
        @eqx.filter_jit
        def step(model, key):
            keys = jax.random.split(key, len(X))
            run = lambda model, x: jax.vmap(lambda x, key: model(x, key=key))(x, keys)
            value, slopes = eqx.filter_value_and_grad(lambda model: loss(run, model))(model)
            changes = jax.tree.map(lambda slope: -RATE * slope, slopes)
            return value, eqx.apply_updates(model, changes)

        losses = []
        for number in range(STEPS):
            value, self.model = step(self.model, jax.random.key(number))
            losses.append(value)
        return losses

    def predict(self):
        return jax.vmap(eqx.nn.inference_mode(self.model))(X)

    def save(self, folder):
        eqx.tree_serialise_leaves(folder / "model.eqx", self.model)

    def load(self, folder):
        self.model = eqx.tree_deserialise_leaves(folder / "model.eqx", self.model)

    def slopes(self):
        return ua.export_weights(self.model[1])

    def set_slopes(self, weights):
        new = ua.import_weights(self.model[1], weights)
        self.model = eqx.tree_at(lambda model: model[1], self.model, new)


class Haiku:
    def __init__(self, seed):
        def predict(x, is_training):
            x = prelu("haiku")(hk.Linear(CHANNELS)(x))
            return hk.Linear(1)(noisy("haiku")(x, is_training=is_training))

        self.model = hk.transform(predict)
        self.params = self.model.init(jax.random.key(seed), X, False)

    def train(self):
        @jax.jit
        def step(params, key):
            run = lambda params, x: self.model.apply(params, key, x, True)
            value, slopes = jax.value_and_grad(lambda params: loss(run, params))(params)
            return value, descend(params, slopes)

        losses = []
        for number in range(STEPS):
            value, self.params = step(self.params, jax.random.key(number))
            losses.append(value)
        return losses

    def predict(self):
        return self.model.apply(self.params, None, X, False)

    save, load = Linen.save, Linen.load

    def slopes(self):
        return ua.export_weights(prelu("haiku"), self.params)

    def set_slopes(self, weights):
        self.params = ua.import_weights(prelu("haiku"), weights, self.params)


MODELS = {"nnx": Nnx, "linen": Linen, "equinox": Equinox, "haiku": Haiku}


@every_library
def test_trained_saved_and_carried_there_and_back(library, tmp_path):
    model = MODELS[library](seed=0)
    first = model.slopes()["weight"]
    losses = model.train()
    assert losses[-1] < 0.2 * losses[0]
    slopes = model.slopes()["weight"]
    assert (slopes != first).all()
    wanted = np.asarray(model.predict())

    model.save(tmp_path)
    loaded = MODELS[library](seed=1)
    assert (np.asarray(loaded.predict()) != wanted).any()
    loaded.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(), wanted)

    hidden = np.linspace(-2.0, 2.0, 4 * CHANNELS).reshape(4, CHANNELS)
    ours = np.where(hidden > 0, hidden, hidden * slopes).astype(np.float32)
    for backend in ("torch", "tensorflow", "mxnet"):
        layer = ua.get_layer("prelu", backend=backend, channels=CHANNELS, axis=-1)
        ua.import_weights(layer, model.slopes())
        value = layer(native(backend, hidden, "float32"))
        value = value.detach() if backend == "torch" else value
        np.testing.assert_allclose(back(backend, value, "float32"), ours, rtol=1e-6)
        returned = MODELS[library](seed=2)
        returned.load(tmp_path)
        returned.set_slopes({"weight": np.zeros(CHANNELS)})
        assert (np.asarray(returned.predict()) != wanted).any()
        returned.set_slopes(layer)
        np.testing.assert_array_equal(returned.predict(), wanted)


SHARDED = """
import jax, jax.numpy as jnp, numpy as np, unified_act as ua
from flax import linen as nn, nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec

mesh = Mesh(jax.devices(), ("model",))
x, slopes = -jnp.ones((4, 8)), np.arange(8.0)
place = NamedSharding(mesh, PartitionSpec("model"))

def check(weight, value):
    assert weight.sharding.is_equivalent_to(place, 1), weight.sharding
    np.testing.assert_array_equal(value, x * slopes)

constant = nnx.initializers.constant(0.25)
make = nnx.with_partitioning(constant, ("model",))

@nnx.jit
def create():
    options = {"initializer": make, "rngs": nnx.Rngs(0)}
    layer = ua.get_layer("prelu", backend="jax", library="nnx", channels=8, options=options)
    state = nnx.state(layer)
    nnx.update(layer, jax.lax.with_sharding_constraint(state, nnx.get_partition_spec(state)))
    return layer

with mesh:
    layer = create()
ua.import_weights(layer, {"weight": slopes})
check(layer.weight[...], nnx.jit(lambda layer, x: layer(x))(layer, x))

make = nn.with_partitioning(constant, ("model",))
options = {"initializer": make}
layer = ua.get_layer("prelu", backend="jax", library="linen", channels=8, options=options)
wanted = nn.get_sharding(jax.eval_shape(layer.init, jax.random.key(0), x), mesh)
variables = jax.jit(layer.init, out_shardings=wanted)(jax.random.key(0), x)
variables = ua.import_weights(layer, {"weight": slopes}, variables)
check(variables["params"]["weight"].unbox(), jax.jit(layer.apply)(variables, x))
print("sharded over", len(jax.devices()))
"""


@pytest.mark.exhaustive
def test_weights_over_two_devices(run_python):
    """The metadata of NNX and Linen say where a weight goes, and it stays there."""
    devices = "--xla_force_host_platform_device_count=2"
    program = f"import os; os.environ['XLA_FLAGS'] = {devices!r}\n{SHARDED}"
    assert run_python(program).strip() == "sharded over 2"
