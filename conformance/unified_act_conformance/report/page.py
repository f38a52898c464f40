"""The templates of HTML pages, which need no other files and no network."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

__all__ = ["template"]


def template(name: str) -> Template:
    """Returns a template. Undefined names raise, and whatever a text says is escaped."""
    return Environment(
        loader=PackageLoader("unified_act_conformance.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(name)
