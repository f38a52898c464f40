"""An audit as one HTML page, which needs no other files and no network."""

from __future__ import annotations

from collections.abc import Sequence

from unified_act_conformance.audit import Apart, Audit, headline
from unified_act_conformance.report.page import template

__all__ = ["audit_page"]


def audit_page(
    found: Audit,
    other: Audit | None = None,
    apart: Sequence[Apart] = (),
    dialects: Sequence[str] = (),
) -> str:
    """Returns the page.

    Args:
        found: The audit of a model.
        other: The audit of what it was compared with.
        apart: Where they are not the same.
        dialects: Only these are shown; all if there are none.
    """
    return template("audit.html.jinja").render(
        found=found,
        other=other,
        apart=apart,
        elsewhere=found.elsewhere(dialects),
        headline=headline(found),
    )
