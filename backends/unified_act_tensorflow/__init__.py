"""TensorFlow for `unified_act`."""

from unified_act_tensorflow.backend import TensorflowBackend

__all__ = ["backend"]

backend = TensorflowBackend()
