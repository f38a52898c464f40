"""Makes layers and functions known to Keras, so that it loads models that have them.

``import unified_act.keras`` is needed where Keras is imported after `unified_act`, and nothing but
`keras.models.load_model` is called. `import unified_act` does the same where Keras has been
imported before. Keras runs on the framework that KERAS_BACKEND names.
"""

from unified_act.loading import load_backend

__all__: list[str] = []

load_backend("keras")
