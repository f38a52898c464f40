"""Resolving names in a dialect. tests/dialects tests what the cells say, on the frameworks."""

import pytest

import unified_act as ua
from unified_act.dialects import Cell, Dialect, find_dialect, resolve
from unified_act.dialects import meaning as table
from unified_act.names import normalize
from unified_act.registry import ACTIVATIONS

EVERY = [find_dialect(name) for name in ua.list_dialects()]
every_dialect = pytest.mark.parametrize("dialect", EVERY, ids=str)


def meaning(name, dialect, **given):
    found = resolve(name, given, dialect)
    return found.canonical, dict(found.parameters)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "dialect", "expected"),
        [
            ("leaky_relu", "torch", ("leaky_relu", {"negative_slope": 0.01})),
            ("LeakyReLU", "torch", ("leaky_relu", {"negative_slope": 0.01})),
            (" Leaky-ReLU ", "torch", ("leaky_relu", {"negative_slope": 0.01})),
            ("F.leaky_relu", "torch", ("leaky_relu", {"negative_slope": 0.01})),
            ("torch.nn.LeakyReLU", "torch", ("leaky_relu", {"negative_slope": 0.01})),
            ("leaky_relu", "tensorflow", ("leaky_relu", {"negative_slope": 0.2})),
            ("leaky_relu", "keras3", ("leaky_relu", {"negative_slope": 0.2})),
            ("LeakyReLU", "keras_layers", ("leaky_relu", {"negative_slope": 0.3})),
            ("leaky_relu", "keras2", ("leaky_relu", {"negative_slope": 0.2})),
            ("LeakyReLU", "keras2", ("leaky_relu", {"negative_slope": 0.3})),
            ("LeakyReLU", "mxnet", ("leaky_relu", {"negative_slope": 0.25})),
            ("leaky", "mxnet", ("leaky_relu", {"negative_slope": 0.25})),
            ("elu", "mxnet", ("elu", {"alpha": 0.25})),
            ("ELU", "gluon", ("elu", {"alpha": 1.0})),
            ("softrelu", "mxnet", ("softplus", {})),
            ("softrelu", "gluon", ("softplus", {})),
            ("gelu", "torch", ("gelu", {})),
            ("gelu", "jax", ("gelu_tanh", {})),
            ("gelu", "keras3", ("gelu", {})),
            ("gelu", "keras_ops", ("gelu_tanh", {})),
            ("gelu", "tfa", ("gelu_tanh", {})),
            ("gelu_new", "transformers", ("gelu_tanh", {})),
            ("soft_sign", "jax", ("softsign", {})),
            ("hard_sigmoid", "keras2", ("hard_sigmoid", {"alpha": 0.2, "beta": 0.5})),
            ("hard_sigmoid", "keras3", ("hard_sigmoid", {})),
            ("HardSigmoid", "onnx", ("hard_sigmoid", {"alpha": 0.2, "beta": 0.5})),
            ("softmax", "tensorflow", ("softmax", {})),
            ("leaky_relu", "mindspore", ("leaky_relu", {"negative_slope": 0.2})),
            ("leaky", "darknet", ("leaky_relu", {"negative_slope": 0.1})),
            ("gelu", "deepmd", ("gelu_tanh", {})),
            ("gelu", "flax", ("gelu_tanh", {})),
            ("gelu", "paddle", ("gelu", {})),
            ("gelu", "mindspore", ("gelu", {})),
            ("GELU", "mindspore", ("gelu_tanh", {})),
            ("Softmax", "caffe", ("softmax", {"axis": 1})),
            ("RELU_N1_TO_1", "tflite", ("hard_tanh", {})),
        ],
    )
    def test_meaning(self, name, dialect, expected):
        assert meaning(name, dialect) == expected

    def test_a_name_that_only_we_have_is_unknown_in_a_dialect(self):
        with pytest.raises(ua.UnknownActivationError, match="Without dialect= it is our mish"):
            resolve("Mish", {}, "tensorflow")

    def test_mistyped(self):
        with pytest.raises(ua.UnknownActivationError, match=r"torch has no .*Did you mean 'gelu'"):
            resolve("geluu", {}, "torch")

    def test_two_that_differ_must_be_written_exactly(self):
        with pytest.raises(ua.UnknownActivationError, match="'leaky_relu' or 'LeakyReLU' in ker"):
            resolve("Leaky_ReLU", {}, "keras2")

    def test_spellings_that_agree_need_no_choice(self):
        assert meaning("Relu", "keras2") == ("relu", {})
        assert meaning("Leaky_ReLU", "keras2", alpha=0.5)[1] == {"negative_slope": 0.5}

    def test_the_one_that_takes_the_arguments(self):
        assert meaning("RELU", "keras2", alpha=0.5)[0] == "leaky_relu"
        assert meaning("soft_max", "mxnet") == ("softmax", {"axis": -1})

    def test_a_loss_is_no_activation(self):
        with pytest.raises(ua.UnsupportedError, match="is SoftmaxOutput, a loss"):
            resolve("Softmax", {}, "mxnet")


