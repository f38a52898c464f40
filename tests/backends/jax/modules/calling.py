"""One way to call the layers of all libraries of JAX."""

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import unified_act as ua

LIBRARIES = ("nnx", "linen", "equinox", "haiku")
every_library = pytest.mark.parametrize("library", LIBRARIES)


def layer_of(name, library, **given):
    return ua.get_layer(name, backend="jax", library=library, **given)


def in_haiku(name, **given):
    """The pure functions of a layer of Haiku, which is made where Haiku wants it."""

    def run(*inputs, **keywords):
        return layer_of(name, "haiku", **given)(*inputs, **keywords)

    return hk.transform(run)


def called(name, library, x, *others, weights=None, **given):
    """The result of a layer that learns, and its weights.

    Args:
        name: The activation.
        library: The library.
        x: The input.
        *others: Further inputs.
        weights: What its weights are to be, by name; None for those that it begins with.
        **given: For `get_layer`.
    """
    x = jnp.asarray(x, jnp.float32)
    layer = layer_of(name, library, **given)
    if library in ("nnx", "equinox"):
        layer = layer if weights is None else ua.import_weights(layer, weights)
        return np.asarray(layer(x, *others)), ua.export_weights(layer)
    if library == "linen":
        init, apply = layer.init, layer.apply
    else:
        init, apply = hk.without_apply_rng(in_haiku(name, **given))
    params = init(jax.random.key(0), x, *others)
    params = params if weights is None else ua.import_weights(layer, weights, params)
    return np.asarray(apply(params, x, *others)), ua.export_weights(layer, params)


def drawn(name, library, x, *others, training, seed=0, **given):
    """The result of a layer that draws, in one mode, with random numbers of its library."""
    key = jax.random.key(seed)
    if library == "nnx":
        options = {"rngs": nnx.Rngs(dropout=key)}
        model = nnx.Sequential(layer_of(name, library, options=options, **given))
        (model.train if training else model.eval)()
        return np.asarray(model(x, *others))
    if library == "equinox":
        layer = layer_of(name, library, **given)
        model = eqx.nn.inference_mode(eqx.nn.Sequential([layer]), value=not training)
        return np.asarray(model(x, key=key) if not others else layer(x, *others))
    if library == "linen":
        options = {"deterministic": not training}
        layer = layer_of(name, library, options=options, **given)
        return np.asarray(layer.apply({}, x, *others, rngs={"dropout": key}))
    options = {"is_training": training}
    model = in_haiku(name, options=options, **given)
    return np.asarray(model.apply({}, key, x, *others))
