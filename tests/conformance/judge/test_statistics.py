"""Curves: the worst error of each stretch of inputs, for the plots."""

import math

import numpy as np
import pytest

from unified_act_conformance.judge import statistics


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_curve_has_the_worst_input_of_each_stretch(dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=2000) * 10.0 ** rng.integers(-4, 4, 2000), [0, -0.0]])
    x = np.concatenate([x, [np.inf, -np.inf, np.nan]])
    errors = rng.random(x.size)
    curve = statistics.curve_of(x, errors, dtype)
    found = {point.x: point.error for point in curve}
    assert max(found.values()) == errors.max()
    assert [point.bucket for point in curve] == sorted({point.bucket for point in curve})
    assert all(0 <= point.bucket < statistics.BUCKETS for point in curve)
    assert found[np.inf] == errors[-3]
    assert found[-np.inf] == errors[-2]
    positions = [point.x for point in curve if math.isfinite(point.x)]
    assert positions == sorted(positions)
    shuffled = rng.permutation(x.size)
    again = statistics.curve_of(x[shuffled], errors[shuffled], dtype)
    assert [point.error for point in again] == [point.error for point in curve]


def test_curves_join_to_the_curve_of_all():
    rng = np.random.default_rng(1)
    x, errors = rng.normal(size=500), rng.random(500)
    whole = statistics.curve_of(x, errors, "float32")
    halves = [
        statistics.curve_of(x[part], errors[part], "float32")
        for part in (slice(250), slice(250, None))
    ]
    assert statistics.join_curves(*halves) == whole
    assert statistics.join_curves((), whole) == whole


def test_the_curve_of_nothing_is_empty():
    assert statistics.curve_of(np.array([]), np.array([]), "float32") == ()


def test_faults_stay_infinite():
    (point,) = statistics.curve_of(np.array([1.0, 1.0]), np.array([np.inf, 2.0]), "float32")
    assert point == (point.bucket, 1.0, math.inf)
