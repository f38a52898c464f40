"""replace_activations and register_with_transformers on models of transformers."""

import copy

import pytest
import torch

import unified_act as ua
from tests.models.architectures import outputs, transformer
from unified_act import api
from unified_act.api import identify

transformers = pytest.importorskip("transformers")

KINDS = {
    "bert": ("gelu_tanh", "intermediate.intermediate_act_fn", {"hidden_act": "gelu_new"}),
    "clip": ("quick_gelu", "mlp.activation_fn", {}),
    "llama": ("silu", "mlp.act_fn", {}),
    "gemma": ("gelu_tanh", "mlp.act_fn", {}),
}
"""What each has, where, and how to ask for it."""


@pytest.mark.quick(lambda kind: kind == "bert")
@pytest.mark.parametrize("kind", KINDS)
def test_activations_are_found_by_what_they_compute(kind, monkeypatch):
    old, where, given = KINDS[kind]
    asked = []
    monkeypatch.setattr(api, "identify", lambda *a, **k: asked.append(a) or identify(*a, **k))
    model = transformer(kind, **given)
    weights = copy.deepcopy(model.state_dict())
    report = ua.replace_activations(model, old, "tanh")
    assert len(asked) == 1  # each class
    assert len(report.replaced) == (4 if kind == "clip" else 2)
    assert all(one.path.endswith(where) for one in report.replaced)
    assert all("found by its values" in one.notes[0] for one in report.replaced)
    assert {one.was for one in report.left} <= {"tanh"}
    for one in report.replaced:
        assert isinstance(model.get_submodule(one.path), torch.nn.Tanh)
    assert any("hidden_act is still" in note for note in report.notes)
    model.load_state_dict(weights, strict=True)
    torch.testing.assert_close(outputs(model), outputs(transformer(kind, hidden_act="tanh")))
    assert (outputs(model) - outputs(transformer(kind, **given))).abs().max() > 1e-5


class TestNames:
    def test_nothing_of_theirs_changes(self):
        from transformers.activations import ACT2FN

        theirs = {name: dict.__getitem__(ACT2FN, name) for name in ACT2FN if name[:3] != "ua:"}
        names = ua.register_with_transformers("elu(alpha=0.5)")
        assert {"ua:gelu", "ua:swish", "ua:prelu", "ua:elu(alpha=0.5)"} <= set(names)
        assert ua.register_with_transformers() == names
        assert all(dict.__getitem__(ACT2FN, name) is value for name, value in theirs.items())
        assert repr(ACT2FN["ua:elu(alpha=0.5)"]) == "ELU(alpha=0.5)"
        assert ACT2FN["ua:gelu"] is not ACT2FN["ua:gelu"]

    def test_a_configuration_names_ours(self, tmp_path):
        ua.register_with_transformers()
        model = transformer("llama", hidden_act="ua:squareplus")
        assert str(model.layers[0].mlp.act_fn) == "ActivationLayer('squareplus', b=4.0)"
        model.save_pretrained(tmp_path)
        loaded = transformers.LlamaModel.from_pretrained(tmp_path).eval()
        assert loaded.config.hidden_act == "ua:squareplus"
        assert torch.equal(outputs(loaded), outputs(model))

    def test_a_mistake_is_told_at_once(self):
        with pytest.raises(ua.UnknownParameterError, match="no parameter 'slope'"):
            ua.register_with_transformers("elu(slope=1)")
