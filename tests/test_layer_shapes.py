"""Layers with weights of any shape, and weights that come from the frameworks' own PReLU."""

import copy
import json
import re

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import BACKENDS, back, every_backend, native
from tests.specifications import SPECS
from unified_act.layers import LayerSpec

LEARNED = [name for name, spec in SPECS.items() if spec.weights]
IMAGES = np.linspace(-2.0, 3.0, 2 * 3 * 4 * 5).reshape(2, 3, 4, 5)

every_learned = pytest.mark.parametrize("name", LEARNED)


def called(layer, backend, x):
    """The result of a layer, and with it all that the first input decides."""
    if backend == "mxnet" and not any(has_data(each) for each in layer.params.values()):
        layer.initialize()
    return back(backend, layer(native(backend, x, "float32")), "float32")


def has_data(parameter):
    try:
        parameter.data()
    except RuntimeError:
        return False
    return True


def by_function(name, weights, x, axis=1):
    function = ua.get_activation(name, backend="numpy", axis=axis)
    arrays = [np.asarray(a, np.float32) for a in (x, *weights)]
    return function(*arrays)


@every_backend
@every_learned
class TestEveryLearnedLayer:
    @pytest.mark.quick(lambda name: name in ("prelu", "snake_beta"))
    def test_a_shape_that_is_given(self, backend, name):
        layer = ua.get_layer(name, backend=backend, weight_shape=(3, 1, 1))
        values = np.linspace(0.25, 0.75, 3).reshape(3, 1, 1)
        ua.import_weights(layer, dict.fromkeys(SPECS[name].weights, values))
        found = called(layer, backend, IMAGES)
        wanted = by_function(name, [values] * len(SPECS[name].weights), IMAGES)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
        for weight in ua.export_weights(layer).values():
            assert weight.shape == (3, 1, 1)

    @pytest.mark.quick(lambda name: name in ("prelu", "snake_beta"))
    def test_shared_axes(self, backend, name):
        layer = ua.get_layer(name, backend=backend, shared_axes=(1, 3))
        assert "shared_axes=(1, 3)" in repr(layer)
        with pytest.raises(ua.ParameterValueError, match="no size yet"):
            ua.export_weights(layer)
        called(layer, backend, IMAGES)
        weights = ua.export_weights(layer)
        assert {weight.shape for weight in weights.values()} == {(1, 4, 1)}
        values = np.linspace(0.25, 0.75, 4).reshape(1, 4, 1)
        ua.import_weights(layer, dict.fromkeys(weights, values))
        found = back(backend, layer(native(backend, IMAGES, "float32")), "float32")
        wanted = by_function(name, [values] * len(weights), IMAGES)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@every_backend
