"""What the site adds to the pages: links, formulas, pictures, and the pages of the API."""

import pytest
import yaml

import unified_act as ua
from docs import generate
from docs.site import api, gallery, hooks, links, pictures
from unified_act import catalogue

PAGES = ["README.md", "guide.md", "layers.md", "porting/README.md", "start/port.md"]
REPOSITORY = links.REPOSITORY


class Loader(yaml.SafeLoader):
    """Reads the names of Python functions in `mkdocs.yml` as nothing."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def pages_in(nav):
    for entry in nav:
        if isinstance(entry, str):
            yield entry
        else:
            (below,) = entry.values()
            yield from pages_in(below if isinstance(below, list) else [below])


def test_every_page_is_in_the_navigation():
    config = yaml.load((generate.FOLDER.parent / "mkdocs.yml").read_text("utf-8"), Loader)
    named = list(pages_in(config["nav"]))
    written = {
        path.relative_to(generate.FOLDER).as_posix()
        for ending in ("md", "ipynb")
        for path in generate.FOLDER.rglob(f"*.{ending}")
    }
    assert set(named) == written | {*links.PAGES_ELSEWHERE, *api.pages(), "pictures.md"}
    assert len(set(named)) == len(named)


@pytest.mark.parametrize(
    ("page", "target", "wanted"),
    [
        ("layers.md", "../README.md#install", "guide.md#install"),
        ("start/port.md", "../porting/README.md", "../porting/README.md"),
        ("start/port.md", "../../README.md#fast-or-strict", "../guide.md#fast-or-strict"),
        ("layers.md", "../unified_act/api.py", f"{REPOSITORY}/blob/main/unified_act/api.py"),
        (
            "layers.md",
            "../backends/unified_act_jax",
            f"{REPOSITORY}/tree/main/backends/unified_act_jax",
        ),
        ("guide.md", f"{REPOSITORY}/blob/main/docs/layers.md#x", "layers.md#x"),
        ("guide.md", "#install", "#install"),
        ("guide.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("layers.md", "nowhere.md", "nowhere.md"),
    ],
)
def test_links_lead_to_pages_or_to_the_repository(page, target, wanted):
    assert links.rewritten(f"[a]({target})", page, PAGES) == f"[a]({wanted})"


def test_code_keeps_what_looks_like_a_link():
    text = "```python\n[a](../README.md)\n```\n"
    assert links.rewritten(text, "layers.md", PAGES) == text


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (r"\frac{e^{x_i}}{\sum_j e^{x_j}}", "e<sup>xᵢ</sup>/(∑ⱼ e<sup>xⱼ</sup>)"),
        (r"\max_i x_{i n + j}", "<span>max</span>ᵢ x<sub>i n + j</sub>"),
        (r"a \cdot \operatorname{gelu\_tanh}(b)", "a · <span>gelu_tanh</span>(b)"),
        (r"\max(x, a) < b", "<span>max</span>(x, a) &lt; b"),
    ],
)
def test_formulas_are_html(formula, shown):
    text = hooks.with_formulas(f"a\n\n$${formula}$$\n")
    assert text == f'a\n\n<p class="formula">{shown}</p>\n'


def test_a_page_of_the_api_has_all_public_names():
    text = api.pages()["api/unified_act.md"]
    assert [name for name in ua.__all__ if f"::: unified_act.{name}\n" not in text] == []


@pytest.mark.quick(lambda name: name in ("gelu", "swiglu"))
@pytest.mark.parametrize("name", [activation.name for activation in catalogue.ACTIVATIONS])
def test_an_activation_has_pictures_and_a_caption(name, tmp_path):
    caption = pictures.draw(name, tmp_path)
    assert max(caption.strict) < 4
    for what in ("curve", "error"):
        light, dark = (
            (tmp_path / f"{name}-{what}-{shade}.svg").read_text("utf-8")
            for shade in ("light", "dark")
        )
        assert light != dark
        assert light.count("<path") > 5
    page = gallery.with_pictures(f"# All\n\n## {name}\n\nText\n", {name: caption})
    assert page.count(f"pictures/{name}-") == 4
    assert f"pictures/{name}-curve-light.svg" in gallery.page({name: caption})


def test_the_error_of_a_picture_is_that_of_the_kernel(tmp_path):
    """PyTorch's gelu loses its tail, where the exact result is 1e-6 and less."""
    caption = pictures.draw("gelu", tmp_path)
    assert caption.fast[0] > 1e5
    assert caption.strict == [0.5, 0.5]
