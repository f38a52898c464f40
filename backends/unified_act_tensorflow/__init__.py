"""TensorFlow for `unified_act`."""

from unified_act.loading import register_with_keras
from unified_act_tensorflow.backend import TensorflowBackend

__all__ = ["backend"]

backend = TensorflowBackend()

register_with_keras()  # which TensorFlow has imported
