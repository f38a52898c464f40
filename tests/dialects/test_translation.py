"""Writing an activation in a dialect, and saying what differs there."""

import numpy as np
import pytest

import unified_act as ua
from unified_act.dialects import find_dialect, resolve, same
from unified_act.dialects.translation import Symbol, differences, write
from unified_act.registry import ACTIVATIONS

EVERY = [find_dialect(name) for name in ua.list_dialects()]


def written(name, dialect, **parameters):
    found = write(name, parameters, find_dialect(dialect))
    return found and found.text


class TestWrite:
    @pytest.mark.parametrize(
        ("name", "parameters", "dialect", "text"),
        [
            ("relu", {}, "torch", "F.relu"),
            ("leaky_relu", {}, "tensorflow", "tf.nn.leaky_relu(alpha=0.01)"),
            ("leaky_relu", {}, "mxnet", "mx.nd.LeakyReLU(act_type='leaky', slope=0.01)"),
            ("leaky_relu", {"negative_slope": 0.3}, "transformers", None),
            ("leaky_relu", {}, "transformers", "leaky_relu"),
            ("gelu", {}, "jax", "jax.nn.gelu(approximate=False)"),
            ("gelu_tanh", {}, "mxnet", None),
            ("silu", {"beta": 2.0}, "torch", None),
            ("silu", {}, "torch", "F.silu"),
            ("softmax", {"axis": 1}, "torch", "F.softmax(dim=1)"),
            ("softmax", {"axis": Symbol("axis")}, "torch", "F.softmax(dim=axis)"),
            ("softmax", {"axis": -3}, "mxnet", "mx.nd.softmax(axis=-3)"),
            ("relu6", {}, "mxnet", "mx.nd.clip(a_min=0.0, a_max=6.0)"),
            ("relu6", {}, "onnx", "Clip(min=0.0, max=6.0)"),
            ("quick_gelu", {}, "gluon", "gluon.nn.Swish(beta=1.702)"),
            ("hard_tanh", {"min_value": -2.0}, "jax", "jax.numpy.clip(min=-2.0, max=1.0)"),
            ("hard_sigmoid", {}, "keras2", None),
            ("selu", {}, "mxnet", None),
            ("mish", {}, "tensorflow", None),
            ("mish", {}, "onnx:18", "Mish"),
            ("mish", {}, "onnx:17", None),
        ],
    )
    def test_text(self, name, parameters, dialect, text):
        assert written(name, dialect, **parameters) == text

    @pytest.mark.parametrize("dialect", EVERY, ids=str)
    @pytest.mark.parametrize("spec", [*ACTIVATIONS], ids=lambda spec: spec.name)
    def test_reads_back_as_the_same(self, dialect, spec):
        found = write(spec.name, {}, dialect)
        if found is None:
            return
        name = found.text.partition("(")[0]
        back = ua.get_activation(found.text, dialect=str(dialect), backend="numpy")
        assert name in found.meaning.cell.spellings
        ours = ua.get_activation(spec.name, backend="numpy")
        if back.name == ours.name:
            assert back == ours
        else:
            assert (ours.name, back.name) in {(first, other) for first, other, _ in same()}


class TestSame:
    @pytest.mark.parametrize(("name", "other", "parameters"), list(same()))
    def test_functions_that_are_called_the_same_are_the_same(self, name, other, parameters):
        if not {name, other} <= set(ua.list_activations()):
            pytest.skip(f"{name} or {other} is not registered")
        given = {v: 1.7 for v in parameters.values() if isinstance(v, str)}
        ours = ua.get_activation(name, backend="numpy", **given)
        numbers = {k: given[v] if isinstance(v, str) else v for k, v in parameters.items()}
        theirs = ua.get_activation(other, backend="numpy", **numbers)
        x = np.linspace(-9.03, 9.07, 90).reshape(3, 5, 6)
        for a, b in zip(ua.value_and_grad(ours, x), ua.value_and_grad(theirs, x), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


class TestDifferences:
    @pytest.mark.parametrize(
        ("name", "dialect", "expected"),
        [
            ("relu", "torch", []),
            ("elu", "torch", []),
            ("leaky_relu", "tensorflow", ["alpha = 0.2: our negative_slope, by default 0.01"]),
            ("selu", "tensorflow", ["f′(0) = 1.0507 there; ours is 1.7581"]),
            ("leaky_relu", "jax", ["f′(0) = 1 there; ours is 0.01"]),
        ],
    )
    def test_text(self, name, dialect, expected):
        assert differences(resolve(name, {}, dialect)) == expected

    def test_another_default_is_a_difference(self):
        (text, _) = differences(resolve("hard_sigmoid", {}, "keras2"))[:2]
        assert text == "our alpha = 0.2, by default 0.16666666666666666"


class TestDescribe:
    def test_begins_with_the_dialect(self):
        text = ua.describe("gelu", dialect="jax")
        assert text.startswith("gelu in jax 0.6.2 is gelu_tanh\n  written      jax.nn.gelu\n")
        assert text.endswith(ua.describe("gelu_tanh"))

    def test_what_is_ignored(self):
        text = ua.describe("nn.LeakyReLU(0.1, inplace=True)")
        assert text.startswith("nn.LeakyReLU in torch 2.13.0 is leaky_relu(negative_slope=0.1)\n")
        assert "\n  ignored      inplace\n" in text

    def test_of_an_opset(self):
        assert ua.describe("Relu", dialect="onnx:11").startswith("Relu in onnx opset 11 is relu\n")

    def test_with_parameters(self):
        text = ua.describe("softmax(dim=0)", dialect="torch")
        assert text.startswith("softmax in torch 2.13.0 is softmax(axis=0)\n")
        assert "dim: our axis, by default -1" in text

    def test_with_a_number_of_numpy(self):
        given = {"name": "leaky_relu", "alpha": np.float32(0.3)}
        assert ua.describe(given, dialect="tensorflow").startswith(
            "leaky_relu in tensorflow 2.21.0 is leaky_relu(negative_slope=0.30000001192092896)\n"
        )

    def test_notes(self):
        assert "  but          where x > 20, MXNet returns x itself" in ua.describe(
            "softrelu", dialect="mxnet"
        )

    def test_a_symbol_without_a_meaning_is_refused(self):
        with pytest.raises(ua.UnsupportedError, match="SoftmaxOutput"):
            ua.describe("Softmax", dialect="mxnet")
