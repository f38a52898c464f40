"""The frameworks themselves: how to call what a spelling names, and differentiate it."""

import atexit
import contextlib
import functools
import hashlib
import importlib
import importlib.metadata
import inspect
import os
import warnings
from pathlib import Path
from typing import ClassVar

import numpy as np

RECORD = "UNIFIED_ACT_RECORD"
"""The environment variable with which `Recorded` asks the framework itself."""


def locate(path):
    """The object at a dotted path, importing modules as deep as there are any."""
    parts = path.split(".")
    if parts[0] == "mxnet":
        importlib.import_module("unified_act_mxnet")  # makes it importable
    found = importlib.import_module(parts[0])
    for depth, part in enumerate(parts[1:], start=2):
        if not hasattr(found, part):
            importlib.import_module(".".join(parts[:depth]))
        found = getattr(found, part)
    return found


class Witness:
    """Functions of a framework as functions of NumPy arrays in float64."""

    differentiates = True
    tolerance: ClassVar = {"rtol": 1e-5, "atol": 2e-6}

    def function(self, dialect, spelling, arguments, weight=None):
        """What the spelling names, with arguments bound, as a function of framework arrays."""
        path = dialect.path(spelling)
        found = locate(dialect.strings)(spelling) if path is None else locate(path)
        if inspect.isclass(found):
            return self.layer(found, arguments, weight)
        return functools.partial(found, **arguments)

    def layer(self, cls, arguments, weight):
        raise NotImplementedError


class Torch(Witness):
    def layer(self, cls, arguments, weight):
        import torch

        if weight is not None:
            module = cls(num_parameters=weight.size, **arguments)
            module.weight = torch.nn.Parameter(torch.from_numpy(weight))
            return lambda x, _: module(x)
        return cls(**arguments).eval()

    def value_and_grad(self, function, x, cotangent, weight=()):
        import torch

        variable = torch.from_numpy(x).requires_grad_()
        value = function(variable, *map(torch.from_numpy, weight))
        value.backward(torch.from_numpy(cotangent(value.detach().numpy())))
        return value.detach().numpy(), variable.grad.numpy()


class TensorFlow(Witness):
    def layer(self, cls, arguments, weight):
        layer = cls(dtype="float64", **arguments)
        if weight is None:
            return layer
        layer.shared_axes = [1]
        layer.build((None, 3, 3))
        layer.set_weights([weight[np.newaxis]])
        return lambda x, _: layer(x)

    def value_and_grad(self, function, x, cotangent, weight=()):
        import tensorflow as tf

        variable = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(variable)
            value = function(variable, *map(tf.constant, weight))
        gradient = tape.gradient(value, variable, tf.constant(cotangent(value.numpy())))
        return value.numpy(), gradient.numpy()


class Jax(Witness):
    def value_and_grad(self, function, x, cotangent, weight=()):
        import jax

        with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
            value, pullback = jax.vjp(lambda x: function(x, *weight), jax.numpy.asarray(x))
            value = np.asarray(value)
            return value, np.asarray(pullback(jax.numpy.asarray(cotangent(value)))[0])


class MXNet(Witness):
    def function(self, dialect, spelling, arguments, weight=None):
        function = super().function(dialect, spelling, arguments, weight)
        if spelling.endswith("SoftmaxActivation"):  # it knows no other type
            return lambda x: function(x.astype("float32")).astype("float64")
        if ".npx." in spelling:

            def of_nd_arrays(*arrays):
                value = function(*(array.as_np_ndarray() for array in arrays))
                return (value[0] if isinstance(value, list) else value).as_nd_ndarray()

            return of_nd_arrays
        return function

    def layer(self, cls, arguments, weight):
        from unified_act_mxnet._framework import mx

        if weight is None:
            return cls(**arguments)
        block = cls(in_channels=weight.size, **arguments)
        block.initialize()
        block.cast("float64")
        block.alpha.set_data(mx.nd.array(weight, dtype="float64"))
        return lambda x, _: block(x)

    def value_and_grad(self, function, x, cotangent, weight=()):
        from unified_act_mxnet._framework import mx

        def array(values):
            return mx.nd.array(values, dtype="float64")

        variable = array(x)
        variable.attach_grad()
        with mx.autograd.record(train_mode=False):  # rrelu crashes the process in training mode
            value = function(variable, *map(array, weight))
            value = value[0] if isinstance(value, list) else value
        value.backward(array(cotangent(value.asnumpy())), train_mode=False)
        return value.asnumpy(), variable.grad.asnumpy()


