"""The command `unified-act`."""

from __future__ import annotations
