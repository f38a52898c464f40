"""An activation as frameworks write it: in text, in mappings, by their names and parameters."""

import re

import numpy as np
import pytest

import unified_act as ua
from unified_act.dialects import find_dialect, resolve
from unified_act.errors import UnifiedActError
from unified_act.registry import ACTIVATIONS
from unified_act.request import understand


def read(description, **given):
    function = ua.get_activation(description, **given)
    return function.name, dict(function.parameters)


class TestText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("torch.nn.LeakyReLU(0.1)", ("leaky_relu", {"negative_slope": 0.1})),
            ("nn.LeakyReLU(negative_slope=0.1)", ("leaky_relu", {"negative_slope": 0.1})),
            ("nn.LeakyReLU(0.1, True)", ("leaky_relu", {"negative_slope": 0.1})),
            ("nn.LeakyReLU(0.1, inplace=True)", ("leaky_relu", {"negative_slope": 0.1})),
            ("nn.ReLU(inplace=True)", ("relu", {})),
            ("nn.ReLU()", ("relu", {})),
            (" torch.nn.modules.activation.ReLU ", ("relu", {})),
            ("nn.Hardtanh(-2, 2)", ("hard_tanh", {"min_value": -2.0, "max_value": 2.0})),
            ("nn.Softmax(1)", ("softmax", {"axis": 1})),
            ("nn.GELU('tanh')", ("gelu_tanh", {})),
            ("nn.Softplus(2, 20)", ("softplus", {"beta": 2.0})),
            ("F.gelu", ("gelu", {})),
            ("F.gelu(x, approximate='tanh')", ("gelu_tanh", {})),
            ("F.leaky_relu(x, 0.3)", ("leaky_relu", {"negative_slope": 0.3})),
            ("torch.nn.functional.elu(alpha=0.3)", ("elu", {"alpha": 0.3})),
            ("torch.softmax(x, 1)", ("softmax", {"axis": 1})),
            ("tf.nn.leaky_relu", ("leaky_relu", {"negative_slope": 0.2})),
            ("tf.nn.leaky_relu(features, 0.3)", ("leaky_relu", {"negative_slope": 0.3})),
            ("tensorflow.nn.gelu(x, True)", ("gelu_tanh", {})),
            ("tf.keras.layers.LeakyReLU(0.1)", ("leaky_relu", {"negative_slope": 0.1})),
            ("tf.keras.layers.LeakyReLU(alpha=0.1)", ("leaky_relu", {"negative_slope": 0.1})),
            ("keras.layers.ReLU(6.0)", ("relu6", {})),
            ("keras.layers.ReLU(4.0, 0.0, 0.0)", ("clipped_relu", {"max_value": 4.0})),
            ("keras.activations.relu(x, 0.1)", ("leaky_relu", {"negative_slope": 0.1})),
            ("keras.ops.gelu", ("gelu_tanh", {})),
            ("tf_keras.layers.ThresholdedReLU(0.5)", ("thresholded_relu", {"threshold": 0.5})),
            ("jax.nn.gelu", ("gelu_tanh", {})),
            ("jax.nn.gelu(x, False)", ("gelu", {})),
            ("jnp.clip(x, -1.0, 2.0)", ("hard_tanh", {"min_value": -1.0, "max_value": 2.0})),
            ("flax.linen.gelu", ("gelu_tanh", {})),
            ("nnx.leaky_relu(x, 0.2)", ("leaky_relu", {"negative_slope": 0.2})),
            ("mx.nd.LeakyReLU(x, act_type='elu')", ("elu", {"alpha": 0.25})),
            ("gluon.nn.LeakyReLU(0.1)", ("leaky_relu", {"negative_slope": 0.1})),
            ("mxnet.gluon.nn.Swish(2.0)", ("silu", {"beta": 2.0})),
            ("paddle.nn.LeakyReLU(0.1)", ("leaky_relu", {"negative_slope": 0.1})),
            ("mindspore.nn.LeakyReLU()", ("leaky_relu", {"negative_slope": 0.2})),
            ("mb.elu(alpha=0.5)", ("elu", {"alpha": 0.5})),
        ],
    )
    def test_means_what_it_means_there(self, text, expected):
        assert read(text) == expected
        assert read({"name": text.partition("(")[0]} | dict(understand(text).written)) == expected

    def test_parameters_may_come_from_elsewhere(self):
        assert read("nn.LeakyReLU", negative_slope=0.3)[1] == {"negative_slope": 0.3}
        assert read({"name": "nn.ELU", "alpha": 0.3})[1] == {"alpha": 0.3}

    def test_everything_that_takes_a_name_understands_it(self):
        text = "torch.nn.LeakyReLU(0.1)"
        assert ua.describe(text).startswith(f"torch.nn.LeakyReLU in torch {version()} is leaky_re")
        layer = ua.get_layer(text, backend="numpy")
        assert repr(layer) == "ActivationLayer('leaky_relu', negative_slope=0.1)"
        config = {"name": "torch.nn.LeakyReLU", "negative_slope": 0.1}
        assert ua.from_config(config) == ua.get_activation(text)

    def test_in_a_model(self):
        torch = pytest.importorskip("torch")
        model = torch.nn.Sequential(torch.nn.LeakyReLU(0.1), torch.nn.LeakyReLU(0.2))
        report = ua.replace_activations(model, "nn.LeakyReLU(0.1)", "nn.GELU('tanh')")
        assert [one.path for one in report.replaced] == ["0"]
        assert "gelu_tanh" in str(report)

    def test_a_mode_that_is_given_by_its_place_is_kept(self):
        text = "F.rrelu(x, 0.1, 0.3, False)"
        assert understand(text).written["training"] is False
        assert not ua.get_layer(text, backend="numpy").spec.follows_mode
        assert ua.get_layer("nn.RReLU(0.1, 0.3)", backend="numpy").spec.follows_mode

    @pytest.mark.parametrize(
        ("text", "error", "message"),
        [
            ("F.leaky_relu(0.1)", "UnknownParameter", r"write leaky_relu\(x, negative_slope=…"),
            (
                "nn.LeakyReLU(x, 0.1)",
                "UnknownParameter",
                r"LeakyReLU\(negative_slope=….*without th",
            ),
            ("nn.ReLU(True, 1)", "UnknownParameter", r"write ReLU\(inplace=…\)"),
            ("nn.ELU(0.1, alpha=0.2)", "ParameterValue", "given twice: alpha"),
            ("nn.Softmax()", "ParameterValue", "needs dim"),
            ("nn.LeakyReLu(0.1)", "UnknownActivation", "dialect='torch'"),
            ("elu(0.5)", "UnknownActivation", r"write it like 'elu\(alpha=0.5\)'"),
            ("nn.ELU(__import__('os'))", "UnknownActivation", "cannot read"),
            ("nn.ELU(*[1])", "UnknownActivation", "cannot read"),
            ("nn.ELU((lambda: 1)())", "UnknownActivation", "cannot read"),
            ("nn.ELU(" + "-" * 3000 + "1)", "UnknownActivation", "cannot read"),
            ("nn.ELU(" + "(" * 900, "UnknownActivation", "cannot read"),
            ("nn." + "E" * 100_000, "UnknownActivation", "unknown activation 'nn.EEE"),
            ("." * 100_000, "UnknownActivation", "unknown activation '....."),
            ("tf.nn.relu", "UnknownActivation", "how tensorflow writes it: leave out dialect="),
        ],
        ids=lambda value: str(value)[:30],
    )
    def test_errors(self, text, error, message):
        given = {"dialect": "torch"} if text == "tf.nn.relu" else {}
        with pytest.raises(getattr(ua, f"{error}Error"), match=message) as raised:
            ua.get_activation(text, **given)
        assert len(str(raised.value)) < 2500

    def test_no_name_of_ours_reads_the_table(self, run_python):
        program = (
            "import sys, unified_act as ua\n"
            "ua.get_activation('elu(alpha=0.5)')\n"
            "print('tomllib' in sys.modules)"
        )
        assert run_python(program) == "False\n"


