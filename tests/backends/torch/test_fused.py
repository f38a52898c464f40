"""Kernels on PyTorch: the bits of NumPy's, every way of calling, what is left to the definition."""

import copy
import multiprocessing
import os
import sys
import threading

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.autograd import forward_ad
from torch.utils.data import DataLoader

import unified_act as ua
from tests.specifications import SPECS, further_inputs
from unified_act.kernels import threads as kernel_threads
from unified_act.kernels import unavailable
from unified_act_torch import fused
from unified_act_torch.threads import threads

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there is one")
ELEMENTWISE = (
    "gelu gelu_tanh mish silu softplus quick_gelu tanh elu sigmoid hard_silu softsign relu"
)
OTHERS = "softmax log_softmax masked_softmax glu swiglu prelu"
TYPES = (torch.float32, torch.float64)


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("UNIFIED_ACT_KERNEL_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))


@pytest.fixture(params=TYPES, ids=str, name="dtype")
def _dtype(request):
    return request.param


@pytest.fixture(params=["gelu", "softmax"], name="f")
def _f(request):
    return strict(request.param)


@pytest.fixture(name="x")
def _x(dtype):
    return torch.linspace(-4, 4, 36).reshape(6, 6).to(dtype)


def strict(name, backend="torch", **parameters):
    return ua.get_activation(name, backend=backend, numerics="strict", **parameters)


def slope(f, x, **cotangent):
    return ua.value_and_grad(f, x, **cotangent)[1]


def curvature(f, x):
    x = x.detach().clone().requires_grad_()
    (first,) = torch.autograd.grad(f(x)[..., 0].sum(), x, create_graph=True)
    return torch.autograd.grad(first[..., 1].sum(), x)[0]


def arguments(name, shape):
    generator = np.random.default_rng(2)
    bits = generator.integers(0, 2**32, shape, dtype=np.uint32).view(np.float32)
    usual = generator.normal(0.0, 3.0, shape).astype(np.float32)
    x = usual if name in OTHERS else np.where(generator.random(shape) < 0.5, usual, bits)
    others = map(np.asarray, further_inputs(name, shape, shape[1]))
    return [x, *(o if o.dtype == bool else o.astype(np.float32) for o in others)]


@pytest.mark.parametrize("name", [*ELEMENTWISE.split(), *OTHERS.split()])
def test_the_bits_are_those_on_numpy(name):
    arrays = arguments(name, (40, 6, 20))
    wanted, slopes = ua.value_and_grad(strict(name, "numpy"), *arrays)
    found, got = ua.value_and_grad(strict(name), *map(torch.from_numpy, arrays))
    np.testing.assert_array_equal(found.numpy(), wanted)
    slopes, got = (each if isinstance(each, tuple) else (each,) for each in (slopes, got))
    np.testing.assert_array_equal(got[0].numpy(), slopes[0])  # a weight's is a sum of PyTorch's
    if SPECS[name].weights:
        np.testing.assert_allclose(got[1].numpy(), slopes[1], rtol=1e-4)


class TestShapes:
    def tensors(self, x):
        yield x[:0]
        yield x[0, 0]
        yield x.T
        yield x[:, ::2]
        yield x[:1].expand(4, 6)
        yield x[:, None, :, None].repeat(2, 3, 1, 2).to(memory_format=torch.channels_last)
        large = x.repeat(100, 60)
        assert large.numel() > 2 * fused.FEW
        yield large
        yield large.T

    def test_value_and_slope(self, x):
        f = strict("gelu")
        for given in self.tensors(x):
            y, slopes = ua.value_and_grad(f, given)
            assert y.stride() == torch.exp(given).stride()
            plain = given.clone(memory_format=torch.contiguous_format)
            assert torch.equal(y, f(plain))
            assert torch.equal(slopes, slope(f, plain))

    @pytest.mark.parametrize("name", OTHERS.split())
    def test_of_other_kinds(self, name, dtype):
        x, *others = (torch.from_numpy(a) for a in arguments(name, (4, 6, 8)))
        x, *others = (a if a.dtype is torch.bool else a.to(dtype) for a in (x, *others))
        f = strict(name)
        for given in (x, x.transpose(0, 2).contiguous().transpose(0, 2), x[:0]):
            further = [o[:0] if o.ndim == 3 and not given.numel() else o for o in others]
            value, slopes = ua.value_and_grad(f, given, *further)
            wanted, expected = ua.value_and_grad(f, given.contiguous(), *further)
            assert torch.equal(value, wanted)
            pairs = zip(slopes, expected, strict=True) if others else [(slopes, expected)]
            for got, want in pairs:
                assert got is None or torch.equal(got, want)

    @pytest.mark.parametrize("axis", [0, 1, -1])
    @pytest.mark.parametrize("name", ["softmax", "glu"])
    def test_every_axis(self, name, axis, x):
        value, slopes = ua.value_and_grad(strict(name, axis=axis), x)
        rows, turned = ua.value_and_grad(strict(name), x.movedim(axis, -1))
        torch.testing.assert_close(value, rows.movedim(-1, axis), rtol=0, atol=0)
        torch.testing.assert_close(slopes, turned.movedim(-1, axis), rtol=0, atol=0)

    def test_a_cotangent_that_lies_otherwise(self, f, x):
        cotangent = torch.linspace(1, 2, 36).reshape(6, 6).T.to(x.dtype)
        got = slope(f, x, cotangent=cotangent)
        assert torch.equal(got, slope(f, x, cotangent=cotangent.contiguous()))


class TestDerivatives:
    def test_transforms(self, f, x):
        of_batch = torch.func.vmap(torch.func.grad(lambda row: f(row)[1]))
        cotangent = torch.zeros_like(x)
        cotangent[:, 1] = 1
        wanted = slope(f, x, cotangent=cotangent)
        torch.testing.assert_close(of_batch(x), wanted)
        leaf = x.clone().requires_grad_()
        many = torch.stack([cotangent, 2 * cotangent])
        (got,) = torch.autograd.grad(f(leaf), leaf, many, is_grads_batched=True)
        torch.testing.assert_close(got, torch.stack([wanted, 2 * wanted]))

    def test_forward_mode(self, f, x):
        along = torch.linspace(1, 2, 36).reshape(6, 6).to(x.dtype)
        _, tangent = torch.func.jvp(f, (x,), (along,))
        wanted = slope(f, x, cotangent=along)  # both are symmetric
        torch.testing.assert_close(tangent, wanted)

    def test_forward_mode_over_elements(self, x):
        f, along = strict("gelu"), torch.linspace(1, 2, 36).reshape(6, 6).to(x.dtype)
        with forward_ad.dual_level():
            dual = f(forward_ad.make_dual(x, along))
            torch.testing.assert_close(forward_ad.unpack_dual(dual).tangent, along * slope(f, x))
        leaf = x.clone().requires_grad_()
        y = f(leaf)
        with forward_ad.dual_level():
            cotangent = forward_ad.make_dual(torch.ones_like(x), along)
            (pulled,) = torch.autograd.grad(y, leaf, cotangent)
            torch.testing.assert_close(forward_ad.unpack_dual(pulled).tangent, along * slope(f, x))

    @pytest.mark.parametrize("name", ["gelu", "softplus", *OTHERS.split()])
    def test_numerically(self, name):
        _, *others = map(torch.from_numpy, arguments(name, (2, 6, 4)))
        x = torch.linspace(-4, 4, 48).double().reshape(2, 6, 4)
        others = [a if a.dtype is torch.bool else a.double() for a in others]
        leaves = [a.requires_grad_(a.is_floating_point()) for a in (x, *others)]
        assert torch.autograd.gradcheck(strict(name), leaves)
        assert torch.autograd.gradgradcheck(strict(name), leaves)

    def test_create_graph_changes_no_bit(self, f, x):
        x = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(f(x)[:, 0].sum(), x, create_graph=True)
        (again,) = torch.autograd.grad(f(x)[:, 0].sum(), x)
        assert torch.equal(first, again)

    def test_third(self, dtype):
        x = torch.tensor(0.5, dtype=dtype, requires_grad=True)
        y = strict("gelu")(x)
        for _ in range(3):
            (y,) = torch.autograd.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(-0.6601, rel=1e-3)  # x (x² - 4) φ(x)

    def test_no_derivative_of_its_own(self, x):
        @ua.register_activation("hump")
        def hump(xp, x):
            return xp.exp(-x * x)

        f, wide = ua.get_activation("hump", backend="torch"), x.double()
        exact = torch.exp(-wide * wide)
        torch.testing.assert_close(slope(f, x), (-2 * wide * exact).to(x.dtype))
        x = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), x)
        torch.testing.assert_close(second, ((4 * wide * wide - 2) * exact).to(x.dtype))

    def test_only_the_inputs_are_saved(self, f, x):
        x, kept = x.requires_grad_(), []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
            f(x)
        assert [saved.data_ptr() for saved in kept] == [x.data_ptr()]

    def test_a_changed_input_is_noticed(self, f, x):
        x = x.clone().requires_grad_()
        inner = x * 1.0
        y = f(inner)
        inner.add_(1.0)
        with pytest.raises(RuntimeError, match="inplace"):
            y.sum().backward()


