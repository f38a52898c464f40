"""PyTorch: its compilers, transforms and subclasses, and the defects of its own kernels."""

import copy

import ml_dtypes
import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F  # noqa: N812 - everybody calls it so

import unified_act as ua
from tests.specifications import KINDS, SPECS, differentiated, further_inputs
from unified_act import Activation, Parameter
from unified_act_conformance.truth import elementwise
from unified_act_torch.gradient import shared_definition

SMOOTH = [
    name
    for name, spec in SPECS.items()
    if spec.kind == "elementwise" and not spec.required and not spec.kinks(**spec.bind({}))
]
X = torch.tensor([[-3.2, -0.7, 0.4, 2.1], [1.3, -1.1, 2.9, -0.4], [5.5, 0.1, -0.2, 0.8]])

FEW = ("gelu", "softmax", "swiglu", "xielu")

every_name = pytest.mark.parametrize("name", SPECS)
every_name_and_some_by_input = pytest.mark.parametrize(
    ("name", "backend"), [*((name, "torch") for name in SPECS), *((name, None) for name in KINDS)]
)
every_numerics = pytest.mark.parametrize("numerics", ["fast", "strict"])


def further(name, x=X, dtype=torch.float32):
    arrays = map(torch.from_numpy, further_inputs(name, x.shape, channels=x.shape[-1]))
    return [array if array.dtype == torch.bool else array.to(dtype) for array in arrays]


def inputs_for(name, dtype=torch.float32):
    arrays = [X.to(dtype, copy=True), *further(name, dtype=dtype)]
    for array in arrays[: differentiated(name)]:
        array.requires_grad_()
    return arrays


def value_and_gradients(function, inputs):
    value = function(*inputs)
    asked = [array for array in inputs if array.requires_grad]
    return value.detach(), torch.autograd.grad(value.square().sum(), asked)


def same(one, other):
    torch.testing.assert_close(one, other, rtol=2e-6, atol=2e-6)


@pytest.fixture(autouse=True)
def _forget_compiled_code():
    torch._dynamo.reset()  # of other tests too
    yield
    torch._dynamo.reset()


