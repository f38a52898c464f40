"""Modules of PyTorch: its own where they are the same thing, and our generic one."""

import copy
import functools

import numpy as np
import pytest
import torch
from torch import nn

import unified_act as ua
from tests.backends.arrays import VALUES, bits, every_dtype, native
from tests.specifications import REQUIRED, SPECS
from unified_act.backend import FrameworkBackend
from unified_act.layers import LayerSpec
from unified_act_torch.layers import _MODULES, ActivationLayer, LazyActivationLayer

LEARNED = [name for name, spec in SPECS.items() if spec.weights]
X = torch.linspace(-2.0, 3.0, 24).reshape(4, 6)


def layer_of(name, **options):
    return ua.get_layer(REQUIRED.get(name, name), backend="torch", **options)


class TestNativeModules:
    @pytest.mark.parametrize("name", _MODULES)
    def test_get_layer_gives_the_native_module_in_fast(self, name):
        assert type(layer_of(name)) is _MODULES[name]
        own = nn.Identity if name == "identity" else ActivationLayer
        assert type(layer_of(name, numerics="strict")) is own

    @every_dtype
    @pytest.mark.parametrize("name", _MODULES)
    def test_it_does_what_the_function_does(self, monkeypatch, name, dtype):
        monkeypatch.setattr(
            FrameworkBackend, "outrun", lambda *_: ()
        )  # machine code is for functions
        function = ua.get_activation(REQUIRED.get(name, name), backend="torch")
        module = layer_of(name).to(getattr(torch, dtype))
        weights = [weight.detach() for weight in module.parameters()]
        results = []
        for call in (module, lambda x: function(x, *weights)):
            x = native("torch", VALUES, dtype).requires_grad_()
            value = call(x)
            results.append([value.detach(), torch.autograd.grad(value.sum(), x)[0]])
        for ours, theirs in zip(*results, strict=True):
            assert bits("torch", ours, dtype) == bits("torch", theirs, dtype)

    @pytest.mark.parametrize(
        "name", ["celu", "gelu", "gelu_tanh", "hard_silu", "softplus", "log_sigmoid"]
    )
    def test_not_where_a_dtype_is_served_otherwise(self, name):
        assert type(layer_of(name)) is ActivationLayer

    def test_not_where_long_rows_are_served_otherwise(self):
        assert type(layer_of("softmax")) is ActivationLayer

    def test_not_with_other_parameters(self):
        assert type(layer_of("silu", beta=2.0)) is ActivationLayer
        assert type(layer_of("prelu", axis=-1)) is ActivationLayer
        assert type(layer_of("prelu", channels=None)) is LazyActivationLayer

    def test_parameters_are_passed(self):
        assert repr(layer_of("leaky_relu", negative_slope=0.3)) == "LeakyReLU(negative_slope=0.3)"
        module = layer_of("prelu", channels=6, initial=0.5, options={"dtype": torch.float64})
        assert (module.weight.dtype, module.weight.tolist()) == (torch.float64, [0.5] * 6)

    def test_not_what_an_override_replaces(self, monkeypatch):
        @ua.register_activation("doubled", overrides={"torch": lambda x: x + x})
        def doubled(xp, x):
            return x * 2.0

        assert type(ua.get_layer("doubled", backend="torch")) is ActivationLayer


@pytest.mark.parametrize("name", LEARNED)
class TestLearned:
    def test_weights_are_parameters_by_our_names(self, name):
        module = layer_of(name, channels=6, axis=-1)
        assert [key for key, _ in module.named_parameters()] == list(SPECS[name].weights)
        assert all(weight.shape == (6,) for weight in module.parameters())
        assert module(X).shape == X.shape

    def test_the_first_input_decides_about_the_size(self, name):
        module = layer_of(name, channels=None, axis=1)
        assert type(module) is LazyActivationLayer
        module(torch.ones(2, 5, 3))
        assert type(module) is ActivationLayer
        assert all(weight.shape == (5,) for weight in module.parameters())
        assert "channels=5" in repr(module)

    def test_a_state_dict_decides_about_it_too(self, name):
        trained = layer_of(name, channels=6, axis=-1, initial=0.75)
        module = layer_of(name, channels=None, axis=-1)
        module.load_state_dict(trained.state_dict())
        assert torch.equal(module(X), trained(X))

    def test_a_waiting_one_is_copied(self, name):
        module = copy.deepcopy(layer_of(name, channels=None, axis=-1))
        assert module(X).shape == X.shape

    def test_without_memory(self, name):
        module = layer_of(name, channels=6, axis=-1, options={"device": "meta"})
        assert module(X.to("meta")).shape == X.shape

    def test_weights_keep_their_dtype_outside_of_autocast(self, name):
        module = layer_of(name, channels=6, axis=-1)
        if type(module) is ActivationLayer:
            with pytest.raises(ua.InputTypeError, match="Cast the weight"):
                module(X.double())


def test_the_generic_module_says_what_it_is():
    assert repr(layer_of("gelu")) == "ActivationLayer('gelu')"
    module = layer_of("xielu", numerics="strict", channels=2)
    assert (
        repr(module) == "ActivationLayer('xielu', axis=1, beta=0.5, channels=2, numerics='strict')"
    )


def test_reset_parameters_restores_the_initial_weight():
    module = layer_of("snake", initial=3.0)
    with torch.no_grad():
        module.alpha.fill_(1.0)
    module.reset_parameters()
    assert module.alpha.tolist() == [3.0]


def test_bfloat16_weights_are_exported_as_float32():
    module = layer_of("snake", initial=1.5).bfloat16()
    weight = ua.export_weights(module)["alpha"]
    assert (weight.dtype, weight.tolist()) == (np.float32, [1.5])


def test_a_mask_and_a_seed():
    mask = X > 0
    masked = layer_of("masked_softmax")(X, mask)
    assert torch.equal(masked > 0, mask)
    module = layer_of("rrelu", training=True)
    assert torch.equal(module(X, generator=3), module(X, 3))


def test_data_parallel():
    assert torch.equal(nn.DataParallel(layer_of("snake"))(X), layer_of("snake")(X))


def test_its_specification():
    module = layer_of("snake", channels=2)
    assert LayerSpec.from_config(module.spec.to_config()) == module.spec


@pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
class TestTorchScript:
    """docs/compatibility.md."""

    @pytest.mark.parametrize("name", ["relu", "silu", "prelu", "threshold"])
    def test_modules_of_pytorch_are_scripted(self, name):
        layer = layer_of(name)
        assert torch.equal(torch.jit.script(layer)(X), layer(X))

    @pytest.mark.parametrize("name", ["gelu", "swiglu", "snake", "rrelu", "softmin"])
    def test_others_are_traced_first(self, name):
        layer = layer_of(name).eval()
        model = nn.Sequential(nn.Identity(), layer)
        for one in (layer, model):
            with pytest.raises(ua.UnsupportedError, match=r"torch\.jit\.trace\(layer, example\)"):
                torch.jit.script(one)
        traced = nn.Sequential(nn.Identity(), torch.jit.trace(layer, X[:1]))
        torch.testing.assert_close(torch.jit.script(traced)(X), layer(X))


def test_hydra_hands_a_layer_out():
    """Hydra refuses subclasses of functools.partial, which functions of get_activation are."""
    layer = ua.get_layer(name="elu", alpha=0.5, backend="torch")
    assert not isinstance(layer, functools.partial)
    assert not isinstance(layer_of("snake"), functools.partial)
