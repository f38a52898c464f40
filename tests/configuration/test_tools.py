"""Tools that read configurations take our functions and layers."""

import importlib.util
import pickle
import textwrap

import pytest

import unified_act as ua

torch = pytest.importorskip("torch")

ELU = ua.get_activation("elu", alpha=0.5, backend="torch")
YAML = """
act: {name: elu, alpha: 0.5, backend: torch}
learned: {name: star_relu, channels: 8, backend: torch}
several: {name: softmax, axis: [1, 2], backend: torch}
"""
X = torch.linspace(-2.0, 2.0, 6)


def test_hydra():
    instantiate = pytest.importorskip("hydra.utils").instantiate
    errors = pytest.importorskip("hydra.errors")
    given = {"name": "elu", "alpha": 0.5, "backend": "torch"}
    function = instantiate({"_target_": "unified_act.hydra.get_activation", **given})
    assert function.function == ELU
    compiled = torch.compile(lambda x: function(x) * 2, fullgraph=True, backend="eager")
    assert torch.equal(compiled(X), ELU(X) * 2)
    assert pickle.loads(pickle.dumps(function)) == function
    layer = instantiate({"_target_": "unified_act.get_layer", **given})
    assert repr(layer) == "ELU(alpha=0.5)"
    block = {
        "_target_": "torch.nn.Sequential",
        "_args_": [{"_target_": "unified_act.get_layer", **given}],
    }
    assert torch.equal(instantiate(block)(X), ELU(X))
    with pytest.raises(errors.InstantiationException, match="partial subclasses"):
        instantiate({"_target_": "unified_act.get_activation", **given})


def test_omegaconf():
    omegaconf = pytest.importorskip("omegaconf").OmegaConf
    config = omegaconf.create(YAML)
    for struct in (False, True):
        omegaconf.set_struct(config, struct)
        assert ua.get_activation(config.act) == ua.from_config(config.act) == ELU
        assert ua.get_activation(config.several).parameters["axis"] == (1, 2)
        layer = ua.get_layer(config.learned)
        assert layer.scale.shape == (8,)
    written = omegaconf.to_yaml(
        omegaconf.create({"layer": layer.to_config(), "act": ELU.to_config()})
    )
    again = omegaconf.create(written)
    assert ua.get_layer(again.layer).spec == layer.spec
    assert ua.get_activation(again.act) == ELU


class Model(torch.nn.Module):
    """A model as a user of jsonargparse writes it."""

    def __init__(self, act: ua.ActivationFunction, width: int = 4):
        super().__init__()
        self.linear = torch.nn.Linear(6, width)
        self.act = act

    def forward(self, x):
        return self.act(self.linear(x))


def registered():
    jsonargparse = pytest.importorskip("jsonargparse")
    typing = pytest.importorskip("jsonargparse.typing")
    typing.register_type(
        ua.ActivationFunction,
        serializer=ua.ActivationFunction.to_config,
        deserializer=ua.get_activation,
        deserializer_exceptions=ua.UnifiedActError,
        fail_already_registered=False,
    )
    return jsonargparse


def test_jsonargparse(tmp_path):
    jsonargparse = registered()
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action="config")
    parser.add_class_arguments(Model, "model")
    parsed = parser.parse_args(["--model.act=elu(alpha=0.5, backend='torch')"])
    assert parsed.model.act == ELU
    file = tmp_path / "config.yaml"
    file.write_text("model:\n  act: {name: elu, alpha: 0.5, backend: torch}\n")
    parsed = parser.parse_args([f"--config={file}"])
    assert parser.instantiate(parsed).model.act == ELU
    assert "alpha: 0.5" in parser.dump(parsed)
    with pytest.raises(jsonargparse.ArgumentError, match="Did you mean 'elu'"):
        parser.parse_args(["--model.act=ellu"])


def test_pydantic():
    pydantic = pytest.importorskip("pydantic")

    class Settings(pydantic.BaseModel):
        act: ua.ActivationFunction

    for given in (ELU, ELU.to_config(), "elu(alpha=0.5, backend='torch')"):
        assert Settings(act=given).act == ELU
    settings = Settings(act=ELU)
    assert settings.model_dump() == {"act": ELU.to_config()}
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    for given, message in (("ellu", "Did you mean 'elu'"), (None, "'identity'"), (abs, "a name")):
        with pytest.raises(pydantic.ValidationError, match=message):
            Settings(act=given)
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(Settings.model_json_schema())
    assert validator.is_valid({"act": {"name": "elu", "alpha": 0.5}})
    assert not validator.is_valid({"act": {"name": "elu", "alfa": 0.5}})


def test_scikit_learn():
    base = pytest.importorskip("sklearn.base")

    class Estimator(base.BaseEstimator):
        def __init__(self, act=None):
            self.act = act

    for act in (ELU, ua.get_layer("elu", backend="torch"), {"name": "elu"}):
        cloned = base.clone(Estimator(act))
        assert repr(cloned.act) == repr(act)
    assert base.clone(Estimator(ELU)).get_params() == {"act": ELU}
    assert base.clone(Estimator()).set_params(act=ELU).act is ELU


@pytest.mark.exhaustive
def test_lightning(run_python, tmp_path):
    if importlib.util.find_spec("lightning") is None:
        pytest.skip("needs Lightning")
    file = tmp_path / "config.yaml"
    file.write_text("model:\n  act: {name: elu, alpha: 0.5, backend: torch}\n")
    program = f"""
        import warnings
        warnings.simplefilter("ignore")
        import torch
        import unified_act as ua
        from tests.models.architectures import define_operators
        define_operators()  # Lightning imports torchvision
        from jsonargparse.typing import register_type
        from lightning.pytorch import LightningModule, Trainer
        from lightning.pytorch.cli import LightningCLI
        from torch.utils.data import DataLoader

        register_type(
            ua.ActivationFunction, ua.ActivationFunction.to_config, ua.get_activation
        )

        class Module(LightningModule):
            def __init__(self, act: ua.ActivationFunction, layer: dict = {{"name": "prelu"}}):
                super().__init__()
                self.save_hyperparameters()
                self.act = act
                self.net = torch.nn.Sequential(
                    torch.nn.Linear(3, 3), ua.get_layer(layer, backend="torch")
                )

            def training_step(self, x):
                return self.act(self.net(x)).square().mean()

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), 0.1)

        cli = LightningCLI(Module, run=False, args=["--config={file}"], save_config_callback=None,
            trainer_defaults={{"max_epochs": 1, "logger": False, "enable_progress_bar": False,
            "enable_model_summary": False, "default_root_dir": "{tmp_path}",
            "accelerator": "cpu"}})
        cli.trainer.fit(cli.model, DataLoader(torch.randn(4, 3), batch_size=2))
        path = cli.trainer.checkpoint_callback.best_model_path
        loaded = Module.load_from_checkpoint(path, weights_only=False)
        print(loaded.act)
        print(torch.equal(loaded.net[1].weight, cli.model.net[1].weight))
    """
    found = run_python(textwrap.dedent(program)).splitlines()
    assert found[-2:] == [repr(ELU), "True"]
