"""The sweep of the example `examples/digits`: dead units, the picture, the command."""

# ruff: noqa: E402 - the example needs what the library itself does not

import dataclasses
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import unified_act as ua

for needed in ("click", "matplotlib", "rich", "sklearn"):
    pytest.importorskip(needed)

from click.testing import CliRunner
from matplotlib import image

from examples.digits.__main__ import QUIET, main
from examples.digits.data import load_digits
from examples.digits.frameworks import load_frameworks
from examples.digits.plot import _apart, _shrink, _stretch, save_plot
from examples.digits.settings import load_settings
from examples.digits.sweep import History, dead_units, train_with, with_activation
from examples.digits.training import train
from examples.digits.weights import SHAPES, initial_weights
from unified_act_conformance.subject.cases import usual_backends

INSTALLED = usual_backends()
SETTINGS = dataclasses.replace(load_settings(epochs=2), batch_size=8)


@pytest.fixture(scope="module")
def digits():
    return load_digits(SETTINGS.test_fraction, SETTINGS.seed)


@pytest.fixture(scope="module")
def few(digits):
    return dataclasses.replace(
        digits,
        train_images=digits.train_images[:200],
        train_labels=digits.train_labels[:200],
        test_images=digits.test_images[:100],
        test_labels=digits.test_labels[:100],
    )


def weights_with_biases(architecture, bias):
    weights = initial_weights(architecture, seed=1)
    return {
        name: np.full_like(weight, bias) if name.endswith("bias") else weight
        for name, weight in weights.items()
    }


def dead(activation, weights, images, architecture="dense"):
    return dead_units(architecture, with_activation(SETTINGS, activation), weights, images)


class TestDeadUnits:
    @pytest.mark.parametrize("architecture", SHAPES)
    @pytest.mark.parametrize(
        ("activation", "bias", "share"),
        [
            ("relu", -1000.0, 1.0),
            ("relu6", 1000.0, 1.0),
            ("gelu", -1000.0, 1.0),
            ("leaky_relu", -1000.0, 0.0),
            ("leaky_relu(negative_slope=0.0005)", -1000.0, 1.0),
            ("identity", -1000.0, 0.0),
            ("relu", np.nan, 1.0),
        ],
    )
    def test_biases_make_all_units_dead_or_none(
        self, digits, architecture, activation, bias, share
    ):
        weights = weights_with_biases(architecture, bias)
        assert dead(activation, weights, digits.test_images[:20], architecture) == share

    def test_the_derivative_decides_and_not_the_output(self, digits):
        def share(bias):
            return dead("sigmoid", weights_with_biases("dense", bias), digits.test_images)

        assert share(0.0) == 0.0
        assert share(20.0) == share(-20.0) == 1.0  # the outputs are 1 and 0

    def test_relu_as_counted_by_hand(self, digits):
        weights = weights_with_biases("dense", 0.0)
        weights["hidden.bias"][:40] = -1.5
        inputs = digits.test_images.reshape(-1, 64) @ weights["hidden.weight"].T
        by_hand = (inputs + weights["hidden.bias"] <= 0).all(axis=0).mean()
        assert 0.1 < by_hand < 0.5
        assert dead("relu", weights, digits.test_images) == by_hand

    def test_one_image_keeps_a_unit_alive(self, digits):
        weights = weights_with_biases("dense", 0.0)
        weights["hidden.weight"][:] = 1.0
        ink = digits.test_images.sum(axis=(1, 2, 3))
        weights["hidden.bias"][:] = -np.median(ink)
        by_ink = digits.test_images[np.argsort(ink)]
        faint, black = by_ink[:50], by_ink[-1:]
        assert dead("relu", weights, faint) == 1.0
        assert dead("relu", weights, np.concatenate([faint, black])) == 0.0

    @pytest.mark.skipif("torch" not in INSTALLED, reason="counts in a network of PyTorch's")
    def test_convolutions_as_counted_in_torch(self, digits):
        weights = initial_weights("convolutional", seed=1)
        for layer, many, bias in (
            ("convolution1", 5, -9),
            ("convolution2", 9, -2),
            ("hidden", 70, -1),
        ):
            weights[f"{layer}.bias"][:many] = bias
        (framework,) = load_frameworks(["torch"])
        network = framework.networks.build("convolutional", SETTINGS, weights)
        inputs = []
        for layer in (network.convolution1, network.convolution2, network.hidden):
            layer.register_forward_hook(lambda *call: inputs.append(call[-1].numpy()))
        framework.networks.logits(network, digits.test_images)
        off = [(layer <= 0).all(axis=(0, *range(2, layer.ndim))) for layer in inputs]
        assert [len(units) for units in off] == [32, 64, 128]
        assert all(0 < units.sum() < len(units) for units in off)
        counted = np.concatenate(off).mean()
        assert dead("relu", weights, digits.test_images, "convolutional") == counted


class TestTraining:
    @pytest.mark.parametrize("backend", INSTALLED)
    def test_history(self, few, backend):
        (framework,) = load_frameworks([backend])
        epochs = []
        history = train_with("mish", framework, few, SETTINGS, epochs.append)
        assert (history.activation, history.framework) == ("mish", backend)
        assert [epoch.number for epoch in epochs] == [1, 2]
        assert history.accuracies == [epoch.accuracy for epoch in epochs]
        assert history.accuracies[-1] > 0.2
        assert history.dead == [0.0, 0.0]
        assert history.seconds > 0

    def test_every_training_starts_anew(self, few):
        (framework,) = load_frameworks(["numpy"])

        def accuracies(activation):
            return train_with(activation, framework, few, SETTINGS, lambda _: None).accuracies

        first = accuracies("relu")
        assert accuracies("tanh") != first
        assert accuracies("relu") == first

    def test_dead_units_are_those_of_the_trained_weights(self, few):
        (framework,) = load_frameworks(["numpy"])
        settings = dataclasses.replace(with_activation(SETTINGS, "relu"), learning_rate=0.03)
        history = train_with("relu", framework, few, settings, lambda _: None)
        trained = train(framework, few, settings, lambda _: None)
        assert history.dead[-1] == dead("relu", trained.weights, few.test_images) > 0.02


