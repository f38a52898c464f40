"""Compiled calls: what they pass, when they are taken, and where everything else goes."""

import linecache
import math
import traceback

import pytest

from unified_act.backend import calls, dtype_test, shortcut, with_keywords, written_call


def function(x, *, slope=0.0, mode=None):
    return x, slope, mode


class Array:
    def __init__(self, dtype):
        self.dtype = dtype


def test_keywords_are_passed():
    assert with_keywords(function, {}) is function
    assert with_keywords(function, {"slope": 0.5, "mode": "leaky"})(1) == (1, 0.5, "leaky")


def test_any_number_of_inputs_is_passed_on():
    taken = with_keywords(lambda *given, slope: (given, slope), {"slope": 0.5}, ["*inputs"])
    assert taken(1, 2) == ((1, 2), 0.5)


@pytest.mark.parametrize("value", [0.1, 1 / 3, -5e-324, -math.inf, 3, True, None, "it's", "\n"])
def test_values_survive_being_written(value):
    assert with_keywords(function, {"mode": value})(1) == (1, 0.0, value)


def test_nan_survives_being_written():
    assert math.isnan(with_keywords(function, {"slope": math.nan})(1)[1])


def failing(x, slope):
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "made",
    [
        lambda: with_keywords(failing, {"slope": 0.125}),
        lambda: shortcut("x", written_call({"slope": 0.125}), abs, {"function": failing}),
    ],
    ids=["keywords", "shortcut"],
)
def test_a_traceback_shows_the_line(monkeypatch, made):
    called = made()
    with pytest.raises(ZeroDivisionError) as caught:
        called(1)
    assert "function(x, slope=0.125)" in "".join(traceback.format_exception(caught.value))
    name = called.__code__.co_filename
    monkeypatch.setattr(calls, "_KEPT", 2)
    shortcut("x", "function(x)", abs, {})
    assert name in linecache.cache
    shortcut("x", "function(x)", abs, {})  # one more than are kept
    assert name not in linecache.cache


def test_the_usual_dtype_is_asked_for_first():
    assert dtype_test(["float64", "float32"]) == "(dtype := x.dtype) is float32 or dtype is float64"
    assert dtype_test(["float64"], "x.aval.dtype") == "(dtype := x.aval.dtype) is float64"


def test_the_shortcut_is_taken_for_its_dtypes_and_the_long_way_for_others():
    wide, narrow, other = object(), object(), object()
    scope = {"function": function, "float64": wide, "float16": narrow}
    taken = shortcut(
        dtype_test(["float16", "float64"]), written_call({"slope": 2.0}), lambda x: "long", scope
    )
    for dtype in (wide, narrow):
        x = Array(dtype)
        assert taken(x) == (x, 2.0, None)
    assert taken(Array(other)) == "long"
    assert taken([1.0]) == "long"  # it has no dtype to ask for


def test_a_refusal_goes_the_long_way_and_an_error_does_not():
    def refusing(x):
        raise LookupError if x else ZeroDivisionError

    scope = {"function": refusing, "refusals": LookupError}
    taken = shortcut("True", "function(x)", lambda x: "long", scope)
    assert taken(1) == "long"
    with pytest.raises(ZeroDivisionError):
        taken(0)


def test_each_input_has_its_name_and_what_is_too_many_or_missing_goes_the_long_way():
    scope = {"function": lambda x, weight: ("short", x, weight)}
    inputs = ("x", "weight")
    call = written_call({}, inputs)
    taken = shortcut("weight > 0", call, lambda *given: given, scope, inputs)
    assert taken(1, 2) == ("short", 1, 2)
    assert taken(1, -2) == (1, -2)
    assert taken(1, None) == (1, None)
    assert taken(1) == (1,)
    assert taken(1, 2, 3) == (1, 2, 3)


def test_either_condition_is_asked_before_what_is_too_many():
    scope = {"function": lambda x, weight: "short"}
    condition = "x > 0 or weight > 0"
    taken = shortcut(condition, "function(x, weight)", lambda *given: given, scope, ("x", "weight"))
    assert taken(1, 2, 3) == (1, 2, 3)
