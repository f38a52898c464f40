"""Timings. They never decide whether a test passes."""
