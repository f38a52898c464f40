"""The example `examples/digits`."""

# ruff: noqa: E402 - the example needs what the library itself does not

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unified_act as ua

for needed in ("click", "rich", "sklearn"):
    pytest.importorskip(needed)

from examples.digits import network_numpy
from examples.digits.data import batches, load_digits
from examples.digits.frameworks import load_frameworks
from examples.digits.settings import DEFAULT_CONFIGURATION, Limits, load_settings
from examples.digits.swap import Run, problems, run_everywhere
from examples.digits.training import Trained, train
from examples.digits.weights import SHAPES, from_channels_last, initial_weights, to_channels_last
from unified_act_conformance.subject.cases import usual_backends

ROOT = Path(__file__).parents[2]
INSTALLED = usual_backends()
SETTINGS = load_settings()


@pytest.fixture(scope="module")
def digits():
    return load_digits(SETTINGS.test_fraction, SETTINGS.seed)


def load(backend):
    return load_frameworks([backend])[0]


def random_weights(architecture, dtype=np.float32):
    generator = np.random.default_rng(1)
    weights = initial_weights(architecture, seed=1)
    return {
        name: (weight + generator.normal(0, 0.1, weight.shape)).astype(dtype)
        for name, weight in weights.items()
    }


def cross_entropy(logits, labels):
    largest = logits.max(axis=1, keepdims=True)
    log_total = np.log(np.exp(logits - largest).sum(axis=1)) + largest[:, 0]
    return float((log_total - logits[np.arange(len(labels)), labels]).mean())


def run_command(*arguments, missing=()):
    """Runs the command as if the frameworks in `missing` were not installed."""
    program = f"""
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, NotInstalled())
from examples.digits.__main__ import main
main()
"""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestData:
    def test_split_is_the_same_every_time(self, digits):
        again = load_digits(SETTINGS.test_fraction, SETTINGS.seed)
        for field in dataclasses.fields(digits):
            np.testing.assert_array_equal(getattr(digits, field.name), getattr(again, field.name))

    def test_split_has_every_image_once(self, digits):
        from sklearn import datasets

        def rows(images):
            return sorted(image.tobytes() for image in images)

        every = (datasets.load_digits().images[:, None] / 16).astype(np.float32)
        assert rows([*digits.train_images, *digits.test_images]) == rows(every)
        assert not set(rows(digits.train_images)) & set(rows(digits.test_images))

    def test_both_sides_have_every_digit_equally_often(self, digits):
        train_share = np.bincount(digits.train_labels) / len(digits.train_labels)
        test_share = np.bincount(digits.test_labels) / len(digits.test_labels)
        np.testing.assert_allclose(train_share, test_share, atol=0.005)

    def test_images_are_scaled(self, digits):
        assert digits.train_images.dtype == np.float32
        assert digits.train_images.shape[1:] == (1, 8, 8)
        assert (digits.train_images.min(), digits.train_images.max()) == (0, 1)

    def test_batches_hold_every_image_once(self):
        labels = np.arange(10)
        images = np.zeros((10, 1, 8, 8), np.float32)
        seen = [batch for _, batch in batches(images, labels, 4, np.random.default_rng(0))]
        assert [len(batch) for batch in seen] == [4, 4, 2]
        assert sorted(np.concatenate(seen)) == list(labels)


class TestSettings:
    def test_activation_with_parameter(self, tmp_path):
        file = tmp_path / "config.toml"
        text = DEFAULT_CONFIGURATION.read_text()
        file.write_text(text.replace('"relu"', '"leaky_relu(negative_slope=0.1)"'))
        assert load_settings(file).hidden == "leaky_relu(negative_slope=0.1)"

    @pytest.mark.parametrize("name", ["reluu", "softmax", "prelu"])
    def test_unsuitable_activation(self, tmp_path, name):
        file = tmp_path / "config.toml"
        file.write_text(DEFAULT_CONFIGURATION.read_text().replace('"relu"', f'"{name}"'))
        with pytest.raises(ua.UnknownActivationError, match=name):
            load_settings(file)

    @pytest.mark.parametrize("line", ["seed = 0", "accuracy = 0.96"])
    def test_missing_setting(self, tmp_path, line):
        file = tmp_path / "config.toml"
        file.write_text(DEFAULT_CONFIGURATION.read_text().replace(line, ""))
        with pytest.raises(ValueError, match=line.split()[0]):
            load_settings(file)


class TestWeights:
    @pytest.mark.parametrize("architecture", SHAPES)
    def test_layouts_invert_each_other(self, architecture):
        weights = random_weights(architecture)
        restored = from_channels_last(to_channels_last(weights))
        assert restored.keys() == weights.keys()
        for name, weight in weights.items():
            np.testing.assert_array_equal(restored[name], weight)

    @pytest.mark.parametrize("backend", INSTALLED)
    @pytest.mark.parametrize("architecture", SHAPES)
    def test_a_network_keeps_them(self, architecture, backend):
        networks = load(backend).networks
        weights = random_weights(architecture)
        kept = networks.weights_of(networks.build(architecture, SETTINGS, weights))
        assert kept.keys() == weights.keys()
        for name, weight in weights.items():
            np.testing.assert_array_equal(kept[name], weight)


