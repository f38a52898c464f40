"""Weights of the modules of JAX's libraries: their shapes and types, and the way in and out."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import unified_act as ua
from tests.backends.jax.modules.calling import called, every_library, in_haiku, layer_of
from tests.specifications import SPECS

LEARNED = [name for name, spec in SPECS.items() if spec.weights]
X = np.linspace(-2.0, 3.0, 24).reshape(4, 6)
IMAGES = np.linspace(-2.0, 3.0, 2 * 3 * 4 * 5).reshape(2, 3, 4, 5)


def values_of(name, shape):
    """Other numbers for each weight, in the order of the activation."""
    numbers = np.linspace(0.25, 0.75, int(np.prod(shape))).reshape(shape)
    return {weight: numbers + 0.5 * place for place, weight in enumerate(SPECS[name].weights)}


def by_numpy(name, x, weights, axis=1):
    function = ua.get_activation(name, backend="numpy", axis=axis)
    return function(*(np.asarray(array, np.float32) for array in (x, *weights.values())))


def gradients(name, library, weights, **given):
    """Those of the output's sum by the weights, in the way of the library."""
    import equinox as eqx
    from flax import nnx

    x = jnp.asarray(X, jnp.float32)
    layer = layer_of(name, library, **given)
    held = ua.import_weights(layer, weights)
    if library == "nnx":
        slopes = nnx.grad(lambda layer: layer(x).sum())(held)
        return {weight: slopes[weight][...] for weight in weights}
    if library == "equinox":
        return eqx.filter_grad(lambda layer: layer(x).sum())(held).learned
    if library == "linen":
        return jax.grad(lambda params: layer.apply(params, x).sum())(held)["params"]
    model = in_haiku(name, **given)
    return jax.grad(lambda params: model.apply(params, None, x).sum())(held)[name]


def in_numpy(name, library, *inputs):
    if library in ("nnx", "equinox"):
        return layer_of(name, library)(*inputs)
    if library == "linen":
        return layer_of(name, library).init_with_output(jax.random.key(0), *inputs)[0]
    model = in_haiku(name)
    return model.apply(model.init(None, *inputs), None, *inputs)


@every_library
class TestEveryLibrary:
    @pytest.mark.quick(lambda name: name in ("prelu", "xielu", "srelu"))
    @pytest.mark.parametrize("name", LEARNED)
    def test_in_and_out(self, library, name):
        weights = values_of(name, (6,))
        value, found = called(name, library, X, weights=weights, channels=6)
        assert list(found) == list(SPECS[name].weights)
        for weight, wanted in weights.items():
            np.testing.assert_array_equal(found[weight], wanted.astype(np.float32))
        np.testing.assert_allclose(value, by_numpy(name, X, weights), rtol=1e-5, atol=1e-6)

    @pytest.mark.quick(lambda name: name in ("prelu", "xielu"))
    @pytest.mark.parametrize("name", LEARNED)
    def test_what_they_begin_with(self, library, name):
        value, found = called(name, library, X, initial=0.625)
        assert found == {weight: [0.625] for weight in SPECS[name].weights}
        np.testing.assert_allclose(value, by_numpy(name, X, found), rtol=1e-5, atol=1e-6)
        _, found = called(name, library, X)
        np.testing.assert_allclose(
            np.ravel(list(found.values())), list(SPECS[name].initial.values()), rtol=1e-6
        )

    @pytest.mark.quick(lambda name: name in ("xielu", "srelu"))
    @pytest.mark.parametrize("name", LEARNED)
    def test_their_gradients(self, library, name):
        weights = values_of(name, (6,))
        found = gradients(name, library, weights, channels=6)
        function = ua.get_activation(name, backend="numpy")
        _, (_, *wanted) = ua.value_and_grad(function, X, *weights.values())
        assert sorted(found) == sorted(weights)
        for weight, slope in zip(weights, wanted, strict=True):
            np.testing.assert_allclose(found[weight], slope, rtol=1e-5, atol=1e-5)

    def test_a_shape_that_is_given(self, library):
        weights = values_of("prelu", (3, 1, 1))
        value, found = called("prelu", library, IMAGES, weights=weights, weight_shape=(3, 1, 1))
        assert found["weight"].shape == (3, 1, 1)
        np.testing.assert_allclose(value, by_numpy("prelu", IMAGES, weights), rtol=1e-6)

    def test_names_and_shapes_of_others(self, library):
        slopes = np.arange(3.0)
        for name in ("alpha", "slope", "negative_slope"):
            weights = {name: slopes.reshape(1, 3, 1, 1)}
            _, found = called("prelu", library, IMAGES, weights=weights, channels=3)
            np.testing.assert_array_equal(found["weight"], slopes)

    @pytest.mark.parametrize(
        ("weights", "error", "hint"),
        [
            ({"alpha": np.ones(2)}, ua.UnknownParameterError, r"\['bias', 'scale'\], got"),
            ({"scale": np.ones(3), "bias": np.ones(2)}, ua.ParameterValueError, r"got \(3,\)"),
        ],
    )
    def test_weights_of_another_layer(self, library, weights, error, hint):
        with pytest.raises(error, match=hint) as caught:
            ua.import_weights(layer_of("star_relu", library, channels=2), weights)
        assert "star_relu" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_type_of_16_bits(self, library):
        key = "param_dtype" if library in ("nnx", "linen") else "dtype"
        options = {key: jnp.bfloat16}
        weights = {"weight": [0.25, 0.75, 1.5]}
        x = -np.ones((2, 3))
        value, found = called("prelu", library, x, weights=weights, channels=3, options=options)
        assert found["weight"].dtype == np.float32
        np.testing.assert_array_equal(found["weight"], weights["weight"])
        np.testing.assert_array_equal(value, x * weights["weight"])

    def test_an_array_of_numpy(self, library):
        value = in_numpy("prelu", library, X)
        assert isinstance(value, jax.Array)
        np.testing.assert_allclose(value, np.where(X > 0, X, 0.25 * X), rtol=1e-6)
        mask = X > 0
        value = in_numpy("masked_softmax", library, X, mask)
        assert (np.asarray(value)[~mask] == 0).all()

    def test_what_learns_nothing(self, library):
        _, found = called("relu", library, X)
        assert found == {}
        assert ua.export_weights(layer_of("relu", library)) == {}

    def test_an_initializer(self, library):
        if library == "equinox":
            return
        options = {"initializer": jax.nn.initializers.ones}
        if library == "haiku":
            options = {"initializer": jnp.ones}
        if library == "nnx":
            from flax import nnx

            options["rngs"] = nnx.Rngs(0)
        _, found = called("prelu", library, X, channels=6, options=options)
        np.testing.assert_array_equal(found["weight"], np.ones(6))


