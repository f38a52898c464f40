"""Layers of stochastic activations: they know train from eval, and need no seed."""

import copy
import pickle

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import native
from unified_act.layers import LayerSpec

X = np.linspace(-2.0, 2.0, 24).reshape(4, 6)
BACKENDS = ["mxnet", "tensorflow", "torch"]
DTYPES = ["float16", "float32", "float64"]
MEAN = np.where(X > 0, X, (1 / 8 + 1 / 3) / 2 * X)


class Torch:
    def __init__(self, layer):
        import torch

        self.model = torch.nn.Sequential(torch.nn.Identity(), layer)

    def __call__(self, x, *, training):
        return self.model.train(training)(x)

    @staticmethod
    def seed(number):
        import torch

        torch.manual_seed(number)


class Tensorflow:
    def __init__(self, layer):
        import keras

        self.model = keras.Sequential([layer])

    def __call__(self, x, *, training):
        return self.model(x, training=training)


class Mxnet:
    def __init__(self, layer, hybridized=False):
        from unified_act_mxnet._framework import mx

        self.model = mx.gluon.nn.HybridSequential()
        self.model.add(layer)
        self.model.initialize()
        if hybridized:
            self.model.hybridize()

    def __call__(self, x, *, training):
        from unified_act_mxnet._framework import mx

        with mx.autograd.record(train_mode=training):
            return self.model(x)

    @staticmethod
    def seed(number):
        from unified_act_mxnet._framework import mx

        mx.random.seed(number)


MODELS = {
    "torch": Torch,
    "tensorflow": Tensorflow,
    "mxnet": Mxnet,
    "mxnet-hybridized": lambda layer: Mxnet(layer, hybridized=True),
}
every_model = pytest.mark.parametrize("kind", MODELS)


def model_of(kind, name, dtype="float32", **parameters):
    backend = kind.partition("-")[0]
    options = {"dtype": dtype} if backend == "tensorflow" else {}
    layer = ua.get_layer(name, backend=backend, options=options, **parameters)
    return MODELS[kind](layer), native(backend, X, dtype)


def numbers(array):
    found = array.detach() if hasattr(array, "detach") else array
    return np.array(found.asnumpy() if hasattr(found, "asnumpy") else found, np.float64)


@every_model
@pytest.mark.parametrize("dtype", DTYPES)
def test_evaluation_has_the_mean_slope(kind, dtype):
    model, x = model_of(kind, "rrelu", dtype)
    rtol = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(numbers(model(x, training=False)), MEAN, rtol=rtol, atol=1e-7)


@every_model
@pytest.mark.parametrize("dtype", DTYPES)
def test_training_draws_each_time(kind, dtype):
    model, x = model_of(kind, "rrelu", dtype)
    first, second = (numbers(model(x, training=True)) for _ in range(2))
    assert (first != second).any()
    slopes = (first / X)[X < 0]
    assert ((slopes > 0.124) & (slopes < 0.334)).all()
    assert slopes.std() > 0.02
    np.testing.assert_allclose(first[X > 0], X[X > 0], rtol=2e-3)


@every_model
def test_one_model_in_both_modes(kind):
    model, x = model_of(kind, "rrelu")
    for _ in range(2):
        np.testing.assert_allclose(numbers(model(x, training=False)), MEAN, rtol=1e-6)
        assert (numbers(model(x, training=True)) != MEAN.astype(np.float32)).any()


@every_model
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_samples(kind, training, dtype):
    model, x = model_of(kind, "gumbel_softmax", dtype)
    first, second = (numbers(model(x, training=training)) for _ in range(2))
    assert (first != second).any()
    np.testing.assert_allclose(first.sum(-1), 1.0, rtol=5e-3)


@every_model
@pytest.mark.parametrize(("training", "draws"), [(True, True), (False, False)])
def test_a_mode_that_is_given(kind, training, draws):
    """It stays, whatever the mode of the model."""
    for mode in (True, False):
        model, x = model_of(kind, "rrelu", training=training)
        first, second = (numbers(model(x, training=mode)) for _ in range(2))
        assert (first != second).any() == draws


