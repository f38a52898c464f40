"""Wrong implementations, which the suite has to reject."""

from __future__ import annotations
