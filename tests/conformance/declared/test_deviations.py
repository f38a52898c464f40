"""Declared deviations: the file, and that a declaration is held to in both directions."""

import dataclasses
import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from packaging.specifiers import SpecifierSet

import unified_act as ua
from unified_act_conformance.declared import deviations
from unified_act_conformance.declared.deviations import Deviation, list_deviations
from unified_act_conformance.judge import runner
from unified_act_conformance.subject.cases import DTYPES, ORDERS, Case, Subject
from unified_act_conformance.truth.records import list_subjects

ROOT = Path(__file__).parents[3]
CASE = Case(Subject("relu"), "numpy", "float32", 0)
ours = ua.get_activation
every_deviation = pytest.mark.parametrize("deviation", list_deviations(), ids=lambda d: d.id)


@every_deviation
class TestFile:
    def test_names_what_exists(self, deviation):
        assert deviation.backend in ua.list_backends()
        assert deviation.numerics in ("fast", "strict")
        assert bool(deviation.subjects) != deviation.flush
        assert set(deviation.subjects) <= {str(subject) for subject in list_subjects()}
        assert deviation.orders
        assert set(deviation.orders) <= set(ORDERS)
        assert deviation.dtypes
        assert set(deviation.dtypes) <= set(DTYPES)

    def test_intervals_are_in_order(self, deviation):
        assert bool(deviation.intervals) != deviation.flush
        for low, high in deviation.intervals:
            assert low <= high or (math.isnan(low) and math.isnan(high))

    def test_bound_and_versions(self, deviation):
        assert deviation.bound > 0
        assert len(SpecifierSet(deviation.versions)) >= 1

    def test_the_reason_is_a_phrase(self, deviation):
        assert len(deviation.reason.split()) >= 3
        assert deviation.link == "" or deviation.link.startswith("https://")

    def test_nothing_is_declared_twice(self, deviation):
        """Of two that cover one input the second would never be observed."""
        others = [
            other
            for other in list_deviations()
            if other.id != deviation.id
            and not (other.flush or deviation.flush)
            and other.backend == deviation.backend
            and other.numerics == deviation.numerics
            and other.versions == deviation.versions
            and set(other.subjects) & set(deviation.subjects)
            and set(other.orders) & set(deviation.orders)
            and set(other.dtypes) & set(deviation.dtypes)
        ]
        for other in others:
            ends = np.array([end for interval in other.intervals for end in interval])
            assert not covers(deviation, ends).all(), other.id


def covers(deviation, x, exact=None, got=None, **more):
    one = np.ones_like(x)
    return deviation.covers(
        x, one if exact is None else exact, one if got is None else got, "float32", **more
    )


class TestReading:
    def entries(self):
        files = ROOT.joinpath("backends").glob("unified_act_*/deviations.toml")
        tables = [tomllib.loads(file.read_text("utf-8")) for file in files]
        return [entry for table in tables for entry in table.get("deviation", ())]

    def test_every_entry_of_the_files_is_read(self):
        assert len(list_deviations()) == len(self.entries())

    def test_two_with_one_id(self, monkeypatch):
        entry = self.entry()
        monkeypatch.setattr(deviations, "backend_tables", lambda: [{"deviation": [entry, entry]}])
        with pytest.raises(ValueError, match="two deviations have one id"):
            list_deviations.__wrapped__()

    def entry(self):
        return {
            "id": "some",
            "backend": "numpy",
            "versions": ">=1",
            "subjects": ["relu"],
            "numerics": "fast",
            "orders": [0],
            "dtypes": ["float32"],
            "intervals": [["0x1p+0", "inf"]],
            "bound": 2.0,
            "reason": "a reason that explains it",
        }

    def test_hexadecimal_intervals(self):
        assert deviations._read(self.entry()).intervals == ((1.0, math.inf),)

    def test_too_short_a_reason(self):
        with pytest.raises(ValueError, match="deviation some: the reason is too short"):
            deviations._read({**self.entry(), "reason": "it is so"})

    @pytest.mark.parametrize("key", ["id", "versions", "bound", "reason"])
    def test_an_incomplete_entry(self, key):
        entry = self.entry()
        del entry[key]
        with pytest.raises((KeyError, TypeError), match=key):
            deviations._read(entry)

    def test_an_unknown_key(self):
        with pytest.raises(TypeError, match="colour"):
            deviations._read({**self.entry(), "colour": "red"})


