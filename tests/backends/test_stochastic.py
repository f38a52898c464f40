"""Activations with random numbers, which a caller gives: a seed, a generator or the numbers."""

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import (
    BACKENDS,
    back,
    every_backend,
    every_dtype,
    every_numerics,
    native,
    tolerance,
)
from tests.backends.test_wrong_inputs import whole_numbers
from tests.backends.textbook import check
from unified_act.loading import load_backend

pytestmark = pytest.mark.usefixtures("known_shapes_on_mxnet")

VALUES = np.array([[-3.0, -1.5, 0.75, 1.25], [0.125, -0.5, 2.0, -2.0], [1.0, -0.25, 0.5, -1.0]])
NOISE = np.array([[0.25, 0.5, 0.75, 0.125], [0.625, 0.875, 0.375, 0.5], [0.5, 0.25, 0.125, 0.75]])
DRAWING = {"rrelu": {"training": True}, "gumbel_softmax": {}}

every_drawing = pytest.mark.parametrize("name", DRAWING)


def rrelu(x, noise, lower=1 / 8, upper=1 / 3):
    return np.where(x > 0, x, x * (lower + noise * (upper - lower)))


def gumbel_softmax(x, noise, tau=1.0, axis=-1):
    e = np.exp((x - np.log(-np.log(noise))) / tau)
    return e / e.sum(axis=axis, keepdims=True)


TEXTBOOK = {"rrelu": rrelu, "gumbel_softmax": gumbel_softmax}


def drawing(name, backend=None, numerics="fast", **parameters):
    return ua.get_activation(
        name, backend=backend, numerics=numerics, **DRAWING[name], **parameters
    )


def generator_of(backend, seed):
    if backend == "torch":
        import torch

        return torch.Generator().manual_seed(seed)
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.random.Generator.from_seed(seed)
    return np.random.default_rng(seed)  # MXNet has none


def test_every_stochastic_activation_is_tested():
    assert set(DRAWING) == set(ua.list_activations(kind="stochastic")), "parameters in DRAWING"


@every_backend
@every_numerics
class TestAgainstTheTextbook:
    @every_drawing
    @every_dtype
    def test_with_the_numbers_given(self, backend, name, dtype, numerics):
        noise = native(backend, NOISE, dtype)
        check(
            backend,
            drawing(name, backend, numerics),
            TEXTBOOK[name],
            [VALUES],
            dtype,
            constant=[(noise, NOISE)],
        )

    @every_drawing
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_16_bits_with_numbers_of_float32(self, backend, name, dtype, numerics):
        """They have more of them, and so they are drawn."""
        noise = NOISE + 2.0**-20
        check(
            backend,
            drawing(name, backend, numerics),
            TEXTBOOK[name],
            [VALUES],
            dtype,
            constant=[(native(backend, noise, "float32"), noise)],
        )

    def test_bounds_of_the_slope(self, backend, numerics):
        function = drawing("rrelu", backend, numerics, lower=0.25, upper=0.5)
        check(
            backend,
            function,
            lambda x, noise: rrelu(x, noise, 0.25, 0.5),
            [VALUES],
            "float64",
            constant=[(native(backend, NOISE, "float64"), NOISE)],
        )

    @pytest.mark.parametrize("tau", [0.5, 2.0])
    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_temperature_and_axis(self, backend, numerics, tau, axis):
        function = drawing("gumbel_softmax", backend, numerics, tau=tau, axis=axis)
        check(
            backend,
            function,
            lambda x, noise: gumbel_softmax(x, noise, tau, axis),
            [VALUES],
            "float64",
            constant=[(native(backend, NOISE, "float64"), NOISE)],
        )


