"""The audit of models as people have them, and of their exports to ONNX."""

import warnings

import pytest

import unified_act as ua
from tests.models.architectures import import_timm, transformer

torch = pytest.importorskip("torch")

LAYERS = ("0", "1")
MOBILE = {"relu": 14, "hard_sigmoid": 9, "hard_silu": 19}
CLIP = "{}_model.encoder.layers.{}.{}"


def tokens(**more):
    return {"input_ids": torch.arange(3, 9)[None], **more}


def model_of(kind):
    """A model, the inputs that it is called with, and what is expected by place."""
    if kind == "mobilenet":
        model = import_timm().create_model("mobilenetv3_small_050", num_classes=4).eval()
        return model, {"x": torch.zeros(1, 3, 32, 32)}, None
    model = transformer(kind, **({} if kind in ("bert", "clip") else {"use_cache": False}))
    expected = {}
    if kind == "bert":
        for n in LAYERS:
            expected[f"encoder.layer.{n}.attention.self"] = "softmax"
            expected[f"encoder.layer.{n}.intermediate.intermediate_act_fn"] = "gelu"
        return model, tokens(), expected | {"pooler.activation": "tanh"}
    if kind == "clip":
        for side in ("vision", "text"):
            for n in LAYERS:
                expected[CLIP.format(side, n, "self_attn")] = "softmax"
                expected[CLIP.format(side, n, "mlp.activation_fn")] = "quick_gelu"
        return model, tokens(pixel_values=torch.zeros(1, 3, 16, 16)), expected
    gate = {"llama": "silu", "gemma": "gelu_tanh"}[kind]
    for n in LAYERS:
        expected |= {f"layers.{n}.self_attn": "softmax", f"layers.{n}.mlp.act_fn": gate}
    return model, tokens(), expected


def listed(found):
    return [(one.place, one.text) for one in found.activations]


def counted(found):
    return {text: len(places) for text, places in found.kinds.items()}


def exported(model, inputs, path, **options):
    """Writes a model to an ONNX file, with what it returns besides tensors left out."""

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, *given):
            found = self.inner(**dict(zip(inputs, given, strict=True)))
            if isinstance(found, torch.Tensor):
                return found
            names = ("logits_per_text", "last_hidden_state", "pooler_output")
            return tuple(found[name] for name in names if name in found)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Plain().eval(), tuple(inputs.values()), path, **options)
    return path


KINDS = ("bert", "clip", "llama", "gemma", "mobilenet")


@pytest.mark.parametrize("kind", KINDS)
def test_a_model(kind):
    model, inputs, expected = model_of(kind)
    found = ua.audit(model, inputs)
    if expected is None:
        assert counted(found) == MOBILE
        assert listed(found)[:4] == [
            ("bn1.act", "hard_silu"),
            ("blocks.0.0.bn1.act", "relu"),
            ("blocks.0.0.se.act1", "relu"),
            ("blocks.0.0.se.gate", "hard_sigmoid"),
        ]
    else:
        assert listed(found) == list(expected.items())
    assert not found.notes
    gates = [note for one in found.activations for note in one.notes if "gates" in note]
    assert bool(gates) == (kind in ("llama", "gemma"))


@pytest.mark.quick(lambda kind, dynamo: kind == "clip" and dynamo)
@pytest.mark.parametrize("dynamo", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_its_export(kind, dynamo, tmp_path):
    if not dynamo and kind in ("llama", "gemma"):
        pytest.skip("PyTorch's former exporter has no aten::diff, which their masks need")
    model, inputs, expected = model_of(kind)
    version = 18 if dynamo else 17  # before the operator Gelu, so that it is written out
    path = exported(model, inputs, tmp_path / "it.onnx", dynamo=dynamo, opset_version=version)
    found = ua.audit(path)
    assert not found.notes
    assert counted(found) == (MOBILE if expected is None else counted(ua.audit(model, inputs)))
    assert ua.audit(model, inputs).against(found) == ()


@pytest.mark.exhaustive  # test_against.py notices the same mistakes in a model of one layer each
@pytest.mark.parametrize(
    ("kind", "changes", "here", "there"),
    [
        ("bert", {"hidden_act": "gelu_new"}, "gelu", "gelu_tanh"),
        ("clip", {"hidden_act": "gelu"}, "quick_gelu", "gelu"),
        ("llama", {"hidden_act": "quick_gelu"}, "silu", "quick_gelu"),
        ("gemma", {"hidden_act": "gelu_python"}, "gelu_tanh", "gelu"),
    ],
)
def test_another_activation_in_a_copy(kind, changes, here, there, tmp_path):
    model, inputs, _ = model_of(kind)
    less = {} if kind in ("bert", "clip") else {"use_cache": False}
    copy = transformer(kind, **changes, **less)
    path = exported(copy, inputs, tmp_path / "it.onnx", dynamo=True)
    apart = ua.audit(model, inputs).against(ua.audit(path))
    assert {(place.first.text, place.second.text) for place in apart} == {(here, there)}
    assert len(apart) == (4 if kind == "clip" else 2)