def declared(**changes):
    deviation = Deviation(
        id="made-up",
        backend="numpy",
        versions=">=1",
        subjects=("relu",),
        numerics="fast",
        orders=(0,),
        dtypes=("float32",),
        intervals=((1.0, 2.0),),
        bound=math.inf,
        reason="a reason that explains it",
    )
    return dataclasses.replace(deviation, **changes)


class TestApplies:
    def test_a_deviation_applies_to_its_case(self):
        assert declared().applies(CASE, "fast", "1.26")

    @pytest.mark.parametrize(
        "change",
        [
            {"backend": "torch"},
            {"subjects": ("relu6",)},
            {"numerics": "strict"},
            {"orders": (1,)},
            {"dtypes": ("float64",)},
            {"versions": "<1"},
            {"devices": ("cuda",)},
        ],
        ids=str,
    )
    def test_a_deviation_applies_to_no_other_case(self, change):
        assert not declared(**change).applies(CASE, "fast", "1.26")

    def test_to_the_default_parameters_only(self):
        other = Case(Subject("leaky_relu", (("negative_slope", 0.3),)), "numpy", "float32", 0)
        assert not declared(subjects=("leaky_relu",)).applies(other, "fast", "1.26")
        assert declared(subjects=("leaky_relu(negative_slope=0.3)",)).applies(other, "fast", "1.26")

    def test_never_to_the_gradient_of_a_weight(self):
        weight = Case(Subject("prelu"), "numpy", "float32", 1, "weight")
        assert not declared(subjects=("prelu",), orders=(1,)).applies(weight, "fast", "1.26")

    def test_covers_closed_intervals_and_nan_only_where_said(self):
        x = np.array([0.999, 1.0, 1.5, 2.0, 2.001, math.nan, math.inf, -math.inf])
        assert covers(declared(), x).tolist() == [False, True, True, True, *[False] * 4]
        nan = declared(intervals=((math.nan, math.nan), (math.inf, math.inf)))
        assert covers(nan, x).tolist() == [*[False] * 5, True, True, False]


class TestFlushing:
    """Known by its outputs: 0 for a tiny result, or what a subnormal number taken for 0 makes."""

    TINY = 2.0**-130
    NORMAL = 2.0**-126

    def test_applies_to_every_activation_and_to_weights(self):
        flushing = declared(subjects=(), intervals=(), flush=True)
        weight = Case(Subject("prelu"), "numpy", "float32", 0, "weight")
        assert flushing.applies(CASE, "fast", "1.26")
        assert flushing.applies(weight, "fast", "1.26")
        assert not flushing.applies(CASE, "strict", "1.26")

    def test_an_input_that_was_taken_for_zero_and_handed_on(self):
        flushing = declared(subjects=(), intervals=(), flush=True)
        x = np.array([-self.TINY, -self.TINY, -1.0, 0.0])
        exact = np.array([0.0, self.TINY, 0.0, 0.0])
        assert covers(flushing, x, exact, x).tolist() == [True, False, False, False]
        assert not covers(flushing, x, exact, 2.0 * x)[0]

    def test_a_tiny_result_that_came_as_zero(self):
        flushing = declared(subjects=(), intervals=(), flush=True)
        x = np.array([1.0, 1.0, 1.0, 1.0])
        exact = np.array([self.TINY, self.TINY, 0.0, 1.0])
        got = np.array([0.0, self.TINY, 0.0, 0.0])
        assert covers(flushing, x, exact, got).tolist() == [True, False, False, False]

    def test_a_subnormal_summand_taken_for_zero(self):
        flushing = declared(subjects=(), intervals=(), flush=True)
        x = np.ones(4)
        exact = np.array([2000 * self.NORMAL + self.TINY, 8 * self.NORMAL, 1.0, np.inf])
        got = np.array([2000 * self.NORMAL, 7 * self.NORMAL, 1.0 + 2.0**-20, np.inf])
        found = covers(flushing, x, exact, got, summed=True)
        assert found.tolist() == [True, False, False, False]
        assert not covers(flushing, x, exact, got).any()

    def test_a_subnormal_input_taken_for_zero(self):
        flushing = declared(subjects=(), intervals=(), flush=True)
        x = np.array([0.0, self.TINY, -self.TINY, self.TINY, 2 * self.NORMAL])
        exact = np.array([5.0, 1.0, 1.0, 1.0, 1.0])
        got = np.array([5.0, 5.0, 5.0, 2.0, 5.0])
        assert covers(flushing, x, exact, got).tolist() == [False, True, True, False, False]