class TestWithoutKernels:
    """What has no memory to read, or is recorded to be run elsewhere, is served by operations."""

    @pytest.fixture(autouse=True)
    def _no_kernels(self, monkeypatch, x):
        del x

        def refuse(*_, **__):
            raise AssertionError("a kernel was called")

        monkeypatch.setattr(fused._Elements, "_computed", refuse)
        monkeypatch.setattr(fused.ArrayKernels, "value", refuse)

    def test_a_kernel_is_called_otherwise(self, f, x):
        with pytest.raises(AssertionError):
            f(x)

    def test_meta(self, f, x):
        assert f(x.to("meta")).shape == x.shape

    def test_fake(self, f, x, dtype):
        with FakeTensorMode(allow_non_fake_inputs=True):
            assert f(torch.empty(3, dtype=dtype)).shape == (3,)
            assert f(x).shape == x.shape

    def test_subclass(self, f, x):
        class Other(torch.Tensor):
            pass

        assert type(f(x.as_subclass(Other))) is Other

    def test_zeros_that_are_stored_nowhere(self, f, dtype):
        f(torch._efficientzerotensor((3,), dtype=dtype))

    def test_a_view_of_bytes(self, f, dtype):
        f(torch.frombuffer(bytearray(33), dtype=dtype, offset=1))

    def test_left_over_from_a_transformation(self, f, x):
        found = []
        torch.func.vmap(lambda row: found.append(row) or row)(x)
        with pytest.raises((RuntimeError, ua.UnifiedActError)):
            f(found[0]).tolist()

    def test_the_imaginary_part_of_a_conjugate(self, x):
        x = torch.view_as_complex(x.reshape(-1, 2)).conj().imag
        assert x.is_neg()
        torch.testing.assert_close(strict("gelu")(x), torch.nn.functional.gelu(x.clone()))

    def test_a_mode_sees_the_operations(self, f, x):
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False):
            f(x)

    @pytest.mark.filterwarnings("ignore:`torch.jit.trace(_method)?` is:DeprecationWarning")
    def test_recorded(self, f, x):
        class Model(torch.nn.Module):
            def forward(self, x):
                return f(x)

        recorded = torch.jit.trace(Model(), x, check_trace=False)
        assert recorded(x).shape == x.shape

    def test_compiled(self, f, x):
        torch._dynamo.reset()
        compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
        assert compiled(x).shape == x.shape

    def test_exported(self, f, x):
        class Model(torch.nn.Module):
            def forward(self, x):
                return f(x)

        program = torch.export.export(Model(), (x,))
        assert program.module()(x).shape == x.shape


