"""Recordings of frameworks' own kernels, which can be judged without the framework."""

from __future__ import annotations
