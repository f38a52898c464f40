"""Kernels on MXNet: the bits of NumPy's, gradients, what is left to the definition.

MXNet computes while Python goes on, so that several tests are programs of their own that must end.
"""

import multiprocessing
import os
import sys
import threading
from textwrap import dedent

import numpy as np
import pytest

import unified_act as ua
from tests.processes import run_python
from tests.specifications import SPECS, further_inputs
from unified_act.kernels import unavailable
from unified_act_conformance.judge import judge_problem
from unified_act_conformance.problems import problems_for
from unified_act_conformance.subject import Case
from unified_act_conformance.truth import list_subjects
from unified_act_mxnet import fused, recording, tables
from unified_act_mxnet._framework import mx
from unified_act_mxnet.native import FEW, NATIVE

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there is one")
ELEMENTWISE = (
    "gelu gelu_tanh mish silu softplus quick_gelu tanh elu sigmoid hard_silu softsign relu"
)
OTHERS = "softmax log_softmax masked_softmax glu swiglu prelu"
ROUNDED_ONCE = 0.51
"""What is left of an error where a number is rounded once, in units of `judge.measure`."""


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("UNIFIED_ACT_KERNEL_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))


@pytest.fixture(params=["gelu", "softmax"], name="f")
def _f(request):
    return strict(request.param)


@pytest.fixture(params=["float32", "float64"], name="x")
def _x(request):
    return array(np.linspace(-4.0, 4.0, 36).reshape(6, 6).astype(request.param))


def strict(name, backend="mxnet", **parameters):
    return ua.get_activation(name, backend=backend, numerics="strict", **parameters)


def array(values):
    return mx.nd.array(values, dtype=values.dtype)


def same_bits(got, want):
    got, want = (a if isinstance(a, np.ndarray) else a.asnumpy() for a in (got, want))
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    integer = {4: np.uint32, 8: np.uint64}[want.itemsize]
    np.testing.assert_array_equal(got.view(integer), want.view(integer))


def slope(f, x, **cotangent):
    return ua.value_and_grad(f, x, **cotangent)[1]


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
    value = strict(name, "numpy")(*arrays)
    cotangent = np.random.default_rng(3).normal(size=value.shape).astype(np.float32)
    with np.errstate(all="ignore"):
        wanted, slopes = ua.value_and_grad(strict(name, "numpy"), *arrays, cotangent=cotangent)
    given = list(map(array, arrays))
    found, got = ua.value_and_grad(strict(name), *given, cotangent=array(cotangent))
    same_bits(found, wanted)
    same_bits(strict(name)(*given), wanted)
    slopes, got = (each if isinstance(each, tuple) else (each,) for each in (slopes, got))
    same_bits(got[0], slopes[0])
    if SPECS[name].weights:  # a sum, which is rounded once here
        np.testing.assert_allclose(got[1].asnumpy(), slopes[1], rtol=1e-4)


JUDGED = [
    s
    for s in list_subjects()
    if str(s) in (*ELEMENTWISE.split(), *OTHERS.split(), "elu(alpha=0.5)", "xielu", "snake_beta")
]


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("subject", JUDGED, ids=str)
def test_worst_error(subject, order):
    case = Case(subject, "mxnet", "float32", order)
    for problem in problems_for(case, quick=True):
        given = list(map(array, problem.inputs))
        f = strict(subject.activation, **dict(subject.parameters))
        if order:
            cotangent = None if problem.cotangent is None else array(problem.cotangent)
            _, found = ua.value_and_grad(f, *given, cotangent=cotangent)
            found = found[0] if isinstance(found, tuple) else found
        else:
            found = f(*given)
        judged = judge_problem(case, "strict", problem, found.asnumpy())
        assert judged.passed, judged
        assert judged.max_error <= ROUNDED_ONCE, judged


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_of_a_weight_is_no_serial_sum(channels, axis, dtype):
    shape = (300, 3, 400) if axis == 1 else (300, 400, 3)
    x = np.random.default_rng(5).uniform(-2.0, 0.0, shape).astype(dtype)
    weight = np.full(channels, 0.25, dtype)
    found = ua.value_and_grad(strict("prelu", axis=axis), array(x), array(weight))[1][1].asnumpy()
    others = tuple(i for i in range(3) if i != axis % 3)
    wide = x.astype(np.longdouble)
    exact = wide.sum(others) if channels > 1 else wide.sum()
    room = 4 * float(np.finfo(dtype).eps)  # a serial sum is off by a hundred
    np.testing.assert_allclose(found.reshape(-1), exact.astype(np.float64).reshape(-1), rtol=room)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("name", ["softmax", "glu"])
def test_every_axis(name, axis, x):
    for given in (x, x.reshape((6, 1, 6)), x.reshape((2, 3, 6))):
        if given.shape[axis] % 2 and name == "glu":
            continue
        wanted = ua.value_and_grad(strict(name, "numpy", axis=axis), given.asnumpy())
        found = ua.value_and_grad(strict(name, axis=axis), given)
        for got, want in zip(found, wanted, strict=True):
            same_bits(got, want)


class TestMemory:
    def test_a_part_and_another_shape(self, f, x):
        whole = f(x)
        same_bits(f(x[2:4]), whole[2:4])
        same_bits(f(x[3]), whole[3])
        same_bits(f(x.reshape((3, 2, 6))), whole.reshape((3, 2, 6)))
        same_bits(f(x[::2]), whole[::2])

    def test_a_part_while_recording(self, f, x):
        x.attach_grad()
        with mx.autograd.record():
            y = f(x[2:4].reshape((4, 3)))
        y.backward()
        wanted = np.zeros(x.shape, x.dtype)
        wanted[2:4] = slope(f, array(x.asnumpy()[2:4].reshape(4, 3))).asnumpy().reshape(2, 6)
        same_bits(x.grad, wanted)

    def test_arrays_of_the_numpy_kind(self, f, x):
        found = f(x.as_np_ndarray())
        assert type(found) is mx.np.ndarray
        same_bits(found, f(x))
        got = slope(f, x.as_np_ndarray())
        assert type(got) is mx.np.ndarray
        same_bits(got, slope(f, x))

    @pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (2, 1, 2, 1, 2, 1, 2)])
    def test_every_shape(self, f, x, shape):
        with mx.util.np_shape(True):
            given = mx.nd.full(shape, 0.5, dtype=x.dtype)
            value, slopes = ua.value_and_grad(f, given)
            assert value.shape == slopes.shape == shape
            if given.size:
                one = ua.value_and_grad(strict(f.name), mx.nd.full((1,), 0.5, dtype=x.dtype))
                if f.name == "gelu" or shape in ((), (1,)):
                    assert float(value.asnumpy().flat[0]) == one[0].asscalar()
                    assert float(slopes.asnumpy().flat[0]) == one[1].asscalar()

    def test_what_is_still_being_computed(self, f):
        x = mx.nd.ones((300, 300))
        with mx.engine.bulk(64):
            for _ in range(50):
                x = x * 1.01
            y = f(x)
        same_bits(y, f(array(x.asnumpy())))

    def test_what_oneDNN_has_laid_out(self, f):  # noqa: N802
        x = mx.nd.random.normal(shape=(2, 16, 12, 12))
        weight = mx.nd.random.normal(shape=(16, 16, 3, 3)) / 10

        def convolved(x):
            return mx.nd.Convolution(x, weight, kernel=(3, 3), num_filter=16, no_bias=True)

        plain = array(convolved(x).asnumpy())
        same_bits(f(convolved(x)), f(plain))
        x.attach_grad()
        plain.attach_grad()
        with mx.autograd.record():
            y = convolved(f(convolved(x)))
        y.backward()
        with mx.autograd.record():
            middle = f(plain)
            end = convolved(middle)
        end.backward()
        with mx.autograd.record():
            again = convolved(x)
        expected = mx.autograd.grad(again, [x], head_grads=plain.grad)[0]
        np.testing.assert_allclose(x.grad.asnumpy(), expected.asnumpy(), rtol=1e-4, atol=1e-5)

    def test_the_result_is_an_array_like_any_other(self, f, x):
        y = f(x)
        want = y.asnumpy() * 2
        y *= 2
        same_bits(y, want)

    def test_another_processor_of_the_same_kind(self, f, x):
        y = f(x.as_in_context(mx.cpu(1)))
        assert y.context == mx.cpu(1)
        same_bits(y, f(x))

    @pytest.mark.parametrize("kind", ["csr", "row_sparse"])
    def test_sparse(self, x, kind):
        dense = strict("relu")(x)
        np.testing.assert_array_equal(strict("relu")(x.tostype(kind)).asnumpy(), dense.asnumpy())

    def test_the_mask_of_an_older_array(self, x):
        mask = array((np.arange(36).reshape(6, 6) % 3 != 0).astype(x.dtype))
        f = strict("masked_softmax")
        same_bits(f(x, mask), f(x, mask.astype("bool")))