class TestArguments:
    @pytest.mark.parametrize(
        ("name", "dialect", "given", "expected"),
        [
            ("leaky_relu", "tensorflow", {"alpha": 0.5}, ("leaky_relu", {"negative_slope": 0.5})),
            ("gelu", "torch", {"approximate": "tanh"}, ("gelu_tanh", {})),
            ("gelu", "jax", {"approximate": False}, ("gelu", {})),
            (
                "hardtanh",
                "torch",
                {"min_val": -2},
                ("hard_tanh", {"min_value": -2, "max_value": 1}),
            ),
            ("softmax", "torch", {"dim": 0}, ("softmax", {"axis": 0})),
            ("softmax", "tensorflow", {"axis": None}, ("softmax", {})),
            ("softplus", "torch", {"threshold": 20}, ("softplus", {"beta": 1.0})),
            ("relu", "torch", {"inplace": False}, ("relu", {})),
            ("relu", "torch", {"inplace": True}, ("relu", {})),
            ("relu", "timm", {"inplace": True}, ("relu", {})),
            ("ReLU6", "mmcv", {"inplace": True}, ("relu6", {})),
            (
                "Clip",
                "caffe",
                {"min": 0, "max": 1},
                ("hard_tanh", {"min_value": 0, "max_value": 1}),
            ),
            (
                "selu",
                "paddle",
                {"alpha": 2.0},
                ("selu", {"alpha": 2.0, "scale": 1.0507009873554805}),
            ),
            ("Selu", "onnx", {}, ("selu", {})),
            (
                "Selu",
                "onnx",
                {"alpha": 2.0},
                ("selu", {"alpha": 2.0, "scale": 1.0507010221481323}),
            ),
            ("selu", "darknet", {}, ("selu", {"alpha": 1.6732, "scale": 1.0507})),
            (
                "clamped_relu",
                "coreml",
                {"alpha": 0.0, "beta": 4.0},
                ("clipped_relu", {"max_value": 4.0}),
            ),
            (
                "clamped_relu",
                "coreml",
                {"alpha": 0.3, "beta": 4.0},
                ("clipped_leaky_relu", {"negative_slope": 0.3, "max_value": 4.0}),
            ),
            ("custom_silu", "deepmd", {}, ("silut", {})),
            ("gelu", "coreml", {"mode": "SIGMOID_APPROXIMATION"}, ("quick_gelu", {})),
            ("threshold", "torch", {"threshold": 1, "value": 2}, ("threshold", None)),
            ("LeakyReLU", "mxnet", {"act_type": "elu", "slope": 1.0}, ("elu", {"alpha": 1.0})),
            ("softshrink", "tfa", {"lower": -1, "upper": 1}, ("soft_shrink", {"threshold": 1})),
            ("relu", "keras3", {}, ("relu", {})),
            ("relu", "keras3", {"max_value": None, "threshold": 0}, ("relu", {})),
            ("relu", "keras3", {"negative_slope": 0.1}, ("leaky_relu", {"negative_slope": 0.1})),
            ("relu", "keras3", {"max_value": 6}, ("relu6", {})),
            ("relu", "keras3", {"max_value": 4}, ("clipped_relu", {"max_value": 4})),
            ("relu", "keras3", {"threshold": 1}, ("thresholded_relu", {"threshold": 1})),
            (
                "ReLU",
                "keras3",
                {"max_value": 6, "negative_slope": 0.1, "threshold": 1},
                ("clipped_leaky_relu", None),
            ),
            (
                "relu",
                "keras2",
                {"max_value": 6, "alpha": 0.1},
                ("clipped_leaky_relu", {"max_value": 6, "negative_slope": 0.1, "threshold": 0.0}),
            ),
            (
                "relu",
                "keras3",
                {"max_value": 6, "threshold": 1},
                ("clipped_leaky_relu", {"max_value": 6, "negative_slope": 0.0, "threshold": 1}),
            ),
            (
                "relu",
                "keras3",
                {"negative_slope": 0.1, "threshold": 1},
                ("clipped_leaky_relu", {"max_value": 1e30, "negative_slope": 0.1, "threshold": 1}),
            ),
        ],
    )
    def test_translated(self, name, dialect, given, expected):
        canonical, parameters = meaning(name, dialect, **given)
        assert canonical == expected[0]
        assert parameters == (given if expected[1] is None else expected[1])

    @pytest.mark.parametrize(
        ("name", "dialect", "given", "error", "message"),
        [
            ("softmax", "torch", {}, "ParameterValue", "softmax needs dim: without it PyTorch"),
            ("softmax", "torch", {"dim": None}, "Unsupported", "without it PyTorch chooses"),
            ("threshold", "torch", {"value": 1}, "ParameterValue", "needs threshold, which has no"),
            ("threshold", "torch", {}, "ParameterValue", "needs threshold and value, which"),
            ("LeakyReLU", "gluon", {}, "ParameterValue", "needs alpha, which has no default"),
            ("Activation", "mxnet", {}, "ParameterValue", "needs act_type"),
            ("Activation", "mxnet", {"act_type": "elu"}, "ParameterValue", "must be 'relu' or"),
            ("gelu", "jax", {"approximate": 1}, "ParameterValue", "must be True or False, got 1"),
            ("gelu", "torch", {"approximate": True}, "ParameterValue", "must be 'none' or 'tanh'"),
            ("leaky_relu", "tensorflow", {"slope": 1}, "UnknownParameter", "no parameter 'slope'"),
            ("mish", "keras3", {"beta": 1}, "UnknownParameter", "'beta'. It takes none"),
            ("silu", "torch", {"beta": 2}, "UnknownParameter", "silu has no parameter 'beta'"),
            ("softplus", "torch", {"threshold": 30}, "Unsupported", "softplus never switches to x"),
            ("relu", "torch", {"inplace": 1}, "ParameterValue", "inplace must be True or False"),
            ("softmax", "keras3", {"axis": None}, "Unsupported", "None means the whole tensor"),
            ("softmax", "mxnet", {"temperature": 2.0}, "Unsupported", "divide the input by it"),
            ("softmax", "jax", {"where": [True]}, "Unsupported", "that is masked_softmax"),
            ("softshrink", "tfa", {"lower": -1}, "Unsupported", "must be opposite numbers"),
            ("snake", "tfa", {"frequency": 2}, "Unsupported", "the second argument of each call"),
            (
                "relu",
                "keras3",
                {"negative_slope": None, "max_value": 6.0},
                "Unsupported",
                r"no single activation is relu\(negative_slope=None, max_value=6.0\). What can be",
            ),
            (
                "LeakyReLU",
                "mxnet",
                {"act_type": "gelu", "slope": 0.1},
                "Unsupported",
                r"translated: LeakyReLU\(act_type, slope\), .*LeakyReLU\(act_type\)",
            ),
            ("Activation", "keras_layers", {}, "Unsupported", "ask for that name with dialect="),
        ],
    )
    def test_wrong_arguments_are_refused(self, name, dialect, given, error, message):
        with pytest.raises(getattr(ua, f"{error}Error"), match=message):
            resolve(name, given, dialect)


