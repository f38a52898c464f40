"""MXNet: graphs, both kinds of arrays, its known defects, and that NumPy stays as it was.

Needs neither the conformance suite nor another framework: MXNet's users have environments of their
own, also with NumPy 2.
"""

import math

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import KINDS, SPECS, differentiated, further_inputs, further_names
from unified_act_mxnet._framework import mx

VALUES = np.array([[-3.2, -0.7, 0.4, 2.1], [1.3, 0.0, 2.9, -0.4], [5.5, 0.1, -0.2, 0.8]])
COUNT = 16
"""Enough elements for the vectorised part of a kernel, which is sometimes another function."""

every_name = pytest.mark.parametrize("name", SPECS)
every_numerics = pytest.mark.parametrize("numerics", ["fast", "strict"])
every_backend = pytest.mark.parametrize("backend", ["mxnet", None])


def inputs_for(name, dtype="float32", module=mx.nd):
    return [
        module.array(array, dtype="bool" if array.dtype == bool else dtype)
        for array in (VALUES, *further_inputs(name, VALUES.shape, channels=VALUES.shape[-1]))
    ]


def with_gradients(function, inputs, count=1):
    """The value, and the gradients by so many of the inputs."""
    for array in inputs[:count]:
        array.attach_grad()
    with mx.autograd.record():
        value = function(*inputs)
        loss = value * value
    loss.backward()
    return [array.asnumpy() for array in (value, *(array.grad for array in inputs[:count]))]


def same(one, other, tolerance=4e-6):
    for got, expected in zip(one, other, strict=True):
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def reference(name, order=0, values=VALUES):
    """NumPy's strict result in float64."""
    function = ua.get_activation(name, backend="numpy", numerics="strict")
    arrays = (values, *further_inputs(name, values.shape, channels=VALUES.shape[-1]))
    return function(*arrays) if order == 0 else ua.value_and_grad(function, *arrays)[1]


def repeated(value, dtype="float32"):
    return mx.nd.array([value] * COUNT, dtype=dtype)


class TestGraphs:
    @pytest.mark.quick(
        lambda name, backend, flags: name in KINDS or (backend == "mxnet" and not flags)
    )
    @every_name
    @every_numerics
    @every_backend
    @pytest.mark.parametrize("flags", [{}, {"static_alloc": True, "static_shape": True}], ids=str)
    def test_hybridize(self, name, numerics, backend, flags):
        class Block(mx.gluon.HybridBlock):
            def __init__(self):
                super().__init__()
                self.activation = ua.get_activation(name, backend=backend, numerics=numerics)

            def hybrid_forward(self, F, *inputs):  # noqa: N803 - MXNet's name
                return self.activation(*inputs)

        block, inputs, count = Block(), inputs_for(name), differentiated(name)
        eager = with_gradients(block, inputs, count)
        block.hybridize(**flags)
        for _ in range(2):
            same(with_gradients(block, inputs, count), eager)
        same(eager[:1], [reference(name).astype(np.float32)])

    @pytest.mark.quick(lambda name, dtype: name in KINDS or dtype == "float32")
    @every_name
    @every_numerics
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_bind(self, name, numerics, dtype):
        """The dtype becomes known when the graph is bound, and decides about the result's."""
        function = ua.get_activation(name, backend="mxnet", numerics=numerics)
        inputs, names = inputs_for(name, dtype), ("x", *further_names(name))
        moving = names[: differentiated(name)]
        arrays = dict(zip(names, inputs, strict=True))
        gradients = {argument: mx.nd.zeros_like(arrays[argument]) for argument in moving}
        executor = function(*map(mx.sym.var, names)).bind(mx.cpu(), arrays, gradients)
        (value,) = executor.forward(is_train=True)
        if name in ("entmax15", "masked_sparsemax", "sparsemax") and dtype == "float16":
            # Known too late to sort it in another type, which MXNet could.
            with pytest.raises(mx.MXNetError, match="does not support float16"):
                value.asnumpy()
            return
        executor.backward(2 * value)
        assert value.dtype == np.dtype(dtype)
        got = [array.asnumpy() for array in (value, *gradients.values())]
        # The angle of the wave is rounded to the type, and as large as 25.
        room = 32 if name == "snake_beta" else 8
        same(got, with_gradients(function, inputs, len(moving)), room * float(np.finfo(dtype).eps))

    @every_numerics
    def test_infers_shapes(self, numerics):
        data = mx.sym.var("data")
        hidden = mx.sym.FullyConnected(data, num_hidden=4, name="dense")
        result = ua.get_activation("mish", backend="mxnet", numerics=numerics)(hidden)
        arguments, outputs, _ = result.infer_shape(data=(5, 3))
        assert outputs == [(5, 4)]
        assert dict(zip(result.list_arguments(), arguments, strict=True))["dense_weight"] == (4, 3)

    def test_survives_as_json(self):
        symbol = ua.get_activation("mish", backend="mxnet")(mx.sym.var("x"))
        again = mx.sym.load_json(symbol.tojson())
        (value,) = again.bind(mx.cpu(), inputs_for("mish")).forward()
        same([value.asnumpy()], [reference("mish").astype(np.float32)])

    @every_backend
    def test_symbols_of_the_numpy_kind(self, backend):
        symbol = ua.get_activation("mish", backend=backend)(mx.sym.var("x").as_np_ndarray())
        assert isinstance(symbol, type(mx.sym.var("x").as_np_ndarray()))

    def test_a_symbol_has_no_gradient(self):
        function = ua.get_activation("mish", backend="mxnet")
        with pytest.raises(
            ua.UnsupportedError, match="needs arrays, and a Symbol has no value: bind it"
        ):
            ua.value_and_grad(function, mx.sym.var("x"))

    def test_symbols_and_arrays_do_not_mix(self):
        prelu = ua.get_activation("prelu", backend="mxnet")
        with pytest.raises(
            ua.InputTypeError, match="x is a Symbol, so pass a Symbol for every other input too"
        ):
            prelu(mx.sym.var("x"), inputs_for("prelu")[1])

    def test_a_network_learns(self):
        mx.random.seed(0)
        network = mx.gluon.nn.HybridSequential()
        network.add(mx.gluon.nn.Dense(8), mx.gluon.nn.HybridLambda(self._mish))
        network.add(mx.gluon.nn.Dense(1))
        network.initialize(mx.init.Xavier())
        network.hybridize()
        trainer = mx.gluon.Trainer(network.collect_params(), "adam", {"learning_rate": 0.05})
        x = mx.nd.array(VALUES)
        target = x.sum(axis=1, keepdims=True)
        losses = []
        for _ in range(40):
            with mx.autograd.record():
                loss = ((network(x) - target) ** 2).mean()
            loss.backward()
            trainer.step(1)
            losses.append(loss.asscalar())
        assert losses[-1] < losses[0] / 10

    @staticmethod
    def _mish(F, x):  # noqa: N803 - MXNet's name
        return ua.get_activation("mish", backend="mxnet")(x)