class TestCompile:
    @pytest.mark.quick(lambda name, backend: name in FEW and backend == "torch")
    @every_name_and_some_by_input
    @every_numerics
    def test_without_a_break(self, name, numerics, backend):
        function = ua.get_activation(name, backend=backend, numerics=numerics)
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        inputs = inputs_for(name)
        same(value_and_gradients(compiled, inputs), value_and_gradients(function, inputs))

    @pytest.mark.exhaustive
    @pytest.mark.parametrize("name", ["gelu", "softmax"])
    @every_numerics
    def test_inductor(self, name, numerics):
        function = ua.get_activation(name, backend="torch", numerics=numerics)
        compiled = torch.compile(function, fullgraph=True)
        inputs = inputs_for(name)
        same(value_and_gradients(compiled, inputs), value_and_gradients(function, inputs))

    @every_numerics
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_other_dtypes(self, numerics, dtype):
        function = ua.get_activation("gelu_tanh", backend="torch", numerics=numerics)
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        inputs = inputs_for("gelu_tanh", dtype)
        got, expected = (value_and_gradients(f, inputs) for f in (compiled, function))
        assert got[0].dtype == dtype
        torch.testing.assert_close(got, expected)

    @pytest.mark.parametrize("backend", ["torch", None])
    def test_inside_a_module(self, backend):
        class Network(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.linear = torch.nn.Linear(4, 4)
                self.activation = ua.get_activation("mish", backend=backend)

            def forward(self, x):
                return self.activation(self.linear(x))

        network = Network()
        compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
        same(compiled(X), network(X))

    def test_compiles_once(self):
        from torch._dynamo.testing import CompileCounter

        counter = CompileCounter()
        function = ua.get_activation("mish", backend="torch")
        compiled = torch.compile(function, fullgraph=True, backend=counter)
        for _ in range(3):
            compiled(X)
        assert counter.frame_count == 1

    @pytest.mark.quick(lambda name: name in ("gelu", "softmax", "laplace"))
    @pytest.mark.parametrize("name", [*KINDS, "laplace"])
    def test_any_shape(self, name):
        """Numbers are symbols then, unless they are part of the code; laplace splits its own."""
        function = ua.get_activation(name, backend="torch", numerics="strict")
        compiled = torch.compile(function, fullgraph=True, dynamic=True, backend="aot_eager")
        inputs = inputs_for(name)
        same(value_and_gradients(compiled, inputs), value_and_gradients(function, inputs))

    def test_more_than_pytorch_compiles_one_by_one(self):
        isolated = {"fullgraph": True, "backend": "eager", "isolate_recompiles": True}
        for alpha in range(1, 11):
            function = ua.get_activation("elu", backend="torch", alpha=alpha)
            same(torch.compile(function, **isolated)(X), function(X))

    @pytest.mark.quick(lambda backend: backend is None)
    @pytest.mark.parametrize(("backend", "names"), [("torch", SPECS), (None, KINDS)])
    def test_one_activation_is_not_taken_for_another(self, backend, names):
        """All share code, and of what is compiled nothing is forgotten in between."""
        functions = {
            name: ua.get_activation(name, backend=backend, numerics="strict") for name in names
        }
        many = 2 * len(functions)
        with torch._dynamo.config.patch(recompile_limit=many, accumulated_recompile_limit=many):
            for name, function in [*functions.items(), *reversed(functions.items())]:
                compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
                inputs = inputs_for(name)
                same(value_and_gradients(compiled, inputs), value_and_gradients(function, inputs))

    @pytest.mark.parametrize("name", ["gelu", "quick_gelu", "softplus_beta"])
    def test_copies_of_a_block_are_compiled_once(self, name):
        """As `compile_repeated_blocks` and the like do, for any number of blocks."""
        from torch._dynamo.testing import CompileCounterWithBackend

        counter = CompileCounterWithBackend("aot_eager")
        blocks = torch.nn.Sequential(*[ua.get_layer(name, backend="torch") for _ in range(12)])
        (x,) = inputs_for("gelu")
        expected = blocks(x)
        for block in blocks:
            block.compile(backend=counter, fullgraph=True)
        same(blocks(x), expected)
        assert counter.frame_count == 1


@pytest.mark.quick(lambda name, backend: name in FEW and backend == "torch")
@every_name_and_some_by_input
@every_numerics
def test_export(name, numerics, backend):
    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.activation = ua.get_activation(name, backend=backend, numerics=numerics)

        def forward(self, x, *others):
            return self.activation(x * 1.0, *others)

    module, inputs = Module(), (X, *further(name))
    exported = torch.export.export(module, inputs)
    same(exported.module()(*inputs), module(*inputs))


class TestTransforms:
    @every_name
    @every_numerics
    def test_vmap(self, name, numerics):
        """Over images, of which each weight and no mask is for all."""
        function = ua.get_activation(name, backend="torch", numerics=numerics)
        images, others = torch.stack([X, X.flip(0)]), further(name)
        dims = [0] + [0 if other.shape == X.shape else None for other in others]
        stacked = [
            torch.stack([other, other.flip(0)]) if dim == 0 else other
            for dim, other in zip(dims[1:], others, strict=True)
        ]
        batched = torch.func.vmap(function, in_dims=tuple(dims))(images, *stacked)
        for index, image in enumerate(images):
            own = [
                other[index] if dim == 0 else other
                for dim, other in zip(dims[1:], stacked, strict=True)
            ]
            same(batched[index], function(image, *own))

    @every_name
    @every_numerics
    def test_grad(self, name, numerics):
        function, others = (
            ua.get_activation(name, backend="torch", numerics=numerics),
            further(name),
        )
        got = torch.func.grad(lambda x: function(x, *others).square().sum())(X)
        same(got, value_and_gradients(function, inputs_for(name))[1][0])

    @pytest.mark.parametrize("name", [n for n in SPECS if SPECS[n].kind == "elementwise"])
    @every_numerics
    def test_jvp(self, name, numerics):
        function = ua.get_activation(name, backend="torch", numerics=numerics)
        tangent = torch.linspace(-1, 1, X.numel()).reshape(X.shape)
        value, got = torch.func.jvp(function, (X,), (tangent,))
        same(value, function(X))
        same(got, tangent * ua.value_and_grad(function, X)[1])

    @pytest.mark.parametrize("name", [n for n in SPECS if SPECS[n].kind != "elementwise"])
    @every_numerics
    def test_jvp_of_the_other_kinds(self, name, numerics):
        activation = ua.get_activation(name, backend="torch", numerics=numerics)
        arrays = inputs_for(name, torch.float64)
        inputs = tuple(array.detach() for array in arrays[: differentiated(name)])
        still = arrays[differentiated(name) :]
        tangents = tuple(torch.linspace(-0.5, 1, a.numel()).reshape(a.shape).to(a) for a in inputs)

        def function(*moving):
            return activation(*moving, *still)

        _, got = torch.func.jvp(function, inputs, tangents)
        step = 1e-6
        ahead, behind = (
            function(*(a + sign * step * t for a, t in zip(inputs, tangents, strict=True)))
            for sign in (1, -1)
        )
        wanted = ((ahead - behind) / (2 * step)).nan_to_num(nan=0.0)  # of -inf under a mask
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-8)

    @pytest.mark.parametrize("name", SMOOTH)
    @every_numerics
    def test_hessian(self, name, numerics):
        function = ua.get_activation(name, backend="torch", numerics=numerics)
        x = X[0].double()
        hessian = torch.func.hessian(lambda x: function(x).sum())(x)
        exact = elementwise.evaluate(name, 2, x.numpy()).high
        torch.testing.assert_close(hessian, torch.diag(torch.tensor(exact)))

    @pytest.mark.quick(lambda name, numerics: name in KINDS or numerics == "strict")
    @every_name
    @every_numerics
    def test_derivatives_against_differences(self, name, numerics):
        function = ua.get_activation(name, backend="torch", numerics=numerics)
        inputs = inputs_for(name, torch.float64)

        def finite(*arrays):
            return function(*arrays).nan_to_num(neginf=0.0)  # which is under a mask

        assert gradcheck(finite, inputs)
        assert gradgradcheck(finite, inputs)