@pytest.mark.parametrize("kind", ["torch", "mxnet", "mxnet-hybridized"])
def test_the_seed_of_the_framework(kind):
    model, x = model_of(kind, "rrelu")
    model(x, training=True)  # MXNet compiles
    found = []
    for _ in range(2):
        model.seed(3)
        found.append(numbers(model(x, training=True)))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_explicit_seed(backend):
    layer = ua.get_layer("gumbel_softmax", backend=backend)
    function = ua.get_activation("gumbel_softmax", backend=backend)
    x = native(backend, X, "float32")
    found = layer(x, generator=5) if backend == "tensorflow" else layer(x, 5)
    np.testing.assert_array_equal(numbers(found), numbers(function(x, 5)))


@pytest.mark.parametrize("backend", [*BACKENDS, "numpy"])
def test_a_function_without_a_seed_stays_an_error(backend):
    for name in ("rrelu(training=True)", "gumbel_softmax"):
        with pytest.raises(ua.ParameterValueError, match="draws random numbers: pass a seed"):
            ua.get_activation(name, backend=backend)(native(backend, X, "float32"))


@pytest.mark.parametrize("given", ["rrelu(training=False)", {"name": "rrelu", "training": False}])
def test_given_with_the_name(given):
    layer = ua.get_layer(given, backend="torch")
    assert not layer.spec.follows_mode
    assert "training=False" in repr(layer)


def test_a_name_of_pytorch_follows_the_mode():
    assert ua.get_layer("RReLU", backend="torch", dialect="torch").spec.follows_mode


def test_the_specification_survives():
    layer = ua.get_layer("rrelu", backend="torch", lower=0.2)
    assert LayerSpec.from_config(layer.spec.to_config()) == layer.spec
    assert "training" not in repr(layer)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other.spec == layer.spec
        assert other.eval()(native("torch", X, "float32")).isfinite().all()


class TestTorch:
    @pytest.mark.parametrize("training", [True, False])
    @pytest.mark.parametrize("name", ["rrelu", "gumbel_softmax"])
    def test_compiled(self, name, training):
        import torch

        model, x = model_of("torch", name)
        compiled = torch.compile(model.model.train(training), fullgraph=True)
        first, second = numbers(compiled(x)), numbers(compiled(x))
        assert (first != second).any() == (training or name == "gumbel_softmax")

    def test_the_gradient_has_the_slopes_of_the_value(self):
        model, x = model_of("torch", "rrelu", "float64")
        x.requires_grad_()
        y = model(x, training=True)
        y.sum().backward()
        np.testing.assert_allclose(numbers(x.grad * x), numbers(y))

    def test_it_replaces_an_activation(self):
        import torch

        model = torch.nn.Sequential(torch.nn.ReLU()).eval()
        ua.replace_activations(model, "relu", "rrelu")
        np.testing.assert_allclose(numbers(model(native("torch", X, "float64"))), MEAN)


class TestKeras:
    @pytest.mark.parametrize("name", ["rrelu", "gumbel_softmax"])
    @pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
    def test_in_a_model(self, name, tmp_path):
        import keras

        x = X.astype(np.float32)
        layer = ua.get_layer(name, backend="tensorflow")
        model = keras.Sequential([keras.layers.Input((6,)), layer])
        model.compile(loss="mse", optimizer="sgd")
        model.fit(x, x, verbose=0)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert loaded.layers[-1].spec == layer.spec
        if name == "rrelu":
            np.testing.assert_allclose(loaded.predict(x, verbose=0), MEAN, rtol=1e-6)

    def test_a_seed_for_everything(self):
        import keras

        found = []
        for _ in range(2):
            keras.utils.set_random_seed(1)
            model, x = model_of("tensorflow", "rrelu")
            found.append(numbers(model(x, training=True)))
        np.testing.assert_array_equal(*found)
