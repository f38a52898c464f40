"""Small models of other people's libraries, with random weights."""

import importlib.util

import pytest

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
TEXT = {**SIZES, "vocab_size": 50, "max_position_embeddings": 32}
IMAGE = {**SIZES, "image_size": 16, "patch_size": 8}
TOKENS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}

_ALIVE = []
"""Operators live as long as their library."""


def transformer(kind, **changes):
    """A model of transformers in eval(), with another activation if one is given."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    define_operators()
    torch.manual_seed(0)
    if kind == "bert":
        model = transformers.BertModel(transformers.BertConfig(**TEXT, **changes))
    elif kind == "llama":
        model = transformers.LlamaModel(transformers.LlamaConfig(**TEXT, **changes))
    elif kind == "gemma":
        few = {"num_key_value_heads": 1, "head_dim": 8}
        model = transformers.GemmaModel(transformers.GemmaConfig(**TEXT, **few, **changes))
    else:
        config = transformers.CLIPConfig(
            text_config={**TEXT, **TOKENS, "projection_dim": 8, **changes},
            vision_config={**IMAGE, "projection_dim": 8, **changes},
            projection_dim=8,
        )
        model = transformers.CLIPModel(config)
    return model.eval()


def outputs(model):
    """What a model of transformers makes of a few tokens, and of an image if it takes one."""
    import torch

    given = {"input_ids": torch.arange(3, 11)[None]}
    if "CLIP" in type(model).__name__:
        given["pixel_values"] = torch.linspace(-1.0, 1.0, 3 * 16 * 16).reshape(1, 3, 16, 16)
    with torch.no_grad():
        found = model(**given)
    return found.logits_per_text if "pixel_values" in given else found.last_hidden_state


def import_timm():
    """Imports timm, which imports torchvision, or skips the test."""
    pytest.importorskip("torch")
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("timm needs torchvision")
    define_operators()
    return pytest.importorskip("timm")


def define_operators():
    """Makes torchvision importable beside a PyTorch for the CPU; transformers imports it too.

    The torchvision of PyPI is built for CUDA. Beside a PyTorch for the CPU its library of operators
    does not load, and its Python code then asks for operators that nobody has defined. Defining
    them, without an implementation, is enough: no activation uses them.
    """
    import torch

    if importlib.util.find_spec("torchvision") and not hasattr(torch.ops.torchvision, "nms"):
        operators = torch.library.Library("torchvision", "FRAGMENT")
        _ALIVE.append(operators)
        backward = ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d")
        for name in ("nms", "qnms", *backward, *(f"_{name}_backward" for name in backward)):
            operators.define(f"{name}(Tensor x) -> Tensor")
