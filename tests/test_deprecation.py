"""Deprecated names: they warn where they are used, and go when they should."""

import importlib
import sys
import warnings

import pytest
from packaging.version import Version

import unified_act as ua
from unified_act import deprecation
from unified_act.deprecation import DEPRECATIONS, Deprecation, warn_deprecated

MADE_UP = (
    Deprecation("unified_act.fetch", "unified_act.get_activation", "0.1.0", "0.3.0"),
    Deprecation("made_up.old", "made_up.new", "0.1.0", "0.3.0"),
    Deprecation("made_up.new.before", "made_up.new.after", "0.1.0", "0.3.0"),
)
STUB = "from unified_act.deprecation import moved_module\nmoved_module(__name__)\n"
MOVED = """
from unified_act.deprecation import moved_name, warn_deprecated
after = object()
def __getattr__(name):
    return moved_name(f"{__name__}.{name}")
def call():
    warn_deprecated("unified_act.fetch")
"""


def overdue(entries, version):
    """Those that a version should no longer have; its development versions neither."""
    release = Version(version).release
    return [entry.old for entry in entries if release >= Version(entry.removed_in).release]


def too_short(entries):
    """Those that go sooner than two minor releases later, or from 1.0 on in a minor release."""
    found = []
    for entry in entries:
        since, removed = Version(entry.since), Version(entry.removed_in)
        if removed.major == since.major and (since.major or removed.minor < since.minor + 2):
            found.append(entry.old)
    return found


def exists(name):
    """Whether a module, or a name of a module, is there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            module, _, attribute = name.rpartition(".")
            return hasattr(importlib.import_module(module), attribute)
    return True


@pytest.fixture(name="made_up")
def _made_up(monkeypatch, tmp_path):
    monkeypatch.setattr(deprecation, "DEPRECATIONS", MADE_UP)
    package = tmp_path / "made_up"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "old.py").write_text(STUB)
    (package / "new.py").write_text(MOVED)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "made_up"]:
        del sys.modules[name]


def test_nothing_is_there_in_the_version_that_should_no_longer_have_it():
    assert overdue(DEPRECATIONS, ua.__version__) == []


def test_everything_warns_for_two_minor_releases():
    assert too_short(DEPRECATIONS) == []


def test_everything_is_still_there_and_so_is_what_takes_its_place():
    assert [e for e in DEPRECATIONS if not exists(e.old) or not exists(e.new)] == []


@pytest.mark.parametrize(
    ("version", "found"),
    [("0.2.9", 0), ("0.3.0.dev0", 3), ("0.3.0", 3), ("0.3.1", 3), ("1.0.0", 3)],
)
def test_what_is_overdue_is_found(version, found):
    assert len(overdue(MADE_UP, version)) == found


def test_what_goes_too_soon_is_found():
    soon = Deprecation("a", "b", "0.1.0", "0.2.0")
    assert too_short([soon, soon._replace(removed_in="1.0.0"), *MADE_UP]) == ["a"]
    assert too_short([Deprecation("a", "b", "1.0.0", "1.9.0")]) == ["a"]


def test_what_is_not_there_is_found(made_up):
    assert [
        exists(name) for name in ("made_up.old", "made_up.new.before", "unified_act.fetch")
    ] == [
        True,
        True,
        True,
    ]
    assert not exists("made_up.gone")
    assert not exists("made_up.new.gone")


@pytest.mark.parametrize(
    "source",
    [
        "import made_up.old as found",
        "from made_up import old as found",
        "import importlib; found = importlib.import_module('made_up.old')",
    ],
)
def test_a_module_that_has_moved(made_up, source):
    scope = {}
    with pytest.warns(DeprecationWarning, match=r"made_up\.old is .* use made_up\.new\.$") as seen:
        exec(compile("\n\n" + source, "user.py", "exec"), scope)
    assert scope["found"] is importlib.import_module("made_up.new")
    if "importlib" not in source:  # whose frame is in between
        assert [(w.filename, w.lineno) for w in seen] == [("user.py", 3)]


@pytest.mark.parametrize(
    ("source", "old"),
    [
        ("from made_up.new import before", "made_up.new.before"),
        ("import made_up.new; made_up.new.before", "made_up.new.before"),
        ("import unified_act; unified_act.fetch", "unified_act.fetch"),
        ("from unified_act import fetch", "unified_act.fetch"),
        ("import made_up.new; made_up.new.call()", "unified_act.fetch"),
    ],
)
def test_a_name_warns_in_the_line_that_uses_it(made_up, source, old):
    with pytest.warns(
        DeprecationWarning, match=f"{old} is deprecated since unified_act 0.1.0"
    ) as seen:
        exec(compile("\n\n" + source, "user.py", "exec"), {})
    assert {(w.filename, w.lineno) for w in seen} == {("user.py", 3)}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_old_name_is_the_new_object(made_up):
    assert ua.fetch is ua.get_activation
    moved = importlib.import_module("made_up.new")
    assert moved.before is moved.after


def test_other_names_are_missing_as_before(made_up):
    with pytest.raises(AttributeError, match=r"module 'made_up\.new' has no attribute 'gone'"):
        importlib.import_module("made_up.new").gone  # noqa: B018


def test_what_has_no_entry_cannot_be_deprecated():
    with pytest.raises(LookupError, match=r"made_up\.other has no entry"):
        warn_deprecated("made_up.other")
