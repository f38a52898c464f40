"""The cache of exact values: what is read from it is what would be computed."""

import importlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np
import pytest

import unified_act as ua
from unified_act_conformance.floats import to_type
from unified_act_conformance.problems import joint, pose
from unified_act_conformance.problems.pose import problem_at
from unified_act_conformance.subject import Case, Subject
from unified_act_conformance.truth import cache, elementwise

VALUES = np.array([[-1.5, 0.25, 3.0, -0.0], [0.5, 1.0, -2.0, 8.0]])


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "oracle"))
    return tmp_path / "oracle"


@pytest.fixture
def computed():
    """A function that is kept, and a list of what it was called with."""
    calls = []

    @cache.keep
    def computed(name, points):
        calls.append((name, points.tolist()))
        return np.square(points), points > 1

    computed.calls = calls
    return computed


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_nothing_is_kept_without_a_folder(computed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        computed("a", np.ones(2))
    assert len(computed.calls) == 2
    assert not files(tmp_path)


def test_the_second_call_gives_the_same_and_computes_nothing(computed, folder):
    points = np.array([-0.0, 0.5, 2.0, np.nan, np.inf, 5e-324])
    first, second = (computed("a", points) for _ in range(2))
    assert len(computed.calls) == len(files(folder)) == 1
    assert [a.dtype for a in second] == [np.float64, np.bool_]
    assert [a.tobytes() for a in first] == [a.tobytes() for a in second]


@pytest.mark.parametrize(
    "arguments",
    [
        ("b", np.array([1.0, 2.0])),
        (("a",), np.array([1.0, 2.0])),
        ("a", np.array([1.0, np.nextafter(2.0, 3.0)])),
        ("a", np.array([[1.0, 2.0]])),
        ("a", np.array([1.0, 2.0], np.float32)),
    ],
    ids=str,
)
def test_another_argument_is_computed(computed, folder, arguments):
    computed("a", np.array([1.0, 2.0]))
    computed(*arguments)
    assert len(computed.calls) == 2


def test_other_code_computes_anew(computed, folder, monkeypatch):
    computed("a", np.ones(2))
    monkeypatch.setattr(cache, "_source", lambda: b"another formula")
    computed("a", np.ones(2))
    assert len(computed.calls) == 2


def test_the_code_is_that_of_the_formulas():
    texts = [path.name for source in cache._SOURCES for path in sorted(source.rglob("*.py"))]
    assert {"elementwise.py", "joint.py", "rows.py", "definitions.py", "softmax.py"} <= set(texts)


@pytest.mark.parametrize("at", range(0, 700, 70))
def test_a_changed_byte_is_noticed(computed, folder, at):
    right = computed("a", VALUES)
    (path,) = files(folder)
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 0x55
    path.write_bytes(data)
    for _ in range(2):
        for found, wanted in zip(computed("a", VALUES), right, strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_part_of_a_file_is_made_anew(computed, folder, size):
    computed("a", VALUES)
    (path,) = files(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:size])
    computed("a", VALUES)
    assert len(computed.calls) == 2
    assert path.read_bytes() == whole


def test_many_may_write_at_once(computed, folder):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: computed("a", VALUES + i % 3), range(60)))
    for index, (squares, _) in enumerate(found):
        np.testing.assert_array_equal(squares, np.square(VALUES + index % 3))
    assert len(files(folder)) == 3


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("name", ["gelu", "softmax", "masked_softmax", "xielu", "swiglu"])
def test_a_problem_is_the_same_from_the_cache(name, order, folder, monkeypatch):
    case = Case(
        Subject(name), "", "float32", order, "alpha_p" if name == "xielu" and order else "x"
    )
    inputs = [to_type(VALUES, "float32")]
    inputs += [VALUES > 0] if name == "masked_softmax" else []
    inputs += [to_type(VALUES[1], "float32")] * 2 if name == "xielu" else []
    made, kept = [], []
    for found in (made, kept):
        elementwise._evaluate.cache_clear()
        joint._evaluated.cache_clear()
        found.append(problem_at(case, inputs))
        assert files(folder)
        for module, function in (
            (elementwise, "split"),
            (importlib.import_module("unified_act_conformance.truth.rows"), "split"),
            (joint, "split"),
            (pose, "joint_problems"),
        ):
            monkeypatch.setattr(module, function, None)  # nothing is computed the second time
    for field in fields(made[0]):
        one, other = (getattr(found[0], field.name) for found in (made, kept))
        if field.name == "reference":
            one, other = (one.high, one.low), (other.high, other.low)
        np.testing.assert_equal(one, other)


def test_what_a_user_registers_is_not_kept(folder):
    @ua.register_activation("own_pair", parameters={"axis": -1}, kind="axis")
    def own_pair(xp, x, *, axis):
        return x * 2.0

    problem_at(Case(Subject("own_pair"), "", "float32", 0), [to_type(VALUES, "float32")])
    assert not folder.exists()
