"""Keras for `unified_act`, on whichever framework Keras runs.

The import makes the layers and functions known to Keras, so that it can load models that have them.
"""

from unified_act_keras.backend import KerasBackend

__all__ = ["backend"]

backend = KerasBackend()
