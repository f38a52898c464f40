"""16-bit tensors that a table serves: every way of calling, and what a table must not serve."""

import copy

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.autograd import forward_ad

import unified_act as ua
from unified_act_torch import tables

TYPES = (torch.float16, torch.bfloat16)


@pytest.fixture(params=TYPES, ids=str, name="dtype")
def _dtype(request):
    return request.param


@pytest.fixture(params=["gelu", "hard_silu"], name="f")
def _f(request):
    return ua.get_activation(request.param, backend="torch", numerics="strict")


@pytest.fixture(name="x")
def _x(dtype):
    return torch.linspace(-4, 4, 35).reshape(5, 7).to(dtype)


def slope(f, x):
    return ua.value_and_grad(f, x)[1]


def curvature(f, x):
    x = x.detach().clone().requires_grad_()
    (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    return torch.autograd.grad(first.sum(), x)[0]


class TestShapes:
    def tensors(self, x):
        yield x[:0]
        yield x[0, 0]
        yield x.T
        yield x[:, ::2]
        yield x[:1].expand(4, 7)
        yield x[:, None, :, None].repeat(2, 3, 1, 2).to(memory_format=torch.channels_last)
        large = x.repeat(600, 60)
        assert large.numel() > tables._BLOCK
        yield large
        yield large.T

    def test_value_and_slope(self, f, x):
        for given in self.tensors(x):
            y, slopes = ua.value_and_grad(f, given)
            assert y.stride() == torch.exp(given).stride()
            plain = given.clone(memory_format=torch.contiguous_format)
            assert torch.equal(y, f(plain))
            assert torch.equal(slopes, slope(f, plain))

    def test_a_cotangent_that_lies_otherwise(self, f, x):
        cotangent = torch.linspace(1, 2, 35).reshape(7, 5).T.to(x.dtype)
        _, got = ua.value_and_grad(f, x, cotangent=cotangent)
        _, want = ua.value_and_grad(f, x, cotangent=cotangent.contiguous())
        assert torch.equal(got, want)


class TestDerivatives:
    def test_transforms(self, f, x):
        by_row = torch.func.vmap(torch.func.grad(lambda row: f(row).sum()))
        assert torch.equal(by_row(x), slope(f, x))
        assert torch.equal(torch.func.vmap(f, in_dims=1, out_dims=1)(x), f(x))
        of_batch = torch.func.grad(lambda x: torch.func.vmap(f)(x).sum())
        assert torch.equal(of_batch(x), slope(f, x))

    def test_forward_mode(self, f, x):
        ones = torch.ones_like(x)
        value, tangent = torch.func.jvp(f, (x,), (ones,))
        assert torch.equal(value, f(x))
        assert torch.equal(tangent, slope(f, x))
        with forward_ad.dual_level():
            dual = f(forward_ad.make_dual(x, ones))
            assert torch.equal(forward_ad.unpack_dual(dual).tangent, slope(f, x))

    def test_second(self, f, x):
        want = curvature(f, x)
        flat = x.reshape(-1)
        for twice in (torch.func.hessian, lambda f: torch.func.jacfwd(torch.func.jacfwd(f))):
            got = torch.func.vmap(twice(f))(flat).reshape(x.shape)
            torch.testing.assert_close(got, want)
        x = x.clone().requires_grad_()
        cotangent = torch.ones_like(x, requires_grad=True)
        (first,) = torch.autograd.grad(f(x), x, cotangent, create_graph=True)
        by_x, by_cotangent = torch.autograd.grad(first.sum(), (x, cotangent))
        assert torch.equal(by_x, want)
        assert torch.equal(by_cotangent, first)

    def test_third(self, dtype):
        f = ua.get_activation("gelu", backend="torch", numerics="strict")
        x = torch.tensor(0.5, dtype=dtype, requires_grad=True)
        y = f(x)
        for _ in range(3):
            (y,) = torch.autograd.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(-0.6601, rel=0.02)  # x (x² - 4) φ(x)

    def test_a_large_cotangent_overflows_once(self, dtype):
        f = ua.get_activation("silu", backend="torch", numerics="strict")
        x = torch.tensor([-20.0], dtype=dtype)
        most = torch.full_like(x, torch.finfo(dtype).max)
        _, got = ua.value_and_grad(f, x, cotangent=most)
        want = -3.9163e-08 * most.double()
        assert got.item() == pytest.approx(want.item(), rel=2 ** (-7 if dtype is TYPES[1] else -10))

    def test_no_derivative_of_its_own(self, x):
        @ua.register_activation("hump")
        def hump(xp, x):
            return xp.exp(-x * x)

        f = ua.get_activation("hump", backend="torch")
        exact = torch.exp(-(x.double() ** 2))
        assert torch.equal(f(x), exact.float().to(x.dtype))
        torch.testing.assert_close(slope(f, x), (-2 * x.double() * exact).to(x.dtype))

    def test_no_second_derivative_of_its_own(self, x):
        def derivative(xp, x):
            return -2.0 * x * xp.exp(-x * x)

        @ua.register_activation("hump", derivative=derivative)
        def hump(xp, x):
            return xp.exp(-x * x)

        f = ua.get_activation("hump", backend="torch")
        wide = x.double()
        want = (4.0 * wide * wide - 2.0) * torch.exp(-wide * wide)
        torch.testing.assert_close(curvature(f, x), want.to(x.dtype))


class TestWithoutTables:
    """What has no memory to read, or is recorded to be run elsewhere, is served by operations."""

    @pytest.fixture(autouse=True)
    def _no_tables(self, monkeypatch, x):
        del x

        def refuse(*_):
            raise AssertionError("a table was read")

        monkeypatch.setattr(tables, "_entries", refuse)

    def test_the_table_is_read_otherwise(self, f, x):
        with pytest.raises(AssertionError):
            f(x)

    def test_meta(self, f, x):
        assert f(x.to("meta")).shape == x.shape

    def test_fake(self, f, dtype):
        with FakeTensorMode():
            assert f(torch.empty(3, dtype=dtype)).shape == (3,)

    def test_subclass(self, f, x):
        class Other(torch.Tensor):
            pass

        assert type(f(x.as_subclass(Other))) is Other

    @pytest.mark.filterwarnings("ignore:`torch.jit.trace(_method)?` is:DeprecationWarning")
    def test_recorded(self, f, x):
        class Model(torch.nn.Module):
            def forward(self, x):
                return f(x)

        recorded = torch.jit.trace(Model(), x, check_trace=False)
        assert recorded(x).shape == x.shape

    def test_compiled(self, x):
        f = ua.get_activation("hard_silu", backend="torch", numerics="strict")
        assert torch.compile(f, fullgraph=True)(x).shape == x.shape

    def test_exported(self, f, x):
        class Model(torch.nn.Module):
            def forward(self, x):
                return f(x)

        program = torch.export.export(Model(), (x,))
        assert program.module()(x).shape == x.shape
        assert not program.constants


class TestCompiled:
    """A look-up is one operator to a compiler."""

    @pytest.fixture(autouse=True)
    def _forget_compiled(self):
        torch._dynamo.reset()

    @pytest.mark.parametrize(
        ("compiler", "dynamic"), [("aot_eager", False), ("aot_eager", True), ("inductor", False)]
    )
    def test_value_and_gradient(self, x, compiler, dynamic):
        f = ua.get_activation("gelu", backend="torch", numerics="strict")
        compiled = torch.compile(
            lambda x: f(x) + f(f(x).T).T, fullgraph=True, backend=compiler, dynamic=dynamic
        )
        found = []
        for function in (compiled, lambda x: f(x) + f(f(x).T).T):
            leaf = x.clone().requires_grad_()
            value = function(leaf)
            value.sum().backward()
            found.append((value.detach(), leaf.grad))
        for got, want in zip(*found, strict=True):
            torch.testing.assert_close(got, want, rtol=0.01, atol=0.01)
        with torch.no_grad():
            assert torch.equal(torch.compile(f, fullgraph=True, backend=compiler)(x), f(x))

    def test_transforms_inside(self, x):
        f = ua.get_activation("gelu", backend="torch", numerics="strict")

        @torch.compile(fullgraph=True, backend="aot_eager")
        def slopes(x):
            by_row = torch.func.vmap(torch.func.grad(lambda row: f(row).sum()))(x)
            return by_row, torch.func.jvp(f, (x,), (torch.ones_like(x),))[1]

        for found in slopes(x):
            torch.testing.assert_close(found, slope(f, x), rtol=0.01, atol=1e-5)

    def test_operators(self, x):
        f = ua.get_activation("gelu", backend="torch", numerics="strict")
        torch.compile(f, fullgraph=True, backend="eager")(x)
        key = next(
            key
            for key, table in tables._by_key.items()
            if table.activation.name == "gelu" and getattr(torch, table.dtype) is x.dtype
        )
        leaf = x.clone().requires_grad_()
        torch.library.opcheck(tables._value_operator, (leaf, key))
        torch.library.opcheck(tables._slope_operator, (x, x, key))


def test_the_default_device_does_not_matter(f, x):
    large = x.repeat(600, 60)
    with torch.device("meta"):
        assert f(x).is_cpu
        assert f(large).is_cpu


def test_a_table_made_in_inference_mode(x):
    f = ua.get_activation("celu", backend="torch", numerics="strict", alpha=0.7)
    with torch.inference_mode():
        f(x)
    assert torch.equal(slope(f, x), slope(f, x.clone()))
    assert torch.isfinite(curvature(f, x)).all()


def test_parameters_of_modules(f, dtype):
    weight = torch.nn.Parameter(torch.ones(3, dtype=dtype))
    f(weight).sum().backward()
    assert torch.equal(weight.grad, slope(f, weight.detach()))


def test_autocast_leaves_it_alone(f, x):
    with torch.autocast("cpu", torch.bfloat16):
        assert f(x).dtype is x.dtype


def test_copies_and_checkpoints(f, x):
    x = x.clone().requires_grad_()
    y = torch.utils.checkpoint.checkpoint(copy.deepcopy(f), x, use_reentrant=False)
    y.sum().backward()
    assert torch.equal(x.grad, slope(f, x.detach()))


def test_fast_keeps_a_kernel_and_has_tables_where_there_is_none(x):
    native = ua.get_activation("silu", backend="torch")(x)
    assert torch.equal(native, torch.nn.functional.silu(x))
    for name in ("gelu", "softsign"):
        fast = ua.get_activation(name, backend="torch")
        strict = ua.get_activation(name, backend="torch", numerics="strict")
        if name == "softsign" or x.dtype is torch.bfloat16:
            assert torch.equal(fast(x), strict(x))


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning")
def test_the_imaginary_part_of_a_conjugate(f):
    pairs = torch.linspace(-4, 4, 10).reshape(5, 2).half()
    x = torch.view_as_complex(pairs).conj().imag
    assert x.is_neg()
    torch.testing.assert_close(f(x), f(-pairs[:, 1]))


def test_parameters_beyond_float32_are_refused(dtype):
    f = ua.get_activation("clipped_relu", backend="torch", numerics="strict", max_value=1e39)
    with pytest.raises(ua.ParameterValueError, match="too large for float32"):
        f(torch.ones(1, dtype=dtype))