class TestShapes:
    @pytest.mark.parametrize(
        ("shared", "shape", "wanted"),
        [
            ((), (2, 3, 4, 5), (3, 4, 5)),
            ((2, 3), (2, 3, 4, 5), (3, 1, 1)),
            ([2, 1], (2, 3, 4, 5), (1, 1, 5)),
            ((1, 2, 3), (2, 3, 4, 5), (1, 1, 1)),
            ((), (4, 6), (6,)),
            ((1,), (4, 6), (1,)),
        ],
        ids=str,
    )
    def test_shared_axes_as_in_keras(self, backend, shared, shape, wanted):
        layer = ua.get_layer("prelu", backend=backend, shared_axes=shared, initial=0.5)
        x = np.resize(IMAGES, shape)
        found = called(layer, backend, x)
        np.testing.assert_array_equal(found, np.where(x > 0, x, 0.5 * x).astype(np.float32))
        assert ua.export_weights(layer)["weight"].shape == wanted

    def test_a_vector_of_shared_axes_belongs_to_the_last_axis(self, backend):
        layer = ua.get_layer("prelu", backend=backend, shared_axes=())
        ua.import_weights(layer, {"weight": np.arange(6.0)})
        x = -np.ones((4, 6))
        np.testing.assert_array_equal(called(layer, backend, x), x * np.arange(6.0))

    def test_the_number_of_channels_as_a_shape(self, backend):
        one = ua.get_layer("prelu", backend=backend, channels=3)
        other = ua.get_layer("prelu", backend=backend, weight_shape=(3,))
        np.testing.assert_array_equal(called(one, backend, IMAGES), called(other, backend, IMAGES))

    @pytest.mark.parametrize("shape", [(4, 3, 4, 5), (3, 4), (7, 1, 1)], ids=str)
    def test_a_shape_that_does_not_fit(self, backend, shape):
        layer = ua.get_layer("prelu", backend=backend, weight_shape=shape)
        with pytest.raises(ua.InputTypeError, match=r"cannot be broadcast to .*\(2, 3, 4, 5\)"):
            called(layer, backend, IMAGES)

    def test_axes_that_the_input_has_not(self, backend):
        layer = ua.get_layer("prelu", backend=backend, shared_axes=(1, 2))
        with pytest.raises(ValueError, match=r"axes \(1, 2\), which an input"):  # Gluon wraps ours
            called(layer, backend, np.ones((4, 6)))


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "given",
        [
            {"channels": 3, "weight_shape": (3, 1)},
            {"channels": None, "weight_shape": (3, 1)},
            {"channels": 3, "shared_axes": (1,)},
            {"weight_shape": (3, 1), "shared_axes": (1,)},
        ],
        ids=str,
    )
    def test_two_answers_to_one_question(self, given):
        names = " and ".join(f"{name}=.*" for name in given)
        with pytest.raises(ua.ParameterValueError, match=f"^{names} say two things"):
            ua.get_layer("prelu", backend="numpy", **given)

    def test_an_axis_beside_shared_axes(self):
        for given in ({"axis": 1}, {}):
            name = "prelu" if given else "prelu(axis=1)"
            with pytest.raises(ua.ParameterValueError, match="leave out axis="):
                ua.get_layer(name, backend="numpy", shared_axes=(1,), **given)

    @pytest.mark.parametrize("key", ["weight_shape", "shared_axes"])
    @pytest.mark.parametrize("value", [3, (0,), (-1,), (1.5,), "ab", (None,)], ids=repr)
    def test_what_are_no_lengths_or_axes(self, key, value):
        wanted = re.escape(f"got {value!r}.")
        with pytest.raises(ua.ParameterValueError, match=f"^{key} must be .*{wanted}$"):
            ua.get_layer("prelu", backend="numpy", **{key: value})

    def test_no_lengths_and_an_axis_twice(self):
        with pytest.raises(ua.ParameterValueError, match=r"weight_shape must be"):
            ua.get_layer("prelu", backend="numpy", weight_shape=())
        with pytest.raises(ua.ParameterValueError, match=r"different axes"):
            ua.get_layer("prelu", backend="numpy", shared_axes=(1, 1))

    @pytest.mark.parametrize("key", ["weight_shape", "shared_axes"])
    def test_what_learns_nothing(self, key):
        with pytest.raises(ua.ParameterValueError, match=rf"learns nothing .* leave out {key}="):
            ua.get_layer("relu", backend="numpy", **{key: (1, 2)})


