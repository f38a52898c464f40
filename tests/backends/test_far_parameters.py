"""Parameters and weights far from their defaults, on every backend, in value and gradient."""

import mpmath
import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import (
    back,
    every_backend,
    every_dtype,
    every_numerics,
    gradient_of,
    native,
    rounded,
)
from unified_act_conformance.floats import FORMATS


@every_backend
@every_numerics
class TestLaplaceFarFromItsCentre:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize(
        ("mu", "sigma"), [(1e6, 1e-3), (1e9, 1.0), (-(2.0**25), 1.0), (1e15, 1e-15), (5.0, 1e-12)]
    )
    def test_below_at_and_above_it(self, backend, numerics, dtype, mu, sigma):
        laplace = ua.get_activation(
            "laplace", backend=backend, numerics=numerics, mu=mu, sigma=sigma
        )
        x = np.array([-np.inf, -abs(mu) * 3.0, mu, abs(mu) * 3.0, np.inf, np.nan])
        value, slope = ua.value_and_grad(laplace, native(backend, x, dtype))
        at_centre = 0.5 if float(np.dtype(dtype).type(mu)) == mu else float(mu < x[2])
        np.testing.assert_array_equal(
            back(backend, value, dtype), [0.0, 0.0, at_centre, 1.0, 1.0, np.nan]
        )
        np.testing.assert_array_equal(back(backend, slope, dtype)[[0, 1, 3, 4]], 0.0)

    def test_a_few_widths_from_it(self, backend, numerics):
        mu, sigma = 2.0**20, 1.0
        laplace = ua.get_activation(
            "laplace", backend=backend, numerics=numerics, mu=mu, sigma=sigma
        )
        x = mu + np.array([-3.0, -1.0, -0.125, 0.0, 0.5, 2.0])
        value, slope = ua.value_and_grad(laplace, native(backend, x, "float32"))
        exact = [float(mpmath.ncdf(number - mu)) for number in x]
        np.testing.assert_allclose(back(backend, value, "float32"), exact, rtol=1e-6)
        exact = [float(mpmath.npdf(number - mu)) for number in x]
        np.testing.assert_allclose(back(backend, slope, "float32"), exact, rtol=1e-6)


@every_backend
@every_numerics
@every_dtype
class TestSnakeBeta:
    @pytest.mark.parametrize("weight", [3.0, 5.0, 8.0])
    def test_slope_at_0_is_1_whatever_the_weights(self, backend, numerics, dtype, weight):
        if dtype == "float16" and weight == 8.0:
            weight = 4.5
        snake = ua.get_activation("snake_beta", backend=backend, numerics=numerics)
        inputs = [native(backend, np.array(v), dtype) for v in ([0.0, 0.0], [weight], [-weight])]
        slope = gradient_of(ua.value_and_grad(snake, *inputs))
        np.testing.assert_array_equal(back(backend, slope, dtype), 1.0)

    def test_slope_where_its_terms_cancel(self, backend, numerics, dtype):
        # exp(alpha - beta) = 1: the slope is 1 + sin(2x), which touches 0 at -π/4.
        snake = ua.get_activation("snake_beta", backend=backend, numerics=numerics)
        x = native(backend, np.array([-0.8125, -0.75, -0.5, 0.25]), dtype)
        zero = native(backend, np.array([0.0]), dtype)
        slope = gradient_of(ua.value_and_grad(snake, x, zero, zero))
        exact = 2.0 * np.sin(back(backend, x, dtype) + np.pi / 4.0) ** 2
        np.testing.assert_allclose(
            back(backend, slope, dtype), exact, rtol=64 * FORMATS[dtype].epsilon
        )


@every_backend
@every_numerics
@every_dtype
class TestSpecialWeights:
    def test_tlu_of_a_nan_threshold_is_nan(self, backend, numerics, dtype):
        tlu = ua.get_activation("tlu", backend=backend, numerics=numerics)
        x = native(backend, np.array([-1.0, 1.0, np.inf]), dtype)
        found = tlu(x, native(backend, np.array([np.nan]), dtype))
        assert np.isnan(back(backend, found, dtype)).all()

    def test_xielu_at_minus_infinity_where_both_slopes_are_equal(self, backend, numerics, dtype):
        xielu = ua.get_activation("xielu", backend=backend, numerics=numerics, beta=0.5)
        x = native(backend, np.array([-np.inf, -64.0]), dtype)
        weights = [native(backend, np.array([number]), dtype) for number in (0.75, 0.5)]
        found = xielu(x, *weights)
        np.testing.assert_array_equal(back(backend, found, dtype), -0.5)


