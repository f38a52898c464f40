"""Compilers and transforms of the frameworks, for activations of several inputs, and of halves.

The elementwise ones are in the file of each framework. Where no backend is named, the type of the
input chooses it inside of what is compiled.
"""

import functools

import numpy as np
import pytest

import unified_act as ua
from tests.backends.arrays import back, native

X = np.array([[-3.0, -1.5, 0.75, 1.25], [0.125, 1.5, -2.0, 1.75], [1.0, -0.5, 0.25, 0.625]])
FIRST, SECOND = np.array([0.25, 0.5, 1.5, -0.375]), np.array([0.5, -0.75, 0.25, 1.25])
MASK = np.array([[True, False, True, True], [False] * 4, [True, True, False, False]])
NOISE = np.array([[0.25, 0.5, 0.75, 0.125], [0.625, 0.875, 0.375, 0.5], [0.5, 0.25, 0.125, 0.75]])
FURTHER = {
    "pelu": [FIRST + 1.0, SECOND + 1.0],
    "srelu": [SECOND - 1.0, FIRST, SECOND + 0.25, SECOND],
    "prelu": [FIRST],
    "star_relu": [FIRST, SECOND],
    "tlu": [FIRST],
    "snake": [FIRST],
    "snake_beta": [FIRST, SECOND],
    "silu_beta": [FIRST],
    "softplus_beta": [FIRST],
    "xielu": [FIRST, SECOND],
    "bilinear": [],
    "clamped_swiglu": [],
    "geglu_tanh": [],
    "quick_geglu": [],
    "swiglu(interleaved=True)": [],
    "glu": [],
    "reglu": [],
    "geglu": [],
    "swiglu": [],
    "softmin": [],
    "masked_softmax": [MASK],
    "masked_log_softmax": [MASK],
    "masked_sparsemax": [MASK],
    "softmax_one": [],
    "sparsemax": [],
    "entmax15": [],
    "entmax": [],
    "hardmax": [],
    "crelu": [],
    "maxout(groups=2)": [],
    "rrelu": [],
    "rrelu(training=True)": [NOISE],
    "gumbel_softmax": [NOISE],
    "gumbel_softmax(hard=True)": [NOISE],
}
every_name = pytest.mark.parametrize("name", FURTHER)
FEW = ("prelu", "swiglu", "masked_softmax", "gumbel_softmax")


def arrays_for(backend, name, boolean):
    """The inputs as float32, a mask by `boolean`."""
    return [
        boolean(array) if array.dtype == bool else native(backend, array, "float32")
        for array in (X, *FURTHER[name])
    ]


@functools.cache
def expected(name):
    """What NumPy says, eagerly."""
    function = ua.get_activation(name, backend="numpy")
    return ua.value_and_grad(function, *arrays_for("numpy", name, np.asarray))


def same(backend, name, value, slope):
    """Value and gradient by x are those of NumPy."""
    wanted, wanted_slope = expected(name)
    wanted_slope = wanted_slope[0] if isinstance(wanted_slope, tuple) else wanted_slope
    close = {"rtol": 2e-5, "atol": 2e-6}
    np.testing.assert_allclose(back(backend, value, "float32"), wanted, **close)
    np.testing.assert_allclose(back(backend, slope, "float32"), wanted_slope, **close)


