"""Gluon blocks: they train, wait for their size, and carry their weights to other frameworks."""

import numpy as np
import pytest
import torch

import unified_act as ua
from tests.backends.arrays import back, every_dtype, native, tolerance
from tests.specifications import SPECS
from unified_act_mxnet._framework import BFLOAT16, mx

X = np.array([[-3.0, -1.5, 0.75, 1.25], [0.125, 1.5, -2.0, 1.75], [1.0, -0.5, 0.25, -0.625]])
"""Numbers of both signs in every channel, which is the last axis; none at a kink."""
LEARNED = [name for name, spec in SPECS.items() if spec.weights]
FLAGS = [None, {}, {"static_alloc": True, "static_shape": True}]

every_learned = pytest.mark.parametrize("name", LEARNED)
every_mode = pytest.mark.parametrize("flags", FLAGS, ids=str)


def layer(name="prelu", **options):
    if SPECS[name].weights:
        options.setdefault("axis", -1)
    return ua.get_layer(name, backend="mxnet", **options)


def array(values=X, dtype="float32"):
    return mx.nd.array(values, dtype=dtype)


def weights_for(name, channels):
    """Others than a layer begins with."""
    spec = SPECS[name]
    return {
        weight: spec.initial[weight] + np.linspace(0.1, 0.3, channels) for weight in spec.weights
    }


def prepared(block, flags):
    block.initialize()
    if flags is not None:
        block.hybridize(**flags)
    return block


def train(block, x, target, steps, rule="adam", rate=0.05):
    """The loss before each step."""
    trainer = mx.gluon.Trainer(block.collect_params(), rule, {"learning_rate": rate})
    losses = []
    for _ in range(steps):
        with mx.autograd.record():
            loss = ((block(x) - target) ** 2).mean()
        loss.backward()
        trainer.step(1)
        losses.append(loss.asscalar())
    return losses


@pytest.mark.quick(lambda channels: channels is None)
@every_learned
@every_mode
@pytest.mark.parametrize("channels", [1, 4, None])
def test_a_layer_trains(name, flags, channels):
    subject, teacher = prepared(layer(name, channels=channels), flags), layer(name, channels=4)
    size = channels or 4
    ua.import_weights(teacher, {k: np.resize(w, 4) for k, w in weights_for(name, size).items()})
    losses = train(subject, array(), teacher(array()), 60)
    assert losses[-1] < losses[0] / 10
    for weight, values in ua.export_weights(subject).items():
        assert values.shape == (size,)
        if name != "srelu":  # of which in some channels nothing is beyond the corners
            assert (values != np.float32(SPECS[name].initial[weight])).all()


class TestInANetwork:
    @every_mode
    @pytest.mark.parametrize("channels", [1, 3, None])
    def test_after_a_convolution(self, flags, channels):
        """Hybridized, it is the whole network that finds out how many channels there are."""
        mx.random.seed(0)
        network = mx.gluon.nn.HybridSequential()
        network.add(mx.gluon.nn.Conv2D(3, 3), layer("snake_beta", channels=channels, axis=1))
        network.add(mx.gluon.nn.Dense(1))
        prepared(network, flags)
        x = mx.nd.random.normal(shape=(8, 2, 5, 5))
        losses = train(network, x, x.mean(axis=(1, 2, 3)).reshape((-1, 1)), 30)
        assert losses[-1] < losses[0] / 3
        alpha = ua.export_weights(network[1])["alpha"]
        assert alpha.shape == (channels or 3,)
        assert (alpha != 0).all()

    def test_repr_and_names(self):
        network = mx.gluon.nn.HybridSequential(prefix="net_")
        with network.name_scope():
            network.add(layer("snake_beta", channels=None), layer("gelu"))
        assert list(network.collect_params()) == ["net_snake_beta0_alpha", "net_snake_beta0_beta"]
        assert "(0): ActivationLayer('snake_beta', axis=-1, channels=None)" in repr(network)
        prepared(network, {})(array())
        assert "(0): ActivationLayer('snake_beta', axis=-1, channels=4)" in repr(network)
        assert "(1): ActivationLayer('gelu')" in repr(network)