class TestOpsets:
    @pytest.mark.parametrize("spelling", ["onnx:13", "onnx@13", "ONNX: 13", "onnx", "onnx:28"])
    def test_from_13_on_softmax_has_an_axis(self, spelling):
        assert meaning("Softmax", spelling) == ("softmax", {"axis": -1})

    def test_softmax_before_opset_13_is_refused(self):
        with pytest.raises(
            ua.UnsupportedError, match="onnx:12's Softmax cannot be translated: bef"
        ):
            resolve("Softmax", {}, "onnx:12")

    def test_an_operator_of_a_later_opset_is_unknown(self):
        with pytest.raises(
            ua.UnknownActivationError, match="onnx:19 has no 'Gelu': it came with o"
        ):
            resolve("Gelu", {}, "onnx:19")

    @pytest.mark.parametrize("version", ["0", "29", "x", "", "-1", "1.5"])
    def test_no_such_opset(self, version):
        with pytest.raises(ua.UnknownDialectError, match="write an opset from 1 to 28"):
            find_dialect(f"onnx:{version}")

    def test_a_version_of_another_dialect_than_onnx_is_refused(self):
        with pytest.raises(ua.UnknownDialectError, match="only onnx has versions; torch is 2"):
            find_dialect("torch:1.13")


class TestDialects:
    @pytest.mark.parametrize(
        ("spelling", "name"),
        [
            ("Torch", "torch"),
            ("keras-layers", "keras_layers"),
            ("tf", "tensorflow"),
            ("HF", None),
            ("PyTorch", "torch"),
            ("mmengine", "mmcv"),
            ("LiteRT", "tflite"),
        ],
    )
    def test_found_without_case_and_separators(self, spelling, name):
        assert find_dialect(spelling).name == (name or "transformers")

    @pytest.mark.parametrize("name", ["keras", "Keras"])
    def test_keras_alone_is_ambiguous(self, name):
        with pytest.raises(ua.UnknownDialectError, match="Did you mean 'keras3' or 'keras2'"):
            ua.get_activation("relu", dialect=name)

    @pytest.mark.parametrize("name", [5, ("torch",)])
    def test_no_string(self, name):
        with pytest.raises(ua.UnknownDialectError, match="named by a string, such as 'torch', got"):
            ua.get_activation("relu", dialect=name)

    def test_reads_its_table_only_when_asked(self, run_python):
        program = (
            "import sys, unified_act as ua\n"
            "ua.get_activation('relu')\n"
            "print('tomllib' in sys.modules)\n"
            "ua.get_activation('relu', dialect='torch')\n"
            "print('tomllib' in sys.modules)"
        )
        assert run_python(program) == "False\nTrue\n"


