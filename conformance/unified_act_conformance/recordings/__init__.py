"""Recordings of frameworks' own kernels: made anywhere, judged here."""

from __future__ import annotations
