"""Kernels on NumPy: every layout of arrays, and what kernels leave to the shared definition."""

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import SPECS, further_inputs, parameters_of
from unified_act.assembly import assemble, pullback_of
from unified_act.kernels import compiler, fused, unavailable
from unified_act.registry import ACTIVATIONS
from unified_act_numpy import namespace

needs_llvmlite = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there is one")
CLOSE = {"float32": 2e-5, "float64": 1e-11}


@pytest.fixture(name="kernels", autouse=True)
def _kernels(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("UNIFIED_ACT_KERNEL_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))


def strict(name, **parameters):
    return ua.get_activation(name, backend="numpy", numerics="strict", **parameters)


def by_kernel(name, x):
    """The bits that a kernel gives."""
    whole, result = np.ascontiguousarray(x), np.empty(x.size, x.dtype)
    fused(ACTIVATIONS.find(name), {}, x.dtype.name).flat(
        whole.ctypes.data, result.ctypes.data, x.size
    )
    return result.reshape(x.shape)


def misaligned(x):
    room = np.zeros(x.nbytes + 1, np.uint8)[1:]
    placed = room.view(x.dtype).reshape(x.shape)
    placed[...] = x
    return placed


LAYOUTS = {
    "plain": lambda x: x,
    "transposed": lambda x: x.T,
    "Fortran": np.asfortranarray,
    "every second": lambda x: x[:, ::2],
    "backwards": lambda x: x[::-1, ::-1],
    "repeated": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "one column": lambda x: x[:, 3],
    "no dimension": lambda x: x[0, 0, ...],
    "a number": lambda x: x[0, 0],
    "empty": lambda x: x[:0],
    "misaligned": misaligned,
    "permuted": lambda x: x.reshape(x.shape[0], 2, -1).transpose(1, 2, 0),
}


@needs_llvmlite
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [6, 900])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_bits_of_the_kernel(layout, rows, dtype):
    x = np.random.default_rng(0).normal(0.0, 3.0, (rows, 100)).astype(dtype)
    placed = LAYOUTS[layout](x)
    before = np.array(placed)
    found = strict("gelu")(placed)
    np.testing.assert_array_equal(found, by_kernel("gelu", np.asarray(placed)))
    assert type(found) is (np.ndarray if np.ndim(placed) else x.dtype.type)
    assert found.dtype == x.dtype
    np.testing.assert_array_equal(placed, before)
    value, slope = ua.value_and_grad(strict("gelu"), placed)
    np.testing.assert_array_equal(value, found)
    _, wanted = ua.value_and_grad(strict("gelu"), np.ascontiguousarray(placed))
    np.testing.assert_array_equal(slope, wanted.reshape(slope.shape))


def test_a_large_transposed_result_lies_as_the_input_does():
    x = np.ones((300, 400), np.float32).T
    assert strict("mish")(x).flags.f_contiguous


@needs_llvmlite
def test_a_number_is_computed_as_in_an_array():
    x = np.random.default_rng(1).normal(0.0, 3.0, 50).astype(np.float32)
    silu = strict("silu")
    np.testing.assert_array_equal([silu(number) for number in x], silu(x))


class Doubled(np.ndarray):
    """An array whose sums are something else."""

    def __add__(self, other):
        return 2.0 * np.ndarray.__add__(self, other)


def test_a_subclass_is_left_to_its_own_rules():
    x = np.linspace(-2.0, 2.0, 9).astype(np.float32)
    with np.errstate(all="ignore"):
        wanted = assemble(ACTIVATIONS.find("softsign"), namespace, {})(x.view(Doubled))
    np.testing.assert_array_equal(strict("softsign")(x.view(Doubled)), wanted)


def test_an_array_of_the_other_byte_order_is_refused_or_right():
    x = np.linspace(-2.0, 2.0, 9)
    try:
        found = strict("gelu")(x.astype(">f8"))
    except ua.InputTypeError:
        return
    np.testing.assert_allclose(found, strict("gelu")(x), rtol=1e-14)


def arguments(name, shape, dtype):
    generator = np.random.default_rng(2)
    x = generator.normal(0.0, 2.0, shape).astype(dtype)
    others = further_inputs(name, shape, shape[1])
    return [x, *(o if o.dtype == bool else o.astype(dtype) for o in map(np.asarray, others))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in SPECS if name != "gumbel_softmax"])
def test_values_and_gradients_are_those_of_the_definition(name, dtype):
    """Computed in float64, operation by operation."""
    spec, function = SPECS[name], strict(name)
    shape = (4, 6, 8)
    x, *others = arguments(name, shape, dtype)
    bound = parameters_of(name)
    wide = [a if a.dtype == bool else a.astype(np.float64) for a in (x, *others)]
    with np.errstate(all="ignore"):
        wanted = assemble(spec, namespace, bound)(*wide)
    found = function(x, *others)
    np.testing.assert_allclose(found, wanted, rtol=CLOSE[dtype], atol=1e-6)
    cotangent = np.random.default_rng(3).normal(0.0, 1.0, found.shape).astype(dtype)
    with np.errstate(all="ignore"):
        gradients = pullback_of(spec, namespace, bound)(cotangent.astype(np.float64), *wide)
    got = ua.value_and_grad(function, x, *others, cotangent=cotangent)[1]
    got = got if isinstance(got, tuple) else (got,)
    for one, other in zip(got, gradients, strict=False):
        assert (one is None) == (other is None)
        if one is not None:
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=CLOSE[dtype], atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "masked_softmax", "glu", "prelu"])
def test_every_axis(name, axis):
    shape = (4, 6, 8)
    x, *others = arguments(name, shape, "float64")
    if name == "prelu":
        others = [np.linspace(-1.0, 1.0, shape[axis])]
    bound = {**parameters_of(name), "axis": axis}
    wanted = assemble(SPECS[name], namespace, bound)(x, *others)
    np.testing.assert_allclose(strict(name, axis=axis)(x, *others), wanted, rtol=1e-12)


def test_a_mask_may_be_broadcast():
    x, mask = np.arange(12.0).reshape(3, 4), np.array([True, False, True, True])
    found = strict("masked_softmax")(x, mask)
    np.testing.assert_allclose(found, strict("masked_softmax")(x, np.tile(mask, (3, 1))))


def test_wrong_weights_are_refused_as_ever():
    x = np.ones((2, 3, 4), np.float32)
    with pytest.raises(ua.UnifiedActError):
        strict("prelu")(x, np.ones(5, np.float32))


def test_without_kernels_the_definition_serves(monkeypatch):
    monkeypatch.setattr(compiler, "unavailable", lambda: "there is no compiler")
    x = np.linspace(-2.0, 2.0, 9)
    function = ua.get_activation("gelu", backend="numpy", numerics="strict")
    value, slope = ua.value_and_grad(function, x)
    wanted = assemble(ACTIVATIONS.find("gelu"), namespace, {})(x)
    np.testing.assert_array_equal(value, wanted)
    assert slope.shape == x.shape
