"""The conformance suite: every backend against exact arithmetic, value and gradient."""
