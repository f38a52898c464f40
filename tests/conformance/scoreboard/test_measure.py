"""What is found at the outputs of a function: faults that are planted, and nothing else."""

import math

import numpy as np
import pytest

from unified_act_conformance.floats import float_format, round_to, to_type, widen
from unified_act_conformance.scoreboard import DTYPES, SIZE, Cell, expected, measure, points
from unified_act_conformance.scoreboard.measure import CURVE, FAULT
from unified_act_conformance.subject import Subject, subject_of
from unified_act_conformance.truth import enclose, truth_of

ORDERS = (0, 1, 2)
LEAKY = subject_of("leaky_relu(negative_slope=0.25)")


def right_of(name, dtype="float16", orders=ORDERS):
    return expected(subject_of(name), dtype, orders)


def outputs_of(right, order):
    """The numbers nearest to the exact ones."""
    return to_type(right.orders[order].high, right.dtype)


def planted(right, order, changes):
    """Right outputs, but at some inputs."""
    outputs = outputs_of(right, order)
    for x, value in changes.items():
        outputs[right.x == x] = value
    return measure("f", outputs, right, order)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_inputs(dtype):
    found = points(LEAKY, dtype)
    wide = dtype == "float32"
    assert found.size == (SIZE if wide else 2**16)
    numbers = found[~np.isnan(widen(found))]
    assert (np.diff(widen(numbers)) >= 0)[1:-1].all()
    bits = found.view(f"u{found.dtype.itemsize}")
    assert np.unique(bits).size == found.size
    assert (widen(numbers[0]), widen(numbers[-1])) == (-math.inf, math.inf)
    zeros = np.signbit(widen(numbers[numbers == 0]))
    assert zeros.tolist() == [True, False]
    if wide:  # all binades of both signs
        assert np.unique(bits >> 23).size == 2**9


@pytest.mark.parametrize("name", ["gelu", "relu", "exponential", "hard_sigmoid", "softplus"])
@pytest.mark.parametrize("order", ORDERS)
def test_what_is_right_is_found_right(name, order):
    right = right_of(name)
    cell = measure("f", outputs_of(right, order), right, order)
    assert cell.ulp <= 0.5
    nothing = Cell("f", name, {}, "float16", order, inputs=2**16, ulp=cell.ulp, units=cell.units)
    assert cell == nothing
    assert cell.curve == ""


def test_an_error_is_measured_in_units_of_the_exact_value():
    right = right_of("gelu")
    cell = planted(right, 0, {-2.0: -0.046})
    x = np.array([-2.0])
    exact = enclose("gelu", 0, x, {}).mid[0]
    got = float(np.float16(-0.046))
    assert cell.ulp == pytest.approx(abs(got - exact) / 2.0**-15, rel=1e-3)
    slope = enclose("gelu", 1, x, {}).mid[0]
    allowance = 2.0**-15 + 0.5 * 2.0**-9 * abs(slope) + 2.0**-10
    assert cell.units == pytest.approx(abs(got - exact) / allowance, rel=1e-3)
    assert cell.units_at is None
    assert cell.at == (-2.0, pytest.approx(got, rel=1e-4), pytest.approx(exact, rel=1e-8))
    assert cell.many == 1
    doubled = math.ceil(math.log2(cell.ulp / 0.5))
    assert set(cell.curve) == {CURVE[0], CURVE[doubled]}


def test_a_tail_that_comes_as_0_is_seen():
    right = right_of("gelu", "bfloat16", (0,))
    outputs = outputs_of(right, 0)
    units = measure("f", outputs, right, 0).units
    outputs[(right.x < -8) & (right.x > -12)] = 0
    cell = measure("f", outputs, right, 0)
    assert 2.0**7 <= cell.ulp <= 2.0**8
    assert cell.units == units
    assert -12 < cell.at[0] < -8


def test_the_largest_error_in_units_may_be_elsewhere():
    changes = {1.0: 0.75, -5.0: -1e-4}  # the second is much more of the exact value
    cell = planted(right_of("gelu"), 0, changes)
    assert cell.at[0] == -5.0
    assert cell.units_at[:2] == (1.0, 0.75)