class TestWaiting:
    """`channels=None`: MXNet defers the initialization until the first input."""

    @every_mode
    @every_learned
    def test_the_first_input_decides(self, name, flags):
        subject = prepared(layer(name, channels=None), flags)
        known = prepared(layer(name, channels=4), None)
        np.testing.assert_allclose(
            subject(array()).asnumpy(), known(array()).asnumpy(), **tolerance("float32")
        )
        assert all(w.shape == (4,) for w in ua.export_weights(subject).values())
        assert repr(subject) == repr(known)

    def test_with_arrays_of_the_numpy_kind(self):
        with mx.util.np_shape(True), mx.util.np_array(True):
            for flags in FLAGS:
                subject = prepared(layer(channels=None), flags)
                assert type(subject(array().as_np_ndarray())) is mx.np.ndarray
                assert ua.export_weights(subject)["weight"].shape == (4,)

    def test_in_a_symbol(self):
        result = layer("snake_beta", channels=None, options={"prefix": ""})(mx.sym.var("data"))
        shapes, _, _ = result.infer_shape(data=(2, 5, 4))
        assert dict(zip(result.list_arguments(), shapes, strict=True)) == {
            "data": (2, 5, 4),
            "alpha": (4,),
            "beta": (4,),
        }

    def test_a_file_decides(self, tmp_path):
        one = prepared(layer(channels=4, initial=0.5), None)
        one.save_parameters(str(tmp_path / "saved"))
        other = layer(channels=None)
        other.load_parameters(str(tmp_path / "saved"))
        assert ua.export_weights(other)["weight"].tolist() == [0.5] * 4

    def test_a_size_once_known_stays(self):
        subject = prepared(layer(channels=None), None)
        subject(array())
        with pytest.raises(ua.ParameterValueError, match="the weight has 4 channels, but axis -1"):
            subject(array(X[:, :3]))

    def test_no_such_axis(self):
        subject = prepared(layer(channels=None, axis=2), None)
        with pytest.raises(ValueError, match="takes the number of its channels from axis 2"):
            subject(array())

    @pytest.mark.parametrize("deferred", [True, False])
    def test_nothing_to_export(self, deferred):
        subject = layer(channels=None)
        if deferred:
            subject.initialize()
        with pytest.raises(ua.ParameterValueError, match=r"no size yet: call the layer first"):
            ua.export_weights(subject)


class TestCarrying:
    @every_dtype
    @every_learned
    @pytest.mark.parametrize("other", ["numpy", "torch"])
    @pytest.mark.parametrize("channels", [1, 4])
    def test_there_and_back(self, name, dtype, other, channels):
        in_mxnet = layer(name, channels=channels)
        in_mxnet.cast(BFLOAT16 if dtype == "bfloat16" else dtype)
        ua.import_weights(in_mxnet, weights_for(name, channels))
        options = {"dtype": getattr(torch, dtype)} if other == "torch" else {}
        elsewhere = ua.get_layer(name, backend=other, channels=None, axis=-1, options=options)
        ua.import_weights(elsewhere, ua.export_weights(in_mxnet))
        again = layer(name, channels=None)
        again.cast(BFLOAT16 if dtype == "bfloat16" else dtype)
        ua.import_weights(again, ua.export_weights(elsewhere))
        results = [
            back("mxnet", in_mxnet(native("mxnet", X, dtype)), dtype),
            back("mxnet", again(native("mxnet", X, dtype)), dtype),
            back(other, elsewhere(native(other, X, dtype)), dtype),
        ]
        np.testing.assert_array_equal(results[1], results[0])
        np.testing.assert_allclose(results[2], results[0], **tolerance(dtype, name))
        fresh = layer(name, channels=channels)
        fresh.cast(BFLOAT16 if dtype == "bfloat16" else dtype)
        fresh.initialize()
        assert (back("mxnet", fresh(native("mxnet", X, dtype)), dtype) != results[0]).any()

    def test_a_prelu_trained_in_mxnet_continues_in_pytorch(self):
        """As if it had never moved: the same steps, in one framework or in two."""
        start = {"channels": 4, "axis": -1}
        x, target = X, np.where(X > 0, X, X * [0.5, -0.25, 0.75, 0.1])
        moved, stayed = (prepared(layer(**start), None) for _ in range(2))
        whole = train(stayed, array(), array(target), 20, "sgd", 0.2)
        first = train(moved, array(), array(target), 10, "sgd", 0.2)
        continued = ua.get_layer("prelu", backend="torch", **start)
        ua.import_weights(continued, ua.export_weights(moved))
        optimizer = torch.optim.SGD(continued.parameters(), lr=0.2)
        second = []
        for _ in range(10):
            optimizer.zero_grad()
            wanted = torch.tensor(target, dtype=torch.float32)
            loss = ((continued(torch.tensor(x, dtype=torch.float32)) - wanted) ** 2).mean()
            loss.backward()
            optimizer.step()
            second.append(loss.item())
        np.testing.assert_allclose(first + second, whole, rtol=1e-5)
        assert whole[-1] < whole[0] / 3
        np.testing.assert_allclose(
            ua.export_weights(continued)["weight"], ua.export_weights(stayed)["weight"], rtol=1e-5
        )

    def test_weights_imported_into_a_layer_in_use_are_seen_by_graph_and_trainer(self):
        """Whatever holds its parameters sees the new weights: the graph, and the trainer."""
        subject = prepared(layer(channels=4), {})
        train(subject, array(), array(), 3)
        ua.import_weights(subject, {"weight": np.zeros(4)})
        np.testing.assert_array_equal(subject(array()).asnumpy(), np.maximum(X, 0))
        losses = train(subject, array(), array(), 40)
        assert losses[-1] < losses[0] / 10

    @pytest.mark.parametrize("channels", [4, None])
    def test_on_several_devices(self, channels):
        devices = [mx.cpu(0), mx.cpu(1)]
        subject = layer(channels=channels)
        subject.initialize(ctx=devices)
        ua.import_weights(subject, weights_for("prelu", 4))
        assert subject.weight.list_ctx() == devices
        for device in devices:
            held = subject.weight.data(device).asnumpy()
            np.testing.assert_array_equal(held, ua.export_weights(subject)["weight"])

    @every_dtype
    def test_one_that_is_not_initialized_has_what_it_begins_with(self, dtype):
        subject = layer(channels=2, initial=0.5)
        subject.cast(BFLOAT16 if dtype == "bfloat16" else dtype)
        before = ua.export_weights(subject)["weight"]
        subject.initialize()
        after = ua.export_weights(subject)["weight"]
        assert before.tolist() == after.tolist() == [0.5, 0.5]
        assert before.dtype == after.dtype == ("float32" if dtype == "bfloat16" else dtype)

    def test_another_number_of_channels(self):
        with pytest.raises(ua.ParameterValueError, match=r"has the shape \(3,\), got \(4,\)"):
            ua.import_weights(layer(channels=3), weights_for("prelu", 4))