class TestGradients:
    def test_are_added_up(self, f, x):
        once = slope(f, x)
        x.attach_grad(grad_req="add")
        for _ in range(2):
            with mx.autograd.record():
                y = f(x)
            y.backward()
        same_bits(x.grad, 2 * once)

    def test_through_other_operations(self, f, x):
        x.attach_grad()
        with mx.autograd.record():
            y = (f(2 * x) * 3).sum() + x.sum() * 0
        y.backward()
        same_bits(x.grad, 2 * slope(f, 2 * x, cotangent=3 * mx.nd.ones_like(x)))

    def test_of_an_input_that_is_used_twice(self, f, x):
        x.attach_grad()
        with mx.autograd.record():
            y = f(x) + f(x)
        y.backward()
        same_bits(x.grad, 2 * slope(f, x))

    @pytest.mark.parametrize("request_", ["write", "add", "null"])
    @pytest.mark.parametrize("by", [0, 1])
    def test_of_one_input_alone(self, by, request_):
        arrays = list(map(array, arguments("prelu", (4, 6, 5))))
        wanted = ua.value_and_grad(strict("prelu"), *arrays)[1]
        arrays[by].attach_grad()
        arrays[1 - by].attach_grad(grad_req=request_)
        with mx.autograd.record():
            y = strict("prelu")(*arrays)
        y.backward()
        same_bits(arrays[by].grad, wanted[by])

    def test_twice_from_one_record(self, f, x):
        x.attach_grad()
        with mx.autograd.record():
            y = f(x)
        y.backward(retain_graph=True)
        first = x.grad.copy()
        y.backward(2 * mx.nd.ones_like(x))
        same_bits(first, slope(f, x))
        same_bits(x.grad, slope(f, x, cotangent=2 * mx.nd.ones_like(x)))

    def test_are_those_of_the_inputs_at_the_time(self, f, x):
        """Optimizers write to the inputs as soon as there is a gradient, and wait for nothing."""
        wanted = slope(f, x)
        before = x.copy()
        for late in (False, True):
            x = before.copy()
            x.attach_grad()
            with mx.autograd.record():
                y = f(x)
            if not late:
                x[:] = 0
            y.backward()
            x[:] = x.grad * 2
            same_bits(x.grad, wanted)
            same_bits(x, 2 * wanted)

    def test_nothing_is_kept(self, f, x):
        before = set(recording._kept)
        x.attach_grad()
        for _ in range(50):
            with mx.autograd.record():
                y = f(x)
            y.backward()
            with mx.autograd.record():
                f(x)
        assert len(set(recording._kept) - before) < 50

    def test_without_a_gradient_nothing_is_recorded(self, f, x):
        with mx.autograd.record():
            y = f(x)
        with pytest.raises(mx.MXNetError, match="computational graph"):
            y.backward()

    def test_a_second_derivative_is_refused(self, x):
        """MXNet has none of a function in Python, and none of the operations either."""
        x.attach_grad()
        with mx.autograd.record():
            y = strict("gelu")(x)
            (first,) = mx.autograd.grad(y, [x], create_graph=True)
            penalty = (first * first).sum() + (x * x).sum()
        with pytest.raises(mx.MXNetError, match="non-differentiable"):
            penalty.backward()

    def test_no_derivative_of_its_own(self, x):
        @ua.register_activation("hump")
        def hump(xp, x):
            return xp.exp(-x * x)

        found = slope(ua.get_activation("hump", backend="mxnet"), x)
        wide = x.asnumpy().astype(np.float64)
        rounded = (-2 * wide * np.exp(-wide * wide)).astype(x.dtype)
        np.testing.assert_allclose(found.asnumpy(), rounded, rtol=1e-6)