class Onnx(Witness):
    """The reference evaluator of the standard; it has no derivatives."""

    differentiates = False

    def function(self, dialect, spelling, arguments, weight=None):
        from onnx import defs, helper

        schema = defs.get_schema(spelling, dialect.opset)
        attributes = {k: v for k, v in arguments.items() if k in schema.attributes}
        names = [name.name for name in schema.inputs]
        extra = {k: np.float64(v) for k, v in arguments.items() if k not in attributes}
        assert set(extra) <= set(names)
        inputs = [names[0], *extra] if weight is None else names
        node = helper.make_node(spelling, inputs, ["y"], **attributes)
        return functools.partial(self.run, node, dialect.opset, extra)

    def run(self, node, opset, extra, *arrays):
        from onnx import TensorProto, helper
        from onnx.reference import ReferenceEvaluator

        values = dict(zip(node.input, (*arrays, *extra.values()), strict=True))
        infos = [
            helper.make_tensor_value_info(name, TensorProto.DOUBLE, np.shape(value))
            for name, value in values.items()
        ]
        output = helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)
        graph = helper.make_graph([node], "g", infos, [output])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        with np.errstate(all="ignore"):
            return ReferenceEvaluator(model).run(None, values)[0]

    def value_and_grad(self, function, x, cotangent, weight=()):
        return function(x, *weight), None


class Flax(Jax):
    def layer(self, cls, arguments, weight):
        """PReLU, which holds one number: one layer for each channel, on the last axis."""
        import jax.numpy as jnp
        from flax import linen, nnx

        def of_one(x, number):
            if issubclass(cls, linen.Module):
                return cls().apply({"params": {"negative_slope": number}}, x)
            module = cls()
            module.negative_slope = nnx.Param(number)
            return module(x)

        def of_all(x, weight):
            channels = [of_one(x[..., i], jnp.asarray(w)) for i, w in enumerate(weight)]
            return jnp.stack(channels, axis=-1)

        return of_all


class Paddle(Witness):
    def layer(self, cls, arguments, weight):
        import paddle

        paddle.set_default_dtype("float64")
        if weight is None:
            module = cls(**arguments)
            module.eval()
            return module
        module = cls(num_parameters=weight.size, **arguments)
        module._weight.set_value(paddle.to_tensor(weight))
        return lambda x, _: module(x)

    def value_and_grad(self, function, x, cotangent, weight=()):
        import paddle

        variable = paddle.to_tensor(x, dtype="float64", stop_gradient=False)
        value = function(variable, *map(paddle.to_tensor, weight))
        value.backward(paddle.to_tensor(cotangent(value.numpy())))
        return value.numpy(), variable.grad.numpy()


