"""One grammar: what a description may say, for functions, for layers and on the command line."""

import copy
import json
import pickle

import pytest

import unified_act as ua


class TestFunctions:
    @pytest.mark.parametrize(
        "description",
        [
            {"name": "LeakyReLU", "dialect": "keras_layers", "backend": "np"},
            {"name": "leaky_relu", "negative_slope": 0.3, "backend": "numpy", "channels": 3},
            {"class_name": "LeakyReLU", "config": {"negative_slope": 0.3}, "backend": "numpy"},
            {"type": "LeakyReLU", "negative_slope": 0.3, "backend": "numpy"},
            "leaky_relu(negative_slope=0.3, backend='numpy')",
            '{"name": "leaky_relu", "negative_slope": 0.3, "backend": "numpy"}',
        ],
        ids=str,
    )
    def test_everything_that_a_call_says(self, description):
        wanted = ua.get_activation("leaky_relu", negative_slope=0.3, backend="numpy")
        assert ua.get_activation(description) == wanted
        assert ua.get_activation(description, backend="np") == wanted
        if "channels" not in description:
            assert ua.get_layer(description).spec.function == wanted
        if not isinstance(description, str):
            assert ua.from_config(description) == wanted
        assert "on numpy" in ua.describe(description)

    def test_numerics(self):
        strict = ua.get_activation({"name": "gelu", "numerics": "strict"})
        assert strict.numerics == "strict"
        assert ua.get_activation(strict.to_config()) == strict

    def test_a_block_does_not_override_it(self):
        with ua.use_backend("torch"):
            assert ua.get_activation({"name": "gelu", "backend": "numpy"}).backend == "numpy"

    @pytest.mark.parametrize(
        ("description", "given", "message"),
        [
            ({"name": "elu", "backend": "torch"}, {"backend": "numpy"}, "says backend='torch'"),
            ({"name": "elu", "dialect": "jax"}, {"dialect": "torch"}, "dialect='torch' is given"),
            ("elu(numerics='x')", {}, "numerics must be 'fast' or 'strict'"),
        ],
    )
    def test_what_contradicts_a_keyword(self, description, given, message):
        with pytest.raises(ua.ParameterValueError, match=message):
            ua.get_activation(description, **given)


class TestLayers:
    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    @pytest.mark.parametrize(
        "description",
        [
            {"name": "star_relu", "channels": 8},
            {"name": "star_relu", "channels": None, "initial": {"scale": 0.5}},
            {"name": "star_relu", "weight_shape": [8, 1, 1], "numerics": "strict"},
            {"name": "star_relu", "shared_axes": [1, 2]},
            {"name": "rrelu", "lower": 0.2},
            {"name": "rrelu", "training": False},
            "gelu",
        ],
        ids=str,
    )
    def test_a_layer_is_written_and_read(self, backend, description):
        layer = ua.get_layer(description, backend=backend)
        config = json.loads(json.dumps(layer.to_config()))
        assert config["backend"] == backend
        again = ua.get_layer(config)
        assert again.spec == layer.spec
        assert again.to_config() == config

    def test_a_layer_of_the_framework(self):
        layer = ua.get_layer({"name": "prelu", "channels": 8, "backend": "torch"})
        assert repr(layer) == "PReLU(num_parameters=8)"
        assert layer.weight.shape == (8,)
        half = {"name": "prelu", "options": {"dtype": layer.weight.half().dtype}}
        assert ua.get_layer(half, backend="torch").weight.dtype == layer.weight.half().dtype

    @pytest.mark.parametrize(
        "given", [{"channels": 4}, {"backend": "numpy"}, {"initial": 0.5}, {"numerics": "strict"}]
    )
    def test_what_contradicts_a_keyword(self, given):
        description = {
            "name": "prelu",
            "channels": 8,
            "backend": "torch",
            "initial": 0.1,
            "numerics": "fast",
        }
        (key,) = given
        with pytest.raises(ua.ParameterValueError, match=f"{key}=.* is given, and .* says {key}="):
            ua.get_layer(description, **given)

    def test_an_activation_may_have_a_parameter_that_is_called_like_an_option(self):
        ua.register_activation("own_scale", parameters={"initial": 1.0})(
            lambda xp, x, *, initial: x * initial
        )
        own = ua.get_activation({"name": "own_scale", "initial": 3.0, "backend": "numpy"})
        assert own.parameters == {"initial": 3.0}