def version():
    return find_dialect("torch").version


class TestMappings:
    @pytest.mark.parametrize(
        ("mapping", "expected"),
        [
            # Keras 3, keras.layers.serialize
            (
                {
                    "module": "keras.layers",
                    "class_name": "LeakyReLU",
                    "config": {
                        "name": "leaky_re_lu",
                        "trainable": True,
                        "dtype": {"class_name": "DTypePolicy", "config": {"name": "float32"}},
                        "negative_slope": 0.1,
                    },
                    "registered_name": None,
                    "build_config": {"input_shape": [None, 3]},
                },
                ("leaky_relu", {"negative_slope": 0.1}),
            ),
            # Keras 2
            (
                {
                    "class_name": "LeakyReLU",
                    "config": {
                        "name": "l",
                        "trainable": True,
                        "dtype": "float32",
                        "alpha": 0.1,
                    },
                },
                ("leaky_relu", {"negative_slope": 0.1}),
            ),
            ({"class_name": "LeakyReLU"}, ("leaky_relu", {"negative_slope": 0.3})),
            (
                {"class_name": "ELU", "config": {"alpha": 1}, "name": "e", "inbound_nodes": []},
                ("elu", {"alpha": 1.0}),
            ),
            (
                {
                    "class_name": "ReLU",
                    "config": {"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0},
                },
                ("relu6", {}),
            ),
            (
                {"class_name": "ThresholdedReLU", "config": {"theta": 0.5}},
                ("thresholded_relu", {"threshold": 0.5}),
            ),
            ({"class_name": "Softmax", "config": {"axis": 1}}, ("softmax", {"axis": 1})),
            (
                {"class_name": "Activation", "config": {"name": "a", "activation": "leaky_relu"}},
                ("leaky_relu", {"negative_slope": 0.2}),
            ),
            ({"class_name": "function", "config": "hard_silu"}, ("hard_silu", {})),
            # mmcv
            ({"type": "ReLU"}, ("relu", {})),
            (
                {"type": "LeakyReLU", "negative_slope": 0.1, "inplace": True},
                ("leaky_relu", {"negative_slope": 0.1}),
            ),
            ({"type": "Clip", "min": 0, "max": 2}, ("hard_tanh", {"min_value": 0, "max_value": 2})),
            ({"type": "nn.ELU", "alpha": 0.5}, ("elu", {"alpha": 0.5})),
        ],
        ids=lambda value: str(value)[:40] if isinstance(value, dict) else None,
    )
    def test_of_frameworks(self, mapping, expected):
        before = repr(mapping)
        assert read(mapping) == expected
        assert read(dict(ua.from_config(mapping).to_config())) == expected
        assert repr(mapping) == before

    def test_a_dialect_that_is_named_counts(self):
        keras = {"class_name": "LeakyReLU", "config": {"alpha": 0.1}}
        assert read(keras, dialect="keras2")[1] == {"negative_slope": 0.1}
        with pytest.raises(ua.UnknownParameterError, match="keras_layers's LeakyReLU has no"):
            ua.get_activation(keras, dialect="keras_layers")

    @pytest.mark.parametrize(
        ("mapping", "error", "message"),
        [
            ({"class_name": "Dense", "config": {}}, "UnknownActivation", "keras_layers has no act"),
            ({"class_name": "ReLU", "config": 5}, "UnknownActivation", "must be a mapping"),
            ({"class_name": "ReLU", "config": {5: 1}}, "UnknownParameter", "is a string, got 5"),
            ({"class_name": "ELU", "config": {"slope": 1}}, "UnknownParameter", "'slope'"),
            ({"class_name": 5, "config": {}}, "UnknownActivation", "as Keras writes it"),
            ({"type": "Dense"}, "UnknownActivation", "mmcv has no activation"),
            ({"type": "HSigmoid", "bias": 1.0}, "Unsupported", "hard_sigmoid.alpha=1/divisor"),
            ({"type": "ReLU", "inplace": 1}, "ParameterValue", "must be True or False"),
            (
                {"class_name": "PReLU", "config": {"alpha_initializer": {"class_name": "Zeros"}}},
                "Unsupported",
                "the weight is an argument of each call",
            ),
        ],
        ids=str,
    )
    def test_errors(self, mapping, error, message):
        with pytest.raises(getattr(ua, f"{error}Error"), match=message):
            ua.get_activation(mapping)

    def test_deep_mappings(self):
        deep = {}
        for _ in range(100_000):
            deep = {"config": deep}
        for mapping in (
            {"class_name": "ReLU"} | deep,
            {"class_name": "Activation", "config": {"activation": deep}},
            {"type": "ReLU", "inplace": deep},
            deep,
        ):
            with pytest.raises(UnifiedActError):
                ua.get_activation(mapping)
        while deep:  # one by one: Python cannot free it all at once
            deep = deep.pop("config")

    def test_of_keras_itself(self):
        keras = pytest.importorskip("keras")
        layer = keras.layers.LeakyReLU(negative_slope=0.2)
        assert read(keras.layers.serialize(layer)) == read("leaky_relu(negative_slope=0.2)")
        layer = keras.layers.Activation("softplus")
        assert read(keras.layers.serialize(layer)) == read("softplus")

    def test_of_keras_2_itself(self):
        keras = pytest.importorskip("tf_keras")
        layer = keras.layers.LeakyReLU(alpha=0.25)  # which Keras 2 keeps as a float32
        assert read(keras.layers.serialize(layer)) == read("leaky_relu(negative_slope=0.25)")
        assert read(keras.layers.serialize(keras.layers.ReLU())) == read("relu")


class TestHints:
    """An error about a foreign word names the dialect that has it."""

    @pytest.mark.parametrize(
        ("name", "given", "hint"),
        [
            ("gelu", {"approximate": "tanh"}, "dialect='torch' (or "),
            ("gelu", {"approximate": "tanh"}, "to read it as gelu_tanh"),
            ("gelu", {"approximate": True}, "dialect='tensorflow'"),
            ("gelu", {"mode": "EXACT"}, "dialect='coreml' to read it as gelu."),
            ("softmax", {"dim": 1}, "dialect='torch' to read it as softmax(axis=1)."),
            ("leaky_relu", {"alpha": 0.3}, "dialect='tensorflow'"),
            ("leaky_relu", {"slope": 0.3}, "dialect='mxnet' to read it as leaky_relu(negative_s"),
            ("leaky_relu", {"alpha": 0.3}, "read it as leaky_relu(negative_slope=0.3)."),
            ("elu", {"slope": 0.3}, "dialect='mxnet' to read it as elu(alpha=0.3)."),
            ("hard_tanh", {"min_val": -2.0}, "dialect='torch'"),
            ("hard_tanh", {"min": -2.0, "max": 2.0}, "dialect='paddle'"),
            ("soft_shrink", {"lambd": 0.3}, "read it as soft_shrink(threshold=0.3)."),
            ("relu", {"max_value": 6.0}, "dialect='keras3' (or 'keras_layers', 'keras2') to read"),
            ("relu", {"negative_slope": 0.1}, "to read it as leaky_relu(negative_slope=0.1)"),
            ("relu", {"inplace": True}, "dialect='torch' (or 'timm', 'mmcv'"),
            ("silu", {"alpha": 2.0}, ""),
            ("softplus", {"beta": 1.0, "threshold": 20}, "dialect='torch'"),
            ("threshold", {"default_value": 1.0}, "In dialect='keras3' it is our value"),
            ("prelu", {"num_parameters": 8}, "the weight is an argument of each call"),
            ("rrelu", {"lower_bound": 0.1}, "dialect='mxnet'"),
            ("scaled_tanh", {"scale_a": 0.5}, ""),
        ],
    )
    def test_a_parameter(self, name, given, hint):
        with pytest.raises(ua.UnknownParameterError) as raised:
            ua.get_activation(name, **given)
        assert f"{ACTIVATIONS.find(name).name} has no parameter" in str(raised.value)
        assert hint in str(raised.value)
        for call in (ua.get_layer, ua.get_activation):
            with pytest.raises(ua.UnknownParameterError) as other:
                call({"name": name, **given}, backend="numpy")
            assert str(other.value) == str(raised.value)

    def test_every_parameter_of_every_dialect(self):
        """Whatever a dialect calls like ours, with a parameter that is not ours."""
        checked = 0
        for dialect in map(find_dialect, ua.list_dialects()):
            for cell in dialect.cells:
                for name in cell.names:
                    for key, (target, *_) in cell.takes.items():
                        checked += self._names_a_dialect(name, key, target, dialect)
        assert checked > 40

    def _names_a_dialect(self, name, key, target, dialect):
        try:
            ours = ACTIVATIONS.find(name)
            value = -2 if target.removeprefix("-") == "axis" else 0.7
            resolve(name, {key: value}, str(dialect))
        except UnifiedActError:
            return False
        if ours.has_parameter(key):
            return False
        with pytest.raises(ua.UnknownParameterError, match=r"Pass dialect='\w+'"):
            ua.get_activation(name, **{key: value})
        return True

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"negative_slope": 0.3}, "Without dialect= it is a parameter of our leaky_relu.$"),
            ({"slope": 0.3}, "Pass dialect='mxnet'"),
            ({"nonsense": 0.3}, "Known: alpha.$"),
        ],
    )
    def test_a_parameter_of_another_dialect(self, given, message):
        with pytest.raises(ua.UnknownParameterError, match=message):
            ua.get_activation("leaky_relu", dialect="tensorflow", **given)

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("leaky", "dialect='mxnet' to read it as leaky_relu(negative_slope=0.25)"),
            ("leaky", "dialect='darknet' to read it as leaky_relu(negative_slope=0.1)"),
            ("fast_gelu", "dialect='mindspore' to read it as quick_gelu."),
            ("hardtan", "dialect='darknet' to read it as hard_tanh."),
            ("stanh", "dialect='paddle' to read it as scaled_tanh("),
            ("gelu_tf", "dialect='deepmd' to read it as gelu_tanh."),
            ("ramp", "darknet's ramp cannot be translated: it is relu(x) + 0.1·x."),
            ("clip_by_value", "dialect='tensorflow', but tensorflow's clip_by_value needs clip_va"),
            ("sigmoid_hard", "coreml's sigmoid_hard needs alpha and beta"),
            ("lrelu", "write leaky_relu(negative_slope=…)"),
            ("L-ReLU", "0.2 in StyleGAN"),
            ("relu1", "write hard_tanh"),
            ("relu1", "clipped_relu(max_value=1.0)"),
        ],
    )
    def test_a_name(self, name, hint):
        with pytest.raises(ua.UnknownActivationError, match="unknown activation") as raised:
            ua.get_activation(name)
        assert hint.lower() in str(raised.value).lower()
        assert len(str(raised.value)) < 300

    @pytest.mark.parametrize("dialect", [*map(find_dialect, ua.list_dialects())], ids=str)
    def test_every_name_of_every_dialect(self, dialect):
        """It is one of ours, or the error says who has it."""
        for cell in dialect.cells:
            for name in cell.names:
                try:
                    ours = ACTIVATIONS.find(name)
                except ua.UnknownActivationError:
                    with pytest.raises(ua.UnknownActivationError, match=r"dialect='\w+'"):
                        ua.get_activation(name)
                else:
                    assert understand(name).activation is ours

    def test_a_mistyped_name_has_none(self):
        with pytest.raises(ua.UnknownActivationError, match="Did you mean 'gelu'") as raised:
            ua.get_activation("geluu")
        assert "dialect" not in str(raised.value)