class TestTorch:
    @pytest.fixture(autouse=True)
    def _forget_compiled_code(self):
        import torch

        yield
        torch._dynamo.reset()

    def inputs(self, name):
        import torch

        return arrays_for("torch", name, torch.from_numpy)

    def differentiate(self, function, inputs):
        import torch

        x = inputs[0].clone().requires_grad_()
        value = function(x, *inputs[1:])
        (slope,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), slope

    @pytest.mark.quick(lambda name: name in FEW)
    @every_name
    def test_compiled_without_a_break(self, name):
        import torch

        function = ua.get_activation(name)
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        same("torch", name, *self.differentiate(compiled, self.inputs(name)))

    @pytest.mark.exhaustive
    @pytest.mark.parametrize("name", ["masked_softmax"])
    def test_inductor(self, name):
        import torch

        compiled = torch.compile(ua.get_activation(name, backend="torch"), fullgraph=True)
        same("torch", name, *self.differentiate(compiled, self.inputs(name)))

    @every_name
    def test_export(self, name):
        import torch

        activation = ua.get_activation(name, backend="torch")

        class Module(torch.nn.Module):
            def forward(self, *inputs):
                return activation(*inputs)

        inputs = tuple(self.inputs(name))
        exported = torch.export.export(Module(), inputs)
        torch.testing.assert_close(exported.module()(*inputs), activation(*inputs))

    @every_name
    @pytest.mark.parametrize("numerics", ["fast", "strict"])
    def test_gradient_of_a_batch(self, name, numerics):
        """Row by row, by vmap of grad."""
        import torch

        parameters = {"axis": 0} if "axis" in ua.get_activation(name).parameters else {}
        function = ua.get_activation(name, backend="torch", numerics=numerics, **parameters)
        x, *further = self.inputs(name)
        rows = tuple(0 if array.ndim == 2 else None for array in further)
        gradient = torch.func.grad(lambda row, *others: function(row, *others).sum())
        slope = torch.func.vmap(gradient, in_dims=(0, *rows))(x, *further)
        value = torch.func.vmap(function, in_dims=(0, *rows))(x, *further)
        same("torch", name, value, slope)

    @pytest.mark.quick(lambda name: name in FEW)
    @every_name
    def test_gradient_by_the_others(self, name):
        """Compiled or not."""
        import torch

        function = ua.get_activation(name, backend="torch")
        inputs = self.inputs(name)
        moving = [i for i, array in enumerate(inputs) if array.is_floating_point()]

        def loss(*arrays):
            return function(*arrays).square().sum()

        eager = torch.func.grad(loss, argnums=tuple(moving))(*inputs)
        leaves = [a.clone().requires_grad_(a.is_floating_point()) for a in inputs]
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        found = torch.autograd.grad(
            compiled(*leaves).square().sum(), [leaves[index] for index in moving]
        )
        for one, other in zip(found, eager, strict=True):
            torch.testing.assert_close(one, other, rtol=2e-5, atol=2e-6)

    @pytest.mark.quick(lambda name: name == "silu_beta")
    @pytest.mark.parametrize("name", ["silu_beta", "softplus_beta"])
    def test_gradient_at_infinity(self, name):
        """The analytic one: that of the operations is NaN by the weight."""
        import torch

        function = ua.get_activation(name, backend="torch")
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        inputs = [torch.tensor([-torch.inf, -1.0, 2.0, torch.inf]), torch.tensor(1.0)]
        leaves = [array.requires_grad_() for array in inputs]
        found, eager = (torch.autograd.grad(f(*leaves).sum(), leaves) for f in (compiled, function))
        assert all(slope.isfinite().all() for slope in found)
        torch.testing.assert_close(found, eager)

    def test_a_weight_per_channel_after_a_single_one(self):
        """What changes is compiled anew for any length."""
        import torch

        function = ua.get_activation("prelu", backend="torch", axis=-1)
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        x = native("torch", X, "float32")
        for weight in (torch.tensor(0.25), native("torch", FIRST, "float32")):
            torch.testing.assert_close(compiled(x, weight), function(x, weight))


