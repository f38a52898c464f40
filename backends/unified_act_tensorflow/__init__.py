"""TensorFlow for `unified_act`."""

import tensorflow as tf  # noqa: F401  # before Keras: where both are missing, the error names it

# isort: split
import keras  # which TensorFlow has imported already

from unified_act.callables import ActivationFunction
from unified_act_tensorflow.backend import TensorflowBackend

__all__ = ["backend"]

backend = TensorflowBackend()

# So that a saved model can be loaded where this package has been imported, without custom_objects.
keras.saving.register_keras_serializable(package="unified_act")(ActivationFunction)