def test_flushed_subnormal_numbers_are_counted_apart():
    right = right_of("identity", "bfloat16", (0,))
    tiny = float_format("bfloat16").smallest_normal
    outputs = outputs_of(right, 0)
    outputs[abs(right.x) < tiny] = 0
    cell = measure("f", outputs, right, 0)
    assert (cell.ulp, cell.many, cell.flushed) == (0.0, 0, 2 * 127)
    outputs[abs(right.x) < tiny] = math.nan
    assert (planted(right, 0, {}).flushed, measure("f", outputs, right, 0).nan) == (0, 256)


def test_what_is_wrong_at_infinities():
    cell = planted(right_of("silu"), 0, {-math.inf: math.nan, math.inf: math.inf})
    ((x, got, want),) = cell.ends
    assert (x, want) == (-math.inf, 0.0)
    assert math.isnan(got)
    assert (cell.faults, cell.ulp <= 0.5) == (0, True)
    assert planted(right_of("relu"), 1, {math.inf: 2.0}).ends == ((math.inf, 2.0, 1.0),)
    # No limit is known of x cos x.
    assert planted(right_of("gcu"), 0, {math.inf: math.nan, -math.inf: 7.0}).ends == ()


def test_a_kink_counts_apart():
    right = right_of("relu")
    cell = planted(right, 1, {0.0: 0.5})
    assert cell.kinks == ((0.0, 0.5, 0.0), (0.0, 0.5, 0.0))  # both zeros
    assert (cell.ulp, cell.curve) == (0.0, "")
    assert planted(right, 0, {0.0: 0.5}).ulp == pytest.approx(2.0**23, rel=1e-3)
    # Of the second derivative nobody says what it is there, but it is a number.
    assert planted(right, 2, {0.0: 0.5}).kinks == ()
    assert len(planted(right, 2, {0.0: math.nan}).kinks) == 2


def test_a_wrong_second_derivative():
    cell = planted(right_of("softplus"), 2, {1.0: 0.3})
    assert cell.many == 1
    assert cell.at[0] == 1.0


def test_nan_and_infinities_at_finite_inputs():
    right = right_of("softplus")
    cell = planted(right, 0, {3.0: math.nan, -100.0: math.inf, 2.0: -math.inf})
    assert (cell.nan, cell.infinite, cell.faults) == (1, 2, 3)
    assert cell.fault == (2.0, -math.inf, pytest.approx(2.126928, rel=1e-6))
    assert cell.worst == math.inf
    assert FAULT in cell.curve
    assert cell.ulp <= 0.5


def test_beyond_the_largest_number():
    right = right_of("exponential")
    largest = float_format("float16").largest
    assert planted(right, 0, {12.0: largest}).ulp == 1.0
    assert planted(right, 0, {12.0: 60000.0}).infinite == 1
    assert planted(right, 0, {12.0: -math.inf}).infinite == 1
    assert planted(right, 0, {12.0: math.inf}) == planted(right, 0, {})


def test_a_number_for_nan():
    right = right_of("relu")
    outputs = outputs_of(right, 0)
    outputs[np.isnan(right.x)] = 0
    assert measure("f", outputs, right, 0).lost == 2046
    assert measure("f", outputs_of(right, 1) * 0 + 1, right, 1).lost == 0


def test_what_is_not_offered():
    cell = measure("f", "it has no kernel", right_of("relu", orders=(0,)), 0)
    assert (cell.why, cell.worst) == ("it has no kernel", -1.0)


@pytest.mark.parametrize("order", ORDERS)
def test_a_cell_comes_back_from_json(order):
    cell = planted(
        right_of("leaky_relu(negative_slope=0.25)"),
        order,
        {0.0: 9.0, 1.0: math.nan, -math.inf: 3.0, -2.0: 1.5},
    )
    document = cell.document()
    assert Cell.of_document(document).document() == document
    assert document["parameters"] == {"negative_slope": 0.25}


def test_the_truth_is_the_oracles():
    right = right_of("mish", "bfloat16")
    chosen = np.random.default_rng(3).choice(right.x.size, 500, replace=False)
    for order in ORDERS:
        want = truth_of(Subject("mish")).evaluate(order, right.x[chosen])
        mine = right.orders[order].high[chosen]
        nearest = round_to(want.high, want.low, "bfloat16")
        assert np.array_equal(widen(to_type(mine, "bfloat16")), nearest, equal_nan=True)