class TestCommandLine:
    def run(self, *words):
        testing = pytest.importorskip("click.testing")
        from unified_act_conformance.commands.main import cli

        result = testing.CliRunner().invoke(cli, words)
        return result.exit_code, result.output

    def test_a_mapping_is_written_as_json(self):
        code, output = self.run("show", '{"name": "elu", "alpha": 0.5, "backend": "numpy"}')
        assert code == 0
        assert "alpha = 0.5, by default 1.0" in output
        same = '{"name": "LeakyReLU", "dialect": "keras_layers"}'
        code, output = self.run("diff", same, "leaky_relu(negative_slope=0.3, backend='numpy')")
        assert code == 0, output
        code, output = self.run("identify", "elu(backend='torch')", "--backend", "numpy")
        assert code == 1
        assert "leave out one of them" in output
        code, output = self.run("identify", '{"name": elu}')
        assert "write a mapping as JSON" in output

    def test_the_schema(self, tmp_path):
        code, output = self.run("schema")
        assert code == 0
        assert json.loads(output) == json.loads(json.dumps(ua.json_schema()))
        file = tmp_path / "schema.json"
        self.run("schema", "-o", str(file))
        assert file.read_text() == output


class TestSchema:
    @pytest.fixture
    def is_valid(self):
        jsonschema = pytest.importorskip("jsonschema")
        schema = json.loads(json.dumps(ua.json_schema()))
        jsonschema.Draft202012Validator.check_schema(schema)
        return jsonschema.Draft202012Validator(schema).is_valid

    def test_what_it_allows(self, is_valid):
        from unified_act.registry import ACTIVATIONS

        for activation in ACTIVATIONS:
            given = {p.name: p.trial for p in activation.parameters}
            config = ua.get_activation(activation.name, backend="numpy", **given).to_config()
            assert is_valid(json.loads(json.dumps(config))), config
        for description in (
            None,
            "Leaky-ReLU",
            "elu(alpha=0.5)",
            "torch.nn.LeakyReLU(0.1)",
            {"name": "PReLU", "channels": None, "backend": "pytorch"},
            {"name": "softmax", "axis": [1, 2], "numerics": "strict"},
            {"name": "LeakyReLU", "dialect": "keras2", "alpha": 0.1},
            {"class_name": "ELU", "config": {"alpha": 0.5}},
            {"type": "ELU"},
        ):
            assert is_valid(description), description

    def test_what_it_marks(self, is_valid):
        for description in (
            3,
            "rellu",
            {"alpha": 1.0},
            {"name": "rellu"},
            {"name": "elu", "alfa": 0.5},
            {"name": "elu", "alpha": "0.5"},
            {"name": "elu", "backend": "tenser"},
            {"name": "elu", "numerics": "exact"},
            {"name": "prelu", "channels": 0},
            {"name": "clipped_relu"},
        ):
            assert not is_valid(description), description


def test_what_hydra_hands_out_is_what_it_wraps():
    import numpy as np

    from unified_act.hydra import get_activation

    one = get_activation({"name": "elu", "alpha": 0.5}, backend="numpy")
    other = get_activation("elu", alpha=0.5, backend="numpy")
    assert one == other
    assert len({one, other}) == 1
    assert one != one.function
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert (one.name, one.backend, one.__name__) == ("elu", "numpy", "elu")
    assert one.to_config() == one.function.to_config()
    assert repr(one) == "get_activation('elu', backend='numpy', alpha=0.5)"
    x = np.linspace(-1.0, 1.0, 5)
    np.testing.assert_array_equal(one(x), one.function(x))
    with pytest.raises(AttributeError):
        one.nothing  # noqa: B018
    with pytest.raises(ua.ParameterValueError, match="name is the name of an activation"):
        get_activation(abs)


@pytest.mark.exhaustive
def test_other_frameworks_trace_what_hydra_hands_out():
    import tensorflow as tf

    from unified_act.hydra import get_activation
    from unified_act_mxnet._framework import mx

    class Block(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, x):  # noqa: N803
            return mish(x)

    mish = get_activation("mish")
    numbers = [-1.0, 0.5, 2.0]
    wanted = pytest.approx(mish(tf.constant(numbers)).numpy())
    assert tf.function(mish)(tf.constant(numbers)).numpy() == wanted
    block = Block()
    block.hybridize()
    assert block(mx.nd.array(numbers)).asnumpy() == wanted
