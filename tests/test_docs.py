"""The generated pages."""

import re
from pathlib import Path

import pytest

from docs import generate, porting_guide

PAGES = generate.pages()
PORTING = porting_guide.pages()


@pytest.mark.parametrize("name", PAGES)
def test_is_what_make_docs_writes(name):
    committed = (generate.FOLDER / name).read_text(encoding="utf-8")
    assert committed == PAGES[name], "out of date: run `make docs`"


def test_no_page_of_the_guide_is_left_over():
    folder = generate.FOLDER / porting_guide.FOLDER
    assert {f"{porting_guide.FOLDER}/{path.name}" for path in folder.iterdir()} == set(PORTING)


@pytest.mark.parametrize("name", PORTING)
def test_links_lead_somewhere(name):
    headings = {
        re.sub(r"[^a-z0-9 _-]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in PORTING[name].splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(([^)]+)\)", PORTING[name]):
        page, _, anchor = target.partition("#")
        assert anchor in headings if anchor else f"{porting_guide.FOLDER}/{page}" in PORTING


@pytest.mark.parametrize(
    ("page", "row"),
    [
        ("torch", "| `F.leaky_relu(negative_slope=0.01)` | `tf.nn.leaky_relu(alpha=0.01)` | "),
        ("torch", "| `F.gelu(approximate='none')` | `jax.nn.gelu(approximate=False)` | "),
        ("mxnet", "| `mx.nd.LeakyReLU(act_type='elu', slope=0.25)` | `F.elu(alpha=0.25)` | "),
        ("keras2", "| `keras.layers.LeakyReLU(alpha=0.3)` | `F.leaky_relu(negative_slope=0.3)` | "),
        ("jax", "f′(0) is 1 here and 0.01 there"),
    ],
)
def test_what_a_porter_looks_for(page, row):
    assert row in PORTING[f"porting/{page}.md"]


def test_out_of_date_pages_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate, "FOLDER", Path(tmp_path))
    monkeypatch.setattr(generate, "pages", lambda: {"a/b.md": "new"})
    assert generate.main(["--check"]) == 1
    assert "docs/a/b.md is out of date: run `make docs`" in capsys.readouterr().out
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
