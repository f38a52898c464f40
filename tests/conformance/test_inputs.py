"""The inputs hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unified_act.registry import ACTIVATIONS
from unified_act_conformance import inputs
from unified_act_conformance.floats import FORMATS, FloatArray, ordered, to_type, widen
from unified_act_conformance.problems.joint_inputs import weights_of
from unified_act_conformance.truth import elementwise
from unified_act_conformance.truth.records import RECORDS, record_of

WIDE = ["float32", "float64"]
NARROW = ["float16", "bfloat16"]
KINKS = (-3.0, 0.0, 6.0)
CROSSINGS = (-1.2784645427610737,)


def numbers(values: FloatArray, dtype: str) -> set[int]:
    wide = widen(values)
    return set(ordered(values[~np.isnan(wide)], dtype).tolist())


def around(centre: float, reach: int, dtype: str) -> set[int]:
    middle = int(ordered(to_type(np.array([centre]), dtype), dtype)[0])
    return set(range(middle - reach, middle + reach + 1))


@pytest.mark.parametrize("dtype", NARROW)
def test_narrow_types_are_exhaustive(dtype: str) -> None:
    values = inputs.sweep(dtype)
    assert values.dtype == FORMATS[dtype].dtype
    assert np.unique(values.view(np.uint16)).size == values.size == 65_536


@pytest.mark.parametrize("dtype", WIDE)
def test_every_binade_of_both_signs(dtype: str) -> None:
    fmt = FORMATS[dtype]
    values = widen(inputs.sweep(dtype))
    values = values[np.isfinite(values) & (values != 0)]
    exponents = np.frexp(values)[1] - 1
    for sign in (-1.0, 1.0):
        present = set(exponents[np.sign(values) == sign].tolist())
        assert present == set(range(fmt.min_exponent - fmt.precision + 1, fmt.max_exponent + 1))


@pytest.mark.parametrize("dtype", WIDE)
def test_sizes(dtype: str) -> None:
    assert 15_000 < inputs.sweep(dtype).size < 25_000
    assert 2_000 < inputs.quick(dtype).size < 5_000


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_quick_sweep_is_small_for_every_type(dtype: str) -> None:
    assert 2_000 < inputs.quick(dtype).size < 5_000


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("count", [None, 3_000, 300])
def test_special_values(dtype: str, count: int | None) -> None:
    fmt = FORMATS[dtype]
    values = widen(inputs.sweep(dtype, count=count))
    assert np.isnan(values).any()
    zeros = values[values == 0]
    assert np.signbit(zeros).any()
    assert not np.signbit(zeros).all()
    magnitudes = [
        fmt.smallest_subnormal,
        fmt.smallest_normal - fmt.smallest_subnormal,
        fmt.smallest_normal,
        fmt.largest,
        math.inf,
    ]
    for magnitude in magnitudes:
        assert {magnitude, -magnitude} <= set(values.tolist())


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("count", [None, 3_000])
def test_neighbourhoods(dtype: str, count: int | None) -> None:
    present = numbers(inputs.sweep(dtype, kinks=KINKS, crossings=CROSSINGS, count=count), dtype)
    for kink in KINKS:
        assert around(kink, 4, dtype) <= present
    for crossing in CROSSINGS:
        assert around(crossing, 64, dtype) <= present
    for threshold in inputs.THRESHOLDS:
        if abs(threshold) < FORMATS[dtype].largest:
            assert around(threshold, 4, dtype) <= present


@pytest.mark.parametrize("dtype", WIDE)
def test_dense_where_activations_bend(dtype: str) -> None:
    values = widen(inputs.sweep(dtype))
    values = np.sort(values[np.abs(values) <= 20])
    assert np.max(np.diff(values)) < 0.01


@pytest.mark.parametrize("dtype", WIDE)
def test_distinct_increasing_and_deterministic(dtype: str) -> None:
    values = inputs.sweep(dtype, kinks=KINKS)
    steps = np.diff(ordered(values[:-1], dtype))
    assert np.isnan(values[-1])
    assert np.count_nonzero(steps <= 0) == 1  # the two zeros
    assert values.tobytes() == inputs.sweep(dtype, kinks=KINKS).tobytes()


@pytest.mark.parametrize("name", [r.name for r in RECORDS.values() if r.crossings])
def test_crossings_are_crossings(name: str) -> None:
    roots = np.array(record_of(name).crossings)
    around_roots = roots[:, np.newaxis] + np.array([-1e-12, 1e-12])
    changes = np.zeros(roots.size, dtype=np.int64)
    for order in (1, 2, 3):
        values = elementwise.evaluate(name, order, around_roots).high
        changes += values[:, 0] * values[:, 1] < 0
    np.testing.assert_array_equal(changes, 1)


@pytest.mark.parametrize("dtype", FORMATS)
def test_rows(dtype: str) -> None:
    matrices = inputs.rows(dtype)
    assert [matrix.shape[1] for matrix in matrices] == [1, 2, 3, 10, 17, 100]
    for matrix in matrices:
        assert matrix.dtype == FORMATS[dtype].dtype
        wide = widen(matrix)
        assert (wide == -np.inf).all(axis=1).any()
        assert (wide == np.inf).any()
        assert np.isnan(wide).any()
        if matrix.shape[1] >= 3:
            assert ((wide == -np.inf).any(axis=1) & np.isfinite(wide).any(axis=1)).any()
            assert any(np.unique(row).size < row.size for row in wide[np.isfinite(wide).all(1)])
        assert np.nanmax(np.abs(wide[np.isfinite(wide)])) > FORMATS[dtype].largest / 10
        cotangent = inputs.cotangents(dtype, matrix.shape)
        assert cotangent.shape == matrix.shape
        assert cotangent.dtype == matrix.dtype
        assert np.isfinite(widen(cotangent)).all()


@pytest.mark.parametrize("dtype", FORMATS)
def test_weights(dtype: str) -> None:
    weights = widen(weights_of(ACTIVATIONS.find("prelu"), dtype)[0])
    assert {0.25, 0.0, 1.0, -0.5, 2.0} <= set(weights.tolist())
    assert np.isfinite(weights).all()
    assert np.abs(weights[weights != 0]).min() > 9e-4  # products with a tiny one would be subnormal
    assert weights.max() == FORMATS[dtype].largest / 4


def test_unknown_type() -> None:
    with pytest.raises(ValueError, match="float8"):
        inputs.sweep("float8")
