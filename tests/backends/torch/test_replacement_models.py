"""replace_activations in two architectures as people have them, and our functions in one."""

import copy
import pickle

import pytest
import torch
from torch import nn

import unified_act as ua
from unified_act_torch.layers import ActivationLayer

BATCH = torch.linspace(-2.0, 2.0, 2 * 3 * 8 * 8).reshape(2, 3, 8, 8)
TOKENS = torch.linspace(-1.0, 1.0, 3 * 5 * 8).sin().reshape(3, 5, 8)
PADDING = torch.arange(5) >= torch.tensor([[5], [3], [2]])


def seeded(make, *arguments, **keywords):
    torch.manual_seed(0)
    return make(*arguments, **keywords)


def gelu_layer():
    return ua.get_layer("gelu", backend="torch")


def in_place_relu():
    return nn.ReLU(inplace=True)


class BasicBlock(nn.Module):
    """As torchvision's: one activation, called twice."""

    def __init__(self, inputs, outputs, stride, activation):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = activation()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(out + identity)


class ResNet(nn.Module):
    def __init__(self, activation=in_place_relu):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = activation()
        self.maxpool = nn.MaxPool2d(2)
        self.layer1 = nn.Sequential(
            BasicBlock(4, 4, 1, activation), BasicBlock(4, 4, 1, activation)
        )
        self.layer2 = nn.Sequential(
            BasicBlock(4, 8, 2, activation), BasicBlock(8, 8, 1, activation)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 5)
        self.probabilities = nn.Softmax(dim=-1)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.avgpool(self.layer2(self.layer1(x)))
        return self.probabilities(self.fc(x.flatten(1)))


RESNET_PATHS = ["relu", "layer1.0.relu", "layer1.1.relu", "layer2.0.relu", "layer2.1.relu"]


def encoder(activation="relu", **options):
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0.0, activation=activation, batch_first=True, **options
    )
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


def without_gradient(model, *arguments, **keywords):
    with torch.no_grad():
        return model(*arguments, **keywords)


class TestResNet:
    @pytest.mark.parametrize("training", [True, False])
    def test_is_then_the_model_that_was_made_with_the_other_one(self, training):
        model = seeded(ResNet).train(training)
        before = without_gradient(copy.deepcopy(model), BATCH)
        report = ua.replace_activations(model, "relu", "gelu")
        other = seeded(ResNet, gelu_layer).train(training)
        assert report.model is model
        assert [one.path for one in report.replaced] == RESNET_PATHS
        assert {type(model.get_submodule(path)) for path in RESNET_PATHS} == {ActivationLayer}
        assert all(module.training is training for module in model.modules())
        after = without_gradient(model, BATCH)
        assert torch.equal(after, without_gradient(other, BATCH))
        assert not torch.equal(after, before)

    def test_nothing_else_changes(self):
        model = seeded(ResNet)
        others = {path: m for path, m in model.named_modules() if path not in RESNET_PATHS}
        order = [path for path, _ in model.named_modules()]
        report = ua.replace_activations(model, "relu", "gelu")
        assert [path for path, _ in model.named_modules()] == order
        assert all(model.get_submodule(path) is module for path, module in others.items())
        assert [(one.path, one.was) for one in report.left] == [
            ("probabilities", "softmax(axis=-1)")
        ]

    def test_the_state_dict_stays_loadable(self):
        model, old = seeded(ResNet), seeded(ResNet)
        before = copy.deepcopy(model.state_dict())
        ua.replace_activations(model, "relu", "mish")
        assert list(model.state_dict()) == list(before)
        model.load_state_dict(before, strict=True)
        old.load_state_dict(model.state_dict(), strict=True)

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
    def test_copies_are_what_it_is(self, copied):
        model = seeded(ResNet).eval()
        ua.replace_activations(model, "relu", "gelu")
        found = without_gradient(copied(model), BATCH)
        assert torch.equal(found, without_gradient(model, BATCH))

    def test_the_gradients_are_those_of_the_other_model(self):
        model, other = seeded(ResNet), seeded(ResNet, gelu_layer)
        ua.replace_activations(model, "relu", "gelu")
        for net in (model, other):
            net(BATCH)[:, 0].sum().backward()
        pairs = zip(model.parameters(), other.parameters(), strict=True)
        assert all(torch.equal(one.grad, two.grad) for one, two in pairs)

    def test_the_report(self):
        report = ua.replace_activations(seeded(ResNet), "relu", "gelu")
        assert str(report) == (
            "5 of 6 activations replaced\n"
            "  relu           relu → gelu  (no longer in place)\n"
            "  layer1.0.relu  relu → gelu  (no longer in place)\n"
            "  layer1.1.relu  relu → gelu  (no longer in place)\n"
            "  layer2.0.relu  relu → gelu  (no longer in place)\n"
            "  layer2.1.relu  relu → gelu  (no longer in place)\n"
            "left alone\n"
            "  probabilities  softmax(axis=-1)"
        )

    def test_a_weight_for_each_channel(self):
        model = seeded(ResNet).double()
        before = model.state_dict()
        report = ua.replace_activations(model, "relu", "prelu", channels=None, initial=0.1)
        assert {one.notes for one in report.replaced} == {("no longer in place", "adds weight")}
        model(BATCH.double())
        shapes = {path: model.get_submodule(path).weight.shape for path in RESNET_PATHS}
        assert shapes == dict(zip(RESNET_PATHS, [(4,), (4,), (4,), (8,), (8,)], strict=True))
        assert {p.dtype for p in model.parameters()} == {torch.float64}
        missing, unexpected = model.load_state_dict(before, strict=False)
        assert (missing, unexpected) == ([f"{path}.weight" for path in RESNET_PATHS], [])