@every_backend
@every_dtype
@every_numerics
class TestRreluOutsideOfTraining:
    def test_is_leaky_relu_with_the_mean_slope(self, backend, dtype, numerics):
        plain = ua.get_activation("rrelu", backend=backend, numerics=numerics)
        mean = (1 / 8 + 1 / 3) / 2
        leaky = ua.get_activation(
            "leaky_relu", backend=backend, numerics=numerics, negative_slope=mean
        )
        x = native(backend, VALUES, dtype)
        for one, other in zip(
            ua.value_and_grad(plain, x), ua.value_and_grad(leaky, x), strict=True
        ):
            np.testing.assert_allclose(
                back(backend, one, dtype), back(backend, other, dtype), **tolerance(dtype)
            )

    def test_draws_nothing(self, backend, dtype, numerics):
        plain = ua.get_activation("rrelu", backend=backend, numerics=numerics)
        x = native(backend, VALUES, dtype)
        first, second = (back(backend, plain(x), dtype) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_at_zero_and_at_the_ends(self, backend, dtype, numerics):
        plain = ua.get_activation(
            "rrelu", backend=backend, numerics=numerics, lower=0.25, upper=0.75
        )
        x = native(backend, [[-np.inf, 0.0, np.inf, np.nan]], dtype)
        value, slope = ua.value_and_grad(plain, x)
        np.testing.assert_array_equal(back(backend, value, dtype), [[-np.inf, 0.0, np.inf, np.nan]])
        np.testing.assert_array_equal(back(backend, slope, dtype)[0, :3], [0.5, 0.5, 1.0])


@every_backend
@every_numerics
class TestHardGumbel:
    @every_dtype
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_one_hot_with_the_soft_gradient(self, backend, dtype, numerics, seed):
        soft = drawing("gumbel_softmax", backend, numerics)
        hard = drawing("gumbel_softmax", backend, numerics, hard=True)
        x = native(backend, VALUES, dtype)
        cotangent = native(backend, NOISE, dtype)
        soft_value, soft_slope = ua.value_and_grad(soft, x, seed, cotangent=cotangent)
        hard_value, hard_slope = ua.value_and_grad(hard, x, seed, cotangent=cotangent)
        found = back(backend, hard_value, dtype)
        # In one of the last digits, 1 may be 1 + (s - s) of a compiled graph, and is not.
        assert set(np.unique(found)) == {0.0, 1.0}
        np.testing.assert_array_equal(found.sum(axis=-1), 1.0)
        np.testing.assert_array_equal(
            found.argmax(axis=-1), back(backend, soft_value, dtype).argmax(axis=-1)
        )
        # A kernel serves only the soft one.
        np.testing.assert_allclose(
            back(backend, hard_slope, dtype),
            back(backend, soft_slope, dtype),
            rtol={"float32": 1e-5, "float64": 1e-14}.get(str(np.dtype(dtype)), 0.0),
        )

    def test_the_choice_follows_the_shares(self, backend, numerics):
        """Of many draws: chosen as often as softmax says."""
        logits = np.log([0.5, 0.3, 0.2])
        x = native(backend, np.tile(logits, (4000, 1)), "float32")
        hard = drawing("gumbel_softmax", backend, numerics, hard=True)
        often = back(backend, hard(x, 11), "float32").mean(axis=0)
        np.testing.assert_allclose(often, [0.5, 0.3, 0.2], atol=0.04)


@every_backend
@every_drawing
class TestGenerators:
    def test_none_is_an_error(self, backend, name):
        function = drawing(name, backend)
        x = native(backend, VALUES, "float32")
        for call in (lambda: function(x), lambda: function(x, None), lambda: drawing(name)(x)):
            with pytest.raises(
                ua.ParameterValueError, match=f"{name} draws random numbers: pass a seed"
            ):
                call()

    @every_dtype
    def test_a_seed_gives_the_same_numbers_again(self, backend, name, dtype):
        function = drawing(name, backend)
        x = native(backend, VALUES, dtype)
        first, second, other = (back(backend, function(x, seed), dtype) for seed in (3, 3, 4))
        np.testing.assert_array_equal(first, second)
        assert (first != other).any()

    def test_a_generator_goes_on(self, backend, name):
        function = drawing(name, backend)
        x = native(backend, VALUES, "float32")
        one, other = generator_of(backend, 5), generator_of(backend, 5)
        first, second = (back(backend, function(x, one), "float32") for _ in range(2))
        again = back(backend, function(x, other), "float32")
        np.testing.assert_array_equal(first, again)
        assert (first != second).any()

    def test_the_numbers_of_a_seed_are_those_that_it_draws(self, backend, name):
        function = drawing(name, backend)
        x = native(backend, VALUES, "float32")
        noise = load_backend(backend).uniform_like(x, 6)
        np.testing.assert_array_equal(
            back(backend, function(x, 6), "float32"), back(backend, function(x, noise), "float32")
        )

    def test_value_and_gradient_are_of_one_draw(self, backend, name):
        function = drawing(name, backend)
        x = native(backend, VALUES, "float32")
        value, slope = ua.value_and_grad(function, x, 7)
        noise = load_backend(backend).uniform_like(x, 7)
        plain = back(backend, noise, "float32")
        np.testing.assert_allclose(
            back(backend, value, "float32"), TEXTBOOK[name](VALUES, plain), rtol=1e-4
        )
        by_noise = ua.value_and_grad(function, x, noise)[1]
        np.testing.assert_array_equal(
            back(backend, slope, "float32"), back(backend, by_noise, "float32")
        )

    def test_the_default_backend_draws_too(self, backend, name):
        x = native(backend, VALUES, "float32")
        np.testing.assert_array_equal(
            back(backend, drawing(name)(x, 8), "float32"),
            back(backend, drawing(name, backend)(x, 8), "float32"),
        )

    @pytest.mark.parametrize("dtype", ["int32", "float64"])
    def test_noise_of_another_type_is_refused(self, backend, name, dtype):
        noise = (
            whole_numbers(backend, "int32") if dtype == "int32" else native(backend, NOISE, dtype)
        )
        with pytest.raises(ua.InputTypeError, match=rf"the noise is .*{dtype}.*Cast the noise"):
            drawing(name, backend)(native(backend, VALUES, "float32"), noise)

    def test_whole_numbers(self, backend, name):
        with pytest.raises(ua.InputTypeError, match=r"expected a floating-point .*int32"):
            drawing(name, backend)(whole_numbers(backend, "int32"), 0)

    def test_an_input_that_is_no_array_is_refused(self, backend, name):
        function = drawing(name, backend)
        with pytest.raises(ua.InputTypeError, match=r"expected an? .*, got list"):
            function([1.0], 0)
        with pytest.raises(ua.InputTypeError, match=r"expected an? .*, got list"):
            ua.value_and_grad(function, [1.0], 0)

    @pytest.mark.parametrize("generator", ["seed", [1], 1.5, True], ids=str)
    def test_no_generator(self, backend, name, generator):
        function = drawing(name, backend)
        x = native(backend, VALUES, "float32")
        message = (
            r"come from a seed, which is an integer, from a .*Generator.*: pass one of these, got"
        )
        with pytest.raises(ua.ParameterValueError, match=message):
            function(x, generator)
        with pytest.raises(ua.ParameterValueError, match=message):
            ua.value_and_grad(function, x, generator)


@every_backend
@every_dtype
def test_drawn_numbers_are_uniform_and_finite_under_logarithms(backend, dtype):
    """Uniform, with the ends left out, in float32 for 16 bits: logarithms are finite."""
    x = native(backend, np.zeros((100, 200)), dtype)
    wanted = "float64" if dtype == "float64" else "float32"
    numbers = back(backend, load_backend(backend).uniform_like(x, 9), wanted)
    assert numbers.shape == (100, 200)
    assert 0.0 < numbers.min() < 0.001
    assert 0.999 < numbers.max() < 1.0
    np.testing.assert_allclose(numbers.mean(), 0.5, atol=0.01)
    np.testing.assert_allclose(numbers.var(), 1 / 12, atol=0.01)


@every_backend
@every_dtype
def test_the_smallest_numbers_that_are_drawn(backend, dtype):
    """Give finite results: -log(-log u) is largest where 1 - u is smallest."""
    kind = "float64" if dtype == "float64" else "float32"
    noise = native(backend, [[2.0**-25, 0.5, 1 - 2.0**-24, 0.5]], kind)
    function = drawing("gumbel_softmax", backend)
    value, slope = ua.value_and_grad(function, native(backend, np.zeros((1, 4)), dtype), noise)
    assert np.isfinite(back(backend, value, dtype)).all()
    gradient = slope[0] if isinstance(slope, tuple) else slope
    assert np.isfinite(back(backend, gradient, dtype)).all()


@every_backend
@every_dtype
@every_numerics
@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_of_what_is_not_finite(backend, dtype, numerics, hard):
    """-inf is never chosen; a NaN spoils its row and no other."""
    function = drawing("gumbel_softmax", backend, numerics, hard=hard)
    x = native(backend, [[-np.inf, 0.0, 1.0, -np.inf], [np.nan, 0.0, 1.0, 2.0]], dtype)
    found = back(backend, function(x, 10), dtype)
    np.testing.assert_array_equal(found[0, [0, 3]], [0.0, 0.0])
    np.testing.assert_allclose(found[0].sum(), 1.0, rtol=0.02)
    assert np.isnan(found[1]).all()


def test_lower_is_not_above_upper():
    with pytest.raises(ua.ParameterValueError, match="lower must not be greater than upper"):
        ua.get_activation("rrelu", lower=0.5, upper=0.25)


@pytest.mark.parametrize("tau", [0.0, -1.0, float("nan")])
def test_temperatures_that_are_none(tau):
    with pytest.raises(ua.ParameterValueError, match="tau must be finite and greater than 0"):
        ua.get_activation("gumbel_softmax", tau=tau)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nobody_elses_stream_is_touched(backend):
    """The global generators are where they were."""
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    if backend == "torch":
        import torch

        torch.manual_seed(0)
        state = torch.get_rng_state().clone()
    drawing("gumbel_softmax", backend)(native(backend, VALUES, "float32"), 1)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    if backend == "torch":
        assert torch.equal(torch.get_rng_state(), state)