@every_backend
@every_numerics
@every_dtype
class TestNoiseAtTheEndsOfItsRange:
    @pytest.mark.parametrize("hard", [False, True])
    @pytest.mark.parametrize(
        "noise", [[0.5, 1.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.5, 0.0], [0.25, 0.5, 0.25]]
    )
    def test_gumbel_softmax_has_finite_shares_and_gradients(
        self, backend, numerics, dtype, noise, hard
    ):
        gumbel = ua.get_activation("gumbel_softmax", backend=backend, numerics=numerics, hard=hard)
        x = native(backend, np.zeros((1, 3)), dtype)
        value, gradients = ua.value_and_grad(gumbel, x, native(backend, np.array([noise]), dtype))
        shares = back(backend, value, dtype)
        np.testing.assert_allclose(shares.sum(), 1.0, rtol=0.01)
        assert shares.argmax() == 1
        assert np.isfinite(
            back(backend, gradients[0] if isinstance(gradients, tuple) else gradients, dtype)
        ).all()

    def test_rrelu_outside_of_it_is_nan(self, backend, numerics, dtype):
        rrelu = ua.get_activation("rrelu", backend=backend, numerics=numerics, training=True)
        x = native(backend, np.full(5, -1.0), dtype)
        noise = native(backend, np.array([-0.5, 0.0, 0.5, 1.0, 1.5]), dtype)
        found = back(backend, rrelu(x, noise), dtype)
        np.testing.assert_array_equal(np.isnan(found), [True, False, False, False, True])


@every_backend
class TestParametersOfTheDtype:
    @every_dtype
    @pytest.mark.parametrize(
        ("name", "value", "slope"),
        [("hard_shrink", 0.30078125, 1.0), ("soft_shrink", 0.00078125, 1.0)],
    )
    def test_a_threshold_that_is_no_number_of_the_dtype(self, backend, dtype, name, value, slope):
        """0.30078125 is above 0.3, which in 16 bits is rounded to it."""
        function = ua.get_activation(name, backend=backend, threshold=0.3)
        found = ua.value_and_grad(function, native(backend, np.array([0.30078125]), dtype))
        got = [back(backend, array, dtype)[0] for array in found]
        room = 8 * FORMATS[dtype].epsilon
        np.testing.assert_allclose(got, [value, slope], rtol=room, atol=min(room, 2.0**-24))

    @every_numerics
    @pytest.mark.parametrize(
        ("name", "parameters"),
        [
            ("clipped_relu", {"max_value": 70000.0}),
            ("hard_tanh", {"min_value": 0.0, "max_value": 70000.0}),
            ("threshold", {"threshold": 0.0, "value": 0.0}),
            ("leaky_relu", {"negative_slope": 1e-9}),
            ("celu", {"alpha": 1e-7}),
            ("elu", {"alpha": 1e-9}),
        ],
    )
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_a_parameter_beyond_16_bits_is_used_as_it_is(
        self, backend, numerics, dtype, name, parameters
    ):
        function = ua.get_activation(name, backend=backend, numerics=numerics, **parameters)
        value, slope = ua.value_and_grad(function, native(backend, np.array([2.0, 48.0]), dtype))
        np.testing.assert_array_equal(back(backend, value, dtype), [2.0, 48.0])
        np.testing.assert_array_equal(back(backend, slope, dtype), 1.0)

    @every_numerics
    @pytest.mark.parametrize(
        ("name", "parameters", "size"),
        [
            ("hard_tanh", {"min_value": -1e39, "max_value": 1e39}, "large"),
            ("silu", {"beta": 1e39}, "large"),
            ("silu", {"beta": 1e-46}, "small"),
            ("hard_sigmoid", {"alpha": 1e-40}, "small"),
            ("elu", {"alpha": 1e39}, "large"),
        ],
    )
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
    def test_a_parameter_beyond_float32_is_an_error_that_says_what_to_do(
        self, backend, numerics, dtype, name, parameters, size
    ):
        function = ua.get_activation(name, backend=backend, numerics=numerics, **parameters)
        x = native(backend, np.array([0.0, 1.0]), dtype)
        with pytest.raises(ua.ParameterValueError, match=f"too {size} for float32.*to float64"):
            function(x)
        function(native(backend, np.array([0.0, 1.0]), "float64"))

    @every_numerics
    @pytest.mark.parametrize("number", [5e-324, 1e-310])
    def test_float64_takes_every_parameter(self, backend, numerics, number):
        shrink = ua.get_activation(
            "hard_shrink", backend=backend, numerics=numerics, threshold=number
        )
        x = native(backend, np.array([-2.0, 3.0]), "float64")
        if backend == "mxnet":  # which reads no subnormal number in a graph
            from unified_act_mxnet._framework import mx

            for given in (x, mx.sym.var("x")):
                with pytest.raises(ua.ParameterValueError, match="Pass 0 or a number of at least"):
                    shrink(given)
            return
        found = shrink(x)
        np.testing.assert_array_equal(back(backend, found, "float64"), [-2.0, 3.0])

    def test_a_tensor_as_parameter_is_refused_since_its_gradient_would_be_lost(self, backend):
        tensor = native(backend, np.array(0.5), "float32")
        if backend == "numpy":
            assert ua.get_activation("silu", beta=tensor).parameters["beta"] == 0.5
            return
        with pytest.raises(ua.ParameterValueError, match=r"got a \w+\.\w+, .* or use silu_beta"):
            ua.get_activation("silu", backend=backend, beta=tensor)
        with pytest.raises(ua.ParameterValueError, match=r"pass float\(…\)\.$"):
            ua.get_activation("elu", backend=backend, alpha=tensor)


