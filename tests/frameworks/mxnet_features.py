"""MXNet: Gluon's blocks, hybridized or not, symbols, both kinds of arrays, files."""

import contextlib
import copy
import json
import pickle
import tempfile
from pathlib import Path

import numpy as np

from tests.backends.arrays import native
from tests.frameworks.features import (
    CHANNELS,
    X,
    differences,
    feature,
    fresh,
    joint_feature,
    layer,
    others,
    problem_of,
    same,
)
from unified_act_mxnet._framework import mx

HALF, SINGLE, DOUBLE = 4e-3, 4e-6, 1e-13
"""Room for the rounding of float16, float32 and float64."""


def initialized(name, **options):
    subject = layer(name, "mxnet", **options)
    subject.initialize()
    return subject


def check(name, subject, inputs, room=SINGLE):
    """Raises unless a block of the activation has its value and gradient."""
    x, *further = inputs
    x.attach_grad()
    with mx.autograd.record():
        y = subject(x, *further)
    y.backward()
    assert (type(y), y.dtype) == (type(x), x.dtype)
    same(name, y.asnumpy(), x.grad.asnumpy(), room=room)


def arrays(name, dtype="float32"):
    return [native("mxnet", X, dtype), *(a.astype(dtype) for a in others(name, "mxnet"))]


def numpy_arrays(name):
    return [
        array.as_np_ndarray() for array in [native("mxnet", X, "float32"), *others(name, "mxnet")]
    ]


class Network(mx.gluon.HybridBlock):
    """One that has the layer inside; hybridized, MXNet never calls the layer itself with arrays."""

    def __init__(self, name, **options):
        super().__init__()
        with self.name_scope():
            self.layer = layer(name, "mxnet", **options)

    def hybrid_forward(self, F, *inputs):  # noqa: N803 - MXNet's name
        return self.layer(*inputs) * 1.0


def hybridized(name, dtype="float32", **flags):
    network = Network(name)
    network.cast(dtype)
    network.initialize()
    network.hybridize(**flags)
    return network


@contextlib.contextmanager
def numpy_scope():
    """As `mx.npx.set_np()`, but not for good."""
    with mx.util.np_shape(True), mx.util.np_array(True):
        yield


@feature("mxnet", "layer")
def eager(name):
    check(name, initialized(name), arrays(name))


@feature("mxnet", "`mx.np`")
def numpy_kind(name):
    with numpy_scope():
        check(name, initialized(name), numpy_arrays(name))


@feature("mxnet", "`mx.np`, hybridized")
def numpy_kind_hybridized(name):
    with numpy_scope():
        check(name, hybridized(name), numpy_arrays(name))


@feature("mxnet", "`mx.np` arrays beside `mx.nd` weights and masks")
def mixed(name):
    subject, (x, *further) = initialized(name), numpy_arrays(name)
    check(name, subject, [x, *(array.as_nd_ndarray() for array in further)])
    check(name, subject, [x.as_nd_ndarray(), *further])


@feature("mxnet", "in a block, hybridized")
def in_a_block(name):
    check(name, hybridized(name), arrays(name))


@feature("mxnet", "`HybridSequential`")
def sequential(name):
    network = mx.gluon.nn.HybridSequential()
    network.add(layer(name, "mxnet"), mx.gluon.nn.HybridLambda("identity"))
    network.initialize()
    for active in (False, True):
        network.hybridize(active)
        check(name, network, arrays(name))


@feature("mxnet", "`static_alloc`, `static_shape`")
def static(name):
    network = hybridized(name, static_alloc=True, static_shape=True)
    for _ in range(2):
        check(name, network, arrays(name))


@feature("mxnet", "float16")
def half(name):
    subject = initialized(name)
    subject.cast("float16")
    check(name, subject, arrays(name, "float16"), HALF)


@feature("mxnet", "float16, hybridized")
def half_hybridized(name):
    check(name, hybridized(name, "float16"), arrays(name, "float16"), HALF)


@feature("mxnet", "float64, hybridized")
def double_hybridized(name):
    check(name, hybridized(name, "float64"), arrays(name, "float64"), DOUBLE)


