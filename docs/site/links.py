"""Links between pages, wherever in the repository they are written."""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Callable, Collection
from pathlib import Path

from mkdocs.structure.files import File, Files

__all__ = ["PAGES_ELSEWHERE", "outside_code", "rewritten", "to_pages"]

_LOG = logging.getLogger("mkdocs.hooks.links")
ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/unified-act/unified-act"
PAGES_ELSEWHERE = {
    "guide.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
"""The pages whose text is in the root of the repository, by their name on the site."""

_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HREF = re.compile(r'href="([^":#]+\.(?:md|ipynb))(?=[#"])')
_HERE = re.compile(rf"{re.escape(REPOSITORY)}/(?:blob|tree)/main/")


def outside_code(change: Callable[[str], str], text: str) -> str:
    """Changes a text, but for its blocks of code.

    Args:
        change: What is done to each part.
        text: Markdown.
    """
    parts = _FENCED.split(text)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


def rewritten(text: str, page: str, pages: Collection[str]) -> str:
    """Returns a page with links to other pages of the site, and to the repository for the rest.

    A link to nothing stays, so that the build complains.

    Args:
        text: Markdown.
        page: Its name on the site.
        pages: The names of all pages.
    """
    source = PAGES_ELSEWHERE.get(page, f"docs/{page}")
    names = {f"docs/{name}": name for name in pages} | {
        there: name for name, there in PAGES_ELSEWHERE.items()
    }

    def link(found: re.Match[str]) -> str:
        target, hash_, anchor = found[1].partition("#")
        if not target or ("://" in target and not _HERE.match(target)):
            return found[0]
        if "://" in target:
            path = _HERE.sub("", target)
        else:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if path in names:
            target = posixpath.relpath(names[path], posixpath.dirname(page) or ".")
        elif (ROOT / path).exists():
            kind = "tree" if (ROOT / path).is_dir() else "blob"
            target = f"{REPOSITORY}/{kind}/main/{path}"
        return f"]({target}{hash_}{anchor})"

    return outside_code(lambda part: _LINK.sub(link, part), text)


def to_pages(html: str, file: File, files: Files) -> str:
    """Returns HTML whose links to sources are links to pages; a link to nothing is a warning.

    Args:
        html: The text.
        file: Where it is.
        files: All files of the site.
    """

    def link(found: re.Match[str]) -> str:
        folder = posixpath.dirname(file.src_uri)
        there = files.get_file_from_path(posixpath.normpath(posixpath.join(folder, found[1])))
        if there is None:
            _LOG.warning("%s has a link to %s, which is not there", file.src_uri, found[1])
            return found[0]
        return f'href="{there.url_relative_to(file)}'

    return _HREF.sub(link, html)
