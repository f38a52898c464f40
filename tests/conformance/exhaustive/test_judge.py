"""What is found at many inputs: faults that are planted, and nothing else."""

from dataclasses import dataclass

import numpy as np
import pytest

import unified_act as ua
from unified_act_conformance.exhaustive import Part, Task, judge_part, parts_of
from unified_act_conformance.exhaustive.finding import LISTED, Finding, total
from unified_act_conformance.exhaustive.judge import _nearest
from unified_act_conformance.floats import round_to, widen
from unified_act_conformance.subject import registered, subject_of
from unified_act_conformance.truth import evaluate_once

SOME = (0, 0x7F7, 0x7F8, 0x7F9, 0xFF8)
ALL = parts_of("float16")[0]
FLOAT16 = 63_490


def task(name, dtype="float16", backend="numpy", numerics="strict"):
    return Task(subject_of(name), backend, dtype, numerics)


def test_every_number_is_in_one_part():
    whole = ALL.numbers()
    assert whole.size == FLOAT16
    assert not np.isnan(whole).any()
    parted = np.concatenate([part.numbers() for part in parts_of("float16", 1024)])
    assert np.array_equal(parted.view(np.uint16), whole.view(np.uint16))
    parts = parts_of("float32")
    assert [part.first for part in parts] == list(range(0, 2**32, 2**20))
    sizes = {part.first: part.numbers().size for part in parts if part.first >> 20 in SOME}
    assert sizes == {0: 2**20, 0x7F700000: 2**20, 0x7F800000: 1, 0x7F900000: 0, 0xFF800000: 1}


@pytest.mark.parametrize("dtype", ["float64"])
def test_too_many_numbers(dtype):
    with pytest.raises(ValueError, match="choose float16"):
        parts_of(dtype)


@pytest.mark.parametrize("size", [0, 3, 2**21])
def test_sizes(size):
    with pytest.raises(ValueError, match="power of 2"):
        parts_of("float32", size)


@pytest.mark.parametrize("name", ["gelu", "elu(alpha=0.25)", "relu", "mish", "hard_silu"])
def test_what_is_right_is_found_right(name):
    value, slope = judge_part(task(name), ALL)
    nothing = Finding(inputs=FLOAT16)
    assert value == nothing
    assert slope.exceptions == ()
    assert (slope.not_nearest, slope.wrong_kind) == (0, 0)


@dataclass
class Changed:
    """A function whose results somebody has changed."""

    inner: object
    value_at: object = staticmethod(lambda x, y: y)
    twin_at: object = staticmethod(lambda x, y: y)
    slope_at: object = staticmethod(lambda x, y: y)

    def value(self, inputs):
        return self.value_at(inputs[0], self.inner.value(inputs))

    def value_and_gradients(self, inputs, cotangent):
        value, (slope,) = self.inner.value_and_gradients(inputs, cotangent)
        twin = self.twin_at(inputs[0], self.value_at(inputs[0], value))
        return twin, (self.slope_at(inputs[0], slope),)


@pytest.fixture
def plant(monkeypatch):
    def planted(**changes):
        monkeypatch.setattr(
            "unified_act_conformance.exhaustive.judge.registered",
            lambda case, numerics: Changed(registered(case, numerics), **changes),
        )

    return planted


def where(at, change):
    return lambda x, y: np.where(x == np.float16(at), change(y), y)


def next_up(y):
    with np.errstate(over="ignore"):
        return np.nextafter(y, y.dtype.type(np.inf))


def test_one_number_beside(plant):
    plant(value_at=where(1.5, next_up))
    value, slope = judge_part(task("gelu"), ALL)
    assert (value.not_nearest, value.beyond_limit, value.wrong_kind) == (1, 1, 0)
    (place,) = value.exceptions
    assert (place.x, place.bits) == (1.5, np.float16(1.5).view(np.uint16))
    assert place.got == float(next_up(np.float16(place.want)))
    assert 0.5 < place.error < 1.5
    assert value.largest == place
    assert value.blocks == {0: 1}
    assert slope.not_nearest == 0


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_another_kind(plant, wrong):
    plant(slope_at=where(-2.0, lambda y: np.full_like(y, wrong)))
    value, slope = judge_part(task("gelu"), ALL)
    assert value.not_nearest == 0
    assert (slope.wrong_kind, slope.beyond_one) == (1, 1)
    assert slope.largest.error == np.inf
    assert Finding.of_document(slope.document()).largest.x == -2.0


def test_a_number_in_place_of_infinity(plant):
    plant(value_at=lambda x, y: np.where(x == np.inf, np.float16(60000), y))
    assert judge_part(task("gelu"), ALL)[0].wrong_kind == 1


def test_the_other_zero(plant):
    plant(value_at=lambda x, y: np.where(y == 0, -y, y))
    values = ua.get_activation("gelu", backend="numpy", numerics="strict")(ALL.numbers())
    assert judge_part(task("gelu"), ALL)[0].wrong_zero == np.count_nonzero(values == 0)
    plant(value_at=lambda x, y: np.where(y == 0, -y, y))
    assert judge_part(task("relu"), ALL)[0].wrong_zero == 0  # where it has no sign


def test_another_value_than_with_the_gradient(plant):
    plant(twin_at=where(3.0, next_up))
    assert judge_part(task("gelu"), ALL)[0].unlike == 1


@pytest.mark.parametrize("name", ["gelu", "tanh", "softplus", "mish"])
@pytest.mark.parametrize("first", [0x3F812345, 0xC0A00000, 0x00000001, 0xC1500000, 0x33800000])
@pytest.mark.parametrize("order", [0, 1])
def test_the_nearest_number_is_that_of_the_exact_oracle(name, first, order):
    points = widen(Part("float32", first, 64).numbers())
    nearest, _ = _nearest(task(name, "float32"), order, points, np.ones(64, dtype=bool))
    exact = evaluate_once(subject_of(name).activation, order, points, {}, "float64")
    assert np.array_equal(nearest, round_to(exact.high, exact.low, "float32"))


def test_the_sum_does_not_depend_on_the_division():
    """Of an activation that is wrong at many inputs, more than are listed."""
    wrong = task("elu(alpha=0.3)", backend="torch", numerics="fast")
    whole = judge_part(wrong, ALL)
    for size in (2**9, 2**13):
        parts = [judge_part(wrong, part) for part in parts_of("float16", size)]
        for order in (0, 1):
            assert total(part[order] for part in parts) == whole[order]
            assert total(part[order] for part in reversed(parts)) == whole[order]


def test_no_more_are_listed_than_promised(plant):
    plant(value_at=lambda x, y: np.where(x > 0, next_up(y), y))
    whole = judge_part(task("relu"), ALL)[0]
    assert whole.beyond_limit > 30_000
    assert len(whole.exceptions) == LISTED
    parts = [judge_part(task("relu"), part)[0] for part in parts_of("float16", 2**12)]
    assert total(parts) == whole
