"""What is an activation in a PyTorch model, and what is not."""

import pytest

import unified_act as ua

torch = pytest.importorskip("torch")
F = torch.nn.functional
nn = torch.nn

X = torch.linspace(-2.0, 2.0, 2 * 3 * 4 * 8).reshape(2, 3, 4, 8)


def model(function, **modules):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            for name, module in modules.items():
                setattr(self, name, module)

        def forward(self, *inputs):
            return function(self, *inputs)

    return Model()


def texts(function, *inputs, **modules):
    found = ua.audit(model(function, **modules), inputs or (X,))
    assert not found.notes
    return [one.text for one in found.activations]


NONE = {
    "a layer norm": lambda x: F.layer_norm(x, (8,)),
    "one that is written out": lambda x: (
        (x - x.mean(-1, True)) / torch.sqrt((x - x.mean(-1, True)).pow(2).mean(-1, True) + 1e-5)
    ),
    "RMS norm": lambda x: x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6),
    "a norm with a smallest number": lambda x: x / x.norm(dim=-1, keepdim=True).clamp_min(1e-12),
    "variance that is not negative": lambda x: torch.clamp_min(
        x.pow(2).mean(-1, True) - x.mean(-1, True) ** 2, 0.0
    ),
    "rotary positions": lambda x: torch.cat([(x * 0.3).cos(), (x * 0.3).sin()], -1),
    "scaling": lambda x: (x * 0.125 + 1.0) / 3.0 - x.new_tensor(2.0),
    "a mask": lambda x: torch.where(torch.ones(4, 8).tril() > 0, x, float("-inf")),
    "a mask that was given": lambda x: x + (1.0 - (x > 0).float()) * -1e9 * 0.0,
    "what keeps float16 from overflowing": lambda x: torch.clamp(x, -65504.0, 65504.0),
    "no NaN": torch.nan_to_num,
    "a comparison": lambda x: (x > 0.5).float(),
    "dropout": lambda x: F.dropout(x, 0.5, training=False),
    "types": lambda x: x.double().to(torch.bfloat16).float(),
    "a reparametrised weight": lambda x: x @ torch.softmax(torch.ones(8, 8), -1),
}


@pytest.mark.quick(lambda what: what != "rotary positions")  # fitted in vain, which takes seconds
@pytest.mark.parametrize("what", NONE)
def test_no_activation(what):
    assert texts(lambda _, x: NONE[what](x)) == []


KNOWN = {
    "erf": (lambda x: 0.5 * x * (1.0 + torch.erf(x / 2.0**0.5)), ["gelu"]),
    "clips": (lambda x: x.clamp(min=0.0), ["relu"]),
    "two clips": (lambda x: torch.clamp(torch.relu(x), max=6.0), ["relu6"]),
    "mish": (lambda x: x * torch.tanh(torch.log(1.0 + torch.exp(x))), ["mish"]),
    "a gate of two halves": (lambda x: F.glu(x, -1), ["glu"]),
    "softmax written out": (
        lambda x: (x - x.amax(1, True)).exp() / (x - x.amax(1, True)).exp().sum(1, True),
        ["softmax(axis=-3)"],
    ),
    "logarithm of softmax": (
        lambda x: x - x.amax(-1, True) - (x - x.amax(-1, True)).exp().sum(-1, True).log(),
        ["log_softmax"],
    ),
    "one after another": (lambda x: torch.tanh(F.gelu(x)), ["gelu", "tanh"]),
    "an activation that two use": (
        lambda x: [(y @ x.mT, torch.relu(y)) for y in [F.silu(x)]],
        ["silu", "relu"],
    ),
    "around it": (lambda x: x + F.gelu(x), ["gelu"]),
    "in place": (lambda x: F.hardswish((x * 2.0) @ torch.ones(8, 8), inplace=True), ["hard_silu"]),
    "squared": (lambda x: torch.relu(x) ** 2, ["squared_relu"]),
    "positions that are learned": (lambda x: torch.sin(30.0 * (x @ torch.ones(8, 8))), ["sin"]),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True), ["softmax"]),
    "in a mask": (
        lambda x: torch.softmax(torch.where(torch.ones(4, 8).tril() > 0, x, -1e9), -1),
        ["softmax"],
    ),
}


