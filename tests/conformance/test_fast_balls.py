"""Balls in double precision against `arb`: what they enclose, and what their bounds rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from numpy.typing import NDArray

from unified_act_conformance.truth import balls
from unified_act_conformance.truth.balls import ERF_ULPS, LIBRARY_ULPS, Balls

Doubles = NDArray[np.float64]
Number = Any

FUNCTIONS: dict[str, tuple[float, float]] = {
    "exp": (-745.0, 709.0),
    "expm1": (-745.0, 709.0),
    "log": (5e-324, 1e308),
    "log1p": (-1 + 2**-53, 1e308),
    "tanh": (-1e308, 1e308),
    "erf": (-1e308, 1e308),
    "erfc": (-1e308, 27.2),
    "sin": (-1e308, 1e308),
    "cos": (-1e308, 1e308),
    "atan": (-1e308, 1e308),
    "sqrt": (0.0, 1e308),
}
"""What formulas may use, and where the result is a normal double or no smaller than one."""

OPERATIONS: dict[str, Callable[[Number, Number], Number]] = {
    "sum": lambda a, b: a + b,
    "difference": lambda a, b: a - b,
    "product": lambda a, b: a * b,
    "quotient": lambda a, b: a / b,
    "power": lambda a, _: a**3,
    "inverse": lambda a, _: 1 / a,
    "constant on the left": lambda a, _: 3 - a,
    "arb on the left": lambda a, _: arb("0.1") * a,
    "arb on the right": lambda a, _: a / arb("0.7"),
    "abs": lambda a, _: abs(a),
    "negation": lambda a, _: -a,
    "sign": lambda a, _: a.sgn(),
}


def numbers(low: float = -1e308, high: float = 1e308) -> Doubles:
    """Doubles of every size, and evenly spread ones of the size at which functions bend."""
    random = np.random.default_rng(20261124)
    sizes = np.ldexp(1 + random.random(3000), random.integers(-1074, 1023, 3000))
    near = np.concatenate([random.uniform(-40, 40, 3000), random.uniform(-1, 1, 1000)])
    found = np.concatenate([sizes, -sizes, near, [low, high, 1.0, -1.0, 0.5]])
    return np.unique(found[(found >= low) & (found <= high)])


def encloses(ball: Balls, exact: list[arb]) -> NDArray[np.bool_]:
    """Whether each radius covers the exact number; what is unknown covers everything."""
    radii = np.broadcast_to(ball.rad, ball.mid.shape)
    with ctx.workprec(300):
        return np.array(
            [
                not np.isfinite(mid + rad) or bool(abs(number - mid).abs_lower() <= rad)
                for mid, rad, number in zip(ball.mid.tolist(), radii.tolist(), exact, strict=True)
            ]
        )


def exactly(name: str, points: Iterable[float | arb]) -> list[arb]:
    # Sines of huge numbers need the digits of pi that the exponent asks for.
    with ctx.workprec(1400 if name in ("sin", "cos") else 200):
        return [getattr(arb(point), name)() for point in points]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_library_is_as_good_as_is_claimed(name: str) -> None:
    points = numbers(*FUNCTIONS[name])
    with np.errstate(all="ignore"):
        values = getattr(Balls(points), name)().mid
    exact = exactly(name, points.tolist())
    claimed = {"erf": ERF_ULPS, "erfc": ERF_ULPS, "sqrt": 0.5}.get(name, LIBRARY_ULPS)
    with ctx.workprec(200):
        worst = max(
            float(abs(number - value)) / np.spacing(abs(value))
            for number, value in zip(exact, values.tolist(), strict=True)
        )
    assert 0 < worst <= claimed


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("width", [0.0, 2.0**-50, 0.1, 30.0])
def test_functions_enclose_the_ends_of_a_ball(name: str, width: float) -> None:
    points = numbers(*FUNCTIONS[name])[::7]
    radii = width * np.minimum(abs(points), 10.0)
    with np.errstate(all="ignore"):
        ball = getattr(Balls(points, radii), name)()
        known = np.isfinite(ball.mid) & np.isfinite(ball.rad)
    if width < 0.1:
        assert np.mean(known) > 0.95
    for side in (-1, 1):
        with ctx.workprec(1400):
            ends = [arb(x) + side * arb(r) for x, r in zip(points, radii, strict=True)]
        # Beyond the function's domain it is not a number, and unknown to the balls too.
        exact = exactly(name, ends)
        real = np.array([number.is_finite() for number in exact])
        assert not known[~real].any()
        assert encloses(ball, exact)[real].all()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("width", [0.0, 2.0**-50, 0.2])
def test_operations_enclose_what_arb_gives(name: str, width: float) -> None:
    random = np.random.default_rng(7)
    left = numbers(-1e90, 1e90)[::3]
    right = random.permutation(left)
    radii = width * abs(left), width * abs(right)
    with np.errstate(all="ignore"):
        ball = OPERATIONS[name](Balls(left, radii[0]), Balls(right, radii[1]))
    if width < 0.1:
        assert np.mean(np.isfinite(ball.rad)) > 0.9
    for ends in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        with ctx.workprec(300):
            exact = [
                OPERATIONS[name](arb(a) + ends[0] * arb(p), arb(b) + ends[1] * arb(q))
                for a, b, p, q in zip(left, right, *radii, strict=True)
            ]
        assert encloses(ball, exact).all()


def test_exact_operations_stay_exact() -> None:
    x = Balls(np.array([-2.5, 0.0, 3.0]))
    for result in (x, -x, abs(x), x * 0, x * 1, x * arb(0), x.sgn()):
        assert not np.any(result.rad)
    assert not np.signbit((x * 0).mid).any()  # there is one zero


def test_constants_carry_what_a_double_leaves_over() -> None:
    with ctx.workprec(160):
        third = Balls.of(arb(1) / 3)
        assert Balls.of(arb(0.75)).rad == 0
        assert abs(arb(1) / 3 - third.mid) <= third.rad < 1e-16


def test_what_cannot_be_bounded_is_unknown() -> None:
    wide = Balls(np.array([1.0]), np.array([2.0]))
    with np.errstate(all="ignore"):
        unknown = [
            1 / wide,
            wide.sqrt(),
            wide.log(),
            (wide - 1).log1p(),
            Balls(np.ones(1) * 800).exp(),
        ]
    assert not any(np.isfinite(ball.rad).any() for ball in unknown)
    assert wide.sgn().rad == 1
    with pytest.raises(ValueError, match="-1"):
        wide**-1


def test_branches_see_their_own_inputs_only() -> None:
    seen: list[Doubles] = []

    def below(x: Balls) -> tuple[Balls, float]:
        seen.append(x.mid)
        return x * 2, 1.0

    x = Balls(np.array([1.0, -1.0, 0.0, 0.5]), np.array([0.0, 0.0, 0.0, 1.0]))
    first, second = x.split(x, 0.0, below, lambda x: (x, 5.0))
    assert [part.tolist() for part in seen] == [[-1.0, 0.0]]
    assert first.mid[:3].tolist() == [1.0, -2.0, 0.0]
    assert second.mid[:3].tolist() == [5.0, 1.0, 1.0]
    assert np.isnan(first.mid[3])  # across the corner
    assert np.isinf(second.rad[3])


def test_a_bound_too_small_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = numbers(-700, 700)
    monkeypatch.setattr(balls._from_library, "__defaults__", (0,))
    with np.errstate(all="ignore"):
        assert not encloses(Balls(points).tanh(), exactly("tanh", points.tolist())).all()
    monkeypatch.setattr(balls, "ROUNDING", 0.0)
    with ctx.workprec(300):
        thirds = [arb(point) / 3 for point in points.tolist()]
    assert not encloses(Balls(points) / 3, thirds).all()
