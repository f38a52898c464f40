"""Two models side by side: an export and its source, a port and its original."""

import math

import pytest

import unified_act as ua

torch = pytest.importorskip("torch")
F = torch.nn.functional

X = torch.linspace(-2.0, 2.0, 2 * 3 * 4 * 8).reshape(2, 3, 4, 8)


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


class Net(torch.nn.Module):
    """One layer and one activation after the other, some in modules and some in functions."""

    def __init__(self, **planted):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(8, 8) for _ in range(6))
        self.gate = planted.get("gate", torch.nn.Hardsigmoid())
        self.functions = {
            "quick": quick_gelu,
            "gelu": F.gelu,
            "leaky": F.leaky_relu,
            "softmax": lambda x: torch.softmax(x, -1),
            **planted,
        }

    def forward(self, x):
        x = self.functions["quick"](self.layers[0](x))
        x = self.functions["gelu"](self.layers[1](x))
        x = x * self.gate(self.layers[2](x))
        x = self.functions["leaky"](self.layers[3](x))
        return self.functions["softmax"](self.layers[4](x))


class HardSigmoid02(torch.nn.Module):
    def forward(self, x):
        return torch.clamp(0.2 * x + 0.5, 0.0, 1.0)


PLANTED = {
    "quick": (F.gelu, "quick_gelu", "gelu"),
    "gelu": (lambda x: F.gelu(x, approximate="tanh"), "gelu", "gelu_tanh"),
    "gate": (HardSigmoid02(), "hard_sigmoid", "hard_sigmoid_02"),
    "leaky": (lambda x: F.leaky_relu(x, 0.2), "leaky_relu", "leaky_relu(negative_slope=0.2)"),
    "softmax": (lambda x: torch.softmax(x, 1), "softmax", "softmax(axis=-3)"),
}


@pytest.fixture(scope="module", name="original")
def _original():
    return ua.audit(Net(), X)


@pytest.mark.parametrize("kind", PLANTED)
def test_one_planted_in_a_copy(original, kind):
    other, here, there = PLANTED[kind]
    (place,) = original.against(ua.audit(Net(**{kind: other}), X))
    assert (place.first.text, place.second.text) == (here, there)
    assert place.first.place == place.second.place


def test_all_of_them_by_effect(original):
    planted = {kind: other for kind, (other, _, _) in PLANTED.items()}
    apart = original.against(ua.audit(Net(**planted), X))
    assert [place.first.text for place in apart] == [
        "leaky_relu",  # 0.19 · 20
        "softmax",
        "hard_sigmoid",  # 0.1
        "quick_gelu",
        "gelu",
    ]
    assert apart[0].effect == pytest.approx(3.8)
    assert apart[0].at == -20.0
    assert apart[-1].effect == pytest.approx(4.7e-4, rel=0.02)
    assert "leaky_relu, but leaky_relu(negative_slope=0.2) there" in str(apart[0])


def test_a_model_and_itself(original):
    assert original.against(ua.audit(Net(), X)) == ()


@pytest.mark.filterwarnings("ignore")  # PyTorch's, about its own code
@pytest.mark.quick(lambda kind: kind == "gate")
@pytest.mark.parametrize("kind", ["quick", "gate"])
def test_one_planted_in_an_export(original, kind, tmp_path):
    other, here, there = PLANTED[kind]
    torch.onnx.export(
        Net(**{kind: other}).eval(), (X,), tmp_path / "it.onnx", dynamo=True, verbose=False
    )
    (place,) = original.against(ua.audit(tmp_path / "it.onnx"))
    assert (place.first.text, place.second.text) == (here, there)


def test_one_left_out(original):
    apart = original.against(ua.audit(Net(leaky=lambda x: x), X))
    assert [(place.first.text, place.second) for place in apart] == [("leaky_relu", None)]
    assert apart[0].effect == pytest.approx(0.99 * 20.0)
    assert "does not have" in str(apart[0])
    (other,) = ua.audit(Net(leaky=lambda x: x), X).against(original)
    assert other.first is None


@pytest.mark.exhaustive  # functions that have to be fitted take seconds
def test_another_scale_around_it():
    """As of the logits of Gemma, which are capped by 30·tanh(x/30)."""

    def capped(cap):
        class Capped(torch.nn.Module):
            def forward(self, x):
                return F.gelu(x / cap) * cap

        return ua.audit(Capped(), X)

    usual = capped(30.0)
    (place,) = usual.against(capped(50.0))
    assert place.effect > 1.0
    assert usual.against(usual) == ()


@pytest.mark.exhaustive  # as above
def test_what_nobody_knows_is_compared_by_its_values():
    def unknown(factor):
        class Unknown(torch.nn.Module):
            def forward(self, x):
                return x * torch.sin(factor * torch.nn.functional.softplus(x))

        return ua.audit(Unknown(), X)

    one = unknown(1.0)
    assert one.activations[0].activation is None
    assert one.activations[0].text.startswith("not known; nearest: ")
    assert one.against(one) == ()
    (place,) = one.against(unknown(1.1))
    assert math.isfinite(place.effect)
