"""What the tests of modules share."""

import jax
import pytest


@pytest.fixture(autouse=True)
def _float32():
    """JAX as users have it. The suite's harness, in another test, turns float64 on."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", before)