@feature("mxnet", "`mx.sym`")
def symbol(name):
    subject, inputs = layer(name, "mxnet"), dict(zip(input_names(name), arrays(name), strict=True))
    graph = subject(*map(mx.sym.var, inputs))
    executor = graph.simple_bind(mx.cpu(), **{key: array.shape for key, array in inputs.items()})
    for key, parameter in subject.collect_params().items():
        parameter.initialize()
        executor.arg_dict[key][:] = parameter.data()
    (y,) = executor.forward(is_train=True, **inputs)
    executor.backward(mx.nd.ones_like(y))
    same(name, y.asnumpy(), executor.grad_dict["data"].asnumpy())


def input_names(name):
    return ["data", *(f"data{place}" for place, _ in enumerate(others(name, "mxnet"), 1))]


@feature("mxnet", "copy and pickle, not hybridized")
def copies(name):
    subject = initialized(name)
    for twin in (copy.deepcopy(subject), pickle.loads(pickle.dumps(subject))):
        check(name, twin, arrays(name))
        assert repr(twin) == repr(subject)


RUN = """
import json, sys
from pathlib import Path
import numpy

def run(make):
    for path in Path(sys.argv[1]).glob("*.npz"):
        x, *further = [mx.nd.array(a, dtype=a.dtype) for a in numpy.load(path).values()]
        x.attach_grad()
        try:
            block = make(str(path.with_suffix("")), len(further))
            with mx.autograd.record():
                y = block(x, *further)
            y.backward()
            found = {"value": y.asnumpy().tolist(), "slope": x.grad.asnumpy().tolist()}
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        path.with_suffix(".found").write_text(json.dumps(found))
"""
"""In a fresh process: value and gradient, or the error, of the block that each file is made to."""

IMPORTED = """
numpy.bool = bool  # as MXNet's users do, without us
import mxnet as mx

def imported(stem, further):
    inputs = [f"data{place}" for place in range(further + 1)] if further else ["data"]
    return mx.gluon.SymbolBlock.imports(stem + "-symbol.json", inputs, stem + "-0000.params")

run(imported)
assert not [name for name in sys.modules if name.startswith("unified_act")]
"""

LOADED = """
from tests.frameworks.mxnet_features import Behind, mx
from tests.specifications import SPECS

def loaded(stem, further):
    name = Path(stem + ".name").read_text()
    block = Behind(name, **({"initial": 3.0} if SPECS[name].weights else {}))
    block.load_parameters(stem + ".params")
    return block

run(loaded)
"""


def in_a_fresh_process(names, save, program):
    """What fails where `save(name, stem)` writes a model, and a fresh process reads and runs it."""
    failures, found = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        stems = {name: Path(folder, str(place)) for place, name in enumerate(names)}
        for name, stem in stems.items():
            stem.with_suffix(".name").write_text(name)
            try:
                save(name, str(stem))
            except Exception as error:  # whatever MXNet raises, the cell has it
                failures[name] = problem_of(error)
            else:
                np.savez(stem, *[array.asnumpy() for array in arrays(name)])
        fresh(RUN + program, folder)
        for name in stems.keys() - failures.keys():
            result = json.loads(stems[name].with_suffix(".found").read_text())
            if "error" in result:
                failures[name] = result["error"]
            else:
                found[name] = (result["value"], result["slope"])
    return failures | differences(found)


@joint_feature("mxnet", "`export`, and `SymbolBlock.imports` in a fresh process without us")
def exported(names):
    def save(name, stem):
        network = hybridized(name)
        network(*arrays(name))
        network.export(stem)

    return in_a_fresh_process(names, save, IMPORTED)


class Behind(Network):
    """The layer behind a dense one, so that every file has something in it."""

    def __init__(self, name, **options):
        super().__init__(name, **options)
        with self.name_scope():
            self.dense = mx.gluon.nn.Dense(CHANNELS, in_units=CHANNELS, flatten=False)

    def hybrid_forward(self, F, x, *others):  # noqa: N803 - MXNet's name
        return super().hybrid_forward(F, self.dense(x), *others)


@joint_feature("mxnet", "`save_parameters`, and `load_parameters` in a fresh process")
def saved(names):
    def save(name, stem):
        network = Behind(name)
        network.initialize()
        network.dense.weight.set_data(mx.nd.eye(CHANNELS))
        network.save_parameters(stem + ".params")

    return in_a_fresh_process(names, save, LOADED)
