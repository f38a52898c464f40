"""The former name of `unified_act_conformance.pytest_plugin`."""

from unified_act_conformance.pytest_plugin import (
    conformance_options,
    pytest_addoption,
    pytest_generate_tests,
)

__all__ = ["conformance_options", "pytest_addoption", "pytest_generate_tests"]