class TestGetActivation:
    @pytest.mark.parametrize(
        "name",
        [
            "gelu(approximate='tanh')",
            {"name": "GELU", "approximate": "tanh"},
            "F.gelu(approximate='tanh')",
        ],
        ids=str,
    )
    def test_strings_and_mappings(self, name):
        function = ua.get_activation(name, dialect="torch", backend="numpy")
        assert function == ua.get_activation("gelu_tanh", backend="numpy")

    def test_a_parameter_given_twice_is_refused(self):
        with pytest.raises(ua.ParameterValueError, match="given twice: alpha"):
            ua.get_activation("elu(alpha=1.0)", dialect="torch", alpha=1.0)

    def test_our_own_ranges_apply(self):
        with pytest.raises(ua.ParameterValueError, match=r"beta must be .*, got -1.0.$"):
            ua.get_activation("silu", dialect="tensorflow", beta=-1.0)
        with pytest.raises(ua.ParameterValueError, match=r"beta must be .* \(alpha is beta here"):
            ua.get_activation("Swish", dialect="onnx", alpha=-1.0)

    def test_not_registered(self, monkeypatch):
        monkeypatch.setattr(ACTIVATIONS, "_by_key", {})
        with pytest.raises(ua.UnknownActivationError, match="unknown activation 'relu'"):
            ua.get_activation("relu", dialect="torch")


