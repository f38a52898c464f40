"""Recognise handwritten digits, then swap frameworks: `python -m examples.digits`."""
