"""Planted faults: each is wrong in one dimension only, and the report names that dimension."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unified_act_conformance.dimensions import Trial, dimensions, outputs
from unified_act_conformance.harness import load_harness
from unified_act_conformance.subject import (
    DTYPES,
    Differentiated,
    Implement,
    registered,
)
from unified_act_conformance.truth import list_subjects

MAIN = threading.main_thread()


def trial_of(name: str, implement: Implement = registered) -> Trial:
    (subject, *_) = list_subjects([name])
    return Trial(subject, "numpy", "fast", load_harness("numpy"), implement)


def report(name: str, implement: Implement = registered) -> str:
    trial = trial_of(name, implement)
    found = (dimensions(trial, dtype, pairs=True) for dtype in DTYPES)
    return next(filter(None, found), "")


def planted(wrong: Callable[..., Any]) -> Implement:
    """What is registered, but `wrong(result, x, case)` in place of the result of a call."""

    def implement(case: Any, numerics: Any) -> Differentiated:
        function = registered(case, numerics).function
        return Differentiated(
            lambda *inputs: wrong(function(*inputs), inputs[0], case), load_harness("numpy")
        )

    return implement


def axis_of(case: Any) -> Any:
    return dict(case.subject.parameters).get("axis", -1)


def row_of(x: Any, case: Any) -> int:
    return int(np.prod(np.take(x.shape, axis_of(case))))


def wrong_if(condition: Callable[..., bool]) -> Implement:
    return planted(lambda y, x, case: y * x.dtype.type(1.01) if condition(x, case) else y)


FAULTS = [
    ("softmax", wrong_if(lambda x, case: axis_of(case) == 1), "at axis 1 of"),
    ("softmax", wrong_if(lambda x, case: axis_of(case) == -2), "at axis -2 of"),
    ("softmax", wrong_if(lambda x, case: x.ndim > 3), "dimensions"),
    ("softmax", wrong_if(lambda x, case: row_of(x, case) > 64), "beyond 64 in a row"),
    ("gelu", wrong_if(lambda x, case: x.ndim == 5), "in arrays of 5 dimensions"),
    ("gelu", wrong_if(lambda x, case: x.size > 65_536), "beyond 65535 elements"),
    ("gelu", wrong_if(lambda x, case: x.ndim > 1 and x.shape[0] > 64), "beyond 64 in a batch"),
    ("gelu", wrong_if(lambda x, case: not x.flags.c_contiguous), "in strided arrays"),
    ("gelu", wrong_if(lambda x, case: threading.current_thread() is not MAIN), "in 8 threads"),
    ("elu", wrong_if(lambda x, case: dict(case.subject.parameters).get("alpha", 1) > 20),
     "with alpha above 20"),
    ("elu", wrong_if(lambda x, case: dict(case.subject.parameters).get("alpha", 1) < 0.2),
     "with alpha below 0.2"),
    ("gumbel_softmax",
     wrong_if(lambda x, case: bool(dict(case.subject.parameters).get("hard")) and x.ndim > 2),
     "with hard=True"),
    ("maxout", wrong_if(lambda x, case: dict(case.subject.parameters).get("groups", 2) > 3),
     "with groups=5"),
    ("glu",
     wrong_if(lambda x, case: {"interleaved", "gate_first"} <= dict(case.subject.parameters).keys()
              and axis_of(case) == 0),
     "with interleaved=True"),
    ("clamped_swiglu", wrong_if(lambda x, case: dict(case.subject.parameters).get("limit", 7) > 20),
     "with limit above 20"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "implement", "words"), FAULTS, ids=[fault[2] for fault in FAULTS])
def test_a_fault_in_one_dimension_is_named(name: str, implement: Implement, words: str) -> None:
    found = report(name, implement)
    assert found.startswith("wrong only")
    assert words in found.partition(":")[0]


def test_a_fault_of_many_short_rows_is_named() -> None:
    implement = wrong_if(lambda x, case: x.size > 5_000 and x.ndim == 2 and row_of(x, case) < 16)
    assert report("softmax", implement).startswith("wrong only beyond 625 in a batch")


def test_a_fault_from_some_call_on_is_named() -> None:
    def implement(case: Any, numerics: Any) -> Differentiated:
        function, calls = registered(case, numerics).function, itertools.count(1)

        def counted(*inputs: Any) -> Any:
            return function(*inputs) * inputs[0].dtype.type(1.01 if next(calls) > 300 else 1.0)

        return Differentiated(counted, load_harness("numpy"))

    assert "beyond 300 calls" in report("tanh", implement)


def test_a_fault_of_large_weights_is_seen() -> None:
    def implement(case: Any, numerics: Any) -> Differentiated:
        function = registered(case, numerics).function
        return Differentiated(
            lambda x, weight: function(x, np.minimum(weight, weight.dtype.type(20.0))),
            load_harness("numpy"),
        )

    assert report("prelu", implement).startswith("wrong only with ")


def test_halves_that_are_never_interleaved_are_seen() -> None:
    def implement(case: Any, numerics: Any) -> Differentiated:
        given = tuple(pair for pair in case.subject.parameters if pair[0] != "interleaved")
        return registered(replace(case, subject=replace(case.subject, parameters=given)), numerics)

    assert "with interleaved=True" in report("swiglu", implement)


def test_what_is_right_passes() -> None:
    for name in ("clamped_swiglu", "softplus", "masked_softmax", "swiglu", "star_relu", "rrelu"):
        assert report(name) == ""


def test_an_exception_is_a_fault() -> None:
    def fails(y: Any, x: Any, case: Any) -> Any:
        if x.ndim == 4:
            raise ValueError("four")
        return y

    assert report("relu", planted(fails)).endswith("ValueError: four")


def test_the_outputs_of_all_settings_tell_a_fault_in_one_dimension() -> None:
    sound, again = (list(outputs(trial_of("softmax"), "float32")) for _ in range(2))
    assert sound == again
    wrong = trial_of("softmax", wrong_if(lambda x, case: axis_of(case) == 1))
    assert list(outputs(wrong, "float32")) != sound


def test_where_there_is_no_second_derivative_values_are_tried(monkeypatch) -> None:
    tried = set()
    monkeypatch.setattr(Trial, "fault", lambda self, setting: tried.add(setting["order"]) or "")
    assert not dimensions(trial_of("softplus"), "float64", pairs=True)
    assert tried == {0, 1}


def test_second_derivatives_are_tried_in_float32_and_another_type(monkeypatch) -> None:
    tried: dict[str, set[int]] = {}
    monkeypatch.setattr(
        Trial, "fault", lambda self, s: tried.setdefault(s["dtype"], set()).add(s["order"]) or ""
    )
    (subject, *_) = list_subjects(["softplus"])
    for dtype in DTYPES:
        trial = Trial(subject, "torch", "fast", load_harness("torch"), registered)
        assert not dimensions(trial, dtype, pairs=True)
    assert all({0, 1} <= orders for orders in tried.values())
    twice = [dtype for dtype, orders in tried.items() if 2 in orders]
    assert "float32" in twice
    assert len(twice) == 2


@pytest.mark.parametrize(("name", "large"), [("gelu", True), ("swiglu", True), ("prelu", False)])
def test_compilers_are_tried_with_many_elements(monkeypatch, name, large) -> None:
    tried: list[Any] = []
    monkeypatch.setattr(Trial, "fault", lambda self, setting: tried.append(setting) or "")
    (subject, *_) = list_subjects([name])
    trial = Trial(subject, "tensorflow", "fast", load_harness("tensorflow"), registered)
    assert not dimensions(trial, "float32", pairs=True)
    compiled = [setting for setting in tried if setting["mode"] in ("function", "jit")]
    assert compiled
    assert all((setting["elements"] > 65_536) == large for setting in compiled)
    assert all(setting["batch"] > 64 for setting in compiled)
