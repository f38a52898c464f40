"""Mutants: deliberately wrong implementations, which the suite must reject."""

from __future__ import annotations
