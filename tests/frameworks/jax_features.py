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

    def run(*given):
        return OfHaiku(names)(*given)

    return hk.without_apply_rng(hk.transform(run))


class Nnx:
    """Models of NNX, which hold their weights."""

    saved = "saved with orbax"

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

    saved = "`tree_serialise_leaves`"

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

    saved = "saved with orbax"

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


class Columns:
    """What is tried of a library; each method returns what many layers make of an input each."""

    def __init__(self, library):
        self.library = library
        self.compiled = library.jit(library.run)
        self.gradient = library.jit(library.grad(self._total))

    def _total(self, model, xs, further):
        values = self.library.run(model, xs, further)
        return sum(value.sum() for value in values), values

    def module(self, names, xs, further):
        return self.library.run(self.library.make(names, xs, further), xs, further)

    def jit(self, names, xs, further):
        return self.compiled(self.library.make(names, xs, further), xs, further)

    def jit_of_the_gradient(self, names, xs, further):
        slopes, values = self.gradient(self.library.make(names, xs, further), xs, further)
        return zip(values, slopes, strict=True)

    def vmap(self, names, xs, further):
        model = self.library.make(names, xs, further)
        axes = (None, 1, [[0] * len(more) for more in further])
        by_rows = self.library.jit(self.library.vmap(self.library.run, in_axes=axes))
        return by_rows(model, xs, further)

    def saved(self, names, xs, further):
        with tempfile.TemporaryDirectory() as folder:
            model = self.library.restored(self.library.make(names, xs, further), Path(folder))
        return self.compiled(model, xs, further)

    def bfloat16(self, names, xs, further):
        xs = xs.astype(jnp.bfloat16)
        values = self.jit(names, xs, further)
        assert {value.dtype for value in values} == {xs.dtype}
        return values


def joint(run, room):
    """What exercises a column with many activations at once."""

    def many(names):
        names = tuple(names)
        xs = jnp.stack([native("jax", X, "float32")] * len(names))  # each has its own gradient
        further = [others(name, "jax") for name in names]
        return dict(zip(names, run(names, xs, further), strict=True))

    def exercise(names):
        return bisected(names, many, room=room)

    return exercise


def register(name, library):
    columns, narrow = Columns(library), 8 * FORMATS["bfloat16"].epsilon
    for title, run, room in (
        ("module", columns.module, 4e-6),
        ("jit", columns.jit, 4e-6),
        ("jit of the gradient", columns.jit_of_the_gradient, 4e-6),
        ("vmap", columns.vmap, 4e-6),
        (library.saved, columns.saved, 4e-6),
        ("bfloat16, weights in float32", columns.bfloat16, narrow),
    ):
        joint_feature(name, title)(joint(run, room))


for _name, _library in LIBRARIES.items():
    register(_name, _library)
