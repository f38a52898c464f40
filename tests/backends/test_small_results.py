"""Results next to the smallest normal number, and results that a rounded exponent would spoil."""

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import back, every_backend, native
from unified_act_conformance.harness import load_harness

TINY = 2.0**-126
"""The smallest normal number of float32. TensorFlow takes every smaller one for 0."""


def results(function, x):
    value, slope = ua.value_and_grad(function, x)
    return {"value": value, "slope": slope}


@every_backend
@pytest.mark.parametrize(
    ("name", "parameters", "part", "x"),
    [
        ("tanh", {}, "slope", 44.015),
        ("tanh", {}, "slope", -44.3),
        ("scaled_tanh", {}, "slope", -66.5),
        ("scaled_tanh", {"alpha": 8.0, "beta": 0.1}, "slope", 440.0),
        ("scaled_tanh", {"alpha": 8.0, "beta": 0.1}, "value", 2e-38),
        ("selu", {}, "slope", -87.34),
        ("selu", {}, "slope", -87.8),
        ("elu", {"alpha": 4.0}, "slope", -88.5),
        ("celu", {"alpha": 20.0}, "value", -2e-38),
        ("softplus", {"beta": 0.25}, "value", -353.0),
    ],
)
def test_a_normal_result_is_not_lost_where_what_leads_to_it_is_subnormal(
    backend, name, parameters, part, x
):
    x = np.array([x], np.float32)
    strict = ua.get_activation(name, backend=backend, numerics="strict", **parameters)
    found = back(backend, results(strict, native(backend, x, "float32"))[part], "float32")
    exact = ua.get_activation(name, backend="numpy", numerics="strict", **parameters)
    wanted = results(exact, x.astype(np.float64))[part]
    assert TINY <= abs(wanted[0]) < 4.0 * TINY
    # Half an ulp of x is so much of an exponential of it.
    np.testing.assert_allclose(found, wanted, rtol=5e-5)


@pytest.mark.parametrize(
    ("name", "parameters", "x"),
    [
        ("tanh", {}, -44.3),
        ("tanh", {}, 2e-38),
        ("selu", {}, -87.8),
        ("elu", {"alpha": 4.0}, -88.5),
        ("celu", {"alpha": 0.25}, -22.0),
        ("softplus", {"beta": 4.0}, -22.0),
        ("scaled_tanh", {}, 66.5),
    ],
)
def test_nor_is_a_second_derivative(name, parameters, x):
    import tensorflow as tf

    function = ua.get_activation(name, backend="tensorflow", numerics="strict", **parameters)

    def second(dtype):
        x_of_type = tf.constant([x], dtype)
        ones = tf.ones_like(x_of_type)
        return load_harness("tensorflow").second_derivative(function, x_of_type, ones).numpy()

    wanted = second(tf.float64)
    assert TINY <= abs(wanted[0]) < 32.0 * TINY
    np.testing.assert_allclose(second(tf.float32), wanted, rtol=5e-5)


@every_backend
@pytest.mark.parametrize("name", ["gelu_tanh", "mish", "quick_gelu", "silu"])
def test_an_exponential_does_not_magnify_the_rounding_of_its_exponent(backend, name):
    """Where the factor falls fastest: within the 4 units that the strict profile allows."""
    strict = ua.get_activation(name, backend=backend, numerics="strict")
    exact = ua.get_activation(name, backend="numpy", numerics="strict")
    x = np.linspace(-2.5, -0.5, 100_001).astype(np.float32)
    found = back(backend, strict(native(backend, x, "float32")), "float32")
    wanted, slope = ua.value_and_grad(exact, x.astype(np.float64))
    unit = np.spacing(np.abs(wanted).astype(np.float32)) + 0.5 * np.spacing(-x) * np.abs(slope)
    assert (np.abs(found - wanted) / unit).max() <= 4.0
