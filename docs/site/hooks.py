"""What mkdocs is told to do besides: `mkdocs.yml` names this file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.site import api, gallery, links, pictures
from unified_act_conformance.commands.formula import unicode_of

ROOT = Path(__file__).parents[2]
WIDE = ("benchmarks.md", "changelog.md", "frameworks.md")
"""Pages that name every activation, which a search finds last."""
WORD = re.compile(r"(?<![&\w])[A-Za-z]\w*[A-Za-z](?![;\w])", re.ASCII)
"""A function's name or "if", which stand upright."""
RAISED = re.compile(r"\^(?:\(((?:[^()]|\([^()]*\))*)\)|(\w+))")
LOWERED = re.compile(r"_\(((?:[^()]|\([^()]*\))*)\)")
FORMULA = re.compile(r"^\$\$(.+)\$\$$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are not in `docs/`, and the pictures."""
    drawn, captions = pictures.draw_all()
    config.extra["captions"] = captions
    made = {
        name: (ROOT / there).read_text(encoding="utf-8")
        for name, there in links.PAGES_ELSEWHERE.items()
    }
    for name, text in {**made, **api.pages(), "pictures.md": gallery.page(captions)}.items():
        files.append(File.generated(config, name, content=text))
    for name, path in drawn.items():
        files.append(File.generated(config, f"pictures/{name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrites links and formulas, and puts in pictures."""
    name = page.file.src_uri
    if name == "README.md":
        page.meta["hide"] = ["navigation"]
    if name in WIDE or name.startswith("porting/"):
        page.meta["search"] = {"boost": 0.2}
    pages = {file.src_uri for file in files.documentation_pages()}
    markdown = links.rewritten(markdown, name, pages)
    markdown = links.outside_code(with_formulas, markdown)
    if name in ("activations.md", "gallery.md"):
        markdown = gallery.with_pictures(markdown, config.extra["captions"])
    return markdown


def on_page_content(html: str, page: Page, files: Files, **_: Any) -> str:
    """Rewrites the links of notebooks, which mkdocs leaves as they are."""
    if page.file.src_uri.endswith(".ipynb"):
        return links.to_pages(html, page.file, files)
    return html


def with_formulas(text: str) -> str:
    """Returns Markdown with formulas in HTML in the place of LaTeX.

    Args:
        text: The Markdown.
    """

    def shown(found: re.Match[str]) -> str:
        formula = unicode_of(found[1]).replace("&", "&amp;").replace("<", "&lt;")
        formula = WORD.sub(r"<span>\g<0></span>", formula)
        formula = RAISED.sub(r"<sup>\1\2</sup>", formula)
        formula = LOWERED.sub(r"<sub>\1</sub>", formula)
        return f'<p class="formula">{formula}</p>'

    return FORMULA.sub(shown, text)