class TestArraysOfTheNumpyKind:
    @every_name
    @every_numerics
    @every_backend
    def test_mx_np_arrays_give_mx_np_arrays(self, name, numerics, backend):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        inputs = inputs_for(name, module=mx.np)
        for _ in range(2):
            assert type(function(*inputs)) is mx.np.ndarray
        count = differentiated(name)
        same(
            with_gradients(function, inputs, count),
            with_gradients(function, inputs_for(name), count),
        )

    def test_value_and_grad(self):
        function = ua.get_activation("mish", backend="mxnet")
        (x,) = inputs_for("mish", module=mx.np)
        value, slope = ua.value_and_grad(function, x, cotangent=mx.np.ones_like(x))
        assert type(value) is type(slope) is mx.np.ndarray
        same([slope.asnumpy()], [reference("mish", 1).astype(np.float32)])

    @pytest.mark.parametrize("dtype", ["float16", "float64"])
    def test_dtype(self, dtype):
        (x,) = inputs_for("mish", dtype, mx.np)
        assert ua.get_activation("mish", backend="mxnet")(x).dtype == np.dtype(dtype)

    def test_whole_numbers(self):
        with pytest.raises(ua.InputTypeError, match="expected a floating-point array, got int32"):
            ua.get_activation("mish", backend="mxnet")(mx.np.array([1], dtype="int32"))

    def test_without_dimensions(self):
        with mx.util.np_shape(True):
            for dtype in ("float16", "float32", "float64"):
                x = mx.np.array(-0.75, dtype=dtype)
                result = ua.get_activation("mish", backend="mxnet")(x)
                assert result.shape == ()
                assert float(result) == pytest.approx(
                    float(reference("mish", 0, np.array(-0.75))), rel=2 * float(np.finfo(dtype).eps)
                )