@pytest.mark.parametrize("library", ["linen", "haiku"])
class TestOutside:
    """Linen and Haiku keep parameters outside of the module."""

    @pytest.mark.parametrize(
        ("given", "shape", "wanted"),
        [
            ({"channels": None}, (4, 6), (6,)),
            ({"channels": None, "axis": -1}, (2, 3, 4, 5), (5,)),
            ({"shared_axes": (2, 3)}, (2, 3, 4, 5), (3, 1, 1)),
            ({"shared_axes": ()}, (2, 3, 4, 5), (3, 4, 5)),
        ],
        ids=str,
    )
    def test_the_first_input_decides(self, library, given, shape, wanted):
        x = np.resize(IMAGES, shape)
        value, found = called("prelu", library, x, initial=0.5, **given)
        assert found["weight"].shape == wanted
        np.testing.assert_array_equal(value, np.where(x > 0, x, 0.5 * x).astype(np.float32))

    def test_weights_for_a_layer_that_waits(self, library):
        layer = layer_of("prelu", library, channels=None)
        params = ua.import_weights(layer, {"weight": np.arange(3.0)})
        np.testing.assert_array_equal(ua.export_weights(layer, params)["weight"], np.arange(3.0))

    def test_without_parameters(self, library):
        with pytest.raises(ua.ParameterValueError, match=r"does not hold its parameters: pass"):
            ua.export_weights(layer_of("prelu", library))

    def test_parameters_of_another_layer(self, library):
        layer = layer_of("prelu", library)
        for params in ({"dense": {"kernel": np.ones(2)}}, {"bias": np.ones(1)}, [1.0], {}):
            with pytest.raises(ua.ParameterValueError, match="params are those of this layer"):
                ua.export_weights(layer, params)
            with pytest.raises(ua.ParameterValueError, match="params are those of this layer"):
                ua.import_weights(layer, {"weight": [1.0]}, params)

    def test_the_form_of_the_parameters_is_kept(self, library):
        """Nothing that is given changes."""
        layer = layer_of("prelu", library, channels=2)
        own = {"weight": jnp.zeros(2)}
        whole = {"params": own, "stats": {}} if library == "linen" else {"prelu": own, "linear": {}}
        new = {"weight": np.array([0.5, 1.5])}
        changed = ua.import_weights(layer, new, whole)
        assert changed.keys() == whole.keys()
        part = ua.import_weights(layer, new, own)
        assert part.keys() == own.keys()
        for params in (changed, part):
            np.testing.assert_array_equal(ua.export_weights(layer, params)["weight"], new["weight"])
        np.testing.assert_array_equal(own["weight"], np.zeros(2))

    def test_the_shape_is_that_of_the_parameters(self, library):
        layer = layer_of("prelu", library, channels=None)
        own = {"weight": jnp.zeros(2)}
        with pytest.raises(ua.ParameterValueError, match=r"shape \(2,\), got \(3,\)"):
            ua.import_weights(layer, {"weight": np.ones(3)}, own)