class TestFast:
    """Large arrays by a kernel or a table, where MXNet's own operator takes longer."""

    @pytest.fixture(name="called")
    def _called(self, monkeypatch):
        called = []

        def noted(name, function):
            return lambda *given, **keywords: called.append(name) or function(*given, **keywords)

        monkeypatch.setattr(fused._Elements, "value", noted("kernel", fused._Elements.value))
        monkeypatch.setattr(tables, "_look_up", noted("table", tables._look_up))
        return called

    @pytest.mark.parametrize(("dtype", "by"), [("float64", "kernel"), ("float16", "table")])
    def test_by_size(self, called, dtype, by):
        f = ua.get_activation("elu", backend="mxnet")
        f(mx.nd.ones((FEW - 1,), dtype=dtype))
        assert not called
        y = f(mx.nd.ones((FEW,), dtype=dtype))
        assert called == [by]
        assert (y.asnumpy() == 1.0).all()

    @pytest.mark.parametrize("name", ["tanh", "elu"])
    def test_what_mxnet_differentiates_twice(self, called, name):
        x = mx.nd.ones((FEW,), dtype="float64")
        x.attach_grad()
        f = ua.get_activation(name, backend="mxnet")
        with mx.autograd.record():
            y = f(x)
        recorded = "float64" in NATIVE[name].recorded
        assert bool(called) != recorded
        if recorded:
            with mx.autograd.record():
                (first,) = mx.autograd.grad(f(x), [x], create_graph=True)
            first.backward()
            np.testing.assert_allclose(x.grad.asnumpy(), -0.6397, rtol=1e-3)
        assert y.shape == x.shape

    def test_where_that_takes_too_long(self, called):
        x = mx.nd.amp_cast(mx.nd.ones((FEW,)), dtype="bfloat16")
        with mx.autograd.record():
            x.attach_grad()
            ua.get_activation("tanh", backend="mxnet")(x)
        assert called == ["table"]

    def test_what_is_wrong_at_infinities_is_left_to_graphs(self, called):
        f = ua.get_activation("gelu", backend="mxnet")
        assert f(mx.nd.array([-np.inf], dtype="float16")).asscalar() == 0.0
        assert called == ["table"]

    def test_without_a_compiler(self, called, monkeypatch):
        monkeypatch.setattr(
            sys.modules["unified_act_mxnet.backend"], "unavailable", lambda: "for a test"
        )
        ua.get_activation("elu", backend="mxnet")(mx.nd.ones((FEW,), dtype="float64"))
        assert not called

    def test_a_sparse_array_stays_one(self):
        x = mx.nd.ones((FEW, 2)).tostype("csr")
        assert ua.get_activation("tanh", backend="mxnet")(x).stype == mx.nd.tanh(x).stype

    def test_which_are_differentiated_twice(self):
        from unified_act_mxnet.conformance import TWICE_DIFFERENTIABLE

        assert {"exponential", *TWICE_DIFFERENTIABLE} == {
            name for name, row in NATIVE.items() if row.recorded
        }


