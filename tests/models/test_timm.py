"""replace_activations and register_with_timm on models and activations of timm."""

import copy

import pytest
import torch

import unified_act as ua
from tests.models.architectures import import_timm


def mobile_net(timm, **given):
    torch.manual_seed(0)
    return timm.create_model("mobilenetv3_small_050", num_classes=3, **given).eval()


def test_a_mobile_net():
    timm = import_timm()
    model = mobile_net(timm)
    weights = copy.deepcopy(model.state_dict())
    report = ua.replace_activations(model, {"hard_silu": "silu", "relu": "gelu"})
    changes = {(one.was, one.now) for one in report.found}
    assert changes == {
        ("hard_silu", "silu(beta=1.0)"),
        ("relu", "gelu"),
        ("hard_sigmoid(alpha=0.16666666666666666, beta=0.5)", None),
    }
    kinds = [type(module).__name__ for module in model.modules()]
    assert kinds.count("Hardswish") == kinds.count("ReLU") == 0
    assert kinds.count("SiLU") + kinds.count("ActivationLayer") == len(report.replaced)
    model.load_state_dict(weights, strict=True)
    other = mobile_net(timm, act_layer="silu")
    x = torch.linspace(-1.0, 1.0, 3 * 32 * 32).reshape(1, 3, 32, 32)
    assert model(x).shape == other(x).shape


@pytest.mark.exhaustive
def test_its_own_activations_are_found():
    import_timm()
    from timm.layers import create_act_layer

    names = ("prelu", "gelu", "gelu_tanh", "quick_gelu", "sigmoid", "tanh", "hard_mish")
    model = torch.nn.Sequential(*map(create_act_layer, names))
    report = ua.replace_activations(model, "all", "relu")
    assert [one.was.partition("(")[0] for one in report.replaced] == list(names)


class TestNames:
    def test_ours_are_made_beside_theirs(self):
        timm = import_timm()
        from timm.layers import create_act, create_act_layer, get_act_fn

        theirs = dict(create_act._ACT_LAYER_DEFAULT)
        ua.register_with_timm("ELU(alpha=0.5)")
        assert theirs.items() <= create_act._ACT_LAYER_DEFAULT.items()
        assert repr(create_act_layer("ua:ELU(alpha=0.5)", inplace=True)) == "ELU(alpha=0.5)"
        assert repr(create_act_layer("ua:elu", alpha=0.3)) == "ELU(alpha=0.3)"
        x = torch.linspace(-2.0, 2.0, 5)
        mish = ua.get_activation("mish", backend="torch")
        assert torch.equal(get_act_fn("ua:mish")(x, inplace=True), mish(x))
        model = mobile_net(timm, act_layer="ua:squareplus")
        assert "ActivationLayer('squareplus', b=4.0)" in map(str, model.modules())