@pytest.mark.parametrize("library", ["nnx", "equinox"])
def test_a_layer_that_holds_its_weights(library):
    layer = layer_of("prelu", library)
    for call in (ua.export_weights, lambda *given: ua.import_weights(given[0], {}, given[1])):
        with pytest.raises(ua.ParameterValueError, match="holds its weights itself: leave out par"):
            call(layer, {"weight": jnp.zeros(1)})
    with pytest.raises(ua.ParameterValueError, match="holds its weights itself: leave out params"):
        ua.export_weights(ua.get_layer("prelu", backend="numpy"), {})


def test_equinox_returns_a_new_layer():
    layer = layer_of("prelu", "equinox")
    changed = ua.import_weights(layer, {"weight": [0.5]})
    assert (layer.weight, changed.weight) == (0.25, 0.5)
    with pytest.raises(AttributeError, match=re.escape("has no attribute 'wait'")):
        layer.wait  # noqa: B018


class TestLinen:
    def test_a_bound_module(self):
        from flax import linen as nn

        model = nn.Sequential([nn.Dense(6), layer_of("prelu", "linen", channels=6)])
        variables = model.init(jax.random.key(0), X)
        own = variables["params"]["layers_1"]
        changed = ua.import_weights(model.layers[1], {"weight": np.arange(6.0)}, own)
        variables["params"]["layers_1"] = changed
        bound = model.bind(variables).layers[1]
        np.testing.assert_array_equal(ua.export_weights(bound)["weight"], np.arange(6.0))

    def test_frozen_and_boxed(self):
        import flax
        from flax import linen as nn

        make = nn.with_partitioning(nn.initializers.constant(0.25), ("model",))
        layer = layer_of("prelu", "linen", channels=6, options={"initializer": make})
        variables = flax.core.freeze(layer.init(jax.random.key(0), X))
        changed = ua.import_weights(layer, {"weight": np.arange(6.0)}, variables)
        assert type(changed) is type(variables)
        spec = nn.get_partition_spec(changed)["params"]["weight"]
        assert spec == jax.sharding.PartitionSpec("model")
        np.testing.assert_array_equal(ua.export_weights(layer, changed)["weight"], np.arange(6.0))


def test_nnx_keeps_the_metadata():
    from flax import nnx

    make = nnx.with_partitioning(nnx.initializers.constant(0.25), ("model",))
    options = {"initializer": make, "rngs": nnx.Rngs(0)}
    layer = layer_of("prelu", "nnx", channels=6, options=options)
    ua.import_weights(layer, {"weight": np.arange(6.0)})
    spec = nnx.get_partition_spec(nnx.state(layer))["weight"]
    assert getattr(spec, "value", spec) == jax.sharding.PartitionSpec("model")
    with pytest.raises(ua.ParameterValueError, match=r"^initializer needs random numbers"):
        layer_of("prelu", "nnx", options={"initializer": make})


def test_haiku_outside_of_a_transformed_function():
    import haiku as hk

    layer = layer_of("prelu", "haiku", options={"name": "slopes"})
    params = ua.import_weights(layer, {"weight": [0.5]})
    assert jax.tree.map(np.asarray, params) == {"slopes": {"weight": 0.5}}
    with pytest.raises(ua.ParameterValueError, match="slopes was made outside of the function"):
        hk.transform(layer).init(None, jnp.ones((2, 3)))


class TestTheirPrelu:
    """`import_weights` carries the slope of the libraries' own PReLU too."""

    def test_equinox(self):
        import equinox as eqx

        for first in (0.5, jnp.arange(3.0)):
            layer = eqx.nn.PReLU(first)
            weights = ua.export_weights(layer)
            np.testing.assert_array_equal(weights["weight"], np.atleast_1d(first))
            changed = ua.import_weights(layer, {"weight": weights["weight"] + 1.0})
            np.testing.assert_array_equal(changed.negative_slope, np.add(first, 1.0))

    def test_linen(self):
        from flax import linen as nn

        layer = nn.PReLU()
        variables = layer.init(jax.random.key(0), jnp.ones(3))
        np.testing.assert_allclose(ua.export_weights(layer, variables)["weight"], [0.01])
        for params in (None, variables):
            changed = ua.import_weights(layer, {"alpha": [0.5]}, params)
            assert changed["params"]["negative_slope"].shape == ()
            np.testing.assert_array_equal(layer.apply(changed, -jnp.ones(2)), [-0.5, -0.5])
        with pytest.raises(ua.ParameterValueError, match=r"weight of PReLU has the shape \(1,\)"):
            ua.import_weights(layer, {"alpha": [0.5, 0.25]})

    def test_before_anything_was_asked_of_jax(self, run_python):
        program = (
            "import equinox, unified_act as ua\n"
            "print(ua.export_weights(equinox.nn.PReLU(0.5))['weight'])"
        )
        assert run_python(program).strip() == "[0.5]"