class TestMemory:
    @pytest.mark.parametrize("name", SMOOTH)
    def test_strict_saves_one_tensor_at_the_most(self, name):
        function = ua.get_activation(name, backend="torch", numerics="strict")
        saved = []
        x = X.clone().requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: saved.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            function(x).sum().backward()
        assert sum(size >= X.numel() for size in saved) <= 1

    def test_no_graph_where_none_is_asked_for(self):
        function = ua.get_activation("mish", backend="torch", numerics="strict")
        assert not function(X).requires_grad
        with torch.no_grad():
            assert not function(X.clone().requires_grad_()).requires_grad


class TestInputs:
    @every_name
    @every_numerics
    @pytest.mark.parametrize("backend", ["torch", None])
    def test_parameters(self, name, numerics, backend):
        function, others = (
            ua.get_activation(name, backend=backend, numerics=numerics),
            further(name),
        )
        parameter = torch.nn.Parameter(X.clone())
        result = function(parameter, *others)
        result.square().sum().backward()
        same(result.detach(), function(X, *others))
        assert parameter.grad.shape == X.shape

    @pytest.mark.parametrize("backend", ["torch", None])
    @every_numerics
    def test_subclasses(self, backend, numerics):
        class Own(torch.Tensor):
            pass

        function = ua.get_activation("gelu", backend=backend, numerics=numerics)
        for _ in range(2):
            same(torch.Tensor(function(X.as_subclass(Own))), function(X))

    @pytest.mark.parametrize("kind", [torch.complex64, torch.float8_e4m3fn])
    def test_other_element_types(self, kind):
        with pytest.raises(ua.InputTypeError, match=str(kind)):
            ua.get_activation("gelu", backend="torch")(torch.ones(2).to(kind))

    def test_on_another_device(self):
        function = ua.get_activation("mish", backend="torch", numerics="strict")
        assert function(X.to("meta")).device.type == "meta"

    @pytest.mark.parametrize("name", ["glu", "tlu", "softmax2d", "masked_softmax"])
    def test_shapes_that_do_not_fit_are_refused_after_others(self, name):
        f, x = ua.get_activation(name, backend="torch"), torch.zeros(4, 4, 4)
        others = {"tlu": torch.zeros(4), "masked_softmax": torch.ones(4, 4, 4, dtype=torch.bool)}
        rest = [others[name]] if name in others else []
        for _ in range(2):
            f(x, *rest)
            with pytest.raises(ua.UnifiedActError):
                f(x[:, :3, :3], *rest) if name != "softmax2d" else f(x[0, 0])

    def test_a_model_with_one_can_be_copied_and_saved(self, tmp_path):
        model = torch.nn.Sequential(torch.nn.Linear(4, 4))
        model.activation = ua.get_activation("elu", backend="torch", alpha=0.5)
        torch.save(model, tmp_path / "model")
        for again in (copy.deepcopy(model), torch.load(tmp_path / "model", weights_only=False)):
            assert again.activation == model.activation
            same(again[0](X), model[0](X))


