"""From single elements to arrays: on NumPy, with functions that show what they were given."""

import numpy as np
import pytest

from unified_act.activation import Activation, Parameter
from unified_act.assembly import assemble, elements, own_parameters, pullback_of, pushforward_of
from unified_act_numpy import namespace

X = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
COTANGENT = np.array([[1.0, -1.0, 2.0, 0.5], [3.0, 0.25, -2.0, 1.0]])

plain = Activation(
    name="cubic",
    forward=lambda xp, x, *, a: x * x * x * a,
    derivative=lambda xp, x, *, a: x * x * (3.0 * a),
    second_derivative=lambda xp, x, *, a: x * (6.0 * a),
    parameters=[Parameter("a", 1.0)],
)
learned = Activation(
    name="line",
    kind="learned",
    inputs=("x", "slope", "shift"),
    forward=lambda xp, x, slope, shift, *, a: x * slope * a + shift,
    derivative=lambda xp, x, slope, shift, *, a: (
        slope * a + x * 0.0,
        x * a,
        xp.full_like(x, 1.0),
    ),
    second_derivative=lambda xp, x, slope, shift, *, a: (
        (x * 0.0, xp.full_like(x, a), x * 0.0),
        (xp.full_like(x, a), x * 0.0, x * 0.0),
        (x * 0.0, x * 0.0, x * 0.0),
    ),
    parameters=[Parameter("axis", 1), Parameter("a", 1.0)],
)
gated = Activation(
    name="weighted",
    kind="gated",
    resizes=True,
    forward=lambda xp, value, gate: value + gate * 10.0,
    derivative=lambda xp, value, gate: (xp.full_like(value, 1.0), xp.full_like(gate, 10.0)),
    parameters=[Parameter("axis", -1), Parameter("gate_first", False)],
)
along = Activation(
    name="centred",
    kind="axis",
    inputs=("x", "mask"),
    masks=("mask",),
    forward=lambda xp, x, mask, *, axis: x - xp.sum(xp.where(mask, x, 0.0), axis=axis),
    derivative=lambda xp, cotangent, x, mask, *, axis: (
        cotangent - xp.where(mask, xp.sum(cotangent, axis=axis), 0.0),
        None,
    ),
    second_derivative=lambda xp, direction, cotangent, x, mask, *, axis: (direction, x * 0.0),
    parameters=[Parameter("axis", -1)],
)
noisy = Activation(
    name="noisy",
    kind="stochastic",
    inputs=("x", "noise"),
    forward=lambda xp, x, noise: x * noise,
    derivative=lambda xp, x, noise: (noise, x),
)


def bound(activation, **given):
    return activation.bind(given)


class TestElements:
    def test_of_one_array(self):
        (found,) = elements(plain, namespace, bound(plain))(X)
        assert found is X

    @pytest.mark.parametrize("axis", [1, -1])
    @pytest.mark.parametrize("shape", [(), (1,)])
    def test_one_weight_meets_every_element(self, axis, shape):
        weight = np.full(shape, 3.0)
        x, spread, _ = elements(learned, namespace, bound(learned, axis=axis))(X, weight, weight)
        assert x is X
        np.testing.assert_array_equal(np.broadcast_to(spread, X.shape), np.full(X.shape, 3.0))

    @pytest.mark.parametrize(("axis", "count"), [(0, 2), (1, 4), (-1, 4), (-2, 2)])
    def test_a_weight_for_each_channel(self, axis, count):
        weight = np.arange(float(count))
        _, spread, _ = elements(learned, namespace, bound(learned, axis=axis))(X, weight, weight)
        want = np.moveaxis(np.broadcast_to(weight, np.moveaxis(X, axis, -1).shape), -1, axis)
        np.testing.assert_array_equal(np.broadcast_to(spread, X.shape), want)

    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_halves(self, axis):
        first, second = np.split(X, 2, axis=axis)
        value, gate = elements(gated, namespace, bound(gated, axis=axis))(X)
        np.testing.assert_array_equal(value, first)
        np.testing.assert_array_equal(gate, second)
        parameters = bound(gated, axis=axis, gate_first=True)
        value, gate = elements(gated, namespace, parameters)(X)
        np.testing.assert_array_equal(value, second)
        np.testing.assert_array_equal(gate, first)

    def test_noise_is_an_array_like_another(self):
        x, noise = elements(noisy, namespace, {})(X, COTANGENT)
        assert x is X
        assert noise is COTANGENT


