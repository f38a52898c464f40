"""Reports of a run: for the terminal, and as HTML, JSON, JUnit XML and Markdown."""

from __future__ import annotations