THRESHOLDS = {
    "hard_shrink": {"threshold": 0.3},
    "soft_shrink": {"threshold": 0.3},
    "shrink": {"threshold": 0.3, "bias": 0.2},
    "threshold": {"threshold": 0.3, "value": 0.1},
    "thresholded_relu": {"threshold": 0.3},
    "clipped_relu": {"max_value": 0.7},
    "clipped_gelu": {"min_value": -0.1, "max_value": 0.7},
    "hard_tanh": {"min_value": 0.3, "max_value": 0.7},
    "hard_sigmoid": {"alpha": 0.7, "beta": 0.6},
}


class TestNextToThresholds:
    """A threshold is the nearest number of the type that is computed in, of 16 bits float32."""

    @every_backend
    @every_numerics
    @pytest.mark.parametrize("name", THRESHOLDS)
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_every_backend_and_profile_agrees(self, backend, numerics, name, dtype):
        kind = np.dtype(dtype).type
        numbers = [*THRESHOLDS[name].values(), -6.0 / 7.0, 4.0 / 7.0]
        at = np.array([sign * kind(number) for number in numbers for sign in (1.0, -1.0)], dtype)
        x = np.concatenate([np.nextafter(at, kind(-9)), at, np.nextafter(at, kind(9))])

        def found(backend, numerics):
            function = ua.get_activation(
                name, backend=backend, numerics=numerics, **THRESHOLDS[name]
            )
            result = ua.value_and_grad(function, native(backend, x, dtype))
            return [back(backend, array, dtype) for array in result]

        for ours, wanted in zip(found(backend, numerics), found("numpy", "strict"), strict=True):
            room = 4.0 * FORMATS[dtype].epsilon
            np.testing.assert_allclose(ours, wanted, rtol=room, atol=room)

    @every_backend
    @pytest.mark.parametrize("name", THRESHOLDS)
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_no_16_bit_number_is_on_the_wrong_side(self, backend, name, dtype):
        steps = np.arange(-2.0, 3.0) * FORMATS[dtype].epsilon + 1.0
        at = np.array([*THRESHOLDS[name].values(), 6.0 / 7.0, 4.0 / 7.0])
        x = rounded(np.concatenate([np.outer(at, steps), np.outer(-at, steps)]).reshape(-1), dtype)
        function = ua.get_activation(name, backend=backend, **THRESHOLDS[name])
        exact = ua.get_activation(name, backend="numpy", numerics="strict", **THRESHOLDS[name])
        slope = back(
            backend, gradient_of(ua.value_and_grad(function, native(backend, x, dtype))), dtype
        )
        wanted = gradient_of(ua.value_and_grad(exact, x))
        np.testing.assert_allclose(slope, wanted, rtol=2.0 * FORMATS[dtype].epsilon)
