"""JAX: the modules of Flax (NNX and Linen), Equinox and Haiku."""

import functools
import tempfile
from pathlib import Path

import equinox as eqx
import haiku as hk
import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from flax import linen as nn
from flax import nnx

from tests.backends.arrays import native
from tests.frameworks.features import (
    X,
    bisected,
    joint_feature,
    layer,
    others,
)
from unified_act_conformance.floats import FORMATS


def row(name, library):
    return layer(name, "jax", library=library)


def masks(names):
    """What each layer takes after its input."""
    return [others(name, "jax") for name in names]


def inputs(names, dtype="float32"):
    """An input for each layer, so that each has a gradient of its own."""
    return jnp.stack([native("jax", X, dtype)] * len(names))


def each(layers, xs, further):
    """What many layers make of an input each."""
    return [one(x, *more) for one, x, more in zip(layers, xs, further, strict=True)]


class OfNnx(nnx.Module):
    """Many layers."""

    def __init__(self, names):
        for place, name in enumerate(names):
            setattr(self, f"layer_{place}", row(name, "nnx"))
        self.count = len(names)

    def __call__(self, xs, further):
        return each([getattr(self, f"layer_{place}") for place in range(self.count)], xs, further)


class OfLinen(nn.Module):
    """Many layers."""

    names: tuple[str, ...]

    @nn.compact
    def __call__(self, xs, further):
        return each([row(name, "linen") for name in self.names], xs, further)


class OfEquinox(eqx.Module):
    """Many layers."""

    layers: list

    def __init__(self, names):
        self.layers = [row(name, "equinox") for name in names]

    def __call__(self, xs, further):
        return each(self.layers, xs, further)


class OfHaiku(hk.Module):
    """Many layers."""

    def __init__(self, names):
        super().__init__()
        self.names = names

    def __call__(self, xs, further):
        return each([row(name, "haiku") for name in self.names], xs, further)


@functools.cache
def haiku(names):
    """The pure functions of many layers."""
    model = hk.transform(lambda *given: OfHaiku(names)(*given))
    return hk.without_apply_rng(model)


class Nnx:
    """Models of NNX, which hold their weights."""

    def make(self, names, xs, further):
        return OfNnx(names)

    @staticmethod
    def run(model, xs, further):
        return model(xs, further)

    jit, vmap = staticmethod(nnx.jit), staticmethod(nnx.vmap)

    def grad(self, function):
        return nnx.grad(function, argnums=1, has_aux=True)

    def with_other_weights(self, model):
        graph, state = nnx.split(model)
        return nnx.merge(graph, jax.tree.map(lambda leaf: leaf * 0 + 9, state))

    def restored(self, model, folder):
        blank = self.with_other_weights(model)
        nnx.update(blank, through_orbax(nnx.state(model), nnx.state(blank), folder))
        return blank


class Equinox:
    """Models of Equinox, which hold their weights."""

    def make(self, names, xs, further):
        return OfEquinox(names)

    @staticmethod
    def run(model, xs, further):
        return model(xs, further)

    jit = staticmethod(eqx.filter_jit)

    def vmap(self, function, in_axes):
        return eqx.filter_vmap(function, in_axes=in_axes)

    def grad(self, function):
        def by_input(model, xs, further):
            return eqx.filter_grad(lambda xs: function(model, xs, further), has_aux=True)(xs)

        return by_input

    def restored(self, model, folder):
        blank = jax.tree.map(lambda leaf: leaf * 0 + 9, model)
        eqx.tree_serialise_leaves(folder / "model.eqx", model)
        return eqx.tree_deserialise_leaves(folder / "model.eqx", blank)


class Outside:
    """Models whose weights are outside of them."""

    jit, vmap = staticmethod(jax.jit), staticmethod(jax.vmap)

    def grad(self, function):
        return jax.grad(function, argnums=1, has_aux=True)

    def restored(self, model, folder):
        module, params = model
        blank = jax.tree.map(lambda leaf: leaf * 0 + 9, params)
        return type(model)(module, through_orbax(params, blank, folder))


@jax.tree_util.register_pytree_node_class
class WithParams(tuple):
    """A module with its parameters, as one argument of what is compiled."""

    __slots__ = ()

    def __new__(cls, module, params):
        return tuple.__new__(cls, (module, params))

    def tree_flatten(self):
        return (self[1],), self[0]

    @classmethod
    def tree_unflatten(cls, module, params):
        return cls(module, *params)


class Linen(Outside):
    def make(self, names, xs, further):
        module = OfLinen(names)
        return WithParams(module, module.init(jax.random.key(0), xs, further))

    @staticmethod
    def run(model, xs, further):
        module, params = model
        return module.apply(params, xs, further)


class Haiku(Outside):
    def make(self, names, xs, further):
        return WithParams(names, haiku(names).init(None, xs, further))

    @staticmethod
    def run(model, xs, further):
        names, params = model
        return haiku(names).apply(params, xs, further)


def through_orbax(tree, blank, folder):
    """A tree that was saved and restored into the form of another."""
    with ocp.StandardCheckpointer() as saver:
        saver.save(folder / "tree", tree)
    with ocp.StandardCheckpointer() as saver:
        return saver.restore(folder / "tree", blank)


LIBRARIES = {"nnx": Nnx(), "linen": Linen(), "equinox": Equinox(), "haiku": Haiku()}


def total(run, model, xs, further):
    values = run(model, xs, further)
    return sum(value.sum() for value in values), values


def register(name, library):
    """Makes the columns of a library."""
    compiled = library.jit(library.run)
    loss = functools.partial(total, library.run)

    @functools.cache
    def gradient():
        return library.jit(library.grad(loss))

    def joint(run):
        def many(names):
            names = tuple(names)
            return dict(zip(names, run(names, inputs(names), masks(names)), strict=True))

        return lambda names: bisected(names, many)

    @joint_feature(name, "module")
    @joint
    def eager(names, xs, further):
        return library.run(library.make(names, xs, further), xs, further)

    @joint_feature(name, "jit")
    @joint
    def jitted(names, xs, further):
        return compiled(library.make(names, xs, further), xs, further)

    @joint_feature(name, "jit of the gradient")
    @joint
    def differentiated(names, xs, further):
        slopes, values = gradient()(library.make(names, xs, further), xs, further)
        return zip(values, slopes, strict=True)

    @joint_feature(name, "vmap")
    @joint
    def mapped(names, xs, further):
        model = library.make(names, xs, further)
        along = [[0] * len(more) for more in further]
        return library.jit(library.vmap(library.run, in_axes=(None, 1, along)))(model, xs, further)

    @joint_feature(name, "checkpoint")
    @joint
    def saved(names, xs, further):
        with tempfile.TemporaryDirectory() as folder:
            model = library.restored(library.make(names, xs, further), Path(folder))
        return compiled(model, xs, further)


    @joint_feature(name, "bfloat16, weights in float32")
    def mixed(names):
        def many(names):
            names = tuple(names)
            xs, further = inputs(names, "bfloat16"), masks(names)
            values = compiled(library.make(names, xs, further), xs, further)
            assert {value.dtype for value in values} == {xs.dtype}
            return dict(zip(names, values, strict=True))

        return bisected(names, many, room=8 * FORMATS["bfloat16"].epsilon)


for _name, _library in LIBRARIES.items():
    register(_name, _library)
