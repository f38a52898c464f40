"""The tables themselves: correctly rounded at all 65,536 inputs, kept within bounds, and shared."""

import gc
import os
import threading

import numpy as np
import pytest

import unified_act as ua
from unified_act.assembly import assemble
from unified_act.kernels import NARROW, table_of, tables
from unified_act.registry import ACTIVATIONS
from unified_act_conformance import inputs
from unified_act_conformance.floats import float_format, round_to, to_type, widen
from unified_act_conformance.truth import elementwise
from unified_act_conformance.truth.records import list_subjects
from unified_act_numpy import namespace

# Results beside a tie: x/2 and a trace, a slope that is not 1/6, squares.
HARD = ("gelu", "hard_sigmoid", "leaky_relu", "lisht", "mish", "tanh_shrink", "threshold")


@pytest.fixture(autouse=True)
def _tables_of_its_own():
    """No test leaves a table of an activation that it registered."""
    yield
    tables._kept.clear()


def table(name, dtype="bfloat16", **parameters):
    activation = ACTIVATIONS.find(name)
    return table_of(activation, activation.bind(parameters), dtype)


def subjects():
    """Each elementwise activation with its defaults, and with the other parameters of the suite."""
    return list_subjects(ua.list_activations(kind="elementwise"))


@pytest.mark.quick(lambda subject: subject.activation in HARD and not subject.parameters)
@pytest.mark.parametrize("subject", subjects(), ids=str)
@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("order", [0, 1])
def test_correctly_rounded_everywhere(subject, dtype, order):
    typed = inputs.sweep(dtype)
    x = widen(typed)
    assert x.size == 65_536
    exact = elementwise.evaluate(subject.activation, order, x, dict(subject.parameters), dtype)
    want = round_to(exact.high, exact.low, dtype)
    index = np.ascontiguousarray(typed).view(np.uint16)
    asked = table(subject.activation, dtype, **dict(subject.parameters))
    if order == 0:
        got = widen(asked.values()[index].view(float_format(dtype).dtype))
        other_zero = (got == 0) & (np.signbit(got) != np.signbit(want))
        assert not np.any(other_zero & (exact.high != 0))
    else:
        got = widen(to_type(asked.slopes()[index].astype(np.float64), dtype))
        want = np.where(np.isnan(x), got, want)  # which the definition decides
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", NARROW)
def test_nan_stays_what_it_was_and_quiet(dtype):
    values = table("gelu", dtype).values()
    fmt = float_format(dtype)
    bits = np.arange(65_536, dtype=np.uint16)
    nan = np.isnan(widen(bits.view(fmt.dtype)))
    quiet = np.uint16(1 << (fmt.precision - 2))
    np.testing.assert_array_equal(values[nan], bits[nan] | quiet)


def test_subnormal_numbers_are_kept():
    bits = np.arange(1, 128, dtype=np.uint16)
    np.testing.assert_array_equal(table("identity").values()[bits], bits)
    assert np.all(table("elu").values()[bits | 0x8000] == bits | 0x8000)


def test_a_slope_too_small_for_float32_is_0():
    slopes = table("exponential").slopes()
    x = widen(np.arange(65_536, dtype=np.uint16).view(float_format("bfloat16").dtype))
    assert not np.any(slopes[x < -110.0])


def test_a_function_bends_where_the_composition_does():
    """At a threshold that is no number of float32, which the composition computes in."""
    just_below = 0.5 - 1e-12
    half = np.array([0.5]).astype(np.float16)
    f = ua.get_activation("thresholded_relu", backend="numpy", threshold=just_below)
    composed = assemble(ACTIVATIONS.find(f.name), namespace, f.parameters)
    assert f(half) == 0.0 == composed(half.astype(np.float32)) == f(half.astype(np.float32))
    assert f(half.astype(np.float64)) == 0.5


def test_minus_zero_is_another_parameter():
    plus, minus = (table("threshold", threshold=0.0, value=v).values()[0] for v in (0.0, -0.0))
    assert (plus, minus) == (0, 0x8000)


def test_equal_requests_share_a_table_until_it_is_dropped(monkeypatch):
    first = table("elu").values()
    assert table("elu").values() is first
    assert not first.flags.writeable
    monkeypatch.setattr(tables, "MOST_BYTES", 3 * first.nbytes)
    for alpha in (0.1, 0.2, 0.3):
        table("elu", alpha=alpha).values()
        assert sum(array.nbytes for array in tables._kept.values()) <= 3 * first.nbytes
    again = table("elu").values()
    assert again is not first
    np.testing.assert_array_equal(again, first)
    table("elu", alpha=0.4).values()
    assert table("elu").values() is again  # read more lately than others


def test_a_new_activation_of_an_old_name_has_its_own_table():
    def made(factor):
        return ua.Activation(name="multiple", forward=lambda xp, x: x * factor)

    bits = [table_of(made(factor), {}, "float16").values()[0x3C00] for factor in (2.0, 4.0)]
    assert bits == [0x4000, 0x4400]
    gc.collect()
    assert table_of(made(8.0), {}, "float16").values()[0x3C00] == 0x4800


def test_threads_read_the_same(monkeypatch):
    monkeypatch.setattr(tables, "MOST_BYTES", 2**19)  # so that they drop what others read
    names = ("elu", "gelu", "mish", "silu", "softplus", "tanh")
    want = {name: table(name).values().copy() for name in names}
    wrong = []

    def read():
        for _ in range(20):
            wrong.extend(n for n in names if not np.array_equal(table(n).values(), want[n]))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


FORKED = """
import os, threading
import numpy as np
import unified_act as ua
from unified_act.kernels import tables

tables.MOST_BYTES = 2**18  # so that they are made again and again
x = np.linspace(-4, 4, 9).astype(np.float16)
functions = [ua.get_activation(n, backend="numpy") for n in ("elu", "mish", "silu", "tanh")]
want = [f(x).tobytes() for f in functions]
busy = True

def read():
    while busy:
        for f in functions:
            f(x)

threads = [threading.Thread(target=read) for _ in range(3)]
for thread in threads:
    thread.start()
children = []
for _ in range(20):
    child = os.fork()
    if not child:
        os._exit([f(x).tobytes() for f in functions] != want)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
busy = False
print(sum(codes))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_processes_forked_while_tables_are_made(run_python):
    assert run_python(FORKED).strip() == "0"


def test_a_definition_that_is_not_computed_in_float64_is_refused():
    @ua.register_activation("constant", derivative=lambda xp, x: xp.full_like(x, 0.0))
    def constant(xp, x):
        return xp.full_like(x, 1.0)

    activation = ACTIVATIONS.find("constant")
    object.__setattr__(activation, "forward", lambda xp, x: np.float32(1.0))
    with pytest.raises(ua.UnsupportedError, match=r"constant: .* float32"):
        table("constant").values()


def test_importing_tables_imports_no_numpy(run_python):
    code = "import sys, unified_act.kernels; print('numpy' in sys.modules)"
    assert run_python(code).strip() == "False"
