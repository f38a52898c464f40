"""The columns of docs/frameworks.md about Keras, for a few activations.

`test_elsewhere.py` runs it where Keras does not run on TensorFlow.
"""

import pytest

from tests.frameworks.features import assert_as_declared, registered
from tests.frameworks.keras_features import HERE


@pytest.mark.parametrize("feature", registered(HERE), ids=str)
def test_a_few_activations(feature):
    assert_as_declared(feature, ("gelu", "prelu", "gumbel_softmax"))
