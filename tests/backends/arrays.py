"""Arrays of every framework, in and out: what the tests of all backends share."""

import functools

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import REQUIRED, SPECS, further_inputs
from unified_act.backend import DTYPES
from unified_act_conformance.floats import FORMATS, to_type, widen
from unified_act_conformance.harness import load_harness

BACKENDS = ["mxnet", "numpy", "tensorflow", "torch"]
VALUES = np.array([[-30.0, -1.5, -0.25, -0.0], [0.0, 0.75, 3.0, 100.0], [1.0, 1.0, -3.0, 6.0]])
every_backend = pytest.mark.parametrize("backend", BACKENDS)
every_name = pytest.mark.parametrize("name", SPECS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_numerics = pytest.mark.parametrize("numerics", ["fast", "strict"])


def native(backend, values, dtype):
    """An array of the framework; a mask stays one."""
    harness, values = load_harness(backend), np.asarray(values)
    if values.dtype == np.bool_:
        return harness.to_native(values, "bool")
    return harness.to_native(to_type(values.astype(np.float64), dtype), dtype)


def inputs_for(backend, name, values, dtype, channels=1):
    further = further_inputs(name, np.shape(values), channels)
    return [native(backend, array, dtype) for array in (values, *further)]


def back(backend, array, dtype):
    """As float64, after a check of the dtype."""
    return widen(load_harness(backend).to_numpy(array, dtype))


def bits(backend, array, dtype):
    kind = "bool" if "bool" in str(array.dtype) else dtype
    return load_harness(backend).to_numpy(array, kind).tobytes()


def gradient_of(result):
    return result[1][0] if isinstance(result[1], tuple) else result[1]


@functools.cache
def expected(name, order=0, **parameters):
    """NumPy's strict result in float64 for `VALUES`."""
    function = ua.get_activation(name, backend="numpy", numerics="strict", **parameters)
    x = inputs_for("numpy", REQUIRED.get(name, name), VALUES, "float64")
    return function(*x) if order == 0 else gradient_of(ua.value_and_grad(function, *x))


def rounded(values, dtype):
    """As the dtype has them, which may be infinities."""
    with np.errstate(over="ignore"):
        return widen(to_type(values, dtype))


LARGEST_ANGLE = {"snake_beta": 128.0}
"""Of `VALUES`: a wave of an angle is as far off as the rounding of the angle."""


def tolerance(dtype, name=""):
    room = 8 * FORMATS[dtype].epsilon * LARGEST_ANGLE.get(name, 1.0)
    return {"rtol": room, "atol": room}
