"""Mutants: changes of the sources that a machine makes, which the suite has to see."""

from __future__ import annotations