def test_own_parameters_leave_out_those_of_the_kind():
    assert own_parameters(plain, bound(plain, a=2.0)) == {"a": 2.0}
    assert own_parameters(learned, bound(learned, axis=0)) == {"a": 1.0}
    assert own_parameters(gated, bound(gated)) == {}
    assert own_parameters(along, bound(along, axis=0)) == {"axis": 0}


class TestAssemble:
    def test_elementwise(self):
        function = assemble(plain, namespace, bound(plain, a=2.0))
        np.testing.assert_array_equal(function(X), 2 * X**3)

    def test_learned(self):
        function = assemble(learned, namespace, bound(learned, axis=0, a=2.0))
        slope, shift = np.array([1.0, 2.0]), np.array([10.0])
        np.testing.assert_array_equal(function(X, slope, shift), 2 * X * slope[:, None] + 10)

    @pytest.mark.parametrize("gate_first", [False, True])
    def test_gated(self, gate_first):
        function = assemble(gated, namespace, bound(gated, axis=0, gate_first=gate_first))
        value, gate = (X[1:], X[:1]) if gate_first else (X[:1], X[1:])
        np.testing.assert_array_equal(function(X), value + 10 * gate)

    def test_along_an_axis(self):
        function = assemble(along, namespace, bound(along, axis=0))
        mask = np.array([[True] * 4, [False] * 4])
        np.testing.assert_array_equal(function(X, mask), X - X[:1])

    def test_stochastic(self):
        np.testing.assert_array_equal(assemble(noisy, namespace, {})(X, COTANGENT), X * COTANGENT)


class TestPullback:
    def test_without_a_derivative_there_is_none(self):
        bare = Activation(name="bare", forward=lambda xp, x: x)
        assert pullback_of(bare, namespace, {}) is None

    def test_elementwise(self):
        pullback = pullback_of(plain, namespace, bound(plain, a=2.0))
        (found,) = pullback(COTANGENT, X)
        np.testing.assert_array_equal(found, COTANGENT * 6 * X**2)

    @pytest.mark.parametrize("shape", [(), (1,)])
    def test_one_weight_gets_the_sum_of_all(self, shape):
        pullback = pullback_of(learned, namespace, bound(learned))
        slope, shift = np.full(shape, 3.0), np.full(shape, 1.0)
        by_x, by_slope, by_shift = pullback(COTANGENT, X, slope, shift)
        np.testing.assert_array_equal(by_x, COTANGENT * 3)
        assert by_slope.shape == by_shift.shape == shape
        np.testing.assert_allclose(by_slope, np.sum(COTANGENT * X))
        np.testing.assert_allclose(by_shift, np.sum(COTANGENT))

    @pytest.mark.parametrize(("axis", "count"), [(0, 2), (1, 4), (-1, 4)])
    def test_a_weight_for_each_channel_gets_the_sum_of_its_own(self, axis, count):
        pullback = pullback_of(learned, namespace, bound(learned, axis=axis))
        slope, shift = np.arange(float(count)), np.ones(1)
        _, by_slope, by_shift = pullback(COTANGENT, X, slope, shift)
        np.testing.assert_allclose(by_slope, np.sum(COTANGENT * X, axis=1 - axis % 2))
        np.testing.assert_allclose(by_shift, [np.sum(COTANGENT)])

    @pytest.mark.parametrize("axis", [0, -1])
    @pytest.mark.parametrize("gate_first", [False, True])
    def test_gated(self, axis, gate_first):
        pullback = pullback_of(gated, namespace, bound(gated, axis=axis, gate_first=gate_first))
        half = np.split(COTANGENT, 2, axis=axis)[0]
        (found,) = pullback(half, X)
        parts = [10 * half, half] if gate_first else [half, 10 * half]
        np.testing.assert_array_equal(found, np.concatenate(parts, axis=axis))

    def test_along_an_axis(self):
        mask = np.array([[True, False, True, False]] * 2)
        pullback = pullback_of(along, namespace, bound(along))
        by_x, by_mask = pullback(COTANGENT, X, mask)
        total = COTANGENT.sum(axis=-1, keepdims=True)
        np.testing.assert_array_equal(by_x, COTANGENT - np.where(mask, total, 0))
        assert by_mask is None

    def test_stochastic(self):
        by_x, by_noise = pullback_of(noisy, namespace, {})(COTANGENT, X, X + 1)
        np.testing.assert_array_equal(by_x, COTANGENT * (X + 1))
        np.testing.assert_array_equal(by_noise, COTANGENT * X)