class TestAutocast:
    def test_it_keeps_the_type_of_the_input(self):
        function = ua.get_activation("mish", backend="torch", numerics="strict")
        with torch.autocast("cpu", torch.bfloat16):
            assert function(X).dtype == torch.float32
            assert function(X.bfloat16()).dtype == torch.bfloat16

    @every_numerics
    @pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.weights])
    def test_weights_may_stay_as_they_are(self, name, numerics):
        function = ua.get_activation(name, backend="torch", numerics=numerics)
        x, weights = X.bfloat16(), [weight.requires_grad_() for weight in further(name)]
        expected = function(x, *(weight.bfloat16() for weight in weights))
        with torch.autocast("cpu", torch.bfloat16):
            value = function(x, *weights)
        same(value, expected)
        gradients = torch.autograd.grad(value.sum(), weights)
        same(gradients, torch.autograd.grad(expected.sum(), weights))
        with pytest.raises(ua.InputTypeError, match="Cast the weight"):
            function(x, *weights)

    @pytest.mark.parametrize("name", ["prelu", "snake"])
    def test_compiled(self, name):
        function = ua.get_activation(name, backend="torch")
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        with torch.autocast("cpu", torch.bfloat16):
            same(compiled(X.bfloat16(), *further(name)), function(X.bfloat16(), *further(name)))

    @every_numerics
    @pytest.mark.parametrize(
        ("dtype", "weight_dtype"),
        [
            (torch.float32, torch.float64),
            (torch.float64, torch.float32),
            (torch.bfloat16, torch.float64),
            (torch.bfloat16, torch.int32),
        ],
    )
    def test_what_it_does_not_cast_is_refused(self, dtype, weight_dtype, numerics):
        function = ua.get_activation("prelu", backend="torch", numerics=numerics)
        with (
            torch.autocast("cpu", torch.bfloat16),
            pytest.raises(ua.InputTypeError, match="Cast the weight"),
        ):
            function(X.to(dtype), torch.ones(1, dtype=weight_dtype))


class TestKernelsThatAreWrong:
    """What PyTorch's own kernels do, and that users of this library do not get it."""

    def test_tail_of_gelu(self):
        x = torch.full((16,), -6.0)
        exact = elementwise.evaluate("gelu", 0, x.double().numpy()).high
        assert (F.gelu(x) == 0).all()
        strict = ua.get_activation("gelu", backend="torch", numerics="strict")(x)
        np.testing.assert_allclose(strict.numpy(), exact, rtol=4e-6)

    @every_numerics
    def test_bfloat16_gelu_of_large_numbers(self, numerics):
        x = torch.full((16,), torch.finfo(torch.bfloat16).max, dtype=torch.bfloat16)
        infinite = torch.full((16,), torch.inf, dtype=torch.bfloat16)
        if torch.backends.cpu.get_cpu_capability() == "AVX512":
            assert not F.gelu(x).isfinite().any()
            assert F.gelu(infinite).isnan().any()
        function = ua.get_activation("gelu", backend="torch", numerics=numerics)
        assert torch.equal(function(x), x)
        assert torch.equal(function(infinite), infinite)

    @every_numerics
    def test_bfloat16_gradient_of_gelu_tanh(self, numerics):
        finite = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16)
        finite = finite[np.isfinite(finite.astype(np.float32))]
        x = torch.from_numpy(finite.view(np.int16).copy()).view(torch.bfloat16)
        theirs = ua.value_and_grad(lambda x: F.gelu(x, approximate="tanh"), x)[1]
        assert theirs.isnan().sum() > 10_000
        function = ua.get_activation("gelu_tanh", backend="torch", numerics=numerics)
        assert ua.value_and_grad(function, x)[1].isfinite().all()

    @every_numerics
    def test_float64_softplus_beyond_the_threshold(self, numerics):
        x = torch.full((16,), 20.5, dtype=torch.float64)
        exact = elementwise.evaluate("softplus", 0, x.numpy()).high
        assert (F.softplus(x) == x).all()
        got = ua.get_activation("softplus", backend="torch", numerics=numerics)(x)
        np.testing.assert_allclose(got.numpy(), exact, rtol=1e-15)


def test_a_derivative_may_be_an_input():
    """What is differentiated twice must not return the tensor that it got."""
    spec = Activation(
        name="product",
        kind="gated",
        forward=lambda xp, value, gate: value * gate,
        derivative=lambda xp, value, gate: (gate, value),
        second_derivative=lambda xp, value, gate: (
            (xp.full_like(value, 0.0), xp.full_like(value, 1.0)),
            (xp.full_like(value, 1.0), xp.full_like(value, 0.0)),
        ),
        parameters=[Parameter("axis", -1), Parameter("gate_first", False)],
    )
    function = shared_definition(spec, spec.bind({}))
    x = torch.tensor([2.0, -3.0], requires_grad=True)
    (slopes,) = torch.autograd.grad(function(x), x, torch.ones(1), create_graph=True)
    assert slopes.tolist() == [-3.0, 2.0]
    assert torch.autograd.grad((slopes * slopes).sum(), x)[0].tolist() == [4.0, -6.0]
