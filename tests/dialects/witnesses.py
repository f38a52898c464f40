"""The frameworks themselves: how to call what a spelling names, and differentiate it."""

import contextlib
import functools
import importlib
import inspect
import warnings

import numpy as np


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

        with jax.experimental.enable_x64():
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
}


@contextlib.contextmanager
def quiet():
    """Frameworks warn about themselves: of old Python, of legacy arguments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
