"""NumPy for `unified_act`."""

from unified_act_numpy.backend import NumpyBackend

__all__ = ["backend"]

backend = NumpyBackend()