class TestSavedLayers:
    @pytest.mark.parametrize(
        "given",
        [{"weight_shape": (3, 1, 1)}, {"shared_axes": (2, 3)}, {"shared_axes": ()}],
        ids=str,
    )
    def test_a_specification_as_data(self, given):
        spec = ua.get_layer("prelu", backend="numpy", **given).spec
        assert LayerSpec.from_config(json.loads(json.dumps(spec.to_config()))) == spec

    def test_torch(self, tmp_path):
        torch = pytest.importorskip("torch")
        x = torch.from_numpy(IMAGES.astype(np.float32))
        for given in ({"weight_shape": (3, 1, 1)}, {"shared_axes": (2, 3)}):
            layer = ua.get_layer("prelu", backend="torch", **given)
            layer(x)
            ua.import_weights(layer, {"weight": np.linspace(0.1, 0.9, 3)})
            assert layer.weight.shape == (3, 1, 1)
            waiting = ua.get_layer("prelu", backend="torch", **given)
            waiting.load_state_dict(layer.state_dict())
            torch.save(layer, tmp_path / "layer.pt")
            for other in (
                waiting,
                copy.deepcopy(layer),
                torch.load(tmp_path / "layer.pt", weights_only=False),
            ):
                assert torch.equal(other(x), layer(x))
                assert repr(other) == repr(layer)
            layer(x).sum().backward()
            assert layer.weight.grad.shape == (3, 1, 1)

    def test_keras(self, tmp_path):
        keras = pytest.importorskip("keras")
        x = IMAGES.astype(np.float32)
        for given in ({"weight_shape": (3, 1, 1)}, {"shared_axes": (2, 3)}):
            layer = ua.get_layer("snake", backend="tensorflow", **given)
            model = keras.Sequential([keras.Input((3, 4, 5)), layer])
            ua.import_weights(layer, {"alpha": np.linspace(0.1, 0.9, 3).reshape(3, 1, 1)})
            model.save(tmp_path / "model.keras")
            loaded = keras.models.load_model(tmp_path / "model.keras")
            np.testing.assert_array_equal(loaded(x), model(x))
            assert loaded.layers[-1].spec == layer.spec
            assert loaded.layers[-1].learned["alpha"].shape == (3, 1, 1)

    @pytest.mark.filterwarnings("ignore:Cannot decide type")  # of a graph that is loaded
    @pytest.mark.parametrize("hybrid", [False, True])
    def test_gluon(self, tmp_path, hybrid):
        mx = pytest.importorskip("unified_act_mxnet._framework").mx
        x = mx.nd.array(IMAGES)
        for given in (
            {"weight_shape": (3, 1, 1)},
            {"shared_axes": (2, 3)},
            {"shared_axes": (1, 3)},
        ):
            net = mx.gluon.nn.HybridSequential()
            layer = ua.get_layer("snake_beta", backend="mxnet", **given)
            net.add(layer)
            net.initialize()
            if hybrid:
                net.hybridize()
            with mx.autograd.record():
                value = net(x)
            value.backward()
            shape = (1, 4, 1) if given == {"shared_axes": (1, 3)} else (3, 1, 1)
            assert layer.alpha.data().shape == layer.alpha.grad().shape == shape
            values = np.linspace(0.1, 0.9, max(shape)).reshape(shape).astype(np.float32)
            ua.import_weights(layer, {"alpha": values, "beta": values})
            value = net(x)
            wanted = by_function("snake_beta", [values, values], IMAGES)
            np.testing.assert_allclose(value.asnumpy(), wanted, rtol=1e-5, atol=1e-6)
            net.save_parameters(str(tmp_path / "net.params"))
            other = mx.gluon.nn.HybridSequential()
            other.add(ua.get_layer("snake_beta", backend="mxnet", **given))
            other.load_parameters(str(tmp_path / "net.params"))
            np.testing.assert_allclose(other(x).asnumpy(), value.asnumpy(), rtol=1e-6)
            if hybrid:
                net.export(str(tmp_path / "net"))
                loaded = mx.gluon.SymbolBlock.imports(
                    str(tmp_path / "net-symbol.json"), ["data"], str(tmp_path / "net-0000.params")
                )
                np.testing.assert_allclose(loaded(x).asnumpy(), value.asnumpy(), rtol=1e-6)

    def test_a_gluon_layer_that_has_the_length_of_the_channels_along_another_axis(self):
        """Nobody knows the shape in a graph: a wrong axis would be wrong, and no error."""
        mx = pytest.importorskip("unified_act_mxnet._framework").mx
        net = mx.gluon.nn.HybridSequential()
        layer = ua.get_layer("prelu", backend="mxnet", shared_axes=(2, 3))
        net.add(layer)
        net.initialize()
        net.hybridize()
        x = -mx.nd.ones((2, 4, 4, 4))
        net(x)
        values = np.arange(4.0).reshape(4, 1, 1)
        ua.import_weights(layer, {"weight": values})
        np.testing.assert_array_equal(net(x).asnumpy(), np.broadcast_to(-values, x.shape))


def own_prelu(backend, values, x):
    """The framework's own PReLU with these weights, and what it computes of `x`."""
    if backend == "torch":
        torch = pytest.importorskip("torch")
        layer = torch.nn.PReLU(values.size)
        layer.load_state_dict({"weight": torch.from_numpy(values.reshape(-1))})
        return layer, layer(torch.from_numpy(x)).detach().numpy()
    if backend == "tensorflow":
        keras = pytest.importorskip("keras")
        shared = [axis + 1 for axis, length in enumerate(values.shape) if length == 1]
        layer = keras.layers.PReLU(shared_axes=shared)
        layer.build(x.shape)
        layer.set_weights([values])
        return layer, np.asarray(layer(x))
    mx = pytest.importorskip("unified_act_mxnet._framework").mx
    layer = mx.gluon.nn.PReLU(in_channels=values.size)
    layer.initialize()
    layer.alpha.set_data(mx.nd.array(values.reshape(-1)))
    return layer, layer(mx.nd.array(x)).asnumpy()


