"""JAX for `unified_act`."""

from unified_act_jax.backend import JaxBackend

__all__ = ["backend"]

backend = JaxBackend()
