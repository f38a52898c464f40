"""The functions that Inductor gets for float32 on a CPU."""

import mpmath
import numpy as np
import pytest
import torch

import unified_act as ua
from unified_act_torch import elementary

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 28.0, -28.0]


def polynomial(coefficients, x):
    return sum(mpmath.mpf(c) * x**power for power, c in enumerate(coefficients))


def test_the_quotient_of_erfc():
    with mpmath.workdps(40):
        for z in mpmath.linspace(0, elementary._END, 400):
            exact = mpmath.exp(z * z) * mpmath.erfc(z)
            found = polynomial(elementary._OVER, z) / polynomial(elementary._UNDER, z)
            assert abs(found / exact - 1) < 1.6e-13


@pytest.mark.parametrize(
    ("function", "exact"),
    [(elementary.times_erfc, mpmath.erfc), (elementary.square_exp, lambda z: mpmath.exp(-z * z))],
    ids=["times_erfc", "square_exp"],
)
def test_accuracy(function, exact):
    """Rounded once, so that nearly all are the number nearest to the exact one."""
    z = np.concatenate([np.linspace(-11, 11, 2001), SPECIAL]).astype(np.float32)
    factor = np.full_like(z, 3.0)
    got = function(torch.from_numpy(factor), torch.from_numpy(z)).numpy()
    want = np.array([float(3 * exact(mpmath.mpf(float(each)))) for each in z])
    error = np.abs(got - want) / np.spacing(np.abs(want.astype(np.float32)))
    assert np.nanmax(error) < 0.5001
    np.testing.assert_array_equal(np.isnan(got), np.isnan(z))


def gelu(x):
    return x * mpmath.ncdf(x)


def test_accuracy_of_gelu():
    x = np.concatenate([np.linspace(-16, 16, 2001), SPECIAL]).astype(np.float32)
    got = elementary.gelu(torch.from_numpy(x)).numpy()
    finite = np.isfinite(x)
    want = np.array([float(gelu(mpmath.mpf(float(each)))) for each in x[finite]])
    error = np.abs(got[finite] - want) / np.spacing(np.abs(want.astype(np.float32)))
    assert error.max() < 0.5001
    np.testing.assert_array_equal(got[~finite], np.float32([np.inf, -0.0, np.nan]))


@pytest.mark.parametrize("name", ["gelu", "laplace", "clipped_gelu", "gaussian", "geglu"])
def test_a_compiler_breaks_no_graph(name):
    """Otherwise the gradient would be left to operations one by one.

    Before erfc the argument is rounded to float32, which the tails magnify.
    """
    function = ua.get_activation(name, backend="torch", numerics="strict")
    x = torch.linspace(-4.0, 4.0, 64, requires_grad=True)
    value = torch.compile(function, backend="aot_eager", fullgraph=True)(x)
    (slope,) = torch.autograd.grad(value.sum(), x)
    torch.testing.assert_close(value, function(x), rtol=2e-5, atol=0.0)
    torch.testing.assert_close(
        slope, torch.autograd.grad(function(x).sum(), x)[0], rtol=2e-5, atol=2e-8
    )