def history(activation, accuracies, dead, framework="torch"):
    return History(activation, framework, "convolutional", accuracies, dead, 1.0)


class TestPlot:
    def test_png(self, tmp_path):
        path = tmp_path / "sweep.png"
        save_plot([history("relu", [0.5, 0.9], [0.1, 0.2])], path)
        pixels = image.imread(path)
        assert pixels.shape[0] > 400
        blue = np.abs(pixels[..., :3] - np.array([0, 0x72, 0xB2]) / 255).max(axis=-1) < 0.01
        middle = pixels.shape[1] // 2
        assert blue[:, :middle].sum() > 500  # the accuracy
        assert blue[:, middle:].sum() > 500  # the dead units

    def test_each_line_has_a_label_in_each_panel_or_lies_at_zero(self, tmp_path):
        path = tmp_path / "sweep.svg"
        histories = [
            history("relu", [0.5, 0.9], [0.1, 0.2]),
            history("gelu", [0.5, 0.9], [0.0, 0.0]),
            history("mish", [0.5, 0.9], [0.0, 0.0]),
        ]
        save_plot(histories, path)
        assert ET.parse(path).getroot().tag.endswith("svg")
        text = path.read_text(encoding="utf-8")
        count = {name: text.count(f"<!-- {name} -->") for name in ("relu", "gelu", "all others")}
        assert count == {"relu": 2, "gelu": 1, "all others": 1}
        assert "<!-- torch (convolutional): dead units, % -->" in text

    def test_many_activations_two_frameworks_one_epoch(self, tmp_path):
        path = tmp_path / "sweep.svg"
        names = ua.list_activations("elementwise")
        save_plot(
            [
                history(name, [index / 50], [index / 100], framework)
                for framework in ("torch", "mxnet")
                for index, name in enumerate(names)
            ],
            path,
        )
        text = path.read_text(encoding="utf-8")
        assert {text.count(f"<!-- {name} -->") for name in names[1:]} == {4}

    @pytest.mark.parametrize("accuracy", [0.0, 1.0])
    def test_extremes(self, tmp_path, accuracy):
        path = tmp_path / "sweep.png"
        save_plot([history("relu", [accuracy] * 3, [1.0 - accuracy] * 3)], path)
        assert image.imread(path).std() > 0.01

    def test_labels_are_moved_apart_and_no_farther(self):
        np.testing.assert_allclose(_apart([0.1, 0.5, 0.9], 0.1), [0.1, 0.5, 0.9])
        np.testing.assert_allclose(_apart([0.5, 0.5, 0.9], 0.1), [0.45, 0.55, 0.9])
        np.testing.assert_allclose(_apart([0.0, 0.0, 0.0], 0.1), [0.0, 0.1, 0.2])
        np.testing.assert_allclose(_apart([1.0, 1.0], 0.1), [0.9, 1.0])

    def test_scale_of_the_accuracy(self):
        accuracies = np.linspace(0, 1, 101)
        assert (np.diff(_stretch(accuracies)) > 0).all()
        np.testing.assert_allclose(_shrink(_stretch(accuracies)), accuracies, atol=1e-12)


class TestCommand:
    def invoke(self, *arguments):
        runner = CliRunner(env=QUIET)  # puts them back afterwards
        return runner.invoke(main, [*map(str, arguments)])

    def test_sweep(self, tmp_path):
        path = tmp_path / "sweep.png"
        names = ("relu", "elu(alpha=0.5)", "relu")
        result = self.invoke(
            *("--backends", "numpy", "--epochs", 2, "--plot", path),
            *(word for name in names for word in ("--activation", name)),
        )
        assert result.exit_code == 0, result.output
        lines = result.output.splitlines()
        assert lines[0] == "Handwritten digits: train on numpy with relu, elu(alpha=0.5)."
        assert sum("epoch  2/2" in line for line in lines) == 2
        (row,) = (line for line in lines if line.startswith(" numpy "))
        assert row.split()[:2] == ["numpy", "relu"]
        assert row.count("%") == 3
        assert lines[-1].endswith(f"{path}.")
        assert image.imread(path).size

    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            (("--activation", "reluu"), 1, "Did you mean"),
            (("--activation", "relu(slope=1)"), 1, "slope"),
            (("--activation", "prelu"), 1, "use one of affine, arctan, "),
            (("--activation", "relu", "--plot", "sweep.xyz"), 1, "png, "),
            (("--activation", "relu", "--plot", "nowhere/sweep.png"), 1, "the folder nowhere"),
            (("--activation", "relu", "--backends", "tourch"), 1, "Did you mean 'torch'?"),
            (("--plot", "sweep.png"), 2, "--activation"),
        ],
    )
    def test_mistakes_are_noticed_before_the_training(self, arguments, code, message):
        result = self.invoke(*arguments)
        assert result.exit_code == code
        assert message in result.output
        assert "epoch" not in result.output
        assert isinstance(result.exception, SystemExit)

    def test_says_how_to_install_matplotlib(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib.backend_bases", None)
        result = self.invoke("--activation", "relu")
        assert result.exit_code == 1
        assert "pip install 'unified-act[plot]'" in result.output
