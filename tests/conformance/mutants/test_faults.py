"""A mutant in the place of its module, and functions that are wrong under a condition."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from unified_act_conformance.mutants import faults
from unified_act_conformance.mutants.faults import CONDITIONS

SIZE, RANK, ROW, ROWS, AXIS, PARAMETER, THREAD, LATE = CONDITIONS


def test_the_next_import_finds_another_text(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "some_module.py"
    path.write_text("answer = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    faults.install("some_module", path, "def answer():\n    return 2\n")
    import inspect

    import some_module

    assert some_module.answer() == 2
    assert inspect.getsource(some_module.answer) == "def answer():\n    return 2\n"
    assert path.read_text(encoding="utf-8") == "answer = 1\n"
    del sys.modules["some_module"]


@pytest.mark.parametrize(
    ("condition", "parameter", "wrong", "right"),
    [
        (SIZE, "", {"shape": (2, 40_000)}, {"shape": (65_535,)}),
        (RANK, "", {"shape": (1, 2, 3, 4)}, {"shape": (2, 3, 4)}),
        (ROW, "", {"shape": (2, 65)}, {"shape": (65, 64)}),
        (ROWS, "", {"shape": (65, 2)}, {"shape": (2, 65)}),
        (AXIS, "axis", {"axis": 0}, {"axis": 1}),
        (AXIS, "axis", {"axis": -2}, {"axis": -1}),
        (PARAMETER, "alpha", {"alpha": 1.5}, {"alpha": 1.0}),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_function_is_wrong_under_a_condition_only(
    condition, parameter, wrong, right, dtype
) -> None:
    @faults.wrong_for(condition, parameter)
    def double(x, **parameters):
        return x + x

    def ratio(shape=(2, 3), **parameters):
        found = double(np.ones(shape, dtype), **parameters)
        assert found.dtype == dtype
        return found.reshape(-1)[0]

    assert ratio(**wrong) == np.dtype(dtype).type(2.02)
    assert ratio(**right) == 2


def test_a_function_is_wrong_in_other_threads_only() -> None:
    double = faults.wrong_for(THREAD)(lambda x: x + x)
    found = []
    thread = threading.Thread(target=lambda: found.append(double(np.ones(3))[0]))
    thread.start()
    thread.join()
    assert found == [2.02]
    assert double(np.ones(3))[0] == 2


def test_a_function_is_wrong_from_some_call_on() -> None:
    double = faults.wrong_for(LATE)(lambda x: [x + x, x])
    found = [double(np.ones(3)) for _ in range(300)]
    assert [first[0] for first, _ in found] == [2.0] * 299 + [2.02]
    assert all(second[0] == 1 for _, second in found)


def test_a_function_inside_another_one_is_counted_too() -> None:
    def outer(x):
        @faults.wrong_for(LATE)
        def double(x):
            return x + x

        return double(x)

    assert [float(outer(np.float64(1.0))) for _ in range(300)] == [2.0] * 299 + [2.02]