class MindSpore(Witness):
    """In float64, or where an operator does not have it on a CPU in float32."""

    tolerance: ClassVar = {"rtol": 1e-5, "atol": 5e-6}  # log_softmax in float32 is 4e-6 off

    def layer(self, cls, arguments, weight):
        import mindspore

        if weight is None:
            return cls(**arguments)
        module = cls(channel=weight.size, **arguments)
        module.w.set_data(mindspore.Tensor(weight, mindspore.float32))
        return lambda x, _: module(x.astype(mindspore.float32))

    def value_and_grad(self, function, x, cotangent, weight=()):
        import mindspore

        mindspore.set_context(pynative_synchronize=True)  # else an error comes at some later call
        try:
            return self.typed(mindspore.float64, function, x, cotangent, weight)
        except (TypeError, RuntimeError):
            return self.typed(mindspore.float32, function, x, cotangent, weight)

    def typed(self, dtype, function, x, cotangent, weight):
        import mindspore

        variable, *weights = (mindspore.Tensor(array, dtype) for array in (x, *weight))
        value = function(variable, *weights).asnumpy()
        upstream = mindspore.Tensor(cotangent(value).astype(value.dtype))
        pullback = mindspore.ops.GradOperation(sens_param=True)(lambda x: function(x, *weights))
        return value, pullback(variable, upstream).asnumpy()


class CoreML(Witness):
    """What coremltools computes of constants, as it folds them. The operators need an Apple."""

    differentiates = False

    def function(self, dialect, spelling, arguments, weight=None):
        from coremltools.converters.mil import Builder
        from coremltools.converters.mil.mil import Function

        typed = {k: np.float32(v) if isinstance(v, float) else v for k, v in arguments.items()}

        def folded(x, *weights):
            extra = {"alpha": np.float32(weights[0])} if weights else {}
            with Function({}):
                operator = getattr(Builder, spelling.rpartition(".")[2])
                return operator(x=x.astype(np.float32), **typed, **extra).val

        return folded

    def value_and_grad(self, function, x, cotangent, weight=()):
        if weight:  # it takes weights that differ for four dimensions only
            return function(x[..., np.newaxis], *weight)[..., 0], None
        return function(x), None


class DeePMD(Witness):
    differentiates = False

    def function(self, dialect, spelling, arguments, weight=None):
        return locate("deepmd.dpmodel.utils.network.get_activation_fn")(spelling)

    def value_and_grad(self, function, x, cotangent, weight=()):
        return function(x), None


class Mmcv(Torch):
    def function(self, dialect, spelling, arguments, weight=None):
        build = locate("mmcv.cnn.build_activation_layer")
        if weight is None:
            return build({"type": spelling, **arguments}).eval()
        return self.layer(type(build({"type": spelling})), arguments, weight)


class TFLite(Witness):
    """The interpreter, on a model of one operator. It knows float32 and no derivatives."""

    differentiates = False
    OPTIONS: ClassVar = {
        "LEAKY_RELU": "LeakyReluOptions",
        "GELU": "GeluOptions",
        "SOFTMAX": "SoftmaxOptions",
    }

    def function(self, dialect, spelling, arguments, weight=None):
        return functools.partial(self.run, spelling, arguments)

    def run(self, spelling, arguments, *arrays):
        import flatbuffers
        import tensorflow as tf
        from tensorflow.lite.python import schema_py_generated as schema

        fused = spelling == "NONE"  # no operator, but what one may end with
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        name = "ADD" if fused else spelling
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        if fused:
            arrays = (*arrays, np.zeros(()))
            operator.builtinOptions = schema.AddOptionsT()
            operator.builtinOptionsType = schema.BuiltinOptions.AddOptions
            operator.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.NONE
        elif spelling in self.OPTIONS:
            options = self.OPTIONS[spelling]
            operator.builtinOptions = getattr(schema, f"{options}T")()
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            for key, value in ({"beta": 1.0} if spelling == "SOFTMAX" else arguments).items():
                setattr(operator.builtinOptions, key, value)
        graph, model = schema.SubGraphT(), schema.ModelT()
        model.buffers = [schema.BufferT()]
        graph.tensors = []
        for array in (*arrays, arrays[0]):
            tensor = schema.TensorT()
            tensor.shape, tensor.type, tensor.buffer = list(array.shape), 0, 0
            graph.tensors.append(tensor)
        operator.opcodeIndex = 0
        operator.inputs, operator.outputs = [*range(len(arrays))], [len(arrays)]
        graph.operators, graph.inputs, graph.outputs = [operator], operator.inputs, operator.outputs
        model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        interpreter = tf.lite.Interpreter(model_content=bytes(builder.Output()))
        interpreter.allocate_tensors()
        for index, array in enumerate(arrays):
            interpreter.set_tensor(index, array.astype(np.float32))
        interpreter.invoke()
        return interpreter.get_tensor(len(arrays))

    def value_and_grad(self, function, x, cotangent, weight=()):
        return function(x, *weight), None


