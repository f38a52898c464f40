"""The pictures in pages: the gallery, and the section of each activation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from docs.site.pictures import Caption
from unified_act import catalogue

__all__ = ["page", "with_pictures"]

HEAD = """# Gallery

Every activation: **f** is blue, its derivative **f′** orange, a dot marks a kink. Each leads to its
formula, its parameters, its names in each framework, and how far off it is.
"""
PAPERS = (
    "Of recent papers",
    "These are not in the catalogue: [copy them](gallery.md) into your code.",
)
KINDS = {
    "elementwise": ("Functions of one number", ""),
    "axis": (
        "Along an axis",
        "x is the first number of the row (x, 1, 0, −1), and f(x) the first result.",
    ),
    "gated": ("Gated", "x is the gate; the value beside it is 1."),
    "learned": ("With learned weights", "Each weight is what it is when a layer starts."),
    "stochastic": (
        "With random numbers",
        "rrelu is drawn as it is after training, gumbel_softmax with 1/2 for all random numbers.",
    ),
}


def page(captions: Mapping[str, Caption]) -> str:
    """Returns the text of the gallery.

    Args:
        captions: What is told about each picture, by activation.
    """
    lines = HEAD.splitlines()
    for kind, (title, told) in KINDS.items():
        names = (a.name for a in catalogue.ACTIVATIONS if a.kind == kind and a.name in captions)
        lines += _section(title, told, names, "activations.md")
    own = {activation.name for activation in catalogue.ACTIVATIONS}
    lines += _section(*PAPERS, (name for name in captions if name not in own), "gallery.md")
    return "\n".join(lines) + "\n"


def _section(title: str, told: str, names: Iterable[str], page: str) -> Iterator[str]:
    yield from ("", f"## {title}", "", told, "", '<div class="gallery" markdown>', "")
    for name in names:
        yield from (_thumbnail(name, page), "")
    yield "</div>"


def _thumbnail(name: str, page: str) -> str:
    inner = "".join(_image(name, "curve", shade, f"f and f′ of {name}") for shade in _SHADES)
    return f"[{inner}<span>{name}</span>]({page}#{name})"


_SHADES = ("light", "dark")


def _image(name: str, what: str, shade: str, told: str) -> str:
    where = f"pictures/{name}-{what}-{shade}.svg#only-{shade}"
    return f"![{told}]({where}){{ loading=lazy width=460 height=310 }}"


def with_pictures(text: str, captions: Mapping[str, Caption]) -> str:
    """Returns the page of all activations with pictures under the headings.

    Args:
        text: Markdown.
        captions: What is told about each picture, by activation.
    """

    def section(found: re.Match[str]) -> str:
        return "\n".join([found[0], "", *_pictures(captions[found[1]])])

    return re.sub(r"^## (\w+)$", section, text, flags=re.MULTILINE)


def _pictures(caption: Caption) -> Iterator[str]:
    yield '<div class="pictures" markdown>'
    for what, told in (
        ("curve", f"f and f′ of {caption.name}"),
        ("error", f"Errors of {caption.name}"),
    ):
        yield "".join(_image(caption.name, what, shade, told) for shade in _SHADES)
        yield ""
    yield "</div>"
    yield ""
    first = f"`{caption.shown}`" + (f": {caption.slice}" if caption.slice else "")
    yield f'<p class="caption" markdown>Left: {first}. Right: the error in float32 on PyTorch, '
    yield "profile `fast`, in [units in the last place](numbers.md#the-pictures); the dashed line "
    yield f"is half a unit. The largest errors of f and f′ are {_both(caption.fast)} units here, "
    yield f"and {_both(caption.strict)} in `strict`.</p>"


def _both(errors: object) -> str:
    value, slope = (f"{error:,.2g}" if error < 1e3 else f"{error:,.0f}" for error in errors)  # type: ignore[attr-defined]
    return f"{value} and {slope}"
