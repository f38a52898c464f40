"""Activation x feature x framework: every cell is exercised, and docs/frameworks.md is true."""

from zlib import crc32

import pytest

from docs.generate import FOLDER
from tests.frameworks.features import assert_as_declared, features, impossible
from tests.frameworks.page import page
from tests.specifications import SPECS

ONE_OF_EACH_KIND = ("gelu", "softmax", "swiglu", "xielu", "gumbel_softmax")

TOGETHER = sorted({feature.together for feature in features()} - {""})

every_feature = pytest.mark.parametrize(
    "feature", [feature for feature in features() if not feature.together], ids=str
)


@every_feature
def test_one_activation_of_each_kind(feature):
    assert_as_declared(feature, ONE_OF_EACH_KIND)


@pytest.mark.exhaustive
@every_feature
def test_every_activation(feature, one_in):
    assert_as_declared(feature, _part(feature, one_in))


def _part(feature, one_in):
    """One of each kind, and a part that is another one for each feature."""
    chosen = {name for name in SPECS if crc32(f"{feature}, {name}".encode()) % one_in == 0}
    return [name for name in SPECS if name in chosen.union(ONE_OF_EACH_KIND)]


@pytest.mark.exhaustive
@pytest.mark.parametrize("together", TOGETHER)
def test_every_activation_in_a_fresh_process(together, one_in):
    """`make test` has a few of them in tests/backends/keras/test_elsewhere.py."""
    for feature in features():
        if feature.together == together:
            assert_as_declared(feature, _part(together, one_in))


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
