"""The implementations that equal callables share."""

from unified_act import callables


def forget_implementations() -> None:
    """Makes those that are asked for next anew, by what a test has patched."""
    callables._implemented.cache_clear()
