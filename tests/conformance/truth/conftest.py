"""What the tests of the truth share."""

import pytest

from unified_act_conformance.truth import cache


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch):
    """These tests are about how exact values are computed, so they compute them."""
    monkeypatch.delenv(cache.FOLDER, raising=False)
