"""What is varied follows from the specification, and every pair of values is tried."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from unified_act.backend import DTYPES
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.dimensions.setting import (
    MOST_VALUES,
    PLACES,
    SEVERAL_AXES,
    bound,
    dimensions_of,
    lengthened,
    settings_of,
)
from unified_act_conformance.truth import list_subjects

NAMES = [activation.name for activation in ACTIVATIONS.load_all()[0]]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("gelu", {"place", "elements", "batch", "layout", "before", "threads"}),
        ("elu", {"alpha"}),
        ("hard_tanh", {"min_value", "max_value"}),
        ("softmax", {"row", "place", "batch"}),
        ("masked_softmax", {"mask", "row"}),
        ("gumbel_softmax", {"tau", "hard", "row"}),
        ("maxout", {"groups", "row"}),
        ("glu", {"gate_first", "interleaved", "row", "elements"}),
        ("rrelu", {"training", "lower", "upper"}),
        ("xielu", {"weight alpha_p", "weight alpha_n", "channels", "beta", "elements"}),
    ],
)
def test_dimensions_follow_from_the_specification(name: str, wanted: set[str]) -> None:
    (base, *_) = list_subjects([name])
    found = {d.name for d in dimensions_of(ACTIVATIONS.find(name), base.parameters)}
    assert wanted | {"dtype", "order"} <= found


def test_an_axis_is_tried_in_arrays_of_1_to_5_dimensions_from_both_ends() -> None:
    dimensions = {d.name: d for d in dimensions_of(ACTIVATIONS.find("softmax"), ())}
    every = dimensions["place"].values
    assert any(isinstance(axis, tuple) for _, axis in every)  # several at once
    places = [(rank, axis) for rank, axis in every if isinstance(axis, int)]
    assert {rank for rank, _ in places} == {1, 2, 3, 4, 5}
    assert {axis for _, axis in places} >= {-5, -4, -3, -2, -1, 0, 1, 2, 3, 4}
    assert all(-rank <= axis < rank for rank, axis in places)
    assert {1, 2, 33, 257, 4096, 70_000} <= set(dimensions["row"].values)


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_tried_and_every_setting_is_possible(name: str) -> None:
    activation, (base, *_) = ACTIVATIONS.find(name), list_subjects([name])
    for pairs in (False, True):
        settings = settings_of(activation, base.parameters, pairs)
        for setting in settings:
            bound(activation, setting)
        free = [d for d in dimensions_of(activation, base.parameters) if d.name not in CONSTRAINED]
        for dimension in free:
            tried = {s[dimension.name] for s in settings}
            if pairs or len(dimension.values) <= MOST_VALUES:
                assert tried >= set(dimension.values), dimension.name
            else:
                assert dimension.values[0] in tried
                assert len(tried) == MOST_VALUES


def test_of_many_places_a_quick_run_tries_all_with_one_activation_or_another() -> None:
    along_axis = [name for name in NAMES if ACTIVATIONS.find(name).along_axis]
    tried = {
        setting["place"]
        for name in along_axis
        for setting in settings_of(
            ACTIVATIONS.find(name), list_subjects([name])[0].parameters, False
        )
    }
    assert tried >= {*PLACES, *SEVERAL_AXES}


CONSTRAINED = ("min_value", "max_value", "lower", "upper", "b")


@pytest.mark.parametrize("name", ["gelu", "softmax", "glu", "snake"])
def test_every_pair_of_values_is_tried(name: str) -> None:
    activation = ACTIVATIONS.find(name)
    settings = settings_of(activation, (), True)
    for one, other in combinations(dimensions_of(activation, ()), 2):
        names = {one.name, other.name}
        if "threads" in names and names & {"row", "elements"}:
            continue  # several threads work on small arrays only
        if names == {"place", "batch"}:
            continue  # a batch needs a second dimension
        tried = {(s[one.name], s[other.name]) for s in settings}
        pairs = set(product(one.values, other.values))
        if names == {"place", "channels"}:  # what is broadcast needs a second dimension
            pairs = {(place, c) for place, c in pairs if place[0] > 1 or isinstance(c, int)}
        assert tried >= pairs, (one.name, other.name)


def test_value_and_gradient_are_tried_with_one_parameter_changed_and_all_else_ordinary() -> None:
    activation = ACTIVATIONS.find("hard_sigmoid")
    ordinary = {each.name: each.values[0] for each in dimensions_of(activation, ())}
    found = settings_of(activation, (), True)
    for order in (0, 1):
        assert {**ordinary, "alpha": 6.0, "order": order} in found


@pytest.mark.parametrize(
    ("name", "size"),
    [("quick_geglu", {"elements": 70_000}), ("prelu", {"batch": 70}), ("softmax", {"row": 257})],
)
def test_second_derivatives_are_tried_of_large_arrays_that_are_ordinary(name, size) -> None:
    activation = ACTIVATIONS.find(name)
    ordinary = {each.name: each.values[0] for each in dimensions_of(activation, ())}
    assert {**ordinary, **size, "order": 2} in settings_of(activation, (), True)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_many_short_rows_are_tried_in_every_type(dtype, order) -> None:
    activation = ACTIVATIONS.find("log_softmax")
    ordinary = {each.name: each.values[0] for each in dimensions_of(activation, ())}
    many = {**ordinary, "dtype": dtype, "order": order, "batch": 700}
    assert many in settings_of(activation, (), True)
    assert 700 * many["row"] > 5_000


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_threads_make_ordinary_calls_in_every_type(dtype) -> None:
    activation = ACTIVATIONS.find("softplus")
    ordinary = {each.name: each.values[0] for each in dimensions_of(activation, ())}
    assert {**ordinary, "dtype": dtype, "threads": 8} in settings_of(activation, (), True)


@pytest.mark.parametrize("ends", [(1.69921875, 25.3), (-25.3, -0.7)])
def test_an_interval_is_tried_that_lies_beside_the_ordinary_one(ends: tuple[float, float]) -> None:
    found = settings_of(ACTIVATIONS.find("hard_tanh"), (), True)
    tried = [each for each in found if (each["min_value"], each["max_value"]) == ends]
    assert {each["order"] for each in tried} >= {0, 1}


def test_parameters_that_cannot_be_varied_are_left_alone() -> None:
    activation = ACTIVATIONS.find("elu")
    for setting in settings_of(activation, (("alpha", 0.5),), True, True):
        assert setting["alpha"] == 0.5


def test_lengthened() -> None:
    assert lengthened((3, 5), 100) == (3, 34)
    assert lengthened((3, 50), 100) == (3, 50)