class TestWeightsOfOthers:
    X = IMAGES.astype(np.float32)
    BY_CHANNEL = np.float32([0.25, 0.5, -0.75])

    @pytest.mark.parametrize("target", BACKENDS)
    @pytest.mark.parametrize(
        ("source", "shape"),
        [
            ("torch", (1,)),
            ("torch", (3,)),
            ("mxnet", (1,)),
            ("mxnet", (3,)),
            ("tensorflow", (3, 1, 1)),
            ("tensorflow", (1, 1, 5)),
            ("tensorflow", (3, 4, 5)),
        ],
        ids=str,
    )
    def test_the_layers_of_frameworks(self, source, shape, target):
        values = np.resize(self.BY_CHANNEL, shape)
        theirs, wanted = own_prelu(source, values, self.X)
        exported = ua.export_weights(theirs)
        np.testing.assert_array_equal(exported["weight"], values.reshape(exported["weight"].shape))
        for weights in (theirs, exported, {"alpha": values}, {"slope": values}):
            layer = ua.get_layer("prelu", backend=target, weight_shape=shape)
            ua.import_weights(layer, weights)
            np.testing.assert_array_equal(called(layer, target, self.X), wanted)

    @pytest.mark.parametrize(
        ("target", "shape"),
        [
            ("torch", (3,)),
            ("torch", (1,)),
            ("mxnet", (3,)),
            ("tensorflow", (3, 1, 1)),
            ("tensorflow", (3, 4, 5)),
        ],
        ids=str,
    )
    def test_into_the_layers_of_frameworks(self, target, shape):
        values = np.resize(self.BY_CHANNEL, shape)
        ours = ua.get_layer("prelu", backend="numpy", weight_shape=shape)
        ua.import_weights(ours, {"weight": values})
        theirs, _ = own_prelu(target, np.zeros(shape, np.float32), self.X)
        ua.import_weights(theirs, ours)
        np.testing.assert_array_equal(ua.export_weights(theirs)["weight"], values)

    def test_into_a_layer_of_keras_that_waits(self):
        keras = pytest.importorskip("keras")
        layer = keras.layers.PReLU(shared_axes=[2, 3])
        with pytest.raises(ua.ParameterValueError, match="no size yet"):
            ua.export_weights(layer)
        ua.import_weights(layer, {"weight": self.BY_CHANNEL.reshape(3, 1, 1)})
        wanted = by_function("prelu", [self.BY_CHANNEL], self.X)
        np.testing.assert_array_equal(np.asarray(layer(self.X)), wanted)

    @pytest.mark.parametrize(
        ("held", "given"),
        [
            ((3,), (1, 1, 3)),
            ((3,), (3, 1, 1)),
            ((3, 1, 1), (3,)),
            ((1, 1, 3), (1, 3)),
            ((1,), (1, 1, 1)),
        ],
        ids=str,
    )
    def test_a_number_for_each_channel_in_another_shape(self, held, given):
        layer = ua.get_layer("prelu", backend="numpy", weight_shape=held)
        values = np.resize(self.BY_CHANNEL, given)
        ua.import_weights(layer, {"alpha": values})
        np.testing.assert_array_equal(ua.export_weights(layer)["weight"], values.reshape(held))

    def test_a_layer_that_waits_for_its_channels_takes_them_from_any_shape(self):
        layer = ua.get_layer("prelu", backend="numpy", channels=None)
        ua.import_weights(layer, {"slope": self.BY_CHANNEL.reshape(3, 1, 1)})
        np.testing.assert_array_equal(ua.export_weights(layer)["weight"], self.BY_CHANNEL)

    @pytest.mark.parametrize(
        ("given", "shape"),
        [
            ({"channels": 3}, (3, 4)),
            ({"channels": None}, (3, 4)),
            ({"channels": 3}, (4,)),
            ({"weight_shape": (3, 4, 5)}, (5, 4, 3)),
            ({"weight_shape": (3, 4)}, (12,)),
            ({"shared_axes": (1, 2)}, (3, 1, 5)),
            ({"shared_axes": (1, 2)}, (5,)),
        ],
        ids=str,
    )
    def test_shapes_that_do_not_fit(self, given, shape):
        layer = ua.get_layer("prelu", backend="numpy", **given)
        wanted = re.escape(f"got {shape}; make the layer with weight_shape={shape}")
        with pytest.raises(ua.ParameterValueError, match=wanted):
            ua.import_weights(layer, {"alpha": np.ones(shape)})

    def test_a_foreign_name_is_for_prelu_only(self):
        layer = ua.get_layer("tlu", backend="numpy")
        with pytest.raises(ua.UnknownParameterError, match=r"\['tau'\], got \['slope'\]"):
            ua.import_weights(layer, {"slope": [1.0]})

    @pytest.mark.parametrize("thing", [3, "weight", None, np.ones(3)], ids=repr)
    def test_what_has_no_weights(self, thing):
        layer = ua.get_layer("prelu", backend="numpy")
        with pytest.raises(ua.ParameterValueError, match="a mapping of arrays by name, or a layer"):
            ua.import_weights(layer, thing)


def test_the_words_of_keras():
    """Its layer of that name with its argument; a function says who takes it."""
    layer = ua.get_layer("PReLU", backend="numpy", dialect="keras_layers", shared_axes=[1, 2])
    assert repr(layer) == "ActivationLayer('prelu', axis=-1, shared_axes=(1, 2))"
    with pytest.raises(ua.UnsupportedError, match="pass it to get_layer"):
        ua.get_activation("PReLU", dialect="keras_layers", shared_axes=[1, 2])
