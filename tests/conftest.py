"""What several test modules share."""

import inspect
from zlib import crc32

import pytest

from tests.implementations import forget_implementations
from tests.processes import run_python
from unified_act import catalogue
from unified_act.registry import ACTIVATIONS, Registry

BUILT_IN = Registry(lambda: catalogue.ACTIVATIONS)._complete()


def pytest_addoption(parser):
    parser.addoption(
        "--one-in",
        type=int,
        default=1,
        metavar="N",
        help="of the exhaustive cases run one in N, always the same ones",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Marks the cases that `make test` leaves to `make test-all`: see `quick` in pyproject.toml."""
    _mark_exhaustive(items)
    share = config.getoption("one_in")
    if share > 1:
        left_out = [item for item in items if not _is_sampled(item, share)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _is_sampled(item, share)]


def _is_sampled(item, share):
    """By its name. A test that has `one_in` among its parameters chooses by itself."""
    if item.get_closest_marker("exhaustive") is None or "one_in" in item.fixturenames:
        return True
    return crc32(item.nodeid.encode()) % share == 0


@pytest.fixture
def one_in(request):
    """The N of ``--one-in``."""
    return request.config.getoption("one_in")


def _mark_exhaustive(items):
    for item in items:
        for mark in item.iter_markers("quick"):
            (is_quick,) = mark.args
            wanted = inspect.signature(is_quick).parameters
            if not is_quick(**{name: item.callspec.params[name] for name in wanted}):
                item.add_marker("exhaustive")


@pytest.fixture(autouse=True)
def _only_built_in_activations(monkeypatch):
    """Each test starts with the catalogue and may register what it likes; doctests register too."""
    monkeypatch.setattr(ACTIVATIONS, "_by_key", BUILT_IN)
    monkeypatch.setattr(ACTIVATIONS, "_built_in", None)


@pytest.fixture(autouse=True)
def _implementations_of_its_own(request):
    """A test that patches something uses no implementation made before, and leaves none behind."""
    function = request.function  # None for a doctest
    patches = function is not None and "monkeypatch" in inspect.signature(function).parameters
    if patches:
        forget_implementations()
    yield
    if patches:
        forget_implementations()


@pytest.fixture(autouse=True)
def _no_default_backend(monkeypatch):
    monkeypatch.delenv("UNIFIED_ACT_BACKEND", raising=False)


@pytest.fixture(name="run_python")
def _run_python():
    """Runs a program in a fresh process and returns what it printed; fails if it did."""
    return run_python
