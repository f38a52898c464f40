"""Keras's own tests of its activations, as the installed package has them, with ours in place."""

import functools
import importlib
import inspect
import unittest

import numpy as np
import pytest

import unified_act as ua
from unified_act_conformance.harness import load_harness

BACKENDS = ["jax", "mxnet", "numpy", "tensorflow", "torch"]
QUICK = ("numpy", "torch")
MODULE = "keras.src.activations.activations_test"
COMBINED = "no single activation is relu"


@functools.cache
def module_of_keras():
    """The module with its tests, or None if the package was installed without them."""
    try:
        return importlib.import_module(MODULE)
    except ModuleNotFoundError as error:
        if not MODULE.startswith(str(error.name)):
            raise
        return None


def names():
    module = module_of_keras()
    return unittest.TestLoader().getTestCaseNames(module.ActivationsTest) if module else [None]


class Ours:
    """A function of `keras.activations`, which our activations compute on one backend."""

    def __init__(self, name, backend):
        self.name, self.backend = name, backend
        theirs = getattr(importlib.import_module("keras").activations, name)
        self.signature = inspect.signature(theirs)

    def activation(self, **arguments):
        return ua.get_activation(self.name, backend=self.backend, dialect="keras3", **arguments)

    def __call__(self, x, *arguments, **keywords):
        given = self.signature.bind(x, *arguments, **keywords).arguments
        given.pop(next(iter(self.signature.parameters)))
        x = np.asarray(x)
        # Keras makes its own float of integers.
        dtype = x.dtype.name if x.dtype.kind == "f" else "float32"
        harness = load_harness(self.backend)
        found = self.activation(**given)(harness.to_native(x.astype(dtype), dtype))
        return harness.to_numpy(found, dtype)


class Activations:
    """In the place of the module `keras.activations`."""

    def __init__(self, backend):
        self.backend = backend
        self.ours = functools.cache(lambda name: Ours(name, backend))

    def __getattr__(self, name):
        return self.ours(name)

    def get(self, identifier):
        """As Keras's: the function of a name, of which `linear` is that of None."""
        try:
            found = ua.get_activation(identifier, backend=self.backend, dialect="keras3")
        except ua.UnknownActivationError as error:
            raise ValueError(str(error)) from error  # which is Keras's error
        if identifier is None:
            identifier = "linear"
        ours = self.ours(identifier)
        assert ours.activation() == found
        return ours


@pytest.mark.quick(lambda backend: backend in QUICK)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", names())
def test_one_of_kerass_tests(name, backend, monkeypatch):
    module = module_of_keras()
    if module is None:
        pytest.skip(f"the installed Keras has no {MODULE}")
    monkeypatch.setattr(module, "activations", Activations(backend))
    test = module.ActivationsTest(name)
    with np.errstate(all="ignore"):  # Keras's own formulas overflow
        test.debug()


def test_it_notices_a_wrong_one(monkeypatch):
    """What is called is ours, and not Keras's."""
    module = module_of_keras()
    if module is None:
        pytest.skip(f"the installed Keras has no {MODULE}")
    wrong = Activations("numpy")
    wrong.silu = Ours("gelu", "numpy")
    monkeypatch.setattr(module, "activations", wrong)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        module.ActivationsTest("test_silu").debug()