class TestGradientOfValueAndGrad:
    def test_leaves_the_users_gradient_alone(self):
        (x,) = inputs_for("mish")
        x.attach_grad()
        with mx.autograd.record():
            y = x * 3
        ua.value_and_grad(ua.get_activation("mish", backend="mxnet"), x)
        y.backward()
        assert (x.grad.asnumpy() == 3).all()

    def test_after_the_input_was_recorded(self):
        """With `grad_req="add"` and inside a recording, as in a training loop."""
        function = ua.get_activation("mish", backend="mxnet")
        (x,) = inputs_for("mish")
        with mx.autograd.record():
            _, slope = ua.value_and_grad(function, x * 1.0)
        same([slope.asnumpy()], [reference("mish", 1).astype(np.float32)])


class TestKnownDefects:
    """What MXNet's own operators do, and that users of this library do not get it."""

    @every_numerics
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_gradient_of_selu(self, numerics, dtype):
        x = repeated(-1.0, dtype)
        specified = 1.0507009873554805 * 1.6732632423543772 * math.exp(-1.0)
        theirs = ua.value_and_grad(lambda x: mx.nd.LeakyReLU(x, act_type="selu"), x)[1].asnumpy()
        assert np.abs(theirs - specified).min() > 0.05
        function = ua.get_activation("selu", backend="mxnet", numerics=numerics)
        ours = ua.value_and_grad(function, x)[1].asnumpy()
        np.testing.assert_allclose(ours, specified, rtol=4 * np.finfo(dtype).eps)

    @every_numerics
    @pytest.mark.parametrize("at", [-10.0, -20.0, -50.0])
    def test_tail_of_softrelu(self, numerics, at):
        x, exact = repeated(at), math.log1p(math.exp(at))
        theirs = mx.nd.Activation(x, act_type="softrelu").asnumpy()
        assert (np.abs(theirs - exact) > 0.012 * exact).all()
        ours = ua.get_activation("softplus", backend="mxnet", numerics=numerics)(x).asnumpy()
        np.testing.assert_allclose(ours, exact, rtol=4e-7)

    @every_numerics
    def test_float64_leaky_relu(self, numerics):
        x = repeated(-1.0, "float64")
        theirs = mx.nd.LeakyReLU(x, act_type="leaky", slope=0.01).asnumpy()
        assert (np.abs(theirs + 0.01) > 1e-10).all()
        ours = ua.get_activation("leaky_relu", backend="mxnet", numerics=numerics)(x).asnumpy()
        assert (ours == -0.01).all()

    @every_numerics
    @pytest.mark.parametrize("at", [1.0, -2.0])
    def test_float64_gelu(self, numerics, at):
        x, exact = repeated(at, "float64"), at * 0.5 * math.erfc(-at / math.sqrt(2.0))
        theirs = mx.nd.LeakyReLU(x, act_type="gelu").asnumpy()
        assert (np.abs(theirs / exact - 1) > 1e-9).all()
        ours = ua.get_activation("gelu", backend="mxnet", numerics=numerics)(x).asnumpy()
        np.testing.assert_allclose(ours, exact, rtol=1e-15)

    @every_numerics
    def test_relu_of_nan(self, numerics):
        x = repeated(math.nan)
        assert (mx.nd.Activation(x, act_type="relu").asnumpy() == 0).all()
        assert (mx.npx.activation(x.as_np_ndarray(), act_type="relu").asnumpy() == 0).all()
        function = ua.get_activation("relu", backend="mxnet", numerics=numerics)
        assert np.isnan(function(x).asnumpy()).all()
        assert np.isnan(function(x.as_np_ndarray()).asnumpy()).all()

    @every_numerics
    def test_log_softmax_is_not_positive(self, numerics):
        x = mx.nd.array([[30.0, -30.0, 0.0], [20.0, 1.0, 2.0]])
        assert (mx.nd.log_softmax(x).asnumpy().max(axis=1) > 0).all()
        function = ua.get_activation("log_softmax", backend="mxnet", numerics=numerics)
        assert (function(x).asnumpy() <= 0).all()

    @every_numerics
    @pytest.mark.parametrize("name", ["relu6", "hard_tanh"])
    def test_derivative_at_the_ends(self, numerics, name):
        low, high = (0.0, 6.0) if name == "relu6" else (-1.0, 1.0)
        x = mx.nd.array([low, high])
        theirs = ua.value_and_grad(lambda x: mx.nd.clip(x, low, high), x)[1].asnumpy()
        assert theirs.tolist() == [1.0, 1.0]
        function = ua.get_activation(name, backend="mxnet", numerics=numerics)
        assert ua.value_and_grad(function, x)[1].asnumpy().tolist() == [0.0, 0.0]