def test_other_types_are_left_alone(x):
    with pytest.raises(ua.InputTypeError):
        strict("gelu")(x.to(torch.int32))
    with pytest.raises(ua.InputTypeError):
        strict("gelu")(x.to_sparse())


def test_the_default_device_does_not_matter(f, x):
    with torch.device("meta"):
        assert f(x).is_cpu
        assert f(x.T).is_cpu


def test_made_in_inference_mode(f, x):
    with torch.inference_mode():
        y = f(x)
    assert torch.equal(y, f(x))


def test_copies_and_checkpoints(f, x):
    x = x.clone().requires_grad_()
    y = torch.utils.checkpoint.checkpoint(copy.deepcopy(f), x, use_reentrant=False)
    y[:, 0].sum().backward()
    cotangent = torch.zeros_like(x)
    cotangent[:, 0] = 1
    assert torch.equal(x.grad, slope(f, x.detach(), cotangent=cotangent))


class TestThreads:
    @pytest.fixture(autouse=True)
    def _several(self):
        before = torch.get_num_threads()
        torch.set_num_threads(4)
        yield
        torch.set_num_threads(before)

    @pytest.fixture(name="large")
    def _large(self):
        return torch.linspace(-9, 9, 600 * 601).reshape(600, 601)

    def test_their_number_changes_no_bit(self, f, large):
        several = f(large)
        torch.set_num_threads(1)
        assert torch.equal(f(large), several)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another OpenMP")
    def test_they_are_those_of_pytorch(self, f, large, monkeypatch):
        monkeypatch.setattr(kernel_threads, "_own_team", None)
        assert threads().team is not None
        f(large)
        ua.get_activation("gelu", backend="torch", numerics="strict")(large.half())

    def test_eight_at_once(self, f, large):
        wanted, wrong = ua.value_and_grad(f, large), []

        def work():
            found = ua.value_and_grad(f, large)
            wrong.extend(a for a, b in zip(found, wanted, strict=True) if not torch.equal(a, b))

        workers = [threading.Thread(target=work) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not wrong

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # JAX's advice
    def test_forked_workers(self, f, large):
        wanted = f(large)

        def same():
            return np.array_equal(f(large).numpy(), wanted.numpy())

        class Rows(torch.utils.data.Dataset):
            def __len__(self):
                return 2

            def __getitem__(self, index):
                return same()

        loader = DataLoader(Rows(), num_workers=2, multiprocessing_context="fork", timeout=60)
        assert all(bool(each.all()) for each in loader)
        # PyTorch's own functions would hang in a child with several threads.
        child = multiprocessing.get_context("fork").Process(target=lambda: os._exit(same()))
        child.start()
        child.join(60)
        assert child.exitcode == 1


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
class TestShortRows:
    """In `fast`, those of large arrays go to machine code: PyTorch takes ten times as long."""

    SHORT = torch.randn(600, 10, generator=torch.Generator().manual_seed(0))

    def both(self, name, **parameters):
        return [
            ua.get_activation(name, backend="torch", numerics=numerics, **parameters)
            for numerics in ("fast", "strict")
        ]

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("axis", [-1, 1])
    def test_have_the_bits_of_machine_code(self, name, axis, dtype):
        fast, strict = self.both(name, axis=axis)
        x, cotangent = self.SHORT.to(dtype), self.SHORT.flip(0).to(dtype)
        assert torch.equal(fast(x), strict(x))
        found = [ua.value_and_grad(f, x, cotangent=cotangent)[1] for f in (fast, strict)]
        assert torch.equal(*found)

    def test_others_are_left_to_pytorch(self, name):
        fast = ua.get_activation(name, backend="torch")
        wanted = getattr(torch.nn.functional, name)
        for x in (self.SHORT[:2], self.SHORT.reshape(-1, 20), self.SHORT.T.contiguous()):
            assert torch.equal(fast(x), wanted(x, dim=-1))
        fast = ua.get_activation(name, backend="torch", axis=0)
        x = self.SHORT.reshape(60, 100)
        assert torch.equal(fast(x), wanted(x, dim=0))

    def test_whatever_the_mode_is(self, name):
        fast, strict = self.both(name)
        x, other = self.SHORT, self.SHORT.flip(0)
        wanted = strict(x)
        close = {"rtol": 1e-6, "atol": 1e-6}
        torch.testing.assert_close(torch.vmap(fast)(x), wanted, **close)
        tangents = [torch.func.jvp(f, (x,), (other,))[1] for f in (fast, strict)]
        torch.testing.assert_close(*tangents, **close)
        compiled = torch.compile(fast, backend="aot_eager", fullgraph=True)
        torch.testing.assert_close(compiled(x), wanted, **close)
        twice = []
        for f in (fast, strict):
            y = x.clone().requires_grad_()
            (first,) = torch.autograd.grad(f(y), y, other, create_graph=True)
            twice.append(torch.autograd.grad(first.square().sum(), y)[0])
        torch.testing.assert_close(*twice, **close)

    def test_describe_says_so(self, name):
        text = str(ua.describe(name, backend="torch"))
        assert "machine code computes rows of fewer elements on a CPU than 16 in float32" in text
