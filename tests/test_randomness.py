"""Random numbers come from what the caller gives, and from nowhere else."""

import random

import numpy as np
import pytest

import unified_act as ua
from unified_act.backend import seed_or_generator, with_generator


def call_with(record):
    def uniform_like(x, generator):
        record.append(("drawn", x, generator))
        return "noise"

    def function(x, noise):
        record.append(("called", x, noise))
        return "result"

    return with_generator(
        "some_name", function, uniform_like, lambda given: isinstance(given, np.ndarray)
    )


X = np.zeros(2)


class TestWithGenerator:
    @pytest.mark.parametrize("arguments", [(X,), (X, None)])
    def test_nothing_given(self, arguments):
        record = []
        with pytest.raises(ua.ParameterValueError, match="some_name draws random numbers: pass a"):
            call_with(record)(*arguments)
        assert record == []

    @pytest.mark.parametrize("seed", [0, 7, "generator"])
    def test_numbers_are_drawn_for_the_input(self, seed):
        record = []
        assert call_with(record)(X, seed) == "result"
        assert record == [("drawn", X, seed), ("called", X, "noise")]

    def test_by_keyword(self):
        record = []
        assert call_with(record)(X, generator=3) == "result"
        assert record[0] == ("drawn", X, 3)

    def test_an_array_is_the_numbers_themselves(self):
        record = []
        noise = np.ones(2)
        call_with(record)(X, noise)
        ((kind, x, given),) = record
        assert kind == "called"
        assert x is X
        assert given is noise

    def test_nothing_is_drawn_for_what_is_no_array(self):
        """The function then says what is wrong."""
        record = []
        call_with(record)([1.0], 3)
        assert record == [("called", [1.0], 3)]


class TestSeedOrGenerator:
    @pytest.mark.parametrize("seed", [0, 3, np.int64(3), np.uint8(3)])
    def test_integers(self, seed):
        found = seed_or_generator(seed, random.Random)
        assert found == int(seed)
        assert type(found) is int

    def test_a_generator_is_returned_as_it_is(self):
        generator = np.random.default_rng(1)
        assert seed_or_generator(generator, np.random.Generator) is generator

    @pytest.mark.parametrize(
        "given",
        [None, "3", 3.0, True, [3], random.Random(3)],
        ids=lambda given: type(given).__name__,
    )
    def test_anything_else_is_refused(self, given):
        with pytest.raises(ua.ParameterValueError, match=r"integer, from a numpy.*Generator"):
            seed_or_generator(given, np.random.Generator)
