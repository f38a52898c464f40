"""The generated pages are what the specifications and tables say today."""

import functools
import re

import numpy as np
import pytest

import unified_act as ua
import unified_act_conformance
from docs import generate, porting_guide
from tests.backends.arrays import back, native
from tests.models.architectures import define_operators
from unified_act import catalogue

GUIDE = [f"{porting_guide.FOLDER}/{name}.md" for name in ("README", *ua.list_dialects())]
ROOT = generate.FOLDER.parent
REPOSITORY = "https://github.com/unified-act/unified-act/blob/main/"
PAGES = [
    path.relative_to(ROOT).as_posix()
    for folder in (".", "docs", "docs/start", "examples/*", "examples/plugins/*")
    for path in sorted(ROOT.glob(f"{folder}/*.md"))
] + ["conformance/unified_act_conformance/declared/README.md"]
LINK = re.compile(r"\]\(([^)]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


@functools.cache
def guide():
    return porting_guide.pages()


def test_generated_pages_are_current(capsys):
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_page_is_found(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "run `make docs`" in capsys.readouterr().out


def test_pages_are_written_with_their_folders(monkeypatch, tmp_path):
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    monkeypatch.setattr(generate, "pages", lambda: {"a/b.md": "new"})
    assert generate.main([]) == 0
    assert (tmp_path / "a" / "b.md").read_text() == "new"
    assert generate.main(["--check"]) == 0


def test_the_guide_has_a_page_for_each_dialect_and_no_other():
    folder = generate.FOLDER / porting_guide.FOLDER
    assert set(guide()) == set(GUIDE)
    assert {f"{porting_guide.FOLDER}/{path.name}" for path in folder.iterdir()} == set(GUIDE)


def anchors(text):
    """Those that GitHub makes of the headings."""
    return {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in FENCED.sub("", text).splitlines()
        if line.startswith("#")
    }


@pytest.mark.parametrize("name", GUIDE)
def test_links_of_the_guide_lead_somewhere(name):
    text = guide()[name]
    for target in LINK.findall(text):
        page, _, anchor = target.partition("#")
        assert anchor in anchors(text) if anchor else f"{porting_guide.FOLDER}/{page}" in GUIDE


def broken_links(page, text):
    """The links of a page to files that the tree does not have, or to headings of none of them."""
    for target in LINK.findall(FENCED.sub("", text)):
        inside = target.startswith(REPOSITORY)
        if "://" in target and not inside:
            continue
        name, _, anchor = target.removeprefix(REPOSITORY).partition("#")
        folder = ROOT if inside else (ROOT / page).parent
        path = folder / name if name else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text("utf-8"))):
            yield target


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    assert list(broken_links(page, (ROOT / page).read_text(encoding="utf-8"))) == []


def test_a_broken_link_is_found():
    text = f"[a]({REPOSITORY}docs/no.md) [b](#no) [c]({REPOSITORY}README.md#no) [d](README.md#no)"
    assert len(list(broken_links("docs/layers.md", text))) == 4
    text = f"[a]({REPOSITORY}README.md#install) [b](layers.md#learned-weights) [c](https://example.org)"
    assert list(broken_links("docs/layers.md", text)) == []


def test_the_readme_reads_as_well_elsewhere():
    """On PyPI, where a relative link leads nowhere."""
    targets = LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target and target[0] != "#"] == []


def test_the_readme_counts_the_activations():
    count = f"There are {len(catalogue.ACTIVATIONS)} activations."
    assert count in (ROOT / "README.md").read_text(encoding="utf-8"), (
        f"README.md has to say: {count}"
    )


@pytest.mark.parametrize(
    ("page", "row"),
    [
        ("torch", "| `F.leaky_relu(negative_slope=0.01)` | `tf.nn.leaky_relu(alpha=0.01)` | "),
        ("torch", "| `F.gelu(approximate='none')` | `jax.nn.gelu(approximate=False)` | "),
        ("mxnet", "| `mx.nd.LeakyReLU(act_type='elu', slope=0.25)` | `F.elu(alpha=0.25)` | "),
        ("keras2", "| `keras.layers.LeakyReLU(alpha=0.3)` | `F.leaky_relu(negative_slope=0.3)` | "),
        ("jax", "f′(0) is 1 in jax and 0.01 in torch"),
        ("jax", "| `gelu_tanh` | without `dialect=`, `gelu` means unified_act's `gelu` |"),
        ("README", "| `leaky_relu` | `leaky_relu(negative_slope=0.3)` | keras_layers, keras2 `Lea"),
    ],
)
def test_the_porting_guide_has_the_rows_that_porters_look_for(page, row):
    assert row in guide()[f"porting/{page}.md"]


@pytest.mark.quick(lambda backends: backends == ["numpy"])
@pytest.mark.parametrize("backends", [["numpy"], []], ids=["numpy", "every backend"])
def test_the_plugin_page_does_what_it_says(backends, monkeypatch):
    """Its activation, of four lines, conforms; and the names in it are there."""
    check = functools.partial(unified_act_conformance.check_activation, backends=backends)
    monkeypatch.setattr(unified_act_conformance, "check_activation", check)
    text = (generate.FOLDER / "plugins.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    first = [line for line in blocks[0].splitlines() if line]
    assert len(first) <= 4
    scope = {}
    exec("\n".join(blocks), scope)
    for backend in ua.list_backends():
        x = native(backend, np.array([-1.0, 0.0, 2.0]), "float32")
        value, slope = ua.value_and_grad(ua.get_activation("bump", backend=backend), x)
        np.testing.assert_allclose(back(backend, value, "float32"), np.exp([-1, 0, -4]), rtol=1e-6)
        wanted = np.exp([-1.0, 0.0, -4.0]) * [2, 0, -4]
        np.testing.assert_allclose(back(backend, slope, "float32"), wanted, rtol=1e-6)


@pytest.mark.filterwarnings("default")  # exporters of frameworks warn of themselves
@pytest.mark.parametrize("page", ["configuration", "layers", "models", "onnx"])
def test_a_page_does_what_it_says(page, monkeypatch, tmp_path, capsys):
    """And prints what its comments say."""
    define_operators()  # transformers and Lightning import torchvision
    text = (generate.FOLDER / f"{page}.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    scope, shown = {}, []
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, scope)
        shown += [line[2:] for line in block.splitlines() if line.startswith("# ")]
    assert capsys.readouterr().out.splitlines() == shown