class TestWithoutKernels:
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

    def test_a_symbol(self, f):
        assert f(mx.sym.var("x")).list_arguments() == ["x"]

    def test_a_hybridized_block(self, f, x):
        block = ua.get_layer(f.name, backend="mxnet", numerics="strict")
        block.hybridize()
        assert block(x).shape == x.shape


class TestFailures:
    def test_of_an_input(self, f):
        """MXNet raises when the result of what failed is read."""
        with pytest.raises(mx.MXNetError):
            f(mx.nd.random.normal(0, -1, shape=(2, 2)))

    def test_of_a_gradient(self, f, x, monkeypatch, capfd):
        def fail(*_, **__):
            raise ZeroDivisionError

        x.attach_grad()
        with mx.autograd.record():
            y = f(x)
        y.wait_to_read()
        monkeypatch.setattr(fused._Elements, "_computed", fail)
        monkeypatch.setattr(fused.ArrayKernels, "pulled_back", fail)
        y.backward()
        with pytest.raises(mx.MXNetError):
            x.grad.asnumpy()
        assert "ZeroDivisionError" in capfd.readouterr().err


def at_large(f):
    x = array(np.linspace(-9.0, 9.0, 600 * 601).astype(np.float32).reshape(600, 601))
    return [found.asnumpy() for found in ua.value_and_grad(f, x)]


def test_eight_threads_at_once(f):
    wanted, wrong = at_large(f), []

    def work():
        pairs = zip(at_large(f), wanted, strict=True)
        wrong.extend(got for got, want in pairs if not np.array_equal(got, want))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.filterwarnings("ignore:os.fork.* was called:RuntimeWarning")  # JAX, if it is loaded
def test_a_forked_process(f):
    wanted = at_large(f)

    def same():
        os._exit(all(map(np.array_equal, at_large(f), wanted)))

    child = multiprocessing.get_context("fork").Process(target=same)
    child.start()
    child.join(60)
    if child.exitcode is None:
        child.kill()
    assert child.exitcode == 1