class TestTensorflow:
    @pytest.mark.quick(lambda name: name in FEW)
    @every_name
    @pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
    def test_in_a_function(self, name, jit_compile):
        import tensorflow as tf

        activation = ua.get_activation(name)

        @tf.function(jit_compile=jit_compile)
        def call(x, *further):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = activation(x, *further)
            return value, tape.gradient(value, x)

        same("tensorflow", name, *call(*arrays_for("tensorflow", name, tf.constant)))

    @pytest.mark.parametrize("name", ["rrelu(training=True)", "gumbel_softmax"])
    def test_a_seed_in_a_function(self, name):
        """The same numbers as outside of one."""
        import tensorflow as tf

        activation = ua.get_activation(name, backend="tensorflow")
        x = native("tensorflow", X, "float32")
        inside = tf.function(lambda x: activation(x, 3))(x)
        np.testing.assert_allclose(inside.numpy(), activation(x, 3).numpy(), rtol=1e-5)

    @pytest.mark.parametrize("name", ["glu", "maxout(groups=2)", "prelu"])
    def test_errors_keep_their_type(self, name):
        import tensorflow as tf

        activation = ua.get_activation(name, backend="tensorflow", axis=5)
        with pytest.raises(ua.ParameterValueError, match="axis 5 does not exist"):
            tf.function(activation)(*arrays_for("tensorflow", name, tf.constant))


class TestMxnet:
    def inputs(self, name, kind="nd"):
        from unified_act_mxnet._framework import mx

        found = arrays_for("mxnet", name, lambda mask: mx.nd.array(mask, dtype=bool))
        return [array.as_np_ndarray() for array in found] if kind == "np" else found

    def differentiate(self, function, inputs):
        from unified_act_mxnet._framework import mx

        x, *further = inputs
        x.attach_grad()
        with mx.autograd.record():
            value = function(x, *further)
        value.backward()
        return value, x.grad

    @every_name
    def test_hybridized(self, name):
        from unified_act_mxnet._framework import mx

        activation = ua.get_activation(name)

        class Block(mx.gluon.HybridBlock):
            def hybrid_forward(self, F, *inputs):  # noqa: N803 - MXNet's name
                return activation(*inputs)

        block = Block()
        block.hybridize()
        for _ in range(2):
            same("mxnet", name, *self.differentiate(block, self.inputs(name)))

    @every_name
    def test_symbols(self, name):
        """Mask, weights and noise are variables of the graph too."""
        from unified_act.registry import ACTIVATIONS
        from unified_act_mxnet._framework import mx

        function = ua.get_activation(name, backend="mxnet")
        names = ACTIVATIONS.find(function.name).inputs_for(function.parameters)
        arrays = self.inputs(name)
        inputs = dict(zip(names, arrays, strict=True))
        gradient = mx.nd.zeros_like(arrays[0])
        symbol = function(*map(mx.sym.var, names))
        assert set(symbol.list_arguments()) == set(names)
        requests = {n: "write" if n == "x" else "null" for n in names}
        executor = symbol.bind(mx.cpu(), inputs, {"x": gradient}, requests)
        (value,) = executor.forward(is_train=True)
        executor.backward(mx.nd.ones_like(value))
        same("mxnet", name, value, gradient)

    @every_name
    def test_arrays_of_the_numpy_kind(self, name):
        from unified_act_mxnet._framework import mx

        function = ua.get_activation(name)
        value, slope = self.differentiate(function, self.inputs(name, "np"))
        assert isinstance(value, mx.np.ndarray)
        same("mxnet", name, value, slope)

    @pytest.mark.parametrize("name", ["rrelu(training=True)", "gumbel_softmax"])
    def test_a_symbol_has_no_shape_to_draw_for(self, name):
        from unified_act_mxnet._framework import mx

        function = ua.get_activation(name, backend="mxnet")
        with pytest.raises(ua.UnsupportedError, match="pass a Symbol of noise"):
            function(mx.sym.var("x"), 0)

    @pytest.mark.parametrize("name", ["prelu", "masked_softmax", "gumbel_softmax"])
    def test_symbols_and_arrays_do_not_mix(self, name):
        from unified_act_mxnet._framework import mx

        further = self.inputs(name)[1:]
        with pytest.raises(
            ua.InputTypeError, match="x is a Symbol, so pass a Symbol for every other input"
        ):
            ua.get_activation(name, backend="mxnet")(mx.sym.var("x"), *further)
