"""Links between pages, wherever in the repository they are written."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection
from pathlib import Path

__all__ = ["FENCED", "PAGES_ELSEWHERE", "outside_code", "rewritten"]

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/unified-act/unified-act"
PAGES_ELSEWHERE = {
    "guide.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
"""The pages whose text is in the root of the repository, by their name on the site."""

FENCED = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HERE = re.compile(rf"{re.escape(REPOSITORY)}/(?:blob|tree)/main/")


def outside_code(change: Callable[[str], str], text: str) -> str:
    """Changes a text, but for its blocks of code.

    Args:
        change: What is done to each part.
        text: Markdown.
    """
    parts = FENCED.split(text)
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
