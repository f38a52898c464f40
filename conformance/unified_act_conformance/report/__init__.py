"""What a run found: for a terminal, and as HTML, JSON, JUnit and Markdown."""

from __future__ import annotations
