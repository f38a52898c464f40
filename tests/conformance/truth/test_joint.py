"""The joint oracle: values and derivatives of activations of several numbers, and their slacks."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
from flint import ctx

import unified_act as ua
from tests.conformance.truth.joint_facts import CORNERS, FORMULAS, POINTS
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.floats import half_ulp
from unified_act_conformance.problems.arrangement import Arrangement
from unified_act_conformance.problems.joint_inputs import further_inputs
from unified_act_conformance.truth.definitions import RECORDS
from unified_act_conformance.truth.elementwise import reference_of, split
from unified_act_conformance.truth.joint import Block, along, definition_of, evaluate_block
from unified_act_conformance.truth.rows import ROW_FUNCTIONS, rows

CASES = [(name, numbers, given) for name in POINTS for numbers, given in POINTS[name]]
COTANGENT = [0.5, -1.5, 0.8125, 2.0]
DIRECTION = [0.75, -0.375, 1.125, -2.0, 0.25, 1.5]
HALF_ULPS = [2.0**-25, 2.0**-23, 2.0**-26, 0.0, 2.0**-24, 2.0**-22]
DIGITS = 50
CLEAR = 30.0
"""From here on a winner is so clear that its derivative cancels in the doubles of a slack."""

every_case = pytest.mark.parametrize(("name", "numbers", "given"), CASES, ids=str)


def bound(name, given):
    mask = {key: value for key, value in given.items() if key == "mask"}
    rest = {key: value for key, value in given.items() if key != "mask"}
    return {**ACTIVATIONS.find(name).bind(rest), **mask}


def block_at(name, numbers, given, order, half_ulps=HALF_ULPS):
    """A block of that many numbers, with a cotangent and a direction where the order asks."""
    size = len(numbers)
    results = len(FORMULAS[name]([mpmath.mpf(x) for x in numbers], **bound(name, given)))
    cotangent, direction = COTANGENT[:results], DIRECTION[:size]
    return Block(
        numbers=list(numbers),
        half_ulps=half_ulps[:size],
        cotangent=cotangent if order else (),
        half_ulps_cotangent=half_ulps[:results][::-1] if order else (),
        direction=direction if order == 2 else (),
        half_ulps_direction=half_ulps[::-1][:size] if order == 2 else (),
    )


def to_mpmath(ball):
    if not ball.is_finite():
        return mpmath.mpf(float(ball))
    return mpmath.mpf(ball.mid().str(DIGITS, radius=False))


def moving(numbers):
    """The results of a formula, with 0 for those that are infinite and so do not move."""
    return [number if mpmath.isfinite(number) else mpmath.mpf(0) for number in numbers]


def differentiated(name, numbers, given, order, cotangent, direction):
    """What `evaluate_block` gives, by mpmath: formulas, differentiated numerically."""
    formula, parameters = FORMULAS[name], bound(name, given)
    x = [mpmath.mpf(number) for number in numbers]
    if order == 0:
        return formula(x, **parameters)

    def weighted(index, step, along=0):
        moved = [
            number + step * (place == index) + along * d
            for place, (number, d) in enumerate(zip(x, direction or [0] * len(x), strict=True))
        ]
        return mpmath.fdot(moving(formula(moved, **parameters)), cotangent)

    if order == 1:
        return [mpmath.diff(lambda s, i=i: weighted(i, s), 0) for i in range(len(x))]
    return [mpmath.diff(lambda s, t, i=i: weighted(i, s, t), (0, 0), (1, 1)) for i in range(len(x))]


def test_every_definition_is_asked_about():
    joint = {a.name for a in ACTIVATIONS if a.kind != "elementwise"}
    assert {record.name for record in RECORDS} == joint, "a Record in truth/definitions.py"
    assert set(FORMULAS) == joint, "a second formula, for mpmath, in FORMULAS of joint_facts.py"
    assert set(POINTS) == joint, "numbers to ask about, in POINTS of joint_facts.py"


@every_case
@pytest.mark.parametrize("order", [0, 1, 2])
def test_against_mpmath(name, numbers, given, order):
    block = block_at(name, numbers, given, order)
    found, _ = evaluate_block(name, order, block, bound(name, given))
    with mpmath.workdps(DIGITS):
        wanted = differentiated(name, numbers, given, order, block.cotangent, list(block.direction))
        assert len(found) == len(wanted)
        for got, want in zip(found, wanted, strict=True):
            # A difference of second order keeps half of the digits, at the least.
            number = to_mpmath(got)
            close = number == want or mpmath.almosteq(number, want, 1e-20, 1e-20)
            assert close, (name, got, want)


@every_case
def test_along_a_direction(name, numbers, given):
    found = along(name, numbers, DIRECTION[: len(numbers)], bound(name, given))
    with mpmath.workdps(DIGITS):
        x = [mpmath.mpf(number) for number in numbers]

        def moved(step, result):
            there = [a + step * d for a, d in zip(x, DIRECTION, strict=False)]
            return moving(FORMULAS[name](there, **bound(name, given)))[result]

        for index, got in enumerate(found):
            want = mpmath.diff(lambda step, i=index: moved(step, i), 0)
            assert mpmath.almosteq(to_mpmath(got), want, 1e-20, 1e-20)


@pytest.mark.parametrize(("name", "given", "numbers", "wanted"), CORNERS, ids=str)
def test_the_constant_branch_owns_the_corner(name, given, numbers, wanted):
    parameters = bound(name, given)
    results = len(FORMULAS[name](numbers, **parameters))
    cotangent = [1.0] + [0.0] * (results - 1)
    still = [0.0] * len(numbers)
    block = Block(numbers, still, cotangent, [0.0] * results, [1.0] * len(numbers), still)
    found, _ = evaluate_block(name, 1, block, parameters)
    assert [float(value) for value in found] == wanted
    settled = definition_of(name).settled
    assert settled(numbers, parameters, 1)
    assert not settled(numbers, parameters, 2) or name == "rrelu"
    assert settled([0.3, -1.25, 2.0, 0.75, -0.5][: len(numbers)], parameters, 2)


def test_a_choice_is_differentiated_like_the_shares():
    hard = bound("gumbel_softmax", {"hard": True})
    block = block_at("gumbel_softmax", [0.3, -1.25, 0.75, 0.125], {}, 1)
    values, _ = evaluate_block("gumbel_softmax", 0, block, hard)
    assert [float(value) for value in values] == [1.0, 0.0]
    soft = bound("gumbel_softmax", {})
    for order in (1, 2):
        block = block_at("gumbel_softmax", block.numbers, {}, order)
        one, other = (evaluate_block("gumbel_softmax", order, block, p)[0] for p in (hard, soft))
        assert [float(value) for value in one] == [float(value) for value in other]


@pytest.mark.parametrize("name", ROW_FUNCTIONS)
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize(
    "row",
    [
        *([0.0], [1.0, 1.0, 1.0], [0.3, -1.25, 2.0, 7.5], [-1e-3, 1e-3, 0.0]),
        *([40.0, -3.0, 0.5], [1e3, -1e3, 999.0], [600.0, 0.0]),
    ],
    ids=str,
)
def test_against_the_oracle_of_rows(name, order, dtype, row):
    """Which was written by hand, with another Jacobian."""
    x = np.array([row])
    cotangent = np.resize(COTANGENT, x.shape)
    reference, slack = rows(
        name,
        order,
        x,
        cotangent if order else None,
        half_ulp_x=half_ulp(x, dtype),
        half_ulp_cotangent=half_ulp(cotangent, dtype) if order else None,
    )
    block = Block(
        row,
        half_ulp(x, dtype)[0].tolist(),
        cotangent[0].tolist() if order else (),
        half_ulp(cotangent, dtype)[0].tolist() if order else (),
    )
    found, slacks = evaluate_block(name, order, block, {})
    own = reference_of(*split(found))
    np.testing.assert_array_equal(own.high, reference.high[0])
    np.testing.assert_allclose(own.low, reference.low[0], rtol=1e-9, atol=0)
    if np.ptp(x) < CLEAR:
        np.testing.assert_allclose(slacks, slack[0], rtol=1e-6)


@every_case
@pytest.mark.parametrize("order", [0, 1, 2])
def test_slacks_are_what_half_an_ulp_of_everything_does(name, numbers, given, order):
    """By differences: each number, each cotangent and each direction by itself."""
    parameters = bound(name, given)
    block = block_at(name, numbers, given, order)
    _, slacks = evaluate_block(name, order, block, parameters)
    groups = ["numbers", "cotangent", "direction"][: order + 1]
    step = 2.0**-20
    wanted = np.zeros(len(slacks))
    for group in groups:
        halves = getattr(block, {"numbers": "half_ulps"}.get(group, f"half_ulps_{group}"))
        for place, half in enumerate(halves):
            ends = []
            for sign in (1.0, -1.0):
                values = list(getattr(block, group))
                values[place] += sign * step
                changed = Block(**{**vars(block), group: values})
                ends.append(evaluate_block(name, order, changed, parameters)[0])
            with ctx.workprec(200):
                slopes = [  # what stays infinite does not move
                    0.0 if a == b else float((a - b) / (2 * step))
                    for a, b in zip(*ends, strict=True)
                ]
            wanted += np.abs(slopes) * half
    np.testing.assert_allclose(slacks, wanted, rtol=1e-6, atol=1e-18)


def test_slacks_are_told_beside_a_huge_number():
    """The second derivative by value and gate is 1e-66, that by the gate twice is 1e240."""
    gate = -17.6
    block = Block((1e308, gate), (1e292, 2.0**-49), (1.0,), (0.0,))
    _, slacks = evaluate_block("geglu", 1, block, bound("geglu", {}))
    slope = gate * math.exp(-gate * gate / 2) / math.sqrt(2 * math.pi)  # of gelu, but for 1 %
    assert slacks[0] == pytest.approx(abs(slope) * 2.0**-49, rel=0.05)


ARRANGED = [
    (name, given, axis)
    for name, given in (
        *(("softmax", {}), ("masked_softmax", {}), ("crelu", {}), ("maxout", {"groups": 2})),
        *(("glu", {}), ("glu", {"gate_first": True}), ("xielu", {}), ("prelu", {})),
        *(("gumbel_softmax", {}), ("rrelu", {}), ("rrelu", {"training": True})),
    )
    for axis in (0, 1, 2, -1, -2, -3)
    if name != "rrelu" or axis == 0
]
SHAPE = (4, 2, 6)


@pytest.mark.parametrize(("name", "given", "axis"), ARRANGED, ids=str)
@pytest.mark.parametrize("channels", [False, True])
class TestArrangement:
    def arranged(self, name, given, axis, channels):
        """The arrangement with its inputs, all different numbers."""
        activation = ACTIVATIONS.find(name)
        with_axis = {} if name == "rrelu" else {"axis": axis}
        parameters = activation.bind({**given, **with_axis})
        x = np.arange(1.0, 49.0).reshape(SHAPE) / 64
        further = further_inputs(activation, parameters, "float64", SHAPE)
        if channels and activation.kind == "learned":
            count = SHAPE[axis]
            further = [np.linspace(0.25 + i, 1.25 + i, count) for i, _ in enumerate(further)]
        return parameters, [x, *further], Arrangement(activation, parameters, [x, *further])

    def test_there_and_back(self, name, given, axis, channels):
        parameters, arrays, arrangement = self.arranged(name, given, axis, channels)
        names = ACTIVATIONS.find(name).inputs_for(parameters)
        for role, array in zip(names, arrays, strict=True):
            blocks = arrangement.blocks_of_input(role, array)
            if role in arrangement.places:
                np.testing.assert_array_equal(
                    blocks, arrangement.numbers[:, arrangement.places[role]]
                )
            times = 1
            if (
                role in ACTIVATIONS.find(name).differentiated[1:]
            ):  # what is said of a weight is added up
                times = arrays[0].size // array.size
            np.testing.assert_allclose(arrangement.input(role, blocks), array * times, rtol=1e-14)
        results = np.arange(float(np.prod(arrangement.output_shape)))
        results = results.reshape(arrangement.output_shape)
        blocks = arrangement.blocks_of_output(results)
        assert blocks.shape[0] == arrangement.numbers.shape[0]
        np.testing.assert_array_equal(arrangement.output(blocks), results)

    def test_the_blocks_are_what_acts_together(self, name, given, axis, channels):
        """Each block by itself gives what NumPy makes of the whole."""
        parameters, arrays, arrangement = self.arranged(name, given, axis, channels)
        whole = ua.get_activation(name, backend="numpy", numerics="strict", **parameters)
        wanted = whole(*arrays)
        assert wanted.shape == arrangement.output_shape
        found = []
        for index, numbers in enumerate(arrangement.numbers):
            own = dict(parameters)
            if arrangement.masks is not None:
                own["mask"] = arrangement.masks[index].tolist()
            block = Block(numbers.tolist(), [0.0] * len(numbers))
            found.append([float(value) for value in evaluate_block(name, 0, block, own)[0]])
        np.testing.assert_allclose(arrangement.output(np.array(found)), wanted, rtol=1e-13)


def test_weights_meet_the_channels_of_their_axis():
    x, weight = np.arange(-6.0, 0.0).reshape(2, 3), np.array([1.0, 2.0])
    arrangement = Arrangement(ACTIVATIONS.find("prelu"), {"axis": 0}, [x, weight])
    pairs = itertools.product(range(2), range(3))
    assert arrangement.numbers.tolist() == [[x[i, j], weight[i]] for i, j in pairs]
    sums = arrangement.input("weight", arrangement.numbers[:, :1])
    assert sums.tolist() == [-15.0, -6.0]