class TestOptions:
    def test_prefix(self):
        subject = layer("snake_beta", options={"prefix": "wave_"})
        assert list(subject.collect_params()) == ["wave_alpha", "wave_beta"]

    def test_shared_parameters(self):
        one = layer(channels=4)
        other = layer(channels=4, options={"params": one.collect_params()})
        assert other.weight is one.weight

    def test_no_such_option(self):
        with pytest.raises(ua.UnknownParameterError, match=r"no option 'prefx'.*'prefix'"):
            layer(options={"prefx": "wave_"})

    def test_wrong_number_of_channels(self):
        subject = prepared(layer(channels=3), None)
        with pytest.raises(ua.ParameterValueError, match="the weight has 3 channels, but axis -1"):
            subject(array())

    def test_wrong_number_of_channels_hybridized(self):
        """A graph knows no shapes, so that MXNet says it."""
        subject = prepared(layer(channels=3), {})
        with pytest.raises(mx.MXNetError, match="operands could not be broadcast"):
            subject(array())

    def test_not_initialized(self):
        with pytest.raises(RuntimeError, match="has not been initialized"):
            layer()(array())

    def test_a_seed(self):
        subject = layer("gumbel_softmax")
        once, again, other = (subject(array(), seed).asnumpy() for seed in (1, 1, 2))
        np.testing.assert_array_equal(once, again)
        assert (once != other).any()


class TestGluonsOwnBlocks:
    """Why `get_layer` returns none of them."""

    @pytest.mark.parametrize("name", ["sigmoid", "tanh"])
    def test_activation_has_other_bits(self, name):
        x = array(np.linspace(-4.0, 4.0, 1001))
        own = mx.gluon.nn.Activation(name)
        assert (own(x).asnumpy() != layer(name)(x).asnumpy()).any()

    def test_softsign_lacks_a_dtype(self):
        x = native("mxnet", X, "bfloat16")
        layer("softsign")(x)
        with pytest.raises(mx.MXNetError, match="Unknown type enum"):
            mx.gluon.nn.Activation("softsign")(x).wait_to_read()

    def test_elu_takes_one_kind_of_array(self):
        x = array().as_np_ndarray()
        layer("elu")(x)
        with pytest.raises(TypeError, match="can only accept legacy ndarrays"):
            mx.gluon.nn.ELU(1.0)(x)
