"""Kernels need llvmlite; what is compiled in tests is kept apart from the user's."""

import pytest

from unified_act.kernels import cache, unavailable

NEED_IT = {
    "test_accuracy",
    "test_bits",
    "test_elementary",
    "test_gathering",
    "test_threads",
    "test_values",
    "test_width",
}


@pytest.fixture(autouse=True)
def _llvmlite(request):
    if unavailable() and request.module.__name__.rpartition(".")[2] in NEED_IT:
        pytest.skip(unavailable())


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path_factory.getbasetemp() / "kernels"))
