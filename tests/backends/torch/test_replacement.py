"""replace_activations: what it finds, changes, reports, leaves alone and refuses."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

import unified_act as ua
from unified_act import hydra
from unified_act_torch.layers import ActivationLayer


class TestWhatIsFound:
    @pytest.mark.parametrize(
        ("module", "was"),
        [
            (nn.ReLU(), "relu"),
            (nn.ReLU6(), "relu6"),
            (nn.GELU(), "gelu"),
            (nn.GELU("tanh"), "gelu_tanh"),
            (nn.Hardswish(), "hard_silu"),
            (nn.SiLU(), "silu(beta=1.0)"),
            (nn.LeakyReLU(0.2), "leaky_relu(negative_slope=0.2)"),
            (nn.Hardtanh(-2.0, 3.0), "hard_tanh(min_value=-2.0, max_value=3.0)"),
            (nn.Threshold(0.5, 2.0), "threshold(threshold=0.5, value=2.0)"),
            (nn.Softshrink(0.25), "soft_shrink(threshold=0.25)"),
            (nn.Softplus(2.0), "softplus(beta=2.0)"),
            (nn.Softmax(1), "softmax(axis=1)"),
            (nn.PReLU(), "prelu(axis=1)"),
            (nn.RReLU(0.1, 0.3), "rrelu(lower=0.1, upper=0.3, training=False)"),
            (ua.get_layer("gelu", backend="torch"), "gelu"),
            (
                ua.get_layer("elu", backend="torch", numerics="strict"),
                "elu(alpha=1.0, numerics='strict')",
            ),
            (
                ua.get_layer("star_relu", backend="torch", channels=None),
                "star_relu(axis=1)",
            ),
        ],
        ids=str,
    )
    def test_modules(self, module, was):
        model = nn.Sequential(module)
        report = ua.replace_activations(model, was.partition("(")[0], "identity")
        assert [one.was for one in report.found] == [was]
        assert type(model[0]) is nn.Identity

    @pytest.mark.parametrize(
        ("function", "was"),
        [
            (nn.functional.relu, "relu"),
            (torch.relu, "relu"),
            (nn.functional.gelu, "gelu"),
            (torch.sigmoid, "sigmoid"),
            (torch.special.expit, "sigmoid"),
            (torch.selu, "selu(alpha=1.6732632423543772, scale=1.0507009873554805)"),
            (functools.partial(nn.functional.gelu, approximate="tanh"), "gelu_tanh"),
            (
                functools.partial(nn.functional.leaky_relu, negative_slope=0.2),
                "leaky_relu(negative_slope=0.2)",
            ),
            (functools.partial(torch.softmax, dim=-1), "softmax(axis=-1)"),
            (ua.get_activation("mish"), "mish"),
            (hydra.get_activation("mish"), "mish"),
            (ua.get_activation("mish", backend="torch"), "mish"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_functions(self, function, was):
        model = nn.Linear(2, 2)
        model.act = function
        report = ua.replace_activations(model, was.partition("(")[0], "hard_tanh")
        assert [(one.path, one.was) for one in report.found] == [("act", was)]
        assert model.act == ua.get_activation("hard_tanh", backend="torch")

    def test_in_every_container(self):
        model = nn.ModuleDict(
            {
                "list": nn.ModuleList([nn.ReLU(), nn.Linear(2, 2)]),
                "inner": nn.ModuleDict({"last": nn.Sequential(nn.ReLU())}),
            }
        )
        report = ua.replace_activations(model, "relu", "tanh")
        assert [one.path for one in report.replaced] == ["list.0", "inner.last.0"]
        assert type(model["list"][0]) is type(model["inner"]["last"][0]) is nn.Tanh
        assert len(model["list"]) == 2

    def test_a_shared_module_stays_shared(self):
        shared = nn.PReLU()
        model = nn.ModuleDict({"a": shared, "b": nn.Sequential(shared), "c": nn.PReLU()})
        report = ua.replace_activations(model, "prelu", "star_relu")
        assert [one.path for one in report.replaced] == ["a", "b.0", "c"]
        assert model["a"] is model["b"][0]
        assert model["a"] is not model["c"]

    @pytest.mark.parametrize("new", ["prelu", "star_relu"])
    def test_places_that_shared_a_module_without_weights_learn_weights_of_their_own(self, new):
        shared = nn.ReLU()
        model = nn.Sequential(nn.Linear(2, 2), shared, nn.Linear(2, 2), shared)
        report = ua.replace_activations(model, "relu", new)
        assert [one.path for one in report.replaced] == ["1", "3"]
        assert model[1] is not model[3]
        weights = len(list(model[1].parameters())) + len(list(model[3].parameters()))
        assert len(list(model.parameters())) == 4 + weights

    def test_a_shared_block_is_changed_once(self):
        block = nn.Sequential(nn.ReLU())
        block.act = nn.functional.relu
        model = nn.Sequential(block, block)
        report = ua.replace_activations(model, "relu", "star_relu")
        assert [one.path for one in report.replaced] == ["0.act", "0.0", "1.act", "1.0"]
        assert model[0] is model[1]
        assert model[0].act is not model[0][0]

    def test_a_model_that_is_an_activation_is_replaced(self):
        report = ua.replace_activations(nn.ReLU().eval(), "relu", "gelu")
        assert isinstance(report.model, ActivationLayer)
        assert not report.model.training
        assert str(report) == (
            "1 of 1 activation replaced\n"
            "  (the model)  relu → gelu  (the new one is the report's model)"
        )

    def test_not_what_a_subclass_does(self):
        class Own(nn.ReLU):
            def forward(self, x):
                return super().forward(x) + 1

        model = nn.Sequential(Own())
        assert ua.replace_activations(model, "relu", "gelu").found == ()
        assert type(model[0]) is Own

    def test_not_what_forward_calls(self):
        class Hidden(nn.Linear):
            def forward(self, x):
                return nn.functional.relu(super().forward(x))

        report = ua.replace_activations(Hidden(2, 2), "relu", "gelu")
        assert str(report) == "no activations found: those called inside forward() cannot be seen"


class TestWhatIsAskedFor:
    def model(self):
        return nn.Sequential(nn.LeakyReLU(0.2), nn.LeakyReLU(0.01), nn.LeakyReLU(0.2), nn.ReLU())

    @pytest.mark.parametrize(
        ("old", "paths"),
        [
            ("leaky_relu", ["0", "1", "2"]),
            ("LeakyReLU(negative_slope=0.2)", ["0", "2"]),
            ({"name": "leaky-relu", "negative_slope": 0.01}, ["1"]),
            ("relu", ["3"]),
            ("gelu", []),
        ],
    )
    def test_by_name_and_parameters(self, old, paths):
        report = ua.replace_activations(self.model(), old, "elu", alpha=0.5)
        assert [one.path for one in report.replaced] == paths
        assert {one.now for one in report.replaced} <= {"elu(alpha=0.5)"}
        assert len(report.found) == 4

    def test_by_an_alias_and_with_parameters_that_have_no_default(self):
        model = nn.Sequential(nn.SiLU(), nn.Threshold(0.5, 2.0), nn.Threshold(0.5, 1.0))
        assert len(ua.replace_activations(model, "swish", "relu").replaced) == 1
        assert len(ua.replace_activations(model, "threshold(value=2.0)", "relu").replaced) == 1

    def test_nothing_of_that_name_shows_what_there_is(self):
        model = nn.Sequential(nn.GELU("tanh"), nn.Linear(2, 2))
        assert str(ua.replace_activations(model, "gelu", "relu")) == (
            "0 of 1 activation replaced\nleft alone\n  0  gelu_tanh"
        )

    @pytest.mark.parametrize(
        ("old", "new", "error", "message"),
        [
            ("rellu", "gelu", ua.UnknownActivationError, "Did you mean 'relu'"),
            ("relu", "gellu", ua.UnknownActivationError, "Did you mean 'gelu'"),
            ("relu(a=1)", "gelu", ua.UnknownParameterError, "no parameter 'a'"),
            ("relu", "elu(a=1)", ua.UnknownParameterError, "no parameter 'a'"),
            ("elu(alpha='x')", "gelu", ua.ParameterValueError, "alpha must be a number"),
            ({"relu": "gelu"}, "gelu", ua.ParameterValueError, "so leave out new"),
            (["relu", "rellu"], "gelu", ua.UnknownActivationError, "Did you mean 'relu'"),
            (
                "relu",
                nn.functional.gelu,
                ua.UnknownActivationError,
                "pass the name of an activation",
            ),
            (nn.functional.relu, "gelu", ua.UnknownActivationError, "got builtin|got function"),
        ],
    )
    def test_errors_come_before_any_change(self, old, new, error, message):
        model = nn.Sequential(nn.ReLU())
        with pytest.raises(error, match=message):
            ua.replace_activations(model, old, new)
        assert type(model[0]) is nn.ReLU


class TestSeveral:
    def model(self):
        shared = nn.ReLU()
        inner = nn.Sequential(shared, nn.PReLU())
        return nn.Sequential(shared, nn.SiLU(), inner, nn.Softmax(-1), nn.Identity())

    @pytest.mark.parametrize(
        ("old", "paths"),
        [
            (["relu", "silu"], ["0", "1", "2.0"]),
            (("relu", nn.PReLU), ["0", "2.0", "2.1"]),
            (nn.SiLU, ["1"]),
            ("all", ["0", "1", "2.0", "2.1"]),
            (["all", "softmax"], ["0", "1", "2.0", "2.1", "3"]),
            (nn.Identity, ["4"]),
            ("identity", ["4"]),
            ([], []),
        ],
        ids=str,
    )
    def test_what_is_sought(self, old, paths):
        report = ua.replace_activations(self.model(), old, "gelu")
        assert [one.path for one in report.replaced] == paths

    def test_a_mapping_replaces_everything_at_once(self):
        model = self.model()
        report = ua.replace_activations(model, {"relu": "silu", "silu": "relu", nn.PReLU: None})
        assert [(one.path, one.was.partition("(")[0], one.now) for one in report.replaced] == [
            ("0", "relu", "silu(beta=1.0)"),
            ("1", "silu", "relu"),
            ("2.0", "relu", "silu(beta=1.0)"),
            ("2.1", "prelu", "identity"),
        ]
        assert type(model[1]) is nn.ReLU
        with pytest.raises(ua.ParameterValueError, match="alpha given for several new"):
            ua.replace_activations(model, {"relu": "elu"}, alpha=0.5)
        with pytest.raises(ua.ParameterValueError, match="what is to stand in the place of 'relu'"):
            ua.replace_activations(model, "relu")

    def test_a_class_is_replaced_whatever_it_computes(self):
        class Own(nn.Module):
            def forward(self, x):
                return x.sum() + x

        model = nn.Sequential(Own(), nn.ReLU())
        (one,) = ua.replace_activations(model, Own, "gelu").replaced
        assert (one.path, one.was, one.now) == ("0", "Own", "gelu")

    @pytest.mark.parametrize(
        ("sharing", "new", "modules", "note"),
        [
            ("keep", "prelu", 1, "one module, also in 2.0"),
            ("separate", "prelu", 2, "was one module with 2.0"),
            (None, "prelu", 2, "was one module with 2.0"),
            ("keep", "gelu", 1, "one module, also in 2.0"),
        ],
    )
    def test_sharing(self, sharing, new, modules, note):
        model = self.model()
        report = ua.replace_activations(model, "relu", new, sharing=sharing)
        assert len({id(model[0]), id(model[2][0])}) == modules
        assert report.replaced[0].notes[-1] == note

    def test_sharing_what_has_weights(self):
        shared = nn.PReLU()
        model = nn.Sequential(shared, shared)
        report = ua.replace_activations(model, "prelu", "star_relu", sharing="separate")
        assert model[0] is not model[1]
        assert report.replaced[1].notes[-1] == "was one module with 0"
        with pytest.raises(ua.ParameterValueError, match="sharing is 'keep' or 'separate', got 1"):
            ua.replace_activations(model, "prelu", "star_relu", sharing=1)

    def test_what_is_put_in_their_place_is_a_description(self):
        model = nn.Sequential(nn.ReLU(), nn.SiLU())
        ua.replace_activations(
            model,
            {
                "relu": {"name": "star_relu", "channels": 3, "numerics": "strict"},
                "silu": {"name": "gelu", "dialect": "jax", "backend": "torch"},
            },
        )
        assert (
            repr(model[0]) == "ActivationLayer('star_relu', axis=1, channels=3, numerics='strict')"
        )
        assert repr(model[1]) == "ActivationLayer('gelu_tanh')"
        with pytest.raises(ua.ParameterValueError, match="says backend='jax'"):
            ua.replace_activations(model, "gelu_tanh", {"name": "gelu", "backend": "jax"})

    def test_only_what_acts_on_single_elements_is_asked(self, monkeypatch):
        asked = []
        monkeypatch.setattr("unified_act.api.identify", lambda *a, **k: asked.append(a))

        class Norm(nn.Module):
            def forward(self, x):
                return x / x.square().mean(-1, keepdim=True).sqrt()

        class Scale(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = nn.Parameter(torch.ones(9))

            def forward(self, x):
                return torch.relu(x)

        model = nn.Sequential(Norm(), Scale(), nn.Dropout(), nn.Flatten(), nn.Linear(2, 2))
        assert ua.replace_activations(model, "relu", "gelu").found == ()
        assert asked == []

    def test_asking_changes_neither_the_module_nor_the_random_numbers(self):
        class Counting(nn.Module):
            def __init__(self):
                super().__init__()
                self.calls = 0

            def forward(self, x):
                self.calls += 1
                return torch.relu(x) + 0.0 * torch.rand_like(x)

        model = nn.Sequential(Counting())
        hooked = []
        model[0].register_forward_hook(lambda *_: hooked.append(1))
        torch.manual_seed(1)
        before = torch.get_rng_state()
        report = ua.replace_activations(model, "gelu", "relu")
        assert [one.was for one in report.left] == ["relu"]
        assert (model[0].calls, hooked) == (0, [])
        assert torch.equal(torch.get_rng_state(), before)

    def test_without_the_suite_the_report_says_so(self, monkeypatch):
        def missing(*_, **__):
            raise ua.UnsupportedError("identify needs flint, which is not installed.")

        class Own(nn.Module):
            def forward(self, x):
                return torch.relu(x)

        monkeypatch.setattr("unified_act.api.identify", missing)
        report = ua.replace_activations(nn.Sequential(Own(), nn.ReLU()), "relu", "gelu")
        assert [one.path for one in report.found] == ["1"]
        assert report.notes == (
            "not looked at: Own. identify needs flint, which is not installed.",
        )


class TestWhatElseChanges:
    def test_dropped_weights_are_noted(self):
        model = nn.Sequential(nn.PReLU(3))
        (one,) = ua.replace_activations(model, "prelu", "relu").found
        assert one.notes == ("drops weight",)
        assert model.state_dict() == {}

    def test_weights_that_come_are_where_the_old_ones_were(self):
        model = nn.Sequential(nn.Linear(2, 2), nn.PReLU(dtype=torch.float64))
        (one,) = ua.replace_activations(model, "prelu", "star_relu").found
        assert one.notes == ("drops weight", "adds scale, bias")
        assert model[1].scale.dtype == torch.float64

    def test_weights_that_come_are_where_their_neighbours_are(self):
        inner = nn.Sequential(nn.Linear(2, 2, device="meta", dtype=torch.bfloat16), nn.ReLU())
        model = nn.Sequential(nn.Linear(2, 2), inner, nn.ReLU())
        ua.replace_activations(model, "relu", "prelu")
        weights = [model[1][1].weight, model[2].weight]
        assert [(w.device.type, w.dtype) for w in weights] == [
            ("meta", torch.bfloat16),
            ("cpu", torch.float32),
        ]

    def test_the_size_of_the_output(self):
        (one,) = ua.replace_activations(nn.Sequential(nn.ReLU()), "relu", "glu").found
        assert one.notes == ("the shape of its output may be another",)

    def test_in_place_as_a_function(self):
        model = nn.Linear(2, 2)
        model.act = functools.partial(nn.functional.relu, inplace=True)
        (one,) = ua.replace_activations(model, "relu", "gelu").found
        assert one.notes == ("no longer in place",)


class TestWhatIsLeftAlone:
    @pytest.mark.parametrize(
        ("module", "reason"),
        [
            (nn.Softmax(), "without it PyTorch chooses an axis by the number of dimensions"),
            (nn.Softplus(threshold=5.0), "softplus never switches to x"),
        ],
        ids=str,
    )
    def test_modules_that_no_activation_means_are_left(self, module, reason):
        model = nn.Sequential(module)
        (one,) = ua.replace_activations(model, "softmax", "relu").found
        assert one.now is None
        assert reason in one.notes[0]
        assert model[0] is module

    def test_what_is_called_with_more(self):
        model = nn.Linear(2, 2)
        model.act = nn.functional.prelu
        assert str(ua.replace_activations(model, "prelu", "relu")) == (
            "0 of 1 activation replaced\n"
            "left alone\n"
            "  act  prelu(axis=1)  (it is called with x, weight, and relu takes x)"
        )

    def test_what_would_have_to_be_called_with_more(self):
        report = ua.replace_activations(nn.Sequential(nn.Softmax(-1)), "softmax", "masked_softmax")
        assert report.found[0].notes == ("it is called with x, and masked_softmax takes x, mask",)

    def test_a_layer_with_a_mask_becomes_another_with_a_mask(self):
        model = nn.Sequential(ua.get_layer("masked_softmax", backend="torch"))
        report = ua.replace_activations(
            model, "masked_softmax", "masked_softmax", numerics="strict"
        )
        assert report.replaced[0].now == "masked_softmax(axis=-1, numerics='strict')"


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "register",
        [
            lambda module: module.register_forward_hook(lambda *_: None),
            lambda module: module.register_forward_pre_hook(lambda *_: None),
            lambda module: module.register_full_backward_hook(lambda *_: None),
            lambda module: module.register_full_backward_pre_hook(lambda *_: None),
        ],
    )
    def test_hooks(self, register):
        model = nn.Sequential(nn.ReLU(), nn.ReLU())
        handle = register(model[1])
        with pytest.raises(ua.UnsupportedError, match="1 has hooks"):
            ua.replace_activations(model, "relu", "gelu")
        assert [type(module) for module in model] == [nn.ReLU, nn.ReLU]
        handle.remove()
        assert len(ua.replace_activations(model, "relu", "gelu").replaced) == 2

    def test_hooks_elsewhere_stay(self):
        model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        calls = []
        model[0].register_forward_hook(lambda *_: calls.append(1))
        ua.replace_activations(model, "relu", "gelu")
        model(torch.ones(2))
        assert calls == [1]

    @pytest.mark.filterwarnings(
        "ignore:`torch.jit.trace(_method)?` is deprecated:DeprecationWarning"
    )
    def test_torchscript(self):
        scripted = torch.jit.trace(nn.Sequential(nn.ReLU()), torch.ones(2))
        with pytest.raises(ua.UnsupportedError, match="the model is TorchScript"):
            ua.replace_activations(scripted, "relu", "gelu")
        with pytest.raises(ua.UnsupportedError, match="1 is TorchScript"):
            ua.replace_activations(nn.Sequential(nn.ReLU(), scripted), "relu", "gelu")

    def test_an_activation_compiled_on_its_own(self):
        model = nn.Sequential(torch.compile(nn.ReLU(), backend="eager"))
        with pytest.raises(ua.UnsupportedError, match=r"0\._orig_mod is compiled on its own"):
            ua.replace_activations(model, "relu", "gelu")

    def test_models_of_other_frameworks(self):
        from unified_act_mxnet._framework import mx

        with pytest.raises(ua.UnsupportedError, match="gluon block"):
            ua.replace_activations(mx.gluon.nn.HybridSequential(), "relu", "gelu")
        with pytest.raises(ua.UnsupportedError, match="'numpy' cannot"):
            ua.replace_activations(np.ones(2), "relu", "gelu")
        layer = ua.get_layer("relu", backend="numpy")
        with pytest.raises(ua.InputTypeError, match=r"expected a torch\.nn\.Module"):
            ua.replace_activations(layer, "relu", "gelu")
        with pytest.raises(ua.InputTypeError, match="got Tensor"):
            ua.replace_activations(torch.ones(2), "relu", "gelu")


class TestCompiled:
    def test_a_compiled_model_is_compiled_anew(self):
        model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        compiled = torch.compile(model, backend="eager", fullgraph=True)
        x = torch.tensor([[-1.0, 2.0], [3.0, -0.5]])
        before = compiled(x)
        report = ua.replace_activations(compiled, "relu", "gelu")
        assert [one.path for one in report.replaced] == ["_orig_mod.1"]
        assert torch.equal(compiled(x), nn.functional.gelu(model[0](x)))
        assert not torch.equal(compiled(x), before)

    def test_modules_of_a_graph(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.act = nn.ReLU()

            def forward(self, x):
                return nn.functional.relu(self.act(x) - 1.0)

        graph = torch.fx.symbolic_trace(Net())
        report = ua.replace_activations(graph, "relu", "gelu")
        assert [one.path for one in report.found] == ["act"]
        x = torch.tensor([-1.0, 0.5, 2.0])
        assert torch.equal(graph(x), nn.functional.relu(nn.functional.gelu(x) - 1.0))