class TestTransformer:
    @pytest.mark.parametrize("training", [True, False])
    @pytest.mark.parametrize(
        ("old", "new", "flag"), [("relu", "gelu", 0), ("gelu", "relu", 1), ("relu", "mish", 0)]
    )
    def test_is_then_the_model_that_was_made_with_the_other_one(self, old, new, flag, training):
        model = seeded(encoder, old).train(training)
        report = ua.replace_activations(model, old, new)
        other = seeded(encoder, getattr(nn.functional, new)).train(training)
        assert [one.path for one in report.replaced] == [
            "layers.0.activation",
            "layers.1.activation",
        ]
        assert [layer.activation_relu_or_gelu for layer in model.layers] == [flag] * 2
        found, wanted = without_gradient(model, TOKENS), without_gradient(other, TOKENS)
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
        still = without_gradient(seeded(encoder, old).train(training), TOKENS)
        assert (found - still).abs().max() > 1e-3

    @pytest.mark.parametrize(("old", "new"), [("relu", "gelu"), ("gelu", "relu"), ("gelu", "silu")])
    def test_inference_computes_what_training_computes(self, old, new):
        model = seeded(encoder, old)
        ua.replace_activations(model, old, new)
        trained = without_gradient(model.train(), TOKENS)
        torch.testing.assert_close(without_gradient(model.eval(), TOKENS), trained)

    def test_the_report(self):
        report = ua.replace_activations(seeded(encoder), "relu", "gelu")
        assert str(report) == (
            "2 of 2 activations replaced\n"
            "  layers.0.activation  relu → gelu  (eval() no longer takes the fused kernel)\n"
            "  layers.1.activation  relu → gelu  (eval() no longer takes the fused kernel)"
        )

    def test_strict_relu_is_not_the_fused_one(self):
        model = seeded(encoder)
        ua.replace_activations(model, "relu", "relu", numerics="strict")
        assert [layer.activation_relu_or_gelu for layer in model.layers] == [0, 0]
        assert model.layers[0].activation == ua.get_activation(
            "relu", backend="torch", numerics="strict"
        )

    @pytest.mark.parametrize("new", ["gelu", "mish"])  # there is no mish of nested tensors
    def test_with_nested_tensors(self, new):
        layer = seeded(
            nn.TransformerEncoderLayer, 8, 2, 16, dropout=0.0, activation="relu", batch_first=True
        )
        model = nn.Sequential(nn.TransformerEncoder(layer, 2)).eval()
        assert model[0].use_nested_tensor
        report = ua.replace_activations(model, "relu", new)
        assert str(report).splitlines()[-1] == (
            "0: use_nested_tensor is off, for its layers have no fused kernel"
        )
        other = seeded(encoder, getattr(nn.functional, new)).eval()
        keywords = {"src_key_padding_mask": PADDING}
        found = without_gradient(model[0], TOKENS, **keywords)
        wanted = without_gradient(other, TOKENS, **keywords)
        torch.testing.assert_close(found[~PADDING], wanted[~PADDING], rtol=1e-5, atol=1e-6)

    def test_nested_tensors_stay_where_nothing_was_replaced(self):
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        model = nn.TransformerEncoder(layer, 2)
        assert not ua.replace_activations(model, "gelu", "relu").replaced
        assert model.use_nested_tensor
        assert [one.activation_relu_or_gelu for one in model.layers] == [1, 1]

    def test_the_activation_as_a_module(self):
        model = seeded(encoder, nn.ReLU())
        ua.replace_activations(model, "relu", "gelu")
        assert [layer.activation_relu_or_gelu for layer in model.layers] == [0, 0]
        assert [type(layer.activation) for layer in model.layers] == [ActivationLayer] * 2

    def test_a_learned_one_comes_as_a_module_for_each_place(self):
        model = seeded(encoder).double()
        report = ua.replace_activations(model, "relu", "prelu", axis=-1)
        assert [one.now for one in report.replaced] == ["prelu(axis=-1)"] * 2
        first, second = (layer.activation for layer in model.layers)
        assert first.weight is not second.weight
        assert first.weight.dtype == torch.float64
        model(TOKENS.double()).sum().backward()
        assert first.weight.grad is not None

    def test_a_whole_transformer(self):
        model = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
        report = ua.replace_activations(model, "relu", "gelu")
        assert [one.path for one in report.replaced] == [
            "encoder.layers.0.activation",
            "decoder.layers.0.activation",
        ]


@pytest.mark.parametrize("name", ["mish", "gelu", "quick_gelu"])
def test_our_function_in_a_transformer_trains(name):
    activation = ua.get_activation(name, backend="torch")
    layer = seeded(
        nn.TransformerEncoderLayer, 8, 2, 16, dropout=0.0, activation=activation, batch_first=True
    )
    target = TOKENS.flip(-1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(layer(TOKENS), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    assert losses[-1] < 0.9 * losses[0]
    trained = without_gradient(layer, TOKENS)
    torch.testing.assert_close(without_gradient(layer.eval(), TOKENS), trained)