FITTED = {"one after another", "around it", "positions that are learned"}
"""What begins with a part that nobody knows, to which everything is fitted in vain."""


@pytest.mark.quick(lambda what: what not in FITTED)
@pytest.mark.parametrize("what", KNOWN)
def test_an_activation(what):
    function, expected = KNOWN[what]
    found = texts(lambda _, x: function(x))
    assert found == expected


def test_places_lines_and_learned_numbers():
    found = ua.audit(
        model(
            lambda m, x: torch.tanh(m.act(m.body(x))),
            body=nn.Sequential(nn.Linear(8, 8), nn.SiLU(), nn.Sequential(nn.PReLU(3), nn.ELU())),
            act=nn.PReLU(),
        ),
        X,
    )
    assert [(one.place, one.text) for one in found.activations[:-1]] == [
        ("body.1", "silu"),
        ("body.2.0", "prelu"),
        ("body.2.1", "elu"),
        ("act", "prelu"),
    ]
    last = found.activations[-1]
    assert last.text == "tanh"
    assert last.line.startswith("test_torch.py:")
    assert last.place == last.line
    learned = found.activations[1]
    assert learned.notes == ("learned, of shape (3,)", "weight = 0.25")
    assert learned.parameters == {}


def test_how_far_it_is_from_the_definition():
    (one,) = ua.audit(nn.GELU(), X).activations
    assert set(one.errors) == {"float64", "float32", "float16", "bfloat16"}
    assert 0.0 < one.errors["float64"] < 1e-14 < one.errors["float32"] < 1e-5
    assert one.errors["float32"] < one.errors["float16"] < one.errors["bfloat16"] < 0.1


def test_the_model_is_left_as_it_was():
    it = nn.Sequential(nn.Linear(8, 8), nn.Dropout(), nn.RReLU())
    it[1].eval()
    found = ua.audit(it, X)
    assert [one.activation for one in found.activations] == ["rrelu"]  # its mean
    assert [module.training for module in it.modules()] == [True, True, False, True]


def test_programs_of_export(tmp_path):
    program = torch.export.export(nn.Sequential(nn.Linear(8, 8), nn.Mish()), (X,))
    torch.export.save(program, tmp_path / "it.pt2")
    for given in (program, tmp_path / "it.pt2", str(tmp_path / "it.pt2")):
        assert [one.text for one in ua.audit(given).activations] == ["mish"]


@pytest.mark.exhaustive  # learned ones are fitted, which takes seconds
def test_ours():
    layers = [ua.get_layer(name, backend="torch") for name in ("gelu", "squareplus", "snake")]
    found = ua.audit(nn.Sequential(nn.Linear(8, 8), *layers), X)
    assert [one.activation for one in found.activations] == ["gelu", "squareplus", "snake"]


def test_mistakes():
    with pytest.raises(ua.InputTypeError, match="inputs=…"):
        ua.audit(nn.Linear(8, 8))
    with pytest.raises(ua.UnsupportedError, match=r"torch\.export cannot trace"):
        ua.audit(nn.Linear(8, 8), torch.zeros(3))
    with pytest.raises(ua.InputTypeError, match="expected a model of PyTorch, Keras"):
        ua.audit(3)
    with pytest.raises(ua.InputTypeError, match="there is no file"):
        ua.audit("missing.onnx")
    with pytest.raises(ua.InputTypeError, match=r"ends in \.onnx"):
        ua.audit("missing.bin")


def test_what_has_activations_inside():
    found = ua.audit(model(lambda m, x: m.lstm(x[0])[0], lstm=nn.LSTM(8, 8)), X)
    assert found.activations == ()
    assert found.notes == ("lstm: lstm has activations inside that are not examined",)