class TestTable:
    """What keeps the table consistent with itself and with the registry."""

    @every_dialect
    def test_every_cell_is_reached_by_each_of_its_names(self, dialect):
        for cell in dialect.cells:
            for name in (*cell.names, *cell.spellings):
                assert cell in dialect.called(name)[name]

    @every_dialect
    def test_a_cell_is_an_activation_or_says_why_not(self, dialect):
        for cell in dialect.cells:
            assert (cell.canonical is None) == (table.WHOLE in cell.because)

    @every_dialect
    def test_parameters_are_ours(self, dialect):
        for cell in dialect.cells:
            names = set(cell.sets) | {
                target.removeprefix("-") for target, *_ in cell.takes.values()
            }
            if cell.canonical in ua.list_activations():
                assert names <= {p.name for p in ACTIVATIONS.find(cell.canonical).parameters}

    @every_dialect
    def test_defaults_are_in_range(self, dialect):
        for cell in dialect.cells:
            if cell.canonical in ua.list_activations() and not cell.required:
                ACTIVATIONS.find(cell.canonical).bind(cell.translate({}))

    @every_dialect
    def test_canonical_names_are_no_aliases(self, dialect):
        aliases = {alias for activation in ACTIVATIONS for alias in activation.aliases}
        assert aliases.isdisjoint(cell.canonical for cell in dialect.cells)

    def test_what_is_called_by_the_canonical_name_is_that_or_a_variant(self):
        """A slip in the table, such as celu for selu, would show here."""
        odd = {
            (dialect.name, name, cell.canonical)
            for dialect in EVERY
            for cell in dialect.cells
            for name in cell.names
            if cell.canonical and normalize(name) != normalize(cell.canonical) and not cell.when
            for ours in ACTIVATIONS
            if normalize(name) == normalize(ours.name)
        }
        keras = {d.name for d in EVERY if d.name.startswith("keras")}
        assert (
            odd
            - {
                ("caffe", "ReLU", "leaky_relu"),  # with negative_slope
                ("paddle", "thresholded_relu", "threshold"),  # with value
                ("paddle", "ThresholdedReLU", "threshold"),
                ("deepmd", "gelu", "gelu_tanh"),
                ("darknet", "gelu", "gelu_tanh"),
            }
            - {
                (name, *pair)
                for name in keras
                for pair in [
                    (relu, other)
                    for relu in ("relu", "ReLU")
                    for other in (
                        *("leaky_relu", "clipped_relu", "thresholded_relu", "clipped_leaky_relu"),
                    )
                ]
            }
            == set()
        )

    @pytest.mark.parametrize(
        ("cell", "message"),
        [
            ({"spell": "F.f", "is": "relu", "taks": {}}, "no field 'taks'. Did you mean 'takes'"),
            ({"is": "relu"}, "the field `spell` is missing"),
            ({"spell": "F.f"}, "the field `is` is missing; `because` must then say under `it` why"),
            ({"spell": "F.f", "is": "relu", "note": "lerned"}, "Did you mean 'learned'"),
            ({"spell": "F.f G.f", "is": "relu"}, "which module 'G' in 'G.f' stands for"),
        ],
    )
    def test_a_mistake_in_a_cell_is_named(self, cell, message):
        entry = {"title": "D", "version": "1", "packages": {"F": "f"}, "cells": [cell]}
        with pytest.raises(ValueError, match=message) as raised:
            table._dialect("d", entry, {"learned": "it learns"})
        assert "dialects.toml, dialect d: " in str(raised.value)
        assert str(cell) in str(raised.value)

    def test_notes_are_used(self):
        notes = set(table._document()["notes"].values())
        assert notes == {cell.note for dialect in EVERY for cell in dialect.cells} - {""}


def test_an_alone_name_needs_no_choice():
    cell = Cell(("a.f",), "relu", when={"kind": 1}, needs=("kind",), alone="g")
    dialect = Dialect("d", "D", "1", (cell,), packages={"a": "b"})
    assert dialect.called("g")["g"][0].fits({}, first=True)
    assert not dialect.called("f")["f"][0].fits({}, first=True)
    assert dialect.called("b.f") == {"b.f": [cell]}