class Recorded(Witness):
    """What a framework returned that is not installed here.

    To record anew, let the tests ask the framework itself, with a Python that has it, pytest and
    NumPy::

        UNIFIED_ACT_RECORD=1 PYTHONPATH=.:backends python -m pytest --noconftest -c /dev/null \\
            --rootdir=. tests/dialects/test_frameworks.py tests/dialects/test_names.py \\
            tests/dialects/test_signatures.py -k flax
    """

    def __init__(self, live, name, package):
        self.live, self.package = live, package
        self.path = Path(__file__).with_name("recorded") / f"{name}.npz"
        self.differentiates, self.tolerance = live.differentiates, live.tolerance
        self.new = {}

    @functools.cached_property
    def known(self):
        with np.load(self.path) as file:
            return dict(file)

    def version(self):
        """The version of the framework that was asked."""
        return str(self.known["version"])

    def function(self, dialect, spelling, arguments, weight=None):
        function = None
        if RECORD in os.environ:
            weights = () if weight is None else (weight,)
            function = self.live.function(dialect, spelling, arguments, *weights)
        said = ", ".join(f"{key}={arguments[key]!r}" for key in sorted(arguments))
        return f"{spelling}({said})", function

    def value_and_grad(self, function, x, cotangent, weight=()):
        call, live = function
        key = f"{call} {hashlib.sha256(x.tobytes()).hexdigest()[:8]}"
        if live is not None:
            value, gradient = self.live.value_and_grad(live, x, cotangent, weight)
            self.record(f"{key} value", value)
            if gradient is not None:
                self.record(f"{key} gradient", gradient)
            return value, gradient
        assert f"{key} value" in self.known, f"{call} is not recorded: see {__name__}.Recorded"
        return self.known[f"{key} value"], self.known.get(f"{key} gradient")

    def names(self, ask):
        """What the framework offers; `ask` asks it for the names."""
        if RECORD in os.environ:
            self.record("names", np.array(sorted(ask())))
            return self.new["names"].tolist()
        return self.known["names"].tolist()

    def record(self, key, array):
        if not self.new:
            self.new["version"] = np.array(importlib.metadata.version(self.package))
            atexit.register(lambda: np.savez_compressed(self.path, **self.new))
        array = np.asarray(array)
        self.new[key] = array.astype(np.float32) if array.dtype.kind == "f" else array


WITNESSES = {
    "torch": Torch(),
    "tensorflow": TensorFlow(),
    "keras2": TensorFlow(),
    "keras3": TensorFlow(),
    "keras_layers": TensorFlow(),
    "keras_ops": TensorFlow(),
    "mxnet": MXNet(),
    "gluon": MXNet(),
    "jax": Jax(),
    "onnx": Onnx(),
    "tflite": TFLite(),
    "flax": Recorded(Flax(), "flax", "flax"),
    "paddle": Recorded(Paddle(), "paddle", "paddlepaddle"),
    "mindspore": Recorded(MindSpore(), "mindspore", "mindspore"),
    "coreml": Recorded(CoreML(), "coreml", "coremltools"),
    "deepmd": Recorded(DeePMD(), "deepmd", "deepmd-kit"),
    "mmcv": Recorded(Mmcv(), "mmcv", "mmcv-lite"),
}


@contextlib.contextmanager
def quiet():
    """Frameworks warn about themselves: of old Python, of legacy arguments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