# What MXNet itself and its dependencies (requests, SciPy for some) import of NumPy; NumPy 1.26 has
# `_core` as a package of aliases.
SUBMODULES = {
    *("_core", "char", "core", "ctypeslib", "f2py", "fft", "ma", "polynomial"),
    *("random", "rec", "strings", "testing", "typing"),
}
NUMPY_STAYS = f"""
import sys, types, numpy
before, names_before = dict(vars(numpy)), set(dir(numpy))
import unified_act as ua
relu = ua.get_activation("relu", backend="mxnet")
import mxnet as mx
x = mx.np.array([-1.0, 2.0])
print(relu(x))
after = dict(vars(numpy))
for name in after.keys() - before.keys():
    assert isinstance(after[name], types.ModuleType), name
    assert sys.modules["numpy." + name] is after[name], name
print(sorted(after.keys() - before.keys() - {SUBMODULES!r}))
print(sorted(before.keys() - after.keys()))
print(sorted(name for name in before if before[name] is not after[name]))
"""


class TestNumpyStays:
    def test_same_names_and_objects(self, run_python):
        assert run_python(NUMPY_STAYS).splitlines() == ["[0. 2.]", "[]", "[]", "[]"]

    @pytest.mark.exhaustive
    def test_no_alias_is_left(self, run_python):
        names = ["PZERO", "NINF", "product", "in1d", "round_", "sometrue", "alltrue", "bool", "pv"]
        program = (
            "import numpy, warnings\n"
            "warnings.simplefilter('ignore')\n"
            f"has = lambda: [n for n in {names!r} if hasattr(numpy, n)]\n"
            "before = has()\n"
            "import unified_act_mxnet\n"
            "print(has() == before)\n"
            "try: numpy.no_such_name\n"
            "except AttributeError as error: print(error)\n"
        )
        assert run_python(program).splitlines() == [
            "True",
            "module 'numpy' has no attribute 'no_such_name'",
        ]

    def test_mx_np_works_without_activations(self, run_python):
        program = (
            "import unified_act_mxnet, mxnet as mx\n"
            "x = mx.np.array([[True, False]], dtype='bool')\n"
            "y = mx.np.array([1.0, 2.0], dtype='float64')\n"
            "print(x.dtype, mx.np.sum(y), mx.np.random.uniform(size=(2,)).shape)\n"
            "print(mx.nd.array([1.0]).asnumpy(), (y > 1).asnumpy())"
        )
        assert run_python(program).splitlines() == ["bool 3.0 (2,)", "[1.] [False  True]"]

    def test_who_has_patched_numpy_and_imported_mxnet_first(self, run_python):
        """As MXNet's users do today; their patch is theirs to keep."""
        program = """
import warnings
warnings.simplefilter("ignore")
import numpy
missing = {"bool": bool, "NINF": -numpy.inf, "NAN": numpy.nan, "PINF": numpy.inf, "NaN": numpy.nan,
           "PZERO": 0.0, "NZERO": -0.0, "Inf": numpy.inf, "int": int, "alltrue": numpy.all,
           "in1d": numpy.isin, "msort": numpy.sort, "product": numpy.prod, "round_": numpy.round,
           "sometrue": numpy.any, "trapz": None, "compat": None}
missing |= dict.fromkeys(["mirr", "npv", "pmt", "ppmt", "pv", "rate"])
for name, value in missing.items():
    if name not in vars(numpy):
        setattr(numpy, name, value)
import mxnet as mx
before = dict(vars(numpy))
import unified_act as ua
gelu = ua.get_activation("gelu", backend="mxnet")
print(gelu(mx.nd.array([0.0])).asnumpy(), gelu(mx.np.array([0.0])))
import unified_act_mxnet._framework
print(unified_act_mxnet._framework.mx is mx)
changed = {n for n in before if vars(numpy)[n] is not before[n]}
print(changed, numpy.PZERO, mx.np.array([1], dtype="bool").dtype)
"""
        assert run_python(program).splitlines() == ["[0.] [0.]", "True", "set() 0.0 bool"]

    @pytest.mark.exhaustive
    def test_imported_by_many_threads(self, run_python):
        program = (
            "import unified_act as ua, numpy\n"
            "from concurrent.futures import ThreadPoolExecutor\n"
            "lookup = numpy.__getattr__\n"
            "with ThreadPoolExecutor(8) as pool:\n"
            "    made = list(pool.map(lambda n: ua.get_activation('relu', backend=n), "
            "['mxnet'] * 8))\n"
            "print(len(set(made)), numpy.__getattr__ is lookup)"
        )
        assert run_python(program) == "1 True\n"