BEGINNING = """
    import os
    import numpy as np
    import unified_act as ua
    from unified_act_mxnet._framework import mx

    f = ua.get_activation("gelu", backend="mxnet", numerics="strict")
    x = mx.nd.random.normal(shape=(500, 1000))
    x.attach_grad()

    def step():
        with mx.autograd.record():
            y = f(x)
        y.backward()
"""
PROGRAMS = {
    "an optimizer that does not wait": """
    optimizer = mx.optimizer.SGD(learning_rate=0.1)
    for _ in range(20):
        step()
        optimizer.update(0, x, x.grad, None)
    mx.nd.waitall()
    """,
    "a fork while a gradient is computed": """
    for _ in range(20):
        step()
        child = os.fork()
        if child == 0:
            step()
            x.grad.wait_to_read()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """,
    "an end while a gradient is computed": """
    for _ in range(20):
        step()
    """,
    "a layer that learns": """
    layer = ua.get_layer("prelu", backend="mxnet", numerics="strict")
    layer.initialize()
    trainer = mx.gluon.Trainer(layer.collect_params(), "sgd", {"learning_rate": 0.01})
    for _ in range(20):
        with mx.autograd.record():
            loss = (layer(x) ** 2).mean()
        loss.backward()
        trainer.step(1)
    """,
}


@pytest.mark.parametrize("engine", ["ThreadedEnginePerDevice", "NaiveEngine"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_hangs(program, engine):
    run_python(
        dedent(BEGINNING) + dedent(PROGRAMS[program]),
        environment={"MXNET_ENGINE_TYPE": engine}.items(),
        timeout=60,
    )


@pytest.mark.parametrize("name", [*OTHERS.split(), "softmin", "crelu"])
def test_bfloat16_has_the_bits_of_pytorch(name):
    torch = pytest.importorskip("torch")
    given = further_inputs(name, (6, 8), 8)
    x = np.random.default_rng(3).normal(0.0, 4.0, (6, 8))
    ours, theirs = strict(name), strict(name, backend="torch")
    arrays = [
        mx.nd.array(a, dtype="bool")
        if a.dtype == bool
        else mx.nd.amp_cast(mx.nd.array(a), dtype="bfloat16")
        for a in (x, *given)
    ]
    tensors = [
        torch.tensor(a) if a.dtype == bool else torch.tensor(a, dtype=torch.float32).bfloat16()
        for a in (x, *given)
    ]
    found, wanted = ua.value_and_grad(ours, *arrays), ua.value_and_grad(theirs, *tensors)
    pairs = zip(flat(found), flat(wanted), strict=True)
    for got, want in pairs:
        if want is not None:
            numbers = mx.nd.amp_cast(got, dtype="float32").asnumpy()
            assert np.array_equal(numbers, want.float().numpy())


def flat(value_and_gradients):
    value, gradients = value_and_gradients
    return [value, *(gradients if isinstance(gradients, tuple) else [gradients])]


@pytest.mark.parametrize("name", ["softmax", "glu", "prelu"])
def test_a_gradient_in_bfloat16_is_added_to_what_is_there(name):
    given = further_inputs(name, (2, 4), 4)
    x, *weights = (mx.nd.amp_cast(mx.nd.array(a), dtype="bfloat16") for a in (X[:2], *given))
    x.attach_grad(grad_req="add")
    f, seen = strict(name), []
    for _ in range(2):
        with mx.autograd.record():
            value = f(x, *weights)
        value.backward(mx.nd.amp_cast(mx.nd.ones(value.shape) * 3, dtype="bfloat16"))
        seen.append(mx.nd.amp_cast(x.grad, dtype="float32").asnumpy())
    assert np.array_equal(2 * seen[0], seen[1])


def test_a_mask_of_numbers_in_bfloat16():
    x = mx.nd.amp_cast(mx.nd.array(X[:2]), dtype="bfloat16")
    mask = np.array([[1.0, 0.0, -0.0, 2.0], [0.0, 1.0, 1.0, 0.0]])
    numbers = mx.nd.amp_cast(mx.nd.array(mask), dtype="bfloat16")
    f = strict("masked_softmax")
    found, wanted = f(x, numbers), f(x, mx.nd.array(mask != 0, dtype="bool"))
    assert found.asnumpy().tobytes() == wanted.asnumpy().tobytes()


X = np.linspace(-4.0, 4.0, 16).reshape(4, 4)
