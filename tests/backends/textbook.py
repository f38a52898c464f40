"""What activations of several numbers are, as a textbook has them, and numeric gradients of those.

In plain NumPy and float64, for moderate numbers; independent of the library's own definitions.
"""

import numpy as np

import unified_act as ua
from tests.backends.arrays import back, native
from unified_act_conformance.floats import FORMATS

STEP = 2.0**-18
ACCURACY = 1e-9
"""Of central differences, relative to the numbers here."""


def numeric_gradients(function, inputs, cotangent):
    """By central differences, with respect to each input."""
    found = []
    for index, array in enumerate(inputs):
        gradient = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            ends = []
            for step in (STEP, -STEP):
                moved = [np.array(other) for other in inputs]
                moved[index][place] += step
                ends.append(function(*moved))
            gradient[place] = np.sum(cotangent * (ends[0] - ends[1])) / (2 * STEP)
        found.append(gradient)
    return found


def along(weight, x, axis):
    """A weight of one number, or of one for each element of an axis, in the shape of `x`."""
    if weight.size == 1:
        return np.broadcast_to(weight.reshape(()), x.shape)
    moved = np.moveaxis(x, axis, -1)
    return np.moveaxis(np.broadcast_to(weight, moved.shape), -1, axis)


def per_channel(function, axis):
    """`function` of elements as one of `x` and weights for the channels of an axis."""
    return lambda x, *weights: function(x, *(along(weight, x, axis) for weight in weights))


def halves(function, axis, *, gate_first, interleaved=False):
    """`function` of value and gate as one of the array that they are halves of."""

    def of_whole(x):
        if interleaved:
            length = x.shape[axis]
            first, second = (np.take(x, range(start, length, 2), axis=axis) for start in (0, 1))
        else:
            first, second = np.split(x, 2, axis=axis)
        return function(second, first) if gate_first else function(first, second)

    return of_whole


def sparsemax(x, axis):
    """By bisection on the threshold: what is above it adds up to 1."""
    low, high = np.max(x, axis=axis, keepdims=True) - 1.0, np.max(x, axis=axis, keepdims=True)
    for _ in range(60):
        middle = (low + high) / 2
        too_low = np.sum(np.maximum(x - middle, 0.0), axis=axis, keepdims=True) > 1.0
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return np.maximum(x - low, 0.0)


def entmax(x, axis, alpha):
    """By bisection on the threshold, for an alpha above 1."""
    scaled = (alpha - 1.0) * x
    high = np.max(scaled, axis=axis, keepdims=True)
    low = high - 1.0
    for _ in range(60):
        middle = (low + high) / 2
        shares = np.maximum(scaled - middle, 0.0) ** (1.0 / (alpha - 1.0))
        too_low = np.sum(shares, axis=axis, keepdims=True) > 1.0
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return np.maximum(scaled - low, 0.0) ** (1.0 / (alpha - 1.0))


def weights_of(shape):
    """Different weights for the elements of a result, short enough for every dtype."""
    return np.resize([1.0, -2.0, 0.5, 3.0, 0.25], shape)


def check(backend, call, textbook, inputs, dtype, gradients=None, constant=()):
    """Checks value, gradient, shapes and dtypes of `call` against `textbook`.

    `inputs` are arrays of float64 that `dtype` has exactly; `constant` follow, in the form of the
    framework and of NumPy each, and have no gradient to be checked.
    """
    own, plain = [pair[0] for pair in constant], [pair[1] for pair in constant]

    def of_inputs(*arrays):
        return textbook(*arrays, *plain)

    want = of_inputs(*inputs)
    cotangent = weights_of(want.shape)
    given = [native(backend, array, dtype) for array in inputs]
    epsilon = FORMATS[dtype].epsilon
    close = {"rtol": 32 * epsilon, "atol": 16 * epsilon}
    near = max(epsilon, ACCURACY)  # what a difference can tell

    value = call(*given, *own)
    assert tuple(value.shape) == want.shape
    np.testing.assert_allclose(back(backend, value, dtype), want, **close)

    value, found = ua.value_and_grad(
        call, *given, *own, cotangent=native(backend, cotangent, dtype)
    )
    np.testing.assert_allclose(back(backend, value, dtype), want, **close)
    found = found if isinstance(found, tuple) else (found,)
    if gradients is None:
        gradients = numeric_gradients(of_inputs, inputs, cotangent)
    for array, gradient, own_gradient in zip(inputs, gradients, found, strict=False):
        assert tuple(own_gradient.shape) == array.shape
        scale = max(1.0, np.abs(gradient).max(initial=0.0))
        np.testing.assert_allclose(
            back(backend, own_gradient, dtype), gradient, rtol=32 * near, atol=16 * near * scale
        )
