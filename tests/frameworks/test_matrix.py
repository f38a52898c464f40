"""Activation x feature x framework: every cell is exercised, and docs/frameworks.md is true."""

import warnings
from zlib import crc32

import pytest

from docs.generate import FOLDER
from tests.frameworks.features import features, impossible
from tests.frameworks.page import page
from tests.specifications import SPECS

ONE_OF_EACH_KIND = ("gelu", "softmax", "swiglu", "xielu", "gumbel_softmax")

every_feature = pytest.mark.parametrize("feature", features(), ids=str)


@every_feature
def test_one_activation_of_each_kind(feature):
    assert_as_declared(feature, ONE_OF_EACH_KIND)


@pytest.mark.exhaustive
@every_feature
def test_every_activation(feature, one_in):
    """Of each feature another part of them, where only a part is asked for."""
    names = [name for name in SPECS if crc32(f"{feature}, {name}".encode()) % one_in == 0]
    assert_as_declared(feature, names)


def assert_as_declared(feature, names):
    """The feature works with each of these activations, but where it is declared impossible."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # frameworks warn of themselves: of exports, of tracing
        failures = feature.exercise(names)
    declared = {
        name: entry for name in names for entry in impossible() if entry.covers(feature, name)
    }
    surprises = {name: what for name, what in failures.items() if name not in declared}
    assert surprises == {}, "mend it, or list it in impossible.toml with the reason"
    assert sorted(set(declared) - set(failures)) == [], "declared as impossible, but it works"
    other = {n: what for n, what in failures.items() if declared[n].error not in what}
    assert other == {}, "fails for another reason than declared"


@pytest.mark.parametrize("entry", impossible(), ids=lambda entry: entry.reason[:40])
def test_every_declared_cell_is_one(entry):
    covered = [1 for feature in features() for name in SPECS if entry.covers(feature, name)]
    assert covered


def test_no_cell_is_declared_twice():
    for feature in features():
        for name in SPECS:
            assert sum(entry.covers(feature, name) for entry in impossible()) <= 1


def test_the_page_says_so():
    """`python -m tests.frameworks.page` writes it."""
    assert (FOLDER / "frameworks.md").read_text(encoding="utf-8") == page(), "run `make docs`"
