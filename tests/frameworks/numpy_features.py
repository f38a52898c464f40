"""NumPy: its layers."""

import copy
import pickle

from tests.backends.arrays import native
from tests.frameworks.features import X, feature, layer, others, same


def _ones_like(y):
    return native("numpy", y * 0 + 1, "float32")


@feature("numpy", "layer")
def forward_and_backward(name):
    subject, x = layer(name, "numpy"), native("numpy", X, "float32")
    y = subject(x, *others(name, "numpy"))
    same(name, y, subject.backward(_ones_like(y)))
    assert set(subject.gradients) == set(subject.weights)


@feature("numpy", "copy and pickle")
def copies(name):
    subject, x = layer(name, "numpy"), native("numpy", X, "float32")
    for twin in (copy.deepcopy(subject), pickle.loads(pickle.dumps(subject))):
        same(name, twin(x, *others(name, "numpy")))
        assert repr(twin) == repr(subject)