class TestBackPropagation:
    @pytest.mark.parametrize("activation", ["relu", "mish", "elu(alpha=0.5)"])
    def test_agrees_with_finite_differences(self, digits, activation):
        settings = dataclasses.replace(SETTINGS, hidden=activation)
        weights = random_weights("dense", np.float64)
        network = network_numpy.build("dense", settings, weights)
        images, labels = digits.train_images[:20].astype(np.float64), digits.train_labels[:20]
        _, gradients = network.loss_and_gradients(images, labels)
        generator = np.random.default_rng(0)
        step = 1e-6
        for name, weight in weights.items():
            direction = generator.normal(size=weight.shape)
            ahead, behind = (
                network_numpy.build("dense", settings, weights | {name: moved}).loss_and_gradients(
                    images, labels
                )[0]
                for moved in (weight + step * direction, weight - step * direction)
            )
            slope = (gradients[name] * direction).sum()
            np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-8)

    @pytest.mark.parametrize("backend", [name for name in INSTALLED if name != "numpy"])
    def test_learns_like_the_frameworks(self, digits, backend):
        def losses(networks):
            network = networks.build("dense", SETTINGS, random_weights("dense"))
            step = networks.training_step(network, 1e-2)
            return [step(digits.train_images[:50], digits.train_labels[:50]) for _ in range(10)]

        # TensorFlow and MXNet add Adam's epsilon before the bias correction, PyTorch after it.
        np.testing.assert_allclose(losses(network_numpy), losses(load(backend).networks), rtol=1e-3)

    def test_convolutional_network_only_runs(self):
        network = network_numpy.build("convolutional", SETTINGS, random_weights("convolutional"))
        with pytest.raises(NotImplementedError, match="dense"):
            network_numpy.training_step(network, 1e-3)


@pytest.mark.parametrize("backend", INSTALLED)
def test_one_epoch_lowers_the_loss(digits, backend):
    framework = load(backend)
    few = dataclasses.replace(
        digits,
        train_images=digits.train_images[:200],
        train_labels=digits.train_labels[:200],
        test_images=digits.train_images[:200],
        test_labels=digits.train_labels[:200],
    )
    settings = dataclasses.replace(SETTINGS, epochs={framework.architecture: 1}, batch_size=8)
    start = framework.networks.build(
        framework.architecture, settings, initial_weights(framework.architecture, settings.seed)
    )
    before = cross_entropy(framework.networks.logits(start, few.test_images), few.test_labels)
    epochs = []
    trained = train(framework, few, settings, epochs.append)
    assert cross_entropy(trained.logits, few.test_labels) < 0.95 * before
    assert [epoch.number for epoch in epochs] == [1]


class TestSwap:
    @pytest.mark.parametrize("backend", INSTALLED)
    @pytest.mark.parametrize("activation", ["relu", "mish", "leaky_relu(negative_slope=0.1)"])
    @pytest.mark.parametrize("architecture", SHAPES)
    def test_random_weights_give_the_same_logits(self, digits, architecture, activation, backend):
        settings = dataclasses.replace(SETTINGS, convolution=activation, hidden=activation)
        weights = random_weights(architecture)
        reference, logits = (
            networks.logits(networks.build(architecture, settings, weights), digits.test_images)
            for networks in (network_numpy, load(backend).networks)
        )
        assert logits.dtype == np.float32
        assert np.abs(reference).max() > 1
        np.testing.assert_allclose(logits, reference, rtol=0, atol=1e-4)

    def test_another_weight_is_noticed(self, digits):
        weights = random_weights("dense")
        network = network_numpy.build("dense", SETTINGS, weights)
        logits = network_numpy.logits(network, digits.test_images)
        weights["classifier.bias"][0] += 100
        trained = Trained("torch", "dense", weights, logits)
        (run,) = run_everywhere(trained, [load("numpy")], digits, SETTINGS)
        assert run.logit_difference == pytest.approx(100, rel=1e-3)
        assert run.predictions_that_differ > 100

    def test_problems(self):
        good = Run("torch", "torch", "dense", 0.96, 0.0, 0)
        limits = Limits(accuracy=0.96, logit_difference=1e-4)
        assert not problems([good, dataclasses.replace(good, logit_difference=1e-4)], limits)
        bad = {
            "below 96%": {"accuracy": 0.95},
            "more than 1e-04": {"logit_difference": float("nan")},
            "another digit in 3 images": {"predictions_that_differ": 3},
        }
        for expected, change in bad.items():
            (problem,) = problems([dataclasses.replace(good, **change)], limits)
            assert expected in problem


class TestCommand:
    def test_numpy_alone(self):
        result = run_command("--backends", "numpy", missing=("torch", "tensorflow", "mxnet"))
        assert result.returncode == 0, result.stdout + result.stderr
        assert result.stderr == ""
        lines = result.stdout.splitlines()
        assert lines[0].startswith("Handwritten digits: train on numpy")
        assert lines[-1].startswith("PASS: numpy")

    def test_too_little_training_fails(self):
        result = run_command("--backends", "numpy", "--epochs", "1")
        assert result.returncode == 1
        assert "FAIL: numpy reaches a test accuracy of" in result.stdout
        assert "PASS" not in result.stdout

    @pytest.mark.parametrize(
        ("backend", "message"),
        [("torch", "pip install 'unified-act[torch]'"), ("tourch", "Did you mean 'torch'?")],
    )
    def test_backend_that_is_not_there(self, backend, message):
        result = run_command("--backends", backend, missing=("torch",))
        assert result.returncode == 1
        assert message in result.stderr
        assert "Traceback" not in result.stderr