class TestSecondDerivatives:
    """`with_pullback` is told what goes back through each function that `derivative` gives."""

    def wrapped(self, activation, **given):
        pairs = []

        def with_pullback(function, pullback):
            pairs.append((function, pullback))
            return function

        pullback_of(activation, namespace, bound(activation, **given), with_pullback)
        return pairs

    def test_elementwise(self):
        ((slope, back),) = self.wrapped(plain, a=2.0)
        np.testing.assert_array_equal(slope(X), 6 * X**2)
        (found,) = back(COTANGENT, X)
        np.testing.assert_array_equal(found, COTANGENT * 12 * X)

    def test_one_for_each_input(self):
        pairs = self.wrapped(learned, a=2.0)
        terms = (X, X * 0 + 3, X * 0 + 1)
        slopes = [slope(*terms) for slope, _ in pairs]
        for slope, wanted in zip(slopes, (X * 0 + 6, X * 2, X * 0 + 1), strict=True):
            np.testing.assert_array_equal(slope, wanted)
        rows = [back(COTANGENT, *terms) for _, back in pairs]
        zero, twice = X * 0, COTANGENT * 2
        wanted_rows = [(zero, twice, zero), (twice, zero, zero), (zero, zero, zero)]
        for row, wanted_row in zip(rows, wanted_rows, strict=True):
            for entry, wanted in zip(row, wanted_row, strict=True):
                np.testing.assert_array_equal(entry, wanted)

    def test_along_an_axis_the_mask_gets_none(self):
        mask = X > 2.0
        ((function, back),) = self.wrapped(along)
        assert function(COTANGENT, X, mask).shape == X.shape
        direction, by_x, by_mask = back(X, COTANGENT, X, mask)
        assert direction is X
        np.testing.assert_array_equal(by_x, X * 0)
        assert by_mask is None

    def test_what_has_none_is_left_to_the_framework(self):
        assert self.wrapped(gated) == []
        assert self.wrapped(noisy) == []


class TestPushforward:
    def test_is_the_sum_over_all_inputs(self):
        pushforward = pushforward_of(learned, namespace, bound(learned, a=2.0))
        slope, shift = np.array([3.0]), np.array([1.0])
        (found,) = pushforward(COTANGENT, np.array([0.5]), np.array([0.25]), X, slope, shift)
        np.testing.assert_array_equal(found, COTANGENT * 6 + 0.5 * 2 * X + 0.25)

    @pytest.mark.parametrize("gate_first", [False, True])
    def test_of_halves(self, gate_first):
        pushforward = pushforward_of(gated, namespace, bound(gated, gate_first=gate_first))
        (found,) = pushforward(COTANGENT, X)
        first, second = np.split(COTANGENT, 2, axis=-1)
        value, gate = (second, first) if gate_first else (first, second)
        np.testing.assert_array_equal(found, value + 10 * gate)

    @pytest.mark.parametrize("activation", [plain, along], ids=lambda a: a.name)
    def test_others_have_none_of_their_own(self, activation):
        assert pushforward_of(activation, namespace, bound(activation)) is None
