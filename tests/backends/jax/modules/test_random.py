"""rrelu and gumbel_softmax: they know the mode, and draw with the keys of their library."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import unified_act as ua
from tests.backends.jax.modules.calling import drawn, every_library, in_haiku, layer_of

X = jnp.linspace(-2.0, 2.0, 24, dtype=jnp.float32).reshape(4, 6)
MEAN = np.where(X > 0, X, (1 / 8 + 1 / 3) / 2 * X)


@every_library
class TestEveryLibrary:
    def test_evaluation_has_the_mean_slope(self, library):
        np.testing.assert_allclose(drawn("rrelu", library, X, training=False), MEAN, rtol=1e-6)

    def test_training_draws(self, library):
        values = [drawn("rrelu", library, X, training=True, seed=seed) for seed in (0, 1, 0)]
        np.testing.assert_array_equal(values[0], values[2])
        assert (values[0] != values[1]).any()
        slopes = (values[0] / X)[X < 0]
        assert ((slopes > 0.124) & (slopes < 0.334)).all()
        assert slopes.std() > 0.02

    def test_samples_are_drawn_in_both_modes(self, library):
        for training in (True, False):
            one, two = (
                drawn("gumbel_softmax", library, X, training=training, seed=seed) for seed in (0, 1)
            )
            assert (one != two).any()
            np.testing.assert_allclose(one.sum(-1), 1.0, rtol=1e-6)

    @pytest.mark.parametrize("training", [True, False])
    def test_a_mode_that_is_given_stays(self, library, training):
        for mode in (True, False):
            found = drawn("rrelu", library, X, training=mode, lower=0.2)
            given = drawn(f"rrelu(training={training}, lower=0.2)", library, X, training=mode)
            slopes = given[X < 0] / np.asarray(X)[X < 0]
            assert (slopes.std() > 0.02) == training
            assert (found == given).all() == (mode == training)

    def test_an_explicit_seed(self, library):
        function = ua.get_activation("gumbel_softmax", backend="jax")
        key = jax.random.key(7)
        for source in (5, key, jnp.full(X.shape, 0.25)):
            found = drawn("gumbel_softmax", library, X, source, training=False)
            np.testing.assert_array_equal(found, function(X, source))

    def test_the_gradient_has_the_slopes_of_the_value(self, library):
        def total(x):
            return drawn_in_jax("rrelu", library, x).sum()

        value, slope = jax.jit(jax.value_and_grad(total))(X)
        np.testing.assert_allclose((slope * X).sum(), value, rtol=1e-5)


def drawn_in_jax(name, library, x):
    """As a part of what JAX traces, with a key."""
    key = jax.random.key(3)
    if library == "linen":
        layer = layer_of(name, library)
        return layer.apply({}, x, deterministic=False, rngs={"dropout": key})
    if library == "haiku":
        return in_haiku(name).apply({}, key, x, is_training=True)
    source = {"rngs": key} if library == "nnx" else {"key": key}
    return layer_of(name, library)(x, **source)


class TestNnx:
    def test_calls_take_what_they_do_in_dropout(self):
        from flax import nnx

        layer = layer_of("rrelu", "nnx", options={"rngs": nnx.Rngs(0)})
        np.testing.assert_allclose(layer(X, deterministic=True), MEAN, rtol=1e-6)
        assert (layer(X) != layer(X)).any()
        key = jax.random.key(1)
        np.testing.assert_array_equal(layer(X, rngs=key), layer(X, generator=key))
        assert (layer(X, rngs=nnx.Rngs(1)) == layer(X, rngs=nnx.Rngs(1))).all()

    def test_its_stream_is_its_own_and_jit_moves_it_on(self):
        from flax import nnx

        rngs = nnx.Rngs(0)
        one, two = (layer_of("rrelu", "nnx", options={"rngs": rngs}) for _ in range(2))
        assert (one(X) != two(X)).any()
        run = nnx.jit(lambda layer, x: layer(x))
        assert (run(one, X) != run(one, X)).any()

    def test_a_stream_by_its_name(self):
        from flax import nnx

        noisy = nnx.Rngs(params=0, noise=1)
        layer = layer_of("rrelu", "nnx", options={"rngs": noisy, "rng_collection": "noise"})
        assert (layer(X) != MEAN).any()

    def test_no_stream(self):
        layer = layer_of("rrelu", "nnx")
        with pytest.raises(
            ua.ParameterValueError, match=r"rrelu needs random numbers: .*nnx\.Rngs"
        ):
            layer(X)
        layer.eval()
        np.testing.assert_allclose(layer(X), MEAN, rtol=1e-6)


class TestLinen:
    def test_the_mode_as_in_dropout(self):
        layer = layer_of("rrelu", "linen")
        np.testing.assert_allclose(layer.apply({}, X, deterministic=True), MEAN, rtol=1e-6)
        with pytest.raises(ValueError, match="deterministic"):
            layer.apply({}, X)

    def test_the_name_of_its_keys(self):
        options = {"rng_collection": "noise", "deterministic": False}
        layer = layer_of("rrelu", "linen", options=options)
        assert (layer.apply({}, X, rngs={"noise": jax.random.key(0)}) != MEAN).any()


class TestEquinox:
    def test_no_key(self):
        layer = layer_of("rrelu", "equinox")
        with pytest.raises(ua.ParameterValueError, match="rrelu needs random numbers: pass key="):
            layer(X)
        np.testing.assert_allclose(layer(X, inference=True), MEAN, rtol=1e-6)
        evaluated = layer_of("rrelu", "equinox", options={"inference": True})
        np.testing.assert_allclose(evaluated(X), MEAN, rtol=1e-6)


class TestHaiku:
    def test_it_has_to_know_the_mode(self):
        with pytest.raises(ua.ParameterValueError, match="pass is_training="):
            in_haiku("rrelu").init(jax.random.key(0), X)