class TestHeldTo:
    """`relu` with a fault between 1 and 2, or without."""

    def run(self, monkeypatch, *made_up, factor=1.0 + 2.0**-20):
        relu = ours("relu", backend="numpy")

        def faulty(x):
            with np.errstate(all="ignore"):
                wrong = (relu(x) * np.float32(factor)).astype(x.dtype)
            return np.where((x >= 1) & (x <= 2), wrong, relu(x))

        monkeypatch.setattr(runner, "list_deviations", lambda: made_up)
        monkeypatch.setattr(runner, "is_outrun", lambda _: False)
        monkeypatch.setattr(ua, "get_activation", lambda *_, **__: faulty)
        (result,) = runner.run([CASE], quick=True)
        return result

    def observed(self, monkeypatch):
        error = self.run(monkeypatch).judgement.max_error
        assert 0 < error < math.inf
        return error

    def test_undeclared_is_a_failure(self, monkeypatch):
        result = self.run(monkeypatch)
        assert not result.passed
        assert "error" in result.problem
        assert result.deviations == ()

    @pytest.mark.parametrize("share", [1.0, 1.5, 1.99])
    def test_declared_passes_and_is_reported(self, monkeypatch, share):
        deviation = declared(bound=share * self.observed(monkeypatch))
        result = self.run(monkeypatch, deviation)
        assert result.passed, result.problem
        ((found, judgement),) = result.deviations
        assert found is deviation
        assert 0 < judgement.max_error <= deviation.bound
        assert result.judgement.max_error == 0

    def test_no_longer_observed(self, monkeypatch):
        result = self.run(monkeypatch, declared(), factor=1.0)
        assert result.problem == "deviation made-up is declared but was not observed"

    def test_need_not_be_observed_on_every_processor(self, monkeypatch):
        assert self.run(monkeypatch, declared(some_processors=True), factor=1.0).passed
        result = self.run(monkeypatch, declared(some_processors=True, bound=1e-3))
        assert "above its bound" in result.problem

    def test_no_input_in_the_interval(self, monkeypatch):
        nowhere = declared(intervals=((1.00000001, 1.00000002),))
        result = self.run(monkeypatch, nowhere, factor=1.0)
        assert result.problem == "deviation made-up is declared but was not observed"

    def test_worse_than_declared(self, monkeypatch):
        result = self.run(monkeypatch, declared(bound=0.9 * self.observed(monkeypatch)))
        assert "deviation made-up: error" in result.problem
        assert "above its bound" in result.problem

    def test_much_better_than_declared(self, monkeypatch):
        result = self.run(monkeypatch, declared(bound=2.1 * self.observed(monkeypatch)))
        assert "is more than twice the observed" in result.problem

    @pytest.mark.parametrize("interval", [(1.0, 1.5), (1.5, 2.0), (3.0, 4.0)])
    def test_outside_the_interval_it_still_fails(self, monkeypatch, interval):
        result = self.run(monkeypatch, declared(intervals=(interval,)))
        assert not result.passed
        assert result.problem.startswith("error")

    def test_a_finite_bound_allows_no_nan(self, monkeypatch):
        result = self.run(monkeypatch, declared(bound=1e300), factor=math.nan)
        assert "deviation made-up: error inf above its bound" in result.problem

    def test_an_infinite_bound_covers_any_error(self, monkeypatch):
        assert self.run(monkeypatch, declared(), factor=math.nan).passed

    def test_the_first_of_two_takes_what_both_cover(self, monkeypatch):
        result = self.run(monkeypatch, declared(), declared(id="other"))
        assert result.problem == "deviation other is declared but was not observed"