TENSORS = {
    "torch": ("torch", lambda torch: torch.nn.Parameter(torch.tensor(0.5))),
    "tensorflow": ("tensorflow", lambda tf: tf.Variable(0.5)),
    "jax": ("jax.numpy", lambda jnp: jnp.asarray(0.5)),
    "mxnet": ("unified_act_mxnet._framework", lambda module: module.mx.nd.array([0.5])),
}
LEARNED = {
    ("leaky_relu", "negative_slope"): "prelu",
    ("silu", "beta"): "silu_beta",
    ("softplus", "beta"): "softplus_beta",
}
"""A parameter, and the activation that learns it."""


class TestTensors:
    """A tensor in the place of a number would lose its gradient."""

    @pytest.fixture(params=TENSORS)
    def tensor(self, request):
        module, make = TENSORS[request.param]
        return make(pytest.importorskip(module))

    @pytest.mark.parametrize(("name", "parameter"), LEARNED)
    def test_the_error_names_what_learns_it(self, tensor, name, parameter):
        learned = LEARNED[name, parameter]
        message = rf"{parameter} must be a number .*, or use {learned}, which learns it"
        with pytest.raises(ua.ParameterValueError, match=message):
            ua.get_activation(name, **{parameter: tensor})
        with pytest.raises(ua.ParameterValueError, match=message):
            ua.get_layer(name, backend="numpy", **{parameter: tensor})

    def test_in_a_dialect(self, tensor):
        message = r"or use prelu, which learns it\. \(alpha is negative_slope here\.\)"
        with pytest.raises(ua.ParameterValueError, match=message):
            ua.get_activation("tf.nn.leaky_relu", alpha=tensor)

    @pytest.mark.parametrize(
        ("name", "parameter"),
        [(a.name, p.name) for a in ACTIVATIONS for p in a.parameters if p.name != "axis"],
    )
    def test_no_parameter_takes_one(self, name, parameter):
        torch = pytest.importorskip("torch")
        with pytest.raises(ua.ParameterValueError, match=f"{parameter} must be"):
            ua.get_activation(name, **{parameter: torch.tensor(0.5)})

    def test_every_learned_form_is_named(self):
        named = {(a.name, p.name): p.learned_by for a in ACTIVATIONS for p in a.parameters}
        assert {key: learned for key, learned in named.items() if learned} == LEARNED

    @pytest.mark.parametrize(("name", "parameter"), LEARNED)
    def test_it_is_the_same_function(self, name, parameter):
        x = np.linspace(-3.0, 3.0, 25)
        number = ua.get_activation(name, backend="numpy", **{parameter: 0.5})(x)
        learned = ua.get_activation(LEARNED[name, parameter], backend="numpy")
        np.testing.assert_allclose(learned(x, np.array([0.5])), number, rtol=1e-14)


def test_messages_name_no_dialect_twice():
    with pytest.raises(ua.UnknownParameterError) as raised:
        ua.get_activation("leaky_relu", alpha=0.3)
    named = re.findall(r"'(\w+)'", str(raised.value).partition("Pass")[2])
    assert len(named) == len(set(named)) <= 5
