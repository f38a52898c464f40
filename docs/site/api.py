"""The pages of the API: which names they have. mkdocstrings writes what the docstrings say."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

import unified_act
import unified_act_conformance
from docs.markdown import table

__all__ = ["pages"]

MODULES = {
    "onnx": ("unified_act.onnx", ["model"], "activations as ONNX models"),
    "kernels": ("unified_act.kernels", ["unavailable"], "whether there is machine code"),
    "hydra": ("unified_act.hydra", ["get_activation", "HydraFunction"], "functions for Hydra"),
    "backends": ("unified_act.backend", [], "what a backend is made of"),
}
"""By page: a module, its names, and what it is for."""
BACKENDS = ("jax", "keras", "mxnet", "numpy", "tensorflow", "torch")


def pages() -> dict[str, str]:
    """Returns the text of each page by its name."""
    public = unified_act.__all__
    errors = [name for name in public if name.endswith(("Error", "Warning"))]
    classes = [name for name in public if name[0].isupper() and name not in errors]
    functions = [name for name in public if name[0].islower()]
    whole = [
        *_head("unified_act", "Everything that `import unified_act as ua` offers."),
        *_section("Functions", "unified_act", functions),
        *_section("Classes", "unified_act", classes),
        *_section("Errors", "unified_act", errors),
        *_section("Reports", "unified_act.replacement", ["ReplacementReport", "FoundActivation"]),
        *_entries("unified_act_conformance.audit", ["Audit", "ActivationInModel", "Elsewhere"], 3),
        *_entries("unified_act_conformance.identify", ["Identification", "Match"], 3),
    ]
    suite = [
        *_head(
            "The conformance suite",
            "`unified_act_conformance` judges activations, backends and functions from your own "
            "tests. `pip install 'unified-act[conformance]'` brings it.",
        ),
        *_entries("unified_act_conformance", unified_act_conformance.__all__),
        *_section("Results", "unified_act_conformance.judge", ["Result", "Judgement"]),
        *_entries("unified_act_conformance.checks", ["CheckResult"], 3),
        *_section("For authors of backends", "unified_act_conformance.harness", ["Harness"]),
    ]
    backends = [
        *_head(
            "Backends",
            "What a backend is made of, [for authors of one](../plugins.md#a-backend). Each "
            "package of a framework has one public name, its `backend`.",
        ),
        *_entries("unified_act.backend", ["Backend", "FrameworkBackend", "Namespace", "Native"]),
        *_entries("unified_act.layers", ["Layers", "LayerSpec"]),
        "",
        "## The backends of this package",
        "",
    ]
    for name in BACKENDS:
        backends += [f"### unified_act_{name}", "", f"::: unified_act_{name}", _WITHOUT_HEADING, ""]
    texts = {
        "api/README.md": [*_index()],
        "api/unified_act.md": whole,
        "api/unified_act_conformance.md": suite,
        "api/backends.md": backends,
    }
    for page, (module, names, _) in MODULES.items():
        if not names:
            continue
        texts[f"api/{page}.md"] = [
            *_head(module, ""),
            f"::: {module}",
            _WITHOUT_HEADING,
            "",
            *_entries(module, names),
        ]
    return {name: "\n".join(lines) + "\n" for name, lines in texts.items()}


def _index() -> Iterator[str]:
    yield from _head("API", "What each public name is, from the docstrings.")
    for module, page in (
        (unified_act, "unified_act.md"),
        (unified_act_conformance, "unified_act_conformance.md"),
    ):
        rows = []
        for name in module.__all__:
            summary = (inspect.getdoc(getattr(module, name)) or "").partition("\n\n")[0]
            link = f"[`{name}`]({page}#{module.__name__}.{name})"
            rows.append([link, " ".join(summary.split())])
        yield from ("", f"## {module.__name__}", "", *table(["name", "what it is"], rows))
    yield from ("", "## Further modules", "")
    rows = [[f"[`{module}`]({page}.md)", what] for page, (module, _, what) in MODULES.items()]
    yield from table(["module", "what it is for"], rows)


_WITHOUT_HEADING = (
    "    options: { members: false, show_root_heading: false, show_root_toc_entry: false }"
)


def _head(title: str, text: str) -> list[str]:
    return [f"# {title}", "", text, ""]


def _section(title: str, module: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"## {title}", "")
    yield from _entries(module, names, 3)


def _entries(module: str, names: Sequence[str], level: int = 2) -> Iterator[str]:
    for name in names:
        yield from (f"::: {module}.{name}", f"    options: {{ heading_level: {level} }}", "")
