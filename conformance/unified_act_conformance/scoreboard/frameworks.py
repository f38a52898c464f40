"""The columns: frameworks, each with the table of what it has and with the way to call it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

import unified_act as ua
from unified_act.backend import Numerics
from unified_act.errors import suggest
from unified_act.loading import find_entry
from unified_act.names import normalize

__all__ = ["FRAMEWORKS", "SHOWN", "Framework", "find_frameworks"]

ONNX_RUNTIME = "onnxruntime"


@dataclass(frozen=True)
class Framework:
    """A framework, or a library on one, or this library with one of its profiles.

    Attributes:
        name: What options and files call it.
        title: What readers call it.
        heading: What stands above its column.
        backend: Whose arrays it takes, and who differentiates it.
        dialect: The dialect that says what its functions mean; empty for this library.
        package: What has to be installed besides the backend's framework.
        strings: The function that looks up a bare name there, as a dotted path.
        numerics: The profile, for this library.
        bare: Packages whose `__init__` is not run: what is measured needs nothing of it.
        environment: What its process finds in the environment.
    """

    name: str
    title: str
    heading: str
    backend: str
    dialect: str = ""
    package: str = ""
    strings: str = ""
    numerics: Numerics | None = None
    bare: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def differentiates(self) -> bool:
        """Whether it has derivatives."""
        return self.name != ONNX_RUNTIME

    def missing(self) -> str:
        """Returns the name of a package that is not installed; empty if all are."""
        needed = [find_entry(self.backend).framework, *filter(None, [self.package])]
        if not self.differentiates:
            needed.append("onnx")
        return next((name for name in needed if importlib.util.find_spec(name) is None), "")


def _keras(backend: str, title: str, heading: str) -> Framework:
    return Framework(
        f"keras-{backend}",
        f"Keras on {title}",
        f"keras {heading}",
        backend,
        "keras3",
        "keras",
        environment=(("KERAS_BACKEND", backend),),
    )


def _ours(backend: str, title: str, numerics: Numerics) -> Framework:
    short = "tf" if backend == "tensorflow" else backend
    return Framework(
        f"ours-{backend}-{numerics}",
        f"unified_act on {title}, {numerics}",
        f"{'ours' if numerics == 'strict' else 'fast'} {short}",
        backend,
        numerics=numerics,
    )


FRAMEWORKS: Sequence[Framework] = (
    Framework("torch", "PyTorch", "torch", "torch", "torch"),
    Framework("tensorflow", "TensorFlow", "tf", "tensorflow", "tensorflow"),
    Framework("jax", "JAX", "jax", "jax", "jax"),
    Framework("mxnet", "MXNet", "mxnet", "mxnet", "mxnet"),
    _keras("tensorflow", "TensorFlow", "tf"),
    _keras("torch", "PyTorch", "torch"),
    _keras("jax", "JAX", "jax"),
    Framework(
        *("transformers", "transformers", "hf", "torch", "transformers", "transformers"),
        strings="transformers.activations.get_activation",
    ),
    Framework(
        *("timm", "timm", "timm", "torch", "timm", "timm"),
        strings="timm.layers.create_act.get_act_fn",
        bare=("timm", "timm.layers"),  # which import torchvision
    ),
    Framework(ONNX_RUNTIME, "ONNX Runtime", "ort", "numpy", "onnx", ONNX_RUNTIME),
    _ours("torch", "PyTorch", "fast"),
    _ours("torch", "PyTorch", "strict"),
    _ours("tensorflow", "TensorFlow", "fast"),
    _ours("jax", "JAX", "fast"),
    _ours("jax", "JAX", "strict"),
    _ours("mxnet", "MXNet", "fast"),
)
"""All columns. In strict, NumPy, TensorFlow and MXNet have the bits of PyTorch; NumPy in fast too,
but for its clips, which are exact."""

SHOWN = (*(f.name for f in FRAMEWORKS if f.dialect), "ours-torch-strict")
"""The columns of a table, unless others are asked for."""


def find_frameworks(names: Sequence[str] = ()) -> list[Framework]:
    """Returns the frameworks of these names.

    Args:
        names: Names; ``"keras"`` and ``"ours"`` stand for several. All, if there are none.

    Raises:
        unified_act.UnknownBackendError: There is none of that name.
    """
    if not names:
        return list(FRAMEWORKS)
    also = {"tf": "tensorflow", "hf": "transformers", "pytorch": "torch", "ort": ONNX_RUNTIME}
    found: dict[str, Framework] = {}
    for name in names:
        key = normalize(also.get(normalize(name), name))
        chosen = [f for f in FRAMEWORKS if normalize(f.name) == key]
        chosen = chosen or [f for f in FRAMEWORKS if f.name.partition("-")[0] == key]
        if not chosen:
            known = [framework.name for framework in FRAMEWORKS]
            raise ua.UnknownBackendError(
                f"the scoreboard has no framework {name!r}. {suggest(name, known)} "
                f"There are {', '.join(known)}; keras and ours stand for several."
            )
        found |= {framework.name: framework for framework in chosen}
    return list(found.values())
